use std::fs;

use serde_json::{Value, json};

use super::ground::Ground;

const BRUTE_FORCE: &str = "auth.user_login[status=fail]{3,} auth.user_login[status=success]";

fn login(minute: u32, status: &str, ip: &str) -> Value {
    json!({
        "event_type": "auth.user_login",
        "timestamp": format!("2026-03-01T10:{minute:02}:00Z"),
        "status": status,
        "source_ip": ip,
        "user_id": if ip == "203.0.113.9" { "mira" } else { "noor" },
    })
}

fn attacked() -> Ground {
    let fails = (0..4).map(|minute| login(minute, "fail", "203.0.113.9"));
    let others = [login(4, "success", "203.0.113.9"), login(5, "success", "203.0.113.1")];
    Ground::with_events(&fails.chain(others).collect::<Vec<_>>())
}

fn sequence<'a>(text: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["search", "--sequence", text, "--within-seconds", "300"], more].concat()
}

#[test]
fn a_match_is_a_line_and_the_key_is_told() {
    let ground = attacked();
    let done = ground.run(&sequence(BRUTE_FORCE, &[])).exits(0);
    let lines = done.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["by"], json!({"source_ip": "203.0.113.9"}));
    assert_eq!(lines[0]["steps"], json!([1, 1, 1, 1, 2]));
    assert_eq!(lines[0]["events"][4]["user_id"], "mira");
    assert!(done.err.contains("sequences by source_ip; --by says otherwise"), "{}", done.err);
    let named = ground.run(&sequence(BRUTE_FORCE, &["--by", "source_ip,user_id"])).exits(0);
    assert_eq!(named.lines()[0]["by"], json!({"source_ip": "203.0.113.9", "user_id": "mira"}));
    assert!(!named.err.contains("sequences by"), "{}", named.err);
}

#[test]
fn every_format_and_a_file() {
    let mut ground = attacked();
    let with = |ground: &Ground, more: &[&str]| ground.run(&sequence(BRUTE_FORCE, more)).exits(0);
    assert_eq!(with(&ground, &["-o", "json"]).json()[0]["match"], 1);
    let csv = with(&ground, &["-o", "csv", "--fields", "user_id"]).out;
    assert_eq!(csv.lines().next(), Some("match,step,by_source_ip,user_id"));
    assert_eq!(csv.lines().count(), 6);
    assert_eq!(with(&ground, &["--count"]).out, "{\"count\":1}\n");
    with(&ground, &["-o", "parquet", "--output-file", "found.parquet"]);
    assert!(fs::read(ground.path("found.parquet")).unwrap().starts_with(b"PAR1"));
    ground.terminal = true;
    let table = with(&ground, &[]).out;
    assert!(table.starts_with("match  step  by_source_ip"), "{table}");
    assert_eq!(table.lines().count(), 7);
}

#[test]
fn the_other_flags_say_which_events_take_part() {
    let ground = attacked();
    ground.run(&sequence(BRUTE_FORCE, &["--user-id", "noor"])).exits(1);
    let late = ground.run(&sequence(BRUTE_FORCE, &["--since", "2026-03-01T10:01:00Z"])).exits(0);
    assert_eq!(late.lines()[0]["steps"], json!([1, 1, 1, 2]));
    let pairs = sequence("auth.user_login{2}", &["-n", "1"]);
    assert_eq!(ground.run(&pairs).exits(0).lines().len(), 1);
}

#[test]
fn wrong_usage_is_pointed_at() {
    let ground = attacked();
    let wrong = ground.run(&sequence("auth.user_login[status=fail]{3,2}", &[])).exits(2);
    assert!(wrong.err.contains("2 is less than 3"), "{}", wrong.err);
    assert!(wrong.err.contains("auth.user_login[status=fail]{3,2}\n"), "{}", wrong.err);
    assert_eq!(wrong.err.lines().last().unwrap().find('^'), Some(31), "{}", wrong.err);
    ground.run(&["search", "--sequence", "auth.user_login"]).exits(2);
    ground.run(&["search", "--by", "actor"]).exits(2);
    ground.run(&sequence("auth.user_login", &["--stats"])).exits(2);
    let negative = ["search", "--sequence", "auth.*", "--within-seconds=-1"];
    ground.run(&negative).exits(2);
}

#[test]
fn an_interrupt_ends_it() {
    let ground = attacked();
    ground.cancel.cancel();
    ground.run(&sequence(BRUTE_FORCE, &[])).exits(130);
}

#[test]
fn who_looked_is_told_how_many_records_were_given() {
    let mut ground = attacked();
    ground.set("SEALTRAIL_ACCESS_AUDIT", "");
    ground.run(&sequence(BRUTE_FORCE, &[])).exits(0);
    ground.set("SEALTRAIL_ACCESS_AUDIT", "off");
    let looks = "SELECT event ->> 'rows_returned' AS rows FROM system_events \
                 WHERE event_type = 'system.audit_access' AND event ? 'rows_returned'";
    assert_eq!(ground.run(&["sql", looks]).exits(0).lines(), [json!({"rows": "5"})]);
}
