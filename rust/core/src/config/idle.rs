//! What the file says of lifecycle, and that cannot have an effect.

use std::path::Path;

use super::lifecycle::ArchiveFormat;
use super::model::Config;
use super::node::Node;
use super::{nearest, warning};
use crate::catalogue::catalogue;
use crate::retention::{Policy, RuleName};

/// Rules that can never apply, and settings that do nothing beside others.
pub(super) fn warnings(root: &Node, path: &Path, config: &Config) -> Vec<String> {
    let mut found: Vec<(String, String)> = Vec::new();
    let policy = Policy::from_config(&config.retention);
    for rule in policy.idle_rules() {
        let why = "can never apply: others go first wherever it fits";
        found.push((setting_of(&rule), why.to_owned()));
    }
    for (setting, why) in empty_rules(root) {
        found.push((setting, why));
    }
    let levels = catalogue().sensitivity_levels();
    for level in policy.by_sensitivity.keys().filter(|level| !levels.contains(*level)) {
        let hint = nearest::hint(level, levels.iter().map(String::as_str));
        let why = format!("is of no level that the catalogue has{hint}");
        found.push((setting_of(&RuleName::Sensitivity(level.clone())), why));
    }
    if !config.integrity.immutable {
        let why = "has no effect: nothing of a trail is ever overwritten";
        found.push(("integrity.immutable".to_owned(), why.to_owned()));
    }
    if config.retention.archival.destination.is_some() && config.archival.destination.is_some() {
        let why = "has no effect: `retention.archival` names a destination";
        found.push(("archival.destination".to_owned(), why.to_owned()));
    }
    let archival = config.archival_in_force();
    let encrypted = config.encryption_in_force();
    if encrypted.archive && archival.format == ArchiveFormat::CompressedJsonl {
        let of = if config.retention.archival.destination.is_some() { "retention." } else { "" };
        let why = "has no effect: what is encrypted in an archive is Parquet";
        found.push((format!("{of}archival.format"), why.to_owned()));
    }
    let copy = &config.integrity.audit_log_backup;
    if copy.destination.is_some() && copy.key.is_none() {
        let why = "names no `key`: the copy needs a master key of its own";
        found.push(("integrity.audit_log_backup".to_owned(), why.to_owned()));
    }
    found.iter().filter_map(|(setting, why)| placed(root, path, setting, why)).collect()
}

/// Rules that the file names and that say nothing.
fn empty_rules(root: &Node) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for kind in ["by_domain", "by_sensitivity"] {
        let rules = root.entry(&format!("retention.{kind}"));
        for rule in rules.map(|entry| entry.node.entries()).unwrap_or_default() {
            let says = |entry: &super::node::Entry| !entry.node.is_null();
            if !rule.node.entries().iter().any(says) {
                let why = "says nothing".to_owned();
                found.push((format!("retention.{kind}.{}", rule.key), why));
            }
        }
    }
    found
}

fn setting_of(rule: &RuleName) -> String {
    match rule {
        RuleName::Default => "retention.default_retention_days".to_owned(),
        RuleName::Domain(domain) => format!("retention.by_domain.{domain}"),
        RuleName::Sensitivity(level) => format!("retention.by_sensitivity.{level}"),
    }
}

/// A warning at the place of a setting, if the file has it: what is a default does not need one.
fn placed(root: &Node, path: &Path, setting: &str, why: &str) -> Option<String> {
    let at = root.entry(setting)?.key_at;
    Some(warning(at, path, &format!("`audit.{setting}` {why}")))
}
