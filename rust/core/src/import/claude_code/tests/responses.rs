//! Model responses and their tokens.

use serde_json::{Value, json};

use super::super::super::{ImportOptions, ids};
use super::super::read;
use super::{MAIN, SESSION, Script, events, only, response};

const ONE: &str = "msg_01AAAAAAAAAAAAAAAAAAAAAAAA";
const TWO: &str = "msg_01BBBBBBBBBBBBBBBBBBBBBBBB";
const TOOL: &str = "toolu_01AAAAAAAAAAAAAAAAAAAAAA";

#[test]
fn a_response_counts_once_with_its_most_output_tokens() {
    let script = Script::default()
        .prompt("go")
        .says(ONE, 1, None)
        .calls(ONE, TOOL, "Bash", json!({"command": "ls"}))
        .says(ONE, 40, None)
        .result(TOOL, json!("x"), json!({}))
        .says(ONE, 40, None)
        .says(TWO, 7, None);
    let import = script.import();
    let event = only(&import, "workflow.resource_usage");
    assert_eq!(event["audit_id"], ids::audit_id("audit_cc_", &["usage", ONE]));
    assert_eq!(event["output_tokens"], 40);
    assert_eq!(event["input_tokens"], 3);
    assert_eq!(event["cache_read_tokens"], 100);
    assert_eq!(event["cache_creation_tokens"], 20);
    assert_eq!(event["cache_creation_1h_tokens"], 20);
    assert_eq!(event["model"], "claude-x");
    assert_eq!(event["status"], "success");
    assert_eq!(event["source"]["line"], 4, "the first of the lines with most tokens");
    assert_eq!(event["timestamp"], "2026-03-01T10:00:03.000Z");
    assert_eq!(event["agent_id"], MAIN);
    assert_eq!(import.unfinished.messages, 1, "the second response may go on");
}

#[test]
fn each_sign_of_an_end_ends_a_response() {
    let open = Script::default().prompt("go").says(ONE, 9, None);
    assert_eq!(events(&open.import(), "workflow.resource_usage").len(), 0);
    for (what, script) in [
        ("another response", open.clone().says(TWO, 1, None)),
        ("a prompt", open.clone().prompt("and now?")),
        ("turn end", open.clone().add(json!({"type": "system", "subtype": "turn_duration"}))),
        ("hooks", open.clone().add(json!({"type": "system", "subtype": "stop_hook_summary"}))),
        ("compaction", open.clone().add(json!({"type": "system", "subtype": "compact_boundary"}))),
        (
            "stop hook",
            open.clone().add(json!({"type": "progress",
                "data": {"type": "hook_progress", "hookEvent": "Stop"}})),
        ),
        ("stop reason", Script::default().prompt("go").says(ONE, 9, Some("end_turn"))),
    ] {
        let import = script.import();
        assert_eq!(only(&import, "workflow.resource_usage")["output_tokens"], 9, "{what}");
    }
    for (what, script) in [
        ("a tool result", open.clone().result(TOOL, json!("x"), json!({}))),
        (
            "what the harness says",
            open.clone().add(json!({"type": "user", "isMeta": true,
                "message": {"role": "user", "content": "reminder"}})),
        ),
        (
            "another hook",
            open.clone().add(json!({"type": "progress",
                "data": {"type": "hook_progress", "hookEvent": "PostToolUse"}})),
        ),
        ("a title", open.clone().add(json!({"type": "ai-title", "aiTitle": "x"}))),
    ] {
        let import = script.import();
        assert_eq!(events(&import, "workflow.resource_usage").len(), 0, "{what}");
        assert_eq!(import.unfinished.messages, 1, "{what}");
    }
}

#[test]
fn the_stop_reason_is_kept() {
    let import = Script::default()
        .says(ONE, 1, None)
        .says(ONE, 9, Some("tool_use"))
        .says(ONE, 9, None)
        .import();
    assert_eq!(only(&import, "workflow.resource_usage")["stop_reason"], "tool_use");
    assert!(import.skipped.is_empty());
}

#[test]
fn more_tokens_after_the_end_are_told_and_change_nothing() {
    let import =
        Script::default().says(ONE, 9, None).says(TWO, 1, None).says(ONE, 50, None).import();
    assert_eq!(only(&import, "workflow.resource_usage")["output_tokens"], 9);
    assert_eq!(import.skipped.len(), 1);
    assert_eq!(import.skipped[0].line, 3);
    assert_eq!(import.skipped[0].path, "message.usage.output_tokens");
    assert!(import.skipped[0].reason.contains("50"));
}

#[test]
fn api_errors_are_errors() {
    let mut line = response(ONE, 0, Some("stop_sequence"), json!({"type": "text", "text": "no"}));
    line["isApiErrorMessage"] = true.into();
    line["error"] = "rate_limit".into();
    line["apiErrorStatus"] = 429.into();
    let retry = json!({"type": "system", "subtype": "api_error", "level": "error",
        "error": {"message": "reset", "connection": {"code": "ECONNRESET"}},
        "retryAttempt": 2, "maxRetries": 10, "retryInMs": 601.5});
    let import = Script::default().add(retry).add(line).import();
    let event = only(&import, "workflow.resource_usage");
    assert_eq!((&event["status"], &event["result_code"]), (&json!("error"), &json!("429")));
    let event = only(&import, "workflow.retry");
    assert_eq!(event["error_message"], "reset");
    assert_eq!(event["result_code"], "ECONNRESET");
    assert_eq!((&event["attempt"], &event["delay_ms"]), (&json!(2), &json!(601.5)));
}

#[test]
fn a_session_starts_once_with_its_first_line() {
    let mut resumed = Script::default().add(json!({"type": "progress",
        "data": {"type": "hook_progress", "hookEvent": "SessionStart"}}));
    resumed.lines.insert(
        0,
        json!({"type": "permission-mode", "permissionMode": "plan",
        "sessionId": SESSION}),
    );
    let import = resumed.prompt("one").prompt("two").import();
    let event = only(&import, "agent.deployed");
    assert_eq!(event["agent_id"], MAIN);
    assert_eq!(event["session_id"], SESSION);
    assert_eq!(event["agent_version"], "2.1.33");
    assert_eq!(event["source"]["line"], 2);
    assert_eq!(event["audit_id"], ids::audit_id("audit_cc_", &["session", SESSION]));
}

#[test]
fn a_resumed_copy_adds_only_what_is_new() {
    let original = Script::default().says(ONE, 9, None).says(TWO, 3, Some("end_turn"));
    let copy = original.clone().says("msg_01CCCCCCCCCCCCCCCCCCCCCCCC", 4, Some("end_turn"));
    let name = "99999999-2222-4333-8444-555555555555.jsonl";
    let files = [(name, copy.bytes()), (&format!("{SESSION}.jsonl"), original.bytes())];
    let files: Vec<_> = files.iter().map(|(n, b)| (*n, b.as_slice())).collect();
    let imports = read(&files, &ImportOptions::default());
    let outputs = |import| -> Vec<Value> {
        events(import, "workflow.resource_usage")
            .iter()
            .map(|event| event["output_tokens"].clone())
            .collect()
    };
    assert_eq!(outputs(&imports[0]), [4]);
    assert_eq!(outputs(&imports[1]), [9, 3]);
    assert_eq!(imports[0].duplicates, 3, "two responses and the session's start");
}
