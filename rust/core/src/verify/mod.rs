//! Verification: everything that a reader relies on, recomputed from the stored bytes and from
//! keys that the caller brings.
//!
//! Nothing in a trail makes this fail or panic: what is wrong becomes a [`Finding`]. Only a store
//! that cannot be read, a caller that interrupts, and arguments that make no sense are errors.

mod anchors;
mod blooms;
mod description;
mod extent;
mod jobs;
mod ledger;
mod pages;
mod report;
mod rest;
mod rows;
mod secrets;
mod segment;
mod snapshots;
mod statistics;
mod thrift;
mod values;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ed25519_dalek::VerifyingKey;
use serde::Serialize;

use crate::keys::OwnerKey;
use crate::note::Checkpoint;
use crate::storage::Storage;
use crate::{Error, Result};

pub use report::{Counts, Finding, Report, Verdict};

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
}

impl Trust {
    /// Trust in a public key alone.
    pub fn owner(owner: VerifyingKey) -> Self {
        Self { owner, secret: None, pins: Vec::new() }
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
    let objects = storage.list("").await?;
    let run = Run { storage, trust, options, progress, cancel };
    let audit = ledger::audit(&run, &objects, &mut report).await?;
    snapshots::check(&run, &audit, &mut report).await?;
    jobs::check_segments(&run, audit, &objects, &mut report).await?;
    if trust.pins.is_empty() {
        let what = "whether the whole trail was put back to an earlier state or replaced: no \
                    checkpoint from outside (pin or anchor) was given";
        report.not_checked.push(what.to_owned());
    }
    if options.unsealed > 0 {
        report.not_checked.push(format!(
            "{} records in this host's logs that no entry commits yet",
            options.unsealed
        ));
    }
    report.conclude();
    Ok(report)
}

/// What every part of a verification needs.
struct Run<'a> {
    storage: &'a Storage,
    trust: &'a Trust,
    options: &'a Options,
    progress: &'a (dyn Fn(Progress) + Sync),
    cancel: &'a Arc<AtomicBool>,
}

impl Run<'_> {
    fn demand_go(&self) -> Result<()> {
        demand_go(self.cancel)
    }
}

fn demand_go(cancel: &AtomicBool) -> Result<()> {
    if cancel.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
}
