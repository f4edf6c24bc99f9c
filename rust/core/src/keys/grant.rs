//! A new writer's keys on their way from the owner to the writer's host.

use std::path::Path;

use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::files::{from_json, read_private, to_json};
use super::{EpochChain, HmacKey, Secret, WriterKeys, trail_id_bytes};
use crate::{Error, Result};

/// Keys of a writer that has not written yet. Whoever holds them can write as it, and forge what
/// it will have sealed: the file is to be destroyed once they are installed.
#[derive(Debug)]
pub struct WriterGrant {
    file: GrantFile,
    place: String,
}

/// Members in sorted order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantFile {
    pub(super) ed25519_seed: Secret,
    pub(super) epoch: u64,
    pub(super) hmac_key: Secret,
    pub(super) trail_id: String,
    pub(super) v: u32,
    pub(super) writer: String,
}

impl WriterGrant {
    /// Reads the file that authorising the writer made.
    ///
    /// # Errors
    /// `NotFound` if there is none; `Key` if others can read it or it is no such file.
    pub fn load(path: &Path) -> Result<Self> {
        Self::parse(&read_private(path)?, &path.display().to_string())
    }

    /// Reads the file's content, such as an environment variable holds it. `place` names the
    /// source in errors, which never repeat the text.
    ///
    /// # Errors
    /// `Key` if it is no such content.
    pub fn parse(bytes: &[u8], place: &str) -> Result<Self> {
        let file: GrantFile = from_json(bytes, place)?;
        if file.v != 1 {
            return Err(Error::Key(format!("{place}: key file version {} is not known", file.v)));
        }
        trail_id_bytes(&file.trail_id)?;
        if !WriterKeys::is_id(&file.writer) {
            return Err(Error::Key(format!("{place}: the writer's id is malformed")));
        }
        Ok(Self { file, place: place.to_owned() })
    }

    /// The trail that the writer is for.
    pub fn trail_id(&self) -> &str {
        &self.file.trail_id
    }

    /// The keys, bound to the trail at a URL.
    ///
    /// # Errors
    /// `Key` if they are for another trail.
    pub fn keys(&self, trail_id: &str, url: &str) -> Result<WriterKeys> {
        if self.file.trail_id != trail_id {
            return Err(Error::Key(format!(
                "{}: this writer is for trail {}, not for {trail_id}",
                self.place, self.file.trail_id
            )));
        }
        Ok(WriterKeys {
            id: self.file.writer.clone(),
            trail_id: trail_id.to_owned(),
            url: url.to_owned(),
            signing: SigningKey::from_bytes(self.file.ed25519_seed.expose()),
            chain: EpochChain::new(
                self.file.epoch,
                HmacKey::new(Secret::from_bytes(*self.file.hmac_key.expose())),
            ),
        })
    }
}

impl WriterKeys {
    /// The content of the file that brings these new keys to the writer's host. It is secret.
    ///
    /// # Errors
    /// Never in practice.
    pub fn to_grant(&self) -> Result<Zeroizing<Vec<u8>>> {
        to_json(&GrantFile {
            ed25519_seed: Secret::from_bytes(self.signing.to_bytes()),
            epoch: self.chain.epoch(),
            hmac_key: Secret::from_bytes(*self.chain.hmac().secret().expose()),
            trail_id: self.trail_id.clone(),
            v: 1,
            writer: self.id.clone(),
        })
    }
}
