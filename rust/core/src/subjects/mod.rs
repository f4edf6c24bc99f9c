//! Personal fields: encrypted before they are recorded, under a key of the person they are about,
//! so that destroying the key erases them (FORMAT section 17).
//!
//! [`Sealer`] encrypts on the way into the trail, [`Vault`] has the keys and decrypts on the way
//! out. Leaves cover what was encrypted: erasure changes no proof.

mod field;
mod keys;
mod open;
mod seal;
mod store;
mod vault;

#[cfg(test)]
mod tests;

pub use open::{ERASED, KEY_MISSING, UNREADABLE};
pub use seal::Sealer;
pub use vault::Vault;

pub(crate) use keys::SubjectKey;
pub(crate) use seal::waiting;
pub(crate) use store::{FOLDER as KEYS_FOLDER, ROOT, is_key_object, named as holder_of};

use std::fmt;

use data_encoding::HEXLOWER;

/// What the store knows a data subject by: a keyed hash of the id, and how often it was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sid(pub(crate) [u8; 16]);

impl Sid {
    /// 32 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok().map(Self)
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

/// A subject between two erasures: each has a key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Holder {
    pub(crate) sid: Sid,
    /// Number of the entry that erased the subject last, else 0.
    pub(crate) generation: u64,
}

impl Holder {
    /// `<sid>-<generation>`
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (sid, generation) = text.split_once('-')?;
        let canonical = generation == "0" || !generation.starts_with(['0', '+']);
        let generation = generation.parse().ok().filter(|_| canonical)?;
        Some(Self { sid: Sid::parse(sid)?, generation })
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.sid, self.generation)
    }
}
