#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Datelike, SecondsFormat, Timelike, Utc};
use serde_json::Value;

use super::*;
use crate::catalogue::catalogue;

/// A Friday noon, so that the last day is a working day.
fn options(events: u64) -> Options {
    Options::new(events, "2026-11-20T12:00:00Z".parse().unwrap())
}

fn bytes(options: Options) -> Vec<u8> {
    let mut generator = Generator::new(options).unwrap();
    let mut out = Vec::new();
    while generator.write_line(&mut out) {}
    out
}

fn events(options: Options) -> Vec<Value> {
    Generator::new(options).unwrap().map(|line| serde_json::from_slice(&line).unwrap()).collect()
}

fn text<'a>(event: &'a Value, key: &str) -> &'a str {
    event[key].as_str().unwrap_or_default()
}

fn session(event: &Value) -> &str {
    event["session_id"].as_str().or(event["user_context"]["session_id"].as_str()).unwrap_or("")
}

fn time(event: &Value) -> DateTime<Utc> {
    text(event, "timestamp").parse().unwrap()
}

fn by_session(events: &[Value]) -> HashMap<&str, Vec<&Value>> {
    let mut sessions: HashMap<&str, Vec<&Value>> = HashMap::new();
    for event in events.iter().filter(|event| !session(event).is_empty()) {
        sessions.entry(session(event)).or_default().push(event);
    }
    sessions
}

#[test]
fn random_numbers_are_those_of_the_published_algorithms() {
    // SplitMix64 of seed 0, then xoshiro256++ from that state; reference code by Vigna.
    let mut rng = Rng::new(0);
    assert_eq!(
        format!("{rng:x?}"),
        "Rng([e220a8397b1dcdaf, 6e789e6aa1b965f4, 6c45d188009454f, f88bb8a8724c81ec])"
    );
    let sum = 0xe220_a839_7b1d_cdaf_u64.wrapping_add(0xf88b_b8a8_724c_81ec);
    let first = sum.rotate_left(23).wrapping_add(0xe220_a839_7b1d_cdaf);
    assert_eq!(rng.next(), first);
}

#[test]
fn heavy_numbers_stay_in_range_and_reach_both_ends() {
    let mut rng = Rng::new(3);
    for (low, high) in [(0, 4), (1, 1), (1, 30), (300, 24_000)] {
        let drawn: BTreeSet<u64> = (0..60_000).map(|_| rng.heavy(low, high)).collect();
        assert!(*drawn.first().unwrap() == low, "{low}..={high}");
        assert!(*drawn.last().unwrap() <= high && *drawn.last().unwrap() > high * 9 / 10);
    }
}

#[test]
fn the_same_options_give_the_same_bytes() {
    for foreign in [false, true] {
        let options = Options { foreign, ..options(3000) };
        let first = bytes(options.clone());
        assert_eq!(first, bytes(options.clone()));
        assert_ne!(first, bytes(Options { seed: 2, ..options }));
    }
}

#[test]
fn iterator_and_buffer_give_the_same_lines() {
    let generator = Generator::new(options(500)).unwrap();
    assert_eq!(generator.size_hint(), (500, Some(500)));
    let joined: Vec<u8> = generator
        .flat_map(|mut line| {
            line.push(b'\n');
            line
        })
        .collect();
    assert_eq!(joined, bytes(options(500)));
}

#[test]
fn every_line_is_one_compact_object_without_duplicate_keys() {
    for foreign in [false, true] {
        for line in Generator::new(Options { foreign, ..options(20_000) }).unwrap() {
            assert!(!line.contains(&b'\n'));
            let value: Value = serde_json::from_slice(&line).unwrap();
            // serde_json keeps the last of two equal keys, so its text would be shorter.
            assert_eq!(serde_json::to_string(&value).unwrap().len(), line.len(), "{value}");
        }
    }
}

#[test]
fn counts_are_exact_however_small() {
    for count in [0, 1, 2, 63, 64, 65, 700] {
        let small = Options { agents: 1, users: 1, days: 1, ..options(count) };
        assert_eq!(events(small).len() as u64, count);
    }
}

#[test]
fn impossible_options_are_refused() {
    for wrong in [
        Options { agents: 0, ..options(1) },
        Options { users: 0, ..options(1) },
        Options { days: 0, ..options(1) },
        Options { days: MAX_DAYS + 1, ..options(1) },
        Options { end: "1970-02-01T00:00:00Z".parse().unwrap(), ..options(1) },
    ] {
        assert!(matches!(Generator::new(wrong.clone()), Err(Error::Usage(_))), "{wrong:?}");
    }
}

#[test]
fn times_never_decrease_and_keep_to_the_days() {
    for count in [900, 60_000] {
        let options = options(count);
        let start = options.end - chrono::Duration::days(90);
        let mut last = start;
        for event in events(options.clone()) {
            let at = time(&event);
            assert_eq!(text(&event, "timestamp"), at.to_rfc3339_opts(SecondsFormat::Millis, true));
            assert!(at >= last && at <= options.end);
            last = at;
        }
        assert!(options.end - last < chrono::Duration::days(14));
    }
}

#[test]
fn offices_are_busy_and_nights_and_weekends_are_quiet() {
    let mut hours = [0u32; 24];
    let mut days = [0u32; 7];
    for event in events(options(60_000)) {
        let at = time(&event);
        hours[at.hour() as usize] += 1;
        days[at.weekday().num_days_from_monday() as usize] += 1;
    }
    assert!(hours[10] > 5 * hours[4], "{hours:?}");
    assert!(days[..5].iter().all(|day| *day > 2 * days[5] && *day > 2 * days[6]), "{days:?}");
}

#[test]
fn lines_have_the_size_of_real_events() {
    for foreign in [false, true] {
        let size = bytes(Options { foreign, ..options(30_000) }).len() as f64 / 30_000.0 - 1.0;
        assert!((600.0..680.0).contains(&size), "foreign {foreign}: {size}");
    }
}

#[test]
fn domains_have_their_shares() {
    let mut shares: BTreeMap<String, f64> = BTreeMap::new();
    for event in events(options(60_000)) {
        let name = text(&event, "event_type");
        let domain = name.split('.').next().unwrap();
        *shares.entry(domain.to_owned()).or_default() += 1.0 / 600.0;
    }
    let wanted =
        [("agent", 8.0), ("auth", 12.0), ("data", 45.0), ("system", 5.0), ("workflow", 30.0)];
    assert_eq!(shares.len(), wanted.len());
    for (domain, share) in wanted {
        assert!((shares[domain] - share).abs() < 2.0, "{shares:?}");
    }
}

#[test]
fn every_event_is_as_the_catalogue_says() {
    let known = catalogue();
    let mut types = HashSet::new();
    for event in events(options(60_000)) {
        let name = text(&event, "event_type");
        assert!(known.event_type(name).is_some(), "{name}");
        let canonical = serde_json_canonicalizer::to_vec(&event).unwrap();
        let violations = known.check(name, &canonical);
        assert!(violations.is_empty(), "{violations:?} {event}");
        types.insert(name.to_owned());
    }
    // All but the trace that deletions leave, which only a trail itself writes.
    let silent: Vec<&str> =
        known.types().map(|t| t.name.as_str()).filter(|name| !types.contains(*name)).collect();
    assert_eq!(silent, ["system.audit_deletion"]);
}

#[test]
fn ids_are_given_on_request_only_and_are_unique() {
    for foreign in [false, true] {
        let options = Options { foreign, ..options(5000) };
        let without = events(options.clone());
        let with_ids = events(Options { with_ids: true, ..options });
        for (event, same) in without.iter().zip(&with_ids) {
            let mut same = same.clone();
            same.as_object_mut().unwrap().remove("audit_id");
            assert_eq!(*event, same);
        }
        let ids: HashSet<&str> = with_ids.iter().map(|event| text(event, "audit_id")).collect();
        assert_eq!(ids.len(), 5000);
        for id in ids {
            let digits = id.strip_prefix("audit_evt_").unwrap();
            assert!(digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit()));
        }
    }
}

#[test]
fn people_and_agents_are_as_many_as_asked_for() {
    let (mut agents, mut users) = (HashSet::new(), HashSet::new());
    let few = Options { agents: 20, users: 30, ..options(20_000) };
    let events = events(few);
    for event in &events {
        agents.insert(text(event, "agent_id"));
        for key in ["user_id", "initiated_by"] {
            users.insert(text(event, key));
        }
        let ip = text(event, "source_ip");
        assert!(ip.is_empty() || NETWORKS.iter().any(|network| ip.starts_with(network)), "{ip}");
    }
    agents.remove("");
    users.remove("");
    assert_eq!((agents.len(), users.len()), (20, 30));
}

#[test]
fn sessions_run_side_by_side() {
    let events = events(options(20_000));
    let changes = events.windows(2).filter(|pair| session(&pair[0]) != session(&pair[1])).count();
    assert!(changes > 5000, "{changes}");
}

#[test]
fn helpers_are_spawned_by_agents_of_their_session_and_stop_once() {
    let events = events(options(20_000));
    let (mut spawned, mut second_level) = (0, 0);
    for chain in by_session(&events).values() {
        let mut running: HashMap<&str, &str> = HashMap::new();
        for event in chain {
            let (agent, parent) = (text(event, "agent_id"), text(event, "parent_agent_id"));
            match text(event, "event_type") {
                "agent.spawned" => {
                    spawned += 1;
                    second_level += usize::from(running.contains_key(parent));
                    running.insert(agent, parent);
                    let line = event["delegation_chain"].as_array().unwrap();
                    assert_eq!(line.first().unwrap(), &event["authorized_by"]);
                    assert_eq!(line.last().unwrap(), agent);
                    assert_eq!(line[line.len() - 2], parent);
                }
                "agent.stopped" => assert_eq!(running.remove(agent), Some(parent)),
                _ => {}
            }
        }
    }
    assert!(spawned > 300 && second_level > 30, "{spawned} {second_level}");
}

#[test]
fn an_execution_sums_up_its_steps() {
    let events = events(options(20_000));
    let mut runs: HashMap<&str, Vec<&Value>> = HashMap::new();
    for event in events.iter().filter(|event| !event["execution_id"].is_null()) {
        runs.entry(text(event, "execution_id")).or_default().push(event);
    }
    let mut checked = 0;
    for run in runs.values() {
        let of = |name: &str| -> Vec<&Value> {
            run.iter().copied().filter(|event| event["event_type"] == name).collect()
        };
        let Some(whole) = of("workflow.execution").first().copied() else { continue };
        let used = of("workflow.resource_usage");
        let tokens: u64 = used.iter().map(|event| event["tokens_used"].as_u64().unwrap()).sum();
        let cost: f64 = used.iter().map(|event| event["cost_usd"].as_f64().unwrap()).sum();
        assert_eq!(whole["tokens_used"], tokens);
        assert!((whole["cost_usd"].as_f64().unwrap() - cost).abs() < 1e-9);
        let steps = whole["workflow_steps"].as_array().unwrap();
        let done = of("workflow.step_completed");
        assert_eq!(steps.len(), done.len() + 1);
        for (step, event) in steps.iter().zip(done) {
            for key in ["step_name", "duration_ms", "decision"] {
                assert_eq!(step[key], event[key]);
            }
        }
        checked += 1;
    }
    assert!(checked > 200, "{checked}");
}

#[test]
fn decisions_follow_their_rule() {
    let mut seen = [0, 0];
    for event in events(options(20_000)) {
        let decision = &event["decision"];
        let Some(limit) = decision["threshold"].as_f64() else { continue };
        let value = decision["evaluated_value"].as_f64().unwrap();
        let below = decision["condition"].as_str().unwrap().contains(" < ");
        let holds = if below { value < limit } else { value > limit };
        assert_eq!(decision["result"], holds, "{decision}");
        seen[usize::from(holds)] += 1;
    }
    assert!(seen[0] > 100 && seen[1] > 100, "{seen:?}");
}

#[test]
fn failed_logins_come_in_bursts_and_a_denial_is_followed_up() {
    let events = events(options(60_000));
    let mut in_a_row: HashMap<&str, u64> = HashMap::new();
    let (mut longest, mut then_success) = (0, 0);
    for event in events.iter().filter(|event| event["event_type"] == "auth.user_login") {
        let row = in_a_row.entry(text(event, "trace_id")).or_default();
        if event["status"] == "fail" {
            *row += 1;
            longest = longest.max(*row);
        } else {
            then_success += u32::from(std::mem::take(row) > 0);
        }
    }
    assert!(longest > 10 && then_success > 50, "{longest} {then_success}");
    let count = |name: &str| events.iter().filter(|event| event["event_type"] == name).count();
    assert!(count("system.access_violation") > 100 && count("system.security_alert") > 100);
    let denied = events.iter().filter(|event| event["result"]["status"] == "denied").count();
    assert!((200..1200).contains(&denied), "{denied}");
}

#[test]
fn a_working_day_of_a_million_events_has_hundreds_of_pii_reads() {
    // The density of a million events in 90 days, over the last three of them.
    let events = events(Options { days: 3, ..options(42_000) });
    let from = options(1).end - chrono::Duration::days(1);
    let reads = events
        .iter()
        .filter(|event| event["event_type"] == "data.file_read" && time(event) >= from)
        .filter(|event| event["resource"]["sensitivity_level"] == "pii")
        .count();
    assert!((200..900).contains(&reads), "{reads}");
}

#[test]
fn foreign_events_have_known_domains_and_little_else_in_common() {
    let own: HashSet<String> = events(options(20_000))
        .iter()
        .flat_map(|event| event.as_object().unwrap().keys().cloned().collect::<Vec<_>>())
        .filter(|key| key != "event_type" && key != "timestamp")
        .collect();
    let mut domains = BTreeSet::new();
    let mut words_as_codes = 0;
    let mut rare = HashSet::new();
    let foreign = events(Options { foreign: true, ..options(20_000) });
    for event in &foreign {
        let name = text(event, "event_type");
        assert!(catalogue().event_type(name).is_none(), "{name}");
        assert!(catalogue().split_event_type(name).is_ok(), "{name}");
        domains.insert(name.split('.').next().unwrap());
        assert!(event.as_object().unwrap().keys().all(|key| !own.contains(key)), "{event}");
        words_as_codes += usize::from(event["response"]["code"].is_string());
        rare.extend(event["ext"].as_object().into_iter().flatten().map(|(key, _)| key.clone()));
    }
    assert_eq!(domains.len(), 5);
    assert!((1..60).contains(&words_as_codes), "{words_as_codes}");
    assert_eq!(rare.len(), 40);
}
