//! Taking records out of a segment, with what proves them.

use std::collections::VecDeque;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use data_encoding::HEXLOWER;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use super::part::{Packed, Part, PartBatch, Spans, mark};
use crate::merkle::{self, Hash};
use crate::proof::Hex;
use crate::segment::gone::{Gone, GoneBatch};
use crate::segment::{self, BatchMeta, RowReader, SegmentFile, TREE_LEVELS, batch_list_leaves};
use crate::{Error, Result};

const RUN: usize = 1 << TREE_LEVELS;

/// What tells a record from all others of its segment: times in microseconds since 1970, and the
/// id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordKey<'a> {
    /// Its `timestamp`.
    pub timestamp: i64,
    /// Its `audit_id`.
    pub audit_id: &'a str,
    /// Its `recorded_at`.
    pub recorded_at: i64,
}

/// Where the ledger introduced a batch: batch `index` of segment `add` of entry `entry`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) entry: u64,
    pub(crate) add: u64,
    pub(crate) index: u64,
    /// Audit path in that segment's batch list.
    pub(crate) path: Vec<Hash>,
}

impl Origin {
    /// That of a batch that was moved, as its segment tells it.
    ///
    /// # Errors
    /// `Integrity` if its path is malformed.
    pub(crate) fn of_moved(origin: &segment::Origin) -> Result<Self> {
        let hash = |text: &String| HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok();
        let path: Option<Vec<Hash>> = origin.path.iter().map(hash).collect();
        let path = path.ok_or_else(|| Error::integrity("origin", "a batch's path is malformed"))?;
        Ok(Self { entry: origin.entry, add: origin.add, index: origin.index, path })
    }
}

/// Takes records out of a segment in the order of its rows, and keeps what proves them.
#[derive(Debug)]
pub struct Collector {
    path: String,
    reader: RowReader,
    batches: ParquetRecordBatchReader,
    rows: VecDeque<Row>,
    texts: Vec<u8>,
    tallies: Vec<Tally>,
    marks: Packed<8>,
    taken: u64,
}

/// A row that was decoded and not passed yet.
#[derive(Debug)]
struct Row {
    tally: usize,
    timestamp: i64,
    recorded_at: i64,
    audit_id: String,
    /// Where its record stands in the decoded text.
    text: std::ops::Range<usize>,
}

impl Row {
    fn is(&self, key: &RecordKey<'_>) -> bool {
        self.timestamp == key.timestamp
            && self.recorded_at == key.recorded_at
            && self.audit_id == key.audit_id
    }
}

/// A batch as far as its rows were passed.
#[derive(Debug)]
struct Tally {
    meta: BatchMeta,
    origin: Origin,
    leaves_of: Leaves,
    position: u64,
    /// The hash of each run that was passed.
    level: Vec<Hash>,
    /// Leaves of the open run, and which of them were taken.
    leaves: Vec<Hash>,
    chosen: Vec<bool>,
    inner: Vec<Option<Vec<Hash>>>,
    lines: Spans,
    positions: Spans,
    salts: Packed<16>,
}

/// What a batch's leaves are made of.
#[derive(Debug)]
enum Leaves {
    /// All rows are here: the batch's salt, and the hashes of its runs as the segment has them.
    Whole { salt: [u8; 32], level: Vec<Hash> },
    /// Some rows were deleted: positions and salts of those left, positions and leaves of those
    /// gone, those first that come next.
    Cut { left: VecDeque<(u32, [u8; 16])>, gone: VecDeque<(u32, Hash)> },
}

impl Leaves {
    fn of(meta: &BatchMeta, gone: Option<&GoneBatch>) -> Result<Self, &'static str> {
        if let Some(gone) = gone {
            let same = gone.rows() == meta.rows;
            let cut = Self::Cut { left: gone.left().collect(), gone: gone.removed().collect() };
            return if same { Ok(cut) } else { Err("its sidecar is of another batch") };
        }
        let salt = meta.salt_bytes().ok_or("a batch's salt is not there")?;
        let level = meta.run_hashes().ok_or("a batch's tree is not there")?;
        Ok(Self::Whole { salt, level })
    }
}

impl Collector {
    /// One for the rows of a segment. `origins` are those of its batches, by ordinal; `gone` tells
    /// of rows that were deleted.
    pub(crate) fn new(file: &SegmentFile, origins: Vec<Origin>, gone: &Gone) -> Result<Self> {
        let tally = |((ordinal, meta), origin): ((u16, &BatchMeta), Origin)| {
            let leaves = Leaves::of(meta, gone.batches.get(&ordinal));
            let leaves = leaves.map_err(|what| Error::integrity(file.path(), what))?;
            Ok(Tally::new(meta.clone(), origin, leaves))
        };
        let tallies = (0..).zip(&file.meta().batches).zip(origins).map(tally);
        Ok(Self {
            path: file.path().to_owned(),
            reader: file.row_reader(),
            batches: file.rows()?,
            rows: VecDeque::new(),
            texts: Vec::new(),
            tallies: tallies.collect::<Result<_>>()?,
            marks: Packed::default(),
            taken: 0,
        })
    }

    /// Takes the next row, whatever it is, of the batches that entries from `since` on introduced:
    /// appends its canonical bytes to `out`. `false` after the last.
    ///
    /// # Errors
    /// `Integrity` if the segment cannot be read or does not lead to its batches' trees.
    pub fn take_next(&mut self, since: u64, out: &mut Vec<u8>) -> Result<bool> {
        while let Some(row) = self.next_row()? {
            let wanted = self.tallies[row.tally].origin.entry >= since;
            self.pass(&row, wanted, out)?;
            if wanted {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Passes over rows up to the one with this key, and takes that: appends its canonical bytes
    /// to `out`. Keys come in the order of the rows. `false` if its batch was introduced before
    /// `since`, then it is passed over, too.
    ///
    /// # Errors
    /// `Integrity` if there is no such row, and as [`take_next`](Self::take_next).
    pub fn take(&mut self, key: &RecordKey<'_>, since: u64, out: &mut Vec<u8>) -> Result<bool> {
        while let Some(row) = self.next_row()? {
            let found = row.is(key);
            let wanted = found && self.tallies[row.tally].origin.entry >= since;
            self.pass(&row, wanted, out)?;
            if found {
                return Ok(wanted);
            }
        }
        let message = format!("record {} was found, but is not in its rows", key.audit_id);
        Err(Error::integrity(&self.path, message))
    }

    /// What proves the records that were taken, the first of which is line `from` of the file of
    /// records; `None` if there are none.
    ///
    /// # Errors
    /// As [`take_next`](Self::take_next).
    pub(crate) fn finish(mut self, from: u64) -> Result<Option<Part>> {
        if self.taken == 0 {
            return Ok(None);
        }
        let mut unused = Vec::new();
        while let Some(row) = self.next_row()? {
            self.pass(&row, false, &mut unused)?;
        }
        let with_records = self.tallies.into_iter().filter(|tally| !tally.positions.0.is_empty());
        let batches = with_records.map(|tally| tally.finish(&self.path)).collect::<Result<_>>()?;
        Ok(Some(Part { batches, from, marks: self.marks, records: self.taken }))
    }

    fn next_row(&mut self) -> Result<Option<Row>> {
        loop {
            if let Some(row) = self.rows.pop_front() {
                return Ok(Some(row));
            }
            match self.batches.next() {
                Some(Ok(batch)) => self.decode(&batch)?,
                Some(Err(e)) => return Err(self.wrong(e)),
                None => return Ok(None),
            }
        }
    }

    fn wrong(&self, what: impl std::fmt::Display) -> Error {
        Error::integrity(&self.path, what.to_string())
    }

    fn decode(&mut self, batch: &RecordBatch) -> Result<()> {
        self.texts.clear();
        let no_column = || self.wrong("a fixed column is not there");
        let times = |name: &str| {
            let column = batch.column_by_name(name).filter(|column| column.null_count() == 0);
            column.and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>())
        };
        let timestamps = times("timestamp").ok_or_else(no_column)?;
        let recorded = times("recorded_at").ok_or_else(no_column)?;
        let ids = batch.column_by_name("audit_id").filter(|column| column.null_count() == 0);
        let ids = ids.and_then(|column| column.as_string_opt::<i32>()).ok_or_else(no_column)?;
        let columns = self.reader.columns(batch)?;
        for row in 0..batch.num_rows() {
            let tally = usize::from(columns.ordinal(row));
            if tally >= self.tallies.len() {
                return Err(self.wrong("`_batch` names no batch"));
            }
            let start = self.texts.len();
            let written = columns.record(row, &mut self.texts);
            written.map_err(|fault| Error::integrity(&self.path, fault.to_string()))?;
            self.rows.push_back(Row {
                tally,
                timestamp: timestamps.value(row),
                recorded_at: recorded.value(row),
                audit_id: ids.value(row).to_owned(),
                text: start..self.texts.len(),
            });
        }
        Ok(())
    }

    fn pass(&mut self, row: &Row, taken: bool, out: &mut Vec<u8>) -> Result<()> {
        let record = self.texts.get(row.text.clone()).unwrap_or_default();
        let Some(tally) = self.tallies.get_mut(row.tally) else { return Ok(()) };
        tally
            .push(record, taken.then_some(self.taken))
            .map_err(|what| Error::integrity(&self.path, what))?;
        if taken {
            self.marks.0.push(mark(record));
            self.taken += 1;
            out.extend_from_slice(record);
        }
        Ok(())
    }
}

impl Tally {
    fn new(meta: BatchMeta, origin: Origin, leaves_of: Leaves) -> Self {
        Self {
            meta,
            origin,
            leaves_of,
            position: 0,
            level: Vec::new(),
            leaves: Vec::with_capacity(RUN),
            chosen: Vec::with_capacity(RUN),
            inner: Vec::new(),
            lines: Spans::default(),
            positions: Spans::default(),
            salts: Packed::default(),
        }
    }

    /// Passes the batch's next row, which becomes this line if it is taken.
    fn push(&mut self, record: &[u8], line: Option<u64>) -> Result<(), &'static str> {
        let salt = match &mut self.leaves_of {
            Leaves::Whole { salt, .. } => merkle::batch_salt_at(salt, self.position),
            Leaves::Cut { left, .. } => {
                let (position, salt) = left.pop_front().ok_or("a batch has more rows than left")?;
                self.pass_gone(position.into())?;
                salt
            }
        };
        if let Some(line) = line {
            self.lines.push(line);
            self.positions.push(self.position);
            self.salts.0.push(salt);
        }
        self.leaf(merkle::record_leaf(&salt, record), line.is_some())
    }

    /// Passes the deleted rows before this position.
    fn pass_gone(&mut self, before: u64) -> Result<(), &'static str> {
        loop {
            let Leaves::Cut { gone, .. } = &mut self.leaves_of else { return Ok(()) };
            let next = gone.front().copied().filter(|(position, _)| u64::from(*position) < before);
            let Some((_, leaf)) = next else { return Ok(()) };
            gone.pop_front();
            self.leaf(leaf, false)?;
        }
    }

    fn leaf(&mut self, leaf: Hash, chosen: bool) -> Result<(), &'static str> {
        self.leaves.push(leaf);
        self.chosen.push(chosen);
        self.position += 1;
        let last = self.position == self.meta.rows;
        if self.leaves.len() == RUN || last { self.end_run() } else { Ok(()) }
    }

    fn end_run(&mut self) -> Result<(), &'static str> {
        let hash = merkle::root(&self.leaves);
        if let Leaves::Whole { level, .. } = &self.leaves_of
            && level.get(self.inner.len()) != Some(&hash)
        {
            return Err("its records do not lead to the batch's tree");
        }
        let any = self.chosen.contains(&true);
        self.inner.push(any.then(|| merkle::multi_proof(&self.leaves, &self.chosen)));
        self.level.push(hash);
        self.leaves.clear();
        self.chosen.clear();
        Ok(())
    }

    fn finish(mut self, path: &str) -> Result<PartBatch> {
        let wrong = |what: &str| Error::integrity(path, what);
        self.pass_gone(self.meta.rows).map_err(wrong)?;
        if self.position != self.meta.rows {
            return Err(wrong("a batch has another number of rows than it says"));
        }
        if self.meta.root_hash() != Some(merkle::root_from_level(&self.level)) {
            return Err(wrong("its records do not lead to the batch's root"));
        }
        let decode = |text: &str| HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok().map(Hex);
        let (commitment, root) = decode(&self.meta.commitment)
            .zip(decode(&self.meta.root))
            .ok_or_else(|| wrong("a batch's root or commitment is malformed"))?;
        // With all records here there is nobody left whom the salt protects.
        let whole = match &self.leaves_of {
            Leaves::Whole { salt, .. } => Some(*salt),
            Leaves::Cut { .. } => None,
        };
        let salt = whole.filter(|_| self.salts.0.len() as u64 == self.meta.rows);
        Ok(PartBatch {
            add: self.origin.add,
            commitment,
            entry: self.origin.entry,
            id: self.meta.id,
            index: self.origin.index,
            lines: self.lines,
            path: crate::proof::hex(&self.origin.path),
            positions: self.positions,
            proof: Packed(merkle::multi_proof_of_runs(&self.level, &self.inner)),
            root,
            rows: self.meta.rows,
            salt: salt.map(|salt| Packed(vec![salt])),
            salts: salt.is_none().then_some(self.salts),
        })
    }
}

/// The paths of a segment's batches in its batch list.
pub(crate) fn paths_in_list(batches: &[BatchMeta]) -> Result<Vec<Vec<Hash>>> {
    let leaves = batch_list_leaves(batches)?;
    let all: Vec<usize> = (0..leaves.len()).collect();
    Ok(merkle::inclusion_proofs(&leaves, &all).unwrap_or_default())
}

#[cfg(test)]
#[path = "collect_tests.rs"]
mod tests;
