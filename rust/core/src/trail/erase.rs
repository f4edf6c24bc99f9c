//! Erasing a data subject: the order is an entry first, then the key goes, then its holders say so.

use std::collections::BTreeSet;

use serde::Serialize;

use super::commit::Committer;
use super::open::writer_folders;
use super::owner::body;
use super::plan::Ends;
use super::writer::Writer;
use super::{ReadView, Trail};
use crate::backup::{Marker, markers};
use crate::ledger::{Entry, Erase, Erased, Erasure, Kind, State, entry_path};
use crate::storage::durable::LockFile;
use crate::subjects::Sid;
use crate::{Error, Result};

/// The holder that is the trail's own store.
pub const STORE: &str = "store";

/// Whether an erasure is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErasureState {
    /// A holder of the key has not said yet that it is destroyed.
    ErasurePending,
    /// All of them have.
    Erased,
}

/// An erasure, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErasureStatus {
    /// Number of the entry that ordered it.
    pub entry: u64,
    /// When, RFC 3339, UTC.
    pub time: String,
    /// The id by which the store knows the subject.
    pub subject: String,
    /// Who approved it.
    pub approver: String,
    /// Why.
    pub reason: String,
    /// `ERASURE_PENDING` or `ERASED`.
    pub state: ErasureState,
    /// The holders of the key that confirmed.
    pub confirmed: Vec<String>,
    /// Those that did not yet: `store`, writers (`w-...`), backups by name.
    pub pending: Vec<String>,
    /// Copies that the owner has given up and that never confirmed: nobody waits for them, and
    /// where one is still, it may have the key.
    pub forgotten: Vec<String>,
}

impl Trail {
    /// Orders that the key of a data subject be destroyed, destroys it in the trail's store, and
    /// confirms that for the store and for the writers of this host that no other process holds.
    /// From the entry on the subject's personal fields read as erased everywhere.
    ///
    /// `cleared` are the ids of active holds that the caller found not to concern the subject; any
    /// other active hold forbids the erasure.
    ///
    /// # Errors
    /// `NotFound` if the trail knows no such subject or the owner's key is not here; `Usage` if a
    /// hold forbids it, or `reason` or `approver` is empty; `Key` without the privacy key; `Io`,
    /// `Store`. What failed after the entry was put is done by [`resume_erasures`].
    ///
    /// [`resume_erasures`]: Self::resume_erasures
    pub async fn erase(
        &self,
        subject: &str,
        reason: &str,
        approver: &str,
        cleared: &BTreeSet<String>,
    ) -> Result<ErasureStatus> {
        if reason.trim().is_empty() || approver.trim().is_empty() {
            return Err(Error::Usage("an erasure has a reason and an approver".to_owned()));
        }
        let sid = self.demand_erasable(subject, cleared).await?;
        let order = Erase {
            approver: approver.to_owned(),
            reason: reason.to_owned(),
            subject: sid.to_string(),
        };
        let entry = self
            .put_owner_entry(|state| {
                demand_free(state, cleared)?;
                let mut body = body(Kind::Erase);
                body.erase = Some(order.clone());
                Ok(body)
            })
            .await?;
        self.resume_erasures().await?;
        let all = self.erasures().await?;
        let done = all.into_iter().find(|erasure| erasure.entry == entry);
        done.ok_or_else(|| Error::integrity("ledger", format!("entry {entry} has no effect")))
    }

    /// The id by which the store knows a subject that has something to erase.
    ///
    /// # Errors
    /// `NotFound` if no field is sealed for them now, `Usage` if an active hold is not among those
    /// `cleared`, `Key` without the privacy key, `Io`, `Store`.
    pub async fn demand_erasable(&self, subject: &str, cleared: &BTreeSet<String>) -> Result<Sid> {
        let unknown = || Error::NotFound(format!("{subject}: no personal field is about them"));
        if self.vault().existing_privacy_key()?.is_none() {
            let message = "the trail's privacy key is not here, so no subject is known by name";
            return Err(Error::Key(message.to_owned()));
        }
        demand_free(self.refreshed().await?.state(), cleared)?;
        let sid = self.vault().sid(subject).await?.ok_or_else(unknown)?;
        if self.vault().has_key(sid).await? { Ok(sid) } else { Err(unknown()) }
    }

    /// All erasures, the oldest first.
    ///
    /// # Errors
    /// `Io` or `Store`.
    pub async fn erasures(&self) -> Result<Vec<ErasureStatus>> {
        let ledger = self.refreshed().await?;
        let state = ledger.state();
        let copies = markers(self.storage()).await?;
        let mut all = Vec::new();
        for erasure in state.lifecycle.erasures.values() {
            let bytes = self.storage().get(&entry_path(erasure.entry)).await?;
            let entry = Entry::parse(&bytes).map_err(|e| {
                Error::integrity(entry_path(erasure.entry), format!("no entry: {e}"))
            })?;
            all.push(self.status_of(state, erasure, &copies, entry.body.time));
        }
        Ok(all)
    }

    fn status_of(
        &self,
        state: &State,
        erasure: &Erasure,
        copies: &[Marker],
        time: String,
    ) -> ErasureStatus {
        let pending = self.pending_of(state, erasure, copies);
        let forgotten = self.holders_of(state, erasure, copies).into_iter();
        let forgotten = forgotten.filter(|holder| state.lifecycle.forgotten.contains_key(holder));
        let Erase { approver, reason, subject } = erasure.erase.clone();
        let done =
            if pending.is_empty() { ErasureState::Erased } else { ErasureState::ErasurePending };
        ErasureStatus {
            entry: erasure.entry,
            time,
            subject,
            approver,
            reason,
            state: done,
            confirmed: erasure.holders.clone(),
            pending,
            forgotten: forgotten.collect(),
        }
    }

    /// Whose word is waited for.
    pub(crate) fn pending_of(
        &self,
        state: &State,
        erasure: &Erasure,
        copies: &[Marker],
    ) -> Vec<String> {
        let mut holders = self.holders_of(state, erasure, copies);
        holders.retain(|holder| !state.lifecycle.forgotten.contains_key(holder));
        holders
    }

    /// Who may hold the key still: the store, the backups, the copies that were begun before, and
    /// the writers that were authorised before and may write.
    fn holders_of(&self, state: &State, erasure: &Erasure, copies: &[Marker]) -> Vec<String> {
        let mut holders = vec![STORE.to_owned()];
        let writers = state.writers.iter();
        let may_hold = writers.filter(|(_, w)| w.authorized < erasure.entry && w.revoked.is_none());
        holders.extend(may_hold.map(|(id, _)| id.clone()));
        let copies = copies.iter().filter(|copy| copy.from <= erasure.entry);
        holders.extend(copies.map(|copy| copy.holder.clone()));
        holders.extend(self.shared.options.settings.key_holders.iter().cloned());
        holders.retain(|holder| !erasure.holders.contains(holder));
        holders.dedup();
        holders
    }

    /// Does what the erasures in the ledger ask of this host: destroys keys in the store, those
    /// included that a restore brought back, and confirms for the store and for this host's writers
    /// that no other process holds. Without the owner's key it only destroys. Gives how many keys
    /// were destroyed. A crash anywhere before is made good by it.
    ///
    /// # Errors
    /// `Io` or `Store`, `Key` if the owner's key here cannot be used.
    pub async fn resume_erasures(&self) -> Result<u64> {
        let ledger = self.refreshed().await?;
        self.vault().learn(erased(ledger.state()));
        let destroyed = self.vault().destroy_erased().await?;
        if self.owner_key().is_err() {
            return Ok(destroyed);
        }
        let idle = self.idle_writers()?;
        for erasure in ledger.state().lifecycle.erasures.values() {
            for holder in self.pending_of(ledger.state(), erasure, &[]) {
                if holder == STORE || idle.contains(&holder) {
                    self.confirm_erasure(erasure.entry, &holder).await?;
                }
            }
        }
        Ok(destroyed)
    }

    /// Puts the word of a holder that it has destroyed the key which entry `entry` is about: of a
    /// backup, or of a writer of another host.
    ///
    /// # Errors
    /// `Usage` if there is no such erasure, or this holder has confirmed it; `NotFound` or `Key` if
    /// the owner's key is not here; `Io`, `Store`.
    pub async fn confirm_erasure(&self, entry: u64, holder: &str) -> Result<()> {
        let word = Erased { entry, holder: holder.to_owned() };
        let put = self.put_owner_entry(|_| {
            let mut body = body(Kind::Erased);
            body.erased = Some(word.clone());
            Ok(body)
        });
        put.await.map(drop)
    }

    /// As [`confirm_erasure`](Self::confirm_erasure), by a writer where the owner's key is not here.
    ///
    /// # Errors
    /// As there; `Key` if this host may not write either.
    pub(crate) async fn confirm_for(&self, entry: u64, holder: &str) -> Result<()> {
        match self.owner_key() {
            Ok(_) => self.confirm_erasure(entry, holder).await,
            Err(_) => self.writer().await?.confirm_for(entry, holder).await,
        }
    }

    /// Writers of this host that have no key in memory: no process holds them, or this one does,
    /// which forgot it.
    fn idle_writers(&self) -> Result<BTreeSet<String>> {
        let own = self.current().map(|writer| writer.id.clone());
        let mut idle = BTreeSet::new();
        for dir in writer_folders(&self.state_dir())? {
            let id = dir.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            if own.as_ref() == Some(&id) || LockFile::try_lock(&dir.join("lock"))?.is_some() {
                idle.insert(id);
            }
        }
        Ok(idle)
    }
}

impl Writer {
    async fn confirm_for(&self, entry: u64, holder: &str) -> Result<()> {
        let mut committer = self.committer.lock().await;
        if self.is_over(&committer) {
            self.close_epoch(&mut committer, Ends::NOTHING).await?;
        }
        committer.settle().await?;
        let plan = committer.erased_plan(entry, holder);
        committer.commit(plan).await.map(drop)
    }

    /// Says by entries that this writer, whose process has read the ledger, holds none of the keys
    /// that are to be destroyed. Not at the end of an epoch: then the next commit does.
    pub(super) async fn confirm_erasures(&self, c: &mut Committer) -> Result<()> {
        let state = c.ledger.state();
        let me = state.writers.get(&self.id).filter(|writer| writer.revoked.is_none());
        let due: Vec<u64> = match me {
            Some(me) => state
                .lifecycle
                .erasures
                .values()
                .filter(|e| me.authorized < e.entry && !e.holders.contains(&self.id))
                .map(|e| e.entry)
                .collect(),
            None => Vec::new(),
        };
        if due.is_empty() || self.is_over(c) || self.is_closed() {
            return Ok(());
        }
        c.settle().await?;
        if let Some(vault) = &self.settings.vault {
            vault.learn(erased(c.ledger.state()));
        }
        for entry in due {
            let plan = c.erased_plan(entry, &self.id);
            c.commit(plan).await?;
        }
        Ok(())
    }
}

fn demand_free(state: &State, cleared: &BTreeSet<String>) -> Result<()> {
    match state.lifecycle.holds.keys().find(|id| !cleared.contains(*id)) {
        Some(hold) => Err(Error::Usage(format!("hold {hold} forbids it; release the hold first"))),
        None => Ok(()),
    }
}

/// The subjects that entries erase, with the newest entry of each.
pub(super) fn erased(state: &State) -> impl Iterator<Item = (Sid, u64)> {
    let erasures = state.lifecycle.erasures.values();
    erasures.filter_map(|e| Some((Sid::parse(&e.erase.subject)?, e.entry)))
}

impl ReadView {
    /// How many data subjects the ledger erased by then.
    pub fn erased_subjects(&self) -> usize {
        erased(&self.state).map(|(sid, _)| sid).collect::<BTreeSet<_>>().len()
    }
}
