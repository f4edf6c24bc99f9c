//! A transcript that grows never conflicts with itself.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::super::super::{FileImport, ImportOptions};
use super::super::read;
use super::{SESSION, Script, response};

/// A session with everything that makes a cut hard: responses in several lines, results before
/// calls and between the lines of a response, subagents side by side, one in the background.
fn eventful() -> Script {
    let id = |n: u32| format!("msg_01{n:0>24}");
    let tool = |n: u32| format!("toolu_01{n:0>22}");
    let words =
        |n, tokens, stop| response(&id(n), tokens, stop, json!({"type": "text", "text": "x"}));
    let inner = |n: u32, t: u32| {
        let block = json!({"type": "tool_use", "id": tool(t), "name": "Bash",
            "input": {"command": "ls"}});
        response(&id(n), 2, None, block)
    };
    let answer = |t: u32| {
        json!({"type": "user", "message": {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": tool(t), "content": "x"}]}})
    };
    Script::default()
        .prompt("go")
        .says(&id(1), 1, None)
        .calls(&id(1), &tool(1), "Read", json!({"file_path": "/a"}))
        .result(&tool(1), json!("text"), json!({}))
        .says(&id(1), 50, Some("tool_use"))
        .calls(&id(2), &tool(2), "Task", json!({"description": "d", "subagent_type": "t"}))
        .calls(&id(2), &tool(3), "Task", json!({"description": "e", "subagent_type": "t"}))
        .progress(&tool(2), "aaa", inner(3, 4))
        .progress(&tool(3), "bbb", inner(4, 5))
        .progress(&tool(3), "bbb", answer(5))
        .progress(&tool(2), "aaa", answer(4))
        .progress(&tool(2), "aaa", words(3, 60, None))
        .progress(&tool(3), "bbb", words(5, 3, None))
        .result(
            &tool(3),
            json!("b"),
            json!({"toolUseResult":
            {"status": "completed", "agentId": "bbb", "totalDurationMs": 1}}),
        )
        .result(
            &tool(2),
            json!("a"),
            json!({"toolUseResult":
            {"status": "async_launched", "agentId": "aaa"}}),
        )
        .result(&tool(6), json!("early"), json!({}))
        .calls(&id(6), &tool(6), "Bash", json!({"command": "ls"}))
        .says(&id(6), 9, None)
        .add(json!({"type": "system", "subtype": "turn_duration", "durationMs": 5}))
        .prompt("<task-notification><task-id>aaa</task-id><status>completed</status>")
        .says(&id(7), 2, None)
        .calls(&id(7), &tool(7), "Edit", json!({"file_path": "/a"}))
        .result(
            &tool(7),
            json!("The user doesn't want to proceed with this tool use"),
            json!({"is_error": true}),
        )
        .says(&id(7), 30, None)
        .prompt("go on")
        .says(&id(8), 2, None)
}

fn import(bytes: &[u8]) -> FileImport {
    read(&[(&format!("{SESSION}.jsonl"), bytes)], &ImportOptions::default()).remove(0)
}

fn by_id(import: &FileImport) -> HashMap<String, Map<String, Value>> {
    import.events.iter().map(|e| (e.audit_id().to_owned(), e.event.clone())).collect()
}

#[test]
fn every_cut_gives_the_first_events_of_the_whole() {
    let bytes = eventful().bytes();
    let whole = import(&bytes);
    assert_eq!(by_id(&whole).len(), whole.events.len(), "ids are unique");
    assert_eq!(whole.events.len(), 17, "{:#?}", whole.events);
    assert_eq!(whole.unfinished.total(), 1);
    let mut sizes = Vec::new();
    let ends: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] == b'\n').collect();
    // Before, in the middle of and after every line, with and without its terminator.
    let cuts = ends.iter().flat_map(|end| [end.saturating_sub(70), end - 1, *end, end + 1]);
    for cut in std::iter::once(0).chain(cuts) {
        let part = import(&bytes[..cut]);
        let count = part.events.len();
        assert_eq!(part.events, whole.events[..count], "cut at byte {cut}");
        assert!(part.skipped.is_empty(), "cut at byte {cut}: {:?}", part.skipped);
        sizes.push(count);
    }
    assert!(sizes.is_sorted());
    assert_eq!(*sizes.last().unwrap(), whole.events.len());
}

#[test]
fn importing_twice_gives_the_same_events() {
    let bytes = eventful().bytes();
    assert_eq!(import(&bytes).events, import(&bytes).events);
}

#[test]
fn the_events_of_the_eventful_session() {
    let whole = import(&eventful().bytes());
    let mut counts: Vec<(String, usize)> = Vec::new();
    for event in &whole.events {
        let kind = event.event["event_type"].as_str().unwrap().to_owned();
        match counts.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += 1,
            None => counts.push((kind, 1)),
        }
    }
    counts.sort();
    let expected = [
        ("agent.deployed", 1),
        ("agent.spawned", 2),
        ("agent.stopped", 2),
        ("data.api_call", 3),
        ("data.file_read", 1),
        ("data.file_write", 1),
        ("workflow.resource_usage", 7),
    ];
    let expected: Vec<_> = expected.iter().map(|(kind, n)| ((*kind).to_owned(), *n)).collect();
    assert_eq!(counts, expected);
}

/// A session and its subagent's transcript, in the order in which their lines were written.
fn two_files() -> Vec<(usize, Vec<u8>)> {
    let task = "toolu_01TTTTTTTTTTTTTTTTTTTTTT";
    let read = "toolu_01RRRRRRRRRRRRRRRRRRRRRR";
    let id = |n: u32| format!("msg_01{n:0>24}");
    let main = Script::default()
        .prompt("go")
        .calls(&id(1), task, "Task", json!({"description": "d", "subagent_type": "t"}))
        .result(
            task,
            json!("done"),
            json!({"toolUseResult": {"status": "completed", "agentId": "aaa", "usage":
                {"input_tokens": 3, "cache_read_input_tokens": 100,
                    "cache_creation_input_tokens": 20}}}),
        )
        .says(&id(2), 8, Some("end_turn"));
    let agent = Script::of_agent("aaa")
        .prompt("find it")
        .calls(&id(3), read, "Read", json!({"file_path": "/a"}))
        .result(read, json!("text"), json!({}))
        .says(&id(4), 7, None);
    let line = |value: &Value| format!("{value}\n").into_bytes();
    let mut order: Vec<_> = main.lines[..2].iter().map(|value| (0, line(value))).collect();
    order.extend(agent.lines.iter().map(|value| (1, line(value))));
    order.extend(main.lines[2..].iter().map(|value| (0, line(value))));
    order
}

#[test]
fn a_session_that_grows_with_its_subagent_agrees_with_itself() {
    let order = two_files();
    let import = |lines: &[(usize, Vec<u8>)]| {
        let mut files = [Vec::new(), Vec::new()];
        for (file, line) in lines {
            files[*file].extend_from_slice(line);
        }
        let name = format!("{SESSION}.jsonl");
        let agent = format!("{SESSION}/subagents/agent-aaa.jsonl");
        let named = [(name.as_str(), files[0].as_slice()), (agent.as_str(), files[1].as_slice())];
        let imports = read(&named, &ImportOptions::default());
        imports.iter().flat_map(by_id).collect::<HashMap<_, _>>()
    };
    let whole = import(&order);
    assert_eq!(whole.len(), 8, "{:#?}", whole.values());
    let mut before = 0;
    for cut in 0..=order.len() {
        let part = import(&order[..cut]);
        for (id, event) in &part {
            assert_eq!(Some(event), whole.get(id), "cut after line {cut}");
        }
        assert!(part.len() >= before);
        before = part.len();
    }
}
