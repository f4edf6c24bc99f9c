//! What a run does before it looks at the copy.

use bytes::Bytes;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::Marker;
use super::place::{Place, parse};
use crate::config::without_credentials;
use crate::storage::Storage;
use crate::storage::durable::{self, LockFile};
use crate::trail::Trail;
use crate::{Error, Result};

/// One run of a host at a time for each destination.
pub(super) fn lock(trail: &Trail, storage: &Storage) -> Result<LockFile> {
    let digest = HEXLOWER.encode(&Sha256::digest(storage.url().as_bytes()));
    let dir = trail.state_dir();
    durable::ensure_private_dir(&dir)?;
    let lock = LockFile::try_lock(&dir.join(format!("backup-{}.lock", &digest[..16])))?;
    lock.ok_or_else(|| {
        Error::AlreadyExists(format!("another process copies the trail to {}", storage.url()))
    })
}

/// Lets the trail know of the copy before that gets a key.
pub(super) async fn register(trail: &Trail, place: &Place) -> Result<Marker> {
    let holder = &place.about.holder;
    let path = Marker::path(holder);
    if let Some(gone) = trail.refreshed().await?.state().lifecycle.forgotten.get(holder) {
        let message = format!(
            "{holder} at {} was forgotten by entry {}, so that no erasure waits for it: take what \
             is there away, and a new copy is begun, or give another place",
            place.storage.url(),
            gone.entry
        );
        return Err(Error::Usage(message));
    }
    loop {
        match trail.storage().get(&path).await {
            Ok(bytes) => return parse(&bytes, &path),
            Err(Error::NotFound(_)) => {}
            Err(e) => return Err(e),
        }
        let from = trail.refreshed().await?.state().size();
        let marker = Marker::new(from, holder, &without_credentials(place.storage.url()));
        trail.storage().put_create(&path, Bytes::from(marker.to_bytes()?)).await?;
    }
}
