//! Key files: canonical JSON, mode 0600, refused when others could read them.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::{Zeroize, Zeroizing};

use super::Secret;
use crate::storage::durable::{self, Access, Create};
use crate::{Error, Result};

/// Reads a secret file of exactly 32 bytes (`seen.key`).
///
/// # Errors
/// `Error::NotFound`, or `Error::Key` if others can read it or its length is wrong.
pub fn load_secret(path: &Path) -> Result<Secret> {
    let mut bytes = read_private(path)?;
    let secret = <[u8; 32]>::try_from(bytes.as_slice()).map(Secret::from_bytes);
    bytes.zeroize();
    secret.map_err(|_| Error::Key(format!("{}: must hold exactly 32 bytes", path.display())))
}

/// Reads a secret file of 32 bytes, or makes it from fresh random bytes.
///
/// # Errors
/// As [`load_secret`], and `Error::Io` if it cannot be made.
pub fn load_or_create_secret(path: &Path) -> Result<Secret> {
    match load_secret(path) {
        Err(Error::NotFound(_)) => {
            let secret = Secret::generate()?;
            match durable::create_new_with(path, secret.expose(), Access::Private)? {
                Create::Created => Ok(secret),
                Create::Exists => load_secret(path),
            }
        }
        other => other,
    }
}

/// The bytes of a key file that nobody else can read.
pub(super) fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let bytes = Zeroizing::new(durable::read(path)?);
    refuse_wide_mode(path)?;
    Ok(bytes)
}

#[cfg(unix)]
fn refuse_wide_mode(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let metadata = std::fs::metadata(path).map_err(|e| Error::io(path, e))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(Error::Key(format!(
        "{}: a key file that others may access (mode {mode:04o}); run `chmod 600` on it, and \
         replace the key if somebody may have read it",
        path.display()
    )))
}

#[cfg(not(unix))]
fn refuse_wide_mode(_path: &Path) -> Result<()> {
    Ok(())
}

/// The key file's object as canonical JSON: its struct declares the members in sorted order, and
/// for text and small integers `serde_json` writes the canonical form.
pub(super) fn to_json(keys: &impl Serialize) -> Result<Zeroizing<Vec<u8>>> {
    serde_json::to_vec(keys)
        .map(Zeroizing::new)
        .map_err(|e| Error::Key(format!("cannot encode a key file: {e}")))
}

/// Decodes a key file and demands that it is byte for byte in the form that [`to_json`] gives.
///
/// A final line break is allowed, since editors and shells add one.
pub(super) fn from_json<T: Serialize + DeserializeOwned>(bytes: &[u8], place: &str) -> Result<T> {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    // The parser's message would repeat text of the file: say only where it stopped.
    let keys: T = serde_json::from_slice(bytes).map_err(|e| {
        Error::Key(format!("{place}: not a key file of version 1 (column {})", e.column()))
    })?;
    if *to_json(&keys)? != bytes {
        return Err(Error::Key(format!("{place}: not in the form in which key files are written")));
    }
    Ok(keys)
}
