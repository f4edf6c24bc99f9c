//! What a segment says of itself in its Parquet metadata.

use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::columns::{ColumnType, LogicalColumn};
use crate::json::{Canonicalizer, Limits};
use crate::keys::HmacKey;
use crate::merkle::{self, Hash};
use crate::{Error, Result};

/// Key of the description in the Parquet metadata.
pub(super) const META_KEY: &str = "sealtrail";
/// Key of the seal in the Parquet metadata.
pub(super) const SEAL_KEY: &str = "sealtrail.seal";
const SEAL_CONTEXT: &[u8] = b"sealtrail segment v1\n";
/// The tree hashes of many batches are larger than a record may be.
const LIMITS: Limits = Limits { max_bytes: 1 << 28, max_depth: 16 };

/// The description of a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentMeta {
    /// Its batches, by ordinal.
    pub batches: Vec<BatchMeta>,
    /// Its columns except `_batch` and `_rest`, in file order.
    pub columns: Vec<SegmentColumn>,
    /// Domain of every row.
    pub domain: String,
    /// The writer's epoch.
    pub epoch: u64,
    /// Id of the HMAC key of the seal.
    pub hmac_key: String,
    /// Id of the writer's public key.
    pub key: String,
    /// Month or day of every row's timestamp.
    pub period: String,
    /// Number of rows.
    pub rows: u64,
    /// Version of the records' shape.
    pub schema_version: i64,
    /// Id of the segment (UUID).
    pub segment: String,
    /// Id of the trail (UUID).
    pub trail: String,
    /// Format version.
    pub v: u32,
    /// Id of the writer.
    pub writer: String,
}

/// A column of one segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentColumn {
    /// Rows whose value at the path does not fit the type.
    pub misfits: u64,
    /// The column's name.
    pub name: String,
    /// Member names from the record's root.
    pub path: Vec<String>,
    /// Its type in this segment.
    #[serde(rename = "type")]
    pub kind: ColumnType,
}

impl SegmentColumn {
    /// Name, path and type.
    pub fn logical(&self) -> LogicalColumn {
        LogicalColumn { name: self.name.clone(), path: self.path.clone(), kind: self.kind }
    }
}

/// Where an entry introduced a batch that was moved since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// Which of the entry's segments it was in.
    pub add: u64,
    /// Number of the entry.
    pub entry: u64,
    /// Which of the segment's batches it was.
    pub index: u64,
    /// RFC 6962 audit path, in hex, from the batch to the root over that segment's batches.
    pub path: Vec<String>,
}

/// A batch as its segment describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchMeta {
    /// Hex SHA-256 of the salt.
    pub commitment: String,
    /// How many of its records are removed; then it has neither salt nor tree, and the sidecar of
    /// the segment tells more.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gone: Option<u64>,
    /// `<segment that introduced it>:<ordinal>`.
    pub id: String,
    /// Where the batch was introduced; absent if it is by the entry that adds this segment.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub origin: Option<Origin>,
    /// Hex root over the records' leaves.
    pub root: String,
    /// Number of records.
    pub rows: u64,
    /// Base64 of the 32 bytes that salt the leaves.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub salt: Option<String>,
    /// Base64 of the hashes of each run of 256 leaves.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tree: Option<String>,
}

/// The part of a batch that the batch list's root covers.
#[derive(Serialize)]
struct BatchLeaf<'a> {
    commitment: &'a str,
    id: &'a str,
    root: &'a str,
    rows: u64,
}

impl BatchLeaf<'_> {
    fn hash(&self) -> Result<Hash> {
        canonical(self).map(|bytes| merkle::leaf_hash(&bytes))
    }
}

impl BatchMeta {
    /// A new batch over `leaves`.
    pub(super) fn new(id: String, salt: &[u8; 32], leaves: &[Hash]) -> Self {
        let tree = merkle::level_hashes(leaves, super::TREE_LEVELS);
        Self {
            commitment: HEXLOWER.encode(&Sha256::digest(salt)),
            gone: None,
            id,
            origin: None,
            root: HEXLOWER.encode(&merkle::root(leaves)),
            rows: leaves.len() as u64,
            salt: Some(BASE64.encode(salt)),
            tree: Some(BASE64.encode(&tree.concat())),
        }
    }

    /// The salt, if it is there and well-formed.
    pub fn salt_bytes(&self) -> Option<[u8; 32]> {
        BASE64.decode(self.salt.as_ref()?.as_bytes()).ok()?.try_into().ok()
    }

    /// The hashes of its runs of 256 leaves, if they are there and well-formed.
    pub fn run_hashes(&self) -> Option<Vec<Hash>> {
        let bytes = BASE64.decode(self.tree.as_ref()?.as_bytes()).ok()?;
        let (hashes, rest) = bytes.as_chunks::<32>();
        rest.is_empty().then(|| hashes.to_vec())
    }

    /// The root, if well-formed.
    pub fn root_hash(&self) -> Option<Hash> {
        HEXLOWER.decode(self.root.as_bytes()).ok()?.try_into().ok()
    }
}

/// RFC 6962 root over a segment's batches, as the ledger holds it.
///
/// # Errors
/// `Encoding` if a description cannot be written as JSON.
pub fn batch_list_root(batches: &[BatchMeta]) -> Result<Hash> {
    Ok(merkle::root(&batch_list_leaves(batches)?))
}

/// The leaves under [`batch_list_root`].
pub(crate) fn batch_list_leaves(batches: &[BatchMeta]) -> Result<Vec<Hash>> {
    let leaf = |b: &BatchMeta| {
        BatchLeaf { commitment: &b.commitment, id: &b.id, root: &b.root, rows: b.rows }.hash()
    };
    batches.iter().map(leaf).collect()
}

/// The leaf of one item of a batch list.
pub(crate) fn batch_leaf(commitment: &Hash, id: &str, root: &Hash, rows: u64) -> Result<Hash> {
    let (commitment, root) = (HEXLOWER.encode(commitment), HEXLOWER.encode(root));
    BatchLeaf { commitment: &commitment, id, root: &root, rows }.hash()
}

/// Canonical JSON of a description.
pub(crate) fn canonical(value: &impl Serialize) -> Result<Vec<u8>> {
    let text = serde_json::to_vec(value).map_err(|e| Error::encoding("description", e))?;
    let mut canonicalizer = Canonicalizer::default();
    Ok(canonicalizer.object(&text, LIMITS)?.0.to_vec())
}

impl SegmentMeta {
    /// The two metadata entries: description and seal.
    ///
    /// # Errors
    /// `Encoding` if the description cannot be written as JSON.
    pub(super) fn sealed(&self, key: &HmacKey) -> Result<(String, String)> {
        let text = String::from_utf8(canonical(self)?).map_err(|e| Error::encoding(META_KEY, e))?;
        Ok((text, HEXLOWER.encode(&key.mac(&self.seal_message()?))))
    }

    /// The message under the seal: everything but the salts and the tree hashes.
    ///
    /// # Errors
    /// `Encoding` if the description cannot be written as JSON.
    pub fn seal_message(&self) -> Result<Vec<u8>> {
        let mut bare = self.clone();
        for batch in &mut bare.batches {
            batch.salt = None;
            batch.tree = None;
        }
        Ok([SEAL_CONTEXT, &canonical(&bare)?].concat())
    }

    /// Reads a description, which must be in canonical form.
    ///
    /// # Errors
    /// A text that says what is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let meta: Self = serde_json::from_str(text).map_err(|e| format!("{META_KEY}: {e}"))?;
        match canonical(&meta) {
            Ok(bytes) if bytes == text.as_bytes() => Ok(meta),
            _ => Err(format!("{META_KEY}: not canonical JSON")),
        }
    }
}
