//! Subagents: their start, their end and what they did.

use serde_json::{Value, json};

use super::super::super::{FileImport, ImportOptions, ids};
use super::super::read;
use super::{MAIN, SESSION, Script, events, only, response};

const ONE: &str = "msg_01AAAAAAAAAAAAAAAAAAAAAAAA";
const INNER: &str = "msg_01DDDDDDDDDDDDDDDDDDDDDDDD";
const LAST: &str = "msg_01EEEEEEEEEEEEEEEEEEEEEEEE";
const TASK: &str = "toolu_01TTTTTTTTTTTTTTTTTTTTTT";
const READ: &str = "toolu_01RRRRRRRRRRRRRRRRRRRRRR";

fn task() -> Value {
    json!({"description": "Look around", "prompt": "find it", "subagent_type": "Explore"})
}

fn child() -> String {
    format!("{MAIN}/a1b2c3d")
}

fn completed() -> Value {
    json!({"toolUseResult": {"status": "completed", "agentId": "a1b2c3d", "content": [],
        "totalDurationMs": 5000, "totalToolUseCount": 1, "totalTokens": 99,
        "usage": {"input_tokens": 3, "cache_read_input_tokens": 100,
            "cache_creation_input_tokens": 20, "output_tokens": 77}}})
}

fn inner_call() -> Value {
    let block = json!({"type": "tool_use", "id": READ, "name": "Read",
        "input": {"file_path": "/a"}});
    response(INNER, 4, None, block)
}

fn inner_result() -> Value {
    json!({"type": "user", "message": {"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": READ, "content": "x"}]}})
}

#[test]
fn a_subagent_is_spawned_and_stopped_by_its_call() {
    let import = Script::default()
        .calls(ONE, TASK, "Task", task())
        .result(TASK, json!([{"type": "text", "text": "found"}]), completed())
        .import();
    let spawned = only(&import, "agent.spawned");
    assert_eq!(spawned["agent_id"], child());
    assert_eq!(spawned["parent_agent_id"], MAIN);
    assert_eq!(spawned["delegation_chain"], json!([MAIN, child()]));
    assert_eq!(spawned["agent_type"], "Explore");
    assert_eq!(spawned["task"], "Look around");
    assert_eq!((&spawned["tool_name"], &spawned["tool_use_id"]), (&json!("Task"), &json!(TASK)));
    assert_eq!(spawned["total_duration_ms"], 5000);
    assert_eq!(spawned["audit_id"], ids::audit_id("audit_cc_", &["tool", TASK]));
    let stopped = only(&import, "agent.stopped");
    assert_eq!(stopped["agent_id"], child());
    assert_eq!(stopped["parent_agent_id"], MAIN);
    assert_eq!((&stopped["reason"], &stopped["status"]), (&json!("completed"), &json!("success")));
    assert_eq!(stopped["timestamp"], "2026-03-01T10:00:01.000Z");
    assert_eq!(stopped["tool_calls"], 1);
}

#[test]
fn a_denied_subagent_is_named_after_its_call_and_never_stops() {
    let import = Script::default()
        .calls(ONE, TASK, "Agent", task())
        .result(TASK, json!("no"), json!({"is_error": true, "toolDenialKind": "user-rejected"}))
        .import();
    let spawned = only(&import, "agent.spawned");
    assert_eq!(spawned["status"], "denied");
    assert_eq!(spawned["agent_id"], format!("{MAIN}/{TASK}"));
    assert!(events(&import, "agent.stopped").is_empty());
}

#[test]
fn messages_in_progress_lines_belong_to_the_subagent() {
    let import = Script::default()
        .calls(ONE, TASK, "Task", task())
        .progress(TASK, "a1b2c3d", inner_call())
        .progress(TASK, "a1b2c3d", inner_result())
        .result(TASK, json!("done"), completed())
        .import();
    let read = only(&import, "data.file_read");
    assert_eq!(read["agent_id"], child());
    assert_eq!(read["parent_agent_id"], MAIN);
    assert_eq!(read["session_id"], SESSION);
    assert_eq!(read["uuid"], "inner-1");
    assert_eq!(read["parent_tool_use_id"], TASK);
    let usage = events(&import, "workflow.resource_usage");
    assert_eq!(usage.len(), 1, "the main agent's response may go on, the subagent's may not");
    assert_eq!(usage[0]["agent_id"], child());
    assert_eq!(usage[0]["message_id"], INNER);
}

#[test]
fn subagents_side_by_side_do_not_end_each_other() {
    let other = |id: &str, output| response(id, output, None, json!({"type": "text", "text": "x"}));
    let two = "msg_01FFFFFFFFFFFFFFFFFFFFFFFF";
    let import = Script::default()
        .calls(ONE, TASK, "Task", task())
        .progress(TASK, "a1b2c3d", other(INNER, 1))
        .progress("toolu_01UUUUUUUUUUUUUUUUUUUUUU", "e5f6", other(two, 1))
        .progress(TASK, "a1b2c3d", other(INNER, 30))
        .progress("toolu_01UUUUUUUUUUUUUUUUUUUUUU", "e5f6", other(two, 31))
        .progress(TASK, "a1b2c3d", other(LAST, 2))
        .progress(
            "toolu_01UUUUUUUUUUUUUUUUUUUUUU",
            "e5f6",
            other("msg_01GGGGGGGGGGGGGGGGGGGGGGGG", 2),
        )
        .import();
    let outputs: Vec<_> = events(&import, "workflow.resource_usage")
        .iter()
        .map(|event| event["output_tokens"].clone())
        .collect();
    assert_eq!(outputs, [30, 31]);
    assert!(import.skipped.is_empty());
}

fn both_files(progress: bool) -> Vec<FileImport> {
    let mut main = Script::default().calls(ONE, TASK, "Task", task());
    if progress {
        main =
            main.progress(TASK, "a1b2c3d", inner_call()).progress(TASK, "a1b2c3d", inner_result());
    }
    let main = main.result(TASK, json!("done"), completed());
    let agent = Script::of_agent("a1b2c3d")
        .prompt("find it")
        .add(inner_call())
        .add(inner_result())
        .says(LAST, 5, None);
    let agent_name = format!("{SESSION}/subagents/agent-a1b2c3d.jsonl");
    read(
        &[(&format!("{SESSION}.jsonl"), &main.bytes()), (&agent_name, &agent.bytes())],
        &ImportOptions::default(),
    )
}

#[test]
fn a_subagents_own_transcript_wins_over_progress_lines() {
    for progress in [false, true] {
        let imports = both_files(progress);
        assert!(events(&imports[0], "data.file_read").is_empty());
        let read = only(&imports[1], "data.file_read");
        assert_eq!(read["agent_id"], child());
        let file = format!("{SESSION}/subagents/agent-a1b2c3d.jsonl");
        assert_eq!(read["source"]["file"], file);
        assert_eq!(imports[0].duplicates, if progress { 2 } else { 0 });
    }
}

#[test]
fn the_parent_tells_that_the_last_response_ended() {
    let imports = both_files(false);
    let usage = events(&imports[1], "workflow.resource_usage");
    assert_eq!(usage.len(), 2);
    assert_eq!(usage[1]["message_id"], LAST);
    assert!(events(&imports[1], "agent.deployed").is_empty());
    assert_eq!(imports[1].unfinished.total(), 0);
}

#[test]
fn the_parent_does_not_end_another_response_than_the_last() {
    let main =
        Script::default().calls(ONE, TASK, "Task", task()).result(TASK, json!("done"), completed());
    // Cut before the last line: what is open is a tool call, not the last words.
    let agent = Script::of_agent("a1b2c3d").prompt("find it").add(inner_call());
    let imports = read(
        &[
            (&format!("{SESSION}.jsonl"), &main.bytes()),
            ("s/subagents/agent-a1b2c3d.jsonl", &agent.bytes()),
        ],
        &ImportOptions::default(),
    );
    assert!(imports[1].events.is_empty());
    assert_eq!(imports[1].unfinished.messages, 1);
}

#[test]
fn a_background_subagent_stops_when_someone_says_so() {
    let launched = json!({"toolUseResult": {"status": "async_launched", "isAsync": true,
        "agentId": "a1b2c3d"}});
    let base = Script::default().calls(ONE, TASK, "Task", task()).result(
        TASK,
        json!("launched"),
        launched,
    );
    let import = base.import();
    assert_eq!(only(&import, "agent.spawned")["background"], true);
    assert!(events(&import, "agent.stopped").is_empty());
    let note = "<task-notification>\n<task-id>a1b2c3d</task-id>\n<status>failed</status>";
    let polled =
        |state: &str| json!({"toolUseResult": {"task": {"task_id": "a1b2c3d", "status": state}}});
    let poll = "toolu_01PPPPPPPPPPPPPPPPPPPPPP";
    let other = note.replace("a1b2c3d", "b9");
    for (script, status) in [
        (base.clone().prompt(note), Some("error")),
        (base.clone().add(json!({"type": "queue-operation", "content": note})), Some("error")),
        (
            base.clone().add(json!({"type": "attachment",
                "attachment": {"type": "queued_command", "prompt": note}})),
            Some("error"),
        ),
        (
            base.clone().calls(ONE, poll, "TaskOutput", json!({"task_id": "a1b2c3d"})).result(
                poll,
                json!("x"),
                polled("completed"),
            ),
            Some("success"),
        ),
        (
            base.clone().calls(ONE, poll, "TaskOutput", json!({"task_id": "a1b2c3d"})).result(
                poll,
                json!("x"),
                polled("running"),
            ),
            None,
        ),
        (base.clone().prompt(&other), None),
        (base.clone().prompt(note).prompt(note), Some("error")),
    ] {
        let import = script.import();
        let stopped = events(&import, "agent.stopped");
        assert_eq!(stopped.first().map(|event| event["status"].as_str().unwrap()), status);
        assert!(stopped.len() <= 1);
        if let Some(stopped) = stopped.first() {
            assert_eq!(stopped["agent_id"], child());
            assert_eq!(stopped["parent_agent_id"], MAIN);
            assert_eq!(stopped["agent_type"], "Explore");
        }
    }
}

#[test]
fn inline_side_chains_are_agents_of_their_own() {
    let side = |uuid: &str, parent: Option<&str>, mut line: Value| {
        line["isSidechain"] = true.into();
        line["uuid"] = uuid.into();
        line["parentUuid"] = parent.into();
        line
    };
    let text = json!({"type": "text", "text": "x"});
    let prompt = json!({"type": "user", "message": {"role": "user", "content": "find"}});
    let import = Script::default()
        .calls(ONE, TASK, "Task", task())
        .add(side("s1", None, prompt.clone()))
        .add(side("t1", None, prompt))
        .add(side("s2", Some("s1"), response(INNER, 3, None, text.clone())))
        .add(side("t2", Some("t1"), response(LAST, 4, None, text.clone())))
        .add(side("s3", Some("s2"), response(INNER, 8, Some("end_turn"), text.clone())))
        .add(side("t3", Some("t2"), response(LAST, 9, Some("end_turn"), text)))
        .import();
    let usage = events(&import, "workflow.resource_usage");
    assert_eq!(usage.len(), 2);
    assert_eq!((&usage[0]["output_tokens"], &usage[1]["output_tokens"]), (&json!(8), &json!(9)));
    assert_eq!(usage[0]["agent_id"], format!("{MAIN}/s1"));
    assert_eq!(usage[1]["agent_id"], format!("{MAIN}/t1"));
    assert_eq!(usage[1]["parent_agent_id"], MAIN);
}

#[test]
fn compaction_repeats_the_conversation_under_another_name() {
    let main = Script::default().says(ONE, 9, Some("end_turn"));
    let copy = Script::of_agent("acompact-77").says(ONE, 9, Some("end_turn")).says(
        LAST,
        2,
        Some("end_turn"),
    );
    let imports = read(
        &[
            (&format!("{SESSION}.jsonl"), &main.bytes()),
            ("s/subagents/agent-acompact-77.jsonl", &copy.bytes()),
        ],
        &ImportOptions::default(),
    );
    assert_eq!(only(&imports[0], "workflow.resource_usage")["agent_id"], MAIN);
    let own = only(&imports[1], "workflow.resource_usage");
    assert_eq!(own["agent_id"], format!("{MAIN}/acompact-77"));
    assert_eq!(own["message_id"], LAST);
}
