//! An AES-256-GCM key made for one use, and a commitment to it.
//!
//! AES-GCM does not commit to its key: bytes can be made that open under two keys. Whoever opens
//! compares the commitment first, and so also tells a wrong key from changed bytes.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::Secret;
use crate::{Error, Result};

/// Bytes of the salt with which a key is derived.
pub(super) const SALT: usize = 32;
/// Bytes of a commitment.
pub(super) const COMMITMENT: usize = 32;
/// Bytes that AES-GCM adds.
pub(super) const TAG: usize = 16;
/// Bytes of a wrapped key: salt, commitment, the key and its tag.
const WRAPPED: usize = SALT + COMMITMENT + 32 + TAG;

pub(crate) struct Committed {
    pub(super) key: LessSafeKey,
    commitment: Zeroizing<[u8; COMMITMENT]>,
}

impl Committed {
    /// `HKDF-SHA256(ikm secret, salt, info)`, 64 bytes: the key, then the commitment.
    pub(super) fn derive(secret: &Secret, salt: &[u8; SALT], info: &[u8]) -> Result<Self> {
        let mut both = Zeroizing::new([0; 32 + COMMITMENT]);
        hkdf::Hkdf::<Sha256>::new(Some(salt), secret.expose())
            .expand(info, &mut *both)
            .map_err(|_| Error::Key("HKDF refused the length of a key".to_owned()))?;
        let key = UnboundKey::new(&AES_256_GCM, &both[..32])
            .map_err(|_| Error::Key("a key has the wrong length".to_owned()))?;
        let mut commitment = Zeroizing::new([0; COMMITMENT]);
        commitment.copy_from_slice(&both[32..]);
        Ok(Self { key: LessSafeKey::new(key), commitment })
    }

    pub(super) fn commitment(&self) -> &[u8; COMMITMENT] {
        &self.commitment
    }

    /// Whether this is the key that was committed to; takes the same time wherever they differ.
    pub(super) fn is(&self, commitment: &[u8]) -> bool {
        self.commitment.ct_eq(commitment).into()
    }
}

/// A key of 32 bytes under another one. `info` says what the other one is, `context` what this one
/// is for.
pub(crate) fn wrap(
    outer: &Secret,
    info: &[u8],
    salt: &[u8; SALT],
    key: &[u8; 32],
    context: &[u8],
) -> Result<Vec<u8>> {
    let committed = Committed::derive(outer, salt, info)?;
    let mut body = Zeroizing::new(key.to_vec());
    committed
        .key
        .seal_in_place_append_tag(nonce(), Aad::from(context), &mut *body)
        .map_err(|_| Error::Key("a key cannot be wrapped".to_owned()))?;
    Ok([&salt[..], committed.commitment(), &body].concat())
}

/// The key that [`wrap`] wrapped; `None` if it was changed, or is another one.
pub(crate) fn unwrap(
    outer: &Secret,
    info: &[u8],
    wrapped: &[u8],
    context: &[u8],
) -> Result<Option<Secret>> {
    let Some((salt, rest)) = wrapped.split_first_chunk::<SALT>() else { return Ok(None) };
    if wrapped.len() != WRAPPED {
        return Ok(None);
    }
    let (commitment, body) = rest.split_at(COMMITMENT);
    let committed = Committed::derive(outer, salt, info)?;
    if !committed.is(commitment) {
        return Ok(None);
    }
    let mut body = Zeroizing::new(body.to_vec());
    let opened = committed.key.open_in_place(nonce(), Aad::from(context), &mut body);
    let Ok(plain) = opened else { return Ok(None) };
    let mut key = Zeroizing::new([0; 32]);
    if plain.len() != key.len() {
        return Ok(None);
    }
    key.copy_from_slice(plain);
    Ok(Some(Secret::from_bytes(*key)))
}

/// Each derived key wraps one key.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}
