use std::io::Write;

use serde_json::json;

use super::ground::{Ground, jsonl, login};

/// A line that is no event, one of an unknown domain, one that lacks a required field.
const BAD: [&str; 3] =
    ["nonsense", r#"{"event_type":"cooking.boil"}"#, r#"{"event_type":"auth.user_login"}"#];

fn count(ground: &Ground) -> u64 {
    ground.run(&["stats", "-o", "json"]).exits(0).json()["events"].as_u64().unwrap()
}

fn unsealed(ground: &Ground) -> u64 {
    ground.run(&["stats", "-o", "json"]).exits(0).json()["unsealed"].as_u64().unwrap()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}

#[test]
fn files_may_be_plain_gzip_or_zstd_whatever_they_are_called() {
    let ground = Ground::with_trail();
    let text = |minute| jsonl(&[login("ana", minute), login("ben", minute)]);
    ground.write("plain", text(1));
    ground.write("packed", gzip(&text(2)));
    ground.write("also-packed", zstd::encode_all(text(3).as_bytes(), 3).unwrap());
    let done = ground.run(&["record", "plain", "packed", "also-packed"]).exits(0);
    assert_eq!(done.out, "");
    assert!(done.err.starts_with("6 events recorded in "), "{}", done.err);
    assert!(done.err.contains("from 3 files, committed"), "{}", done.err);
    assert_eq!((count(&ground), unsealed(&ground)), (6, 0));
}

#[test]
fn standard_input_is_read_without_a_file_and_for_a_dash() {
    let ground = Ground::with_trail();
    ground.feed(&["record"], jsonl(&[login("ana", 1)]).as_bytes()).exits(0);
    ground.feed(&["record", "-"], &gzip(&jsonl(&[login("ana", 2)]))).exits(0);
    ground.feed(&["record", "--no-commit"], &gzip(&jsonl(&[login("ana", 3)]))).exits(0);
    let packed = zstd::encode_all(jsonl(&[login("ana", 4)]).as_bytes(), 3).unwrap();
    ground.feed(&["record", "--no-commit", "-"], &packed).exits(0);
    assert_eq!(count(&ground), 4);
    ground.run(&["record", "-", "-"]).exits(2);
}

#[test]
fn empty_input_is_no_error() {
    let ground = Ground::with_trail();
    for flags in [&["record"][..], &["record", "--no-commit"]] {
        let done = ground.feed(flags, b"").exits(0);
        assert!(done.err.starts_with("0 events recorded"), "{}", done.err);
        ground.feed(flags, b"\n\n  \n").exits(0);
    }
    assert_eq!(count(&ground), 0);
}

#[test]
fn each_refused_line_is_named_and_every_good_one_kept() {
    for flags in [&["record", "bad"][..], &["record", "--no-commit", "bad"]] {
        let ground = Ground::with_trail();
        let (first, last) = (login("ana", 1), login("ana", 2));
        ground.write("bad", format!("{first}\n{}\n\n{}\n{last}", BAD[0], BAD[1]));
        let done = ground.run(flags).exits(3);
        let told: Vec<&str> = done.err.lines().collect();
        assert!(told[0].starts_with("bad:2: "), "{}", done.err);
        assert!(told[1].starts_with("bad:4: event_type: unknown domain"), "{}", done.err);
        assert!(told[2].starts_with("2 events recorded"), "{}", done.err);
        assert!(told[2].ends_with("; 2 lines refused"), "{}", done.err);
        assert_eq!(told.len(), 3, "{}", done.err);
        assert_eq!(count(&ground), 2);
    }
}

#[test]
fn strict_refuses_what_lenient_notes() {
    let ground = Ground::with_trail();
    let strict = ground.feed(&["record", "--strict"], BAD[2].as_bytes()).exits(3);
    assert!(strict.err.starts_with("-:1: status: "), "{}", strict.err);
    assert_eq!(count(&ground), 0);
    ground.feed(&["record"], BAD[2].as_bytes()).exits(0);
    let noted = ground.run(&["sql", "SELECT attrs ->> 'schema_violations' AS noted FROM events"]);
    assert!(noted.exits(0).lines()[0]["noted"].as_str().unwrap().contains("status"));
}

#[test]
fn without_commit_the_next_writer_commits() {
    let ground = Ground::with_trail();
    let done = ground.feed(&["record", "--no-commit"], jsonl(&[login("ana", 1)]).as_bytes());
    assert!(done.exits(0).err.contains("in the write-ahead log"));
    assert!(ground.files("audit/segments").is_empty());
    assert_eq!((count(&ground), unsealed(&ground)), (1, 1));
    ground.feed(&["record"], jsonl(&[login("ana", 2)]).as_bytes()).exits(0);
    assert_eq!((count(&ground), unsealed(&ground)), (2, 0));
    assert!(!ground.files("audit/segments").is_empty());
}

#[test]
fn repeating_is_safe_and_a_conflict_is_told() {
    let ground = Ground::with_events(&[login("ana", 1)]);
    let again = ground.feed(&["record"], jsonl(&[login("ana", 1)]).as_bytes()).exits(0);
    assert!(again.err.contains("0 events recorded") && again.err.contains("1 recorded before"));
    let mut other = login("ana", 1);
    other["status"] = json!("failure");
    for flags in [&["record"][..], &["record", "--no-commit"]] {
        let conflict = ground.feed(flags, jsonl(std::slice::from_ref(&other)).as_bytes()).exits(3);
        assert!(conflict.err.contains("recorded before with other content"), "{}", conflict.err);
    }
    assert_eq!(count(&ground), 1);
}

#[test]
fn a_wrong_name_in_a_list_keeps_all_of_it_out() {
    let ground = Ground::with_trail();
    ground.write("good", jsonl(&[login("ana", 1)]));
    let done = ground.run(&["record", "good", "missing"]).exits(3);
    assert!(done.err.contains("missing: "), "{}", done.err);
    ground.run(&["record", "good", "home"]).exits(2);
    assert_eq!(count(&ground), 0);
}

#[test]
fn damaged_compression_is_an_error_that_names_the_file() {
    let ground = Ground::with_trail();
    let mut packed = gzip(&jsonl(&[login("ana", 1)]));
    packed.truncate(packed.len() / 2);
    ground.write("cut.gz", packed);
    let done = ground.run(&["record", "cut.gz"]).exits(3);
    assert!(done.err.contains("error: "), "{}", done.err);
}

#[test]
fn a_missing_trail_is_an_error_with_a_hint() {
    let ground = Ground::new();
    let done = ground.feed(&["record"], jsonl(&[login("ana", 1)]).as_bytes()).exits(3);
    assert!(done.err.contains("sealtrail init") && done.err.contains("hint: "), "{}", done.err);
    assert!(!ground.path("audit").exists());
}

#[test]
fn identity_is_filled_in_from_the_configuration() {
    let ground = Ground::with_trail();
    ground.write("sealtrail.yaml", "audit:\n  identity:\n    host: web-1\n    user_id: nobody\n");
    ground.feed(&["record"], jsonl(&[login("ana", 1)]).as_bytes()).exits(0);
    let record = ground.run(&["get", "login-ana-1"]).exits(0).json();
    assert_eq!((&record["host"], &record["user_id"]), (&json!("web-1"), &json!("ana")));
}
