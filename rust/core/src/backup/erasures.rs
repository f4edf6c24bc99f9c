//! Erasures in a copy: keys go there too, and the copy confirms it as a holder.

use std::collections::BTreeMap;

use super::Marker;
use super::place::{OBJECTS, Place, sealed_path};
use crate::ledger::{Ledger, State};
use crate::subjects::{KEYS_FOLDER, Sid, holder_of};
use crate::trail::Trail;
use crate::{Error, Result};

/// What became of erasures.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CarriedOut {
    pub(super) destroyed: u64,
    pub(super) confirmed: u64,
    pub(super) unconfirmed: u64,
}

/// The newest entry that erases each subject.
pub(super) fn erased(state: &State) -> BTreeMap<Sid, u64> {
    let erasures = state.lifecycle.erasures.values();
    erasures.filter_map(|e| Some((Sid::parse(&e.erase.subject)?, e.entry))).collect()
}

/// Whether the object at `path` is a key that is to be destroyed.
pub(super) fn is_erased(erased: &BTreeMap<Sid, u64>, path: &str) -> bool {
    holder_of(path).is_some_and(|holder| {
        erased.get(&holder.sid).is_some_and(|entry| *entry > holder.generation)
    })
}

/// Destroys the keys in the copy that the ledger of its statement erases, and confirms that for the
/// copy.
pub(super) async fn carry_out(
    trail: &Trail,
    place: &Place,
    marker: &Marker,
    ledger: Ledger,
) -> Result<CarriedOut> {
    let state = ledger.state();
    let erased = erased(state);
    let now = trail.refreshed().await?;
    let mut done = CarriedOut::default();
    for (path, _) in place.storage.list(&sealed_path(KEYS_FOLDER)).await? {
        let plain = path.strip_prefix(OBJECTS).and_then(|path| path.strip_prefix('/'));
        if plain.is_some_and(|plain| is_erased(&erased, plain)) {
            place.storage.delete(&path).await?;
            done.destroyed += 1;
        }
    }
    for erasure in state.lifecycle.erasures.values() {
        let open = |state: &State| {
            let erasure = state.lifecycle.erasures.get(&erasure.entry);
            erasure.is_some_and(|e| !e.holders.contains(&marker.holder))
        };
        if erasure.entry < marker.from || !open(now.state()) {
            continue;
        }
        match trail.confirm_for(erasure.entry, &marker.holder).await {
            Ok(()) => done.confirmed += 1,
            Err(Error::Key(_) | Error::NotFound(_)) => done.unconfirmed += 1,
            // Another process may have said it meanwhile.
            Err(e) => {
                if open(trail.refreshed().await?.state()) {
                    return Err(e);
                }
            }
        }
    }
    Ok(done)
}
