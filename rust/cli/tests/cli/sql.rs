use std::fs;

use serde_json::json;

use super::ground::{Ground, jsonl, login};

const USERS: &str = "SELECT user_id, timestamp FROM auth_events ORDER BY timestamp";

fn two() -> Ground {
    Ground::with_events(&[login("ana", 1), login("ben", 2)])
}

#[test]
fn a_pipe_gets_lines_and_a_terminal_a_table() {
    let mut ground = two();
    let lines = ground.run(&["sql", USERS]).exits(0).lines();
    assert_eq!(lines[1], json!({"user_id": "ben", "timestamp": "2026-03-01T10:02:00.000Z"}));
    ground.terminal = true;
    let table = ground.run(&["sql", USERS]).exits(0).out;
    assert_eq!(table.lines().count(), 4, "{table}");
    assert!(table.lines().nth(2).unwrap().starts_with("ana  "), "{table}");
}

#[test]
fn every_format_has_both_rows() {
    let ground = two();
    let of = |format: &str| ground.run(&["sql", USERS, "-o", format]).exits(0);
    assert_eq!(of("json").json().as_array().unwrap().len(), 2);
    assert_eq!(of("jsonl").lines().len(), 2);
    assert_eq!(of("csv").out.lines().next(), Some("user_id,timestamp"));
    assert_eq!(of("csv").out.lines().count(), 3);
    assert!(of("table").out.contains("ben"));
    ground.run(&["sql", USERS, "-o", "yaml"]).exits(2);
}

#[test]
fn a_file_takes_the_place_of_standard_output() {
    let mut ground = two();
    let done = ground.run(&["sql", USERS, "-o", "parquet", "--output-file", "out.parquet"]);
    assert_eq!(done.exits(0).out, "");
    let bytes = fs::read(ground.path("out.parquet")).unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    ground.terminal = true;
    ground.run(&["sql", USERS, "--output-file", "out.jsonl"]).exits(0);
    assert_eq!(fs::read_to_string(ground.path("out.jsonl")).unwrap().lines().count(), 2);
    ground.run(&["sql", USERS, "-o", "parquet"]).exits(2);
    ground.run(&["sql", USERS, "--output-file", "no/such/folder"]).exits(3);
}

#[test]
fn parameters_are_bound_by_place_and_by_name() {
    let ground = two();
    let who = |sql: &str, params: &[&str]| {
        let flags: Vec<&str> = params.iter().flat_map(|param| ["--param", param]).collect();
        ground.run(&[&["sql", sql][..], &flags].concat())
    };
    let place = "SELECT user_id FROM auth_events WHERE user_id = $1";
    assert_eq!(who(place, &["ben"]).exits(0).lines(), [json!({"user_id": "ben"})]);
    let name = "SELECT user_id FROM auth_events WHERE user_id = $who";
    assert_eq!(who(name, &["who=ana"]).exits(0).lines(), [json!({"user_id": "ana"})]);
    assert_eq!(who("SELECT $1 + 1 AS n", &["-3"]).exits(0).lines(), [json!({"n": -2})]);
    who(place, &[]).exits(2);
    who(place, &["a", "b"]).exits(2);
    who(place, &["' OR true --"]).exits(1);
}

#[test]
fn the_statement_may_come_from_a_file_or_standard_input() {
    let ground = two();
    ground.write("question.sql", USERS);
    assert_eq!(ground.run(&["sql", "-f", "question.sql"]).exits(0).lines().len(), 2);
    assert_eq!(ground.feed(&["sql", "-"], USERS.as_bytes()).exits(0).lines().len(), 2);
    ground.run(&["sql", "-f", "missing.sql"]).exits(3);
    ground.run(&["sql", USERS, "-f", "question.sql"]).exits(2);
    ground.run(&["sql"]).exits(2);
    ground.feed(&["sql", "-"], b"").exits(2);
}

#[test]
fn no_rows_is_exit_code_one() {
    let ground = two();
    let none = "SELECT user_id FROM auth_events WHERE user_id = 'carl'";
    assert_eq!(ground.run(&["sql", none]).exits(1).out, "");
    assert_eq!(ground.run(&["sql", none, "-o", "json"]).exits(1).json(), json!([]));
    let empty = Ground::with_trail();
    assert_eq!(empty.run(&["sql", "SELECT count(*) AS n FROM events"]).lines(), [json!({"n": 0})]);
}

#[test]
fn errors_point_at_their_place() {
    let ground = two();
    let wrong = ground.run(&["sql", "SELECT user_idd FROM events"]).exits(2);
    assert_eq!(wrong.out, "");
    assert!(wrong.err.starts_with("error: "), "{}", wrong.err);
    assert!(wrong.err.contains("line 1, column 8"), "{}", wrong.err);
}

#[test]
fn nothing_can_be_written() {
    let ground = two();
    for sql in ["DELETE FROM events", "CREATE TABLE t AS SELECT 1", "COPY events TO 'x.csv'"] {
        ground.run(&["sql", sql]).exits(2);
    }
    assert!(!ground.path("x.csv").exists());
}

#[test]
fn records_that_are_not_committed_yet_are_seen() {
    let ground = two();
    ground.feed(&["record", "--no-commit"], login("carl", 3).to_string().as_bytes()).exits(0);
    assert_eq!(ground.run(&["sql", USERS]).lines().len(), 3);
}

#[test]
fn timing_is_told_on_standard_error() {
    let timed = two().run(&["sql", USERS, "--timing"]).exits(0);
    assert!(timed.err.starts_with("2 rows in "), "{}", timed.err);
    assert_eq!(timed.lines().len(), 2);
}

#[test]
fn the_trail_is_asked_as_it_was() {
    let ground = two();
    ground.feed(&["record"], jsonl(&[login("cid", 3)]).as_bytes()).exits(0);
    let at = |moment: &str| ground.run(&["sql", USERS, "--at", moment]);
    assert_eq!(at("3").exits(0).lines().len(), 2);
    assert_eq!(at("2254-01-01T00:00:00Z").exits(0).lines().len(), 3);
    assert!(at("2999-01-01T00:00:00Z").exits(2).err.contains("1970 to 2254"));
    at("1").exits(1);
    assert!(at("99").exits(2).err.contains("1 to 4 ledger entries"));
    assert!(at("2020-01-01T00:00:00Z").exits(2).err.contains("was made later"));
    assert!(at("yesterday").exits(2).err.contains("no moment"));
}

#[test]
fn tables_of_the_user_join() {
    let ground = two();
    ground.write("staff.csv", "user_id,team\nana,claims\n");
    let sql = "SELECT team FROM auth_events JOIN staff USING (user_id)";
    let rows = ground.run(&["sql", sql, "--table", "staff=staff.csv"]).exits(0).lines();
    assert_eq!(rows, [json!({"team": "claims"})]);
    let missing = ground.run(&["sql", sql, "--table", "staff=absent.csv"]).exits(3);
    assert!(missing.err.contains("absent.csv"), "{}", missing.err);
    let taken = ground.run(&["sql", sql, "--table", "events=staff.csv"]).exits(2);
    assert!(taken.err.contains("this is a view's name"), "{}", taken.err);
    ground.run(&["sql", sql, "--table", "staff.csv"]).exits(2);
}
