//! The section `redaction` of `sealtrail.yaml`: what is sensitive in records, and what becomes of
//! it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::text;

/// What is sensitive in records, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("type" = ["object", "null"]))]
pub struct RedactionConfig {
    /// Whether sensitive values are kept as they are. `false`: what `fields` and `detectors` name
    /// is redacted where `apply` says.
    pub include_sensitive_data: bool,
    /// Where values are redacted.
    pub apply: RedactionPlace,
    /// What becomes of a value.
    pub action: RedactionAction,
    /// Paths of values that are sensitive whatever they hold, such as `parameters.body`; `*`
    /// stands for any one name or position, `**` for any number of them.
    pub fields: Vec<String>,
    /// What is looked for in all text values, numbers and names of members. With `api_key` the
    /// values of members such as `password` and `authorization` count, too.
    pub detectors: Vec<Detector>,
    /// Other actions for single detectors, or single paths of `fields`.
    pub actions: BTreeMap<String, RedactionAction>,
    /// Where the trail's privacy key comes from: the path of a file that nobody else may read,
    /// `env:NAME`, or `cmd:COMMAND` for what a command prints; 32 bytes in base64. Hashing,
    /// encryption and `personal` rest on it. Not set: SEALTRAIL_PRIVACY_KEY, else `privacy.key` in
    /// the trail's folder of keys.
    #[serde(deserialize_with = "text")]
    pub key: Option<String>,
    /// Fields that are encrypted under a key of the person they are about, before they are
    /// recorded, so that `sealtrail erase` can make them unreadable for ever.
    pub personal: PersonalConfig,
}

/// Fields that are encrypted under a key of the person they are about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("type" = ["object", "null"]))]
pub struct PersonalConfig {
    /// Paths of the fields, such as `email` or `parameters.prompt`; `*` stands for any one name or
    /// position, `**` for any number of them. None: nothing is encrypted.
    pub fields: Vec<String>,
    /// Paths of the id of the person, of which the first that an event has counts. Events without
    /// any are encrypted under one key of all such.
    pub subject: Vec<String>,
    /// Whether equal values can be looked for (`sealed_equals` in SQL). Then equal values of one
    /// person can be told to be equal by whoever reads the files.
    pub search: bool,
    /// Names of backups and other places that hold copies of the keys of persons. An erasure is
    /// pending until each of them is confirmed (`sealtrail erasures confirm`).
    pub holders: Vec<String>,
}

/// Where values are redacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "lowercase")]
pub enum RedactionPlace {
    /// Where data leaves the trail: in exports.
    #[default]
    Export,
    /// Before an event is recorded: the trail never has the value.
    Record,
}

/// What becomes of a sensitive value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "lowercase")]
pub enum RedactionAction {
    /// It is replaced by a mark that says what it was.
    #[default]
    Mask,
    /// It is left out.
    Drop,
    /// It is replaced by its keyed hash: equal values stay equal.
    Hash,
    /// It is encrypted under the trail's privacy key.
    Encrypt,
}

/// A kind of sensitive value that is recognised in text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Detector {
    /// Numbers of payment cards whose check digit is right (Luhn).
    Card,
    /// Social security numbers of the United States.
    Ssn,
    /// International bank account numbers whose check digits are right.
    Iban,
    /// Addresses of e-mail.
    Email,
    /// Telephone numbers.
    Phone,
    /// API keys and tokens.
    ApiKey,
    /// Blocks of private keys.
    PrivateKey,
}

impl Detector {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Card,
        Self::Ssn,
        Self::Iban,
        Self::Email,
        Self::Phone,
        Self::ApiKey,
        Self::PrivateKey,
    ];

    /// Its name in the configuration and in marks.
    pub fn name(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Ssn => "ssn",
            Self::Iban => "iban",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::ApiKey => "api_key",
            Self::PrivateKey => "private_key",
        }
    }
}

impl RedactionAction {
    /// Its name in the configuration and in lists of what was redacted.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mask => "mask",
            Self::Drop => "drop",
            Self::Hash => "hash",
            Self::Encrypt => "encrypt",
        }
    }
}

impl RedactionConfig {
    /// Whether redacting needs the trail's privacy key.
    pub fn needs_key(&self) -> bool {
        let keyed =
            |a: &RedactionAction| matches!(a, RedactionAction::Hash | RedactionAction::Encrypt);
        keyed(&self.action) || self.actions.values().any(keyed)
    }
}

impl Default for RedactionConfig {
    fn default() -> Self {
        Self {
            include_sensitive_data: true,
            apply: RedactionPlace::default(),
            action: RedactionAction::default(),
            fields: Vec::new(),
            detectors: Detector::ALL.to_vec(),
            actions: BTreeMap::new(),
            key: None,
            personal: PersonalConfig::default(),
        }
    }
}

impl Default for PersonalConfig {
    fn default() -> Self {
        Self {
            fields: Vec::new(),
            subject: vec!["user_id".to_owned()],
            search: true,
            holders: Vec::new(),
        }
    }
}
