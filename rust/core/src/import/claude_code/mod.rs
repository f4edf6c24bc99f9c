//! Transcripts of Claude Code: `<session>.jsonl` and `<session>/subagents/agent-<id>.jsonl`.
//!
//! | in the transcript | event |
//! |---|---|
//! | first line of a session's conversation | `agent.deployed` |
//! | tool call `Task` or `Agent`, with its result | `agent.spawned` |
//! | that result, when it says that the subagent ended; for one in the background `TaskOutput` or a task notification | `agent.stopped` |
//! | `Read`, `NotebookRead` | `data.file_read`, action `read` |
//! | `Grep` / `Glob`, `LS` (without a path: in `cwd`) | `data.file_read`, action `search` / `list` |
//! | `Write` / `Edit`, `MultiEdit`, `NotebookEdit` | `data.file_write`, action `write` / `edit` |
//! | `Bash`, `PowerShell` | `data.api_call`, action `execute`, endpoint `claude-code:Bash` |
//! | `WebFetch` | `data.api_call`, endpoint the URL |
//! | `mcp__<server>__<tool>` | `data.api_call`, endpoint `mcp://<server>/<tool>` |
//! | any other tool, and one of the above without its path | `data.api_call`, endpoint `claude-code:<tool>` |
//! | a model response (all lines of one `message.id`) | `workflow.resource_usage` |
//! | a failed request to the model that is tried again | `workflow.retry` |
//!
//! The end of a session is nowhere in a transcript, and any session can be resumed, so there is
//! no `agent.stopped` for sessions.
//!
//! **Who.** `agent_id` is `claude-code:<session>` for the main agent and
//! `claude-code:<session>/<subagent>` for a subagent; `agent.spawned` links them through
//! `parent_agent_id` and `delegation_chain`. A subagent that never came to be (the call was denied
//! or failed) is named after its call. Messages of subagents are counted under the subagent,
//! whether they stand in its own transcript, in `progress` lines of the session (older versions),
//! or in the session's transcript as side chains (before that); the latter two also show
//! `parent_agent_id`. `uuid` and `parent_uuid` are the
//! line's own links.
//!
//! **How it went.** `status` is `success`, `error`, `denied` or `cancelled` (interrupted by the
//! user, or dropped because a parallel call failed); `denied_by` says what refused: the source's
//! `toolDenialKind`, or in older transcripts what the wording of the result gives away.
//! `duration_ms` runs from call to result and includes the wait for a permission.
//!
//! **What is kept.** `tool_input` whole; of a result its size, hash and the numbers and flags of
//! `toolUseResult` (`result.details`), its content only with
//! [`include_content`](super::ImportOptions::include_content). Size and hash are over the result's
//! `content`: the text itself, or compact JSON with sorted keys.
//!
//! **When is a response complete?** One response is written as several lines, the first of which
//! may carry a placeholder for its output tokens; tokens are taken from the first of the lines
//! with the most. A response has ended at the first of: a line of it with a stop reason; a line of
//! another response of the same agent; something new said to the agent; the end of the turn
//! (`turn_duration`, `stop_hook_summary`, `compact_boundary`, a `Stop` hook); the result of the
//! call that runs the subagent. Until then it is left for the next import. A later line that
//! claims more tokens changes nothing and is reported.
//!
//! **Copies.** Resumed sessions and compaction repeat earlier lines in other files, and versions
//! around 2.1 write a subagent's messages twice. Within a session the original wins: the session's
//! own line, then the subagent's transcript, then `progress` lines, then copies. Ids of messages
//! and calls (20 characters and more; shorter ones are made unique by session) make the rest
//! recognisable.

mod calls;
mod line;
mod message;
mod outcome;
mod tools;
mod transcript;

use std::collections::{HashMap, HashSet};

use super::{FileImport, ImportOptions, SourceEvent, Unfinished};
use line::Rank;
use transcript::Transcript;

/// The subagent whose transcript a file is, by its name.
pub(super) fn agent_of_file(name: &str) -> Option<&str> {
    name.strip_prefix("agent-")?.strip_suffix(".jsonl")
}

/// Reads the transcripts of one session, given as (name, bytes); one result per file.
///
/// Names are as in [`SourceFile::name`](super::SourceFile::name).
pub fn read(files: &[(&str, &[u8])], options: &ImportOptions) -> Vec<FileImport> {
    let mut transcripts: Vec<Transcript<'_>> = Vec::new();
    let mut ended = HashMap::new();
    for (name, bytes) in files {
        let mut transcript = Transcript::new(name, options);
        transcript.read(bytes);
        ended.extend(transcript.calls.ended.iter().map(|(k, v)| (k.clone(), v.clone())));
        transcripts.push(transcript);
    }
    for transcript in &mut transcripts {
        transcript.settle(&ended);
    }
    merge(transcripts)
}

/// Keeps the best place of each event.
fn merge(transcripts: Vec<Transcript<'_>>) -> Vec<FileImport> {
    let mut best: HashMap<String, (Rank, usize)> = HashMap::new();
    for (file, transcript) in transcripts.iter().enumerate() {
        for ranked in &transcript.events {
            let place = (ranked.rank, file);
            let entry = best.entry(id_of(&ranked.event)).or_insert(place);
            *entry = (*entry).min(place);
        }
    }
    let mut open_seen = HashSet::new();
    let mut written = HashSet::new();
    let mut out = Vec::with_capacity(transcripts.len());
    for (file, transcript) in transcripts.into_iter().enumerate() {
        let mut open = |ids: &mut dyn Iterator<Item = String>| {
            ids.filter(|id| !best.contains_key(id) && open_seen.insert(id.clone())).count() as u64
        };
        let unfinished = Unfinished {
            messages: open(&mut transcript.messages.open_ids()),
            calls: open(&mut transcript.calls.open_ids()),
            results: transcript.calls.early_results(),
            lines: u64::from(transcript.partial_line),
        };
        let mut import = FileImport {
            name: transcript.file.to_owned(),
            skipped: transcript.skipped,
            lines: transcript.lines,
            unfinished,
            ..FileImport::default()
        };
        for ranked in transcript.events {
            let id = id_of(&ranked.event);
            if best.get(&id) == Some(&(ranked.rank, file)) && written.insert(id) {
                import.events.push(SourceEvent { event: ranked.event, line: ranked.line });
            } else {
                import.duplicates += 1;
            }
        }
        out.push(import);
    }
    out
}

fn id_of(event: &serde_json::Map<String, serde_json::Value>) -> String {
    event.get("audit_id").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
