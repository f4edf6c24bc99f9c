//! The rows of a segment: every record put together, checked and hashed.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use arrow::array::{Array, AsArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::blooms::Blooms;
use super::description::{RUN, absent_columns, excerpt, tree_hashes};
use super::extent::Extent;
use super::pages;
use super::report::{Finding, Rows};
use super::rest::{RestCheck, RestFault, exact_numbers_hold};
use super::sealed::Sealed;
use super::segment::Checked;
use super::statistics::Claims;
use crate::catalogue::catalogue;
use crate::columns::{LogicalColumn, REST, fixed};
use crate::ledger::Bounds;
use crate::merkle::{self, Hash};
use crate::segment::{
    BatchMeta, MAX_BOUND, REQUIRED, STATISTICS_COLUMNS, SegmentFile, SegmentMeta, TEXT_STATISTICS,
};
use crate::{Error, Result};

/// The largest `max_record_bytes` that can be configured.
pub(super) const MAX_RECORD: usize = 16 << 20;
const MAX_ID: usize = 256;
/// Bytes before the record in the message of its leaf: `0x00` and the salt.
const PREFIX: usize = 17;

/// Checks all rows of a segment.
///
/// # Errors
/// `Integrity` if they cannot be read, `Interrupted` if the caller asked to stop.
pub(super) fn check(checked: &mut Checked<'_>, file: &SegmentFile) -> Result<()> {
    let bytes = file.bytes()?;
    let sealed = Sealed::of(file.path(), &bytes, checked.task.facts.keys.as_ref())?;
    let problems = pages::problems(&bytes, file.parquet(), sealed.as_ref());
    drop(bytes);
    for (column, problem) in &problems {
        checked.wrong("page_index", format!("column {:?}: {problem}", excerpt(column)));
    }
    let groups = file.parquet().row_groups();
    let counted = groups.iter().try_fold(0_i64, |sum, g| sum.checked_add(g.num_rows().max(0)));
    let stated = [counted, Some(file.parquet().file_metadata().num_rows())];
    let rows = i64::try_from(checked.task.add.rows).ok();
    if stated != [rows, rows] {
        checked.wrong("rows", format!("it has not {} rows, as it should", checked.task.add.rows));
        return Ok(());
    }
    if !problems.is_empty() {
        // Pages that are not what they seem can make the reader take memory without end.
        return Ok(());
    }
    let Some(required) = required_columns(file.meta()) else {
        checked.wrong("record", "it lacks a column that every record has a value in");
        return Ok(());
    };
    let mut reading = Reading::new(checked, file, required);
    reading.read()?;
    reading.finish();
    Ok(())
}

/// Positions of the [`REQUIRED`] columns in the description.
fn required_columns(meta: &SegmentMeta) -> Option<[usize; 5]> {
    let mut at = [0; 5];
    for (at, name) in at.iter_mut().zip(REQUIRED) {
        let fixed = fixed().iter().find(|f| f.name == name)?;
        *at = meta.columns.iter().position(|c| c.logical() == *fixed)?;
    }
    Some(at)
}

pub(super) struct Reading<'a, 'c> {
    pub(super) checked: &'a mut Checked<'c>,
    pub(super) file: &'a SegmentFile,
    pub(super) columns: Vec<LogicalColumn>,
    absent: Vec<LogicalColumn>,
    /// Positions of the [`REQUIRED`] columns.
    pub(super) required: [usize; 5],
    rest: RestCheck,
    claims: Claims<'a>,
    blooms: Blooms,
    batches: Vec<BatchTree>,
    problems: BTreeMap<(&'static str, String), Rows>,
    /// The leaf's message of the current record, and of the one before.
    message: Vec<u8>,
    before: Vec<u8>,
    /// Time and id of the record before.
    key: Option<(i64, String)>,
    rows: u64,
    any_rest: bool,
}

/// The tree of one batch as its rows come by.
struct BatchTree {
    salt: [u8; 32],
    /// Of a batch that lost rows: the salts of the others.
    cut: Option<Vec<[u8; 16]>>,
    rows: u64,
    leaves: Vec<Hash>,
    /// First and last row of the file of the current run of leaves.
    span: (u64, u64),
    runs: Vec<(Hash, (u64, u64))>,
    /// Range of `recorded_at`.
    recorded: Option<(i64, i64)>,
}

/// The arrays of a record batch that hold what every record must have.
struct Required<'a> {
    timestamp: &'a TimestampMicrosecondArray,
    audit_id: &'a StringArray,
    event_type: &'a StringArray,
    recorded_at: &'a TimestampMicrosecondArray,
}

impl<'a, 'c> Reading<'a, 'c> {
    fn new(checked: &'a mut Checked<'c>, file: &'a SegmentFile, required: [usize; 5]) -> Self {
        let meta = file.meta();
        let columns: Vec<LogicalColumn> = meta.columns.iter().map(|c| c.logical()).collect();
        let absent = absent_columns(&meta.columns);
        let cut = |ordinal: u16, batch: &BatchMeta| {
            batch.gone?;
            let gone = checked.gone.batches.get(&ordinal);
            Some(gone.map(|gone| gone.left().map(|(_, salt)| salt).collect()).unwrap_or_default())
        };
        let batches = (0..).zip(&meta.batches).map(|(ordinal, batch)| BatchTree {
            salt: batch.salt_bytes().unwrap_or_default(),
            cut: cut(ordinal, batch),
            rows: 0,
            leaves: Vec::with_capacity(RUN),
            span: (0, 0),
            runs: Vec::new(),
            recorded: None,
        });
        Self {
            file,
            rest: RestCheck::new(&columns, &absent),
            claims: Claims::of(file.parquet()),
            blooms: Blooms::default(),
            batches: batches.collect(),
            columns,
            absent,
            required,
            problems: BTreeMap::new(),
            message: Vec::with_capacity(4096),
            before: Vec::with_capacity(4096),
            key: None,
            rows: 0,
            any_rest: false,
            checked,
        }
    }

    pub(super) fn problem(
        &mut self,
        kind: &'static str,
        message: impl Into<String>,
        from: u64,
        to: u64,
    ) {
        self.problems.entry((kind, message.into())).or_default().add_range(from, to);
    }

    fn read(&mut self) -> Result<()> {
        let path = &self.checked.task.add.path;
        for batch in self.file.rows()? {
            if self.checked.task.cancel.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            let batch =
                batch.map_err(|e| Error::integrity(path, format!("unreadable rows: {e}")))?;
            self.batch(&batch)?;
        }
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let reader = self.file.row_reader();
        let rows = reader.columns(batch)?;
        let base = self.rows;
        for c in 0..batch.num_columns() {
            self.claims.add(c, batch.column(c), base);
        }
        self.blooms.add(self.checked, self.file, batch, base)?;
        self.values(batch, base);
        let [timestamp, audit_id, event_type, recorded_at, _] = self.required;
        let required = Required {
            timestamp: batch.column(timestamp + 1).as_primitive(),
            audit_id: batch.column(audit_id + 1).as_string(),
            event_type: batch.column(event_type + 1).as_string(),
            recorded_at: batch.column(recorded_at + 1).as_primitive(),
        };
        let last = batch.num_columns() - 1;
        let rest = (batch.schema_ref().field(last).name() == REST)
            .then(|| batch.column(last).as_string::<i32>());
        for row in 0..batch.num_rows() {
            let number = base + row as u64;
            if let Some(rest) = rest.filter(|rest| rest.is_valid(row)) {
                self.rest_of(number, rest.value(row));
            }
            if self.rest.has_nested() {
                self.rest.nested(number, |c| batch.column(c + 1).is_valid(row));
            }
            self.message.clear();
            self.message.resize(PREFIX, 0);
            let assembled = rows.record(row, &mut self.message);
            match &assembled {
                Ok(()) => self.record(number, row, &required),
                Err(fault) => self.problem("representation", fault.to_string(), number, number),
            }
            let recorded = required.recorded_at.value(row);
            self.leaf(rows.ordinal(row), (number, recorded), assembled.is_ok());
        }
        if let (Some(last), true) = (batch.num_rows().checked_sub(1), batch.num_rows() > 0) {
            let id = required.audit_id.value(last).to_owned();
            self.key = Some((required.timestamp.value(last), id));
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    fn rest_of(&mut self, number: u64, rest: &str) {
        self.any_rest = true;
        let problem = match self.rest.row(number, rest) {
            Ok(()) => return,
            Err(RestFault::NotCanonical) => "the rest is not canonical JSON".to_owned(),
            Err(RestFault::Hidden(column)) => {
                let name = self.absent.get(column).map_or("", |c| &c.name);
                format!("the rest holds a value of the fixed column {name:?}, which is absent")
            }
            Err(RestFault::Violations) => "`schema_violations` is malformed".to_owned(),
            Err(RestFault::ExactNumbers) => "`_exact_numbers` is malformed".to_owned(),
        };
        self.problem("representation", problem, number, number);
    }

    /// Checks a record that is put together in `message`.
    fn record(&mut self, number: u64, row: usize, required: &Required<'_>) {
        let (time, id) = (required.timestamp.value(row), required.audit_id.value(row));
        if self.message.len() - PREFIX > MAX_RECORD {
            self.problem("record", "the record is larger than any may be", number, number);
        }
        if !(1..=MAX_ID).contains(&id.len()) || !id.bytes().all(|b| b.is_ascii_graphic()) {
            self.problem("record", "audit_id is not 1 to 256 printable characters", number, number);
        }
        let event_type = required.event_type.value(row);
        match catalogue().split_event_type(event_type) {
            Ok((domain, _)) if domain == self.file.meta().domain => {}
            Ok(_) => {
                self.problem("partition", "the record is of another domain", number, number);
            }
            Err(_) => self.problem("record", "event_type is not `domain.action`", number, number),
        }
        if self.rest.has_exact_numbers && !exact_numbers_hold(&self.message[PREFIX..]) {
            let message = "`_exact_numbers` names what is no number";
            self.problem("record", message, number, number);
        }
        self.rest.has_exact_numbers = false;
        let before = match row.checked_sub(1) {
            Some(before) => {
                Some((required.timestamp.value(before), required.audit_id.value(before)))
            }
            None => self.key.as_ref().map(|(time, id)| (*time, id.as_str())),
        };
        let in_order = match before.map(|before| before.cmp(&(time, id))) {
            None | Some(std::cmp::Ordering::Less) => true,
            Some(std::cmp::Ordering::Greater) => false,
            Some(std::cmp::Ordering::Equal) => {
                self.before.get(PREFIX..) <= self.message.get(PREFIX..)
            }
        };
        if !in_order {
            let message = "the record is not in its place by time, id and content";
            self.problem("row_order", message, number, number);
        }
    }

    /// Hashes the record in `message` into its batch's tree.
    fn leaf(&mut self, ordinal: u16, (number, recorded): (u64, i64), sound: bool) {
        let Some(batch) = self.batches.get_mut(usize::from(ordinal)) else {
            self.problem("batches", "the row is of no batch that is listed", number, number);
            return;
        };
        if batch.leaves.is_empty() {
            batch.span.0 = number;
        }
        batch.span.1 = number;
        let (from, to) = batch.recorded.unwrap_or((recorded, recorded));
        batch.recorded = Some((from.min(recorded), to.max(recorded)));
        let mut leaf = [0; 32];
        if sound {
            let nth = usize::try_from(batch.rows).unwrap_or(usize::MAX);
            let salt = match &batch.cut {
                Some(salts) => salts.get(nth).copied().unwrap_or_default(),
                None => merkle::batch_salt_at(&batch.salt, batch.rows),
            };
            self.message[1..PREFIX].copy_from_slice(&salt);
            leaf = Sha256::digest(&self.message).into();
        }
        batch.rows += 1;
        batch.leaves.push(leaf);
        if batch.leaves.len() == RUN && batch.cut.is_none() {
            batch.end_run();
        }
        std::mem::swap(&mut self.message, &mut self.before);
    }

    fn finish(mut self) {
        let task = self.checked.task;
        let add = &task.add;
        self.checked.outcome.rows = self.rows;
        if self.rows != add.rows {
            let message = format!("it has {} rows, not {}", self.rows, add.rows);
            self.checked.wrong("rows", message);
        }
        for ((kind, message), rows) in std::mem::take(&mut self.problems) {
            let finding = rows.place(Finding::tampered(kind, &add.path, message));
            self.checked.outcome.findings.push(finding);
        }
        for (ordinal, tree) in std::mem::take(&mut self.batches).into_iter().enumerate() {
            self.check_tree(ordinal, tree);
        }
        for ((kind, column, problem), rows) in std::mem::take(&mut self.claims.lies) {
            let message = format!("column {:?}: {problem}", excerpt(&column));
            let finding = rows.place(Finding::tampered(kind, &add.path, message));
            self.checked.outcome.findings.push(finding);
        }
        self.check_columns();
        self.check_bounds();
    }

    fn check_tree(&mut self, ordinal: usize, mut tree: BatchTree) {
        if tree.cut.is_some() {
            self.check_cut(ordinal, tree);
            return;
        }
        tree.end_run();
        if let Some(Some(seen)) = self.checked.outcome.seen.get_mut(ordinal) {
            seen.recorded = tree.recorded;
        }
        let stated = &self.file.meta().batches[ordinal];
        let path = &self.checked.task.add.path;
        let finding = |kind, message: String| {
            let mut finding = Finding::tampered(kind, path, message);
            finding.batch = Some(stated.id.clone());
            finding
        };
        let mut found = Vec::new();
        if tree.rows != stated.rows {
            let message = format!("it has {} rows, not {}", tree.rows, stated.rows);
            found.push(finding("batches", message));
        }
        let runs: Vec<Hash> = tree.runs.iter().map(|(hash, _)| *hash).collect();
        if HEXLOWER.encode(&merkle::root_from_level(&runs)) != stated.root {
            let hashes = tree_hashes(stated).unwrap_or_default();
            let mut rows = Rows::default();
            for (i, (hash, (from, to))) in tree.runs.iter().enumerate() {
                if hashes.get(i) != Some(hash) {
                    rows.add_range(*from, *to);
                }
            }
            let message = "records of these rows are not those that were signed";
            found.push(rows.place(finding("batch_root", message.to_owned())));
        }
        self.checked.outcome.findings.extend(found);
    }

    /// As [`check_tree`](Self::check_tree), of a batch that lost rows: their leaves come from the
    /// sidecar.
    fn check_cut(&mut self, ordinal: usize, tree: BatchTree) {
        let stated = &self.file.meta().batches[ordinal];
        let gone = u16::try_from(ordinal).ok().and_then(|at| self.checked.gone.batches.get(&at));
        // What the sidecar does not tell is a finding of its own.
        let Some(gone) = gone else { return };
        let root = merkle::root(&gone.leaves(tree.leaves));
        let whole = gone.rows() - gone.gone() == tree.rows;
        if whole && HEXLOWER.encode(&root) == stated.root {
            return;
        }
        let message =
            "its records and the leaves of those that were removed are not what was signed";
        let mut finding =
            Finding::tampered("batch_root", &self.checked.task.add.path, message.to_owned());
        finding.batch = Some(stated.id.clone());
        let mut rows = Rows::default();
        rows.add_range(tree.span.0, tree.span.1);
        self.checked.outcome.findings.push(rows.place(finding));
    }

    fn check_columns(&mut self) {
        for (c, column) in self.file.meta().columns.iter().enumerate() {
            let misfits = self.rest.misfits[c];
            let name = excerpt(&column.name);
            if misfits != column.misfits {
                let message =
                    format!("column {name:?} has {misfits} misfits, not {}", column.misfits);
                self.checked.wrong("misfits", message);
            }
            if self.claims.total(c + 1).1 == self.rows {
                self.checked.wrong("columns", format!("column {name:?} holds no value"));
            }
        }
        let with_rest = self.file.parquet().file_metadata().schema_descr().num_columns()
            > self.columns.len() + 1;
        if with_rest && !self.any_rest {
            self.checked.wrong("columns", format!("column {REST:?} holds no value"));
        }
    }

    /// Checks what the ledger says of the segment's values.
    fn check_bounds(&mut self) {
        let add = &self.checked.task.add;
        let [timestamp, audit_id, event_type, recorded_at, _] = self.required;
        let of = |column: usize| self.claims.total(column + 1).0;
        let mut wrong: Vec<String> = Vec::new();
        if of(timestamp) != Some(&Extent::Int(add.min, add.max)) {
            wrong.push("min and max".to_owned());
        }
        for (name, column) in
            STATISTICS_COLUMNS.into_iter().zip([audit_id, event_type, recorded_at])
        {
            let told = add.key.is_none() || !TEXT_STATISTICS.contains(&name);
            if add.stats.get(name).cloned() != of(column).filter(|_| told).and_then(bounds) {
                wrong.push(name.to_owned());
            }
        }
        let unknown = |name: &&str| !STATISTICS_COLUMNS.contains(name);
        wrong.extend(add.stats.keys().filter(unknown).map(excerpt));
        for what in wrong {
            let message = format!("the bounds in the ledger are not those of the rows: {what}");
            self.checked.wrong("bounds", message);
        }
    }
}

impl BatchTree {
    fn end_run(&mut self) {
        if !self.leaves.is_empty() {
            self.runs.push((merkle::root(&self.leaves), self.span));
            self.leaves.clear();
        }
    }
}

/// How the ledger writes an extent; nothing if it leaves it out.
fn bounds(extent: &Extent<'_>) -> Option<Bounds> {
    match extent {
        Extent::Int(min, max) => Some(Bounds::Number(*min, *max)),
        Extent::Text(min, max) if min.len() <= MAX_BOUND && max.len() <= MAX_BOUND => {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
            Some(Bounds::Text(text(min)?, text(max)?))
        }
        _ => None,
    }
}
