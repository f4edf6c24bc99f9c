//! What is remembered of records that were given out.

use std::collections::{HashMap, VecDeque};

use sha2::{Digest, Sha256};

use crate::{Error, Result, json};

/// Bytes of a mark in a cursor.
pub(super) const MARK: usize = 24;

/// Tells a record from others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Mark {
    /// Of the record without its `recorded_at`, which changes when another writer takes it over.
    pub(super) digest: [u8; 16],
    pub(super) recorded_at: i64,
}

impl Mark {
    pub(super) fn of(record: &[u8]) -> Result<Self> {
        let wrong = || Error::encoding("recorded_at", "is missing or malformed");
        let raw = json::get(record, &["recorded_at"]).ok_or_else(wrong)?;
        let time = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
        let recorded_at = json::parse_canonical_timestamp(time).ok_or_else(wrong)?;
        let from = raw.as_ptr() as usize - record.as_ptr() as usize;
        let hash = Sha256::new()
            .chain_update(&record[..from])
            .chain_update(&record[from + raw.len()..])
            .finalize();
        let mut digest = [0; 16];
        digest.copy_from_slice(&hash[..16]);
        Ok(Self { digest, recorded_at })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.digest);
        out.extend_from_slice(&self.recorded_at.to_be_bytes());
    }

    pub(super) fn read(bytes: &[u8; MARK]) -> Self {
        let (mut digest, mut time) = ([0; 16], [0; 8]);
        digest.copy_from_slice(&bytes[..16]);
        time.copy_from_slice(&bytes[16..]);
        Self { digest, recorded_at: i64::from_be_bytes(time) }
    }
}

/// Records that were given out from the log of a writer that was revoked since. Another writer may
/// record them again, with another `recorded_at`: that is no new record.
#[derive(Debug, Default)]
pub(super) struct Orphans(HashMap<[u8; 16], u32>);

impl Orphans {
    pub(super) fn add(&mut self, mark: &Mark) {
        *self.0.entry(mark.digest).or_default() += 1;
    }

    /// Whether it is one of them, which then is settled.
    pub(super) fn remove(&mut self, mark: &Mark) -> bool {
        let Some(count) = self.0.get_mut(&mark.digest) else { return false };
        *count -= 1;
        if *count == 0 {
            self.0.remove(&mark.digest);
        }
        true
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their digests, sorted; one that stands for several records comes several times.
    pub(super) fn digests(&self) -> Vec<[u8; 16]> {
        let several = |(digest, count): (&[u8; 16], &u32)| vec![*digest; *count as usize];
        let mut all: Vec<_> = self.0.iter().flat_map(several).collect();
        all.sort_unstable();
        all
    }
}

/// Ids that are left out at most: of a question that was killed no outcome comes.
const MOST_IDS: usize = 64;

/// Records that are not given out.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    /// Ids of questions whose outcome has not come yet.
    pub(super) ids: VecDeque<String>,
    /// Paths, and the texts there.
    pub(super) marks: Vec<(Vec<String>, String)>,
}

impl LeftOut {
    pub(super) fn add(&mut self, id: &str) {
        if self.ids.len() == MOST_IDS {
            self.ids.pop_front();
        }
        self.ids.push_back(id.to_owned());
    }

    pub(super) fn has(&mut self, record: &[u8]) -> bool {
        let text = |path: &[String]| json::get(record, path).and_then(json::string_value);
        if self.marks.iter().any(|(path, wanted)| text(path).as_deref() == Some(wanted)) {
            return true;
        }
        if self.ids.is_empty() {
            return false;
        }
        let at = |name: &str| {
            let id = json::get(record, &[name]).and_then(json::string_value)?;
            self.ids.iter().position(|known| *known == id)
        };
        match at("intent_id") {
            // Nothing more comes of it.
            Some(outcome) => self.ids.remove(outcome).is_some(),
            None => at("audit_id").is_some(),
        }
    }
}
