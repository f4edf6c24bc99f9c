//! What is due of segments: by what the ledger says of them, and only where that does not tell, by
//! their rows.

use std::collections::BTreeMap;
use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::TimestampMicrosecondType;

use super::in_force::{Dates, InForce, Sayings};
use crate::ledger::{AddedSegment, Bounds};
use crate::segment::{GroupBounds, SegmentFile};
use crate::{Error, Result};

const LEVEL: &str = "resource_sensitivity_level";
const TIMESTAMP: &str = "timestamp";
const RECORDED_AT: &str = "recorded_at";
/// What rows are judged by.
pub(super) const COLUMNS: [&str; 3] = [TIMESTAMP, RECORDED_AT, LEVEL];

/// What is due of a record, or of all records of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Due {
    /// Nothing.
    Nothing,
    /// It may go to the archive.
    Archive,
    /// It is to be deleted, and may go to the archive as long as something holds it.
    Delete,
    /// It is to be deleted, and does not go to the archive.
    DeleteHere,
}

impl Due {
    fn of(dates: Dates, now: i64) -> Self {
        let come = |date: Option<i64>| date.is_some_and(|date| date <= now);
        match dates {
            _ if come(dates.delete) && !come(dates.archive) => Self::DeleteHere,
            _ if come(dates.delete) => Self::Delete,
            _ if come(dates.archive) => Self::Archive,
            _ => Self::Nothing,
        }
    }
}

/// The policy in force at a moment, by kind of record.
#[derive(Debug)]
pub(super) struct Table<'a> {
    policy: &'a InForce,
    now: i64,
    levels: Vec<&'a str>,
    /// For each domain: what is said of each of the levels, and last of all others.
    domains: BTreeMap<String, Vec<Sayings>>,
}

/// Times of records, from and to, in microseconds: of `timestamp` and of `recorded_at`.
#[derive(Debug, Clone, Copy)]
struct Times {
    timestamp: (i64, i64),
    recorded_at: (i64, i64),
}

/// What is due of the rows of a segment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rows {
    /// Those to be deleted, ascending.
    pub(super) delete: Vec<Range<u32>>,
    /// How many may go to the archive.
    pub(super) archive: u64,
}

impl<'a> Table<'a> {
    pub(super) fn new<'d>(
        policy: &'a InForce,
        now: i64,
        domains: impl Iterator<Item = &'d str>,
    ) -> Self {
        let levels = policy.levels();
        let mut table = Self { policy, now, levels, domains: BTreeMap::new() };
        for domain in domains {
            if !table.domains.contains_key(domain) {
                let known = table.levels.iter().map(|level| policy.sayings(domain, Some(level)));
                let all = known.chain([policy.sayings(domain, None)]).collect();
                table.domains.insert(domain.to_owned(), all);
            }
        }
        table
    }

    /// What the ledger tells of a segment; none if its rows must be looked at.
    pub(super) fn of_segment(&self, domain: &str, add: &AddedSegment) -> Option<Due> {
        let recorded_at = match add.stats.get(RECORDED_AT) {
            Some(Bounds::Number(least, greatest)) => (*least, *greatest),
            _ => return None,
        };
        let times = Times { timestamp: (add.min, add.max), recorded_at };
        self.alike(self.sayings(domain), times)
    }

    fn sayings(&self, domain: &str) -> &[Sayings] {
        self.domains.get(domain).map(Vec::as_slice).unwrap_or_default()
    }

    /// What is due of all records between times, if it is the same for all of them.
    fn alike(&self, sayings: &[Sayings], times: Times) -> Option<Due> {
        let Times { timestamp, recorded_at } = times;
        let ends = [(timestamp.0, recorded_at.0), (timestamp.1, recorded_at.1)];
        let mut due = sayings.iter().flat_map(|said| {
            ends.map(|(timestamp, recorded_at)| {
                Due::of(said.dates(timestamp, recorded_at), self.now)
            })
        });
        let first = due.next()?;
        due.all(|other| other == first).then_some(first)
    }

    /// What is due of each row of a segment.
    ///
    /// # Errors
    /// `Integrity` if it cannot be read, or has no times.
    pub(super) fn of_rows(&self, domain: &str, file: &SegmentFile) -> Result<Rows> {
        let mut rows = Rows::default();
        for (group, range) in file.groups().into_iter().enumerate() {
            match self.of_group(domain, file, group) {
                Some(due) => rows.add(range, due),
                None => self.read_group(domain, file, group, range.start, &mut rows)?,
            }
        }
        Ok(rows)
    }

    /// The row groups whose rows must be read.
    pub(super) fn unclear(&self, domain: &str, file: &SegmentFile) -> Vec<usize> {
        let groups = 0..file.groups().len();
        groups.filter(|group| self.of_group(domain, file, *group).is_none()).collect()
    }

    /// What the file tells of a row group.
    fn of_group(&self, domain: &str, file: &SegmentFile, group: usize) -> Option<Due> {
        let times = Times {
            timestamp: file.number_bounds(group, TIMESTAMP)?,
            recorded_at: file.number_bounds(group, RECORDED_AT)?,
        };
        let all = self.sayings(domain);
        let sayings = match file.text_bounds(group, LEVEL) {
            GroupBounds::Unknown => all,
            GroupBounds::Absent => all.get(self.levels.len()..)?,
            GroupBounds::Only(level) => {
                let at = self.level(&level);
                all.get(at..=at)?
            }
        };
        self.alike(sayings, times)
    }

    fn read_group(
        &self,
        domain: &str,
        file: &SegmentFile,
        group: usize,
        first: usize,
        rows: &mut Rows,
    ) -> Result<()> {
        let mut columns = file.columns_in(group, &COLUMNS)?;
        let level = columns.pop().flatten();
        let level = level.as_ref().and_then(|level| level.as_string_opt::<i32>());
        let recorded_at = times(file, columns.pop().flatten())?;
        let timestamp = times(file, columns.pop().flatten())?;
        let (recorded_at, timestamp) =
            (recorded_at.as_primitive::<TimestampMicrosecondType>(), timestamp.as_primitive());
        let timestamp: &arrow::array::TimestampMicrosecondArray = timestamp;
        let sayings = self.sayings(domain);
        for row in 0..timestamp.len() {
            let text = level.filter(|level| level.is_valid(row)).map(|level| level.value(row));
            let said = sayings.get(text.map_or(self.levels.len(), |text| self.level(text)));
            let dates = said.map(|s| s.dates(timestamp.value(row), recorded_at.value(row)));
            let due = Due::of(dates.unwrap_or_default(), self.now);
            rows.add(first + row..first + row + 1, due);
        }
        Ok(())
    }

    /// Which of the levels a text is; their number if it is none of them.
    fn level(&self, text: &str) -> usize {
        let same = |level: &&str| level.eq_ignore_ascii_case(text);
        self.levels.iter().position(same).unwrap_or(self.levels.len())
    }

    /// The policy that it is of.
    pub(super) fn policy(&self) -> &InForce {
        self.policy
    }
}

/// A column of times without gaps.
fn times(file: &SegmentFile, column: Option<ArrayRef>) -> Result<ArrayRef> {
    let whole = |array: &ArrayRef| {
        array.null_count() == 0 && array.as_primitive_opt::<TimestampMicrosecondType>().is_some()
    };
    column.filter(whole).ok_or_else(|| Error::integrity(file.path(), "rows without times"))
}

impl Rows {
    pub(super) fn add(&mut self, range: Range<usize>, due: Due) {
        if matches!(due, Due::Archive | Due::Delete) {
            self.archive += range.len() as u64;
        }
        match due {
            Due::Nothing | Due::Archive => {}
            Due::Delete | Due::DeleteHere => {
                push(&mut self.delete, range.start as u32..range.end as u32);
            }
        }
    }
}

/// Adds a range behind the others, or to the last.
pub(super) fn push(ranges: &mut Vec<Range<u32>>, range: Range<u32>) {
    match ranges.last_mut() {
        Some(last) if last.end == range.start => last.end = range.end,
        _ => ranges.push(range),
    }
}

/// How many rows ranges have.
pub(super) fn count(ranges: &[Range<u32>]) -> u64 {
    ranges.iter().map(|range| range.len() as u64).sum()
}
