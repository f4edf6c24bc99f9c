//! Statements: what a copy is complete up to.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};

use super::place::{Place, parse, unopened};
use crate::merkle::Hash;
use crate::segment::canonical;
use crate::storage::{Create, Storage};
use crate::{Error, Result};

const FOLDER: &str = "states";
/// So many of the newest statements are kept.
const KEPT: u64 = 32;

/// What a statement says to everybody, and nobody changes without the copy's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    pub(super) bytes: u64,
    pub(super) holder: String,
    pub(super) n: u64,
    pub(super) records: u64,
    pub(super) root: String,
    pub(super) segments: u64,
    pub(super) size: u64,
    pub(super) time: String,
    pub(super) trail_id: String,
    pub(super) v: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inner {
    hints: BTreeMap<String, String>,
    loose: BTreeSet<String>,
}

/// A statement that holds.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) head: Head,
    /// Objects that are replaced in the trail, as they were.
    pub(super) hints: BTreeMap<String, Bytes>,
    /// Paths of objects that no entry names.
    pub(super) loose: BTreeSet<String>,
}

pub(super) fn path_of(n: u64) -> String {
    format!("{FOLDER}/{n:020}")
}

/// Numbers of the statements, ascending.
pub(super) async fn numbers(storage: &Storage) -> Result<Vec<u64>> {
    let number = |path: &str| {
        let digits = path.strip_prefix(FOLDER)?.strip_prefix('/')?;
        (digits.len() == 20).then(|| digits.parse().ok()).flatten()
    };
    let mut numbers = storage.pick_after(FOLDER, FOLDER, number).await?;
    numbers.sort_unstable();
    Ok(numbers)
}

/// The head of statement `n`, which nobody vouches for, and its envelope.
pub(super) fn split(n: u64, bytes: &Bytes) -> Result<(Head, Bytes, Bytes)> {
    let path = path_of(n);
    let end = memchr::memchr(b'\n', bytes);
    let end = end.ok_or_else(|| Error::integrity(&path, "no statement"))?;
    let head: Head = parse(&bytes[..end], &path)?;
    if head.v != 1 || head.n != n {
        return Err(Error::integrity(path, "not the statement of this number and version"));
    }
    Ok((head, bytes.slice(..end), bytes.slice(end + 1..)))
}

impl Statement {
    /// Root of the ledger's first `size` entries.
    pub(super) fn root(&self) -> Result<Hash> {
        let root = HEXLOWER.decode(self.head.root.as_bytes()).ok();
        let root = root.and_then(|root| root.try_into().ok());
        root.ok_or_else(|| Error::integrity(path_of(self.head.n), "its root is malformed"))
    }

    /// Whether another one would say the same. A heartbeat alone is nothing new.
    pub(super) fn says(&self, other: &Self) -> bool {
        let hints = |s: &Self| {
            let mut hints = s.hints.clone();
            hints.remove(crate::ledger::HEARTBEAT);
            hints
        };
        (self.head.size, &self.head.root, &self.loose)
            == (other.head.size, &other.head.root, &other.loose)
            && hints(self) == hints(other)
    }
}

impl Place {
    fn state_aad(head: &[u8]) -> Vec<u8> {
        [b"sealtrail copy state v1\n", head].concat()
    }

    /// Statement `n`.
    ///
    /// # Errors
    /// `NotFound`; `Integrity` if it does not hold.
    pub(super) async fn statement(&self, n: u64) -> Result<Statement> {
        let bytes = self.storage.get(&path_of(n)).await?;
        let (head, text, envelope) = split(n, &bytes)?;
        let opened = self.unseal(Self::state_aad(&text), envelope).await;
        let opened = opened.map_err(|e| match unopened("", &e) {
            Error::Integrity { message, .. } => Error::integrity(path_of(n), message),
            other => other,
        })?;
        let inner: Inner = parse(&opened, &path_of(n))?;
        if head.holder != self.about.holder || head.trail_id != self.about.trail_id {
            return Err(Error::integrity(path_of(n), "a statement about another copy"));
        }
        let decode = |(path, text): (String, String)| {
            let bytes = BASE64.decode(text.as_bytes());
            let bytes = bytes.map_err(|_| Error::integrity(path_of(n), "a hint is malformed"))?;
            Ok((path, Bytes::from(bytes)))
        };
        let hints = inner.hints.into_iter().map(decode).collect::<Result<_>>()?;
        Ok(Statement { head, hints, loose: inner.loose })
    }

    /// The newest statement; `None` if there is none yet.
    ///
    /// # Errors
    /// `Integrity` if the newest one does not hold: what the copy is complete up to is not known.
    pub(super) async fn newest(&self) -> Result<Option<Statement>> {
        match numbers(&self.storage).await?.last() {
            Some(n) => self.statement(*n).await.map(Some),
            None => Ok(None),
        }
    }

    /// Creates a statement under the next number; whether that was free.
    pub(super) async fn state(&self, statement: &Statement) -> Result<bool> {
        let head = Bytes::from(canonical(&statement.head)?);
        let hints = statement.hints.iter().map(|(p, b)| (p.clone(), BASE64.encode(b))).collect();
        let inner = Inner { hints, loose: statement.loose.clone() };
        let inner = Bytes::from(canonical(&inner)?);
        let sealed = self.seal(Self::state_aad(&head), inner).await?;
        let file = [&head[..], b"\n", &sealed].concat();
        let n = statement.head.n;
        if self.storage.put_create(&path_of(n), Bytes::from(file)).await? == Create::Exists {
            return Ok(false);
        }
        for old in numbers(&self.storage).await?.into_iter().filter(|old| old + KEPT <= n) {
            self.storage.delete(&path_of(old)).await?;
        }
        Ok(true)
    }
}
