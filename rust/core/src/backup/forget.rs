//! Copies that the trail knows of, and giving one up.

use std::path::Path;

use serde::Serialize;

use super::{Marker, markers};
use crate::config::without_credentials;
use crate::ledger::{Forget, Kind, State, is_copy};
use crate::storage::Storage;
use crate::trail::{Trail, owner_body};
use crate::{Error, Result};

/// A copy that the trail knows of: it is or was a holder of keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KnownCopy {
    /// Its name.
    pub holder: String,
    /// Where it was begun, without credentials.
    pub url: String,
    /// When; RFC 3339, UTC.
    pub made: String,
    /// Number of the ledger's entries then: erasures from there on wait for it.
    pub from: u64,
    /// Number of the entry by which the owner gave it up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forgotten: Option<u64>,
}

/// What follows from giving a copy up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forgetting {
    /// The copy.
    pub copy: KnownCopy,
    /// Number of the entry that says so; none if nothing was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
    /// Erasures, by the numbers of their entries, that wait for the copy alone: they are `ERASED`
    /// then, though the copy may have the keys.
    pub erased: Vec<u64>,
    /// Erasures that wait for the copy and for others, and go on waiting for these.
    pub pending: Vec<(u64, Vec<String>)>,
}

impl KnownCopy {
    fn of(marker: Marker, state: &State) -> Self {
        let forgotten = state.lifecycle.forgotten.get(&marker.holder).map(|gone| gone.entry);
        let Marker { from, holder, made, url, .. } = marker;
        Self { holder, url, made, from, forgotten }
    }
}

impl Trail {
    /// The copies that the trail knows of, by name.
    ///
    /// # Errors
    /// `Io`, `Store`; `Integrity` for a name of a copy that cannot be read.
    pub async fn copies(&self) -> Result<Vec<KnownCopy>> {
        let ledger = self.refreshed().await?;
        let all = markers(self.storage()).await?.into_iter();
        Ok(all.map(|marker| KnownCopy::of(marker, ledger.state())).collect())
    }

    /// What giving up the copy of this name, or at this folder or URL, would do. Nothing is changed.
    ///
    /// # Errors
    /// `NotFound` if the trail knows of no such copy; `Usage` if it was forgotten already, or there
    /// were several at that place; `Io`, `Store`.
    pub async fn plan_forget(&self, copy: &str) -> Result<Forgetting> {
        let copy = the_one(self.copies().await?, copy)?;
        if let Some(entry) = copy.forgotten {
            let message = format!("{} was forgotten by entry {entry}", copy.holder);
            return Err(Error::Usage(message));
        }
        let copies = markers(self.storage()).await?;
        let ledger = self.refreshed().await?;
        let (mut erased, mut pending) = (Vec::new(), Vec::new());
        for erasure in ledger.state().lifecycle.erasures.values() {
            let mut waits = self.pending_of(ledger.state(), erasure, &copies);
            if !waits.contains(&copy.holder) {
                continue;
            }
            waits.retain(|holder| *holder != copy.holder);
            match waits.is_empty() {
                true => erased.push(erasure.entry),
                false => pending.push((erasure.entry, waits)),
            }
        }
        Ok(Forgetting { copy, entry: None, erased, pending })
    }

    /// Gives up a copy that is lost or no longer kept, by an entry of the owner: no erasure waits
    /// for it any more, and no run brings it up to date. In the copy itself nothing is done: where
    /// it is still, destroy it, because it may have keys of erased subjects.
    ///
    /// # Errors
    /// As [`plan_forget`](Self::plan_forget); `Usage` if `reason` or `approver` is empty;
    /// `NotFound` or `Key` if the owner's key is not here.
    pub async fn forget_copy(
        &self,
        copy: &str,
        reason: &str,
        approver: &str,
    ) -> Result<Forgetting> {
        if reason.trim().is_empty() || approver.trim().is_empty() {
            return Err(Error::Usage(
                "a copy is forgotten with a reason and an approver".to_owned(),
            ));
        }
        let plan = self.plan_forget(copy).await?;
        let forget = Forget {
            approver: approver.to_owned(),
            holder: plan.copy.holder.clone(),
            reason: reason.to_owned(),
        };
        let entry = self
            .put_owner_entry(|_| {
                let mut body = owner_body(Kind::Forget);
                body.forget = Some(forget.clone());
                Ok(body)
            })
            .await?;
        let copy = KnownCopy { forgotten: Some(entry), ..plan.copy };
        Ok(Forgetting { copy, entry: Some(entry), ..plan })
    }
}

/// The copy of this name, or else the one at this place that was not forgotten.
fn the_one(all: Vec<KnownCopy>, copy: &str) -> Result<KnownCopy> {
    let unknown = || Error::NotFound(format!("{copy}: the trail knows of no such copy"));
    if is_copy(copy) {
        return all.into_iter().find(|known| known.holder == copy).ok_or_else(unknown);
    }
    let url = match Storage::open(copy) {
        Ok(storage) => storage.url().to_owned(),
        // Where it was need not be reachable any more.
        Err(_) => std::path::absolute(Path::new(copy))
            .map_or(copy.to_owned(), |path| path.display().to_string()),
    };
    let urls = [without_credentials(copy), without_credentials(&url)];
    let (mut here, mut gone) = (Vec::new(), Vec::new());
    for known in all.into_iter().filter(|known| urls.contains(&known.url)) {
        if known.forgotten.is_none() { here.push(known) } else { gone.push(known) }
    }
    let names: Vec<&str> = here.iter().map(|known| known.holder.as_str()).collect();
    if names.len() > 1 {
        let message = format!("several copies were at {copy}; name one: {}", names.join(", "));
        return Err(Error::Usage(message));
    }
    here.pop().or_else(|| gone.pop()).ok_or_else(unknown)
}
