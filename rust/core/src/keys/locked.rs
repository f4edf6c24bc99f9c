//! Owner key files under a passphrase (FORMAT section 8).

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::files::{from_json, to_json};
use super::random;
use crate::{Error, Result};

/// RFC 9106, the second recommended choice, with one lane.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
/// What a file may demand at most, so that one made to exhaust the machine does not.
const MAX_MEMORY_KIB: u32 = 1024 * 1024;
const MAX_PASSES: u32 = 64;
const MAX_LANES: u32 = 16;
/// Other key files have no such member.
const MARK: &[u8] = br#"{"aead":"#;

/// Members in sorted order.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LockedFile {
    aead: String,
    #[serde(rename = "box")]
    sealed: String,
    kdf: Kdf,
    nonce: String,
    salt: String,
    v: u32,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kdf {
    lanes: u32,
    memory_kib: u32,
    name: String,
    passes: u32,
}

/// Whether these are the bytes of a key file that needs a passphrase.
pub(super) fn is_locked(bytes: &[u8]) -> bool {
    bytes.starts_with(MARK)
}

/// Encrypts a key file.
pub(super) fn lock(content: &[u8], passphrase: &str) -> Result<Vec<u8>> {
    let (salt, nonce) = (random::<16>()?, random::<24>()?);
    let mut file = LockedFile {
        aead: "xchacha20poly1305".to_owned(),
        sealed: String::new(),
        kdf: Kdf { lanes: 1, memory_kib: MEMORY_KIB, name: "argon2id".to_owned(), passes: PASSES },
        nonce: BASE64.encode(&nonce),
        salt: BASE64.encode(&salt),
        v: 1,
    };
    let cipher = cipher(&file.kdf, passphrase, &salt)?;
    let aad = to_json(&file)?;
    let payload = Payload { msg: content, aad: &aad };
    let sealed = cipher.encrypt(XNonce::from_slice(&nonce), payload);
    file.sealed = BASE64.encode(&sealed.map_err(|_| Error::Key("cannot encrypt a key".into()))?);
    Ok(to_json(&file)?.to_vec())
}

/// Decrypts a key file. `place` names it in errors.
pub(super) fn unlock(bytes: &[u8], passphrase: &str, place: &str) -> Result<Zeroizing<Vec<u8>>> {
    let bad = |what: &str| Error::Key(format!("{place}: {what}"));
    let mut file: LockedFile = from_json(bytes, place)?;
    if file.v != 1 || file.aead != "xchacha20poly1305" || file.kdf.name != "argon2id" {
        return Err(bad("it is locked in a way that this version does not know"));
    }
    let sealed = std::mem::take(&mut file.sealed);
    let decode = |text: &str| BASE64.decode(text.as_bytes()).map_err(|_| bad("it is damaged"));
    let (sealed, salt, nonce) = (decode(&sealed)?, decode(&file.salt)?, decode(&file.nonce)?);
    if nonce.len() != 24 {
        return Err(bad("it is damaged"));
    }
    let cipher = cipher(&file.kdf, passphrase, &salt)
        .map_err(|_| bad("it demands more memory or passes than key files do"))?;
    let aad = to_json(&file)?;
    let payload = Payload { msg: &sealed, aad: &aad };
    let content = cipher.decrypt(XNonce::from_slice(&nonce), payload);
    content.map(Zeroizing::new).map_err(|_| bad("the passphrase is wrong, or the file is damaged"))
}

fn cipher(kdf: &Kdf, passphrase: &str, salt: &[u8]) -> Result<XChaCha20Poly1305> {
    let refused = || Error::Key("parameters of a key file".to_owned());
    if kdf.memory_kib > MAX_MEMORY_KIB || kdf.passes > MAX_PASSES || kdf.lanes > MAX_LANES {
        return Err(refused());
    }
    let params = Params::new(kdf.memory_kib, kdf.passes, kdf.lanes, Some(32));
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.map_err(|_| refused())?);
    let mut key = Zeroizing::new([0; 32]);
    argon.hash_password_into(passphrase.as_bytes(), salt, &mut *key).map_err(|_| refused())?;
    Ok(XChaCha20Poly1305::new((&*key).into()))
}
