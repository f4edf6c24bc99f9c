//! What retention is to do: nothing is changed here.

use std::ops::Range;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use rayon::prelude::*;
use serde::Serialize;

use super::due::{COLUMNS, Due, Rows, Table, count};
use super::holds::{Held, ID, Split};
use super::in_force::InForce;
use crate::archive::Archives;
use crate::ledger::{AddedSegment, State};
use crate::segment::SegmentFile;
use crate::{Error, Result};

/// Objects of a store that are looked at at a time.
const FETCHES: usize = 16;

/// What is to become of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is deleted.
    Delete,
    /// Some of its records are deleted; the others are written anew.
    DeletePart,
    /// It moves to the archive.
    Archive,
    /// It stays, although some of its records are due.
    Keep,
}

/// Why a segment does not go as a whole, or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// All of its records are due, and nothing holds them.
    Due,
    /// Others of its records are not due yet, by their age or level.
    NotAllDue,
    /// Holds keep some of its records.
    Held(Vec<String>),
}

/// What is to become of one segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What.
    pub action: Action,
    /// Path within the trail.
    pub path: String,
    /// Domain of its records.
    pub domain: String,
    /// Month or day of its records.
    pub period: String,
    /// Number of its records.
    pub records: u64,
    /// Size of its object.
    pub bytes: u64,
    /// How many of its records are deleted.
    pub deletes: u64,
    /// How many are due for deletion and held.
    pub held: u64,
    /// How many may go to the archive.
    pub archives: u64,
    /// Why it is not more.
    pub why: Why,
    /// The rows to be deleted, ascending, where it is not all of them.
    #[serde(skip)]
    pub rows: Vec<Range<u32>>,
}

/// What retention is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Number of ledger entries that it is made for.
    pub size: u64,
    /// The moment that it is made for, in microseconds since 1970, UTC.
    pub now: i64,
    /// Number of the entry that holds the policy in force; without one nothing is deleted.
    pub policy: Option<u64>,
    /// The holds that it heeds.
    pub holds: Vec<String>,
    /// Segments of which something is due, in the order of their addition.
    pub steps: Vec<Step>,
    /// Live segments in all.
    pub segments: u64,
    /// Their records.
    pub records: u64,
    /// Segments whose rows had to be looked at.
    pub read: u64,
}

impl Plan {
    /// Segments and records that an action concerns.
    pub fn count(&self, action: Action) -> (u64, u64) {
        let steps = self.steps.iter().filter(|step| step.action == action);
        let records = |step: &Step| match action {
            Action::Delete | Action::DeletePart => step.deletes,
            Action::Archive | Action::Keep => step.records,
        };
        steps.fold((0, 0), |(segments, all), step| (segments + 1, all + records(step)))
    }

    /// Whether it changes anything.
    pub fn is_empty(&self) -> bool {
        self.steps.iter().all(|step| step.action == Action::Keep)
    }
}

/// What is due of a segment by age and level alone.
#[derive(Debug)]
struct Candidate {
    add: Arc<AddedSegment>,
    domain: String,
    period: String,
    rows: Rows,
    /// Opened, where its rows had to be looked at.
    file: Option<SegmentFile>,
}

/// What is due by age and level; what is held is not known yet.
#[derive(Debug)]
pub struct Draft {
    state: Arc<State>,
    now: i64,
    policy: Option<u64>,
    /// Whether there is an archive.
    archive: bool,
    candidates: Vec<Candidate>,
    read: u64,
}

impl Draft {
    /// What is due of the live segments of `state` at `now` (microseconds since 1970, UTC).
    /// Segments go to the archive only if there is one.
    ///
    /// # Errors
    /// `Integrity` if a segment is not one, `NotFound`, `Io` or `Store` if it cannot be read.
    pub async fn new(
        archives: &Archives,
        state: Arc<State>,
        policy: &InForce,
        now: i64,
        archive: bool,
    ) -> Result<Self> {
        let by_day = state.info.as_ref().is_some_and(|info| info.by_day());
        let mut placed = Vec::with_capacity(state.segments.len());
        for add in &state.segments {
            let partition = add.partition(by_day);
            let (domain, period) =
                partition.ok_or_else(|| Error::integrity(&add.path, "no path of a segment"))?;
            placed.push((add, domain, period));
        }
        let table = Table::new(policy, now, placed.iter().map(|(_, domain, _)| *domain));
        let (mut candidates, mut unclear) = (Vec::new(), Vec::new());
        for (add, domain, period) in placed {
            let mut candidate = Candidate {
                add: Arc::clone(add),
                domain: domain.to_owned(),
                period: period.to_owned(),
                rows: Rows::default(),
                file: None,
            };
            match table.of_segment(domain, add) {
                Some(Due::Nothing) => {}
                Some(due) => {
                    let rows = usize::try_from(add.rows).unwrap_or(usize::MAX);
                    candidate.rows.add(0..rows, due);
                    candidates.push(candidate);
                }
                None => unclear.push(candidate),
            }
        }
        let read = unclear.len() as u64;
        candidates.extend(look_at(archives, &table, unclear).await?);
        let order: std::collections::HashMap<&str, usize> =
            state.segments.iter().enumerate().map(|(at, add)| (add.path.as_str(), at)).collect();
        candidates.sort_by_key(|candidate| order.get(candidate.add.path.as_str()).copied());
        let policy = table.policy().pinned.as_ref().map(|pinned| pinned.entry);
        Ok(Self { state, now, policy, archive, candidates, read })
    }

    /// The segments that hold records due for deletion: holds need to be looked for there only.
    pub fn deleting(&self) -> Vec<Arc<AddedSegment>> {
        let due = self.candidates.iter().filter(|c| !c.rows.delete.is_empty());
        due.map(|candidate| Arc::clone(&candidate.add)).collect()
    }

    /// The plan, where `held` are the records of [`deleting`](Self::deleting) that the trail's
    /// active holds hold.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub async fn finish(self, archives: &Archives, held: &Held) -> Result<Plan> {
        let mut steps = Vec::new();
        for candidate in &self.candidates {
            let split = match candidate.rows.delete.is_empty() || held.is_empty() {
                true => Split { free: candidate.rows.delete.clone(), ..Split::default() },
                false => {
                    let file = match &candidate.file {
                        Some(file) => file.clone(),
                        None => {
                            let all = |file: &SegmentFile| (0..file.groups().len()).collect();
                            archives.open_columns(&candidate.add, &[ID], all).await?
                        }
                    };
                    held.split(&file, &candidate.rows.delete)?
                }
            };
            steps.extend(step(candidate, split, self.archive));
        }
        let state = &self.state;
        Ok(Plan {
            size: state.size(),
            now: self.now,
            policy: self.policy,
            holds: state.lifecycle.holds.keys().cloned().collect(),
            steps,
            segments: state.segments.len() as u64,
            records: state.rows,
            read: self.read,
        })
    }
}

fn step(candidate: &Candidate, split: Split, archive: bool) -> Option<Step> {
    let Candidate { add, domain, period, rows, .. } = candidate;
    let deletes = count(&split.free);
    // Holds keep records, not their place.
    let archivable = archive && add.archive.is_none() && rows.archive == add.rows;
    let action = match deletes {
        0 if archivable => Action::Archive,
        0 if split.held > 0 => Action::Keep,
        0 => return None,
        _ if deletes == add.rows => Action::Delete,
        _ => Action::DeletePart,
    };
    let why = match (split.held, deletes == add.rows || action == Action::Archive) {
        (0, true) => Why::Due,
        (0, false) => Why::NotAllDue,
        _ => Why::Held(split.holds),
    };
    Some(Step {
        action,
        path: add.path.clone(),
        domain: domain.clone(),
        period: period.clone(),
        records: add.rows,
        bytes: add.bytes,
        deletes,
        held: split.held,
        archives: rows.archive,
        why,
        rows: split.free,
    })
}

/// Looks at the rows of segments of which the ledger does not tell all.
async fn look_at(
    archives: &Archives,
    table: &Table<'_>,
    unclear: Vec<Candidate>,
) -> Result<Vec<Candidate>> {
    let fetch = async |mut candidate: Candidate| {
        // Of a local file only its end is read here.
        if !archives.is_here(&candidate.add) {
            let unclear = |file: &SegmentFile| table.unclear(&candidate.domain, file);
            let file = archives.open_columns(&candidate.add, &COLUMNS, unclear).await?;
            candidate.file = Some(file);
        }
        Ok::<_, Error>(candidate)
    };
    let opening: Vec<_> = unclear.into_iter().map(fetch).collect();
    let opened: Vec<Candidate> = stream::iter(opening).buffered(FETCHES).try_collect().await?;
    let look = |mut candidate: Candidate| -> Result<Candidate> {
        let (file, local) = match candidate.file.take() {
            Some(file) => (file, false),
            None => (archives.open_here(&candidate.add)?, true),
        };
        candidate.rows = table.of_rows(&candidate.domain, &file)?;
        candidate.file = local.then_some(file);
        Ok(candidate)
    };
    opened.into_par_iter().map(look).collect()
}
