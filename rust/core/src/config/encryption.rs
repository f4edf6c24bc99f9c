//! The section `encryption` of `sealtrail.yaml`: what of a trail is encrypted at rest.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lifecycle::KeyRotation;
use super::model::text;

/// What of the trail is encrypted at rest (AES-256-GCM). What is encrypted is read with the master
/// key only; checking signatures and hashes needs none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("type" = ["object", "null"]))]
pub struct EncryptionConfig {
    /// Whether all new segments are encrypted. `sealtrail compact` encrypts those it merges, too.
    pub hot: bool,
    /// Whether all segments that move to an archive are encrypted.
    pub archive: bool,
    /// Levels of `resource.sensitivity_level`, whose case does not matter: records of these levels
    /// stand in encrypted segments, apart from others.
    pub sensitivity_levels: Vec<String>,
    /// Where the master key comes from: `file:PATH` (a file that nobody else may read), `env:NAME`,
    /// `command:COMMAND` for what a command prints, each 32 bytes in base64; or `aws-kms:KEY` for a
    /// key of AWS KMS by id, alias or ARN. Not set: SEALTRAIL_MASTER_KEY holds the key.
    #[serde(deserialize_with = "text")]
    pub key: Option<String>,
    /// How often a new data key generation is made for new segments. The master key stays.
    pub key_rotation: KeyRotation,
    /// Whether the write-ahead log is encrypted, too, if anything above is. Logs that were written
    /// before stay readable.
    pub wal: bool,
}

impl Default for EncryptionConfig {
    fn default() -> Self {
        Self {
            hot: false,
            archive: false,
            sensitivity_levels: Vec::new(),
            key: None,
            key_rotation: KeyRotation::default(),
            wal: true,
        }
    }
}

impl EncryptionConfig {
    /// Whether anything is to be encrypted.
    pub fn is_on(&self) -> bool {
        self.hot || self.archive || !self.sensitivity_levels.is_empty()
    }
}
