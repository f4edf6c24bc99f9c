//! `get` and `stats`.

use serde_json::json;

use super::ground::{Ground, login};

#[test]
fn a_record_is_given_as_it_was_signed() {
    let mut ground = Ground::with_events(&[login("ana", 1), login("ben", 2)]);
    let got = ground.run(&["get", "login-ben-2"]).exits(0);
    assert_eq!(got.out.lines().count(), 1);
    assert!(got.out.starts_with(r#"{"audit_id":"login-ben-2","event_type":"#), "{}", got.out);
    assert_eq!(got.json()["user_id"], "ben");
    let line = ground.run(&["get", "login-ben-2", "-o", "jsonl"]).exits(0);
    assert_eq!(line.out, got.out);
    ground.terminal = true;
    let indented = ground.run(&["get", "login-ben-2"]).exits(0);
    assert!(indented.out.starts_with("{\n  \"audit_id\""), "{}", indented.out);
    assert_eq!(indented.json(), got.json());
    assert_eq!(ground.run(&["get", "login-ben-2", "-o", "jsonl"]).exits(0).out, got.out);
}

#[test]
fn a_table_has_a_row_for_each_value() {
    let mut event = login("ana", 1);
    event["nested"] = json!({"list": [1, {"deep": "x"}], "none": {}, "null": null});
    let ground = Ground::with_events(&[event]);
    let table = ground.run(&["get", "login-ana-1", "-o", "table"]).exits(0).out;
    let rows: Vec<Vec<&str>> = table.lines().map(|l| l.split_whitespace().collect()).collect();
    for want in [
        ["nested.list[0]", "1"],
        ["nested.list[1].deep", "x"],
        ["nested.none", "{}"],
        ["nested.null", "null"],
        ["user_id", "ana"],
    ] {
        assert!(rows.contains(&want.to_vec()), "{want:?} in {table}");
    }
}

#[test]
fn an_unknown_id_is_exit_code_one() {
    let ground = Ground::with_events(&[login("ana", 1)]);
    let got = ground.run(&["get", "login-ana-2"]).exits(1);
    assert_eq!(got.out, "");
    assert!(got.err.contains("login-ana-2"), "{}", got.err);
    ground.run(&["get"]).exits(2);
}

#[test]
fn a_record_that_is_not_committed_yet_is_found() {
    let ground = Ground::with_trail();
    ground.feed(&["record", "--no-commit"], login("ana", 1).to_string().as_bytes()).exits(0);
    assert_eq!(ground.run(&["get", "login-ana-1"]).exits(0).json()["user_id"], "ana");
}

#[test]
fn a_terminal_is_not_sent_what_a_record_says() {
    let mut event = login("ana", 1);
    event["note"] = json!("\u{1b}[2J\u{9b}31m");
    let mut ground = Ground::with_events(&[event]);
    ground.terminal = true;
    for form in ["table", "json", "jsonl"] {
        let shown = ground.run(&["get", "login-ana-1", "-o", form]).exits(0).out;
        assert!(!shown.contains('\u{1b}') && !shown.contains('\u{9b}'), "{shown:?}");
    }
    let table = ground.run(&["sql", "SELECT attrs ->> 'note' AS note FROM events"]).exits(0).out;
    assert!(!table.contains('\u{1b}') && !table.contains('\u{9b}'), "{table:?}");
    ground.terminal = false;
    let bytes = ground.run(&["get", "login-ana-1"]).exits(0);
    assert_eq!(bytes.json()["note"], "\u{1b}[2J\u{9b}31m");
}

#[test]
fn stats_count_what_is_there() {
    let mut ground = Ground::with_events(&[login("ana", 1), login("ben", 59)]);
    let stats = ground.run(&["stats"]).exits(0).json();
    assert_eq!(stats["events"], 2);
    assert_eq!(stats["domains"]["auth"]["events"], 2);
    assert_eq!(stats["first"], "2026-03-01T10:01:00.000Z");
    assert_eq!(stats["last"], "2026-03-01T10:59:00.000Z");
    ground.terminal = true;
    let table = ground.run(&["stats"]).exits(0).out;
    assert!(table.lines().any(|line| line.split_whitespace().eq(["events", "2"])), "{table}");
    let empty = Ground::with_trail();
    assert_eq!(empty.run(&["stats", "-o", "json"]).exits(0).json()["events"], 0);
    empty.run(&["stats", "-o", "table"]).exits(0);
}
