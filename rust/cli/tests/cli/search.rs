use std::fs;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::ground::{Ground, jsonl, login};

fn export(user: &str, minute: u32, size: u64) -> Value {
    json!({
        "event_type": "data.export",
        "timestamp": format!("2026-03-02T10:{minute:02}:00.000Z"),
        "agent_id": "exporter",
        "user_context": {"initiated_by": user},
        "resource": {"path": format!("/data/{user}.csv"), "size_bytes": size},
        "result": {"status": "denied"},
        "audit_id": format!("export-{user}-{minute}"),
    })
}

fn four() -> Ground {
    Ground::with_events(&[
        login("ana", 1),
        login("ben", 2),
        export("ana", 3, 10),
        export("ben", 4, 9e6 as u64),
    ])
}

fn ids(ground: &Ground, flags: &[&str]) -> Vec<String> {
    let done = ground.run(&[&["search"], flags].concat());
    assert!(done.code < 2, "{done:#?}");
    done.lines().iter().map(|line| line["audit_id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_pipe_gets_nested_records_and_a_terminal_a_table() {
    let mut ground = four();
    let lines = ground.run(&["search", "--event-type", "data.*"]).exits(0);
    assert_eq!(lines.err, "");
    assert_eq!(lines.lines()[0]["resource"], json!({"path": "/data/ana.csv", "size_bytes": 10}));
    ground.terminal = true;
    let table = ground.run(&["search"]).exits(0).out;
    assert!(table.starts_with("timestamp "), "{table}");
    assert_eq!(table.lines().count(), 6);
    assert!(table.contains("/data/ben.csv"), "{table}");
    ground.run(&["search", "-o", "parquet"]).exits(2);
}

#[test]
fn every_format_has_all_results() {
    let ground = four();
    let of = |format: &str| ground.run(&["search", "-o", format]).exits(0);
    assert_eq!(of("json").json().as_array().unwrap().len(), 4);
    assert_eq!(of("json").json()[3]["resource"]["path"], "/data/ben.csv");
    assert_eq!(of("jsonl").lines().len(), 4);
    let csv = of("csv").out;
    assert!(csv.starts_with("timestamp,event_type,domain,action,actor,session,outcome,"), "{csv}");
    assert_eq!(csv.lines().count(), 5);
    assert!(of("table").out.contains("exporter"));
    ground.run(&["search", "-o", "parquet", "--output-file", "found.parquet"]).exits(0);
    let bytes = fs::read(ground.path("found.parquet")).unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    ground.run(&["search", "--output-file", "no/such/folder"]).exits(3);
}

#[test]
fn flags_combine() {
    let ground = four();
    assert_eq!(ids(&ground, &["--user-id", "ana"]), ["login-ana-1", "export-ana-3"]);
    assert_eq!(ids(&ground, &["--user-id", "ana,ben", "--status", "denied"]).len(), 2);
    assert_eq!(ids(&ground, &["--user-id", "!ana", "--domain", "auth"]), ["login-ben-2"]);
    assert_eq!(ids(&ground, &["--status-not", "success"]), ["export-ana-3", "export-ben-4"]);
    assert_eq!(ids(&ground, &["--where", "resource.size_bytes > 1e6"]), ["export-ben-4"]);
    assert_eq!(
        ids(&ground, &["--source-ip", "198.51.100.0/24", "-r"]),
        ["login-ben-2", "login-ana-1"]
    );
    assert_eq!(ids(&ground, &["--text", "BEN.csv"]), ["export-ben-4"]);
    assert_eq!(ids(&ground, &["--who", "exporter", "--who", "ana"]).len(), 3);
    assert_eq!(ids(&ground, &["--order", "resource.size_bytes desc", "-n", "1"]), ["export-ben-4"]);
    let fields = ["--fields", "actor,resource.path", "--event-type", "data.export", "-n", "1"];
    let lines = ground.run(&[&["search"], &fields[..]].concat()).exits(0).lines();
    assert_eq!(lines, [json!({"actor": "exporter", "resource": {"path": "/data/ana.csv"}})]);
}

#[test]
fn the_window_is_told_in_utc() {
    let ground = four();
    let window = ["--since", "2026-03-01", "--until", "2026-03-02T01:00:00+01:00"];
    let done = ground.run(&[&["search"], &window[..]].concat()).exits(0);
    assert_eq!(done.err, "2026-03-01T00:00:00.000Z to 2026-03-02T00:00:00.000Z\n");
    assert_eq!(done.lines().len(), 2);
    assert_eq!(ids(&ground, &["--since", "@1772445840"]), ["export-ben-4"]);
    let naive = ground.run(&["search", "--since", "2026-03-01 10:00"]).exits(2);
    assert!(naive.err.contains("no UTC offset"), "{}", naive.err);
    ground.run(&["search", "--since", "1 hour"]).exits(1);
}

#[test]
fn nothing_found_is_exit_code_one() {
    let ground = four();
    assert_eq!(ground.run(&["search", "--user-id", "carl"]).exits(1).out, "");
    let none = ground.run(&["search", "--user-id", "carl", "-o", "json"]).exits(1);
    assert_eq!(none.json(), json!([]));
    assert_eq!(ground.run(&["search", "--user-id", "carl", "--count"]).exits(1).out, "0\n");
    ground.run(&["search", "--user-id", "carl", "--stats"]).exits(1);
    ground.run(&["who", "carl"]).exits(1);
    Ground::with_trail().run(&["fields"]).exits(1);
}

#[test]
fn what_means_nothing_is_wrong_usage() {
    let ground = four();
    for flags in [
        &["--severity-min", "loud"][..],
        &["--where", "a ="],
        &["--where", "a = (SELECT 1)"],
        &["--where", "no_such_function(a) = 1"],
        &["--order", ""],
        &["--fields", "a..b"],
        &["-n", "0"],
        &["--cursor", "00"],
        &["--user-id", ""],
        &["--source-ip", "1.2.3/4"],
        &["--count", "--stats"],
        &["--stats", "-o", "csv"],
        &["-o", "yaml"],
    ] {
        let done = ground.run(&[&["search"], flags].concat()).exits(2);
        assert_eq!(done.out, "", "{flags:?}");
    }
    let place = ground.run(&["search", "--where", "a = 1 b"]).exits(2);
    assert!(place.err.contains("line 1, column 7"), "{}", place.err);
}

#[test]
fn pages_go_on_where_the_last_ended_while_records_arrive() {
    let ground = four();
    let page = |cursor: Option<&str>| {
        let mut flags = vec!["search", "-n", "2"];
        flags.extend(cursor.into_iter().flat_map(|cursor| ["--cursor", cursor]));
        let done = ground.run(&flags);
        let cursor = done.err.strip_prefix("cursor: ").map(|text| text.trim().to_owned());
        (done, cursor)
    };
    let (first, cursor) = page(None);
    assert_eq!(first.lines().len(), 2);
    let (second, last) = page(cursor.as_deref());
    assert_eq!(second.lines()[1]["audit_id"], "export-ben-4");
    let (none, no_cursor) = page(last.as_deref());
    assert_eq!((none.code, no_cursor), (1, None));
    ground.feed(&["record"], jsonl(&[export("cid", 9, 1)]).as_bytes()).exits(0);
    let (third, _) = page(last.as_deref());
    assert_eq!(third.lines()[0]["audit_id"], "export-cid-9");
    let other = ["search", "-r", "--cursor", last.as_deref().unwrap()];
    assert!(ground.run(&other).exits(2).err.contains("another order"));
}

#[test]
fn counts_and_figures() {
    let mut ground = four();
    assert_eq!(ground.run(&["search", "--count"]).exits(0).out, "4\n");
    let counted = ground.run(&["search", "--count", "-o", "json", "--domain", "auth"]).exits(0);
    assert_eq!(counted.json(), json!({"count": 2}));
    let stats = ground.run(&["search", "--stats"]).exits(0).json();
    assert_eq!(stats["events"], 4);
    assert_eq!(stats["by_type"][0], json!({"value": "auth.user_login", "events": 2}));
    assert_eq!(stats["by_hour"][1], json!({"value": "2026-03-02T10:00:00.000Z", "events": 2}));
    let explained = ground.run(&["search", "--explain", "--since", "2026-03-02"]).exits(0).json();
    assert_eq!((&explained["results"], &explained["segments"]), (&json!(2), &json!(2)));
    assert_eq!(explained["segments_skipped"], 1);
    ground.terminal = true;
    let table = ground.run(&["search", "--stats"]).exits(0).out;
    assert!(table.contains("by event type\n  2  auth.user_login\n"), "{table}");
    let table = ground.run(&["search", "--explain"]).exits(0).out;
    assert!(table.contains("segments"), "{table}");
}

#[test]
fn fields_and_pages() {
    let mut ground = four();
    let fields = ground.run(&["fields", "--event-type", "data.*"]).exits(0).json();
    assert_eq!(fields["events"], 2);
    let all = fields["fields"].as_array().unwrap();
    let size = all.iter().find(|field| field["path"] == "resource.size_bytes").unwrap();
    assert_eq!((&size["types"], &size["distinct"]), (&json!(["integer"]), &json!(2)));
    let page = ground.run(&["who", "ana"]).exits(0).json();
    assert_eq!((&page["events"], &page["failed"]), (&json!(2), &json!(1)));
    assert_eq!(page["failures"][0]["audit_id"], "export-ana-3");
    ground.terminal = true;
    let table = ground.run(&["fields"]).exits(0).out;
    assert!(table.contains("resource.size_bytes"), "{table}");
    let table = ground.run(&["who", "198.51.100.7"]).exits(0).out;
    assert!(table.contains("known as  source_ip (2)"), "{table}");
}

/// Takes so many bytes, then its reader is gone.
struct Gone(usize);

impl Write for Gone {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 < bytes.len() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.0 -= bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let ground = four();
    for format in ["json", "jsonl", "csv", "table"] {
        let mut err = Vec::new();
        let code = ground.run_into(&["search", "-o", format], b"", Gone(10), &mut err);
        assert_eq!((code, String::from_utf8(err).unwrap().as_str()), (0, ""), "{format}");
    }
}
