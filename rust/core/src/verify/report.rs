//! What a verification found.

use std::fmt;

use serde::{Serialize, Serializer};

use super::Level;
use super::runs::Runs;
use crate::trail::{now_micros, time_text};

/// The outcome of a verification, or what one finding makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// All that was checked holds.
    Verified,
    /// All that was checked holds; so many records are committed, and others are not yet.
    VerifiedTo(u64),
    /// All holds; what is absent was removed with authority, by retention.
    Pruned,
    /// All holds; what is unreadable was erased with authority.
    Erased,
    /// Nothing is wrong, but what is encrypted could not be looked into: its key is not at hand.
    Locked,
    /// All holds, but nothing outside the trail says how long it must be.
    Unanchored,
    /// Something that the ledger names is not there.
    Missing,
    /// The ledger ends before a pinned checkpoint.
    RolledBack,
    /// The ledger is another one than a pinned checkpoint's.
    Forked,
    /// Something is not as it was signed, or not as it must be.
    Tampered,
}

impl Verdict {
    /// 0 if everything holds or was removed with authority, 3 if what was asked for needs a key that
    /// is not at hand, else 4.
    ///
    /// [`Unanchored`](Self::Unanchored) is only given where an anchor was demanded, so it is 4.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Verified | Self::VerifiedTo(_) | Self::Pruned | Self::Erased => 0,
            Self::Locked => 3,
            Self::Unanchored | Self::Missing | Self::RolledBack | Self::Forked | Self::Tampered => {
                4
            }
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verified => f.write_str("VERIFIED"),
            Self::VerifiedTo(records) => write!(f, "VERIFIED_TO({records})"),
            Self::Pruned => f.write_str("PRUNED"),
            Self::Erased => f.write_str("ERASED"),
            Self::Locked => f.write_str("LOCKED"),
            Self::Unanchored => f.write_str("UNANCHORED"),
            Self::Missing => f.write_str("MISSING"),
            Self::RolledBack => f.write_str("ROLLED_BACK"),
            Self::Forked => f.write_str("FORKED"),
            Self::Tampered => f.write_str("TAMPERED"),
        }
    }
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What this finding alone makes of the trail.
    pub verdict: Verdict,
    /// Stable name of the check that failed, for example `segment_digest`.
    pub kind: &'static str,
    /// Path of the object within the trail.
    pub object: String,
    /// Id of the batch, where one is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<String>,
    /// Ranges of rows of the file, counted from 0, both ends included; empty where no rows are
    /// meant or known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<(u64, u64)>,
    /// What is wrong, for a person to read.
    pub message: String,
}

impl Finding {
    pub(super) fn new(
        verdict: Verdict,
        kind: &'static str,
        object: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        let (object, message) = (object.into(), message.into());
        Self { verdict, kind, object, batch: None, rows: Vec::new(), message }
    }

    /// Something that is not as it must be.
    pub(crate) fn tampered(
        kind: &'static str,
        object: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Verdict::Tampered, kind, object, message)
    }

    /// Something that is not there.
    pub(crate) fn missing(
        kind: &'static str,
        object: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Verdict::Missing, kind, object, message)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.verdict, self.kind, self.object)?;
        if let Some(batch) = &self.batch {
            write!(f, ", batch {batch}")?;
        }
        for (i, (from, to)) in self.rows.iter().enumerate() {
            f.write_str(if i == 0 { ", rows " } else { ", " })?;
            if from == to { write!(f, "{from}")? } else { write!(f, "{from}-{to}")? }
        }
        write!(f, ": {}", self.message)
    }
}

/// How much was checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Ledger entries, signatures included.
    pub entries: u64,
    /// Segments whose object was read.
    pub segments: u64,
    /// Batches of those segments.
    pub batches: u64,
    /// Records hashed (deep only).
    pub records: u64,
    /// Bytes of the segments read.
    pub bytes: u64,
    /// HMACs of entries and segments.
    pub hmacs: u64,
    /// Seals of epochs.
    pub epoch_seals: u64,
    /// Bloom filters (deep only).
    pub bloom_filters: u64,
    /// Checkpoints brought by the caller.
    pub pins: u64,
    /// Snapshots whose object was read.
    pub snapshots: u64,
    /// Checkpoints with lines of others, which are not checked themselves.
    pub cosigned: u64,
}

/// When a writer last said that it lives and knows of no other ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Beat {
    /// When; RFC 3339, UTC, by the writer's clock.
    pub time: String,
    /// How long ago that is by the clock here, in seconds; negative if the clocks differ so.
    pub age_seconds: i64,
    /// The writer.
    pub writer: String,
    /// The number of entries that it knew.
    pub size: u64,
    #[serde(skip)]
    pub(super) seconds: u64,
}

impl Beat {
    pub(super) fn new(seconds: u64, writer: String, size: u64) -> Self {
        let micros = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        let age_seconds = now_micros().saturating_sub(micros) / 1_000_000;
        Self { time: time_text(micros), age_seconds, writer, size, seconds }
    }
}

/// What an incremental verification did not look at, because earlier ones did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Before {
    /// Number of entries.
    pub entries: u64,
    /// Number of their segments.
    pub segments: u64,
    /// Number of their records.
    pub records: u64,
    /// When all of the trail was verified deeply at once; RFC 3339, UTC.
    pub last_full: String,
}

/// What a verification checked, and what it found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The gravest of the findings' verdicts.
    pub verdict: Verdict,
    /// How thoroughly it was looked.
    pub level: Level,
    /// The trail's URL.
    pub trail: String,
    /// The trail's id, once entry 0 has been read.
    pub trail_id: Option<String>,
    /// The log's name in checkpoints.
    pub origin: Option<String>,
    /// Number of ledger entries that were read without a gap.
    pub size: u64,
    /// Hex root of the ledger tree over them.
    pub root: String,
    /// Number of records that valid entries commit.
    pub committed: u64,
    /// Number of records that were deleted, by the word of tombstones.
    #[serde(skip)]
    pub deleted: u64,
    /// Data subjects whose personal fields were erased.
    pub erased_subjects: u64,
    /// Number of records in local logs that no entry commits yet, as the caller says.
    pub unsealed: u64,
    /// Time of the newest valid entry; RFC 3339, UTC.
    pub last_entry: Option<String>,
    /// The newest heartbeat in the trail or the anchors that were looked at.
    pub heartbeat: Option<Beat>,
    /// Which runs of writers ended in order.
    pub runs: Runs,
    /// Whether the ledger was held against a checkpoint from outside the trail.
    pub anchored: bool,
    /// What an incremental verification left to earlier ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Before>,
    /// How much was checked.
    pub checked: Counts,
    /// What was not checked, a sentence each.
    pub not_checked: Vec<String>,
    /// What is no failure, but worth knowing: objects that nothing names, for example.
    pub notes: Vec<String>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

impl Report {
    pub(super) fn new(level: Level, trail: &str) -> Self {
        Self {
            verdict: Verdict::Verified,
            level,
            trail: trail.to_owned(),
            trail_id: None,
            origin: None,
            size: 0,
            root: String::new(),
            committed: 0,
            deleted: 0,
            erased_subjects: 0,
            unsealed: 0,
            last_entry: None,
            heartbeat: None,
            runs: Runs::default(),
            anchored: false,
            since: None,
            checked: Counts::default(),
            not_checked: Vec::new(),
            notes: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// Settles the verdict.
    pub(crate) fn conclude(&mut self) {
        let worst = self.findings.iter().map(|f| f.verdict).max();
        let sound = match self.unsealed {
            0 if self.erased_subjects > 0 => Verdict::Erased,
            0 if self.deleted > 0 => Verdict::Pruned,
            0 => Verdict::Verified,
            _ => Verdict::VerifiedTo(self.committed),
        };
        self.verdict = worst.unwrap_or(sound);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { entries, segments, batches, records, bytes, hmacs, epoch_seals, .. } =
            self.checked;
        writeln!(f, "{}  {}", self.verdict, self.trail)?;
        writeln!(f, "  ledger: {} entries, root {}", self.size, self.root)?;
        writeln!(
            f,
            "  checked: {entries} entries, {segments} segments ({bytes} bytes), {batches} batches, \
             {records} of {} records, {hmacs} HMACs, {epoch_seals} epoch seals",
            self.committed
        )?;
        writeln!(f, "  {}", self.runs)?;
        let lines = self.findings.iter().map(ToString::to_string);
        let not_checked = self.not_checked.iter().map(|what| format!("not checked: {what}"));
        let notes = self.notes.iter().map(|note| format!("note: {note}"));
        lines.chain(not_checked).chain(notes).try_for_each(|line| writeln!(f, "  {line}"))
    }
}

/// Numbers that come in ascending order, kept as ranges: at most [`Rows::MOST`] of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rows {
    ranges: Vec<(u64, u64)>,
    more: u64,
}

impl Rows {
    /// More ranges than a person reads; beyond, rows are only counted.
    pub(super) const MOST: usize = 100;

    /// Adds rows `from` to `to`, both included, none of them before the last one added.
    pub(super) fn add_range(&mut self, from: u64, to: u64) {
        let full = self.ranges.len() >= Self::MOST;
        match self.ranges.last_mut() {
            Some(last) if from <= last.1.saturating_add(1) => last.1 = last.1.max(to),
            Some(_) if full => self.more += to - from + 1,
            _ => self.ranges.push((from, to)),
        }
    }

    /// Puts the rows into a finding.
    pub(super) fn place(self, mut finding: Finding) -> Finding {
        if self.more > 0 {
            finding.message += &format!("; so do {} further rows", self.more);
        }
        finding.rows = self.ranges;
        finding
    }
}
