//! 32-byte secrets and what is computed from them.

use std::fmt;

use data_encoding::{BASE64, HEXLOWER};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::random;
use crate::{Error, Result};

/// 32 secret bytes: wiped when dropped, compared in constant time, never printed.
pub struct Secret([u8; 32]);

impl Secret {
    /// Fresh random bytes.
    ///
    /// # Errors
    /// `Error::Key` if the system's random source fails.
    pub fn generate() -> Result<Self> {
        random().map(Self)
    }

    /// Takes these bytes; the caller wipes its own copy.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes. Do not copy them to where they are not wiped.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Decodes base64 with padding, as key files hold it.
    ///
    /// # Errors
    /// `Error::Key` for anything but 32 bytes in base64. The message does not repeat the text.
    pub fn from_base64(text: &str) -> Result<Self> {
        let bad = || Error::Key("a secret must be 32 bytes in base64".to_owned());
        let bytes = Zeroizing::new(BASE64.decode(text.as_bytes()).map_err(|_| bad())?);
        let mut secret = Self([0; 32]);
        if bytes.len() != secret.0.len() {
            return Err(bad());
        }
        secret.0.copy_from_slice(&bytes);
        Ok(secret)
    }

    /// Base64 with padding.
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64.encode(&self.0))
    }

    /// The same secret a second time, where two owners must each hold and wipe it.
    fn copy(&self) -> Self {
        Self(self.0)
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_base64())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        Self::from_base64(&text).map_err(de::Error::custom)
    }
}

/// A key for HMAC-SHA256.
#[derive(Debug, PartialEq, Eq)]
pub struct HmacKey(Secret);

/// The log and the writer's keys each hold the key of the epoch, and each wipe it.
impl Clone for HmacKey {
    fn clone(&self) -> Self {
        Self(self.0.copy())
    }
}

impl HmacKey {
    /// The key with these bytes.
    pub fn new(secret: Secret) -> Self {
        Self(secret)
    }

    /// The key's bytes, for its key file.
    pub fn secret(&self) -> &Secret {
        &self.0
    }

    /// `HKDF-SHA256(ikm, salt, info)`, 32 bytes; `info` is the concatenation of the parts.
    ///
    /// # Errors
    /// Never in practice: HKDF refuses only lengths far above 32.
    pub fn derive(ikm: &Secret, salt: &[u8], info: &[&[u8]]) -> Result<Self> {
        let mut key = Secret([0; 32]);
        Hkdf::<Sha256>::new(Some(salt), ikm.expose())
            .expand_multi_info(info, &mut key.0)
            .map_err(|_| Error::Key("HKDF refused the length of a key".to_owned()))?;
        Ok(Self(key))
    }

    /// The key's id: 16 hex digits that do not help to find the key.
    pub fn id(&self) -> String {
        HEXLOWER.encode(&self.mac(b"sealtrail key id v1")[..8])
    }

    /// `HMAC-SHA256(key, message)`.
    pub fn mac(&self, message: &[u8]) -> [u8; 32] {
        self.mac_parts(&[message])
    }

    /// `HMAC-SHA256(key, concatenation of the parts)`.
    pub fn mac_parts(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.over(parts).finalize().into_bytes().into()
    }

    /// The first 16 bytes of [`mac_parts`](Self::mac_parts): content hashes and log frames.
    pub fn tag16(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut tag = [0; 16];
        tag.copy_from_slice(&self.mac_parts(parts)[..16]);
        tag
    }

    /// Whether this is the message's full HMAC; takes the same time wherever they differ.
    pub fn verify(&self, message: &[u8], mac: &[u8]) -> bool {
        self.over(&[message]).verify_slice(mac).is_ok()
    }

    /// The key of the next epoch. The old one is wiped.
    ///
    /// # Errors
    /// As [`derive`](Self::derive).
    pub fn next_epoch(self) -> Result<Self> {
        Self::derive(&self.0, &[], &[b"sealtrail epoch v1"])
    }

    /// The seal of an epoch under its key, after the seal of the epoch before it:
    /// `digest` is `SHA-256` of the epoch's batch roots in ledger order.
    pub fn epoch_seal(
        &self,
        previous: &[u8; 32],
        epoch: u64,
        batches: u64,
        digest: &[u8; 32],
    ) -> [u8; 32] {
        self.mac_parts(&[
            b"sealtrail epoch seal v1\n",
            previous,
            &epoch.to_be_bytes(),
            &batches.to_be_bytes(),
            digest,
        ])
    }

    fn over(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        // HMAC pads short keys with zeros to the block size, so this is the key itself.
        let mut block = Zeroizing::new([0_u8; 64]);
        block[..32].copy_from_slice(self.0.expose());
        let mut mac = <Hmac<Sha256> as hmac::digest::KeyInit>::new((&*block).into());
        for part in parts {
            mac.update(part);
        }
        mac
    }
}
