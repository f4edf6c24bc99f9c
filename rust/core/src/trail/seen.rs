//! Ids that callers gave, so that a repeated call adds nothing (FORMAT section 9, `seen`).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::storage::durable::{self, Access, AppendFile};
use crate::{Error, Result};

const ITEM: usize = 40;
const FILE: &str = "seen";
/// Ids of a bulk load whose entry is not in the ledger yet.
const NEXT_FILE: &str = "seen.next";

/// What is known of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// Never seen.
    New,
    /// Recorded with the same content, as this sequence number (0 if committed earlier).
    Same(u64),
    /// Recorded with other content.
    Other,
}

/// The remembered ids of one writer. About 70 bytes of memory each.
#[derive(Debug)]
pub(super) struct Seen {
    path: PathBuf,
    window: i64,
    items: HashMap<[u8; 16], Item>,
}

#[derive(Debug, Clone, Copy)]
struct Item {
    content: [u8; 16],
    recorded_at: i64,
    sequence: u64,
}

fn key(audit_id: &str) -> [u8; 16] {
    let digest = Sha256::digest(audit_id.as_bytes());
    let mut key = [0; 16];
    key.copy_from_slice(&digest[..16]);
    key
}

impl Seen {
    /// Reads the file, dropping what is older than `window` before `now`.
    pub(super) fn load(dir: &Path, window: Duration, now: i64) -> Result<Self> {
        let path = dir.join(FILE);
        let window = i64::try_from(window.as_micros()).unwrap_or(i64::MAX);
        let bytes = match durable::read(&path) {
            Ok(bytes) => bytes,
            Err(Error::NotFound(_)) => Vec::new(),
            Err(e) => return Err(e),
        };
        let mut seen = Self { path, window, items: HashMap::new() };
        let mut kept = Vec::new();
        // A crash may leave a part of an item at the end; its record is still in the log.
        for item in bytes.chunks_exact(ITEM) {
            let (time, ids) = item.split_at(8);
            let mut micros = [0; 8];
            micros.copy_from_slice(time);
            let recorded_at = i64::from_be_bytes(micros);
            if recorded_at >= now.saturating_sub(window) {
                let (mut id, mut content) = ([0; 16], [0; 16]);
                id.copy_from_slice(&ids[..16]);
                content.copy_from_slice(&ids[16..]);
                seen.items.insert(id, Item { content, recorded_at, sequence: 0 });
                kept.extend_from_slice(item);
            }
        }
        if kept.len() != bytes.len() || bytes.is_empty() {
            durable::replace(&seen.path, &kept, Access::Private)?;
        }
        Ok(seen)
    }

    /// Without what the file holds, for a writer that takes no ids of callers: it only adds to the
    /// file what is left in its log.
    pub(super) fn unread(dir: &Path, window: Duration) -> Self {
        let window = i64::try_from(window.as_micros()).unwrap_or(i64::MAX);
        Self { path: dir.join(FILE), window, items: HashMap::new() }
    }

    pub(super) fn lookup(&self, audit_id: &str, content: &[u8; 16]) -> Known {
        match self.items.get(&key(audit_id)) {
            None => Known::New,
            Some(item) if item.content == *content => Known::Same(item.sequence),
            Some(_) => Known::Other,
        }
    }

    pub(super) fn insert(
        &mut self,
        audit_id: &str,
        content: [u8; 16],
        recorded_at: i64,
        sequence: u64,
    ) {
        if self.window > 0 {
            self.items.insert(key(audit_id), Item { content, recorded_at, sequence });
        }
    }

    pub(super) fn forget(&mut self, audit_id: &str) {
        self.items.remove(&key(audit_id));
    }

    /// Appends items durably and drops from memory what is out of the window.
    pub(super) fn persist<'a>(
        &mut self,
        items: impl Iterator<Item = (&'a str, [u8; 16], i64)>,
        now: i64,
    ) -> Result<()> {
        if self.window == 0 {
            return Ok(());
        }
        append(&self.path, &encode(items))?;
        self.drop_old(now);
        Ok(())
    }

    /// Keeps the ids of a bulk load apart, durably, until its entry is in the ledger: unlike
    /// single records its lines are in no log, so ids of a load that fails must not stay.
    pub(super) fn prepare<'a>(
        &mut self,
        items: impl Iterator<Item = (&'a str, [u8; 16], i64)>,
        now: i64,
    ) -> Result<()> {
        if self.window == 0 {
            return Ok(());
        }
        let bytes = encode(items);
        if !bytes.is_empty() {
            durable::replace(&self.path.with_file_name(NEXT_FILE), &bytes, Access::Private)?;
        }
        self.drop_old(now);
        Ok(())
    }

    /// The load whose ids were prepared is in the ledger. May be repeated.
    pub(super) fn adopt(dir: &Path) -> Result<()> {
        match durable::read(&dir.join(NEXT_FILE)) {
            Ok(bytes) => append(&dir.join(FILE), &bytes)?,
            Err(Error::NotFound(_)) => return Ok(()),
            Err(e) => return Err(e),
        }
        Self::discard(dir)
    }

    /// The load whose ids were prepared will never be in the ledger.
    pub(super) fn discard(dir: &Path) -> Result<()> {
        durable::remove(&dir.join(NEXT_FILE))
    }

    fn drop_old(&mut self, now: i64) {
        let oldest = now.saturating_sub(self.window);
        self.items.retain(|_, item| item.recorded_at >= oldest);
    }
}

fn encode<'a>(items: impl Iterator<Item = (&'a str, [u8; 16], i64)>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (audit_id, content, recorded_at) in items {
        bytes.extend_from_slice(&recorded_at.to_be_bytes());
        bytes.extend_from_slice(&key(audit_id));
        bytes.extend_from_slice(&content);
    }
    bytes
}

fn append(path: &Path, bytes: &[u8]) -> Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    // An append that failed may have left a part of an item, behind which none would be found.
    let part = usize::try_from(durable::size(path)?).unwrap_or(0) % ITEM;
    if part > 0 {
        let mut whole = durable::read(path)?;
        whole.truncate(whole.len().saturating_sub(part));
        durable::replace(path, &whole, Access::Private)?;
    }
    let file = AppendFile::open(path).map_err(|e| Error::io(path, e))?;
    file.append(bytes).and_then(|()| file.sync()).map_err(|e| Error::io(path, e))
}

#[cfg(test)]
mod tests;
