//! Writers and their keys: listed, authorised for other hosts, replaced, revoked.

use std::sync::Arc;

use super::open::{WRITER_FILE, lock_writer};
use super::{Trail, now_micros, owner, time_text};
use crate::keys::{OWNER, WriterGrant, WriterKeys, key_id};
use crate::ledger::{Body, Revocation, State, TrailInfo};
use crate::storage::durable;
use crate::{Error, Result, note};

/// A writer as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriterInfo {
    /// Its id.
    pub id: String,
    /// Id of its Ed25519 key.
    pub key: String,
    /// Number of the entry that authorised it.
    pub authorized: u64,
    /// Number of the entry that revoked it.
    pub revoked: Option<u64>,
    /// Records that it has committed.
    pub committed: u64,
    /// Latest `recorded_at` among them, in microseconds since 1970, UTC; 0 if there are none.
    pub recorded: i64,
    /// Whether its keys are on this host.
    pub here: bool,
}

impl WriterInfo {
    /// Its latest `recorded_at`; RFC 3339, UTC.
    pub fn last_record(&self) -> Option<String> {
        (self.committed > 0).then(|| time_text(self.recorded))
    }
}

/// A writer that was replaced by one with new keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// Id of the writer that was revoked.
    pub old: String,
    /// Id of the one in its place.
    pub new: String,
    /// Number of the entry that did both.
    pub entry: u64,
}

impl Trail {
    /// The writers that were ever authorised, in the order of their entries.
    ///
    /// # Errors
    /// `Io` or `Store`.
    pub async fn writers(&self) -> Result<Vec<WriterInfo>> {
        let ledger = self.refreshed().await?;
        let state_dir = self.state_dir();
        let mut writers: Vec<WriterInfo> = ledger
            .state()
            .writers
            .iter()
            .map(|(id, writer)| WriterInfo {
                id: id.clone(),
                key: key_id(&writer.public),
                authorized: writer.authorized,
                revoked: writer.revoked,
                committed: writer.committed,
                recorded: writer.recorded,
                here: state_dir.join(id).join(WRITER_FILE).is_file(),
            })
            .collect();
        writers.sort_by(|a, b| (a.authorized, &a.id).cmp(&(b.authorized, &b.id)));
        Ok(writers)
    }

    /// The owner's public key as a C2SP vkey, as entry 0 claims it.
    ///
    /// # Errors
    /// `Io` or `Store`; `Integrity` if the trail has no owner.
    pub async fn owner_public(&self) -> Result<String> {
        let ledger = self.refreshed().await?;
        let owner = ledger.state().owner;
        let owner = owner.ok_or_else(|| Error::integrity("ledger", "the trail has no owner"))?;
        note::vkey(&self.info().key_name(OWNER), &owner)
    }

    /// Authorises a writer for a host without the owner's key, and gives its id. `keep` gets the
    /// content of the file that this host needs ([`install_writer`](Self::install_writer)) before
    /// the entry is put; it is secret.
    ///
    /// # Errors
    /// `NotFound` or `Key` if the owner's key is not here, what `keep` fails with, `Io`, `Store`.
    pub async fn authorize_writer(&self, keep: impl FnOnce(&[u8]) -> Result<()>) -> Result<String> {
        let owner = self.owner_key()?;
        let keys = WriterKeys::generate(&owner, self.url(), epoch_now(self.info()))?;
        keep(&keys.to_grant()?)?;
        let mut ledger = self.ledger();
        let authorizes = vec![owner::authorization(&keys)];
        owner::authorize(&mut ledger, &owner, &self.anchors(), authorizes, Vec::new()).await?;
        Ok(keys.id().to_owned())
    }

    /// Makes a writer that was authorised elsewhere one of this host's, and gives its id.
    ///
    /// # Errors
    /// `Key` if it is for another trail, `Usage` if it is not authorised, revoked, or has written
    /// already, `AlreadyExists` if it is here.
    pub async fn install_writer(&self, grant: &WriterGrant) -> Result<String> {
        let keys = grant.keys(&self.info().trail_id, self.url())?;
        let ledger = self.refreshed().await?;
        let writer = ledger.state().writers.get(keys.id());
        let problem = match writer {
            Some(w) if w.public != keys.public() => Some("is authorised with another key"),
            Some(w) if w.revoked.is_some() => Some("was revoked"),
            Some(w) if w.committed > 0 || w.epoch != keys.epoch() => {
                Some("has written to the trail already, and that with its own state")
            }
            Some(_) => None,
            None => Some("is not authorised"),
        };
        if let Some(problem) = problem {
            return Err(Error::Usage(format!("writer {} {problem}", keys.id())));
        }
        let dir = self.state_dir().join(keys.id());
        let _lock = lock_writer(&dir)?;
        let file = dir.join(WRITER_FILE);
        if file.exists() {
            return Err(Error::AlreadyExists(format!("{}: it is here already", dir.display())));
        }
        keys.save(&file)?;
        Ok(keys.id().to_owned())
    }

    /// Puts an entry that the owner signs, as `make` gives it for the ledger's state, and gives its
    /// number. `make` is asked again if another entry was quicker.
    ///
    /// # Errors
    /// `NotFound` or `Key` if the owner's key is not here, `Usage` if the entry would have no
    /// effect, `Io`, `Store`, also if an anchor does not take it first; what `make` fails with.
    pub(crate) async fn put_owner_entry(
        &self,
        make: impl Fn(&State) -> Result<Body>,
    ) -> Result<u64> {
        let owner = self.owner_key()?;
        let mut ledger = self.ledger();
        owner::put(&mut ledger, &owner, &self.anchors(), make).await
    }

    /// Ends a writer's right to sign: no entry of it that comes later is valid. Gives the number
    /// of the owner's entry. What it committed before stays.
    ///
    /// # Errors
    /// `Usage` if there is no such writer or it is revoked, `NotFound` or `Key` if the owner's
    /// key is not here, `Io`, `Store`.
    pub async fn revoke_writer(&self, id: &str, reason: &str) -> Result<u64> {
        let owner = self.owner_key()?;
        let mut ledger = self.ledger();
        let revokes = vec![Revocation { reason: reason.to_owned(), writer: id.to_owned() }];
        owner::authorize(&mut ledger, &owner, &self.anchors(), Vec::new(), revokes).await
    }

    /// Replaces this process's writer (or one of this host that no process holds) by one with new
    /// keys. It commits what it recorded and seals its epoch; one entry authorises the new writer
    /// and revokes it.
    ///
    /// # Errors
    /// As [`record`](Self::record) and [`revoke_writer`](Self::revoke_writer). Whatever fails,
    /// nothing recorded is lost, and the call can be repeated.
    pub async fn rotate_writer(&self) -> Result<Rotation> {
        let owner = self.owner_key()?;
        let old = self.writer().await?;
        let sealed = old.seal_and_stop().await;
        self.close(true).await?;
        sealed?;
        let keys = WriterKeys::generate(&owner, self.url(), epoch_now(self.info()))?;
        let dir = self.state_dir().join(keys.id());
        let lock = lock_writer(&dir)?;
        keys.save(&dir.join(WRITER_FILE))?;
        let revokes = vec![Revocation { reason: "rotated".to_owned(), writer: old.id.clone() }];
        let authorizes = vec![owner::authorization(&keys)];
        let mut ledger = self.ledger();
        let anchors = self.anchors();
        let entry = owner::authorize(&mut ledger, &owner, &anchors, authorizes, revokes).await;
        if entry.is_err() {
            // An entry whose reply was lost leaves an unused writer at worst.
            durable::remove(&dir.join(WRITER_FILE))?;
        }
        drop(lock);
        Ok(Rotation { old: old.id.clone(), new: keys.id().to_owned(), entry: entry? })
    }
}

/// The epoch of the present moment.
pub(super) fn epoch_now(info: &Arc<TrailInfo>) -> u64 {
    (now_micros().max(0) as u64 / 1_000_000) / info.epoch_seconds
}

#[cfg(test)]
#[path = "writers_tests.rs"]
mod tests;
