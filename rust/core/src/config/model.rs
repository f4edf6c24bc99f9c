//! The typed shape of `sealtrail.yaml`. The doc comments below become the descriptions of the
//! published JSON Schema, so they are written for whoever edits the file.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;
use url::Url;

use super::encryption::EncryptionConfig;
use super::lifecycle::{ArchivalConfig, IntegrityConfig, RetentionConfig, RotationConfig};
use super::redaction::RedactionConfig;

/// The trail that is used when neither the caller nor the configuration names one.
pub const DEFAULT_TRAIL_URL: &str = "./audit";

/// Age limit of a flush on local disk, in seconds.
const LOCAL_MAX_AGE_SECONDS: u64 = 300;
/// Age limit of a flush on a remote store, in seconds: the WAL lives on one host only.
const REMOTE_MAX_AGE_SECONDS: u64 = 60;

/// Sections of `audit` that are accepted and kept, but have no effect in this version.
pub(super) const LATER_SECTIONS: [&str; 4] =
    ["destinations", "compliance", "access_control", "alerts"];

/// Settings whose form is known, and that have no effect in this version.
pub(super) const LATER_SETTINGS: [&str; 1] = ["rotation.file_rotation"];

/// The whole file: everything lives under `audit`.
#[derive(Serialize, Deserialize, JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "sealtrail.yaml", extend("type" = ["object", "null"]))]
pub(super) struct Document {
    /// The configuration of sealtrail.
    pub(super) audit: Config,
}

/// The configuration of sealtrail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("type" = ["object", "null"]))]
pub struct Config {
    /// The trail, and how records get into it.
    pub trail: TrailConfig,
    /// Who records. What is set here is filled into events that do not say it themselves.
    pub identity: IdentityConfig,
    /// Accepted, but not in force in this version: where else events are delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destinations: Option<Value>,
    /// How long records are kept, and where.
    pub retention: RetentionConfig,
    /// In what files records are kept.
    pub rotation: RotationConfig,
    /// Stands for `retention.archival` where that names no destination.
    pub archival: ArchivalConfig,
    /// What of the trail is encrypted at rest.
    pub encryption: EncryptionConfig,
    /// That the trail is what was recorded.
    pub integrity: IntegrityConfig,
    /// What is sensitive in records, and what becomes of it.
    pub redaction: RedactionConfig,
    /// Accepted, but not in force in this version: compliance frameworks and their reports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compliance: Option<Value>,
    /// Accepted, but not in force in this version: who may read which records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_control: Option<Value>,
    /// Accepted, but not in force in this version: rules that raise an alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alerts: Option<Value>,
}

/// The trail, and how records get into it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("type" = ["object", "null"]))]
pub struct TrailConfig {
    /// Folder or URL of the trail, for example `./audit` or `s3://bucket/audit`. A relative folder
    /// counts from the working folder, not from this file. `--trail` and SEALTRAIL_TRAIL go first.
    /// Empty or not set: `./audit`.
    #[serde(deserialize_with = "text")]
    #[schemars(extend("default" = DEFAULT_TRAIL_URL))]
    pub url: Option<String>,
    /// Time step of the partitions of a trail. Read once, when the trail is created.
    pub partitioning: Partitioning,
    /// When the records collected in the write-ahead log are committed as a segment.
    /// Whichever limit is reached first counts.
    pub flush: FlushConfig,
    /// When a record counts as recorded.
    pub sync: SyncConfig,
    /// What is refused.
    pub limits: LimitsConfig,
    /// Signs of life of a writer that has nothing to commit.
    pub heartbeat: HeartbeatConfig,
    /// The record of who looked: each question leaves `system.audit_access` records.
    pub access_audit: AccessAuditConfig,
}

/// Time step of the partitions of a trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "lowercase")]
pub enum Partitioning {
    /// One partition for each domain and calendar month (UTC). Right for nearly every trail.
    #[default]
    Month,
    /// One partition for each domain and calendar day (UTC), for millions of events a day.
    Day,
}

/// When the records collected in the write-ahead log are committed as a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("type" = ["object", "null"]))]
pub struct FlushConfig {
    /// Size of the collected records, in MiB (1,048,576 bytes).
    #[serde(deserialize_with = "bounded::<_, 1, 4096>")]
    #[schemars(range(min = 1, max = 4096))]
    pub max_mb: u64,
    /// Age of the oldest collected record, in seconds. Not set: 300 (5 minutes) on local disk,
    /// 60 on a remote store.
    #[serde(deserialize_with = "bounded_option::<_, 1, 86_400>")]
    #[schemars(range(min = 1, max = 86_400))]
    pub max_age_seconds: Option<u64>,
    /// Number of the collected records. Not set: as many as come within size and age.
    #[serde(deserialize_with = "bounded_option::<_, 1, 100_000_000>")]
    #[schemars(range(min = 1, max = 100_000_000))]
    pub max_records: Option<u64>,
}

/// Signs of life of a writer that has nothing to commit: the newest checkpoint, signed anew with
/// the time, in the trail and its anchors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("type" = ["object", "null"]))]
pub struct HeartbeatConfig {
    /// Seconds without a checkpoint until the next one; 0 for none.
    #[serde(deserialize_with = "bounded::<_, 0, 86_400>")]
    #[schemars(range(min = 0, max = 86_400))]
    pub seconds: u64,
}

/// The record of who looked: each question leaves `system.audit_access` records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("type" = ["object", "null"]))]
pub struct AccessAuditConfig {
    /// What happens when it cannot be recorded who asked. SEALTRAIL_ACCESS_AUDIT goes first, but
    /// does not undo a `required` here.
    pub policy: AccessPolicy,
    /// Whether whoever asks must say what for: `--purpose`, SEALTRAIL_PURPOSE or `purpose=`.
    pub purpose: PurposePolicy,
}

/// What happens when it cannot be recorded who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum AccessPolicy {
    /// There is no answer.
    Required,
    /// There is a warning, and the answer.
    #[default]
    BestEffort,
    /// It is not recorded who asks, ever.
    Off,
}

/// Whether whoever asks must say what for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "lowercase")]
pub enum PurposePolicy {
    /// They may.
    #[default]
    Optional,
    /// They must; without it there is no answer.
    Required,
}

/// When a record counts as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("type" = ["object", "null"]))]
pub struct SyncConfig {
    /// Whether recording waits for the disk.
    pub mode: SyncMode,
    /// With `mode: interval`: time between two syncs, in milliseconds. This is the loss window: a
    /// power failure can lose the records of the last interval although they were acknowledged.
    #[serde(deserialize_with = "bounded::<_, 1, 60_000>")]
    #[schemars(range(min = 1, max = 60_000))]
    pub interval_ms: u64,
}

/// Whether recording waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "lowercase")]
pub enum SyncMode {
    /// A record is acknowledged once it is on disk.
    #[default]
    Always,
    /// A record is acknowledged at once and synced every `interval_ms`.
    Interval,
}

/// What is refused, and what is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("type" = ["object", "null"]))]
pub struct LimitsConfig {
    /// Size of one record in its canonical form, in bytes. Larger events are refused.
    #[serde(deserialize_with = "bounded::<_, 1024, 16_777_216>")]
    #[schemars(range(min = 1024, max = 16_777_216))]
    pub max_record_bytes: u64,
    /// How far an event's `timestamp` may lie ahead of this host's clock, in seconds.
    #[serde(deserialize_with = "bounded::<_, 0, 31_536_000>")]
    #[schemars(range(min = 0, max = 31_536_000))]
    pub max_future_seconds: u64,
    /// How long an `audit_id` that a caller gave is remembered, in hours of `recorded_at`: the same
    /// event again is acknowledged without a second record, other content under the same id is
    /// refused. 0 turns this off.
    #[serde(deserialize_with = "bounded::<_, 0, 8760>")]
    #[schemars(range(min = 0, max = 8760))]
    pub duplicate_window_hours: u64,
    /// Size of the records in a write-ahead log that are not committed yet, in MiB (1,048,576
    /// bytes). At this size recording waits for a commit.
    #[serde(deserialize_with = "bounded::<_, 1, 1_048_576>")]
    #[schemars(range(min = 1, max = 1_048_576))]
    pub max_log_mb: u64,
    /// How long recording waits there, in seconds. Then the event is refused, and nothing of it is
    /// kept: the store was out of reach for as long as the log could hold.
    #[serde(deserialize_with = "bounded::<_, 0, 86_400>")]
    #[schemars(range(min = 0, max = 86_400))]
    pub max_wait_seconds: u64,
    /// Free space in MiB (1,048,576 bytes) below which it is recorded as a warning (`system.error`)
    /// that the disk of the write-ahead log, or of a local trail, is getting full. 0: never.
    #[serde(deserialize_with = "bounded::<_, 0, 1_073_741_824>")]
    #[schemars(range(min = 0, max = 1_073_741_824))]
    pub min_free_mb: u64,
}

/// Who records. Each field that is set becomes the event field of the same name wherever an event
/// recorded by this process does not have that field. Imported events are left as they are.
/// Empty text means not set, so that `${NAME:-}` makes a field optional.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("type" = ["object", "null"]))]
pub struct IdentityConfig {
    /// Name of the machine or container, for example `web-1`.
    #[serde(deserialize_with = "text")]
    pub host: Option<String>,
    /// Name of the application or service that records.
    #[serde(deserialize_with = "text")]
    pub service: Option<String>,
    /// Deployment environment, for example `production` or `staging`.
    #[serde(deserialize_with = "text")]
    pub environment: Option<String>,
    /// The person or account on whose behalf this process acts.
    #[serde(deserialize_with = "text")]
    pub user_id: Option<String>,
    /// The agent that acts.
    #[serde(deserialize_with = "text")]
    pub agent_id: Option<String>,
    /// The session that the events belong to.
    #[serde(deserialize_with = "text")]
    pub session_id: Option<String>,
    /// Name or fingerprint of the API key or token that is used; never the secret itself.
    #[serde(deserialize_with = "text")]
    pub credential_id: Option<String>,
}

impl Default for FlushConfig {
    fn default() -> Self {
        Self { max_mb: 64, max_age_seconds: None, max_records: None }
    }
}

impl Default for SyncConfig {
    fn default() -> Self {
        Self { mode: SyncMode::Always, interval_ms: 1000 }
    }
}

impl Default for HeartbeatConfig {
    fn default() -> Self {
        Self { seconds: 60 }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            max_record_bytes: 1024 * 1024,
            max_future_seconds: 24 * 60 * 60,
            duplicate_window_hours: 24,
            max_log_mb: 1024,
            max_wait_seconds: 30,
            min_free_mb: 1024,
        }
    }
}

impl TrailConfig {
    /// The trail's folder or URL: what is configured, else [`DEFAULT_TRAIL_URL`].
    pub fn url_or_default(&self) -> &str {
        self.url.as_deref().unwrap_or(DEFAULT_TRAIL_URL)
    }
}

/// The URL may hold a password or a signed query; neither belongs in a log.
impl fmt::Debug for TrailConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrailConfig")
            .field("url", &self.url.as_deref().map(without_credentials))
            .field("partitioning", &self.partitioning)
            .field("flush", &self.flush)
            .field("sync", &self.sync)
            .field("limits", &self.limits)
            .field("heartbeat", &self.heartbeat)
            .field("access_audit", &self.access_audit)
            .finish()
    }
}

impl FlushConfig {
    /// Size limit of the collected records in bytes.
    pub fn max_bytes(&self) -> u64 {
        self.max_mb * 1024 * 1024
    }

    /// Age limit of the oldest collected record in seconds, for a trail at `trail_url`.
    pub fn max_age_seconds_for(&self, trail_url: &str) -> u64 {
        let default =
            if is_remote(trail_url) { REMOTE_MAX_AGE_SECONDS } else { LOCAL_MAX_AGE_SECONDS };
        self.max_age_seconds.unwrap_or(default)
    }
}

impl IdentityConfig {
    /// The fields that are set, as event field name and value.
    pub fn event_defaults(&self) -> Vec<(&'static str, &str)> {
        [
            ("host", &self.host),
            ("service", &self.service),
            ("environment", &self.environment),
            ("user_id", &self.user_id),
            ("agent_id", &self.agent_id),
            ("session_id", &self.session_id),
            ("credential_id", &self.credential_id),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.as_deref().map(|value| (name, value)))
        .collect()
    }
}

/// Whether a trail at `url` lies on a remote store. Plain paths and `file:` URLs do not.
pub fn is_remote(url: &str) -> bool {
    url.split_once("://").is_some_and(|(scheme, _)| !scheme.eq_ignore_ascii_case("file"))
}

/// `url` without user, password, query and fragment.
pub(crate) fn without_credentials(url: &str) -> String {
    let Ok(mut parsed) = Url::parse(url) else { return url.to_owned() };
    if parsed.cannot_be_a_base() {
        return url.to_owned();
    }
    // Both fail only for URLs that cannot have credentials in the first place.
    let _ = parsed.set_username("");
    let _ = parsed.set_password(None);
    parsed.set_query(None);
    parsed.set_fragment(None);
    parsed.to_string()
}

pub(super) fn bounded<'de, D, const MIN: u64, const MAX: u64>(
    deserializer: D,
) -> Result<u64, D::Error>
where
    D: Deserializer<'de>,
{
    in_range::<D::Error, MIN, MAX>(u64::deserialize(deserializer)?)
}

pub(super) fn bounded_option<'de, D, const MIN: u64, const MAX: u64>(
    deserializer: D,
) -> Result<Option<u64>, D::Error>
where
    D: Deserializer<'de>,
{
    Option::<u64>::deserialize(deserializer)?.map(in_range::<D::Error, MIN, MAX>).transpose()
}

/// The message leaves the value out, because it may come from the environment.
fn in_range<E: de::Error, const MIN: u64, const MAX: u64>(value: u64) -> Result<u64, E> {
    if (MIN..=MAX).contains(&value) {
        Ok(value)
    } else {
        Err(E::custom(format_args!("must be between {MIN} and {MAX}")))
    }
}

/// Optional text; empty text is the same as none.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.is_empty()))
}
