//! Redaction, personal fields, erasure, and reports of persons.

use serde_json::{Value, json};

use crate::ground::{Ground, jsonl};

const CONFIG: &str =
    "audit:\n  redaction:\n    personal: { fields: [email, call.text], holders: [tape] }\n";

fn login(user: &str, email: &str) -> Value {
    json!({
        "event_type": "auth.user_login",
        "user_id": user,
        "email": email,
        "status": "success",
        "session_id": format!("sess_{user}"),
        "timestamp": "2026-09-14T08:00:00Z",
        "audit_id": format!("login_{user}"),
    })
}

fn ground() -> Ground {
    let ground = Ground::new();
    ground.write("home/sealtrail.yaml", CONFIG);
    ground.run(&["init"]).exits(0);
    let events = [
        login("u1", "mira@example.com"),
        login("u2", "kim@example.com"),
        json!({
            "event_type": "agent.spawned",
            "user_id": "u1",
            "session_id": "sess_u1",
            "agent_id": "triage",
            "timestamp": "2026-09-14T08:01:00Z",
            "audit_id": "spawn_1",
        }),
        json!({
            "event_type": "agent.spawned",
            "agent_id": "reader",
            "parent_agent_id": "triage",
            "session_id": "sess_u1",
            "timestamp": "2026-09-14T08:02:00Z",
            "audit_id": "spawn_2",
        }),
        json!({
            "event_type": "data.file_read",
            "agent_id": "reader",
            "session_id": "sess_u1",
            "resource": {"path": "/claims.csv"},
            "timestamp": "2026-09-14T08:03:00Z",
            "audit_id": "read_1",
        }),
        json!({
            "event_type": "auth.permission_granted",
            "user_id": "u2",
            "grantee": "u1",
            "timestamp": "2026-09-14T09:00:00Z",
            "audit_id": "grant_1",
        }),
    ];
    ground.feed(&["record", "-"], jsonl(&events).as_bytes()).exits(0);
    ground
}

#[test]
fn lines_are_redacted_listed_and_revealed() {
    let ground = Ground::new();
    let line = json!({"event_type": "data.export", "note": "to mira@example.com", "password": "x"});
    let text = format!("{line}\n\nno json\n");
    let done = ground.feed(&["redact", "--list", "what.jsonl"], text.as_bytes()).exits(3);
    assert_eq!(
        done.lines(),
        [json!({
            "event_type": "data.export",
            "note": "to [redacted:email]",
            "password": "[redacted:secret]",
        })]
    );
    assert!(done.err.contains("-:3:") && done.err.contains("2 values redacted"), "{}", done.err);
    let listed = std::fs::read_to_string(ground.path("what.jsonl")).unwrap();
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["line"], 1);
    assert_eq!(listed["redactions"][0], json!({"how": "mask", "path": "/note", "what": "email"}));

    ground.write("home/sealtrail.yaml", "audit: { redaction: { action: encrypt } }\n");
    ground.run(&["init"]).exits(0);
    let line = format!("{line}\n");
    let hidden = ground.feed(&["redact"], line.as_bytes()).exits(0);
    assert!(hidden.out.contains("[encrypted:email:") && !hidden.out.contains("mira"));
    let back = ground.feed(&["redact", "--reveal"], hidden.out.as_bytes()).exits(0);
    assert_eq!(back.lines()[0]["note"], "to mira@example.com");
}

#[test]
fn personal_fields_are_shown_to_who_has_the_key_and_found_by_their_value() {
    let mut ground = ground();
    let sql = "SELECT user_id, email FROM events WHERE sealed_equals(email, 'mira@example.com')";
    let found = ground.run(&["sql", "-o", "jsonl", sql]).exits(0);
    assert_eq!(found.lines(), [json!({"user_id": "u1", "email": "mira@example.com"})]);
    let equal = "SELECT count(*) AS n FROM events WHERE email = 'mira@example.com'";
    assert_eq!(ground.run(&["sql", "-o", "jsonl", equal]).exits(0).lines(), [json!({"n": 0})]);
    let like = "SELECT user_id FROM events WHERE unsealed(email) LIKE 'kim@%'";
    let found = ground.run(&["sql", "-o", "jsonl", like]).exits(0);
    assert_eq!(found.lines(), [json!({"user_id": "u2"})]);
    let found = ground.run(&["search", "--user-id", "u1", "-o", "jsonl"]).exits(0);
    assert!(found.out.contains("mira@example.com") && !found.out.contains("sealed:"));
    assert_eq!(ground.run(&["get", "login_u1"]).exits(0).json()["email"], "mira@example.com");
    let signed = ground.run(&["get", "login_u1", "--sealed"]).exits(0).json();
    assert!(signed["email"].as_str().unwrap().starts_with("sealed:1:"));
    ground.run(&["verify-integrity"]).exits(0);

    // Another home reads the same trail without the key.
    let elsewhere = ground.path("elsewhere").to_str().unwrap().to_owned();
    ground.set("SEALTRAIL_HOME", &elsewhere);
    let found =
        ground.run(&["sql", "-o", "jsonl", "SELECT email FROM events ORDER BY email"]).exits(0);
    assert!(
        !found.out.contains("@example.com") && found.out.contains("sealed:1:"),
        "{}",
        found.out
    );
    let found = ground.run(&["sql", "-o", "jsonl", sql]).exits(0);
    assert_eq!(found.lines(), [] as [Value; 0]);
}

#[test]
fn who_is_erased_is_erased_everywhere_and_everything_still_verifies() {
    let ground = ground();
    let erase = |subject, more: &[&str]| {
        let args = ["erase", "--subject", subject, "--reason", "request 17", "--approver", "dpo"];
        ground.run(&[&args, more].concat())
    };
    erase("nobody", &[]).exits(3);
    erase("u1", &["--dry-run"]).exits(0);
    assert_eq!(ground.run(&["erasures"]).exits(0).json(), json!([]));
    let done = erase("u1", &[]).exits(0).json();
    assert_eq!(done[0]["state"], "ERASURE_PENDING");
    assert_eq!(done[0]["pending"], json!(["tape"]), "{done}");
    let found = ground.run(&["sql", "-o", "jsonl", "SELECT email FROM events ORDER BY audit_id"]);
    let emails: Vec<Value> =
        found.exits(0).lines().iter().map(|row| row["email"].clone()).collect();
    assert!(emails.contains(&json!("[erased]")) && emails.contains(&json!("kim@example.com")));
    let sql = "SELECT user_id FROM events WHERE sealed_equals(email, 'mira@example.com')";
    assert_eq!(ground.run(&["sql", "-o", "jsonl", sql]).exits(0).lines(), [] as [Value; 0]);
    let entry = done[0]["entry"].to_string();
    ground.run(&["erasures", "confirm", "--entry", &entry, "--holder", "tape"]).exits(0);
    let listed = ground.run(&["erasures", "resume"]).exits(0);
    assert_eq!(listed.json()[0]["state"], "ERASED");
    assert!(listed.err.contains("0 keys destroyed"), "{}", listed.err);
    let report = ground.run(&["verify-integrity", "-o", "json"]).exits(0).json();
    assert_eq!(report["verdict"], "ERASED");
    assert!(report["notes"].to_string().contains("ERASED"), "{report}");
    let proof = ground.run(&["prove", "login_u1", "-o", "login.proof"]).exits(0);
    assert_eq!(proof.code, 0);
}

#[test]
fn a_report_tells_what_was_done_under_whose_authority() {
    let mut ground = ground();
    ground.set("SEALTRAIL_ACCESS_AUDIT", "best_effort");
    ground.run(&["search", "--user-id", "u1", "--purpose", "ticket 5", "-o", "jsonl"]).exits(0);
    ground.run(&["search", "--user-id", "u11", "-o", "jsonl"]);
    ground.run(&["subject-report", "--subject", "nobody"]).exits(1);
    let report = ground.run(&["subject-report", "--subject", "u1"]).exits(0).json();
    let events = report["events"].as_array().unwrap();
    let of = |id: &str| events.iter().find(|event| event["audit_id"] == id).unwrap();
    let read = of("read_1");
    assert_eq!((&read["concern"], &read["by"]), (&json!("acted"), &json!("reader")));
    assert_eq!(read["resource"]["path"], "/claims.csv");
    let authority = read["authority"].as_array().unwrap();
    assert_eq!(authority.first(), Some(&json!("user u1")), "{read}");
    assert!(
        authority.contains(&json!("agent triage")) && authority.contains(&json!("agent reader"))
    );
    assert_eq!(of("grant_1")["concern"], "named");
    assert!(!events.iter().any(|event| event["audit_id"] == "login_u2"));
    let questions = report["questions"].as_array().unwrap();
    assert!(questions.iter().any(|asked| asked["purpose"] == "ticket 5"), "{questions:?}");
    assert!(questions.iter().all(|asked| asked["access_type"] != "subject_report"));
    assert_eq!(report["resources"][0]["path"], "/claims.csv");

    let csv = ground.run(&["subject-report", "--subject", "u1", "-o", "csv"]).exits(0).out;
    assert!(csv.starts_with("timestamp,event_type,audit_id,concern,by,authority,"), "{csv}");
    assert_eq!(csv.lines().count(), 1 + events.len());
    ground
        .run(&["subject-report", "--subject", "u1", "-o", "html", "--output-file", "u1.html"])
        .exits(0);
    let page = std::fs::read_to_string(ground.path("u1.html")).unwrap();
    assert!(page.contains("/claims.csv") && page.contains("under whose authority"));
    assert!(!page.contains("<script"));
}
