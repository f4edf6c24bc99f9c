//! Trails that nobody falsified: whatever was recorded, there is nothing to find.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::maker::{Maker, event, verify_in};
use crate::config::{Config, Home};
use crate::record::Strictness;
use crate::storage::Storage;
use crate::trail::{InitOptions, LoadOptions, OpenOptions, Settings, Trail, init};
use crate::verify::{Level, Report, Trust, Verdict};

fn assert_sound(report: &Report) {
    assert_eq!(report.findings, [], "{report}");
    assert_eq!(report.verdict, Verdict::Verified);
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Value::from),
        any::<f64>()
            .prop_filter("finite", |f| f.is_finite() && f.abs() < 9e15)
            .prop_map(Value::from),
        "[ -~]{0,6}|\\PC{0,4}".prop_map(Value::String),
        Just(json!("2026-02-01T00:00:00.000Z")),
    ];
    let name = prop_oneof![
        "a|b|c|a_b|user_id|resource|path|size_bytes|result|status|cost_usd|é|\"|\\\\|\n|😀|_x|tool",
        "\\PC{0,3}"
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            4 => prop::collection::btree_map(name.clone(), inner, 0..6)
                .prop_map(|m| Value::Object(m.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_records_are_verified(values in prop::collection::vec(value(), 2..30), close in any::<bool>()) {
        let mut maker = Maker::new();
        let mut events = Vec::new();
        for (i, value) in values.into_iter().enumerate() {
            let mut of = event(i as u64, ["data.x", "auth.y"][i % 2]);
            of["audit_id"] = format!("id{i}").into();
            if let (Value::Object(of), Value::Object(more)) = (&mut of, &value) {
                for (name, value) in more {
                    of.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
            of["user_id"] = value;
            events.push(of);
        }
        let (first, second) = events.split_at(events.len() / 2);
        maker.append(first, close);
        maker.append(second, false);
        let report = maker.verify(true);
        prop_assert!(report.findings.is_empty(), "{}", report);
    }
}

struct Place {
    dir: tempfile::TempDir,
    url: String,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = dir.path().join("audit").display().to_string();
        Self { dir, url }
    }

    fn home(&self) -> Home {
        Home::at(&self.dir.path().join("home"))
    }

    async fn open(&self) -> Trail {
        let settings = Settings::from_config(&Config::default(), &self.url);
        Trail::open(&self.url, OpenOptions::new(self.home(), settings)).await.unwrap()
    }
}

fn trust(trail: &Trail) -> Trust {
    let owner = trail.owner_key().unwrap();
    Trust { secret: Some(owner.clone()), ..Trust::owner(owner.public()) }
}

/// Verifies on a thread of its own, as `verify_in` must not run inside the runtime.
fn verified(trail: &Trail, level: Level) -> Report {
    let (storage, trust): (Storage, Trust) = (trail.storage().clone(), trust(trail));
    std::thread::spawn(move || verify_in(&storage, &trust, level)).join().unwrap()
}

#[tokio::test]
async fn what_a_writer_commits_is_verified() {
    let place = Place::new();
    let options = InitOptions { epoch_seconds: 1, by_day: true, ..InitOptions::new(place.home()) };
    init(&place.url, &options).await.unwrap();
    let trail = place.open().await;
    assert_sound(&verified(&trail, Level::Deep));
    for line in include_str!("../../catalogue/examples.jsonl").lines() {
        trail.record(line.as_bytes(), Strictness::Strict).await.unwrap();
    }
    trail.flush().await.unwrap();
    // Into the next epochs, some of them empty.
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    let odd = br#"{"event_type":"data.x","n":123456789012345678901,"nested":{"a":{"b":[1,{"c":1e400}]}},"result":"text"}"#;
    trail.record(odd, Strictness::Lenient).await.unwrap();
    trail.close(true).await.unwrap();
    let trail = place.open().await;
    let lines: String = (0..3000)
        .map(|i| {
            let n = if i % 7 == 0 { format!("\"{i}\"") } else { format!("{}.5", i) };
            format!(
                "{{\"event_type\":\"workflow.own_{}\",\"n\":{n},\"who\":{{\"id\":{i}}}}}\n",
                i % 3
            )
        })
        .collect();
    let input = Box::new(std::io::Cursor::new(lines.into_bytes()));
    trail.load(input, &LoadOptions::default()).await.unwrap();
    trail.close(true).await.unwrap();
    let report = verified(&trail, Level::Deep);
    assert_sound(&report);
    assert_eq!(report.checked.records, report.committed);
    assert!(report.checked.epoch_seals >= 1, "{report}");
    assert_sound(&verified(&trail, Level::Quick));
}
