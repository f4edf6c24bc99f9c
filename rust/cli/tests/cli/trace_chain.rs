use std::fs;

use serde_json::{Value, json};

use super::ground::{Ground, login};

/// ana's agent reads a file, after her login; a run has the same id as the agent.
fn ground() -> Ground {
    let mut started = login("ana", 1);
    started["session_id"] = json!("s");
    let at = |minute: u32| format!("2026-03-01T10:{minute:02}:00.000Z");
    Ground::with_events(&[
        started,
        json!({"event_type": "agent.spawned", "timestamp": at(2), "audit_id": "spawn",
               "agent_id": "reader", "parent_agent_id": "boss", "session_id": "s",
               "authorized_by": "ana"}),
        json!({"event_type": "data.file_read", "timestamp": at(3), "audit_id": "read",
               "agent_id": "reader", "session_id": "s", "resource": {"path": "/claims.csv"}}),
        json!({"event_type": "workflow.started", "timestamp": at(4), "audit_id": "start",
               "execution_id": "boss"}),
    ])
}

#[test]
fn a_pipe_gets_json_and_a_terminal_a_tree() {
    let mut ground = ground();
    let trace = ground.run(&["trace-chain", "read"]).exits(0).json();
    let names: Vec<&Value> =
        trace["nodes"].as_array().unwrap().iter().map(|node| &node["name"]).collect();
    assert_eq!(names, ["ana", "login-ana-1", "s", "boss", "reader", "read"]);
    ground.terminal = true;
    let tree = ground.run(&["trace-chain", "read"]).exits(0).out;
    assert!(tree.starts_with("user ana") && tree.contains("└─ agent reader"), "{tree}");
    let ascii = ground.run(&["trace-chain", "read", "--ascii"]).exits(0).out;
    assert!(ascii.is_ascii() && ascii.contains("`- agent reader"), "{ascii}");
}

#[test]
fn every_format_and_a_file() {
    let ground = ground();
    let of = |format: &str| ground.run(&["trace-chain", "read", "-o", format]).exits(0).out;
    assert!(of("mermaid").starts_with("flowchart TD\n"));
    assert!(of("dot").starts_with("digraph chain {\n"));
    assert!(of("html").starts_with("<!DOCTYPE html>"));
    assert!(of("tree").starts_with("user ana"));
    let file = ["trace-chain", "read", "-o", "html", "--output-file", "chain.html"];
    assert_eq!(ground.run(&file).exits(0).out, "");
    assert_eq!(fs::read_to_string(ground.path("chain.html")).unwrap(), of("html"));
    ground.run(&["trace-chain", "read", "-o", "csv"]).exits(2);
    ground.run(&["trace-chain", "read", "--output-file", "no/such/file"]).exits(3);
}

#[test]
fn kinds_directions_and_bounds() {
    let ground = ground();
    let both = ground.run(&["trace-chain", "boss"]).exits(2);
    assert!(both.err.contains("execution, agent"), "{}", both.err);
    let events = |flags: &[&str]| {
        let trace = ground.run(&[&["trace-chain"], flags].concat()).exits(0).json();
        trace["events"].as_u64().unwrap()
    };
    assert_eq!(events(&["boss", "--kind", "execution"]), 1);
    assert_eq!(events(&["boss", "--kind", "agent"]), 2);
    assert_eq!(events(&["boss", "--kind", "agent", "--since", "2026-03-01T10:03:00Z"]), 1);
    assert_eq!(events(&["boss", "--kind", "agent", "--until", "2026-03-01T10:03:00Z"]), 1);
    assert_eq!(events(&["reader", "--up"]), 0);
    let down = ground.run(&["trace-chain", "reader", "--down"]).exits(0).json();
    assert_eq!(down["nodes"][0]["name"], "reader");
    let cut = ground.run(&["trace-chain", "s", "--max-nodes", "1"]).exits(0);
    assert!(cut.err.contains("cut: ") && cut.json()["cut"] == json!(true), "{cut:?}");
    ground.run(&["trace-chain", "s", "--up", "--down"]).exits(2);
    ground.run(&["trace-chain", "s", "--since", "the other day"]).exits(2);
}

#[test]
fn nothing_is_exit_code_one() {
    let none = ground().run(&["trace-chain", "nobody"]).exits(1);
    assert_eq!(none.out, "");
    assert!(none.err.contains("nobody: nothing has this id"), "{}", none.err);
}

#[test]
fn related_events_say_why_and_can_be_filtered() {
    let ground = ground();
    let related = |flags: &[&str]| ground.run(&[&["search", "--related-to"], flags].concat());
    let found = related(&["read"]).exits(0);
    let why: Vec<String> = found
        .lines()
        .iter()
        .map(|event| format!("{} {}", event["audit_id"], event["_related"]))
        .collect();
    let wanted = [
        r#""login-ana-1" ["session s"]"#,
        r#""spawn" ["agent reader","session s"]"#,
        r#""read" ["itself","agent reader","resource /claims.csv","session s"]"#,
    ];
    assert_eq!(why, wanted);
    assert!(found.err.contains("from 2026-03-01T09:33:00.000Z"), "{}", found.err);
    assert_eq!(related(&["read", "--context", "90s", "--count"]).exits(0).out, "2\n");
    assert_eq!(related(&["read", "--event-type", "auth.*"]).exits(0).lines().len(), 1);
    assert_eq!(
        related(&["read", "-o", "json"]).exits(0).json()[2]["resource"]["path"],
        "/claims.csv"
    );
    assert!(
        related(&["read", "-o", "csv"]).exits(0).out.starts_with("timestamp,event_type,actor,")
    );
    assert!(related(&["read", "-n", "1"]).exits(0).err.contains("more than 1"));
    related(&["nobody"]).exits(1);
    related(&["read", "--event-type", "system.*"]).exits(1);
    related(&["read", "--context", "yesterday"]).exits(2);
    related(&["read", "--stats"]).exits(2);
    related(&["boss"]).exits(2);
    related(&["boss", "--kind", "execution"]).exits(0);
    ground.run(&["search", "--context", "2h"]).exits(2);
    let mut ground = self::ground();
    ground.terminal = true;
    let table = ground.run(&["search", "--related-to", "read"]).exits(0).out;
    assert!(table.contains("agent reader, session s") && !table.contains("recorded_at"), "{table}");
}
