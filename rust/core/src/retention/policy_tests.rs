use proptest::prelude::*;

use super::{
    Clock, Dates, Event, InForce, Pinned, Policy, Precedence, Rule, RuleName, Tier, Voice,
};

const DAY: i64 = 86_400_000_000;
const DOMAINS: [&str; 3] = ["auth", "data", "system"];
const LEVELS: [&str; 3] = ["pii", "phi", "public"];

fn rule(hot: u64, delete: Option<u64>) -> Rule {
    Rule { hot_storage_days: Some(hot), delete_after_days: delete, ..Rule::default() }
}

fn policy(domains: &[(&str, Rule)], levels: &[(&str, Rule)]) -> Policy {
    let named = |rules: &[(&str, Rule)]| {
        rules.iter().map(|(name, rule)| ((*name).to_owned(), *rule)).collect()
    };
    Policy { by_domain: named(domains), by_sensitivity: named(levels), ..Policy::default() }
}

fn pinned(policy: Policy) -> InForce {
    InForce { pinned: Some(Pinned { entry: 7, policy }), local: None }
}

fn event(domain: &'static str, level: Option<&'static str>) -> Event<'static> {
    Event { domain, level, timestamp: 0, recorded_at: DAY }
}

#[test]
fn the_default_keeps_all_and_applies_only_where_no_other_rule_fits() {
    let policy = policy(&[("auth", rule(365, None))], &[]);
    let found = policy.decide("data", None);
    assert_eq!(found.fitted, [RuleName::Default]);
    assert_eq!((found.schedule().archive, found.schedule().delete), (Some(90), None));
    let found = policy.decide("auth", Some("pii"));
    assert_eq!(found.fitted, [RuleName::Domain("auth".to_owned())]);
    assert_eq!((found.schedule().archive, found.schedule().delete), (Some(365), None));
}

#[test]
fn the_longest_wins_in_each_tier_and_never_is_longest() {
    let levels = [("pii", rule(30, Some(2555))), ("public", rule(10, None))];
    let mut policy = policy(&[("data", rule(90, Some(365)))], &levels);
    let found = policy.decide("data", Some("PII"));
    assert_eq!(found.tiers[&Tier::Hot], (Some(90), vec![RuleName::Domain("data".to_owned())]));
    let pii = RuleName::Sensitivity("pii".to_owned());
    assert_eq!(found.tiers[&Tier::Delete], (Some(2555), vec![pii]));
    let public = RuleName::Sensitivity("public".to_owned());
    let found = policy.decide("data", Some("public"));
    assert_eq!(found.tiers[&Tier::Delete], (None, vec![public]));
    policy.precedence = Precedence::Domain;
    assert_eq!(policy.decide("data", Some("public")).schedule().delete, Some(365));
    policy.precedence = Precedence::Sensitivity;
    assert_eq!(policy.decide("data", Some("pii")).schedule().archive, Some(30));
    assert_eq!(policy.decide("data", Some("phi")).schedule().delete, Some(365));
}

#[test]
fn floors_and_days_in_the_archive_hold_deletion_back_whatever_goes_first() {
    let floor = Rule { minimum_days: Some(1000), ..Rule::default() };
    let mut policy = policy(&[("data", floor)], &[("pii", rule(30, Some(60)))]);
    policy.precedence = Precedence::Sensitivity;
    assert_eq!(policy.decide("data", Some("pii")).schedule().delete, Some(1000));
    let long = Rule { archive_storage_days: Some(100), ..rule(30, Some(60)) };
    policy.by_sensitivity.insert("phi".to_owned(), long);
    assert_eq!(policy.decide("auth", Some("phi")).schedule().delete, Some(130));
    let stays = Rule { archive_storage_days: Some(0), ..rule(30, Some(60)) };
    policy.by_sensitivity.insert("phi".to_owned(), stays);
    assert_eq!(policy.decide("auth", Some("phi")).schedule().archive, None);
}

#[test]
fn ages_count_from_the_later_time_unless_the_ledger_says_otherwise() {
    let mut by = policy(&[("data", rule(1, Some(10)))], &[]);
    let late = Event { recorded_at: 5 * DAY, ..event("data", None) };
    assert_eq!(pinned(by.clone()).dates(&late).delete, Some(15 * DAY));
    by.clock = Clock::EventTime;
    assert_eq!(pinned(by.clone()).dates(&late).delete, Some(10 * DAY));
    let mut both = pinned(by.clone());
    both.local = Some(by.clone());
    assert_eq!(both.dates(&late).delete, Some(10 * DAY), "both count by the event's time");
    if let Some(local) = &mut both.local {
        local.clock = Clock::Latest;
    }
    assert_eq!(both.dates(&late).delete, Some(15 * DAY));
    let local = InForce { pinned: None, local: Some(by) };
    let dates = Dates { archive: Some(6 * DAY), delete: None };
    assert_eq!(local.dates(&late), dates, "a file deletes nothing, and chooses no clock");
}

#[test]
fn a_local_file_lengthens_only_and_only_where_a_rule_of_it_fits() {
    let mut both =
        pinned(policy(&[("data", rule(30, Some(60))), ("auth", rule(30, Some(60)))], &[]));
    both.local = Some(policy(&[("data", rule(10, Some(90)))], &[("pii", rule(1, None))]));
    assert_eq!(both.dates(&event("auth", None)).delete, Some(61 * DAY));
    let dates = Dates { archive: Some(31 * DAY), delete: Some(91 * DAY) };
    assert_eq!(both.dates(&event("data", None)), dates);
    assert_eq!(both.dates(&event("auth", Some("pii"))).delete, None);
    let explained = both.explain(&event("data", None));
    let said: Vec<_> =
        explained.said.iter().map(|(voice, _, dates)| (*voice, dates.delete)).collect();
    assert_eq!(said, [(Voice::Pinned, Some(61 * DAY)), (Voice::Local, Some(91 * DAY))]);
    assert_eq!(explained.dates, dates);
}

#[test]
fn rules_that_decide_nothing_are_named() {
    let mut policy = policy(&[("data", rule(30, Some(60)))], &[("pii", rule(10, Some(20)))]);
    assert!(policy.idle_rules().is_empty(), "it decides for records of other domains");
    policy.precedence = Precedence::Domain;
    assert!(policy.idle_rules().is_empty());
    for domain in ["agent", "auth", "system", "workflow"] {
        policy.by_domain.insert(domain.to_owned(), rule(30, Some(60)));
    }
    let idle = [RuleName::Default, RuleName::Sensitivity("pii".to_owned())];
    assert_eq!(policy.idle_rules(), idle);
    policy.precedence = Precedence::Longest;
    assert_eq!(policy.idle_rules(), idle);
    policy.by_sensitivity.insert("pii".to_owned(), rule(31, Some(20)));
    assert_eq!(policy.idle_rules(), [RuleName::Default]);
}

#[test]
fn a_policy_of_the_ledger_reads_back_and_nonsense_is_refused() {
    let policy = policy(&[("data", rule(30, Some(60)))], &[("pii", rule(10, None))]);
    let json = policy.to_json().unwrap();
    assert_eq!(Policy::from_json(&json).unwrap(), policy);
    for (pointer, value) in [
        ("/by_domain/data/delete_after_days", serde_json::json!(0)),
        ("/by_domain/data/delete_after_days", serde_json::json!(40_000)),
        ("/by_domain/data", serde_json::json!({})),
        ("/by_domain/data", serde_json::json!({"keep": 1})),
        ("/clock", serde_json::json!("now")),
        ("/default_retention_days", serde_json::json!(0)),
    ] {
        let mut bad = json.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        assert!(Policy::from_json(&bad).is_err(), "{bad}");
    }
}

fn some_rule() -> impl Strategy<Value = Rule> {
    let days = || proptest::option::of(0..9_u64);
    (days(), days(), proptest::option::of(1..9_u64), days()).prop_map(|(a, h, d, m)| Rule {
        archive_storage_days: a,
        delete_after_days: d,
        hot_storage_days: h,
        minimum_days: m,
    })
}

fn some_policy() -> impl Strategy<Value = Policy> {
    let of = |names: [&'static str; 3]| {
        let item = (proptest::sample::select(names.to_vec()), some_rule());
        proptest::collection::btree_map(item.0.prop_map(str::to_owned), item.1, 0..3)
    };
    let precedence = [Precedence::Longest, Precedence::Sensitivity, Precedence::Domain];
    let clock = [Clock::Latest, Clock::EventTime];
    let chosen = (
        of(DOMAINS),
        of(LEVELS),
        1..9_u64,
        proptest::sample::select(precedence.to_vec()),
        proptest::sample::select(clock.to_vec()),
    );
    chosen.prop_map(|(by_domain, by_sensitivity, default_retention_days, precedence, clock)| {
        let archives = Default::default();
        Policy { archives, by_domain, by_sensitivity, clock, default_retention_days, precedence }
    })
}

/// A policy said once more, day by day: what becomes of a record at an age.
#[derive(Debug, PartialEq)]
enum State {
    Hot,
    Archive,
    Gone,
}

fn model(policy: &Policy, domain: &str, level: Option<&str>, age: u64) -> State {
    let d = policy.by_domain.get(domain);
    let l = level.and_then(|level| policy.by_sensitivity.get(level));
    let all: Vec<&Rule> = d.into_iter().chain(l).collect();
    if all.is_empty() {
        return if age < policy.default_retention_days { State::Hot } else { State::Archive };
    }
    let first = match policy.precedence {
        Precedence::Longest => None,
        Precedence::Sensitivity => l.or(d),
        Precedence::Domain => d.or(l),
    };
    let voting = first.map_or_else(|| all.clone(), |rule| vec![rule]);
    let hot: Vec<u64> = voting.iter().filter_map(|r| r.hot_storage_days).collect();
    let archive: Vec<u64> = voting.iter().filter_map(|r| r.archive_storage_days).collect();
    let stored = hot.iter().max().unwrap_or(&0) + archive.iter().max().unwrap_or(&0);
    let kept = |rule: &&Rule| rule.delete_after_days.is_none_or(|days| age < days);
    let floored = all.iter().any(|rule| rule.minimum_days.is_some_and(|days| age < days));
    if age >= stored && !floored && !voting.iter().any(kept) {
        return State::Gone;
    }
    let still_hot = hot.is_empty() || hot.iter().any(|days| age < *days);
    let no_archive = !archive.is_empty() && archive.iter().all(|days| *days == 0);
    if still_hot || no_archive { State::Hot } else { State::Archive }
}

fn at(dates: Dates, now: i64) -> State {
    match dates {
        Dates { delete: Some(at), .. } if now >= at => State::Gone,
        Dates { archive: Some(at), .. } if now >= at => State::Archive,
        _ => State::Hot,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn decisions_are_those_of_a_model_day_by_day(
        policy in some_policy(),
        domain in proptest::sample::select(DOMAINS.to_vec()),
        level in proptest::option::of(proptest::sample::select(LEVELS.to_vec())),
        timestamp in 0..5_i64,
        recorded in 0..5_i64,
        age in 0..30_u64,
    ) {
        let event =
            Event { domain, level, timestamp: timestamp * DAY, recorded_at: recorded * DAY };
        let since = match policy.clock {
            Clock::Latest => timestamp.max(recorded),
            Clock::EventTime => timestamp,
        };
        let expected = model(&policy, domain, level, age);
        let now = (since + age as i64) * DAY;
        prop_assert_eq!(at(pinned(policy).dates(&event), now), expected);
    }

    #[test]
    fn a_local_file_never_makes_anything_go_earlier(
        policy in some_policy(),
        local in some_policy(),
        domain in proptest::sample::select(DOMAINS.to_vec()),
        level in proptest::option::of(proptest::sample::select(LEVELS.to_vec())),
    ) {
        let (alone, event) = (pinned(policy), event(domain, level));
        let both = InForce { local: Some(local), ..alone.clone() };
        let later = |a: Option<i64>, b: Option<i64>| b.is_none_or(|b| a.is_some_and(|a| a <= b));
        let (short, long) = (alone.dates(&event), both.dates(&event));
        prop_assert!(later(short.delete, long.delete));
        prop_assert!(later(short.archive, long.archive));
    }
}
