//! The sections of `sealtrail.yaml` that say what becomes of records over the years: how long they
//! are kept and where, in what files, and what is left out of them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::ledger::is_archive;

use super::encryption::EncryptionConfig;
use super::model::{Config, bounded, bounded_option, text};

/// How long records are kept, and where. A record falls under every rule of `by_domain` and
/// `by_sensitivity` that fits it. Nothing is deleted unless the trail's owner has put a policy into
/// the ledger (`sealtrail retention pin`); from then on this section can only lengthen that one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("type" = ["object", "null"]))]
pub struct RetentionConfig {
    /// Days in hot storage of records that no rule fits. Implies no deletion.
    #[serde(deserialize_with = "bounded::<_, 1, 36_500>")]
    #[schemars(range(min = 1, max = 36_500))]
    pub default_retention_days: u64,
    /// From when the age of a record counts.
    pub clock: RetentionClock,
    /// Which rule counts where several fit.
    pub precedence: RetentionPrecedence,
    /// Rules for the records of one domain.
    pub by_domain: DomainRules,
    /// Rules for records by their `resource.sensitivity_level`, whose case does not matter.
    pub by_sensitivity: BTreeMap<String, RetentionRule>,
    /// Where segments go when their days in hot storage are over.
    pub archival: ArchivalConfig,
    /// What storage costs, for `sealtrail retention status`.
    pub prices: PriceConfig,
}

/// From when the age of a record counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum RetentionClock {
    /// From the later of `timestamp` and `recorded_at`, so that a date in the past is no way to
    /// have a record deleted.
    #[default]
    Latest,
    /// From `timestamp`.
    EventTime,
}

/// Which rule counts where several fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "lowercase")]
pub enum RetentionPrecedence {
    /// The longest time, for each tier on its own.
    #[default]
    Longest,
    /// The rule of the sensitivity level, if there is one that fits.
    Sensitivity,
    /// The rule of the domain, if there is one.
    Domain,
}

/// Rules for the records of one domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("type" = ["object", "null"]))]
pub struct DomainRules {
    /// Rule for `auth` records.
    pub auth: RetentionRule,
    /// Rule for `agent` records.
    pub agent: RetentionRule,
    /// Rule for `data` records.
    pub data: RetentionRule,
    /// Rule for `workflow` records.
    pub workflow: RetentionRule,
    /// Rule for `system` records.
    pub system: RetentionRule,
}

impl DomainRules {
    /// The rules with the names of their domains, those that say nothing included.
    pub fn named(&self) -> [(&'static str, RetentionRule); 5] {
        [
            ("agent", self.agent),
            ("auth", self.auth),
            ("data", self.data),
            ("system", self.system),
            ("workflow", self.workflow),
        ]
    }
}

/// How long records are kept that this rule fits. What is not set is left to other rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("type" = ["object", "null"]))]
pub struct RetentionRule {
    /// Days in hot storage. Not set by any rule that fits: until the record is deleted.
    #[serde(deserialize_with = "bounded_option::<_, 0, 36_500>")]
    #[schemars(range(min = 0, max = 36_500))]
    pub hot_storage_days: Option<u64>,
    /// Days in the archive after those in hot storage: nothing is deleted before they are over.
    /// 0: the record does not move to the archive.
    #[serde(deserialize_with = "bounded_option::<_, 0, 36_500>")]
    #[schemars(range(min = 0, max = 36_500))]
    pub archive_storage_days: Option<u64>,
    /// Age in days at which the record is deleted. Not set: never by this rule.
    #[serde(deserialize_with = "bounded_option::<_, 1, 36_500>")]
    #[schemars(range(min = 1, max = 36_500))]
    pub delete_after_days: Option<u64>,
    /// Age in days before which the record is not deleted, whatever other rules say.
    #[serde(deserialize_with = "bounded_option::<_, 0, 36_500>")]
    #[schemars(range(min = 0, max = 36_500))]
    pub minimum_days: Option<u64>,
}

/// Where segments go when their days in hot storage are over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("type" = ["object", "null"]))]
pub struct ArchivalConfig {
    /// Folder or URL of the archive, for example `s3://bucket/audit-archive`. Not set: segments
    /// stay where they are.
    #[serde(deserialize_with = "text")]
    pub destination: Option<String>,
    /// Name of the archive in the ledger, 1-64 characters of `a-z 0-9 -`. Segments that are there
    /// are found by it: another destination beside the old one needs another name.
    #[serde(deserialize_with = "archive_name")]
    pub name: String,
    /// Form of the segments in the archive.
    pub format: ArchiveFormat,
    /// How segments in the archive are encrypted: `AES-256` stands for `encryption.archive: true`,
    /// and needs its key. Encrypted segments are Parquet, whatever `format` says.
    pub encryption: ArchiveEncryption,
    /// How often a new data key generation is made, if the archive is encrypted; where
    /// `encryption.key_rotation` is more frequent, that counts.
    pub key_rotation: KeyRotation,
}

/// Form of the segments in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Default)]
pub enum ArchiveFormat {
    /// Parquet, as in hot storage, compressed more.
    #[default]
    #[serde(rename = "parquet")]
    Parquet,
    /// The records as compressed JSON lines.
    #[serde(rename = "compressed-jsonl")]
    CompressedJsonl,
}

/// How segments in the archive are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Default)]
pub enum ArchiveEncryption {
    /// Not at all.
    #[default]
    #[serde(rename = "none")]
    None,
    /// AES-256-GCM.
    #[serde(rename = "AES-256")]
    Aes256,
}

/// How often a key changes, the most frequent first.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    Default,
)]
#[serde(rename_all = "lowercase")]
pub enum KeyRotation {
    /// Each month.
    Monthly,
    /// Each quarter of a year.
    #[default]
    Quarterly,
    /// Each year.
    Yearly,
    /// Only when somebody says so.
    Never,
}

/// What storage costs, in any one currency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("type" = ["object", "null"]))]
pub struct PriceConfig {
    /// Price of a GB (10^9 bytes) in hot storage for a month.
    #[serde(deserialize_with = "price")]
    pub hot_per_gb_month: f64,
    /// Price of a GB (10^9 bytes) in the archive for a month.
    #[serde(deserialize_with = "price")]
    pub archive_per_gb_month: f64,
}

/// In what files records are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("type" = ["object", "null"]))]
pub struct RotationConfig {
    /// Whether maintenance merges small segments.
    pub enabled: bool,
    /// Size to which small segments are merged, in MiB (1,048,576 bytes).
    #[serde(deserialize_with = "bounded::<_, 1, 4096>")]
    #[schemars(range(min = 1, max = 4096))]
    pub max_segment_mb: u64,
    /// Segment files that merging has open at a time.
    #[serde(deserialize_with = "bounded::<_, 16, 1_000_000>")]
    #[schemars(range(min = 16, max = 1_000_000))]
    pub max_open_files: u64,
    /// Accepted, but not in force in this version: when a destination that is a file begins a new
    /// one.
    pub file_rotation: FileRotationConfig,
    /// How merged segments are compressed.
    pub compression: CompressionConfig,
}

/// When a destination that is a file begins a new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("type" = ["object", "null"]))]
pub struct FileRotationConfig {
    /// What counts.
    #[serde(rename = "type")]
    pub kind: FileRotation,
    /// Size of a file, in MiB (1,048,576 bytes).
    #[serde(deserialize_with = "bounded::<_, 1, 1_048_576>")]
    #[schemars(range(min = 1, max = 1_048_576))]
    pub max_file_size_mb: u64,
    /// Days (UTC) of a file.
    #[serde(deserialize_with = "bounded::<_, 1, 366>")]
    #[schemars(range(min = 1, max = 366))]
    pub rotate_every_days: u64,
    /// How many files are kept.
    #[serde(deserialize_with = "bounded::<_, 1, 100_000>")]
    #[schemars(range(min = 1, max = 100_000))]
    pub keep_files: u64,
}

/// What counts for a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum FileRotation {
    /// Its size.
    Size,
    /// Its days.
    Time,
    /// Whichever comes first.
    #[default]
    SizeAndTime,
}

/// How merged segments are compressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("type" = ["object", "null"]))]
pub struct CompressionConfig {
    /// Whether they are compressed at all.
    pub enabled: bool,
    /// How.
    pub algorithm: CompressionAlgorithm,
    /// How much: more takes more time.
    #[serde(deserialize_with = "bounded::<_, 1, 22>")]
    #[schemars(range(min = 1, max = 22))]
    pub level: u64,
}

/// How merged segments are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "lowercase")]
pub enum CompressionAlgorithm {
    /// Zstandard.
    #[default]
    Zstd,
}

/// That the trail is what was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("type" = ["object", "null"]))]
pub struct IntegrityConfig {
    /// A trail is immutable in any case; `false` has no effect.
    pub immutable: bool,
    /// How segments, entries and log frames are sealed, besides the signatures.
    pub integrity_check: IntegrityCheck,
    /// A second copy of the trail, sealed under a key of its own (`sealtrail backup`).
    pub audit_log_backup: BackupConfig,
}

/// A second copy of the trail, sealed under a key of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("type" = ["object", "null"]))]
pub struct BackupConfig {
    /// Folder or URL of the copy, for example `s3://other-account/audit-copy`. Not set: no copy.
    /// `sealtrail maintain` brings it up to date.
    #[serde(deserialize_with = "text")]
    pub destination: Option<String>,
    /// The copy's master key: `file:PATH`, `env:NAME` or `command:COMMAND`. Keep it where the trail
    /// is not, and the trail's keys where the copy is not.
    #[serde(deserialize_with = "text")]
    pub key: Option<String>,
}

/// How segments, entries and log frames are sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Default)]
pub enum IntegrityCheck {
    /// HMAC-SHA256 under keys that change each epoch.
    #[default]
    #[serde(rename = "hmac-sha256")]
    HmacSha256,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self {
            default_retention_days: 90,
            clock: RetentionClock::default(),
            precedence: RetentionPrecedence::default(),
            by_domain: DomainRules::default(),
            by_sensitivity: BTreeMap::new(),
            archival: ArchivalConfig::default(),
            prices: PriceConfig::default(),
        }
    }
}

impl Default for ArchivalConfig {
    fn default() -> Self {
        Self {
            destination: None,
            name: "archive".to_owned(),
            format: ArchiveFormat::default(),
            encryption: ArchiveEncryption::default(),
            key_rotation: KeyRotation::default(),
        }
    }
}

/// About what object stores ask.
impl Default for PriceConfig {
    fn default() -> Self {
        Self { hot_per_gb_month: 0.023, archive_per_gb_month: 0.004 }
    }
}

impl Default for RotationConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            max_segment_mb: 256,
            max_open_files: 768,
            file_rotation: FileRotationConfig::default(),
            compression: CompressionConfig::default(),
        }
    }
}

impl Default for FileRotationConfig {
    fn default() -> Self {
        Self {
            kind: FileRotation::default(),
            max_file_size_mb: 500,
            rotate_every_days: 1,
            keep_files: 90,
        }
    }
}

impl Default for CompressionConfig {
    fn default() -> Self {
        Self { enabled: true, algorithm: CompressionAlgorithm::default(), level: 9 }
    }
}

impl Default for IntegrityConfig {
    fn default() -> Self {
        Self {
            immutable: true,
            integrity_check: IntegrityCheck::default(),
            audit_log_backup: BackupConfig::default(),
        }
    }
}

impl Config {
    /// Where segments go when their days in hot storage are over: `retention.archival`, or else
    /// the section `archival`.
    pub fn archival_in_force(&self) -> &ArchivalConfig {
        match self.retention.archival.destination {
            Some(_) => &self.retention.archival,
            None => &self.archival,
        }
    }

    /// What is encrypted at rest: the section `encryption`, and the archive if it says so itself.
    pub fn encryption_in_force(&self) -> EncryptionConfig {
        let (archival, mut encryption) = (self.archival_in_force(), self.encryption.clone());
        if archival.destination.is_some() && archival.encryption == ArchiveEncryption::Aes256 {
            encryption.archive = true;
            encryption.key_rotation = encryption.key_rotation.min(archival.key_rotation);
        }
        encryption
    }
}

fn archive_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    match is_archive(&name) {
        true => Ok(name),
        false => Err(de::Error::custom("must be a name of 1-64 characters of a-z, 0-9 and -")),
    }
}

/// The message leaves the value out, because it may come from the environment.
fn price<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let price = f64::deserialize(deserializer)?;
    match price.is_finite() && price >= 0.0 {
        true => Ok(price),
        false => Err(de::Error::custom("must be a price, 0 or more")),
    }
}
