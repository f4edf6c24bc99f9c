//! The key on which a trail's personal data rests (FORMAT section 17).

use std::fmt;
use std::path::Path;

use zeroize::Zeroizing;

use super::{HmacKey, Secret, load_or_create_secret, source, trail_id_bytes};
use crate::{Error, Result};

/// Holds the privacy key: 32 bytes in base64.
pub const PRIVACY_KEY_VARIABLE: &str = "SEALTRAIL_PRIVACY_KEY";
/// Its file in a trail's folder of keys.
pub const PRIVACY_KEY_FILE: &str = "privacy.key";

/// The key that wraps the keys of data subjects, and from which those of redaction are made.
#[derive(Debug)]
pub struct PrivacyKey(Secret);

impl PrivacyKey {
    /// The key with these bytes.
    pub fn new(secret: Secret) -> Self {
        Self(secret)
    }

    /// 16 hex digits that name it and do not help to find it.
    pub fn id(&self) -> String {
        self.as_hmac().id()
    }

    /// `HKDF-SHA256(ikm this key, salt the 16 bytes of the trail id, info)`.
    ///
    /// # Errors
    /// `Key` if `trail_id` is none.
    pub fn derive(&self, trail_id: &str, info: &[u8]) -> Result<HmacKey> {
        HmacKey::derive(&self.0, &trail_id_bytes(trail_id)?, &[info])
    }

    /// Reads the key that a reference names: a file, `env:NAME` or `cmd:COMMAND`.
    ///
    /// # Errors
    /// `NotFound`, or `Key` if it is none or others may read its file.
    pub fn from_reference(reference: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let (bytes, place) = source::read(reference, env)?;
        Self::decode(&bytes).ok_or_else(|| {
            Error::Key(format!("{place}: a privacy key is 32 bytes in base64, or as they are"))
        })
    }

    /// The one in this folder, made if it is not there.
    ///
    /// # Errors
    /// `Key` or `Io` if it can neither be read nor made.
    pub fn load_or_create(folder: &Path) -> Result<Self> {
        crate::storage::durable::ensure_private_dir(folder)?;
        load_or_create_secret(&folder.join(PRIVACY_KEY_FILE)).map(Self)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        if let Ok(raw) = <[u8; 32]>::try_from(bytes) {
            return Some(Self(Secret::from_bytes(raw)));
        }
        let text = std::str::from_utf8(bytes).ok()?;
        Secret::from_base64(text.trim()).ok().map(Self)
    }

    fn as_hmac(&self) -> HmacKey {
        HmacKey::new(Secret::from_bytes(*self.0.expose()))
    }
}

/// Where the privacy key comes from. It is read when it is first needed.
#[derive(Clone, Default)]
pub struct PrivacySource {
    /// That of the configuration.
    reference: Option<String>,
    /// The content of a variable, which is read at once.
    content: Option<Zeroizing<String>>,
}

impl fmt::Debug for PrivacySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivacySource(..)")
    }
}

impl PrivacySource {
    /// What `redaction.key` says, else SEALTRAIL_PRIVACY_KEY, else the file in the folder of keys.
    pub fn new(reference: Option<&str>, env: &dyn Fn(&str) -> Option<String>) -> Self {
        let variable = match reference {
            Some(reference) => reference.strip_prefix("env:"),
            None => Some(PRIVACY_KEY_VARIABLE),
        };
        let content = variable.and_then(env).filter(|text| !text.is_empty()).map(Zeroizing::new);
        Self { reference: reference.map(str::to_owned), content }
    }

    /// The key; `None` if there is none. `folder` is that of the trail's keys.
    ///
    /// # Errors
    /// `Key` if what is there is no key or the command fails, `NotFound` if what the configuration
    /// names is not there.
    pub fn load(&self, folder: &Path) -> Result<Option<PrivacyKey>> {
        if let Some(content) = &self.content {
            return match PrivacyKey::decode(content.as_bytes()) {
                Some(key) => Ok(Some(key)),
                None => Err(Error::Key("the privacy key must be 32 bytes in base64".to_owned())),
            };
        }
        if let Some(reference) = &self.reference {
            return PrivacyKey::from_reference(reference, &|_| None).map(Some);
        }
        let file = folder.join(PRIVACY_KEY_FILE);
        match PrivacyKey::from_reference(&file.to_string_lossy(), &|_| None) {
            Ok(key) => Ok(Some(key)),
            Err(Error::NotFound(_)) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// The key; made in the folder of the trail's keys if none is there and nothing else names one.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_or_create(&self, folder: &Path) -> Result<PrivacyKey> {
        match self.load(folder)? {
            Some(key) => Ok(key),
            None => PrivacyKey::load_or_create(folder),
        }
    }
}

#[cfg(test)]
#[path = "privacy_tests.rs"]
mod tests;
