//! What somebody may do at a moment: a fold over the events that gave and took rights.

use std::collections::BTreeMap;

use sealtrail_core::json::parse_timestamp;

use super::record::Record;

/// A right, and the only resource that it is for.
pub(super) type Right = (String, Option<String>);

/// What an event does to the rights of its subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// Gives rights, until a time (microseconds since 1970) if there is one.
    Grant { rights: Vec<Right>, expires: Option<i64> },
    /// Takes rights by name (all if there is none), on one resource if there is one.
    Revoke { names: Vec<String>, resource: Option<String> },
    /// Nothing may be done any more.
    Stop,
    /// It may be done again.
    Resume,
}

/// Who gave or took something, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word<E> {
    pub(super) at: i64,
    pub(super) by: E,
}

/// Rights after some changes, with the events that made them so.
#[derive(Debug, Clone)]
pub(super) struct Fold<E> {
    granted: BTreeMap<Right, (Word<E>, Option<i64>)>,
    ended: BTreeMap<Right, Word<E>>,
    stopped: Option<Word<E>>,
}

impl<E> Default for Fold<E> {
    fn default() -> Self {
        Self { granted: BTreeMap::new(), ended: BTreeMap::new(), stopped: None }
    }
}

/// Rights at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rights<E> {
    pub(super) in_force: Vec<(Right, Word<E>)>,
    /// Those that were in force before.
    pub(super) ended: Vec<(Right, Word<E>)>,
    /// Since when nothing may be done.
    pub(super) stopped: Option<Word<E>>,
}

impl<E: Copy> Fold<E> {
    /// The next change, in the order of events.
    pub(super) fn apply(&mut self, change: &Change, word: Word<E>) {
        match change {
            Change::Grant { rights, expires } => {
                for right in rights {
                    self.ended.remove(right);
                    self.granted.insert(right.clone(), (word, *expires));
                }
            }
            Change::Revoke { names, resource } => {
                let taken: Vec<Right> = self
                    .granted
                    .keys()
                    .filter(|(name, on)| {
                        (names.is_empty() || names.contains(name))
                            && (resource.is_none() || on == resource)
                    })
                    .cloned()
                    .collect();
                for right in taken {
                    // One that had run out before ended then.
                    let (given, expires) = match self.granted.remove(&right) {
                        Some(given) => given,
                        None => continue,
                    };
                    let end = expires.filter(|end| *end <= word.at);
                    let word = end.map_or(word, |at| Word { at, by: given.by });
                    self.ended.insert(right, word);
                }
            }
            Change::Stop => self.stopped = self.stopped.or(Some(word)),
            Change::Resume => self.stopped = None,
        }
    }

    /// The rights at a time (microseconds since 1970) after the changes so far.
    pub(super) fn at(&self, time: i64) -> Rights<E> {
        let mut rights = Rights {
            in_force: Vec::new(),
            ended: self.ended.iter().map(|(right, word)| (right.clone(), *word)).collect(),
            stopped: self.stopped,
        };
        for (right, (word, expires)) in &self.granted {
            match expires.filter(|end| *end <= time) {
                None => rights.in_force.push((right.clone(), *word)),
                Some(at) => rights.ended.push((right.clone(), Word { at, by: word.by })),
            }
        }
        rights.ended.sort_by(|a, b| a.0.cmp(&b.0));
        rights
    }
}

/// What an event does to the rights of the one whom it is about: of an agent, or of a grantee.
pub(super) fn changes(record: &Record) -> Vec<Change> {
    if record.failed() {
        return Vec::new();
    }
    let listed =
        |path: &str| -> Vec<String> { record.texts(path).into_iter().map(str::to_owned).collect() };
    let free = |names: Vec<String>| names.into_iter().map(|name| (name, None)).collect();
    let grant = |names: Vec<String>| {
        (!names.is_empty()).then(|| Change::Grant { rights: free(names), expires: None })
    };
    let granted = || listed("tool_permissions.granted");
    match record.event_type.as_str() {
        "auth.permission_granted" => {
            let resource = record.text("resource.path").map(str::to_owned);
            let names = named(record);
            let rights = names.into_iter().map(|name| (name, resource.clone())).collect();
            vec![Change::Grant { rights, expires: expiry(record) }]
        }
        "auth.permission_revoked" => {
            let resource = record.text("resource.path").map(str::to_owned);
            vec![Change::Revoke { names: named(record), resource }]
        }
        "agent.created" => {
            let names = [granted(), listed("scope")].concat();
            [Some(Change::Resume), grant(names)].into_iter().flatten().collect()
        }
        "agent.spawned" => grant(listed("scope")).into_iter().collect(),
        "agent.config_update" | "agent.tool_permission_change" => {
            let names = listed("tool_permissions.revoked");
            let revoke = Change::Revoke { names, resource: None };
            let revoke = Some(revoke).filter(
                |change| !matches!(change, Change::Revoke { names, .. } if names.is_empty()),
            );
            [revoke, grant(granted())].into_iter().flatten().collect()
        }
        "agent.suspended" | "agent.deleted" => vec![Change::Stop],
        "agent.deployed" => vec![Change::Resume],
        _ => Vec::new(),
    }
}

/// The scopes, and the role as `role:NAME`.
fn named(record: &Record) -> Vec<String> {
    let scopes = record.texts("scopes").into_iter().map(str::to_owned);
    scopes.chain(record.text("role").map(|role| format!("role:{role}"))).collect()
}

/// When it runs out, in microseconds since 1970: `expires_at`, else `ttl_seconds` after the event.
pub(super) fn expiry(record: &Record) -> Option<i64> {
    if let Some(text) = record.text("expires_at") {
        return parse_timestamp(text, "expires_at").ok();
    }
    let seconds = record.value("ttl_seconds").as_f64().filter(|s| *s >= 0.0)?;
    #[expect(clippy::cast_possible_truncation, reason = "saturates, as it should")]
    Some(record.at.saturating_add((seconds * 1e6) as i64))
}

#[cfg(test)]
#[path = "permissions_tests.rs"]
mod tests;
