//! Proofs for whoever holds the owner's public key and nothing else (FORMAT section 11).
//!
//! [`Trail::prove`](crate::trail::Trail::prove) makes them. [`check`] needs no trail, no store and
//! no secret, and takes every byte of a proof for an attacker's.

mod check;
mod consistency;
mod file;

#[cfg(test)]
mod tests;

use std::path::Path;

pub use check::{Checked, check};
pub use consistency::{Consistency, check_consistency};
pub(crate) use file::{BatchItem, File, Hex, Item, Note, RecordItem, SegmentItem, SignerItem, hex};

use crate::storage::durable::{self, Access};
use crate::{Error, Result};

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

    /// Writes the file, durably and at once or not at all; one that is there is replaced.
    ///
    /// # Errors
    /// `Io`.
    pub fn save(&self, path: &Path) -> Result<()> {
        durable::replace(path, &self.bytes, Access::Default)
    }
}

/// A proof that does not hold, and the step at which that shows.
fn fails(step: impl Into<String>, message: impl Into<String>) -> Error {
    Error::integrity(step, message)
}
