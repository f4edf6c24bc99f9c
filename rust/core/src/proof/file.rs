//! The bytes of a proof of a record.

use data_encoding::HEXLOWER;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::fails;
use crate::Result;
use crate::merkle::Hash;
use crate::segment::canonical;

/// Step under which a malformed file is reported.
const FORM: &str = "proof";

/// Bytes of known number, written as lower-case hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hex<const N: usize>(pub(crate) [u8; N]);

impl<const N: usize> Serialize for Hex<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&HEXLOWER.encode(&self.0))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = HEXLOWER.decode(text.as_bytes()).ok().and_then(|b| b.try_into().ok());
        bytes.map(Self).ok_or_else(|| {
            serde::de::Error::custom(format!("{N} bytes in lower-case hex are expected"))
        })
    }
}

/// Hashes as a file holds them.
pub(crate) fn hex(hashes: &[Hash]) -> Vec<Hex<32>> {
    hashes.iter().map(|hash| Hex(*hash)).collect()
}

/// Hashes out of a file.
pub(crate) fn unhex(path: &[Hex<32>]) -> Vec<Hash> {
    path.iter().map(|hash| hash.0).collect()
}

/// What a file proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// That a record is in the trail.
    Record,
    /// That one state of the ledger extends another.
    Consistency,
    /// That the records of an export are in the trail.
    Records,
}

/// A proof of a record; members as FORMAT section 13 names them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) batch: BatchItem,
    pub(crate) checkpoint: Note,
    pub(crate) entries: Vec<Item>,
    pub(crate) kind: Kind,
    pub(crate) record: RecordItem,
    pub(crate) segment: SegmentItem,
    pub(crate) signers: Vec<SignerItem>,
    pub(crate) v: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BatchItem {
    pub(crate) commitment: Hex<32>,
    pub(crate) id: String,
    pub(crate) index: u64,
    pub(crate) path: Vec<Hex<32>>,
    pub(crate) root: Hex<32>,
    pub(crate) rows: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Note {
    pub(crate) note: String,
    pub(crate) signer: String,
}

/// An object of the ledger and its path in the checkpoint's tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Item {
    pub(crate) bytes: String,
    pub(crate) n: u64,
    pub(crate) path: Vec<Hex<32>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordItem {
    pub(crate) bytes: String,
    pub(crate) index: u64,
    pub(crate) path: Vec<Hex<32>>,
    pub(crate) salt: Hex<16>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SegmentItem {
    pub(crate) entry: u64,
    pub(crate) index: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignerItem {
    // First: signers are in the order of their ids.
    pub(crate) writer: String,
    pub(crate) authorized: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) revoked: Option<u64>,
}

impl File {
    /// A proof of version 1.
    pub(crate) fn new(
        record: RecordItem,
        batch: BatchItem,
        segment: SegmentItem,
        entries: Vec<Item>,
        checkpoint: Note,
        signers: Vec<SignerItem>,
    ) -> Self {
        Self { batch, checkpoint, entries, kind: Kind::Record, record, segment, signers, v: 1 }
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        let file: Self = parse(bytes)?;
        if file.kind != Kind::Record {
            return Err(fails(FORM, "it is no proof of a record"));
        }
        demand_version(file.v)?;
        Ok(file)
    }
}

/// What a file claims to prove.
pub(super) fn kind_of(bytes: &[u8]) -> Option<Kind> {
    #[derive(Deserialize)]
    struct Claim {
        kind: Kind,
    }
    serde_json::from_slice::<Claim>(bytes).ok().map(|claim| claim.kind)
}

pub(crate) fn demand_version(v: u32) -> Result<()> {
    if v == 1 { Ok(()) } else { Err(fails(FORM, format!("version {v} is not known"))) }
}

/// Reads canonical JSON, which a line break may follow.
pub(crate) fn parse<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Result<T> {
    let json = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let value: T = serde_json::from_slice(json).map_err(|e| fails(FORM, e.to_string()))?;
    match canonical(&value) {
        Ok(same) if same == json => Ok(value),
        _ => Err(fails(FORM, "it is not canonical JSON")),
    }
}
