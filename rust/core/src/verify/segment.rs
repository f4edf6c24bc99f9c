//! One segment: its object, its description, its rows.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::ledger::{Listed, Signed};
use super::origins::{Appends, Seen, Unproven};
use super::report::{Finding, Verdict};
use super::{Level, description, rows, thrift};
use crate::encryption::{Keyring, is_encrypted};
use crate::ledger::{AddedSegment, TrailInfo, sidecar_path};
use crate::segment::SegmentFile;
use crate::segment::gone::Gone;
use crate::segment::jsonl;
use crate::storage::durable;
use crate::{Error, Result};

/// What all segments of a trail share.
#[derive(Debug)]
pub(super) struct TrailFacts {
    pub(super) info: Arc<TrailInfo>,
    /// Promoted columns by lower-case name.
    pub(super) columns: HashMap<String, Listed>,
    pub(super) level: Level,
    /// Entries from here on may rest on others that are lost.
    pub(super) broken_at: Option<u64>,
    /// What `append` entries added.
    pub(super) appends: Appends,
    /// Earlier entries were not read.
    pub(super) since: bool,
    /// What opens encrypted segments.
    pub(super) keys: Option<Arc<Keyring>>,
}

/// A segment, and what the ledger says of it.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) facts: Arc<TrailFacts>,
    pub(super) signed: Arc<Signed>,
    pub(super) add: Arc<AddedSegment>,
    /// Which of its entry's segments it is, where that entry introduced its batches.
    pub(super) add_index: Option<u64>,
    pub(super) cancel: Arc<AtomicBool>,
}

/// What the check of one segment found.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) findings: Vec<Finding>,
    pub(super) present: bool,
    pub(super) bytes: u64,
    pub(super) batches: u64,
    pub(super) rows: u64,
    pub(super) hmacs: u64,
    pub(super) bloom_filters: u64,
    /// Whether its batches are those that the ledger commits to.
    pub(super) listed: bool,
    /// Whether it could not be decrypted for want of its key.
    pub(super) locked: bool,
    /// Its batches by ordinal, as far as it is known where they were introduced.
    pub(super) seen: Vec<Option<Seen>>,
    /// Batches of which that remains to be looked up.
    pub(super) unproven: Vec<Unproven>,
}

impl Outcome {
    pub(super) fn missing(task: &Task) -> Self {
        let AddedSegment { path, rows, batches, .. } = &*task.add;
        let message = format!("it is not there, with {rows} records in {batches} batches");
        let mut finding = Finding::missing("segment_missing", path, message);
        finding.rows = vec![(0, rows.saturating_sub(1))];
        Self { findings: vec![finding], ..Self::default() }
    }
}

/// Collects what is wrong with one segment.
#[derive(Debug)]
pub(super) struct Checked<'a> {
    pub(super) task: &'a Task,
    pub(super) outcome: Outcome,
    /// What its sidecar says.
    pub(super) gone: Gone,
    /// A sidecar that is lost or damaged is a finding of its own: nothing is held against it.
    pub(super) gone_known: bool,
}

impl Checked<'_> {
    pub(super) fn wrong(&mut self, kind: &'static str, message: impl Into<String>) {
        let finding = Finding::tampered(kind, &self.task.add.path, message);
        self.outcome.findings.push(finding);
    }

    /// It is encrypted, and its key is not at hand. At quick level only hashes and signatures count.
    fn locked(&mut self, message: String) {
        if self.task.facts.level == Level::Deep {
            let path = &self.task.add.path;
            let finding = Finding::new(Verdict::Locked, "segment_locked", path, &message);
            self.outcome.findings.push(finding);
        }
        self.outcome.locked = true;
    }

    pub(super) fn wrong_batch(&mut self, kind: &'static str, batch: &str, message: &str) {
        let mut finding = Finding::tampered(kind, &self.task.add.path, message);
        finding.batch = Some(batch.to_owned());
        self.outcome.findings.push(finding);
    }
}

/// Checks the object of a segment and all that it holds.
///
/// # Errors
/// `Interrupted` if the caller asked to stop.
pub(super) fn check(task: &Task, bytes: Bytes, sidecar: Option<Bytes>) -> Result<Outcome> {
    let outcome = Outcome { present: true, bytes: bytes.len() as u64, ..Outcome::default() };
    let mut checked = Checked { task, outcome, gone: Gone::default(), gone_known: true };
    look_beside(&mut checked, sidecar);
    let add = &task.add;
    let whole = bytes.len() as u64 == add.bytes;
    if !whole {
        checked.wrong("segment_length", format!("it has {} bytes, not {}", bytes.len(), add.bytes));
    }
    let genuine = HEXLOWER.encode(&Sha256::digest(&bytes)) == add.sha256;
    if !genuine {
        checked.wrong("segment_digest", "its bytes are not those that were signed");
    }
    // Bytes that are not the signed ones are still looked at, to name what was changed.
    let looked = catch_unwind(AssertUnwindSafe(|| look(&mut checked, bytes, genuine)));
    match looked {
        Ok(Ok(())) => {}
        Ok(Err(Error::Interrupted)) => return Err(Error::Interrupted),
        Ok(Err(Error::Key(message))) if genuine && add.key.is_some() => checked.locked(message),
        Ok(Err(Error::Integrity { message, .. })) => checked.wrong("unreadable", message),
        Ok(Err(e)) => checked.wrong("unreadable", e.to_string()),
        // The Parquet library does not promise to survive every damage.
        Err(_) => checked.wrong("unreadable", "the Parquet reader panicked on it"),
    }
    checked.outcome.listed &= genuine;
    Ok(checked.outcome)
}

/// Takes over the sidecar, if the ledger names one.
fn look_beside(checked: &mut Checked<'_>, sidecar: Option<Bytes>) {
    let Some(named) = &checked.task.add.gone else { return };
    let path = sidecar_path(&checked.task.add.path);
    let finding = match sidecar {
        None => {
            let message = "the sidecar of removed records is not there";
            Finding::missing("sidecar_missing", path, message)
        }
        Some(bytes) => {
            let genuine = bytes.len() as u64 == named.bytes
                && HEXLOWER.encode(&Sha256::digest(&bytes)) == named.sha256;
            match Gone::parse(&bytes) {
                Ok(gone) if genuine => {
                    checked.gone = gone;
                    return;
                }
                Ok(_) => {
                    let message = "its bytes are not those that were signed";
                    Finding::tampered("sidecar", path, message)
                }
                Err(message) => Finding::tampered("sidecar", path, message),
            }
        }
    };
    checked.gone_known = false;
    checked.outcome.findings.push(finding);
}

fn look(checked: &mut Checked<'_>, bytes: Bytes, genuine: bool) -> Result<()> {
    let path = &checked.task.add.path;
    let bytes = match checked.task.add.is_jsonl() {
        // Nobody vouches for how much other bytes unpack to.
        true if !genuine => return Ok(()),
        true => parquet_of(path, &bytes)?,
        false => bytes,
    };
    // Nobody without its key can have made the footer of an encrypted one.
    if !is_encrypted(&bytes) {
        thrift::guard(&bytes).map_err(|what| Error::integrity(path, what))?;
    }
    let file = SegmentFile::open_with(path, bytes, checked.task.facts.keys.as_ref())?;
    if file.generation() != checked.task.add.key.as_deref() {
        let said = |key: Option<&str>| key.unwrap_or("none").to_owned();
        let (named, found) = (said(checked.task.add.key.as_deref()), said(file.generation()));
        let message = format!("it is encrypted under {found}, and the ledger says {named}");
        checked.wrong("generation", message);
    }
    description::check(checked, &file)?;
    if checked.task.facts.level == Level::Deep {
        rows::check(checked, &file)?;
    }
    Ok(())
}

/// The Parquet file of compressed lines: all that is demanded of one is demanded of it.
fn parquet_of(path: &str, lines: &[u8]) -> Result<Bytes> {
    let restored = jsonl::restore(path, lines, &std::env::temp_dir(), "verify")?;
    durable::read(restored.file.path()).map(Bytes::from)
}
