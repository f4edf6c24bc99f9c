//! What can be said of a copy without its key.

use serde::Serialize;

use super::place::{OBJECTS, describe, sealed_path};
use super::statement::{numbers, path_of, split};
use super::store::plain_len;
use crate::ledger::{entry_number, entry_path};
use crate::storage::Storage;
use crate::{Error, Result};

/// Missing entries that are listed one by one.
const LISTED: usize = 20;

/// What a copy shows to who has not its key: its word, which nobody but who has the key can check,
/// and whether the objects are there whose names follow from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// The copy's URL.
    pub url: String,
    /// The copy's name, under which it is a holder of keys.
    pub holder: String,
    /// Id of the trail that it is of.
    pub trail_id: String,
    /// When the copy was begun; RFC 3339, UTC.
    pub created: String,
    /// Number of the newest statement; none before the first run has ended.
    pub statement: Option<u64>,
    /// Number of ledger entries that it says the copy has.
    pub size: u64,
    /// Hex root of the tree over them.
    pub root: String,
    /// When it was made; RFC 3339, UTC.
    pub complete: Option<String>,
    /// Records of the live segments then.
    pub records: u64,
    /// Live segments then.
    pub segments: u64,
    /// Their bytes.
    pub segment_bytes: u64,
    /// All objects of the copy.
    pub objects: u64,
    /// Their bytes, sealed.
    pub bytes: u64,
    /// What cannot be: entries that are not there, objects whose length no envelope has.
    pub problems: Vec<String>,
}

/// Looks at a copy without its key: its names, lengths and the heads of its statements.
///
/// # Errors
/// `NotFound` if there is no copy; `Integrity` if what it says of itself cannot be read; `Io`,
/// `Store`.
pub async fn inspect(destination: &str) -> Result<Inspection> {
    inspect_in(&Storage::open(destination)?).await
}

pub(super) async fn inspect_in(storage: &Storage) -> Result<Inspection> {
    let about = describe(storage).await?;
    let mut seen = Inspection {
        url: storage.url().to_owned(),
        holder: about.holder,
        trail_id: about.trail_id,
        created: about.created,
        statement: None,
        size: 0,
        root: String::new(),
        complete: None,
        records: 0,
        segments: 0,
        segment_bytes: 0,
        objects: 0,
        bytes: 0,
        problems: Vec::new(),
    };
    if let Some(n) = numbers(storage).await?.last() {
        match split(*n, &storage.get(&path_of(*n)).await?) {
            Ok((head, ..)) => {
                seen.statement = Some(head.n);
                seen.size = head.size;
                seen.root = head.root;
                seen.complete = Some(head.time);
                seen.records = head.records;
                seen.segments = head.segments;
                seen.segment_bytes = head.bytes;
            }
            Err(Error::Integrity { place, message }) => {
                seen.problems.push(format!("{place}: {message}"));
            }
            Err(e) => return Err(e),
        }
    }
    seen.look_at_objects(&storage.list(OBJECTS).await?);
    Ok(seen)
}

impl Inspection {
    fn look_at_objects(&mut self, objects: &[(String, u64)]) {
        let (mut entries, mut segments) = (Vec::new(), 0);
        for (path, size) in objects {
            self.objects += 1;
            self.bytes += size;
            let plain = path.strip_prefix(OBJECTS).and_then(|path| path.strip_prefix('/'));
            entries.extend(plain.and_then(entry_number));
            segments += u64::from(
                plain.is_some_and(|p| p.starts_with("segments/") && !p.ends_with(".gone")),
            );
            if plain_len(*size).is_none() {
                self.problems.push(format!("{path}: no envelope has {size} bytes"));
            }
        }
        entries.sort_unstable();
        let missing: Vec<u64> =
            (0..self.size).filter(|n| entries.binary_search(n).is_err()).collect();
        for n in missing.iter().take(LISTED) {
            self.problems.push(format!("{} is missing", sealed_path(&entry_path(*n))));
        }
        if missing.len() > LISTED {
            self.problems.push(format!("{} further entries are missing", missing.len() - LISTED));
        }
        if segments < self.segments {
            let lost = self.segments - segments;
            self.problems.push(format!("at least {lost} segments are missing"));
        }
    }
}
