//! What a policy says of a kind of record. Pure: knows neither time nor trail.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::catalogue::{Domain, catalogue};
use crate::config::{RetentionClock, RetentionConfig, RetentionPrecedence, RetentionRule};
use crate::ledger::is_archive;
use crate::{Error, Result};

/// Most days that a policy may name: a hundred years.
const MOST_DAYS: u64 = 36_500;

/// How long records are kept. This is also the `policy` of a ledger entry (FORMAT section 16).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Where archives are: folders or URLs by their names in the ledger.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub archives: BTreeMap<String, String>,
    /// Rules by domain.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub by_domain: BTreeMap<String, Rule>,
    /// Rules by `resource.sensitivity_level`, in lower case.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub by_sensitivity: BTreeMap<String, Rule>,
    /// From when the age of a record counts.
    pub clock: Clock,
    /// Days in hot storage of records that no rule fits.
    pub default_retention_days: u64,
    /// Which rule counts where several fit.
    pub precedence: Precedence,
}

/// From when the age of a record counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// The later of `timestamp` and `recorded_at`.
    #[default]
    Latest,
    /// `timestamp`.
    EventTime,
}

/// Which rule counts where several fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Precedence {
    /// The longest time, for each tier on its own.
    #[default]
    Longest,
    /// The rule of the sensitivity level, if one fits.
    Sensitivity,
    /// The rule of the domain, if there is one.
    Domain,
}

/// How long records are kept that it fits, in days. What is absent is left to other rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// In the archive, after those in hot storage; 0: it does not move there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub archive_storage_days: Option<u64>,
    /// Age at which the record is deleted; absent: never by this rule.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub delete_after_days: Option<u64>,
    /// In hot storage.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hot_storage_days: Option<u64>,
    /// Age before which the record is not deleted, whatever other rules say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub minimum_days: Option<u64>,
}

impl Rule {
    /// Whether it says nothing at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn of(rule: RetentionRule) -> Self {
        Self {
            archive_storage_days: rule.archive_storage_days,
            delete_after_days: rule.delete_after_days,
            hot_storage_days: rule.hot_storage_days,
            minimum_days: rule.minimum_days,
        }
    }

    /// For each time the longer one; no deletion is longer than any.
    fn longer(self, other: Self) -> Self {
        Self {
            archive_storage_days: self.archive_storage_days.max(other.archive_storage_days),
            delete_after_days: self.delete_after_days.zip(other.delete_after_days).map(longest),
            hot_storage_days: self.hot_storage_days.max(other.hot_storage_days),
            minimum_days: self.minimum_days.max(other.minimum_days),
        }
    }

    fn days(&self) -> impl Iterator<Item = u64> {
        [
            self.archive_storage_days,
            self.delete_after_days,
            self.hot_storage_days,
            self.minimum_days,
        ]
        .into_iter()
        .flatten()
    }
}

fn longest((a, b): (u64, u64)) -> u64 {
    a.max(b)
}

/// Which rule of a policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleName {
    /// That for records that no other rule fits.
    Default,
    /// That of a domain.
    Domain(String),
    /// That of a sensitivity level.
    Sensitivity(String),
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default_retention_days"),
            Self::Domain(domain) => write!(f, "by_domain.{domain}"),
            Self::Sensitivity(level) => write!(f, "by_sensitivity.{level}"),
        }
    }
}

/// What a rule can decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// `hot_storage_days`.
    Hot,
    /// `archive_storage_days`.
    Archive,
    /// `delete_after_days`.
    Delete,
    /// `minimum_days`.
    Floor,
}

impl Tier {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Hot, Self::Archive, Self::Delete, Self::Floor];

    /// The setting's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hot => "hot_storage_days",
            Self::Archive => "archive_storage_days",
            Self::Delete => "delete_after_days",
            Self::Floor => "minimum_days",
        }
    }

    fn days(self, rule: &Rule) -> Option<u64> {
        match self {
            Self::Hot => rule.hot_storage_days,
            Self::Archive => rule.archive_storage_days,
            Self::Delete => rule.delete_after_days,
            Self::Floor => rule.minimum_days,
        }
    }
}

/// What a policy says of a kind of record, in days of age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Schedule {
    /// When it leaves hot storage for the archive; none: never.
    pub archive: Option<u64>,
    /// When it is deleted; none: never.
    pub delete: Option<u64>,
}

/// The rules that fit a kind of record, and those that decide.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decided {
    /// All that fit.
    pub fitted: Vec<RuleName>,
    /// For each tier that somebody says something of: the days, and the rules that say so. No days:
    /// these rules say never.
    pub tiers: BTreeMap<Tier, (Option<u64>, Vec<RuleName>)>,
}

impl Decided {
    fn days(&self, tier: Tier) -> Option<u64> {
        self.tiers.get(&tier).and_then(|(days, _)| *days)
    }

    /// What follows from it.
    pub fn schedule(&self) -> Schedule {
        let (hot, archive) = (self.days(Tier::Hot), self.days(Tier::Archive));
        let floor = self.days(Tier::Floor).unwrap_or(0);
        let stored = hot.unwrap_or(0) + archive.unwrap_or(0);
        Schedule {
            archive: hot.filter(|_| archive != Some(0)),
            delete: self.days(Tier::Delete).map(|days| days.max(stored).max(floor)),
        }
    }
}

impl Policy {
    /// The policy of a configuration.
    pub fn from_config(config: &RetentionConfig) -> Self {
        let rules = |all: Vec<(String, RetentionRule)>| {
            let mut rules = BTreeMap::new();
            for (name, rule) in all {
                let rule = Rule::of(rule);
                // Two spellings of one level are two rules that fit the same records.
                let known = rules.entry(name.to_ascii_lowercase()).or_insert(rule);
                *known = known.longer(rule);
            }
            rules.retain(|_, rule| !rule.is_empty());
            rules
        };
        let domains = config.by_domain.named().map(|(name, rule)| (name.to_owned(), rule));
        let levels = config.by_sensitivity.iter().map(|(name, rule)| (name.clone(), *rule));
        Self {
            archives: BTreeMap::new(),
            by_domain: rules(domains.to_vec()),
            by_sensitivity: rules(levels.collect()),
            clock: match config.clock {
                RetentionClock::Latest => Clock::Latest,
                RetentionClock::EventTime => Clock::EventTime,
            },
            default_retention_days: config.default_retention_days,
            precedence: match config.precedence {
                RetentionPrecedence::Longest => Precedence::Longest,
                RetentionPrecedence::Sensitivity => Precedence::Sensitivity,
                RetentionPrecedence::Domain => Precedence::Domain,
            },
        }
    }

    /// Reads the `policy` of a ledger entry.
    ///
    /// # Errors
    /// `Usage` if it is none.
    pub fn from_json(value: &serde_json::Value) -> Result<Self> {
        let bad = |why: String| Error::Usage(format!("no retention policy: {why}"));
        let policy = Self::deserialize(value).map_err(|e| bad(e.to_string()))?;
        let rules = || policy.by_domain.values().chain(policy.by_sensitivity.values());
        if rules().flat_map(Rule::days).any(|days| days > MOST_DAYS) {
            return Err(bad(format!("it names more than {MOST_DAYS} days")));
        }
        let upper = |level: &String| *level != level.to_ascii_lowercase();
        if rules().any(Rule::is_empty) || policy.by_sensitivity.keys().any(upper) {
            return Err(bad("a rule says nothing, or a level is not in lower case".to_owned()));
        }
        if let Some(name) = policy.archives.keys().find(|name| !is_archive(name)) {
            return Err(bad(format!("no archive can have the name {name:?}")));
        }
        if !(1..=MOST_DAYS).contains(&policy.default_retention_days) {
            return Err(bad("default_retention_days is out of range".to_owned()));
        }
        if let Some(rule) = rules().find(|rule| rule.delete_after_days == Some(0)) {
            return Err(bad(format!("a rule deletes at once: {rule:?}")));
        }
        Ok(policy)
    }

    /// As [`from_json`](Self::from_json) reads it.
    ///
    /// # Errors
    /// `Encoding` if it cannot be written as JSON.
    pub fn to_json(&self) -> Result<serde_json::Value> {
        serde_json::to_value(self).map_err(|e| Error::encoding("policy", e))
    }

    /// Whether it has no rule but the default.
    pub fn has_no_rules(&self) -> bool {
        self.by_domain.is_empty() && self.by_sensitivity.is_empty()
    }

    /// Whether any of its rules ever deletes.
    pub fn deletes(&self) -> bool {
        let mut rules = self.by_domain.values().chain(self.by_sensitivity.values());
        rules.any(|rule| rule.delete_after_days.is_some())
    }

    /// The levels that have a rule, in the order of their names.
    pub fn levels(&self) -> impl Iterator<Item = &str> {
        self.by_sensitivity.keys().map(String::as_str)
    }

    /// The rules that fit records of a domain and a level, apart from the default.
    fn fitting(&self, domain: &str, level: Option<&str>) -> Vec<(RuleName, Rule)> {
        let by_domain = self.by_domain.get(domain);
        let by_domain = by_domain.map(|rule| (RuleName::Domain(domain.to_owned()), *rule));
        let level = level.map(str::to_ascii_lowercase);
        let by_level = level.and_then(|level| {
            let rule = *self.by_sensitivity.get(&level)?;
            Some((RuleName::Sensitivity(level), rule))
        });
        by_domain.into_iter().chain(by_level).collect()
    }

    /// Whether a rule other than the default fits.
    pub fn fits(&self, domain: &str, level: Option<&str>) -> bool {
        !self.fitting(domain, level).is_empty()
    }

    /// Which rules fit records of a domain and a level (whose case does not matter), and which of
    /// them decides each tier.
    pub fn decide(&self, domain: &str, level: Option<&str>) -> Decided {
        let fitting = self.fitting(domain, level);
        if fitting.is_empty() {
            let hot = (Some(self.default_retention_days), vec![RuleName::Default]);
            let tiers = BTreeMap::from([(Tier::Hot, hot)]);
            return Decided { fitted: vec![RuleName::Default], tiers };
        }
        let preferred = |name: &RuleName| match self.precedence {
            Precedence::Longest => true,
            Precedence::Sensitivity => matches!(name, RuleName::Sensitivity(_)),
            Precedence::Domain => matches!(name, RuleName::Domain(_)),
        };
        let any = fitting.iter().any(|(name, _)| preferred(name));
        let mut tiers = BTreeMap::new();
        for tier in Tier::ALL {
            // A floor holds whichever rule goes first.
            let counts = |name: &RuleName| !any || tier == Tier::Floor || preferred(name);
            let voices = fitting.iter().filter(|(name, _)| counts(name));
            let voices: Vec<_> = voices.map(|(name, rule)| (tier.days(rule), name)).collect();
            // Of deletion an absent time says never, of the others it says nothing.
            let never = tier == Tier::Delete && voices.iter().any(|(days, _)| days.is_none());
            let days = match never {
                true => None,
                false => voices.iter().filter_map(|(days, _)| *days).max(),
            };
            if never || days.is_some() {
                let deciding = voices.iter().filter(|(other, _)| *other == days);
                let names = deciding.map(|(_, name)| (*name).clone()).collect();
                tiers.insert(tier, (days, names));
            }
        }
        Decided { fitted: fitting.into_iter().map(|(name, _)| name).collect(), tiers }
    }

    /// Rules that decide nothing for any domain and level.
    pub fn idle_rules(&self) -> Vec<RuleName> {
        let mut deciding = BTreeSet::new();
        for Domain { name: domain, .. } in catalogue().domains() {
            for level in self.levels().map(Some).chain([None]) {
                let decided = self.decide(domain, level);
                deciding.extend(decided.tiers.into_values().flat_map(|(_, names)| names));
            }
        }
        let domains = self.by_domain.keys().cloned().map(RuleName::Domain);
        let levels = self.by_sensitivity.keys().cloned().map(RuleName::Sensitivity);
        let all = [RuleName::Default].into_iter().chain(domains).chain(levels);
        all.filter(|rule| !deciding.contains(rule)).collect()
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::from_config(&RetentionConfig::default())
    }
}
