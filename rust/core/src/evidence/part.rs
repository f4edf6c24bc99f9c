//! Salts and proofs of exported records: one line for each segment that holds some (FORMAT
//! section 21).

use data_encoding::BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::merkle::Hash;
use crate::proof::{Hex, Item, Kind, Note, SignerItem};

/// Bytes that tell a line from others.
pub(super) const MARK: usize = 8;
/// Bytes of a record's salt.
pub(super) const SALT: usize = 16;

/// The records of one segment: so many lines of the file of records, from line `from` (0-based).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    pub(crate) batches: Vec<PartBatch>,
    pub(crate) from: u64,
    /// The mark of each line, in order.
    pub(crate) marks: Packed<MARK>,
    pub(crate) records: u64,
}

/// A batch that some of these records are of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartBatch {
    /// Which of the entry's segments.
    pub(crate) add: u64,
    pub(crate) commitment: Hex<32>,
    pub(crate) entry: u64,
    pub(crate) id: String,
    /// Which of the segment's batches.
    pub(crate) index: u64,
    /// Lines of its records, counted from the part's first.
    pub(crate) lines: Spans,
    /// Audit path in the segment's batch list.
    pub(crate) path: Vec<Hex<32>>,
    /// Positions of these records in the batch.
    pub(crate) positions: Spans,
    /// What leads from their leaves to the batch's root.
    pub(crate) proof: Packed<32>,
    pub(crate) root: Hex<32>,
    pub(crate) rows: u64,
    /// The batch's salt, where all of its records are here.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) salt: Option<Packed<32>>,
    /// The records' salts, where some are not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) salts: Option<Packed<SALT>>,
}

/// The last line: what all proofs of the file rest on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shared {
    pub(crate) checkpoint: Note,
    pub(crate) entries: Vec<Item>,
    pub(crate) kind: Kind,
    pub(crate) records: u64,
    pub(crate) signers: Vec<SignerItem>,
    pub(crate) v: u32,
}

/// Tells a line from others; proves nothing.
pub(super) fn mark(line: &[u8]) -> [u8; MARK] {
    let digest: Hash = Sha256::digest(line).into();
    let mut mark = [0; MARK];
    mark.copy_from_slice(&digest[..MARK]);
    mark
}

/// Items of known length, one after the other, written as base64.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Packed<const N: usize>(pub(crate) Vec<[u8; N]>);

impl<const N: usize> Serialize for Packed<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(self.0.as_flattened()))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Packed<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = BASE64.decode(text.as_bytes()).map_err(serde::de::Error::custom)?;
        match bytes.as_chunks::<N>() {
            (items, []) => Ok(Self(items.to_vec())),
            _ => Err(serde::de::Error::custom(format!("items of {N} bytes are expected"))),
        }
    }
}

/// Ascending numbers as runs: first, count, first, count, ...
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Spans(pub(crate) Vec<u64>);

impl Spans {
    /// Adds a number above all before.
    pub(super) fn push(&mut self, number: u64) {
        match self.0.as_mut_slice() {
            [.., first, count] if *first + *count == number => *count += 1,
            _ => self.0.extend([number, 1]),
        }
    }

    /// How many numbers they are, if they are below `limit`, ascending, and in the one form that
    /// [`push`](Self::push) makes.
    pub(super) fn checked(&self, limit: u64) -> Option<u64> {
        let (pairs, rest) = self.0.as_chunks::<2>();
        let (mut total, mut end) = (0, None);
        for [first, count] in pairs {
            let next = first.checked_add(*count).filter(|next| *next <= limit)?;
            if *count == 0 || end.is_some_and(|end| *first <= end) {
                return None;
            }
            total += count;
            end = Some(next);
        }
        rest.is_empty().then_some(total)
    }

    /// The numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.as_chunks::<2>().0.iter().flat_map(|[first, count]| *first..*first + *count)
    }
}
