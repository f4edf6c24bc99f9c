//! Keys: Ed25519 for everybody to check, HMAC chains for whoever holds the owner's root secret.
//!
//! FORMAT.md section 8 defines every derivation. Secrets are wiped when dropped and never printed.

pub(crate) mod committed;
pub mod envelope;
mod files;
mod grant;
pub(crate) mod kms;
mod locked;
mod master;
mod owner;
mod privacy;
mod secret;
mod source;
mod writer;

pub use files::{load_or_create_secret, load_secret};
pub use grant::WriterGrant;
pub use master::{MasterKey, Wrapped};
pub use owner::OwnerKey;
pub use privacy::{PRIVACY_KEY_FILE, PRIVACY_KEY_VARIABLE, PrivacyKey, PrivacySource};
pub use secret::{HmacKey, Secret};
pub use source::{COMMAND_VARIABLE, KEY_VARIABLE, PASSPHRASE_VARIABLE, Passphrase};
pub use writer::{EpochChain, WriterKeys, roots_digest};

use data_encoding::HEXLOWER;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// The name under which the owner signs, where a writer gives its id.
pub const OWNER: &str = "owner";

/// The id of an Ed25519 public key: 16 hex digits.
pub fn key_id(public: &VerifyingKey) -> String {
    let digest = Sha256::new()
        .chain_update(b"sealtrail key v1\n")
        .chain_update(public.as_bytes())
        .finalize();
    HEXLOWER.encode(&digest[..8])
}

/// The 16 bytes of a trail id, which must be a UUID in lower case with hyphens.
///
/// # Errors
/// `Error::Key` for any other text.
pub fn trail_id_bytes(trail_id: &str) -> Result<[u8; 16]> {
    let bad = || Error::Key(format!("{trail_id:?} is no trail id (a UUID in lower case)"));
    let groups: Vec<&str> = trail_id.split('-').collect();
    if groups.iter().map(|group| group.len()).ne([8, 4, 4, 4, 12]) {
        return Err(bad());
    }
    let bytes = HEXLOWER.decode(groups.concat().as_bytes()).map_err(|_| bad())?;
    bytes.try_into().map_err(|_| bad())
}

/// The Ed25519 signature of a message.
pub fn sign(key: &SigningKey, message: &[u8]) -> [u8; 64] {
    key.sign(message).to_bytes()
}

/// Whether this is the key's Ed25519 signature of the message, under the strict rules
/// (`verify_strict`): no keys of small order, no second form of a signature.
pub fn verify_signature(public: &VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
    Signature::from_slice(signature)
        .is_ok_and(|signature| public.verify_strict(message, &signature).is_ok())
}

/// The public key with these 32 bytes.
///
/// # Errors
/// `Error::Key` if they are no point of the curve or one of small order, for which signatures
/// prove nothing.
pub fn public_key(bytes: &[u8]) -> Result<VerifyingKey> {
    let bad = || Error::Key("not an Ed25519 public key".to_owned());
    let bytes: &[u8; 32] = bytes.try_into().map_err(|_| bad())?;
    let key = VerifyingKey::from_bytes(bytes).map_err(|_| bad())?;
    if key.is_weak() { Err(bad()) } else { Ok(key) }
}

/// Fresh random bytes from the operating system.
///
/// # Errors
/// `Error::Key` if the system has none to give.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|e| Error::Key(format!("the system's random source failed: {e}")))?;
    Ok(bytes)
}

/// A new Ed25519 key.
fn generate_signing() -> Result<SigningKey> {
    let seed = zeroize::Zeroizing::new(random::<32>()?);
    Ok(SigningKey::from_bytes(&seed))
}

#[cfg(test)]
mod tests;
