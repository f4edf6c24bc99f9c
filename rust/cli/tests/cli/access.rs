//! Who looked: the records that questions leave.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::ground::{Ground, Outcome, login};

const LOOKS: &str = "SELECT event FROM events WHERE event_type = 'system.audit_access' \
                     ORDER BY recorded_at, audit_id";

/// A trail of two events, asked with the policy that is the default.
fn ground() -> Ground {
    let mut ground = Ground::with_events(&[login("mira", 1), login("ben", 2)]);
    ground.set("SEALTRAIL_ACCESS_AUDIT", "");
    ground
}

/// The records of who looked, read without leaving one.
fn looks(ground: &mut Ground) -> Vec<Value> {
    looks_in(ground, "audit")
}

fn looks_in(ground: &mut Ground, trail: &str) -> Vec<Value> {
    ground.set("SEALTRAIL_ACCESS_AUDIT", "off");
    let found = ground.run(&["sql", LOOKS, "--trail", trail]);
    ground.set("SEALTRAIL_ACCESS_AUDIT", "");
    let text = |row: Value| serde_json::from_str(row["event"].as_str().unwrap()).unwrap();
    found.lines().into_iter().map(text).collect()
}

fn stats(ground: &Ground) -> Value {
    ground.run(&["stats", "-o", "json"]).exits(0).json()
}

fn count(outcome: Outcome) -> Value {
    outcome.exits(0).lines()[0]["n"].clone()
}

const COUNT: [&str; 2] = ["sql", "SELECT count(*) AS n FROM events"];

#[test]
fn each_question_leaves_its_intent_and_its_outcome() {
    let mut ground = ground();
    ground.write("sealtrail.yaml", "audit: { identity: { user_id: analyst-7 } }");
    let statement = "SELECT user_id FROM events WHERE user_id = $who";
    ground.run(&["sql", statement, "--param", "who=mira", "--purpose", "incident 4711"]).exits(0);
    ground.run(&["get", "login-ben-2"]).exits(0);
    ground.run(&["get", "nothing"]).exits(1);
    ground.run(&["prove", "login-ben-2"]).exits(0);
    ground.run(&["verify-integrity"]).exits(0);
    let found = looks(&mut ground);
    let expected = [
        ("sql", json!({ "params": ["who=mira"] }), 1),
        ("get", json!({ "audit_id": "login-ben-2" }), 1),
        ("get", json!({ "audit_id": "nothing" }), 0),
        ("prove", json!({ "audit_id": "login-ben-2" }), 1),
        ("verify", json!({ "level": "deep" }), 0),
    ];
    assert_eq!(found.len(), 2 * expected.len(), "{found:#?}");
    for (pair, (access_type, filters, rows)) in found.chunks(2).zip(expected) {
        let [intent, outcome] = pair else { panic!("{pair:?}") };
        for look in pair {
            assert_eq!(look["access_type"], access_type);
            assert_eq!(
                (&look["interface"], &look["user_id"]),
                (&json!("cli"), &json!("analyst-7"))
            );
        }
        assert_eq!((&intent["phase"], &intent["filters"]), (&json!("intent"), &filters));
        assert_eq!(
            (&outcome["phase"], &outcome["status"]),
            (&json!("outcome"), &json!("completed"))
        );
        assert_eq!(
            (&outcome["intent_id"], &outcome["rows_returned"]),
            (&intent["audit_id"], &json!(rows))
        );
        assert!(intent["reader"]["os_user"].is_string());
    }
    assert_eq!(found[0]["query"], statement);
    assert_eq!(found[0]["purpose"], "incident 4711");
    assert_eq!(found[2]["purpose"], Value::Null);
}

#[test]
fn nobody_sees_their_own_question_and_everybody_may_leave_all_of_them_out() {
    let ground = ground();
    assert_eq!(count(ground.run(&COUNT)), 2);
    assert_eq!(count(ground.run(&COUNT)), 4);
    let without = [COUNT[0], COUNT[1], "--exclude-access"];
    assert_eq!(count(ground.run(&without)), 2);
    for table in ["records", "system_events"] {
        let statement = format!("SELECT count(*) AS n FROM {table} WHERE domain = 'system'");
        let outcome = ground.run(&["sql", &statement, "--exclude-access"]);
        assert_eq!(count(outcome), 0, "{table}");
    }
    // Columns of its own, JSON and grouping work as without.
    let grouped = "SELECT user_id, attrs ->> 'status' AS word, event ->> 'source_ip' AS ip, \
                   count(*) AS n FROM auth_events GROUP BY 1, 2, 3 ORDER BY 1";
    let with = ground.run(&["sql", grouped]).exits(0).out;
    assert_eq!(ground.run(&["sql", grouped, "--exclude-access"]).exits(0).out, with);
}

#[test]
fn what_retention_tells_of_contents_is_recorded() {
    let mut ground = ground();
    ground.run(&["retention", "plan", "--purpose", "quarterly"]).exits(0);
    ground.run(&["retention", "status"]).exits(0);
    ground.run(&["retention", "explain", "login-ben-2"]).exits(0);
    ground.run(&["retention", "apply", "--approver", "dpo", "--dry-run"]).exits(0);
    // What is carried out is in the ledger.
    ground.run(&["retention", "apply", "--approver", "dpo"]).exits(0);
    ground.run(&["maintain"]).exits(0);
    let found = looks(&mut ground);
    let asked: Vec<&str> = found.iter().filter_map(|look| look["access_type"].as_str()).collect();
    let kinds = ["plan", "status", "explain", "plan"].map(|kind| format!("retention {kind}"));
    let twice: Vec<&str> = kinds.iter().flat_map(|kind| [kind.as_str(); 2]).collect();
    assert_eq!(asked, twice);
    assert_eq!(found[0]["purpose"], "quarterly");
    assert_eq!(found[5]["rows_returned"], 1);
}

#[test]
fn figures_and_what_is_about_the_trail_alone_leave_nothing() {
    let mut ground = ground();
    for command in ["stats", "checkpoint", "events"] {
        ground.run(&[command]).exits(0);
    }
    ground.run(&["pin"]);
    ground.run(&["prove", "--from", "1"]).exits(0);
    assert_eq!(looks(&mut ground), [] as [Value; 0]);
}

#[test]
fn questions_add_nothing_to_the_ledger_until_somebody_records() {
    let ground = ground();
    let before = stats(&ground);
    for _ in 0..4 {
        ground.run(&["get", "login-mira-1"]).exits(0);
    }
    let after = stats(&ground);
    assert_eq!((&after["entries"], &after["writers"]), (&before["entries"], &before["writers"]));
    assert_eq!((&before["unsealed"], &after["unsealed"]), (&json!(0), &json!(8)));
    ground.feed(&["record", "-"], login("eve", 3).to_string().as_bytes()).exits(0);
    let committed = stats(&ground);
    assert_eq!((&committed["unsealed"], &committed["events"]), (&json!(0), &json!(11)));
    assert_eq!(committed["writers"], before["writers"]);
}

#[test]
fn what_waits_in_the_log_of_who_looked_leaves_the_verdict_as_it_is() {
    let ground = ground();
    ground.run(&["get", "login-mira-1"]).exits(0);
    let report = ground.run(&["verify-integrity", "-o", "json"]).exits(0).json();
    assert_eq!((&report["verdict"], &report["unsealed"]), (&json!("VERIFIED"), &json!(0)));
    let notes = report["notes"].as_array().unwrap();
    let told = |note: &Value| note.as_str().unwrap().contains("2 records of who looked");
    assert!(notes.iter().any(told), "{notes:?}");
}

#[test]
fn off_leaves_nothing_and_required_is_not_undone_by_the_environment() {
    let mut ground = ground();
    ground.set("SEALTRAIL_ACCESS_AUDIT", "off");
    ground.run(&["get", "login-mira-1"]).exits(0);
    assert_eq!(stats(&ground)["unsealed"], 0);
    ground.write("sealtrail.yaml", "audit: { trail: { access_audit: { policy: required } } }");
    ground.run(&["get", "login-mira-1"]).exits(0);
    assert_eq!(stats(&ground)["unsealed"], 2);
    ground.set("SEALTRAIL_ACCESS_AUDIT", "sometimes");
    let refused = ground.run(&["get", "login-mira-1"]).exits(2);
    assert!(refused.err.contains("required, best_effort or off"), "{}", refused.err);
}

#[test]
fn a_purpose_is_demanded_where_the_policy_wants_one() {
    let mut ground = ground();
    ground.write("sealtrail.yaml", "audit: { trail: { access_audit: { purpose: required } } }");
    let refused = ground.run(&COUNT).exits(2);
    assert!(refused.err.contains("--purpose"), "{}", refused.err);
    assert_eq!(refused.out, "");
    ground.run(&[COUNT[0], COUNT[1], "--purpose", "review"]).exits(0);
    ground.set("SEALTRAIL_PURPOSE", "weekly review");
    ground.run(&COUNT).exits(0);
    let found = looks(&mut ground);
    let purposes: Vec<_> = found.iter().filter_map(|look| look["purpose"].as_str()).collect();
    assert_eq!(purposes, ["review", "weekly review"]);
}

/// A user without keys, in whose home nothing can be made.
fn nowhere(policy: &str) -> Ground {
    let mut ground = ground();
    ground.write("other/access", "not a folder");
    ground.set("SEALTRAIL_HOME", ground.path("other").to_str().unwrap());
    ground.set("SEALTRAIL_ACCESS_AUDIT", policy);
    ground
}

#[test]
fn required_gives_no_row_without_a_record() {
    let ground = nowhere("required");
    for question in [&COUNT[..], &["get", "login-mira-1"], &["prove", "login-mira-1"]] {
        let refused = ground.run(question).exits(3);
        assert_eq!(refused.out, "");
        assert!(refused.err.contains("required to record who asks"), "{}", refused.err);
    }
    // A file that was there is not replaced by an answer that is not given.
    ground.write("answer.csv", "old");
    ground.run(&[COUNT[0], COUNT[1], "--output-file", "answer.csv"]).exits(3);
    assert_eq!(fs::read_to_string(ground.path("answer.csv")).unwrap(), "old");
}

#[test]
fn best_effort_answers_with_a_warning() {
    let answered = nowhere("best_effort").run(&COUNT).exits(0);
    assert_eq!(answered.lines()[0]["n"], 2);
    assert_eq!(answered.err.matches("warning: it is not recorded that you asked").count(), 1);
}

#[test]
fn a_reader_without_keys_writes_to_an_access_trail_of_their_own() {
    let mut ground = ground();
    let before = ground.files("audit");
    ground.set("SEALTRAIL_HOME", ground.path("other").to_str().unwrap());
    assert_eq!(count(ground.run(&COUNT)), 2);
    assert_eq!(count(ground.run(&COUNT)), 2);
    assert_eq!(ground.files("audit"), before);
    let trails: Vec<PathBuf> =
        fs::read_dir(ground.path("other/access")).unwrap().map(|e| e.unwrap().path()).collect();
    let [own] = &trails[..] else { panic!("{trails:?}") };
    let found = looks_in(&mut ground, own.to_str().unwrap());
    assert_eq!(found.len(), 4);
    assert_eq!(found[0]["resource"]["path"], ground.path("audit").to_str().unwrap());
    ground.run(&["verify-integrity", "--trail", own.to_str().unwrap()]).exits(0);
}

#[test]
fn a_trail_that_cannot_be_opened_is_verified_and_recorded_apart() {
    let mut ground = ground();
    let entry = ground.path("audit/ledger/00000000000000000001.json");
    fs::write(&entry, "damaged").unwrap();
    fs::write(ground.path("audit/ledger/00000000000000000000.json"), "damaged").unwrap();
    ground.run(&["verify-integrity"]).exits(4);
    let own = ground.files("home/access");
    assert!(!own.is_empty());
    let name = own[0].strip_prefix(ground.path("home/access")).unwrap().iter().next().unwrap();
    let trail = format!("home/access/{}", name.to_str().unwrap());
    let found = looks_in(&mut ground, &trail);
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0]["access_type"], "verify");
}

/// Takes some bytes, and then breaks as a closed pipe does or fails.
struct Broken(usize, io::ErrorKind);

impl Write for Broken {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(self.1.into());
        }
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_answer_that_is_not_taken_or_fails_says_so() {
    let mut ground = ground();
    let many = ["sql", "SELECT value FROM generate_series(1, 200000)"];
    let broken = Broken(100, io::ErrorKind::BrokenPipe);
    assert_eq!(ground.run_into(&many, b"", broken, io::sink()), 0);
    let full = Broken(100, io::ErrorKind::StorageFull);
    assert_eq!(ground.run_into(&many, b"", full, io::sink()), 3);
    ground.run(&["sql", "SELECT 1 / (user_id = 'x')::INT FROM events"]).exits(3);
    let found = looks(&mut ground);
    let ends: Vec<_> = found.iter().filter(|look| look["phase"] == "outcome").collect();
    let words: Vec<_> = ends.iter().map(|e| (&e["status"], &e["result_code"])).collect();
    assert_eq!(
        words,
        [
            (&json!("partial"), &Value::Null),
            (&json!("failed"), &json!("output")),
            (&json!("failed"), &json!("execution")),
        ]
    );
    let rows = ends[0]["rows_returned"].as_u64().unwrap();
    assert!(0 < rows && rows < 200_000, "{rows}");
    assert_eq!(ends[2]["rows_returned"], 0);
}

#[test]
fn an_interrupted_answer_says_so() {
    let mut ground = ground();
    /// Interrupts once the first bytes come.
    struct Interrupting(sealtrail_cli::Cancel);
    impl Write for Interrupting {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.cancel();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let endless = [
        "sql",
        "SELECT a.value FROM generate_series(1, 1000000) AS a, \
                           generate_series(1, 1000000) AS b",
    ];
    let out = Interrupting(ground.cancel.clone());
    assert_eq!(ground.run_into(&endless, b"", out, io::sink()), 130);
    ground.cancel = sealtrail_cli::Cancel::default();
    let found = looks(&mut ground);
    let [_, outcome] = &found[..] else { panic!("{found:?}") };
    assert_eq!(outcome["status"], "partial");
    assert!(outcome["rows_returned"].as_u64() > Some(0));
}

#[test]
fn a_question_that_cannot_be_asked_leaves_nothing() {
    let mut ground = ground();
    ground.run(&["sql", "SELECT nothing FROM events"]).exits(2);
    ground.run(&["sql", "DELETE FROM events"]).exits(2);
    assert_eq!(looks(&mut ground), [] as [Value; 0]);
}
