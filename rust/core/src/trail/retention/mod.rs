//! Retention of a trail: the policy in force, holds, and deletion.

mod delete;
mod lost;
mod shrink;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use serde_json::{Map, Value};

pub use delete::{Deletion, Order};

use super::{Destination, Trail, owner};
use crate::archive::archives_of;
use crate::ledger::{ActiveHold, Hold, Kind, Release, State};
use crate::retention::{InForce, Pinned, Policy};
use crate::storage::Storage;
use crate::{Error, Result, keys};

impl Trail {
    /// Puts a retention policy in force, as the trail's owner; the number of its entry. Every
    /// anchor gets it before. Where archives are it says of those that the policy before told of,
    /// too, and of the one that the configuration names.
    ///
    /// # Errors
    /// `NotFound` or `Key` if the owner's key cannot be used here; `Usage` if an anchor does not
    /// take it; `Io` or `Store`.
    pub async fn pin_policy(&self, policy: &Policy) -> Result<u64> {
        let configured = match self.archive() {
            Some(to) => Some((to.name.clone(), Storage::open(&to.url)?.url().to_owned())),
            None => None,
        };
        self.put_owner_entry(|state| {
            let mut policy = policy.clone();
            for (name, url) in configured.clone().into_iter().chain(archives_of(state)) {
                policy.archives.entry(name).or_insert(url);
            }
            let Value::Object(policy) = policy.to_json()? else {
                return Err(Error::encoding("policy", "it is no object"));
            };
            let mut body = owner::body(Kind::Policy);
            body.policy = Some(policy);
            Ok(body)
        })
        .await
    }

    /// The policy in force as of a state of the ledger: the newest that was pinned, lengthened by
    /// this host's configuration.
    ///
    /// # Errors
    /// `Integrity` if the ledger's policy is one that this version does not know: then nothing may
    /// be deleted.
    pub fn policy_in_force(&self, state: &State) -> Result<InForce> {
        let pinned = match &state.lifecycle.policy {
            None => None,
            Some(known) => {
                let value = Value::Object(known.policy.clone());
                let place = crate::ledger::entry_path(known.entry);
                let policy = Policy::from_json(&value)
                    .map_err(|e| Error::integrity(place, e.to_string()))?;
                Some(Pinned { entry: known.entry, policy })
            }
        };
        Ok(InForce { pinned, local: self.shared.options.settings.retention.clone() })
    }

    /// Where this host's configuration says that segments go when their days in hot storage are
    /// over.
    pub fn archive(&self) -> Option<&Destination> {
        self.shared.options.settings.archive.as_ref()
    }

    /// Holds the records that match, as the trail's owner: from now on nothing deletes them.
    /// `matching` is an object of search filters; whether it means something is for the caller to
    /// check. `by` says who ordered it.
    ///
    /// # Errors
    /// As [`pin_policy`](Self::pin_policy).
    pub async fn add_hold(
        &self,
        reason: &str,
        by: &str,
        matching: Map<String, Value>,
    ) -> Result<ActiveHold> {
        let id = format!("hold-{}", HEXLOWER.encode(&keys::random::<8>()?));
        let (by, reason) = (by.to_owned(), reason.to_owned());
        let hold = Hold { by, id, matching, reason };
        let entry = self
            .put_owner_entry(|_| {
                let mut body = owner::body(Kind::Hold);
                body.hold = Some(hold.clone());
                Ok(body)
            })
            .await?;
        Ok(ActiveHold { entry, hold })
    }

    /// Ends a hold, as the trail's owner; the number of the entry.
    ///
    /// # Errors
    /// `NotFound` if no such hold is active; as [`pin_policy`](Self::pin_policy).
    pub async fn release_hold(&self, id: &str, reason: &str, by: &str) -> Result<u64> {
        self.put_owner_entry(|state| {
            if !state.lifecycle.holds.contains_key(id) {
                return Err(Error::NotFound(format!("no hold {id:?} is active")));
            }
            let mut body = owner::body(Kind::Release);
            let (by, id, reason) = (by.to_owned(), id.to_owned(), reason.to_owned());
            body.release = Some(Release { by, id, reason });
            Ok(body)
        })
        .await
    }

    /// The active holds, by id.
    ///
    /// # Errors
    /// As [`view`](Self::view).
    pub async fn holds(&self) -> Result<BTreeMap<String, ActiveHold>> {
        let ledger = self.refreshed().await?;
        let holds = ledger.state().lifecycle.holds.iter();
        Ok(holds.map(|(id, hold)| (id.clone(), (**hold).clone())).collect())
    }
}
