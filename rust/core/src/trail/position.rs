//! What a writer remembers of the ledger between runs (FORMAT section 9).

use std::path::Path;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::merkle::Hash;
use crate::storage::durable::{self, Access};
use crate::{Error, Result};

/// Folder of a trail's writers: bound to the trail and to where it is.
pub(super) fn state_name(trail_id: &str, url: &str) -> String {
    let digest = HEXLOWER.encode(&Sha256::digest(url.as_bytes()));
    format!("{trail_id}+{}", &digest[..16])
}

/// `position.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Position {
    pub(super) committed: u64,
    /// The newest sequence when the last process ended in order.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) ended: Option<u64>,
    pub(super) epoch: u64,
    pub(super) root: String,
    /// Roots of the batches of `epoch`, hex, in ledger order.
    pub(super) roots: Vec<String>,
    pub(super) size: u64,
    pub(super) v: u32,
}

/// `candidate.json`: an entry whose outcome is not known yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Candidate {
    pub(super) entry: String,
    pub(super) n: u64,
    pub(super) roots: Vec<String>,
}

impl Position {
    pub(super) const FILE: &str = "position.json";

    pub(super) fn load(dir: &Path) -> Result<Self> {
        read(&dir.join(Self::FILE))
    }

    pub(super) fn save(&self, dir: &Path) -> Result<()> {
        write(&dir.join(Self::FILE), self)
    }
}

impl Candidate {
    pub(super) const FILE: &str = "candidate.json";

    pub(super) fn load(dir: &Path) -> Result<Option<Self>> {
        match read(&dir.join(Self::FILE)) {
            Ok(candidate) => Ok(Some(candidate)),
            Err(Error::NotFound(_)) => Ok(None),
            Err(e) => Err(e),
        }
    }

    pub(super) fn save(&self, dir: &Path) -> Result<()> {
        write(&dir.join(Self::FILE), self)
    }

    pub(super) fn remove(dir: &Path) -> Result<()> {
        match durable::remove(&dir.join(Self::FILE)) {
            Err(Error::NotFound(_)) => Ok(()),
            other => other,
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = durable::read(path)?;
    serde_json::from_slice(&bytes)
        .map_err(|e| Error::integrity(path.display().to_string(), e.to_string()))
}

fn write(path: &Path, value: &impl Serialize) -> Result<()> {
    durable::replace(path, &crate::segment::canonical(value)?, Access::Private)
}

pub(super) fn hex(roots: &[Hash]) -> Vec<String> {
    roots.iter().map(|root| HEXLOWER.encode(root)).collect()
}

pub(super) fn unhex(roots: &[String], place: &Path) -> Result<Vec<Hash>> {
    let decode = |root: &String| HEXLOWER.decode(root.as_bytes()).ok()?.try_into().ok();
    let all: Option<Vec<Hash>> = roots.iter().map(decode).collect();
    all.ok_or_else(|| Error::integrity(place.display().to_string(), "a root is malformed"))
}
