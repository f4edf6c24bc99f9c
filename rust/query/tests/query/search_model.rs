//! Random filters over random records, against the same question asked of their JSON.
#![allow(clippy::panic)]

use proptest::prelude::*;
use sealtrail_query::search::{FIELDS, FieldKind, Filter, Search, Window};
use serde_json::{Value, json};

use crate::common::{TestTrail, record};
use crate::search::found;

const TYPES: [&str; 6] = [
    "auth.user_login",
    "auth.permission_granted",
    "agent.spawned",
    "data.file_read",
    "workflow.error",
    "system.custom",
];
const WORDS: [&str; 9] = ["ana", "ben", "bot_1", "10.0.0.1", "", "a*", "it's", "success", "fail"];
const PATHS: [&str; 14] = [
    "user_id",
    "modified_by",
    "agent_id",
    "session_id",
    "user_context.session_id",
    "source_ip",
    "status",
    "result.status",
    "severity",
    "grantee",
    "requested_by",
    "delegation_chain",
    "extra.x",
    "resource.path",
];

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => prop::sample::select(&WORDS[..]).prop_map(|word| json!(word)),
        1 => prop::sample::select(vec![json!(5), json!(null), json!(true), json!(1.5)]),
        1 => Just(json!(["ana", "bot_1"])),
        1 => Just(json!("error")),
    ]
}

fn event() -> impl Strategy<Value = Value> {
    let members = prop::collection::vec((prop::sample::select(&PATHS[..]), value()), 0..6);
    (prop::sample::select(&TYPES[..]), members).prop_map(|(event_type, members)| {
        let mut event = json!({"event_type": event_type});
        for (path, value) in members {
            match path.split_once('.') {
                Some((object, name)) => {
                    if !event[object].is_object() {
                        event[object] = json!({});
                    }
                    event[object][name] = value;
                }
                None => event[path] = value,
            }
        }
        event
    })
}

/// A value of a filter: pattern text, whether it is negated, and what it matches.
#[derive(Debug, Clone)]
struct Wanted {
    text: String,
    negated: bool,
    parts: Vec<String>,
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let word = prop::sample::select(vec![
        "ana", "ben", "bot", "a*", "s", "success", "10.0.0.1", "failure",
    ]);
    (word, any::<bool>(), any::<bool>(), prop::bool::weighted(0.3)).prop_map(
        |(word, before, after, negated)| {
            let mut parts = vec![word.to_owned()];
            if before {
                parts.insert(0, String::new());
            }
            if after {
                parts.push(String::new());
            }
            let escaped: Vec<String> = parts.iter().map(|part| part.replace('*', "\\*")).collect();
            let sign = if negated { "!" } else { "" };
            Wanted { text: format!("{sign}{}", escaped.join("*")), negated, parts }
        },
    )
}

impl Wanted {
    fn matches(&self, text: &str) -> bool {
        match self.parts.as_slice() {
            [only] => text == only,
            [first, last] if first.is_empty() => text.ends_with(last.as_str()),
            [first, _] => text.starts_with(first.as_str()),
            [_, middle, _] => text.contains(middle.as_str()),
            _ => unreachable!(),
        }
    }
}

#[derive(Debug, Clone)]
struct Question {
    fields: Vec<(usize, Vec<Wanted>)>,
    severity: Option<&'static str>,
    word: Option<&'static str>,
    number: Option<i64>,
    window: (Option<usize>, Option<usize>),
}

fn question() -> impl Strategy<Value = Question> {
    let field = (0..FIELDS.len(), prop::collection::vec(wanted(), 1..3));
    (
        prop::collection::vec(field, 0..2),
        prop::option::weighted(0.2, prop::sample::select(vec!["debug", "warning", "error"])),
        prop::option::weighted(0.2, prop::sample::select(vec!["AN", "0.0", "5", "'", "user_id"])),
        prop::option::weighted(0.2, 0..7_i64),
        (prop::option::weighted(0.3, 0..30_usize), prop::option::weighted(0.3, 30..60_usize)),
    )
        .prop_map(|(mut fields, severity, word, number, window)| {
            fields.dedup_by_key(|(index, _)| *index);
            Question { fields, severity, word, number, window }
        })
}

fn time_of(minute: usize) -> i64 {
    let time = format!("2026-03-01T00:{minute:02}:00Z");
    sealtrail_query::search::times::moment(&time, 0).unwrap()
}

impl Question {
    fn filter(&self) -> Filter {
        let mut filter = Filter {
            severity_min: self.severity.map(str::to_owned),
            text: self.word.map(str::to_owned).into_iter().collect(),
            window: Window { since: self.window.0.map(time_of), until: self.window.1.map(time_of) },
            ..Filter::default()
        };
        for (index, wanted) in &self.fields {
            filter = filter.field(FIELDS[*index].name, wanted.iter().map(|w| w.text.as_str()));
        }
        match self.number {
            Some(number) => filter.condition_of(format!("extra.x >= {number}")),
            None => filter,
        }
    }

    fn meets(&self, record: &Value, minute: usize) -> bool {
        let fields = self.fields.iter().all(|(index, wanted)| {
            let texts = texts(record, *index);
            let any = |negated: bool| {
                let of = wanted.iter().filter(|w| w.negated == negated);
                of.clone().any(|w| texts.iter().any(|text| w.matches(text)))
            };
            (wanted.iter().all(|w| w.negated) || any(false)) && !any(true)
        });
        let number = self
            .number
            .is_none_or(|least| record["extra"]["x"].as_f64().is_some_and(|x| x >= least as f64));
        fields
            && number
            && self.severity.is_none_or(|least| severity(record) >= rank(least))
            && self.word.is_none_or(|word| has(record, &word.to_lowercase()))
            && self.window.0.is_none_or(|since| minute >= since)
            && self.window.1.is_none_or(|until| minute < until)
    }
}

fn rank(severity: &str) -> i32 {
    let all = ["debug", "info", "warning", "error", "critical"];
    all.iter().position(|s| *s == severity).map_or(-1, |rank| rank as i32)
}

fn severity(record: &Value) -> i32 {
    match record["severity"].as_str() {
        Some(severity) => rank(severity),
        None => rank(match record["event_type"].as_str().unwrap() {
            "workflow.error" => "error",
            _ => "info",
        }),
    }
}

fn has(value: &Value, word: &str) -> bool {
    match value {
        Value::Object(members) => members.values().any(|value| has(value, word)),
        Value::Array(items) => items.iter().any(|value| has(value, word)),
        Value::Null => false,
        Value::String(text) => text.to_lowercase().contains(word),
        other => other.to_string().contains(word),
    }
}

/// The texts of a record at the places of a logical field.
fn texts(record: &Value, index: usize) -> Vec<String> {
    let field = &FIELDS[index];
    let domain = record["event_type"].as_str().unwrap().split('.').next().unwrap();
    let mut texts = Vec::new();
    for place in field.places.iter().filter(|place| place.domain.is_none_or(|d| d == domain)) {
        match place.path {
            "domain" => texts.push(domain.to_owned()),
            "outcome" => {
                let present = |value: &Value| {
                    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
                };
                let word = present(&record["status"]).or(present(&record["result"]["status"]));
                texts.push(
                    match word.as_deref() {
                        Some("success") => "success",
                        Some("fail" | "error") => "failure",
                        _ => "unknown",
                    }
                    .to_owned(),
                );
            }
            path => {
                let (path, list) =
                    path.split_once("[]").map_or((path, None), |(p, m)| (p, Some(m)));
                let value = record.pointer(&format!("/{}", path.replace('.', "/")));
                match (value, list) {
                    (Some(Value::String(text)), None) => texts.push(text.clone()),
                    (Some(Value::Array(items)), Some("")) => {
                        texts.extend(items.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    _ => {}
                }
            }
        }
    }
    if field.kind == FieldKind::Address {
        // The generated addresses have one form only.
        texts.dedup();
    }
    texts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_search_finds_what_the_records_say(
        events in prop::collection::vec(event(), 1..40),
        questions in prop::collection::vec(question(), 1..8),
        reverse: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let records: Vec<Value> =
                events.into_iter().enumerate().map(|(n, members)| record(n, members)).collect();
            let mut trail = TestTrail::new();
            let (a, b) = (records.len() / 3, records.len() * 2 / 3);
            for part in [&records[..a], &records[a..b]] {
                if !part.is_empty() {
                    trail.segment(part).await;
                }
            }
            trail.unflushed(&records[b..]);
            for question in &questions {
                let search = Search { reverse, ..Search::new(question.filter()) };
                let found = found(&mut trail, &search).await;
                let mut expected: Vec<Value> = records
                    .iter()
                    .enumerate()
                    .filter(|(minute, record)| question.meets(record, *minute))
                    .map(|(_, record)| record.clone())
                    .collect();
                if reverse {
                    expected.reverse();
                }
                assert_eq!(found, expected, "{question:?} {:?}", question.filter().condition());
            }
        });
    }
}
