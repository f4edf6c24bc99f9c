use serde_json::{Value, json};

use super::ground::{Ground, jsonl};

const SESSION: &str = "11111111-2222-4333-8444-555555555555";

fn line(second: u32, mut more: Value) -> Value {
    more["sessionId"] = SESSION.into();
    more["timestamp"] = format!("2026-03-01T10:00:{second:02}.000Z").into();
    more["uuid"] = format!("uuid-{second}").into();
    more["cwd"] = "/home/ana/shop".into();
    more["version"] = "2.1.33".into();
    more
}

/// A prompt, a read with its result, and an answer.
fn transcript() -> Vec<Value> {
    let answer = |id: &str, stop: Value, block: Value| {
        json!({"type": "assistant", "message": {"id": id, "role": "assistant", "model": "model-x",
            "stop_reason": stop, "content": [block],
            "usage": {"input_tokens": 3, "output_tokens": 9}}})
    };
    let call = json!({"type": "tool_use", "id": "tool-1", "name": "Read",
        "input": {"file_path": "/home/ana/shop/a.csv"}});
    let result = json!({"type": "tool_result", "tool_use_id": "tool-1", "content": "secret text"});
    vec![
        line(0, json!({"type": "user", "message": {"role": "user", "content": "go"}})),
        line(1, answer("msg-1", json!("tool_use"), call)),
        line(2, json!({"type": "user", "message": {"role": "user", "content": [result]}})),
        line(3, answer("msg-2", json!("end_turn"), json!({"type": "text", "text": "done"}))),
        line(4, json!({"type": "user", "message": {"role": "user", "content": "thanks"}})),
    ]
}

fn cloudtrail() -> String {
    json!({"Records": [{
        "eventVersion": "1.08", "eventID": "id-1", "eventTime": "2026-03-01T10:00:00Z",
        "eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin",
        "awsRegion": "eu-west-1", "sourceIPAddress": "198.51.100.7", "eventType": "AwsApiCall",
        "userIdentity": {"type": "IAMUser", "userName": "ana"},
        "responseElements": {"ConsoleLogin": "Failure"}, "errorMessage": "Failed authentication",
    }]})
    .to_string()
}

fn types(ground: &Ground) -> Vec<Value> {
    let sql = "SELECT event_type, count(*) AS n FROM events GROUP BY 1 ORDER BY 1";
    ground.run(&["sql", sql]).lines()
}

#[test]
fn a_transcript_is_imported_once_and_grows() {
    let ground = Ground::with_trail();
    let name = format!("projects/shop/{SESSION}.jsonl");
    ground.write(&name, jsonl(&transcript()[..3]));
    let first = ground.run(&["import", "claude-code", "projects"]).exits(0);
    assert_eq!(first.out, "");
    assert!(first.err.contains("from 1 file in "), "{}", first.err);
    let early = types(&ground);
    assert!(early.iter().any(|row| row["event_type"] == "data.file_read"), "{early:?}");

    let again = ground.run(&["import", "claude-code", "projects"]).exits(0);
    assert!(again.err.starts_with("0 new events imported"), "{}", again.err);
    assert_eq!(types(&ground), early);

    ground.write(&name, jsonl(&transcript()));
    ground.run(&["import", "claude-code", &name]).exits(0);
    let sql = "SELECT model, output_tokens FROM workflow_events ORDER BY timestamp";
    let want = json!({"model": "model-x", "output_tokens": 9});
    assert_eq!(ground.run(&["sql", sql]).lines(), [want.clone(), want]);
    ground.run(&["verify-integrity"]).exits(0);
}

#[test]
fn results_are_kept_only_when_asked_for() {
    for (flags, kept) in [(&[][..], false), (&["--include-content"][..], true)] {
        let ground = Ground::with_trail();
        ground.write("session.jsonl", jsonl(&transcript()));
        ground.run(&[&["import", "claude-code", "session.jsonl"], flags].concat()).exits(0);
        let sql = "SELECT event FROM data_events";
        let read = ground.run(&["sql", sql]).exits(0).out;
        assert_eq!(read.contains("secret text"), kept, "{read}");
    }
}

#[test]
fn a_dry_run_records_nothing_and_needs_no_trail() {
    let ground = Ground::new();
    ground.write("trail.json", cloudtrail());
    let dry = ground.run(&["import", "cloudtrail", "trail.json", "--dry-run"]).exits(0);
    assert!(dry.err.contains("no trail yet"), "{}", dry.err);
    assert!(dry.err.contains("1 new event would be imported"), "{}", dry.err);
    assert!(!ground.path("audit").exists());
    ground.run(&["init"]).exits(0);
    ground.run(&["import", "cloudtrail", "trail.json", "--dry-run"]).exits(0);
    assert_eq!(types(&ground), Vec::<Value>::new());
    ground.run(&["import", "cloudtrail", "trail.json"]).exits(0);
    let dry = ground.run(&["import", "cloudtrail", "trail.json", "--dry-run"]).exits(0);
    assert!(dry.err.contains("0 new events") && dry.err.contains("1 known already"));
}

#[test]
fn a_failed_sign_in_is_one() {
    let ground = Ground::with_trail();
    ground.write("logs/a.json", cloudtrail());
    ground.run(&["import", "cloudtrail", "logs"]).exits(0);
    let sql = "SELECT event_type, outcome, source_ip FROM events";
    let want = json!({"event_type": "auth.user_login", "outcome": "failure",
        "source_ip": "198.51.100.7"});
    assert_eq!(ground.run(&["sql", sql]).lines(), [want]);
}

#[test]
fn the_configured_identity_is_not_that_of_imported_events() {
    let ground = Ground::with_trail();
    ground.write("sealtrail.yaml", "audit:\n  identity:\n    host: web-1\n");
    ground.write("trail.json", cloudtrail());
    ground.run(&["import", "cloudtrail", "trail.json"]).exits(0);
    let events = ground.run(&["sql", "SELECT event FROM events"]).exits(0).out;
    assert!(!events.contains("web-1"), "{events}");
}

#[test]
fn lines_that_cannot_be_read_are_told_and_the_rest_is_imported() {
    let ground = Ground::with_trail();
    let good = jsonl(&transcript());
    ground.write("session.jsonl", format!("not json\n{good}"));
    let done = ground.run(&["import", "claude-code", "session.jsonl"]).exits(3);
    assert!(done.err.contains("session.jsonl:1: "), "{}", done.err);
    assert!(done.err.contains("1 line skipped"), "{}", done.err);
    assert!(!types(&ground).is_empty());
}

#[test]
fn what_is_not_there_is_an_error() {
    let ground = Ground::with_trail();
    ground.run(&["import", "cloudtrail", "nowhere"]).exits(3);
    ground.run(&["import", "cloudtrail"]).exits(2);
    ground.run(&["import", "minitel", "."]).exits(2);
}
