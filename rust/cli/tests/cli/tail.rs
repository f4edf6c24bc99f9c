use std::fs;
use std::io::{self, Write};

use serde_json::Value;

use super::ground::{Ground, jsonl, login};
use super::real::Going;

fn users(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["user_id"].as_str().unwrap()).collect()
}

fn record(ground: &Ground, user: &str, flags: &[&str]) {
    let text = jsonl(&[login(user, 1)]);
    ground.feed(&[&["record", "-"], flags].concat(), text.as_bytes()).exits(0);
}

#[test]
fn the_newest_records_are_those_recorded_last_whatever_their_time() {
    let ground = Ground::with_events(&[login("ana", 50), login("ben", 2)]);
    record(&ground, "cid", &["--no-commit"]);
    let tail = |flags: &[&str]| ground.run(&[&["tail"], flags].concat());
    assert_eq!(users(&tail(&[]).exits(0).lines()).last(), Some(&"cid"));
    assert_eq!(users(&tail(&["-n", "1"]).exits(0).lines()), ["cid"]);
    assert_eq!(tail(&["-n", "all"]).exits(0).lines().len(), 3);
    assert_eq!(users(&tail(&["--user-id", "b*"]).exits(0).lines()), ["ben"]);
    assert_eq!(users(&tail(&["--since", "2026-03-01T10:30:00Z"]).exits(0).lines()), ["ana"]);
    assert_eq!(tail(&["--user-id", "nobody"]).exits(1).out, "");
    tail(&["-n", "many"]).exits(2);
    tail(&["-o", "parquet"]).exits(2);
    tail(&["--where", "1 +"]).exits(2);
    let whole = &tail(&["-n", "1"]).lines()[0];
    let id = whole["audit_id"].as_str().unwrap();
    assert_eq!(whole, &ground.run(&["get", id]).exits(0).json());
}

#[test]
fn a_line_for_people_is_one_line() {
    let mut ground = Ground::with_trail();
    let event = serde_json::json!({
        "event_type": "data.file_read", "agent_id": "a\n\u{1b}[31m", "resource": {"path": "/x"},
        "timestamp": "2026-03-01T10:00:00Z", "audit_id": "odd"
    });
    ground.feed(&["record", "-"], jsonl(&[event]).as_bytes()).exits(0);
    ground.terminal = true;
    let out = ground.run(&["tail"]).exits(0).out;
    assert_eq!(out.lines().count(), 1, "{out:?}");
    for part in ["2026-03-01T10:00:00.000Z", "data.file_read", "/x", "odd", "\\n\\u001b"] {
        assert!(out.contains(part), "{part} in {out:?}");
    }
}

#[test]
fn a_cursor_file_goes_on_where_the_last_run_stopped() {
    let ground = Ground::with_events(&[login("ana", 1)]);
    let tail = |flags: &[&str]| ground.run(&[&["tail", "--cursor-file", "here"], flags].concat());
    assert_eq!(users(&tail(&[]).exits(0).lines()), ["ana"]);
    tail(&[]).exits(1);
    record(&ground, "ben", &["--no-commit"]);
    assert_eq!(users(&tail(&[]).exits(0).lines()), ["ben"]);
    // What is passed over by a filter is passed over.
    record(&ground, "cid", &[]);
    tail(&["--user-id", "nobody"]).exits(1);
    record(&ground, "dan", &[]);
    assert_eq!(users(&tail(&[]).exits(0).lines()), ["dan"]);
    fs::write(ground.path("here"), "{}").unwrap();
    assert!(tail(&[]).exits(2).err.contains("no cursor"));
}

#[test]
fn following_prints_each_record_once_over_logs_and_commits() {
    let ground = Ground::with_events(&[login("ana", 1)]);
    let going =
        Going::start(&ground, &["tail", "-f", "--event-type", "auth.*", "--cursor-file", "c"]);
    let mut seen = vec![going.next()];
    for (user, flags) in [("ben", &["--no-commit"][..]), ("cid", &["--no-commit"]), ("dan", &[])] {
        record(&ground, user, flags);
        seen.push(going.next());
    }
    let other = r#"{"event_type":"system.backup"}"#;
    ground.feed(&["record", "-"], other.as_bytes()).exits(0);
    record(&ground, "eve", &[]);
    seen.push(going.next());
    let (code, rest) = going.interrupt();
    assert_eq!((code, rest.len()), (Some(130), 0));
    assert_eq!(users(&seen), ["ana", "ben", "cid", "dan", "eve"]);
    record(&ground, "fay", &[]);
    let going = Going::start(&ground, &["tail", "-f", "--cursor-file", "c"]);
    assert_eq!(going.next()["user_id"], "fay");
    assert_eq!(going.interrupt().0, Some(130));
}

#[test]
fn the_cursor_stays_when_the_output_could_not_be_written() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let ground = Ground::with_events(&[login("ana", 1)]);
    let tail = ["tail", "--cursor-file", "here"];
    ground.run(&tail).exits(0);
    record(&ground, "ben", &[]);
    assert_eq!(ground.run_into(&tail, b"", Full, io::sink()), 3);
    assert_eq!(users(&ground.run(&tail).exits(0).lines()), ["ben"]);
}

#[test]
fn its_own_questions_are_shown_in_no_run_and_those_of_others_are() {
    let mut ground = Ground::with_events(&[login("ana", 1)]);
    ground.set("SEALTRAIL_ACCESS_AUDIT", "best_effort");
    let tail = ["tail", "--cursor-file", "here"];
    assert_eq!(users(&ground.run(&tail).exits(0).lines()), ["ana"]);
    for _ in 0..3 {
        ground.run(&tail).exits(1);
    }
    ground.run(&["sql", "SELECT user_id FROM events"]).exits(0);
    let seen = ground.run(&tail).exits(0).lines();
    let types: Vec<&str> = seen.iter().map(|one| one["event_type"].as_str().unwrap()).collect();
    assert_eq!(types, ["system.audit_access"; 2]);
    ground.run(&tail).exits(1);
}
