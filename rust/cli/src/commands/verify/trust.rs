//! The keys that a verification trusts. They come from the user, never from the trail.

use std::path::Path;
use std::sync::Arc;

use sealtrail_core::Error;
use sealtrail_core::config::Home;
use sealtrail_core::keys::OwnerKey;
use sealtrail_core::ledger::entry_path;
use sealtrail_core::note;
use sealtrail_core::storage::Storage;
use sealtrail_core::trail::TRAIL_FILE;
use sealtrail_core::verify::Trust;
use serde_json::Value;

use crate::failure::Failure;
use crate::session::Session;

/// Keys named on the command line.
pub(in crate::commands) struct Keys<'a> {
    /// A public key, or a file that holds one.
    pub(in crate::commands) key: Option<&'a str>,
    /// The owner's key: a file, `env:NAME` or `cmd:COMMAND`.
    pub(in crate::commands) owner_key: Option<&'a str>,
}

/// What the user brought: the keys on the command line, else those of the environment or the keys
/// folder.
pub(in crate::commands) fn roots(
    session: &Session<'_>,
    storage: &Storage,
    keys: &Keys<'_>,
) -> Result<Trust, Failure> {
    let secret = match keys.owner_key {
        Some(reference) => Some(session.owner_key(reference)?),
        None => None,
    };
    match (keys.key, secret) {
        (None, None) => of_user(session, storage),
        given => of_keys(session, given),
    }
}

/// As [`roots`], for the copy of a trail with this id.
pub(in crate::commands) fn roots_of(
    session: &Session<'_>,
    trail_id: &str,
    keys: &Keys<'_>,
) -> Result<Trust, Failure> {
    let secret = match keys.owner_key {
        Some(reference) => Some(session.owner_key(reference)?),
        None => None,
    };
    match (keys.key, secret) {
        (None, None) => {
            let found = of_ids(session, &[trail_id.to_owned()])?;
            found.map_or_else(|| Err(no_key(session, trail_id)?), Ok)
        }
        given => of_keys(session, given),
    }
}

fn of_keys(
    session: &Session<'_>,
    given: (Option<&str>, Option<OwnerKey>),
) -> Result<Trust, Failure> {
    match given {
        (None, None) => Err(Failure::usage("no key is given")),
        (None, Some(secret)) => Ok(with_secret(secret)),
        (Some(key), None) => public(session, key),
        (Some(key), Some(secret)) => {
            if public(session, key)?.owner != secret.public() {
                let message = "--key and --owner-key are not halves of the same key";
                return Err(Failure::usage(message));
            }
            Ok(with_secret(secret))
        }
    }
}

fn with_secret(secret: OwnerKey) -> Trust {
    let public = secret.public();
    Trust { secret: Some(Arc::new(secret)), ..Trust::owner(public) }
}

/// Trust in a public key, given as it is or as a file.
fn public(session: &Session<'_>, given: &str) -> Result<Trust, Failure> {
    Ok(Trust::owner(note::parse_vkey(&vkey_text(session, given)?)?.1))
}

/// A public key as text, given as it is or as a file.
pub(crate) fn vkey_text(session: &Session<'_>, given: &str) -> Result<String, Failure> {
    let path = session.file(Path::new(given));
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(text),
        // A vkey has two `+`; everything else must have been meant as a file.
        Err(_) if given.splitn(3, '+').count() == 3 => Ok(given.to_owned()),
        Err(error) => Err(Failure::io(path, error)),
    }
}

/// The key that the user has for this trail.
fn of_user(session: &Session<'_>, storage: &Storage) -> Result<Trust, Failure> {
    let ids = session.wait(claimed_ids(storage))?;
    if let Some(trust) = of_ids(session, &ids)? {
        return Ok(trust);
    }
    if ids.is_empty() && session.wait(storage.list("ledger"))?.is_empty() {
        return Err(Failure::from(Error::NotFound(format!("{} holds no trail", storage.url())))
            .hint("--trail or SEALTRAIL_TRAIL names another one"));
    }
    Err(no_key(session, ids.first().map_or("that is damaged", String::as_str))?)
}

fn no_key(session: &Session<'_>, shown: &str) -> Result<Failure, Failure> {
    let home = session.home()?;
    Ok(Failure::usage(format!("there is no key to verify the trail {shown} with"))
        .hint("--key names the owner's public key, as `sealtrail init` printed it")
        .hint(format!("the keys folder is {}", home.keys_dir.display())))
}

/// The key that the user has for a trail with one of these ids.
fn of_ids(session: &Session<'_>, ids: &[String]) -> Result<Option<Trust>, Failure> {
    let home = session.home()?;
    if let Some(secret) = session.owner_of_env()?
        && ids.iter().any(|id| id == secret.trail_id())
    {
        return Ok(Some(with_secret(secret)));
    }
    for id in ids {
        if let Some(trust) = in_folder(session, &home, id)? {
            return Ok(Some(trust));
        }
    }
    Ok(None)
}

fn in_folder(session: &Session<'_>, home: &Home, id: &str) -> Result<Option<Trust>, Failure> {
    match OwnerKey::load(&home.keys_dir, id, &session.passphrase()) {
        Ok(secret) => return Ok(Some(with_secret(secret))),
        Err(Error::NotFound(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let path = OwnerKey::vkey_path(&home.keys_dir, id);
    if path.exists() { public(session, &path.to_string_lossy()).map(Some) } else { Ok(None) }
}

/// The ids that the trail gives itself. They only choose among keys that the user has, and either
/// place may have been tampered with.
async fn claimed_ids(storage: &Storage) -> Result<Vec<String>, Error> {
    let mut ids = Vec::new();
    for (path, pointer) in
        [(TRAIL_FILE.to_owned(), "/trail_id"), (entry_path(0), "/body/trail/trail_id")]
    {
        let bytes = match storage.get(&path).await {
            Ok(bytes) => bytes,
            Err(Error::NotFound(_)) => continue,
            Err(error) => return Err(error),
        };
        let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let id = value.pointer(pointer).and_then(Value::as_str);
        ids.extend(
            id.filter(|id| sealtrail_core::keys::trail_id_bytes(id).is_ok()).map(str::to_owned),
        );
    }
    ids.dedup();
    Ok(ids)
}
