//! How well the detectors tell sensitive values from others.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::find;
use crate::config::Detector;
use crate::record::IdSource;

/// Values in parts, so that scanners of repositories do not take them for real keys.
#[derive(Deserialize)]
struct Corpus {
    found: Vec<Positive>,
    nothing: Vec<String>,
}

#[derive(Deserialize)]
struct Positive {
    text: Vec<String>,
    name: String,
    what: String,
    value: String,
}

fn corpus() -> Corpus {
    serde_json::from_str(include_str!("corpus.json")).unwrap()
}

fn all(text: &str, name: &str) -> Vec<(String, &'static str)> {
    let found = find(text, name);
    found.into_iter().map(|f| (text[f.range].to_owned(), f.what.name())).collect()
}

#[test]
fn every_sensitive_value_of_the_corpus_is_found_and_nothing_else() {
    let corpus = corpus();
    let mut counts: BTreeMap<&str, [u32; 3]> = BTreeMap::new();
    let mut wrong = Vec::new();
    for positive in &corpus.found {
        let text = positive.text.concat();
        let found = all(&text, &positive.name);
        let right = found
            .iter()
            .filter(|(value, what)| *what == positive.what && (value.contains(&positive.value)));
        let right = u32::from(right.count() > 0);
        let count =
            counts.entry(Detector::ALL.iter().find(|d| d.name() == positive.what).unwrap().name());
        let count = count.or_default();
        count[0] += right;
        count[1] += 1 - right;
        if right == 0 || found.len() > 1 {
            wrong.push(format!("{text:?} ({}): {found:?}", positive.name));
        }
    }
    for text in &corpus.nothing {
        for (value, what) in all(text, "") {
            counts.entry(what).or_default()[2] += 1;
            wrong.push(format!("{text:?}: {value:?} is taken for {what}"));
        }
    }
    for (what, [found, missed, false_ones]) in &counts {
        println!("{what:<12} found {found:>3}, missed {missed}, false {false_ones}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn ids_hashes_and_times_are_not_taken_for_anything() {
    let mut state = 1_u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state ^ (state >> 29)
    };
    let mut ids = IdSource::new(1_757_837_527_114_000).unwrap();
    for _ in 0..5_000 {
        let (a, b, c, d) = (next(), next(), next(), next());
        let stamp = ids.stamp(1_757_837_527_114_000 + (a % 10_000_000_000) as i64);
        let values = [
            stamp.audit_id(),
            format!("{a:016x}{b:016x}{c:016x}{d:016x}"),
            format!(
                "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
                a >> 32,
                b >> 48,
                c >> 52,
                d >> 52,
                d & 0xffff_ffff_ffff
            ),
            format!("{}", a % 1_000_000_000_000),
            format!("17{:011}", a % 100_000_000_000),
            format!("17{:014}", a % 100_000_000_000_000),
            format!("{}.{}.{}.{}", a % 256, b % 256, c % 256, d % 256),
            format!("0.{}", a),
            format!("toolu_{a:x}{b:x}"),
        ];
        for value in values {
            assert_eq!(all(&value, "id"), [], "{value}");
        }
    }
}

#[test]
fn of_the_events_of_the_demo_only_addresses_are_found() {
    let end = chrono::DateTime::from_timestamp(1_789_373_527, 0).unwrap();
    let events = crate::demo::Generator::new(crate::demo::Options::new(4_000, end)).unwrap();
    let mut found: BTreeMap<&str, u64> = BTreeMap::new();
    for event in events {
        let value: serde_json::Value = serde_json::from_slice(&event).unwrap();
        strings(&value, "", &mut |text, name| {
            for (value, what) in all(text, name) {
                assert!(what == "email", "{name}: {value:?} is taken for {what}");
                *found.entry(what).or_default() += 1;
            }
        });
    }
    assert!(found["email"] > 100, "{found:?}");
}

fn strings(value: &serde_json::Value, name: &str, each: &mut impl FnMut(&str, &str)) {
    use serde_json::Value;

    match value {
        Value::String(text) => each(text, name),
        Value::Array(items) => items.iter().for_each(|item| strings(item, name, each)),
        Value::Object(members) => {
            members.iter().for_each(|(name, item)| strings(item, name, each));
        }
        Value::Number(number) => each(&number.to_string(), name),
        _ => {}
    }
}
