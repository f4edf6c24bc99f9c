//! Records that a revoked writer acknowledged and did not commit. No entry of it would be valid, so
//! another writer of the host records them as its own, with its own `recorded_at`.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Instant;

use bytes::Bytes;

use super::now_micros;
use super::open::WRITER_FILE;
use super::writer::{Pending, Writer};
use crate::keys::WriterKeys;
use crate::ledger::{Ledger, RecoveredLog};
use crate::record::facts_of;
use crate::storage::durable::{self, LockFile};
use crate::wal::{Frame, recover_with};
use crate::{Error, Result, json};

/// What a revoked writer left on this host.
pub(super) struct Bequest {
    pub(super) dir: PathBuf,
    pub(super) keys: WriterKeys,
    pub(super) _lock: LockFile,
}

impl Writer {
    /// Ids of what is in the log and not committed.
    pub(super) fn logged_ids(&self) -> impl Iterator<Item = String> + use<> {
        let ids: Vec<String> = self.intake().pending.iter().map(|p| p.audit_id.clone()).collect();
        ids.into_iter()
    }

    /// Takes over and counts what is not committed, but for the ids in `known`, which an adoption that broke
    /// off took over, and removes the folder once all is durable in this log.
    pub(super) fn adopt(
        &self,
        bequest: Bequest,
        ledger: &Ledger,
        known: &HashSet<String>,
    ) -> Result<RecoveredLog> {
        let Bequest { dir, keys, _lock } = bequest;
        let committed = ledger.state().writers.get(keys.id()).map_or(0, |w| w.committed);
        let key_of = |epoch| keys.hmac_at(epoch, keys.epoch());
        let keyring = self.settings.keyring.as_ref();
        let recovered = recover_with(&dir.join("wal"), &key_of, committed, keyring)?;
        let mut records = 0;
        for frame in &recovered.frames {
            records += u64::from(self.adopt_record(frame, known)?);
        }
        self.wal.sync()?;
        // Without its keys the folder counts for nothing, however far its removal comes.
        durable::remove(&dir.join(WRITER_FILE))?;
        durable::remove_folder(&dir)?;
        Ok(RecoveredLog { records, writer: keys.id().to_owned() })
    }

    /// Whether it is a record that was not known.
    fn adopt_record(&self, frame: &Frame, known: &HashSet<String>) -> Result<bool> {
        // The event as its caller gave it is not known, so that its repetition will be a conflict;
        // but no second record.
        let content = frame.content_hash.map(|_| self.rules.content_key.tag16(&[&frame.record]));
        let (facts, _) = facts_of(&frame.record, content)?;
        if known.contains(&facts.audit_id) {
            return Ok(false);
        }
        let mut intake = self.intake();
        let recorded_at = intake.ids.stamp(now_micros()).recorded_at;
        let record = Bytes::from(restamped(&frame.record, recorded_at)?);
        let sequence = self.wal.enqueue(content.as_ref(), &record)?;
        if let Some(content) = content {
            intake.seen.insert(&facts.audit_id, content, recorded_at, sequence);
        }
        intake.bytes += record.len() as u64;
        intake.oldest.get_or_insert_with(Instant::now);
        intake.pending.push(Pending {
            sequence,
            record,
            timestamp: facts.timestamp,
            recorded_at,
            audit_id: facts.audit_id,
            domain: facts.domain,
            content: facts.content,
        });
        Ok(true)
    }
}

/// The record with another `recorded_at`.
fn restamped(record: &[u8], recorded_at: i64) -> Result<Vec<u8>> {
    let raw = json::get(record, &["recorded_at"])
        .ok_or_else(|| Error::encoding("recorded_at", "is missing"))?;
    let from = raw.as_ptr() as usize - record.as_ptr() as usize;
    let mut time = vec![b'"'];
    json::format_timestamp(recorded_at, &mut time);
    time.push(b'"');
    Ok([&record[..from], &time, &record[from + raw.len()..]].concat())
}
