//! What is known around a place on the way up, and which spawn governs an agent there.

use super::known::{At, Known};
use super::record::Record;

/// A value, the field that holds it, and the event that has the field.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) value: String,
    pub(super) field: String,
    pub(super) by: At,
}

/// What is known of the surroundings, the nearest word first.
#[derive(Debug, Clone, Default)]
pub(super) struct Context {
    pub(super) session: Option<Said>,
    pub(super) execution: Option<Said>,
    pub(super) credential: Option<Said>,
    pub(super) user: Option<Said>,
    /// The nearest event with a `delegation_chain`.
    pub(super) chain: Option<At>,
    pub(super) at: i64,
    /// The event that the last step was made with.
    pub(super) by: At,
}

impl Context {
    pub(super) fn of(record: &Record, by: At) -> Self {
        let said = |found: Option<(&'static str, &str)>| {
            found.map(|(field, value)| Said {
                value: value.to_owned(),
                field: field.to_owned(),
                by,
            })
        };
        let chain = (record.texts("delegation_chain").len() > 1).then_some(by);
        Self {
            session: said(record.session()),
            execution: said(record.first(&["execution_id"])),
            credential: said(record.first(&["credential_id"])),
            user: said(record.user()),
            chain,
            at: record.at,
            by,
        }
    }

    /// What an event above says, where it says something; but of runs the nearest, which leads to
    /// those above it.
    pub(super) fn over(self, above: Self) -> Self {
        Self {
            session: above.session.or(self.session),
            execution: self.execution.or(above.execution),
            credential: above.credential.or(self.credential),
            user: above.user.or(self.user),
            chain: above.chain.or(self.chain),
            at: above.at,
            by: above.by,
        }
    }
}

/// The `agent.spawned` that an agent's action at that moment comes from: the latest before it in
/// the same session, else the latest before it; never one that names another user.
pub(super) fn governing(known: &Known, agent: &str, context: &Context) -> Option<At> {
    let spawns = known.spawns(agent);
    let person = |name: &&str| !known.is_agent(name);
    let user = context.user.as_ref().map(|said| said.value.as_str()).filter(person);
    let fits = |at: &At| {
        let other = known.get(*at).user().map(|(_, name)| name).filter(person);
        user.zip(other).is_none_or(|(user, other)| user == other)
    };
    let session = context.session.as_ref().map(|said| said.value.as_str());
    let in_session =
        |at: &At| session.is_some() && known.get(*at).session().map(|(_, id)| id) == session;
    let fitting: Vec<At> = spawns.iter().copied().filter(fits).collect();
    let same: Vec<At> = fitting.iter().copied().filter(in_session).collect();
    let before = |at: &At| known.get(*at).at <= context.at;
    if !same.is_empty() {
        // Clocks differ: one that seems later, in the same session, is better than none.
        return same.iter().copied().rfind(before).or(same.first().copied());
    }
    fitting.iter().copied().rfind(before)
}
