//! The string that stands for a sealed value.

use std::fmt;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};

use super::Holder;
use super::keys::TAG;

/// How every sealed value begins.
pub(super) const PREFIX: &str = "sealed:1:";
const HEAD: usize = 16 + 16 + 32;

/// A keyed hash that equal values of one subject share, if they are to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Index(pub(super) Option<[u8; 12]>);

/// The parts of a sealed value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sealed {
    pub(super) holder: Holder,
    pub(super) index: Index,
    pub(super) bind: [u8; 16],
    pub(super) salt: [u8; 16],
    pub(super) commitment: [u8; 32],
    /// With its tag.
    pub(super) sealed: Vec<u8>,
}

impl Sealed {
    /// The parts of a string in the one form of FORMAT section 17; `None` for all others.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (holder, index, body) = parts(text)?;
        let index = match index {
            "-" => Index(None),
            hex => Index(Some(HEXLOWER.decode(hex.as_bytes()).ok()?.try_into().ok()?)),
        };
        let body = BASE64URL_NOPAD.decode(body.as_bytes()).ok()?;
        if body.len() < HEAD + TAG {
            return None;
        }
        let (bind, rest) = body.split_first_chunk::<16>()?;
        let (salt, rest) = rest.split_first_chunk::<16>()?;
        let (commitment, sealed) = rest.split_first_chunk::<32>()?;
        Some(Self {
            holder: Holder::parse(holder)?,
            index,
            bind: *bind,
            salt: *salt,
            commitment: *commitment,
            sealed: sealed.to_vec(),
        })
    }

    /// Whose key opens it, and its index as it is written, read from the beginning alone.
    pub(super) fn head(text: &str) -> Option<(Holder, &str)> {
        let (holder, index, _) = parts(text)?;
        Some((Holder::parse(holder)?, index))
    }
}

fn parts(text: &str) -> Option<(&str, &str, &str)> {
    let (holder, rest) = text.strip_prefix(PREFIX)?.split_once(':')?;
    let (index, body) = rest.split_once(':')?;
    Some((holder, index, body))
}

impl fmt::Display for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(index) => f.write_str(&HEXLOWER.encode(&index)),
            None => f.write_str("-"),
        }
    }
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = [&self.bind[..], &self.salt, &self.commitment, &self.sealed].concat();
        let body = BASE64URL_NOPAD.encode(&body);
        write!(f, "{PREFIX}{}:{}:{body}", self.holder, self.index)
    }
}
