//! The permissions of those who acted, at each of their actions.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::climb::Way;
use super::ended;
use super::fetch::Source;
use super::known::{At, Known};
use super::lineage;
use super::model::{Ended, InForce};
use super::permissions::{Fold, Rights, Word, changes};
use super::time::rfc3339;
use super::walk::Member;
use crate::error::Result;

/// What is known of an action's authority.
#[derive(Debug, Default, Clone)]
pub(super) struct Authority {
    pub(super) in_force: Arc<Vec<InForce>>,
    pub(super) ended: Vec<Ended>,
}

/// The authority of each event, by its place in `members`.
pub(super) async fn authorities(
    source: &Source<'_>,
    known: &mut Known,
    members: &[Member],
) -> Result<Vec<Authority>> {
    let mut credentials = BTreeSet::new();
    for member in members {
        let record = known.get(member.at);
        credentials.extend(record.text("credential_id").map(str::to_owned));
    }
    for id in credentials {
        known.credential_is_read(&id);
    }
    let subjects: Vec<Option<(String, Option<At>)>> =
        members.iter().map(|member| subject(known, member.at, &member.way)).collect();
    let mut of_subject: HashMap<(String, Option<At>), Vec<usize>> = HashMap::new();
    for (index, subject) in subjects.into_iter().enumerate() {
        if let Some(subject) = subject {
            known.name_is_read(&subject.0);
            of_subject.entry(subject).or_default().push(index);
        }
    }
    while lineage::read(source, known).await? {}
    let mut found = vec![Authority::default(); members.len()];
    let mut judged = vec![false; members.len()];
    for ((name, spawn), indexes) in &of_subject {
        sweep(known, name, *spawn, indexes, members, &mut found);
        indexes.iter().for_each(|index| judged[*index] = true);
    }
    for (index, member) in members.iter().enumerate().filter(|(index, _)| !judged[*index]) {
        found[index].ended = ended::before(known, member.at, &member.way, None);
    }
    Ok(found)
}

/// Who acted, and under which `agent.spawned`.
fn subject(known: &Known, at: At, way: &Way) -> Option<(String, Option<At>)> {
    let record = known.get(at);
    let agent = record.agent().map(|(_, agent)| (agent.to_owned(), way.spawn));
    agent.or_else(|| Some((record.user()?.1.to_owned(), None)))
}

/// Goes through the history of one subject once.
fn sweep(
    known: &Known,
    name: &str,
    spawn: Option<At>,
    indexes: &[usize],
    members: &[Member],
    found: &mut [Authority],
) {
    let mut history: Vec<At> = known.rights(name).to_vec();
    history.extend(spawn);
    history.sort_by(|a, b| known.get(*a).order().cmp(&known.get(*b).order()));
    let mut fold = Fold::default();
    let mut next = history.into_iter().peekable();
    let mut last: Option<(Rights<At>, Arc<Vec<InForce>>)> = None;
    // Members are in the order of events.
    for index in indexes {
        let member = &members[*index];
        let record = known.get(member.at);
        while let Some(at) = next.next_if(|at| known.get(*at).order() < record.order()) {
            let word = Word { at: known.get(at).at, by: at };
            changes(known.get(at)).iter().for_each(|change| fold.apply(change, word));
        }
        let rights = fold.at(record.at);
        let shared = match &last {
            Some((before, shared)) if *before == rights => Arc::clone(shared),
            _ => Arc::new(in_force(known, &rights)),
        };
        found[*index] = Authority {
            in_force: Arc::clone(&shared),
            ended: ended::before(known, member.at, &member.way, Some(&rights)),
        };
        last = Some((rights, shared));
    }
}

fn in_force(known: &Known, rights: &Rights<At>) -> Vec<InForce> {
    let shown = rights.in_force.iter().map(|((permission, resource), word)| InForce {
        permission: permission.clone(),
        resource: resource.clone(),
        audit_id: known.get(word.by).audit_id.clone(),
        since: rfc3339(word.at),
    });
    shown.collect()
}
