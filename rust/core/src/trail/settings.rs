//! How a trail is opened.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::Result;
use crate::access::AccessSettings;
use crate::config::{
    ArchivalConfig, ArchiveFormat, Config, EncryptionConfig, Home, Loaded, RedactionConfig,
    SyncMode as ConfigSync,
};
use crate::encryption::{Keyring, MasterSource};
use crate::json::Limits;
use crate::keys::{OwnerKey, Passphrase, PrivacySource};
use crate::retention::Policy;
use crate::subjects::Vault;
use crate::wal::SyncMode;

use super::pressure::Pressure;

/// Opening reads so many entries without a snapshot in a few milliseconds.
const SNAPSHOT_SPACING: u64 = 64;

/// How records are collected, checked and committed.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Uncommitted records are committed at this many bytes.
    pub max_bytes: u64,
    /// ... or when the oldest has waited this long.
    pub max_age: Duration,
    /// ... or when there are so many.
    pub max_records: u64,
    /// When a record counts as durable.
    pub sync: SyncMode,
    /// Size and depth of a record.
    pub limits: Limits,
    /// When recording waits, and when a full disk is warned of.
    pub pressure: Pressure,
    /// How far a `timestamp` may lie ahead of this host's clock.
    pub max_future: Duration,
    /// How long ids that callers gave are remembered; zero for not at all.
    pub duplicate_window: Duration,
    /// Fewest ledger entries between two snapshots; in a large ledger they are a quarter of it
    /// apart.
    pub snapshot_spacing: u64,
    /// After so long without a checkpoint an open writer signs the newest one anew; zero for
    /// never.
    pub heartbeat: Duration,
    /// Top-level string fields added to recorded events that lack them.
    pub defaults: Vec<(&'static str, String)>,
    /// Whether it is recorded who looked.
    pub access: AccessSettings,
    /// The configuration's settings by path. Where they differ from those with which this host
    /// wrote last, that is recorded.
    pub in_force: Option<Arc<BTreeMap<String, Value>>>,
    /// How long records are kept by this host's word, which can only lengthen the ledger's.
    pub retention: Option<Policy>,
    /// Where segments go when their days in hot storage are over.
    pub archive: Option<Destination>,
    /// Folders or URLs of archives by their names in the ledger, that of `archive` included.
    pub archives: BTreeMap<String, String>,
    /// What is sensitive, and what is done to it.
    pub redaction: RedactionConfig,
    /// Backups and other places, by name, that hold copies of the keys of data subjects: an erasure
    /// is pending until each has confirmed it.
    pub key_holders: Vec<String>,
    /// What is encrypted at rest.
    pub encryption: EncryptionConfig,
    /// The keys of the trail's data subjects, once it is open.
    pub(super) vault: Option<Arc<Vault>>,
    /// The keyring, once the trail is open.
    pub(super) keyring: Option<Arc<Keyring>>,
}

/// Where segments go when their days in hot storage are over, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The archive's name in the ledger: 1-64 characters of `a-z 0-9 -`.
    pub name: String,
    /// A folder or URL.
    pub url: String,
    /// Form of the segments there.
    pub format: ArchiveFormat,
}

impl Destination {
    /// As `retention.archival` says; none if it names no destination.
    pub fn from_config(config: &ArchivalConfig) -> Option<Self> {
        let url = config.destination.clone()?;
        Some(Self { name: config.name.clone(), url, format: config.format })
    }

    /// Whether segments become compressed JSON lines there.
    pub fn is_jsonl(&self) -> bool {
        self.format == ArchiveFormat::CompressedJsonl
    }
}

impl Settings {
    /// The settings of a configuration that was read, for the trail at `url`. Its changes are
    /// recorded.
    pub fn from_loaded(loaded: &Loaded, url: &str) -> Self {
        let in_force = Some(Arc::new(loaded.in_force()));
        Self { in_force, ..Self::from_config(&loaded.config, url) }
    }

    /// The settings of a configuration for the trail at `url`.
    pub fn from_config(config: &Config, url: &str) -> Self {
        let trail = &config.trail;
        let sync = match trail.sync.mode {
            ConfigSync::Always => SyncMode::Always,
            ConfigSync::Interval => {
                SyncMode::Interval(Duration::from_millis(trail.sync.interval_ms))
            }
        };
        let defaults = config.identity.event_defaults();
        let archive = Destination::from_config(config.archival_in_force());
        Self {
            max_bytes: trail.flush.max_bytes(),
            max_age: Duration::from_secs(trail.flush.max_age_seconds_for(url)),
            max_records: trail.flush.max_records.unwrap_or(u64::MAX),
            pressure: Pressure::from_config(&trail.limits),
            sync,
            limits: Limits {
                max_bytes: usize::try_from(trail.limits.max_record_bytes).unwrap_or(usize::MAX),
                ..Limits::default()
            },
            max_future: Duration::from_secs(trail.limits.max_future_seconds),
            duplicate_window: Duration::from_secs(trail.limits.duplicate_window_hours * 3600),
            snapshot_spacing: SNAPSHOT_SPACING,
            heartbeat: Duration::from_secs(trail.heartbeat.seconds),
            defaults: defaults.into_iter().map(|(k, v)| (k, v.to_owned())).collect(),
            access: AccessSettings::from_config(config),
            in_force: None,
            retention: Some(Policy::from_config(&config.retention)),
            archives: archive.iter().map(|to| (to.name.clone(), to.url.clone())).collect(),
            archive,
            redaction: config.redaction.clone(),
            key_holders: config.redaction.personal.holders.clone(),
            encryption: config.encryption_in_force(),
            vault: None,
            keyring: None,
        }
    }
}

/// Where keys and state are, and how to record.
#[derive(Debug)]
pub struct OpenOptions {
    /// Folders of keys and writer state.
    pub home: Home,
    /// How to record.
    pub settings: Settings,
    /// The owner's key, where it is not in the keys folder.
    pub owner: Option<Arc<OwnerKey>>,
    /// Opens the one in the keys folder if it is locked.
    pub passphrase: Passphrase,
    /// Where the trail's privacy key comes from.
    pub privacy: PrivacySource,
    /// Where the master key of its keyring comes from.
    pub master: MasterSource,
}

impl OpenOptions {
    /// The owner's key is looked for in the keys folder, not locked.
    pub fn new(home: Home, settings: Settings) -> Self {
        let privacy = PrivacySource::new(settings.redaction.key.as_deref(), &|_| None);
        let master = MasterSource::new(settings.encryption.key.as_deref(), &|_| None);
        Self { home, settings, owner: None, passphrase: Passphrase::default(), privacy, master }
    }

    pub(super) fn owner_key(&self, trail_id: &str) -> Result<Arc<OwnerKey>> {
        self.owner_key_with(trail_id, &self.passphrase)
    }

    /// As [`owner_key`](Self::owner_key), with another way to open a locked one.
    pub(super) fn owner_key_with(
        &self,
        trail_id: &str,
        passphrase: &Passphrase,
    ) -> Result<Arc<OwnerKey>> {
        match &self.owner {
            Some(owner) => {
                owner.demand_trail(trail_id)?;
                Ok(Arc::clone(owner))
            }
            None => OwnerKey::load(&self.home.keys_dir, trail_id, passphrase).map(Arc::new),
        }
    }
}
