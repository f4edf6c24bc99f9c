//! Tool calls and their results.

use serde_json::{Value, json};

use super::super::super::{ImportOptions, ids};
use super::super::agent_of_file;
use super::super::tools::shape;
use super::{MAIN, SESSION, Script, only};

const TOOL: &str = "toolu_01AAAAAAAAAAAAAAAAAAAAAA";
const MESSAGE: &str = "msg_01AAAAAAAAAAAAAAAAAAAAAAAA";

fn one_call(name: &str, input: Value, content: Value, extra: Value) -> Script {
    Script::default().prompt("go").calls(MESSAGE, TOOL, name, input).result(TOOL, content, extra)
}

#[test]
fn a_read_is_one_event_with_call_and_result() {
    let script = one_call(
        "Read",
        json!({"file_path": "/home/ana/shop/a.rs", "limit": 10}),
        json!("some text"),
        json!({"toolUseResult": {"type": "text", "numLines": 10, "truncated": true}}),
    );
    let import = script.import();
    let event = only(&import, "data.file_read");
    let lines = script.bytes();
    let lines: Vec<&[u8]> = lines.split(|byte| *byte == b'\n').collect();
    let expected = json!({
        "audit_id": ids::audit_id("audit_cc_", &["tool", TOOL]),
        "event_type": "data.file_read",
        "timestamp": "2026-03-01T10:00:01.000Z",
        "agent_id": MAIN, "session_id": SESSION,
        "cwd": "/home/ana/shop", "git_branch": "main", "client_version": "2.1.33",
        "uuid": "uuid-1", "parent_uuid": "uuid-0", "prompt_id": "prompt-1",
        "message_id": MESSAGE, "permission_mode": "acceptEdits",
        "tool_name": "Read", "tool_use_id": TOOL,
        "tool_input": {"file_path": "/home/ana/shop/a.rs", "limit": 10},
        "resource": {"type": "file", "path": "/home/ana/shop/a.rs"},
        "operation": {"action": "read", "partial": true},
        "status": "success", "duration_ms": 1000,
        "result": {"status": "success", "size_bytes": 9,
            "audit_hash": ids::audit_hash(b"some text"),
            "details": {"numLines": 10, "truncated": true}},
        "source": {"tool": "claude-code", "file": format!("{SESSION}.jsonl"), "line": 2,
            "sha256": ids::sha256_hex(lines[1]), "result_line": 3,
            "result_sha256": ids::sha256_hex(lines[2])},
    });
    assert_eq!(Value::Object(event.clone()), expected);
    assert_eq!(import.unfinished.calls, 0);
    assert_eq!(import.lines, 3);
}

#[test]
fn every_kind_of_tool_has_its_event() {
    let path = json!({"file_path": "/a", "notebook_path": "/a", "path": "/a", "content": "é",
        "url": "https://x.example/y"});
    for (name, event_type, action, resource) in [
        ("Read", "data.file_read", "read", "/a"),
        ("NotebookRead", "data.file_read", "read", "/a"),
        ("Grep", "data.file_read", "search", "/a"),
        ("Glob", "data.file_read", "list", "/a"),
        ("LS", "data.file_read", "list", "/a"),
        ("Write", "data.file_write", "write", "/a"),
        ("Edit", "data.file_write", "edit", "/a"),
        ("MultiEdit", "data.file_write", "edit", "/a"),
        ("NotebookEdit", "data.file_write", "edit", "/a"),
        ("Bash", "data.api_call", "execute", "/home/ana/shop"),
        ("WebFetch", "data.api_call", "call", "https://x.example/y"),
        ("mcp__linear-server__get_issue", "data.api_call", "call", "mcp://linear-server/get_issue"),
    ] {
        let import = one_call(name, path.clone(), json!("ok"), json!({})).import();
        let event = only(&import, event_type);
        assert_eq!(event["operation"]["action"], action, "{name}");
        assert_eq!(event["resource"]["path"], resource, "{name}");
        assert_eq!(event["tool_name"], name);
        assert_eq!(event["agent_id"], MAIN);
    }
    for name in ["TodoWrite", "TaskOutput", "AskUserQuestion", "WebSearch", "Skill", "Nonesuch"] {
        let import = one_call(name, json!({"query": "x"}), json!("ok"), json!({})).import();
        let event = only(&import, "data.api_call");
        assert_eq!(event["endpoint"], format!("claude-code:{name}"));
        assert_eq!(event["response_size_bytes"], 2);
        assert!(!event.contains_key("resource"));
    }
}

#[test]
fn a_search_without_a_path_looks_in_the_working_folder() {
    let import = one_call("Grep", json!({"pattern": "x"}), json!(""), json!({})).import();
    assert_eq!(only(&import, "data.file_read")["resource"]["path"], "/home/ana/shop");
}

#[test]
fn a_file_tool_without_its_path_stays_an_event() {
    let import =
        one_call("Read", json!({}), json!("bad input"), json!({"is_error": true})).import();
    assert_eq!(only(&import, "data.api_call")["endpoint"], "claude-code:Read");
    assert_eq!(shape("Grep", &json!({}), None).kind.event_type(), "data.api_call");
}

#[test]
fn a_written_file_has_the_size_of_its_content() {
    let input = json!({"file_path": "/a", "content": "é"});
    let import = one_call("Write", input, json!("ok"), json!({})).import();
    assert_eq!(only(&import, "data.file_write")["resource"]["size_bytes"], 2);
}

#[test]
fn denials_cancellations_and_errors_are_told_apart() {
    let rejected = "The user doesn't want to proceed with this tool use. The tool use was rejected";
    let error = |said: &str| json!({"is_error": true, "said": said});
    for (said, extra, status, by) in [
        (rejected, error(""), "denied", Some("user-rejected")),
        ("x", json!({"toolUseResult": "User rejected tool use"}), "denied", Some("user-rejected")),
        (
            "x",
            json!({"is_error": true, "toolDenialKind": "automode-blocked"}),
            "denied",
            Some("automode-blocked"),
        ),
        (
            "x",
            json!({"is_error": true, "toolDenialKind": "interrupted"}),
            "cancelled",
            Some("interrupted"),
        ),
        (
            "Claude requested permissions to use Bash, but you haven't granted it yet.",
            error(""),
            "denied",
            Some("not-granted"),
        ),
        (
            "Permission to use Bash with command rm has been denied.",
            error(""),
            "denied",
            Some("permission-rule"),
        ),
        ("PreToolUse:Bash hook error: [guard]: no", error(""), "denied", Some("hook")),
        (
            "x",
            json!({"is_error": true, "toolUseResult": format!("Error: {rejected}")}),
            "denied",
            Some("user-rejected"),
        ),
        ("[Request interrupted by user for tool use]", error(""), "cancelled", Some("interrupted")),
        (
            "<tool_use_error>Cancelled: parallel tool call Bash(ls) errored</tool_use_error>",
            error(""),
            "cancelled",
            Some("cancelled"),
        ),
        ("Exit code 1", error(""), "error", None),
        // A file may say anything.
        (rejected, json!({}), "success", None),
        ("partial", json!({"toolUseResult": {"interrupted": true}}), "cancelled", None),
        ("done", json!({"toolUseResult": {"interrupted": false}}), "success", None),
    ] {
        let import = one_call("Bash", json!({"command": "ls"}), json!(said), extra).import();
        let event = only(&import, "data.api_call");
        assert_eq!(event["status"], status, "{said}");
        assert_eq!(event["result"]["status"], status, "{said}");
        assert_eq!(event.get("denied_by").and_then(Value::as_str), by, "{said}");
        let severity = event.get("severity").and_then(Value::as_str);
        assert_eq!(severity, (status == "denied").then_some("warning"), "{said}");
    }
}

#[test]
fn content_is_kept_only_when_asked_for() {
    let content = json!([{"type": "text", "text": "secret"}]);
    let script = one_call("Bash", json!({"command": "cat x"}), content.clone(), json!({}));
    let import = script.import();
    let event = only(&import, "data.api_call");
    assert!(!Value::Object(event.clone()).to_string().contains("secret"));
    let bytes = br#"[{"text":"secret","type":"text"}]"#;
    assert_eq!(event["result"]["size_bytes"], bytes.len());
    assert_eq!(event["result"]["audit_hash"], ids::audit_hash(bytes));
    let options = ImportOptions { include_content: true, ..ImportOptions::default() };
    let import = script.import_with(&options);
    assert_eq!(only(&import, "data.api_call")["result"]["content"], content);
}

#[test]
fn what_is_too_big_is_kept_by_its_hash() {
    let options = ImportOptions { include_content: true, max_content_bytes: 40 };
    let long = "y".repeat(41);
    let script = one_call("Bash", json!({"command": long}), json!(long), json!({}));
    let import = script.import_with(&options);
    let event = only(&import, "data.api_call");
    assert!(!event.contains_key("tool_input"));
    let input = format!("{{\"command\":\"{long}\"}}");
    assert_eq!(event["tool_input_omitted"]["audit_hash"], ids::audit_hash(input.as_bytes()));
    assert!(event["result"].get("content").is_none());
    assert_eq!(event["result"]["size_bytes"], 41);
}

#[test]
fn a_result_may_stand_before_its_call() {
    let input = json!({"file_path": "/a"});
    let import = Script::default()
        .prompt("go")
        .result(TOOL, json!("text"), json!({}))
        .calls(MESSAGE, TOOL, "Read", input)
        .import();
    let event = only(&import, "data.file_read");
    assert_eq!(event["source"]["line"], 3);
    assert_eq!(event["source"]["result_line"], 2);
    assert!(!event.contains_key("duration_ms"), "the result is older than the call");
    assert_eq!(import.unfinished.results, 0);
}

#[test]
fn a_call_without_result_and_a_result_without_call_wait() {
    let import = Script::default()
        .prompt("go")
        .calls(MESSAGE, TOOL, "Read", json!({"file_path": "/a"}))
        .result("toolu_01OTHEROTHEROTHEROTHER", json!("x"), json!({}))
        .import();
    assert_eq!((import.unfinished.calls, import.unfinished.results), (1, 1));
    assert_eq!(import.unfinished.messages, 1);
    assert_eq!(import.unfinished.total(), 3);
    assert!(import.events.iter().all(|event| event.event["event_type"] == "agent.deployed"));
}

#[test]
fn tools_of_the_provider_have_call_and_result_in_one_message() {
    let call = json!({"type": "server_tool_use", "id": TOOL, "name": "web_search",
        "input": {"query": "x"}});
    let answer = json!({"type": "web_search_tool_result", "tool_use_id": TOOL, "content": []});
    let mut line = super::response(MESSAGE, 9, Some("end_turn"), call);
    line["message"]["content"].as_array_mut().unwrap().push(answer);
    let import = Script::default().add(line).import();
    let event = only(&import, "data.api_call");
    assert_eq!(event["endpoint"], "claude-code:web_search");
    assert_eq!(event["source"]["result_line"], 1);
    assert_eq!(event["result"]["size_bytes"], 2);
}

#[test]
fn short_ids_are_unique_within_their_session_only() {
    let script = Script::default()
        .calls("m1", "call_1", "Read", json!({"file_path": "/a"}))
        .result("call_1", json!("x"), json!({}));
    let mut other = script.clone();
    for line in &mut other.lines {
        line["sessionId"] = "99999999-2222-4333-8444-555555555555".into();
    }
    let (one, two) = (script.import(), other.import());
    assert_ne!(only(&one, "data.file_read")["audit_id"], only(&two, "data.file_read")["audit_id"]);
}

#[test]
fn bad_lines_are_told_and_do_not_stop() {
    let good = one_call("Bash", json!({"command": "ls"}), json!("x"), json!({})).bytes();
    let mut bytes = b"{broken\n[1]\n\n".to_vec();
    bytes.extend_from_slice(&good);
    bytes.extend_from_slice(
        br#"{"type":"assistant","uuid":"u","sessionId":"s","timestamp":"yesterday","message":{"id":"m","content":[]}}"#,
    );
    bytes.extend_from_slice(b"\n{\"type\":\"user\",\"mess");
    let import = super::read(&[("x.jsonl", &bytes)], &ImportOptions::default()).remove(0);
    only(&import, "data.api_call");
    let told: Vec<_> = import.skipped.iter().map(|s| (s.line, s.path.as_str())).collect();
    assert_eq!(told, [(1, ""), (2, ""), (7, "timestamp")]);
    assert_eq!(import.unfinished.lines, 1);
    assert_eq!(import.lines, 8);
}

#[test]
fn half_an_emoji_does_not_lose_the_call() {
    let bytes = one_call("Bash", json!({"command": "EMOJI"}), json!("x"), json!({})).bytes();
    let bytes = String::from_utf8(bytes).unwrap().replace("EMOJI", "\\ud83d");
    let import = super::read(&[("x.jsonl", bytes.as_bytes())], &ImportOptions::default()).remove(0);
    let event = only(&import, "data.api_call");
    assert_eq!(event["tool_input"]["command"], "\u{fffd}");
    assert_eq!(event["source"]["repaired"], "lone_surrogates");
}

#[test]
fn names_of_agent_files() {
    assert_eq!(agent_of_file("agent-a1b2.jsonl"), Some("a1b2"));
    assert_eq!(agent_of_file("agent-acompact-9.jsonl"), Some("acompact-9"));
    assert_eq!(agent_of_file("11111111.jsonl"), None);
}
