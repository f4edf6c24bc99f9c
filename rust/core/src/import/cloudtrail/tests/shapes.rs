//! The forms of a file, and what is wrong in it.

use serde_json::{Value, json};

use super::super::super::ids;
use super::super::read;
use super::record;

fn two() -> (Value, Value) {
    (record("ec2", "CreateVpc", json!({})), record("iam", "CreateUser", json!({})))
}

#[test]
fn every_form_gives_the_same_events() {
    let (a, b) = two();
    let pretty = serde_json::to_string_pretty(&json!({"x": [1], "Records": [a, b]})).unwrap();
    let starts: Vec<u64> =
        (1..).zip(pretty.lines()).filter(|(_, text)| *text == "    {").map(|(n, _)| n).collect();
    for (form, lines) in [
        (json!({"Records": [a, b]}).to_string(), [1, 1]),
        (json!([a, b]).to_string(), [1, 1]),
        (format!("[\n{a},\n{b}\n]\n"), [2, 3]),
        (format!("{a}\n{b}\n"), [1, 2]),
        (format!("\n{a}\r\n\n{b}"), [2, 4]),
        (format!("{}\n{}", json!({"Records": [a]}), json!([b])), [1, 2]),
        (pretty.clone(), [starts[0], starts[1]]),
        (
            json!({"Events": [{"EventId": "1", "CloudTrailEvent": a.to_string()},
                {"CloudTrailEvent": b.to_string()}]})
            .to_string(),
            [1, 1],
        ),
    ] {
        let import = read("f.json", form.as_bytes());
        assert!(import.skipped.is_empty(), "{form}: {:?}", import.skipped);
        let found: Vec<_> = import.events.iter().map(|e| e.event["cloudtrail"].clone()).collect();
        assert_eq!(found, [a.clone(), b.clone()], "{form}");
        let at: Vec<_> = import.events.iter().map(|event| event.line).collect();
        assert_eq!(at, lines, "{form}");
        let ids: Vec<_> = import.events.iter().map(|event| event.audit_id().to_owned()).collect();
        let expected = ["id-ec2-CreateVpc", "id-iam-CreateUser"]
            .map(|id| ids::audit_id("audit_ct_", &["event", "111122223333", id]));
        assert_eq!(ids, expected);
    }
}

#[test]
fn the_source_names_the_record() {
    let (a, b) = two();
    let import = read("f.json", format!("{{\"Records\":[{a}, {b}]}}").as_bytes());
    let source = &import.events[1].event["source"];
    let expected = json!({"tool": "cloudtrail", "file": "f.json", "line": 1, "record": 1,
        "sha256": ids::sha256_hex(b.to_string().as_bytes())});
    assert_eq!(*source, expected);
    let lines = read("f.jsonl", format!("{a}\n{b}\n").as_bytes());
    let source = &lines.events[1].event["source"];
    assert_eq!((&source["line"], source.get("record")), (&json!(2), None));
}

#[test]
fn a_broken_record_does_not_hide_its_neighbours() {
    let (a, b) = two();
    for (form, told) in [
        (format!("{{\"Records\":[{a},{{\"x\": nope}},{b}]}}"), (1, "[1]")),
        (format!("{{\"Records\":[{a},17,{b}]}}"), (1, "[1]")),
        (format!("[{a},{{\"eventName\":\"x ] }} \\\" y\"}},{b}]"), (1, "[1].eventSource")),
        (format!("{a}\n{{\"cut\": \n{b}\n"), (2, "")),
        (format!("{{\"cut\": \n{a}\n{b}\n"), (1, "")),
        (format!("{a}\nhello\n{b}"), (2, "")),
    ] {
        let import = read("f.json", form.as_bytes());
        assert_eq!(import.events.len(), 2, "{form}");
        let skipped: Vec<_> = import.skipped.iter().map(|s| (s.line, s.path.as_str())).collect();
        assert_eq!(skipped, [told], "{form}");
    }
}

#[test]
fn a_file_that_is_cut_off_gives_what_it_has() {
    let (a, b) = two();
    let whole = format!("{{\"Records\":[{a},{b}]}}");
    let bytes = whole.as_bytes();
    let all = read("f.json", bytes);
    for cut in 0..bytes.len() {
        let part = read("f.json", &bytes[..cut]);
        let count = part.events.len();
        assert_eq!(part.events, all.events[..count], "cut at {cut}");
        let quiet = part.skipped.is_empty();
        // Only the brackets that close the file can be missing unnoticed.
        assert!(!quiet || cut == 0 || cut == bytes.len() - 1, "cut at {cut}");
    }
}

#[test]
fn records_without_what_an_event_needs_are_told() {
    for (key, wrong) in
        [("eventTime", json!("noon")), ("eventTime", Value::Null), ("eventName", json!(3))]
    {
        let record = record("ec2", "CreateVpc", json!({key: wrong}));
        let import = read("f.json", json!([record]).to_string().as_bytes());
        assert!(import.events.is_empty());
        assert_eq!(import.skipped[0].path, format!("[0].{key}"));
    }
    let digest = read("digest.json", br#"{"digestStartTime": "2026-03-01T10:00:00Z"}"#);
    assert_eq!(digest.skipped[0].path, "eventSource");
    assert_eq!(read("empty.json", b" \n").lines, 0);
    assert_eq!(read("text.json", b"hello").skipped.len(), 1);
}

#[test]
fn a_record_without_an_id_is_known_by_its_bytes() {
    let one = record("ec2", "CreateVpc", json!({"eventID": null}));
    let two = record("ec2", "CreateVpc", json!({"eventID": null, "awsRegion": "us-east-1"}));
    let import = read("f.json", json!([one, two, one]).to_string().as_bytes());
    let ids: Vec<_> = import.events.iter().map(|event| event.audit_id()).collect();
    assert_ne!(ids[0], ids[1]);
    assert_eq!(ids[0], ids[2]);
}
