//! The owner's key: it authorises writers, and every writer's HMAC chain comes from it.

use std::path::{Path, PathBuf};

use ed25519_dalek::{SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::files::{from_json, read_private, to_json};
use super::source::{self, COMMAND_VARIABLE, KEY_VARIABLE, Passphrase};
use super::{HmacKey, OWNER, Secret, generate_signing, locked, trail_id_bytes};
use crate::storage::durable::{self, Access, Create};
use crate::{Error, Result, note};

/// The owner's Ed25519 key and root secret for one trail.
#[derive(Debug)]
pub struct OwnerKey {
    trail_id: String,
    signing: SigningKey,
    root: Secret,
}

/// `owner.json`, members in sorted order.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnerFile {
    ed25519_seed: Secret,
    root_secret: Secret,
    trail_id: String,
    v: u32,
}

impl OwnerKey {
    /// New random keys for a trail.
    ///
    /// # Errors
    /// `Error::Key` if the trail id is no UUID or the system has no random bytes.
    pub fn generate(trail_id: &str) -> Result<Self> {
        trail_id_bytes(trail_id)?;
        Ok(Self {
            trail_id: trail_id.to_owned(),
            signing: generate_signing()?,
            root: Secret::generate()?,
        })
    }

    /// New random keys for a trail that is not there yet.
    ///
    /// # Errors
    /// As [`generate`](Self::generate).
    pub fn for_new_trail() -> Result<Self> {
        Self::generate(&crate::segment::new_uuid()?)
    }

    /// Where a trail's owner key lies below the folder of all keys: `<trail id>/owner.json`.
    pub fn path(keys: &Path, trail_id: &str) -> PathBuf {
        keys.join(trail_id).join("owner.json")
    }

    /// Where the owner's public key lies below the folder of all keys: `<trail id>/owner.vkey`.
    pub fn vkey_path(keys: &Path, trail_id: &str) -> PathBuf {
        keys.join(trail_id).join("owner.vkey")
    }

    /// Writes `owner.json` (mode 0600) and `owner.vkey` below the folder of all keys.
    ///
    /// # Errors
    /// `Error::AlreadyExists` if the trail has an owner key there: it is never replaced.
    pub fn save(&self, keys: &Path, origin: &str) -> Result<()> {
        let path = Self::path(keys, &self.trail_id);
        durable::ensure_private_dir(&keys.join(&self.trail_id))?;
        match durable::create_new_with(&path, &self.to_json()?, Access::Private)? {
            Create::Created => {}
            Create::Exists => {
                return Err(Error::AlreadyExists(format!(
                    "{}: the trail has an owner key already",
                    path.display()
                )));
            }
        }
        self.save_public(keys, origin)
    }

    /// Writes `owner.vkey` alone.
    ///
    /// # Errors
    /// `Error::Key` if the origin cannot name a key, `Error::Io`.
    pub fn save_public(&self, keys: &Path, origin: &str) -> Result<()> {
        durable::ensure_private_dir(&keys.join(&self.trail_id))?;
        let vkey_path = Self::vkey_path(keys, &self.trail_id);
        let vkey = self.vkey(origin)?;
        durable::replace(&vkey_path, format!("{vkey}\n").as_bytes(), Access::Default)
    }

    /// The public half as a C2SP vkey.
    ///
    /// # Errors
    /// `Error::Key` if the origin cannot name a key.
    pub fn vkey(&self, origin: &str) -> Result<String> {
        note::vkey(&format!("{origin}/{OWNER}"), &self.public())
    }

    /// Reads a trail's owner key from below the folder of all keys.
    ///
    /// # Errors
    /// `Error::NotFound` if there is none; `Error::Key` if the file can be read by others, is
    /// damaged or locked without a passphrase, or belongs to another trail.
    pub fn load(keys: &Path, trail_id: &str, passphrase: &Passphrase) -> Result<Self> {
        let path = Self::path(keys, trail_id);
        let key = Self::from_bytes(&read_private(&path)?, &path.display().to_string(), passphrase)?;
        key.demand_trail(trail_id)?;
        Ok(key)
    }

    /// Reads an owner key from where `reference` says: `env:NAME` (a variable that holds the
    /// content of an owner key file), `cmd:COMMAND` (a command of the shell that prints it), or
    /// the path of such a file.
    ///
    /// # Errors
    /// As [`load`](Self::load), except that any trail will do; `Error::Key` also if the command
    /// fails. Errors repeat neither secrets nor the command.
    pub fn from_reference(
        reference: &str,
        env: &dyn Fn(&str) -> Option<String>,
        passphrase: &Passphrase,
    ) -> Result<Self> {
        let (bytes, place) = source::read(reference, env)?;
        Self::from_bytes(&bytes, &place, passphrase)
    }

    /// The owner key of SEALTRAIL_OWNER_KEY (the content of an owner key file) or, if that is not
    /// set, of SEALTRAIL_OWNER_KEY_COMMAND (a command that prints it).
    ///
    /// # Errors
    /// As [`from_reference`](Self::from_reference).
    pub fn from_env(
        env: &dyn Fn(&str) -> Option<String>,
        passphrase: &Passphrase,
    ) -> Result<Option<Self>> {
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        let (bytes, place) = match (set(KEY_VARIABLE), set(COMMAND_VARIABLE)) {
            (Some(text), _) => (Zeroizing::new(text.into_bytes()), KEY_VARIABLE),
            (None, Some(command)) => (source::run(&command)?, COMMAND_VARIABLE),
            (None, None) => return Ok(None),
        };
        Self::from_bytes(&bytes, place, passphrase).map(Some)
    }

    /// Reads the content of an owner key file, locked or not. `place` names it in errors.
    pub(super) fn from_bytes(bytes: &[u8], place: &str, passphrase: &Passphrase) -> Result<Self> {
        if locked::is_locked(bytes) {
            let content = locked::unlock(bytes, &passphrase.of(place)?, place)?;
            return Self::from_json(&content, place);
        }
        Self::from_json(bytes, place)
    }

    /// The content of a key file that holds this key: plain, or locked by a passphrase.
    ///
    /// # Errors
    /// `Error::Key` if the system has no random bytes.
    pub fn to_file(&self, passphrase: Option<&str>) -> Result<Zeroizing<Vec<u8>>> {
        let plain = self.to_json()?;
        match passphrase {
            Some(passphrase) => locked::lock(&plain, passphrase).map(Zeroizing::new),
            None => Ok(plain),
        }
    }

    /// Replaces the trail's key file below the folder of all keys by one that is locked by a
    /// passphrase, or by a plain one.
    ///
    /// # Errors
    /// `Error::Io`; the file before is whole then.
    pub fn relock(&self, keys: &Path, passphrase: Option<&str>) -> Result<()> {
        let path = Self::path(keys, &self.trail_id);
        durable::replace(&path, &self.to_file(passphrase)?, Access::Private)
    }

    fn from_json(bytes: &[u8], place: &str) -> Result<Self> {
        let file: OwnerFile = from_json(bytes, place)?;
        if file.v != 1 {
            return Err(Error::Key(format!("{place}: key file version {} is not known", file.v)));
        }
        trail_id_bytes(&file.trail_id)?;
        Ok(Self {
            trail_id: file.trail_id,
            signing: SigningKey::from_bytes(file.ed25519_seed.expose()),
            root: file.root_secret,
        })
    }

    fn to_json(&self) -> Result<Zeroizing<Vec<u8>>> {
        to_json(&OwnerFile {
            ed25519_seed: Secret::from_bytes(self.signing.to_bytes()),
            root_secret: Secret::from_bytes(*self.root.expose()),
            trail_id: self.trail_id.clone(),
            v: 1,
        })
    }

    /// The trail that the key belongs to.
    pub fn trail_id(&self) -> &str {
        &self.trail_id
    }

    /// Refuses the key for another trail than its own.
    ///
    /// # Errors
    /// `Error::Key` naming both trails.
    pub fn demand_trail(&self, trail_id: &str) -> Result<()> {
        if self.trail_id == trail_id {
            return Ok(());
        }
        Err(Error::Key(format!(
            "this owner key belongs to trail {}, not to {trail_id}",
            self.trail_id
        )))
    }

    /// The key that signs the owner's entries.
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// The public half.
    pub fn public(&self) -> VerifyingKey {
        self.signing.verifying_key()
    }

    /// The HMAC key of the owner's entries.
    ///
    /// # Errors
    /// Never in practice.
    pub fn hmac(&self) -> Result<HmacKey> {
        let salt = trail_id_bytes(&self.trail_id)?;
        HmacKey::derive(&self.root, &salt, &[b"sealtrail owner hmac v1"])
    }

    /// The HMAC key of a writer in the epoch from which it is authorised.
    ///
    /// # Errors
    /// Never in practice.
    pub fn writer_hmac(&self, writer: &str, epoch: u64) -> Result<HmacKey> {
        let salt = trail_id_bytes(&self.trail_id)?;
        let info: [&[u8]; 3] =
            [b"sealtrail writer hmac v1\n", writer.as_bytes(), &epoch.to_be_bytes()];
        HmacKey::derive(&self.root, &salt, &info)
    }
}
