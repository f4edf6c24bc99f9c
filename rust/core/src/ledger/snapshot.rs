//! Snapshots: what replaying the entries before one gives, as rows of a file (FORMAT section 10).

mod read;
mod rows;

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use bytes::Bytes;
use data_encoding::BASE64;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::entry::{AddedSegment, Authorization, TrailInfo};
use super::lifecycle::{ActiveHold, Condemned, Erasure, Forgotten, PinnedPolicy, Retired};
use super::state::{DueSnapshot, State, WriterState, public_key};
use crate::columns::LogicalColumn;
use crate::merkle::Hash;
use crate::segment::canonical;
use crate::{Error, Result};

pub(super) use read::{Part, assemble};
use rows::Rows;

const COLUMN: &str = "item";
const LEAVES_A_ROW: usize = 1024;
const ROWS_AT_ONCE: usize = 1024;
/// Readers take a group for each core.
const ROWS_A_GROUP: usize = 8192;
const ZSTD_LEVEL: i32 = 3;
/// How the row of a segment begins, and no other.
const SEGMENT_ROW: &str = "{\"segment\":";

/// Path of the snapshot as of `n` within the trail.
pub fn snapshot_path(n: u64) -> String {
    format!("ledger/snapshot-{n:020}.parquet")
}

/// Number of the snapshot at `path`, if it is the path of one.
pub(crate) fn snapshot_number(path: &str) -> Option<u64> {
    let digits = path.strip_prefix("ledger/snapshot-")?.strip_suffix(".parquet")?;
    let plain = digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// A row.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Item<'a> {
    Head(Cow<'a, Head>),
    #[serde(borrow)]
    Leaves(Cow<'a, str>),
    Writer(Cow<'a, Writer>),
    Column(Cow<'a, LogicalColumn>),
    Policy(Cow<'a, PinnedPolicy>),
    Hold(Cow<'a, ActiveHold>),
    Erasure(Cow<'a, Erasure>),
    Forgotten(Cow<'a, Forgotten>),
    Retired(Cow<'a, Retired>),
    Condemned(Cow<'a, Condemned>),
    Removed(Cow<'a, str>),
    Segment(Cow<'a, AddedSegment>),
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    #[serde(skip_serializing_if = "is_zero", default)]
    deleted: u64,
    entries: u64,
    owner: String,
    #[serde(skip_serializing_if = "is_zero", default)]
    removals: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    rests_on: Option<RestsOn>,
    rows: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    snapshot: Option<u64>,
    time: String,
    trail: TrailInfo,
    v: u32,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
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

/// The snapshot of `state`, whose entries have these leaves, before it is written out: of all of
/// it, or of what came since the newest snapshot.
struct Outline<'a> {
    /// All rows before those of segments.
    front: Vec<Item<'a>>,
    segments: &'a [Arc<AddedSegment>],
    /// Where these begin among all segments.
    from: usize,
}

impl<'a> Outline<'a> {
    fn of(state: &'a State, leaves: &[Hash], due: DueSnapshot) -> Result<Self> {
        let parts = (state.info.as_deref(), state.owner, state.time.clone());
        let (Some(trail), Some(owner), Some(time)) = parts else {
            return Err(Error::integrity("ledger", "no trail is described"));
        };
        let base = state.newest_snapshot.as_ref().filter(|_| due == DueSnapshot::Continued);
        let (entries, from) = base.map_or((0, 0), |base| (base.n, base.segments));
        let new = usize::try_from(entries).ok().and_then(|entries| leaves.get(entries..));
        let (Some(leaves), Some(segments)) = (new, state.segments.get(from..)) else {
            return Err(Error::integrity("ledger", "it is shorter than its newest snapshot"));
        };
        let life = &state.lifecycle;
        let head = Head {
            deleted: life.deleted,
            entries: state.size(),
            owner: BASE64.encode(owner.as_bytes()),
            removals: life.removals,
            rests_on: base.map(|b| RestsOn { bytes: b.bytes, n: b.n, sha256: b.sha256.clone() }),
            rows: state.rows,
            snapshot: state.snapshot,
            time,
            trail: trail.clone(),
            v: 1,
        };
        let removed = base.map_or(&[][..], |base| &base.removed);
        let runs = leaves.chunks(LEAVES_A_ROW);
        let front = std::iter::once(Item::Head(Cow::Owned(head)))
            .chain(runs.map(|run| Item::Leaves(Cow::Owned(BASE64.encode(run.as_flattened())))))
            .chain(state.writers.values().map(|w| Item::Writer(Cow::Owned(Writer::of(w)))))
            .chain(state.registry.columns().iter().map(|c| Item::Column(Cow::Borrowed(c))))
            .chain(life.policy.iter().map(|p| Item::Policy(Cow::Borrowed(p))))
            .chain(life.holds.values().map(|h| Item::Hold(Cow::Borrowed(h))))
            .chain(life.erasures.values().map(|e| Item::Erasure(Cow::Borrowed(e))))
            .chain(life.forgotten.values().map(|f| Item::Forgotten(Cow::Borrowed(f))))
            .chain(life.retired.values().map(|r| Item::Retired(Cow::Borrowed(r))))
            .chain(life.condemned.values().map(|c| Item::Condemned(Cow::Borrowed(c))))
            .chain(removed.iter().map(|path| Item::Removed(Cow::Borrowed(path))))
            .collect();
        Ok(Self { front, segments, from })
    }

    /// The texts of all rows, some at a time.
    fn texts(&self) -> impl Iterator<Item = Result<Vec<String>>> {
        let front = self.front.chunks(ROWS_AT_ONCE).map(|some| some.par_iter().map(text).collect());
        front.chain(self.segments.chunks(ROWS_AT_ONCE).map(segment_texts))
    }
}

fn text(item: &Item<'_>) -> Result<String> {
    String::from_utf8(canonical(item)?).map_err(|e| Error::encoding("snapshot", e))
}

fn segment_texts(segments: &[Arc<AddedSegment>]) -> Result<Vec<String>> {
    segments.par_iter().map(|s| text(&Item::Segment(Cow::Borrowed(s)))).collect()
}

/// Two hashes over rows, each followed by a line break, which no row holds: over those before the
/// rows of segments, and over these.
pub(crate) type RowsDigest = [Hash; 2];

fn add_row(hasher: &mut Sha256, row: &str) {
    hasher.update(row);
    hasher.update(b"\n");
}

/// What the snapshots of one ledger must hold. Their segments are mostly the same ones: for all full
/// snapshots together each is written out once.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    /// Over the rows of the first `segments` segments, after so many were removed.
    hasher: Sha256,
    segments: usize,
    removals: u64,
}

impl Expected {
    /// The digest of the rows that the snapshot of `state` must have. The states that it is asked
    /// for are of one history, each later than the one before.
    pub(crate) fn rows(
        &mut self,
        state: &State,
        leaves: &[Hash],
        due: DueSnapshot,
    ) -> Result<RowsDigest> {
        let outline = Outline::of(state, leaves, due)?;
        let mut front = Sha256::new();
        for item in &outline.front {
            add_row(&mut front, &text(item)?);
        }
        let removals = state.lifecycle.removals;
        let begun = self.removals == removals && self.segments <= outline.segments.len();
        let (mut hasher, known) = match outline.from {
            0 if begun => (self.hasher.clone(), self.segments),
            _ => (Sha256::new(), 0),
        };
        for some in outline.segments[known..].chunks(ROWS_AT_ONCE) {
            segment_texts(some)?.iter().for_each(|row| add_row(&mut hasher, row));
        }
        if outline.from == 0 {
            let segments = outline.segments.len();
            *self = Self { hasher: hasher.clone(), segments, removals };
        }
        Ok([front.finalize().into(), hasher.finalize().into()])
    }
}

/// The digest of the rows of a snapshot's file, where those of segments come last.
pub(crate) fn found(bytes: Bytes) -> Result<RowsDigest> {
    let (mut front, mut segments) = (Sha256::new(), Sha256::new());
    let mut in_segments = false;
    Rows::open(bytes)?.each(|row| {
        let of_segment = row.starts_with(SEGMENT_ROW);
        if (in_segments && !of_segment) || row.contains('\n') {
            return Err(bad("its rows are no rows or out of order"));
        }
        in_segments = of_segment;
        add_row(if of_segment { &mut segments } else { &mut front }, row);
        Ok(())
    })?;
    Ok([front.finalize().into(), segments.finalize().into()])
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
        .set_max_row_group_row_count(Some(ROWS_A_GROUP))
        .build();
    let options =
        ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let schema = Arc::new(Schema::new(vec![Field::new(COLUMN, DataType::Utf8, false)]));
    let mut writer =
        ArrowWriter::try_new_with_options(Vec::new(), schema.clone(), options).map_err(failed)?;
    for some in Outline::of(state, leaves, due)?.texts() {
        let column = Arc::new(StringArray::from_iter_values(some?));
        let batch = RecordBatch::try_new(schema.clone(), vec![column])
            .map_err(|e| Error::encoding("snapshot", e))?;
        writer.write(&batch).map_err(failed)?;
    }
    writer.into_inner().map_err(failed)
}

fn bad(what: impl std::fmt::Display) -> Error {
    Error::integrity("snapshot", what.to_string())
}
