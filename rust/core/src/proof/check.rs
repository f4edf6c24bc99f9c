//! Checking a proof of a record.

use data_encoding::HEXLOWER;
use serde::Serialize;

use super::chain::{Chain, Evidence, step};
use super::file::{File, unhex};
use super::{Signer, TreeState, fails};
use crate::Result;
use crate::json::{self, Limits};
use crate::ledger::{AddedSegment, Entry, Kind};
use crate::merkle::{self, Hash};
use crate::segment::batch_leaf;

/// A record has at most as many bytes as the trail's configuration allowed.
const RECORD_LIMITS: Limits = Limits { max_bytes: usize::MAX, max_depth: 64 };

/// What a proof that holds shows. Times are RFC 3339 in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The canonical record.
    pub record: String,
    /// Its `audit_id`.
    pub audit_id: String,
    /// Its `event_type`.
    pub event_type: String,
    /// Its `timestamp`, as its recorder was told.
    pub timestamp: String,
    /// Its `recorded_at`, by its recorder's clock.
    pub recorded_at: String,
    /// The trail's id.
    pub trail_id: String,
    /// The name of its log.
    pub origin: String,
    /// The writer that signed the entry; one of `signers`.
    pub writer: String,
    /// Number of the entry that added the record.
    pub entry: u64,
    /// When the writer signed it, by its clock.
    pub entry_time: String,
    /// Path of the record's segment within the trail.
    pub segment: String,
    /// Id of its batch.
    pub batch: String,
    /// What the checkpoint states. It has no time of its own.
    pub checkpoint: TreeState,
    /// Who signed it: one of `signers`, or `owner`.
    pub checkpoint_signer: String,
    /// The writers whose signatures the proof rests on.
    pub signers: Vec<Signer>,
}

/// Checks the proof of a record with the owner's public key, a C2SP vkey.
///
/// # Errors
/// `Key` if that is no vkey. `Integrity` if the proof does not hold: `place` names the step,
/// such as `entry 7` or `batch`.
pub fn check(proof: &[u8], vkey: &str) -> Result<Checked> {
    crate::note::parse_vkey(vkey)?;
    let file = File::parse(proof)?;
    let evidence = Evidence {
        checkpoint: &file.checkpoint,
        entries: &file.entries,
        signers: &file.signers,
        subjects: &[file.segment.entry],
    };
    let Chain { info, checkpoint, signers, mut subjects, .. } = Chain::check(&evidence, vkey)?;
    let entry = subjects.pop().ok_or_else(|| fails("proof", "the record's entry is not there"))?;
    let add = segment_of(&file, &entry)?;
    check_batch(&file, add)?;
    check_record(&file)?;
    let member = |name: &str| {
        let value = json::get(file.record.bytes.as_bytes(), &[name]).and_then(json::string_value);
        let text = value.map(std::borrow::Cow::into_owned);
        text.ok_or_else(|| fails("record", format!("it has no {name:?}")))
    };
    Ok(Checked {
        audit_id: member("audit_id")?,
        event_type: member("event_type")?,
        timestamp: member("timestamp")?,
        recorded_at: member("recorded_at")?,
        trail_id: info.trail_id,
        origin: info.origin,
        entry: entry.body.n,
        segment: add.path.clone(),
        writer: entry.body.writer,
        entry_time: entry.body.time,
        checkpoint: TreeState::of(&checkpoint),
        signers,
        record: file.record.bytes,
        batch: file.batch.id,
        checkpoint_signer: file.checkpoint.signer,
    })
}

/// The record's segment as its entry names it.
fn segment_of<'a>(file: &File, entry: &'a Entry) -> Result<&'a AddedSegment> {
    let body = &entry.body;
    if body.kind != Kind::Append {
        return Err(fails(step(body.n), "it does not add records"));
    }
    let adds = body.adds.as_deref().unwrap_or_default();
    let at = usize::try_from(file.segment.index).ok();
    let add = at.and_then(|at| adds.get(at));
    add.ok_or_else(|| fails(step(body.n), "it does not add that segment"))
}

fn check_batch(file: &File, add: &AddedSegment) -> Result<()> {
    let batch = &file.batch;
    let leaf = batch_leaf(&batch.commitment.0, &batch.id, &batch.root.0, batch.rows)?;
    let root: Option<Hash> =
        HEXLOWER.decode(add.root.as_bytes()).ok().and_then(|root| root.try_into().ok());
    let holds = root.is_some_and(|root| {
        merkle::verify_inclusion(&leaf, batch.index, add.batches, &unhex(&batch.path), &root)
    });
    let what = "its path does not lead to the root of the segment in the entry";
    if holds { Ok(()) } else { Err(fails("batch", what)) }
}

fn check_record(file: &File) -> Result<()> {
    let (record, batch) = (&file.record, &file.batch);
    let leaf = merkle::record_leaf(&record.salt.0, record.bytes.as_bytes());
    let path = unhex(&record.path);
    if !merkle::verify_inclusion(&leaf, record.index, batch.rows, &path, &batch.root.0) {
        return Err(fails("record", "its path does not lead to the root of the batch"));
    }
    if !json::is_canonical(record.bytes.as_bytes(), RECORD_LIMITS) {
        return Err(fails("record", "it is not canonical JSON"));
    }
    Ok(())
}
