//! Proofs for whoever holds the owner's public key and nothing else (FORMAT section 13).
//!
//! [`Trail::prove`](crate::trail::Trail::prove) makes them. [`check`] needs no trail, no store and
//! no secret, and takes every byte of a proof for an attacker's.

mod chain;
mod check;
mod consistency;
mod file;

#[cfg(test)]
mod tests;

use data_encoding::HEXLOWER;
use serde::{Serialize, Serializer};

pub(crate) use chain::{Chain, Evidence};
pub use check::{Checked, check};
pub use consistency::{Consistency, check_consistency};
pub(crate) use consistency::{ConsistencyFile, StateItem};
pub(crate) use file::{
    BatchItem, File, Hex, Item, Kind, Note, RecordItem, SegmentItem, SignerItem, demand_version,
    hex, parse, unhex,
};

use crate::merkle::Hash;
use crate::note::Checkpoint;
use crate::{Error, Result};

/// A state of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TreeState {
    /// Number of its entries.
    pub size: u64,
    /// Root over them.
    #[serde(serialize_with = "as_hex")]
    pub root: Hash,
}

impl TreeState {
    fn of(checkpoint: &Checkpoint) -> Self {
        Self { size: checkpoint.size, root: checkpoint.root }
    }
}

fn as_hex<S: Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&HEXLOWER.encode(hash))
}

/// A writer that a proof rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Signer {
    /// Its id.
    pub writer: String,
    /// Number of the entry by which the owner authorised it.
    pub authorized: u64,
    /// Its revocation, if the proof tells of one. It then came after what the proof rests on.
    /// That there is none among the entries of the checkpoint is the word of who made the proof.
    pub revoked: Option<Revoked>,
}

/// How the owner revoked a writer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Revoked {
    /// Number of the entry.
    pub entry: u64,
    /// When the owner signed it; RFC 3339, UTC.
    pub time: String,
    /// Why, in the owner's words.
    pub reason: String,
}

/// What a proof of either kind shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Shown {
    /// That a record is in the trail.
    Record(Box<Checked>),
    /// That one state of the ledger extends another.
    Consistency(Consistency),
}

/// Checks a proof of either kind with the owner's public key, a C2SP vkey.
///
/// # Errors
/// As [`check`] and [`check_consistency`].
pub fn check_any(proof: &[u8], vkey: &str) -> Result<Shown> {
    match file::kind_of(proof) {
        Some(Kind::Consistency) => check_consistency(proof, vkey).map(Shown::Consistency),
        _ => check(proof, vkey).map(|checked| Shown::Record(Box::new(checked))),
    }
}

/// A proof's file: canonical JSON and a line break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    bytes: Vec<u8>,
}

impl Proof {
    pub(crate) fn new(mut json: Vec<u8>) -> Self {
        json.push(b'\n');
        Self { bytes: json }
    }

    /// The file's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The file's bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// A proof that does not hold, and the step at which that shows.
fn fails(step: impl Into<String>, message: impl Into<String>) -> Error {
    Error::integrity(step, message)
}
