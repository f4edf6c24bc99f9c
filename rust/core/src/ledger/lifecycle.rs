//! What entries say of the life of records after they were written.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::entry::AddedSegment;
use crate::encryption::is_generation;
use crate::segment::TEXT_STATISTICS;

/// How segments in another format than Parquet are marked.
pub const JSONL: &str = "jsonl";

/// A retention policy; `retention` gives its members a meaning.
pub type Policy = Map<String, Value>;

/// An object beside a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sidecar {
    /// Size of the object.
    pub bytes: u64,
    /// Hex SHA-256 of the object.
    pub sha256: String,
}

/// Whether the key that a segment names can be one, and nothing is told of its texts then.
pub(super) fn key_fits(add: &AddedSegment) -> bool {
    let told = TEXT_STATISTICS.iter().any(|name| add.stats.get(name).is_some());
    add.key.as_deref().is_none_or(|key| is_generation(key) && !told)
}

/// Path of the sidecar that tells of deleted rows of the segment at `path`.
pub fn sidecar_path(path: &str) -> String {
    format!("{path}.gone")
}

/// Records that must neither be deleted nor erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// Who ordered it, in the owner's words.
    pub by: String,
    /// Its id.
    pub id: String,
    /// Filters of a search: the records that they match.
    pub matching: Map<String, Value>,
    /// Why.
    pub reason: String,
}

/// The end of a hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Who ordered it.
    pub by: String,
    /// The hold's id.
    pub id: String,
    /// Why.
    pub reason: String,
}

/// What was deleted, and by whose word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tombstone {
    /// Who approved it.
    pub approver: String,
    /// The batches that lose records.
    pub batches: Vec<GoneBatch>,
    /// Ids of the holds that were active, in the order of their bytes.
    pub holds: Vec<String>,
    /// Number of the entry with the policy that demands it; absent if none does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub policy: Option<u64>,
    /// Why.
    pub reason: String,
}

/// A batch that loses records: batch `index` of segment `add` in the `adds` of `append` entry
/// `entry`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoneBatch {
    /// Which segment of the entry.
    pub add: u64,
    /// Number of the `append` entry.
    pub entry: u64,
    /// How many records it loses by this entry.
    pub gone: u64,
    /// Which batch of the segment.
    pub index: u64,
    /// Latest `timestamp` of what it loses, in microseconds since 1970, UTC.
    pub max: i64,
    /// Earliest `timestamp`.
    pub min: i64,
    /// Hex root over its records.
    pub root: String,
    /// Number of records that it had at first.
    pub rows: u64,
}

/// The order to destroy the key of a data subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erase {
    /// Who approved it.
    pub approver: String,
    /// Why.
    pub reason: String,
    /// Whose key: an id that tells nothing about the person.
    pub subject: String,
}

/// The word of a holder of such a key that it is destroyed there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erased {
    /// Number of the entry that ordered it.
    pub entry: u64,
    /// Who held the key: a host, a writer, a backup.
    pub holder: String,
}

/// The owner gives up a copy of the trail: nobody waits for its word any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forget {
    /// Who approved it.
    pub approver: String,
    /// The copy's name.
    pub holder: String,
    /// Why.
    pub reason: String,
}

/// A copy that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forgotten {
    /// Number of its entry.
    pub entry: u64,
    /// What the entry says.
    pub forget: Forget,
}

/// A removed segment whose files may be there still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retired {
    /// Name of the archive that holds them; the trail's own store if absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub archive: Option<String>,
    /// Number of the entry that removed it.
    pub entry: u64,
    /// Whether there is a sidecar.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub gone: bool,
    /// Path of the segment.
    pub path: String,
}

/// A segment that somebody put and that no entry names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Orphan {
    /// Name of the archive that it was put into; the trail's own store if absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub archive: Option<String>,
    /// Path of the segment.
    pub path: String,
}

/// A path that no entry can add any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condemned {
    /// Name of the archive that the segment was put into; the trail's own store if absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub archive: Option<String>,
    /// Number of the entry that condemned it.
    pub entry: u64,
    /// Path of the segment.
    pub path: String,
}

/// The retention policy in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinnedPolicy {
    /// Number of the entry that put it in force.
    pub entry: u64,
    /// The policy.
    pub policy: Policy,
}

/// A hold that was not released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActiveHold {
    /// Number of its entry.
    pub entry: u64,
    /// The hold.
    pub hold: Hold,
}

/// An erasure, and who confirmed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erasure {
    /// Number of the entry that ordered it.
    pub entry: u64,
    /// The order.
    pub erase: Erase,
    /// The holders that confirmed it, in the order of their entries.
    pub holders: Vec<String>,
}

/// What entries said of the life of records after they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lifecycle {
    /// Removed segments that no `sweep` entry names yet, by path.
    pub retired: BTreeMap<String, Arc<Retired>>,
    /// Paths that no entry can add any more.
    pub condemned: BTreeMap<String, Arc<Condemned>>,
    /// The retention policy in force.
    pub policy: Option<Arc<PinnedPolicy>>,
    /// Active holds, by id.
    pub holds: BTreeMap<String, Arc<ActiveHold>>,
    /// Erasures, by the number of the entry that ordered them.
    pub erasures: BTreeMap<u64, Arc<Erasure>>,
    /// Copies that were given up, by name.
    pub forgotten: BTreeMap<String, Arc<Forgotten>>,
    /// How many records were deleted.
    pub deleted: u64,
    /// How many segments were removed.
    pub(crate) removals: u64,
}

/// Whether a copy of the trail may have this name.
pub(crate) fn is_copy(name: &str) -> bool {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    name.strip_prefix("copy-").is_some_and(|d| d.len() == 16 && d.bytes().all(hex))
}

/// Whether an archive may have this name.
pub fn is_archive(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=64).contains(&name.len()) && name.bytes().all(plain)
}
