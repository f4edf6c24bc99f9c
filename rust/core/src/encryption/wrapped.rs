//! A fresh key for each file, wrapped under a generation.

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::keyring::{Generation, Keyring};
use crate::keys::committed;
use crate::keys::{Secret, envelope, random};
use crate::segment::canonical;
use crate::{Error, Result};

const INFO: &[u8] = b"sealtrail file key v1";
const MAGIC: &[u8; 8] = b"SEALOBJ1";
/// Longest description of a key in an object.
const LONGEST: usize = 4096;

/// The wrapped key of a file, as it stands beside what it encrypts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileKey {
    pub(super) generation: String,
    sealed: String,
    v: u32,
}

/// The file that a key is for: no key opens another file.
fn context(trail: &str, file: &str) -> Vec<u8> {
    format!("sealtrail file key v1\n{trail}\n{file}").into_bytes()
}

impl FileKey {
    /// A fresh key for a file, and the canonical JSON of its wrapped form.
    pub(super) fn make(generation: &Generation, file: &str) -> Result<(Secret, Vec<u8>)> {
        let key = Secret::generate()?;
        let context = context(generation.trail(), file);
        let sealed = committed::wrap(generation.key(), INFO, &random()?, key.expose(), &context)?;
        let generation = generation.name().to_owned();
        let wrapped = Self { generation, sealed: BASE64.encode(&sealed), v: 1 };
        Ok((key, canonical(&wrapped)?))
    }

    /// Reads the wrapped form.
    pub(super) fn parse(text: &[u8], file: &str) -> Result<Self> {
        let bad = || Error::integrity(file, "what describes its key is none of ours");
        let found: Self = serde_json::from_slice(text).map_err(|_| bad())?;
        let fits = found.v == 1
            && super::is_generation(&found.generation)
            && canonical(&found).is_ok_and(|form| form == text);
        if fits { Ok(found) } else { Err(bad()) }
    }

    /// The key of the file.
    pub(super) fn open(&self, generation: &Generation, file: &str) -> Result<Secret> {
        let bad = || Error::integrity(file, "its wrapped key was changed, or is another file's");
        let sealed = BASE64.decode(self.sealed.as_bytes()).map_err(|_| bad())?;
        let context = context(generation.trail(), file);
        committed::unwrap(generation.key(), INFO, &sealed, &context)?.ok_or_else(bad)
    }
}

/// Seals a whole object, that is no Parquet file, under a fresh key of the newest generation:
/// what to store, and the name of the generation. `file` says what it is, and must be said again.
///
/// # Errors
/// `Key` if the keyring or its master key is not at hand; `Io`, `Store`.
pub async fn seal_object(keyring: &Keyring, file: &str, bytes: &[u8]) -> Result<(Vec<u8>, String)> {
    let generation = keyring.current().await?;
    let (key, wrapped) = FileKey::make(&generation, file)?;
    let length = u32::try_from(wrapped.len()).unwrap_or(u32::MAX);
    let mut out = [&MAGIC[..], &length.to_be_bytes(), &wrapped].concat();
    out.extend(envelope::seal(&key, file.as_bytes(), bytes)?);
    Ok((out, generation.name().to_owned()))
}

/// Opens what [`seal_object`] made.
///
/// # Errors
/// `Key` if the generation or its master key is not at hand, `Integrity` if it was changed or is
/// of something else; `Io`, `Store`.
pub async fn open_object(keyring: &Keyring, file: &str, bytes: &[u8]) -> Result<Vec<u8>> {
    let bad = || Error::integrity(file, "no sealed object");
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(bad)?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(bad)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    if length > LONGEST {
        return Err(bad());
    }
    let (wrapped, body) = rest.split_at_checked(length).ok_or_else(bad)?;
    let wrapped = FileKey::parse(wrapped, file)?;
    let generation = keyring.generation(&wrapped.generation).await?;
    envelope::open(&wrapped.open(&generation, file)?, file.as_bytes(), body)
}
