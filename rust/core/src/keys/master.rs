//! Master keys: what the keys of a trail are wrapped with, so that whoever has the store alone
//! reads nothing (FORMAT section 18).

use std::fmt;
use std::path::Path;

use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};

use super::committed::{unwrap, wrap};
use super::kms::KmsKey;
use super::{HmacKey, Secret, random, source};
use crate::{Error, Result};

const INFO: &[u8] = b"sealtrail master wrap v1";
const KEY_ID: &[u8] = b"sealtrail master key id v1";

/// A key that wraps other keys. Where it is kept in this process, it is wiped with it.
pub struct MasterKey {
    name: String,
    place: String,
    kind: Kind,
}

enum Kind {
    /// Its bytes are here.
    Here(Secret),
    /// It is in AWS KMS.
    Kms(Box<KmsKey>),
}

/// A key of 32 bytes under a master key, as it stands in a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wrapped {
    /// Name of the master key.
    pub key: String,
    /// Base64 of what the master key made of it.
    pub sealed: String,
}

impl MasterKey {
    /// The key that a reference names: `file:PATH` (a file that nobody else may read), `env:NAME`
    /// or `command:COMMAND` (what a command of the shell prints), each 32 bytes in base64 or as
    /// they are; or `aws-kms:KEY`, a key of AWS KMS by id, alias or ARN, which is not asked yet.
    ///
    /// # Errors
    /// `Usage` for another reference or an unknown region, `NotFound` if there is no such file or variable, `Key` if
    /// what is there is no key, others may read the file, or the command fails.
    pub fn open(reference: &str) -> Result<Self> {
        Self::open_with(reference, &|name| std::env::var(name).ok())
    }

    /// As [`open`](Self::open), with these environment variables.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(reference: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        if let Some(key) = reference.strip_prefix("aws-kms:").filter(|key| !key.is_empty()) {
            let key = KmsKey::new(key, env)?;
            let (name, place) = (key.name(), key.place());
            return Ok(Self { name, place, kind: Kind::Kms(Box::new(key)) });
        }
        let (bytes, place) = match reference.split_once(':') {
            Some(("file", path)) => source::read(&absolute(path), env)?,
            Some(("env", _)) => source::read(reference, env)?,
            Some(("command" | "cmd", command)) => source::read(&format!("cmd:{command}"), env)?,
            _ => return Err(unknown(reference)),
        };
        match decode(&bytes) {
            Some(secret) => Ok(Self::new(secret, place)),
            None => {
                let message =
                    format!("{place}: a master key is 32 bytes in base64, or as they are");
                Err(Error::Key(message))
            }
        }
    }

    /// The key with these bytes, which came from `place`.
    pub fn new(secret: Secret, place: impl Into<String>) -> Self {
        let id = HmacKey::new(Secret::from_bytes(*secret.expose())).mac(KEY_ID);
        let name = format!("local:{}", HEXLOWER.encode(&id[..8]));
        Self { name, place: place.into(), kind: Kind::Here(secret) }
    }

    /// Whether a master key that a store names so is certainly this one.
    pub fn is(&self, name: &str) -> bool {
        match &self.kind {
            Kind::Here(_) => self.name == name,
            Kind::Kms(key) => key.is(name),
        }
    }

    /// Whether it may be this one: what an alias of KMS means, only KMS knows.
    pub fn may_be(&self, name: &str) -> bool {
        match &self.kind {
            Kind::Here(_) => self.name == name,
            Kind::Kms(key) => key.may_be(name),
        }
    }

    /// What wrapped keys and errors call it: it tells nothing of the key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it came from.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Wraps a key. Only who names the same `context` unwraps it: it says what the key is for.
    ///
    /// # Errors
    /// `Key` if it cannot be wrapped.
    pub async fn wrap(&self, key: &[u8; 32], context: &str) -> Result<Wrapped> {
        let (name, sealed) = match &self.kind {
            Kind::Here(master) => {
                let sealed = wrap(master, INFO, &random()?, key, context.as_bytes())?;
                (self.name.clone(), sealed)
            }
            Kind::Kms(master) => master.wrap(key, context).await?,
        };
        Ok(Wrapped { key: name, sealed: BASE64.encode(&sealed) })
    }

    /// The key that was wrapped.
    ///
    /// # Errors
    /// `Key` if it was wrapped under another master key, `Integrity` if it was changed or is for
    /// something else than `context` says.
    pub async fn unwrap(&self, wrapped: &Wrapped, context: &str) -> Result<Secret> {
        if !self.may_be(&wrapped.key) {
            return Err(Error::Key(format!(
                "{context} is wrapped under the master key {}, and the one given ({}) is {}",
                wrapped.key, self.place, self.name
            )));
        }
        let changed = || {
            let message = "a wrapped key that was changed, or is of something else";
            Error::integrity(context, message)
        };
        let sealed = BASE64.decode(wrapped.sealed.as_bytes()).map_err(|_| changed())?;
        match &self.kind {
            Kind::Here(master) => {
                unwrap(master, INFO, &sealed, context.as_bytes())?.ok_or_else(changed)
            }
            Kind::Kms(master) => master.unwrap(&sealed, context).await,
        }
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.name)
    }
}

/// References are not repeated: who mistook what belongs there may have given the key itself.
fn unknown(reference: &str) -> Error {
    let kind = reference.split_once(':').map(|(kind, _)| kind).filter(|kind| kind.len() < 12);
    let what = kind.map(|kind| format!("{kind:?} names no source of keys; ")).unwrap_or_default();
    Error::Usage(format!(
        "{what}a master key is file:PATH, env:NAME, command:COMMAND or aws-kms:KEY"
    ))
}

/// `source::read` takes other names for what is no file.
fn absolute(path: &str) -> String {
    match std::path::absolute(Path::new(path)) {
        Ok(full) => full.to_string_lossy().into_owned(),
        Err(_) => path.to_owned(),
    }
}

fn decode(bytes: &[u8]) -> Option<Secret> {
    if let Ok(raw) = <[u8; 32]>::try_from(bytes) {
        return Some(Secret::from_bytes(raw));
    }
    let text = std::str::from_utf8(bytes).ok()?;
    Secret::from_base64(text.trim()).ok()
}

#[cfg(test)]
#[path = "master_tests.rs"]
mod tests;
