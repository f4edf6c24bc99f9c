//! An entry whose records are being given out.

use std::collections::{HashMap, HashSet, VecDeque};

use arrow::array::RecordBatch;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use super::marks::Mark;
use crate::ledger::{AddedSegment, Body};
use crate::merkle::Hash;
use crate::segment::{RowReader, SegmentFile};
use crate::trail::Trail;
use crate::{Error, Result};

/// Some records of a segment, in the order of its rows.
pub(super) type Rows = Vec<Bytes>;

/// An entry that adds records, of which some may have been given out from a log.
pub(super) struct Commit {
    /// Number of the entry, and root of those before it.
    pub(super) n: u64,
    pub(super) root: Hash,
    pub(super) writer: String,
    /// Number of its records, and sequence number of the last.
    pub(super) count: u64,
    pub(super) to: u64,
    /// Rows taken by now, and how many of the next ones were given out in an earlier life.
    pub(super) taken: u64,
    pub(super) skip: u64,
    /// Marks of those that a log gave: at first, and of the rows to come.
    given: HashMap<Mark, u32>,
    known: HashMap<Mark, u32>,
    /// Its segments, each with its place among them.
    all: Vec<(u64, AddedSegment)>,
    segments: VecDeque<(u64, AddedSegment)>,
    open: VecDeque<Open>,
}

/// The segment that is being read.
struct Open {
    path: String,
    rows: RowReader,
    batches: ParquetRecordBatchReader,
    /// Only rows of these batches, by their ordinals; all if absent.
    only: Option<HashSet<u16>>,
}

impl Commit {
    /// `given` are the marks of those of its records that a log gave.
    pub(super) fn new(
        (n, root): (u64, Hash),
        body: &Body,
        given: impl Iterator<Item = Mark>,
    ) -> Self {
        let mut known: HashMap<Mark, u32> = HashMap::new();
        given.for_each(|mark| *known.entry(mark).or_default() += 1);
        let all: Vec<(u64, AddedSegment)> =
            (0..).zip(body.adds.iter().flatten().cloned()).collect();
        let (from, to) = body.wal.map_or((1, 0), |range| (range.from, range.to));
        Self {
            n,
            root,
            writer: body.writer.clone(),
            count: (to + 1).saturating_sub(from),
            to,
            taken: 0,
            skip: 0,
            given: known.clone(),
            known,
            segments: all.iter().cloned().collect(),
            all,
            open: VecDeque::new(),
        }
    }

    /// Whether any log gave some of the rows to come.
    pub(super) fn knows_any(&self) -> bool {
        !self.known.is_empty()
    }

    /// Whether a log gave this row.
    pub(super) fn is_known(&mut self, mark: &Mark) -> bool {
        let Some(count) = self.known.get_mut(mark) else { return false };
        *count -= 1;
        if *count == 0 {
            self.known.remove(mark);
        }
        true
    }

    /// Begins anew, and will pass over the rows that were taken: some could not be read.
    pub(super) fn restart(&mut self) {
        (self.skip, self.taken) = (self.skip + self.taken, 0);
        self.known.clone_from(&self.given);
        self.segments = self.all.iter().cloned().collect();
        self.open.clear();
    }

    /// The next rows; `None` after the last.
    pub(super) async fn rows(&mut self, trail: &Trail) -> Result<Option<Rows>> {
        loop {
            let Some(open) = self.open.front_mut() else {
                let Some((add, segment)) = self.segments.front() else { return Ok(None) };
                self.open = Self::open(trail, (self.n, *add), segment).await?;
                self.segments.pop_front();
                continue;
            };
            match open.batches.next() {
                Some(batch) => {
                    let batch = batch.map_err(|e| Error::integrity(&open.path, e.to_string()))?;
                    let records = open.records(&batch)?;
                    if !records.is_empty() {
                        return Ok(Some(records));
                    }
                }
                None => {
                    self.open.pop_front();
                }
            }
        }
    }

    /// The segment, or where its batches are by now.
    async fn open(
        trail: &Trail,
        place: (u64, u64),
        segment: &AddedSegment,
    ) -> Result<VecDeque<Open>> {
        let ledger = match trail.open_segment(segment).await {
            Ok(file) => return Ok(VecDeque::from([Open::new(&file, None)?])),
            Err(Error::NotFound(_)) => trail.refreshed().await?,
            Err(e) => return Err(e),
        };
        let state = ledger.state();
        if state.segments.iter().any(|live| live.path == segment.path) {
            return Err(trail.missing(segment).await);
        }
        let moved = trail.moved(state, place, segment).await?;
        moved.into_iter().map(|moved| Open::new(&moved.file, Some(moved.batches))).collect()
    }
}

impl Open {
    fn new(file: &SegmentFile, only: Option<HashSet<u16>>) -> Result<Self> {
        let (path, rows) = (file.path().to_owned(), file.row_reader());
        Ok(Self { path, rows, batches: file.rows()?, only })
    }

    fn records(&self, batch: &RecordBatch) -> Result<Rows> {
        let columns = self.rows.columns(batch)?;
        let record = |row| {
            let mut out = Vec::new();
            let written = columns.record(row, &mut out);
            written.map_err(|fault| Error::integrity(&self.path, fault.to_string()))?;
            Ok(Bytes::from(out))
        };
        let meant = |row: &usize| {
            self.only.as_ref().is_none_or(|only| only.contains(&columns.ordinal(*row)))
        };
        (0..batch.num_rows()).filter(meant).map(record).collect()
    }
}
