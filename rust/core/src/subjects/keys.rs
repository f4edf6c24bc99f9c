//! The key of a subject, and what is sealed under it.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::Holder;
use super::field::{Index, Sealed};
use crate::keys::{HmacKey, Secret, random};
use crate::{Error, Result};

const FIELD: &[u8] = b"sealtrail field v1";
const PLACE: &[u8] = b"sealtrail field place v1\n";
const AAD: &[u8] = b"sealtrail field v1\n";
const INDEX: &[u8] = b"sealtrail field index v1";
pub(super) const TAG: usize = 16;

/// The key of a subject between two erasures. Wiped when dropped.
#[derive(Debug)]
pub(crate) struct SubjectKey {
    pub(super) holder: Holder,
    trail: [u8; 16],
    secret: Secret,
    index: HmacKey,
}

/// Where a value stands: it opens nowhere else.
pub(super) fn place(audit_id: &str, pointer: &str) -> [u8; 16] {
    let digest = Sha256::new()
        .chain_update(PLACE)
        .chain_update(audit_id)
        .chain_update([0])
        .chain_update(pointer)
        .finalize();
    let mut bind = [0; 16];
    bind.copy_from_slice(&digest[..16]);
    bind
}

impl SubjectKey {
    pub(super) fn new(holder: Holder, trail: [u8; 16], secret: Secret) -> Result<Self> {
        let index = HmacKey::derive(&secret, &[], &[INDEX])?;
        Ok(Self { holder, trail, secret, index })
    }

    /// The key of one value and its commitment.
    fn value_key(&self, salt: &[u8; 16]) -> Result<(LessSafeKey, Zeroizing<[u8; 32]>)> {
        let mut both = Zeroizing::new([0; 64]);
        hkdf::Hkdf::<Sha256>::new(Some(salt), self.secret.expose())
            .expand(FIELD, &mut *both)
            .map_err(|_| Error::Key("HKDF refused the length of a key".to_owned()))?;
        let key = UnboundKey::new(&AES_256_GCM, &both[..32])
            .map_err(|_| Error::Key("a key has the wrong length".to_owned()))?;
        let mut commitment = Zeroizing::new([0; 32]);
        commitment.copy_from_slice(&both[32..]);
        Ok((LessSafeKey::new(key), commitment))
    }

    fn aad(&self, bind: &[u8; 16]) -> Aad<Vec<u8>> {
        Aad::from([AAD, &self.trail, bind].concat())
    }

    /// By what equal values of this subject are found.
    pub(super) fn index_of(&self, value: &[u8]) -> Index {
        let mut index = [0; 12];
        index.copy_from_slice(&self.index.mac(value)[..12]);
        Index(Some(index))
    }

    /// Encrypts canonical JSON.
    pub(super) fn seal(&self, value: &[u8], bind: [u8; 16], search: bool) -> Result<Sealed> {
        let salt = random::<16>()?;
        let (key, commitment) = self.value_key(&salt)?;
        let mut sealed = value.to_vec();
        key.seal_in_place_append_tag(nonce(), self.aad(&bind), &mut sealed)
            .map_err(|_| Error::Key("a value cannot be encrypted".to_owned()))?;
        let index = if search { self.index_of(value) } else { Index(None) };
        Ok(Sealed { holder: self.holder, index, bind, salt, commitment: *commitment, sealed })
    }

    /// Decrypts to canonical JSON; `None` if it was not sealed under this key, or changed.
    pub(super) fn open(&self, sealed: &Sealed) -> Option<Zeroizing<Vec<u8>>> {
        let (key, commitment) = self.value_key(&sealed.salt).ok()?;
        if !bool::from(commitment.ct_eq(&sealed.commitment)) {
            return None;
        }
        let mut text = Zeroizing::new(sealed.sealed.clone());
        let length = key.open_in_place(nonce(), self.aad(&sealed.bind), &mut text).ok()?.len();
        text.truncate(length);
        Some(text)
    }
}

/// Each key encrypts one value.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}
