//! Legal holds: what must not be deleted, whatever its age.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use arrow::array::{Array, AsArray};
use sha2::{Digest, Sha256};

use super::due::push;
use crate::segment::SegmentFile;
use crate::{Error, Result};

/// What records are told by.
pub(super) const ID: &str = "audit_id";

/// The records that holds hold, among those that somebody wants to delete.
///
/// Records are told by their `audit_id`. If two records have the same, both are held: a hold is
/// rather too wide than too narrow.
#[derive(Debug, Clone, Default)]
pub struct Held {
    ids: HashMap<[u8; 16], Vec<u16>>,
    holds: Vec<String>,
}

impl Held {
    /// Adds a record of the hold `hold`.
    pub fn add(&mut self, hold: &str, audit_id: &str) {
        let at = match self.holds.iter().position(|known| known == hold) {
            Some(at) => at,
            None => {
                self.holds.push(hold.to_owned());
                self.holds.len() - 1
            }
        };
        let at = at as u16;
        let of = self.ids.entry(short(audit_id)).or_default();
        if !of.contains(&at) {
            of.push(at);
        }
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Splits the rows of a segment that are due into those that nothing holds, and how many each
    /// hold keeps.
    ///
    /// # Errors
    /// `Integrity` if the segment cannot be read.
    pub(super) fn split(&self, file: &SegmentFile, due: &[Range<u32>]) -> Result<Split> {
        let mut split = Split::default();
        if self.is_empty() {
            due.iter().for_each(|range| push(&mut split.free, range.clone()));
            return Ok(split);
        }
        let mut holds = HashSet::new();
        for (group, rows) in file.groups().into_iter().enumerate() {
            let (from, to) = (rows.start as u32, rows.end as u32);
            let in_group = due.iter().filter(|range| range.start < to && range.end > from);
            let parts: Vec<Range<u32>> =
                in_group.map(|range| range.start.max(from)..range.end.min(to)).collect();
            if parts.is_empty() {
                continue;
            }
            let ids = file.columns_in(group, &[ID])?.pop().flatten();
            let ids = ids.as_ref().and_then(|ids| ids.as_string_opt::<i32>());
            let ids = ids.filter(|ids| ids.null_count() == 0);
            let ids = ids.ok_or_else(|| Error::integrity(file.path(), "rows without audit_id"))?;
            for row in parts.into_iter().flatten() {
                match self.ids.get(&short(ids.value((row - from) as usize))) {
                    None => push(&mut split.free, row..row + 1),
                    Some(by) => {
                        split.held += 1;
                        holds.extend(by.iter().copied());
                    }
                }
            }
        }
        let names = holds.into_iter().filter_map(|at| self.holds.get(usize::from(at)).cloned());
        split.holds = names.collect();
        split.holds.sort();
        Ok(split)
    }
}

/// The rows of a segment that are due, by whether something holds them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Split {
    /// Those that nothing holds.
    pub(super) free: Vec<Range<u32>>,
    /// How many are held.
    pub(super) held: u64,
    /// By which holds.
    pub(super) holds: Vec<String>,
}

fn short(audit_id: &str) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&Sha256::digest(audit_id)[..16]);
    short
}
