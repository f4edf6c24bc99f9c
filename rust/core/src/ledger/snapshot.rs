//! Snapshots: what replaying the entries before one gives, as rows of a file (FORMAT section 10).

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use bytes::Bytes;
use data_encoding::BASE64;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::entry::{AddedSegment, Authorization, TrailInfo};
use super::state::{DueSnapshot, NamedSnapshot, State, WriterState, public_key};
use crate::columns::{LogicalColumn, Registry};
use crate::merkle::{Accumulator, Hash};
use crate::segment::canonical;
use crate::{Error, Result};

const COLUMN: &str = "item";
const LEAVES_A_ROW: usize = 1024;
const ROWS_AT_ONCE: usize = 1024;
const ZSTD_LEVEL: i32 = 3;

/// Path of the snapshot as of `n` within the trail.
pub fn snapshot_path(n: u64) -> String {
    format!("ledger/snapshot-{n:020}.parquet")
}

/// Number of the snapshot at `path`, if it is the path of one.
pub(super) fn snapshot_number(path: &str) -> Option<u64> {
    let digits = path.strip_prefix("ledger/snapshot-")?.strip_suffix(".parquet")?;
    let plain = digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// A row.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Item<'a> {
    Head(Cow<'a, Head>),
    Leaves(String),
    Writer(Cow<'a, Writer>),
    Column(Cow<'a, LogicalColumn>),
    Segment(Cow<'a, AddedSegment>),
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    entries: u64,
    owner: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    rests_on: Option<RestsOn>,
    rows: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    snapshot: Option<u64>,
    time: String,
    trail: TrailInfo,
    v: u32,
}

/// The snapshot that this one continues.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RestsOn {
    bytes: u64,
    n: u64,
    sha256: String,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Writer {
    authorization: Authorization,
    authorized: u64,
    batches: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    closed: Option<u64>,
    committed: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    ended: bool,
    epoch: u64,
    recorded: i64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    revoked: Option<u64>,
}

impl Writer {
    fn of(state: &WriterState) -> Self {
        Self {
            authorization: state.authorization.clone(),
            authorized: state.authorized,
            batches: state.roots,
            closed: state.closed,
            committed: state.committed,
            ended: state.ended,
            epoch: state.epoch,
            recorded: state.recorded,
            revoked: state.revoked,
        }
    }

    fn state(self) -> Option<WriterState> {
        Some(WriterState {
            public: public_key(&self.authorization.public)?,
            authorization: self.authorization,
            authorized: self.authorized,
            epoch: self.epoch,
            closed: self.closed,
            committed: self.committed,
            ended: self.ended,
            recorded: self.recorded,
            revoked: self.revoked,
            roots: self.batches,
        })
    }
}

/// The rows of the snapshot of `state`, whose entries have these leaves: of all of it, or of what
/// came since the newest snapshot.
fn rows<'a>(
    state: &'a State,
    leaves: &'a [Hash],
    due: DueSnapshot,
) -> Result<impl Iterator<Item = Result<String>> + 'a> {
    let parts = (state.info.as_deref(), state.owner, state.time.clone());
    let (Some(trail), Some(owner), Some(time)) = parts else {
        return Err(Error::integrity("ledger", "no trail is described"));
    };
    let base = state.newest_snapshot.as_ref().filter(|_| due == DueSnapshot::Continued);
    let (entries, segments) = base.map_or((0, 0), |base| (base.n, base.segments));
    let new = usize::try_from(entries).ok().and_then(|entries| leaves.get(entries..));
    let (Some(leaves), Some(segments)) = (new, state.segments.get(segments..)) else {
        return Err(Error::integrity("ledger", "it is shorter than its newest snapshot"));
    };
    let head = Head {
        entries: state.size(),
        owner: BASE64.encode(owner.as_bytes()),
        rests_on: base.map(|b| RestsOn { bytes: b.bytes, n: b.n, sha256: b.sha256.clone() }),
        rows: state.rows,
        snapshot: state.snapshot,
        time,
        trail: trail.clone(),
        v: 1,
    };
    let runs = leaves.chunks(LEAVES_A_ROW);
    let items = std::iter::once(Item::Head(Cow::Owned(head)))
        .chain(runs.map(|run| Item::Leaves(BASE64.encode(run.as_flattened()))))
        .chain(state.writers.values().map(|w| Item::Writer(Cow::Owned(Writer::of(w)))))
        .chain(state.registry.columns().iter().map(|c| Item::Column(Cow::Borrowed(c))))
        .chain(segments.iter().map(|s| Item::Segment(Cow::Borrowed(s))));
    Ok(items.map(|item| {
        String::from_utf8(canonical(&item)?).map_err(|e| Error::encoding("snapshot", e))
    }))
}

/// A hash over rows, each followed by a line break, which no row holds.
fn digest(rows: impl Iterator<Item = Result<String>>) -> Result<Hash> {
    let mut hasher = Sha256::new();
    for row in rows {
        hasher.update(row?);
        hasher.update(b"\n");
    }
    Ok(hasher.finalize().into())
}

/// The digest of the rows that the snapshot of `state` must have.
pub(crate) fn expected(state: &State, leaves: &[Hash], due: DueSnapshot) -> Result<Hash> {
    digest(rows(state, leaves, due)?)
}

/// The digest of the rows of a snapshot's file.
pub(crate) fn found(bytes: Bytes) -> Result<Hash> {
    digest(texts(bytes)?)
}

/// The file of the snapshot of `state`. The same state gives the same bytes.
pub(crate) fn write(state: &State, leaves: &[Hash], due: DueSnapshot) -> Result<Vec<u8>> {
    let failed = |e| Error::encoding("snapshot", e);
    let level = ZstdLevel::try_new(ZSTD_LEVEL).map_err(failed)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_dictionary_enabled(false)
        .set_encoding(Encoding::DELTA_LENGTH_BYTE_ARRAY)
        .set_statistics_enabled(EnabledStatistics::None)
        .build();
    let options =
        ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let schema = Arc::new(Schema::new(vec![Field::new(COLUMN, DataType::Utf8, false)]));
    let mut writer =
        ArrowWriter::try_new_with_options(Vec::new(), schema.clone(), options).map_err(failed)?;
    let mut rows = rows(state, leaves, due)?.peekable();
    while rows.peek().is_some() {
        let some: Vec<String> = rows.by_ref().take(ROWS_AT_ONCE).collect::<Result<_>>()?;
        let column = Arc::new(StringArray::from_iter_values(some));
        let batch = RecordBatch::try_new(schema.clone(), vec![column])
            .map_err(|e| Error::encoding("snapshot", e))?;
        writer.write(&batch).map_err(failed)?;
    }
    writer.into_inner().map_err(failed)
}

fn bad(what: impl std::fmt::Display) -> Error {
    Error::integrity("snapshot", what.to_string())
}

/// The rows of a file, if it has the form of a snapshot's.
fn texts(bytes: Bytes) -> Result<impl Iterator<Item = Result<String>>> {
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let builder =
        ParquetRecordBatchReaderBuilder::try_new_with_options(bytes, options).map_err(bad)?;
    let metadata = builder.metadata().file_metadata();
    if metadata.key_value_metadata().is_some_and(|entries| !entries.is_empty()) {
        return Err(bad("it has metadata"));
    }
    let fields = builder.schema().fields();
    if fields.len() != 1 || fields[0].name() != COLUMN || *fields[0].data_type() != DataType::Utf8 {
        return Err(bad("it has other columns than one of text"));
    }
    let batches = builder.with_batch_size(ROWS_AT_ONCE).build().map_err(bad)?;
    Ok(batches.flat_map(|batch| match batch {
        Ok(batch) => {
            let text = batch.column(0).as_string::<i32>();
            let row = |i| match text.is_valid(i) {
                true => Ok(text.value(i).to_owned()),
                false => Err(bad("a row is NULL")),
            };
            (0..text.len()).map(row).collect::<Vec<_>>()
        }
        Err(e) => vec![Err(bad(e))],
    }))
}

/// What a file says.
pub(super) struct Part {
    head: Head,
    leaves: Vec<Hash>,
    writers: Vec<Writer>,
    columns: Vec<LogicalColumn>,
    segments: Vec<Arc<AddedSegment>>,
}

impl Part {
    /// Reads the file of the snapshot as of `n`.
    ///
    /// # Errors
    /// `Integrity` if it is none.
    pub(super) fn read(n: u64, bytes: Bytes) -> Result<Self> {
        let texts = texts(bytes)?.collect::<Result<Vec<String>>>()?;
        let items = texts
            .par_iter()
            .map(|text| serde_json::from_str(text).map_err(bad))
            .collect::<Result<Vec<Item<'_>>>>()?;
        let mut items = items.into_iter();
        let head = match items.next() {
            Some(Item::Head(head)) if head.v == 1 && head.entries == n => head.into_owned(),
            _ => return Err(bad(format!("it is of another version or not as of {n}"))),
        };
        let (leaves, writers, columns, segments) = Default::default();
        let mut part = Self { head, leaves, writers, columns, segments };
        for item in items {
            match item {
                Item::Head(_) => return Err(bad("it has two heads")),
                Item::Leaves(run) => {
                    let run = BASE64.decode(run.as_bytes()).map_err(bad)?;
                    let (hashes, rest) = run.as_chunks::<32>();
                    if !rest.is_empty() {
                        return Err(bad("a leaf is cut"));
                    }
                    part.leaves.extend_from_slice(hashes);
                }
                Item::Writer(writer) => part.writers.push(writer.into_owned()),
                Item::Column(column) => part.columns.push(column.into_owned()),
                Item::Segment(segment) => part.segments.push(Arc::new(segment.into_owned())),
            }
        }
        Ok(part)
    }

    /// The snapshot that this one continues: its number, size and hex SHA-256.
    pub(super) fn rests_on(&self) -> Option<(u64, u64, String)> {
        self.head.rests_on.as_ref().map(|on| (on.n, on.bytes, on.sha256.clone()))
    }
}

/// The state that a full snapshot and those that continue it give, and the leaves of its entries.
///
/// # Errors
/// `Integrity` if they do not fit together.
pub(super) fn assemble(parts: Vec<Part>) -> Result<(State, Vec<Hash>)> {
    let (mut state, mut leaves) = (State::default(), Vec::new());
    let mut last: Option<Head> = None;
    for Part { head, leaves: new, writers, columns, segments } in parts {
        if head.rests_on.as_ref().map(|on| on.n) != last.as_ref().map(|last| last.entries) {
            return Err(bad("it continues another one"));
        }
        state.newest_snapshot = head.rests_on.as_ref().map(|on| NamedSnapshot {
            n: on.n,
            bytes: on.bytes,
            sha256: on.sha256.clone(),
            segments: state.segments.len(),
        });
        leaves.extend(new);
        if leaves.len() as u64 != head.entries {
            return Err(bad("it has not as many leaves as entries"));
        }
        state.writers.clear();
        for writer in writers {
            let writer = writer.state().ok_or_else(|| bad("a key is no key"))?;
            state.writers.insert(writer.authorization.writer.clone(), writer);
        }
        state.registry = Registry::default();
        columns.iter().try_for_each(|column| state.registry.take(column))?;
        state.segments.extend(segments);
        last = Some(head);
    }
    let head = last.ok_or_else(|| bad("it has no head"))?;
    state.owner = public_key(&head.owner);
    state.info = Some(Arc::new(head.trail));
    state.rows = head.rows;
    state.snapshot = head.snapshot;
    state.time = Some(head.time);
    state.tree = Accumulator::from_leaves(&leaves);
    state.paths = state.segments.iter().map(|s| s.path.clone()).collect::<HashSet<_>>();
    Ok((state, leaves))
}
