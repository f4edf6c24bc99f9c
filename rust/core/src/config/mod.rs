//! `sealtrail.yaml`: where it is found, what it may say.
//!
//! [`locate`] finds the one file that counts, [`load`] reads it into [`Config`]. Reading is strict:
//! a key that does not exist or a value of the wrong type is an [`Error::Config`] with line, column
//! and the nearest valid name. `${NAME}` and `${NAME:-default}` in text values stand for
//! environment variables; `$${` is a literal `${`.

mod encryption;
mod home;
mod idle;
mod lifecycle;
mod locate;
mod lookup;
mod model;
mod nearest;
mod node;
mod read;
mod redaction;
mod references;
mod schema;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value;

pub use encryption::EncryptionConfig;
pub use home::Home;
pub use lifecycle::{
    ArchivalConfig, ArchiveEncryption, ArchiveFormat, BackupConfig, CompressionAlgorithm,
    CompressionConfig, DomainRules, FileRotation, FileRotationConfig, IntegrityCheck,
    IntegrityConfig, KeyRotation, PriceConfig, RetentionClock, RetentionConfig,
    RetentionPrecedence, RetentionRule, RotationConfig,
};
pub use locate::locate;
pub use lookup::get;
pub(crate) use model::without_credentials;
pub use model::{
    AccessAuditConfig, AccessPolicy, Config, DEFAULT_TRAIL_URL, FlushConfig, IdentityConfig,
    LimitsConfig, Partitioning, PurposePolicy, SyncConfig, SyncMode, TrailConfig, is_remote,
};
pub use redaction::{Detector, PersonalConfig, RedactionAction, RedactionConfig, RedactionPlace};
pub use schema::json_schema;

use crate::{Error, Result};
use model::{Document, LATER_SECTIONS, LATER_SETTINGS};
use node::{At, Kind, Node};
use references::Source;

/// The configuration in force, and where it comes from.
///
/// `Default` is the configuration without a file. `Debug` shows what [`show`] shows.
#[derive(Clone)]
pub struct Loaded {
    /// The settings, with references resolved.
    pub config: Config,
    /// The file they were read from; none if there is no file.
    pub path: Option<PathBuf>,
    /// What the file says that has no effect, each with its place.
    pub warnings: Vec<String>,
    /// The whole document with its defaults, but with references as the file has them.
    effective: Value,
}

impl Loaded {
    /// The configuration in force with its defaults, as one object with the key `audit`.
    /// Values that come from the environment are given as the file has them (`${NAME}`).
    pub fn effective(&self) -> &Value {
        &self.effective
    }

    /// The settings that have an effect, by dotted path such as `trail.flush.max_mb`. Values from
    /// the environment are given as the file has them, and URLs without what they may hold of
    /// credentials.
    pub fn in_force(&self) -> BTreeMap<String, Value> {
        let mut settings = BTreeMap::new();
        for (section, value) in self.audit().as_object().into_iter().flatten() {
            if !LATER_SECTIONS.contains(&section.as_str()) {
                flatten(section, value, &mut settings);
            }
        }
        settings
    }

    fn audit(&self) -> &Value {
        &self.effective["audit"]
    }
}

fn flatten(path: &str, value: &Value, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                flatten(&format!("{path}.{name}"), value, into);
            }
        }
        Value::String(text) => {
            into.insert(path.to_owned(), model::without_credentials(text).into());
        }
        other => {
            into.insert(path.to_owned(), other.clone());
        }
    }
}

impl Default for Loaded {
    fn default() -> Self {
        let config = Config::default();
        let effective = with_defaults(&config);
        Self { config, path: None, warnings: Vec::new(), effective }
    }
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded")
            .field("path", &self.path)
            .field("warnings", &self.warnings)
            .field("effective", &self.effective)
            .finish()
    }
}

/// Reads the configuration file that [`locate`] finds; without one, everything has its default.
///
/// # Errors
/// [`Error::Config`] with line and column if the file says something that cannot be used;
/// [`Error::Io`] if it cannot be read; and the errors of [`locate`].
pub fn load(
    explicit: Option<&Path>,
    env: &dyn Fn(&str) -> Option<String>,
    cwd: &Path,
) -> Result<Loaded> {
    let Some(path) = locate(explicit, env, cwd)? else { return Ok(Loaded::default()) };
    let bytes = std::fs::read(&path).map_err(|source| Error::io(&path, source))?;
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        node::At::of_offset(&valid, valid.len()).error(&path, "not UTF-8".to_owned())
    })?;
    parse(text, &path, env)
}

/// The configuration in force as YAML, defaults included. Values that come from the environment
/// are not revealed: they appear as the file has them (`${NAME}`).
///
/// # Errors
/// [`Error::Encoding`] if the configuration cannot be written as YAML.
pub fn show(loaded: &Loaded) -> Result<String> {
    serde_saphyr::to_string(&loaded.effective).map_err(|e| Error::encoding("configuration", e))
}

/// Reads the configuration in `text`; `path` is for messages.
fn parse(text: &str, path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Loaded> {
    // Some editors put a byte order mark first; places count from what follows it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut root = Node::parse(text, path)?;
    resolve_in_force(&mut root, &Source { text, path }, env)?;
    let document: Document = read::typed(&root, path)?;
    let mut effective = with_defaults(&document.audit);
    root.restore_references(&mut effective);
    let mut warnings = not_in_force(&root, path);
    warnings.extend(idle::warnings(&root, path, &document.audit));
    Ok(Loaded { config: document.audit, path: Some(path.to_owned()), warnings, effective })
}

/// Resolves references, but not in sections without effect: nobody needs their secrets.
fn resolve_in_force(
    root: &mut Node,
    source: &Source<'_>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<()> {
    let Kind::Map(top) = &mut root.kind else { return Ok(()) };
    for section in top.iter_mut().filter(|entry| entry.key == "audit") {
        let Kind::Map(entries) = &mut section.node.kind else { continue };
        let in_force = |key: &str| !LATER_SECTIONS.contains(&key);
        for entry in entries.iter_mut().filter(|entry| in_force(&entry.key)) {
            references::resolve(&mut entry.node, source, env)?;
        }
    }
    Ok(())
}

fn not_in_force(root: &Node, path: &Path) -> Vec<String> {
    let later = LATER_SECTIONS.iter().chain(&LATER_SETTINGS);
    let mut found: Vec<_> =
        later.filter_map(|setting| Some((setting, root.entry(setting)?.key_at))).collect();
    found.sort_by_key(|(_, at)| (at.line, at.column));
    let warning = |(setting, at): (&&str, At)| {
        let message = format!("`audit.{setting}` is not in force in this version");
        warning(at, path, &format!("{message}; it has no effect"))
    };
    found.into_iter().map(warning).collect()
}

/// Something that the file says at a place, and that does not do what it seems to.
fn warning(at: At, path: &Path, message: &str) -> String {
    format!("{}:{}:{}: {message}", path.display(), at.line, at.column)
}

/// `config` as the document it stands for, with what `null` would leave to be guessed.
fn with_defaults(config: &Config) -> Value {
    let url = config.trail.url_or_default();
    let age = config.trail.flush.max_age_seconds_for(url);
    let mut effective = serde_json::json!({ "audit": config });
    effective["audit"]["trail"]["url"] = url.into();
    effective["audit"]["trail"]["flush"]["max_age_seconds"] = age.into();
    effective
}

#[cfg(test)]
mod tests;
