//! Verification: everything that a reader relies on, recomputed from the stored bytes and from
//! keys that the caller brings.
//!
//! Nothing in a trail makes this fail or panic: what is wrong becomes a [`Finding`]. Only a store
//! that cannot be read, a caller that interrupts, and arguments that make no sense are errors.

mod anchors;
mod archives;
mod blooms;
mod cosigned;
mod description;
mod entries;
mod erased;
mod extent;
mod jobs;
mod ledger;
mod origins;
mod orphans;
mod pages;
mod pinned;
mod report;
mod rest;
mod rows;
mod runs;
mod sealed;
mod secrets;
mod segment;
mod since;
mod snapshots;
mod statistics;
mod thrift;
mod values;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use ed25519_dalek::VerifyingKey;
use serde::Serialize;

use crate::archive::Archives;
use crate::encryption::MasterSource;
use crate::keys::OwnerKey;
use crate::ledger::Entry;
use crate::note::Checkpoint;
use crate::storage::Storage;
use crate::{Error, Result};

pub use pinned::{Pinning, verify_pinned};
pub use report::{Beat, Before, Counts, Finding, Report, Verdict};
pub use runs::{OpenRun, RecoveredRun, Runs};

/// How thoroughly to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Signatures, the ledger's tree, the lengths and hashes of all objects, and seals.
    Quick,
    /// All of that, every record, and everything else that a query relies on.
    #[default]
    Deep,
}

/// What the caller knows from elsewhere than the trail.
#[derive(Debug, Clone)]
pub struct Trust {
    /// The owner's public key.
    pub owner: VerifyingKey,
    /// The owner's secret: with it HMACs and seals are checked too.
    pub secret: Option<Arc<OwnerKey>>,
    /// Checkpoints seen before; the ledger must extend each.
    pub pins: Vec<Checkpoint>,
    /// Checkpoints that others signed; the ledger must extend each.
    pub notes: Vec<BroughtNote>,
    /// Entries of the owner that anchors hold, and where: each is a signed checkpoint too.
    pub announced: Vec<(String, Bytes)>,
}

/// A checkpoint as a signed note, from outside the trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BroughtNote {
    /// Where it is from, for findings.
    pub place: String,
    /// The note. One of its signatures must be of the owner or of a writer of the trail.
    pub note: String,
    /// What it must be.
    pub kind: NoteKind,
}

/// What a note from outside must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoteKind {
    /// A checkpoint that the caller brings.
    Pin,
    /// A checkpoint from an anchor, where nothing but such notes may be.
    Anchor,
    /// A heartbeat from an anchor.
    Heartbeat,
}

impl Trust {
    /// Trust in a public key alone.
    pub fn owner(owner: VerifyingKey) -> Self {
        let (pins, notes, announced) = (Vec::new(), Vec::new(), Vec::new());
        Self { owner, secret: None, pins, notes, announced }
    }

    /// Sizes of all checkpoints from outside, those of unsigned notes included.
    fn sizes(&self) -> impl Iterator<Item = u64> {
        let parsed = |brought: &BroughtNote| Checkpoint::parse(&brought.note).ok();
        let notes = self.notes.iter().filter_map(move |b| Some(parsed(b)?.checkpoint.size));
        let entries = self.announced.iter();
        let entries = entries.filter_map(|(_, bytes)| Some(Entry::parse(bytes).ok()?.body.n));
        self.pins.iter().map(|pin| pin.size).chain(notes).chain(entries)
    }
}

/// How to verify.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// How thoroughly.
    pub level: Level,
    /// Threads; 0 for as many as there are cores.
    pub threads: usize,
    /// Records in this host's logs that no entry commits yet: all well is `VERIFIED_TO` then.
    pub unsealed: u64,
    /// Records of who looked among those logs. They are told of, but leave the verdict as it is:
    /// else no trail that was just asked something would be verified.
    pub unsealed_looks: u64,
    /// Only what came since an earlier deep verification is looked at deeply. The trust must hold
    /// a pin of at least its size.
    pub since: Option<Since>,
    /// Folders or URLs of archives by their names in the ledger. Of others the ledger's policy says
    /// where they are.
    pub archives: BTreeMap<String, String>,
    /// Where the master key of the trail's keyring comes from: deep verification of encrypted
    /// segments needs it.
    pub master: MasterSource,
    /// The trail's own store has what archives hold, as a copy has.
    pub together: bool,
}

/// An earlier deep verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Since {
    /// The number of entries whose segments it, and those before it, looked at.
    pub size: u64,
    /// When all of the trail was verified deeply at once; RFC 3339, UTC.
    pub last_full: String,
}

/// How far a verification is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Ledger entries checked.
    pub entries: u64,
    /// Ledger entries in all.
    pub of_entries: u64,
    /// Segments checked.
    pub segments: u64,
    /// Segments in all; 0 until the ledger is read.
    pub of_segments: u64,
    /// Records of the segments checked.
    pub records: u64,
    /// Records in all; 0 until the ledger is read.
    pub of_records: u64,
}

/// Verifies a trail.
///
/// Entries that come while it runs are not looked at. Memory holds a few segments at a time and,
/// for each segment of the trail, what the ledger says of it. `progress` is called from the
/// calling task; `cancel` is looked at between objects and every few thousand rows.
///
/// # Errors
/// `NotFound` if there is no trail at all, `Io` or `Store` if objects cannot be read,
/// `Interrupted` if `cancel` was set. Whatever is wrong with the trail is in the report.
pub async fn verify(
    storage: &Storage,
    trust: &Trust,
    options: &Options,
    progress: &(dyn Fn(Progress) + Sync),
    cancel: &Arc<AtomicBool>,
) -> Result<Report> {
    let mut report = Report::new(options.level, storage.url());
    report.unsealed = options.unsealed;
    if let Some(since) = &options.since
        && !trust.pins.iter().any(|pin| pin.size >= since.size)
    {
        let message = "what came since an earlier verification needs the pin that it left";
        return Err(Error::Usage(message.to_owned()));
    }
    let objects = match options.since {
        Some(_) => Vec::new(),
        None => storage.list("").await?,
    };
    let pool = jobs::threads(options.threads)?;
    let folder = std::env::temp_dir();
    let archives = match options.together {
        true => Archives::together(storage.clone(), folder),
        false => Archives::new(storage.clone(), options.archives.clone(), folder),
    };
    let run = Run { storage, archives, trust, options, progress, cancel, pool };
    let audit = ledger::audit(&run, &objects, &mut report).await?;
    snapshots::check(&run, &audit, &mut report).await?;
    jobs::check_segments(&run, audit, &objects, &mut report).await?;
    if !report.anchored {
        let what = "UNANCHORED: whether the whole trail was put back to an earlier state or \
                    replaced: no checkpoint from outside (pin or anchor) was given";
        report.not_checked.push(what.to_owned());
    }
    if options.unsealed > 0 {
        report.not_checked.push(format!(
            "{} records in this host's logs that no entry commits yet",
            options.unsealed
        ));
    }
    if options.unsealed_looks > 0 {
        report.notes.push(format!(
            "{} records of who looked (system.audit_access) are durable in this host's logs; the \
             next commit takes them along",
            options.unsealed_looks
        ));
    }
    report.conclude();
    Ok(report)
}

/// What every part of a verification needs.
struct Run<'a> {
    storage: &'a Storage,
    archives: Archives,
    trust: &'a Trust,
    options: &'a Options,
    progress: &'a (dyn Fn(Progress) + Sync),
    cancel: &'a Arc<AtomicBool>,
    pool: rayon::ThreadPool,
}

impl Run<'_> {
    fn demand_go(&self) -> Result<()> {
        demand_go(self.cancel)
    }
}

fn demand_go(cancel: &AtomicBool) -> Result<()> {
    if cancel.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
}
