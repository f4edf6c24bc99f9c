//! Entries that the owner signs after the first: who may write, and who no longer.

use bytes::Bytes;
use data_encoding::BASE64;

use super::{now_micros, time_text};
use crate::anchors::{Anchors, publish_intent};
use crate::keys::{OWNER, OwnerKey, WriterKeys};
use crate::ledger::{Authorization, Body, Kind, Ledger, Revocation, State, entry_path};
use crate::storage::Create;
use crate::{Error, Result};

/// What a new writer is authorised with.
pub(super) fn authorization(keys: &WriterKeys) -> Authorization {
    Authorization {
        epoch: keys.epoch(),
        hmac_key: keys.hmac().id(),
        public: BASE64.encode(keys.public().as_bytes()),
        writer: keys.id().to_owned(),
    }
}

/// Puts an entry that authorises and revokes writers into the next free slot, and gives its
/// number.
pub(super) async fn authorize(
    ledger: &mut Ledger,
    owner: &OwnerKey,
    anchors: &Anchors,
    authorizes: Vec<Authorization>,
    revokes: Vec<Revocation>,
) -> Result<u64> {
    let mut body = body(Kind::Authorize);
    body.authorizes = Some(authorizes);
    body.revokes = (!revokes.is_empty()).then_some(revokes);
    put(ledger, owner, anchors, |_| Ok(body.clone())).await
}

/// An entry of the owner without anything that only some kinds have.
pub(crate) fn body(kind: Kind) -> Body {
    Body::new(kind, OWNER, 0, time_text(now_micros()))
}

/// Puts the owner's entry that `make` gives for the ledger's state into the next free slot, and
/// gives its number; where another entry was quicker, `make` is asked again. The anchors get it
/// before; without them only writers are authorised, so that an anchor that cannot be reached does
/// not keep a new one from recording.
pub(super) async fn put(
    ledger: &mut Ledger,
    owner: &OwnerKey,
    anchors: &Anchors,
    make: impl Fn(&State) -> Result<Body>,
) -> Result<u64> {
    let info = ledger.state().info.clone();
    let info = info.ok_or_else(|| Error::integrity("ledger", "no trail is described"))?;
    if ledger.state().owner != Some(owner.public()) {
        return Err(Error::Key("the owner's key here is not that of the trail".to_owned()));
    }
    loop {
        ledger.refresh().await?;
        let state = ledger.state();
        let n = state.size();
        let body = make(state)?;
        let must_be_announced = body.kind != Kind::Authorize || body.revokes.is_some();
        let hmac = owner.hmac()?;
        let entry = body.sign(n, state.root(), &info, owner.signing(), &hmac)?;
        state.would_take(&entry).map_err(|e| Error::Usage(e.to_string()))?;
        let bytes = Bytes::from(entry.to_bytes()?);
        let announced = publish_intent(anchors, n, &bytes).await;
        if must_be_announced {
            // A store that is put back to before must not make it unsaid.
            announced?;
        }
        let put = ledger.storage().put_create(&entry_path(n), bytes.clone()).await;
        if !matches!(put, Ok(Create::Created)) {
            // Another entry was first, or the reply was lost: what stands there tells.
            match ledger.storage().get(&entry_path(n)).await {
                Ok(there) if there == bytes => {}
                Ok(_) => continue,
                Err(e) => return Err(put.err().unwrap_or(e)),
            }
        }
        ledger.refresh().await?;
        return Ok(n);
    }
}
