//! Which events came after what they needed had ended.

use super::climb::Way;
use super::known::{At, Entity, Known};
use super::model::Ended;
use super::permissions::{Right, Rights, Word, expiry};
use super::record::Record;
use super::sign_in;
use super::time::rfc3339;

/// Words of operations that mean the same.
const VERBS: [&[&str]; 7] = [
    &["read", "get", "list", "search", "select", "query", "view", "download", "fetch"],
    &["write", "put", "edit", "update", "insert", "upload", "create", "modify"],
    &["delete", "remove", "drop", "purge"],
    &["export"],
    &["call", "invoke", "execute", "exec", "run"],
    &["transform", "filter"],
    &["spawn", "delegate"],
];

/// What had ended before an event, of all that it used or must have used.
pub(super) fn before(known: &Known, at: At, way: &Way, rights: Option<&Rights<At>>) -> Vec<Ended> {
    let record = known.get(at);
    let mut ended = Vec::new();
    if !acts(record) {
        return ended;
    }
    if let Some(rights) = rights {
        if let (Some(word), Some((_, agent))) = (rights.stopped, record.agent()) {
            ended.push(entry(known, "agent", agent, word, "used"));
        }
        ended.extend(permissions(known, record, rights));
    }
    if let Some(id) = record.text("credential_id")
        && let Some(word) = credential_end(known, id, record)
    {
        ended.push(entry(known, "credential", id, word, "used"));
    }
    ended.extend(session(known, record, way));
    ended
}

fn entry(
    known: &Known,
    what: &'static str,
    name: &str,
    word: Word<At>,
    basis: &'static str,
) -> Ended {
    let (name, at) = (name.to_owned(), rfc3339(word.at));
    Ended { what, name, at, audit_id: known.get(word.by).audit_id.clone(), basis }
}

/// Whether somebody did something for which a right may be needed.
fn acts(record: &Record) -> bool {
    match record.domain() {
        "data" | "workflow" => record.decider().is_none(),
        "agent" => record.event_type == "agent.spawned",
        _ => false,
    }
}

fn permissions(known: &Known, record: &Record, rights: &Rights<At>) -> Vec<Ended> {
    let mut found = Vec::new();
    let mut add = |right: &Right, word: Word<At>, basis| {
        let name = match &right.1 {
            Some(resource) => format!("{} on {resource}", right.0),
            None => right.0.clone(),
        };
        found.push(entry(known, "permission", &name, word, basis));
    };
    let needed = record.first(&["required_permission", "permission"]).map(|(_, name)| name);
    let tests: [(&str, &dyn Fn(&Right) -> bool); 4] = [
        ("named", &|right| Some(right.0.as_str()) == needed),
        ("tool", &|right| is_tool(record, &right.0)),
        ("resource", &|right| is_resource(record, right)),
        ("verb", &|right| is_verb(record, right)),
    ];
    let tests = if needed.is_some() { &tests[..1] } else { &tests[1..] };
    for (basis, fits) in tests {
        if rights.in_force.iter().any(|(right, _)| fits(right)) {
            return found;
        }
        let fitting: Vec<_> = rights.ended.iter().filter(|(right, _)| fits(right)).collect();
        if !fitting.is_empty() {
            fitting.into_iter().for_each(|(right, word)| add(right, *word, basis));
            return found;
        }
    }
    if needed.is_none() && rights.in_force.is_empty() {
        // The one that ended last is what left nothing.
        if let Some((right, word)) = rights.ended.iter().max_by_key(|(_, word)| word.at) {
            add(right, *word, "all");
        }
    }
    found
}

fn is_tool(record: &Record, right: &str) -> bool {
    let Some(tool) = record.text("tool_name") else { return false };
    let name = right.strip_prefix("tool:").unwrap_or(right);
    name == tool
        || name.strip_suffix('*').is_some_and(|start| !start.is_empty() && tool.starts_with(start))
        || name.strip_prefix(tool).is_some_and(|rest| rest.starts_with('('))
}

fn is_resource(record: &Record, (_, resource): &Right) -> bool {
    let (Some(path), Some(resource)) = (record.text("resource.path"), resource) else {
        return false;
    };
    let below = resource.trim_end_matches('*').trim_end_matches('/');
    path == resource
        || !below.is_empty()
            && path.strip_prefix(below).is_some_and(|rest| {
                rest.is_empty() || rest.starts_with('/') || resource.ends_with('*')
            })
}

fn is_verb(record: &Record, (right, resource): &Right) -> bool {
    if resource.is_some() {
        return false;
    }
    let action = record.event_type.split_once('.').map_or("", |(_, action)| action);
    let operation = record.text("operation.action").unwrap_or_default();
    let group = |text: &str| {
        let words: Vec<String> =
            text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase).collect();
        VERBS.iter().position(|verbs| words.iter().any(|word| verbs.contains(&word.as_str())))
    };
    let action = if action == "spawned" { "spawn" } else { action };
    let wanted = group(operation).or_else(|| group(action));
    wanted.is_some() && group(right) == wanted
}

/// When and by which event a credential had ended before an event.
fn credential_end(known: &Known, id: &str, record: &Record) -> Option<Word<At>> {
    let mut end: Option<Word<At>> = None;
    let mut note = |word: Word<At>| {
        end = end.filter(|known| known.at <= word.at).or(Some(word));
    };
    for at in known.credential(id) {
        let event = known.get(*at);
        if event.failed() {
            continue;
        }
        let ends = match event.event_type.as_str() {
            "auth.api_key_revoked" => event.text("api_key_id") == Some(id),
            "auth.temp_credential_expired" => true,
            "auth.api_key_rotated" => event.text("previous_api_key_id") == Some(id),
            "system.credential_rotated" => event.text("previous_credential_id") == Some(id),
            _ => false,
        };
        if ends && event.order() < record.order() {
            note(Word { at: event.at, by: *at });
        }
        let made = ["auth.api_key_created", "auth.temp_credential_issued", "auth.api_key_rotated"];
        if !ends
            && made.contains(&event.event_type.as_str())
            && let Some(expires) = expiry(event).filter(|expires| *expires <= record.at)
        {
            note(Word { at: expires, by: *at });
        }
    }
    end
}

/// A session whose own authentication had ended.
fn session(known: &Known, record: &Record, way: &Way) -> Option<Ended> {
    let (_, session) = record.session()?;
    let login = way.stages.iter().zip(way.stages.iter().skip(1)).find_map(|(above, below)| {
        let Entity::Event(login) = above.entity else { return None };
        let certain = below.edge.as_ref().is_some_and(|edge| !edge.inferred);
        certain.then_some(login)
    })?;
    let (_, user) = known.get(login).first(&["user_id", "email"])?;
    let (at, by) = sign_in::ended(known, user, login, record.at)?;
    Some(entry(known, "session", session, Word { at, by }, "used"))
}
