//! The policy in force: that of the ledger, lengthened by what the local file says.

use serde::Serialize;

use super::policy::{Clock, Decided, Policy, Schedule, Tier};

const DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// What a policy looks at in a record. Times in microseconds since 1970, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// Domain of its event type.
    pub domain: &'a str,
    /// Its `resource.sensitivity_level`, if it is a string.
    pub level: Option<&'a str>,
    /// Its `timestamp`.
    pub timestamp: i64,
    /// Its `recorded_at`.
    pub recorded_at: i64,
}

/// A policy that the owner put into the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// Number of the entry.
    pub entry: u64,
    /// What it says.
    pub policy: Policy,
}

/// The policy in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InForce {
    /// The newest of the ledger. Without one nothing is deleted.
    pub pinned: Option<Pinned>,
    /// That of the configuration. Where one of its rules fits it can make times longer; where none
    /// does, and a policy is pinned, it says nothing.
    pub local: Option<Policy>,
}

/// When something is due, in microseconds since 1970, UTC; none: never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Dates {
    /// Moving to the archive.
    pub archive: Option<i64>,
    /// Deletion. Never before the move to the archive.
    pub delete: Option<i64>,
}

/// Whose word it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Voice {
    /// The ledger's policy.
    Pinned,
    /// The configuration's.
    Local,
}

/// Why an event is kept so long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What each policy says of it.
    pub said: Vec<(Voice, Decided, Dates)>,
    /// What follows.
    pub dates: Dates,
}

/// What the policies say of a kind of record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sayings(Vec<(Clock, Schedule)>);

impl Sayings {
    /// When something is due of a record with these times: the latest of what is said.
    pub(super) fn dates(&self, timestamp: i64, recorded_at: i64) -> Dates {
        let said = self.0.iter();
        let said =
            said.map(|(clock, schedule)| dates_of(*schedule, *clock, timestamp, recorded_at));
        said.reduce(Dates::or_later).unwrap_or_default()
    }
}

impl InForce {
    /// What is due of an event, and when.
    pub fn dates(&self, event: &Event<'_>) -> Dates {
        self.sayings(event.domain, event.level).dates(event.timestamp, event.recorded_at)
    }

    /// Until when the floor of a rule (`minimum_days`) keeps an event, in microseconds since 1970,
    /// UTC; none if no rule that fits has one.
    pub fn floor(&self, event: &Event<'_>) -> Option<i64> {
        let said = self.voices(event.domain, event.level).filter_map(|(voice, policy)| {
            let decided = policy.decide(event.domain, event.level);
            let days = decided.tiers.get(&Tier::Floor).and_then(|(days, _)| *days);
            let schedule = Schedule { archive: None, delete: days };
            let (clock, Event { timestamp, recorded_at, .. }) = (self.clock_of(voice), *event);
            dates_of(schedule, clock, timestamp, recorded_at).delete
        });
        said.max()
    }

    /// Which rules fit an event, and what each policy says of it.
    pub fn explain(&self, event: &Event<'_>) -> Explanation {
        let said = self.voices(event.domain, event.level).map(|(voice, policy)| {
            let decided = policy.decide(event.domain, event.level);
            let (schedule, clock) = (self.allowed(decided.schedule()), self.clock_of(voice));
            let dates = dates_of(schedule, clock, event.timestamp, event.recorded_at);
            (voice, decided, dates)
        });
        Explanation { said: said.collect(), dates: self.dates(event) }
    }

    /// What is said of the records of a domain and a level.
    pub(super) fn sayings(&self, domain: &str, level: Option<&str>) -> Sayings {
        let said = self.voices(domain, level).map(|(voice, policy)| {
            let schedule = policy.decide(domain, level).schedule();
            (self.clock_of(voice), self.allowed(schedule))
        });
        Sayings(said.collect())
    }

    /// The policies that say something of an event.
    fn voices(&self, domain: &str, level: Option<&str>) -> impl Iterator<Item = (Voice, &Policy)> {
        let pinned = self.pinned.as_ref().map(|pinned| (Voice::Pinned, &pinned.policy));
        let alone = pinned.is_none();
        let local = self.local.as_ref().filter(|local| alone || local.fits(domain, level));
        pinned.into_iter().chain(local.map(|policy| (Voice::Local, policy)))
    }

    /// Only the owner's recorded choice lets ages count from a time that events bring themselves.
    fn clock_of(&self, voice: Voice) -> Clock {
        let recorded = self.pinned.as_ref().map_or(Clock::Latest, |pinned| pinned.policy.clock);
        match (voice, &self.local) {
            (Voice::Local, Some(local)) if local.clock == Clock::Latest => Clock::Latest,
            _ => recorded,
        }
    }

    /// Without a policy in the ledger nothing is deleted.
    fn allowed(&self, schedule: Schedule) -> Schedule {
        Schedule { delete: schedule.delete.filter(|_| self.pinned.is_some()), ..schedule }
    }

    /// The levels that any of the rules names, in lower case.
    pub fn levels(&self) -> Vec<&str> {
        let pinned = self.pinned.iter().flat_map(|pinned| pinned.policy.levels());
        let mut levels: Vec<_> = pinned.chain(self.local.iter().flat_map(Policy::levels)).collect();
        levels.sort_unstable();
        levels.dedup();
        levels
    }
}

impl Dates {
    /// For each the later one; never is later than any.
    fn or_later(self, other: Self) -> Self {
        let later = |a: Option<i64>, b: Option<i64>| a.zip(b).map(|(a, b)| a.max(b));
        Self {
            archive: later(self.archive, other.archive),
            delete: later(self.delete, other.delete),
        }
    }
}

fn dates_of(schedule: Schedule, clock: Clock, timestamp: i64, recorded_at: i64) -> Dates {
    let since = match clock {
        Clock::Latest => timestamp.max(recorded_at),
        Clock::EventTime => timestamp,
    };
    let after = |days: u64| since.saturating_add(DAY.saturating_mul(days as i64));
    Dates { archive: schedule.archive.map(after), delete: schedule.delete.map(after) }
}
