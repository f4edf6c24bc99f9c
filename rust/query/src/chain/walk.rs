//! Collects the events of a chain, level by level.
//!
//! From a set of things (agents, runs, sessions...) one statement finds all events that name one
//! of them; each event then climbs up, and stays if the subject is on its way. What such events
//! began is looked into next.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::climb::{self, Way};
use super::fetch::{Limits, Parts, Source};
use super::kind::Kind;
use super::known::{At, Entity, Known};
use super::lineage;
use super::model::{Edge, Notice};
use super::record::Record;
use super::{TraceOptions, model};
use crate::error::{QueryError, Result};
use crate::search::time_literal;

/// What the chain is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    Event(At),
    Thing(Entity),
}

/// An event of the chain.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) at: At,
    pub(super) way: Way,
    /// Where on the way the subject is; for the subject itself, an event, its length.
    pub(super) position: usize,
}

/// All events of a chain.
#[derive(Debug)]
pub(super) struct Collected {
    pub(super) known: Known,
    pub(super) subject: Subject,
    pub(super) members: Vec<Member>,
    pub(super) notices: BTreeSet<Notice>,
    pub(super) cut: bool,
}

/// Fields that name a user.
const NAMED: [&str; 8] = [
    "modified_by",
    "approver",
    "overridden_by",
    "user_context.initiated_by",
    "authorized_by",
    "initiated_by",
    "user_id",
    "email",
];
/// Event types that begin something.
const BEGINNINGS: &str = "'agent.spawned', 'agent.deployed', 'workflow.started', \
    'workflow.execution', 'auth.user_login', 'auth.sso_callback', 'auth.oauth_callback', \
    'auth.temp_credential_issued', 'auth.api_key_created', 'auth.api_key_rotated', \
    'system.credential_rotated'";
/// Event types that begin a session under another one.
const SESSION_BEGINS: &str = "event_type IN ('auth.user_login', 'auth.sso_callback', \
    'agent.spawned', 'agent.deployed', 'workflow.started', 'workflow.execution')";
const SPAWNED: &str = "domain = 'agent' AND event_type = 'agent.spawned'";
const OVERRIDE: &str = "domain = 'workflow' AND event_type = 'workflow.override'";

pub(super) async fn collect(
    source: &Source<'_>,
    id: &str,
    kind: Kind,
    options: &TraceOptions,
) -> Result<Collected> {
    let mut known = Known::default();
    let (subject, frontier, first) = begin(source, &mut known, id, kind).await?;
    let mut walk = Walk {
        source,
        options,
        known,
        subject,
        judged: HashSet::new(),
        expanded: HashSet::new(),
        members: Vec::new(),
        notices: BTreeSet::new(),
        cut: false,
    };
    let mut frontier = frontier;
    if let Some(first) = first {
        frontier.extend(walk.judge(vec![first]).await?);
    }
    while !frontier.is_empty() && !walk.full() {
        frontier = walk.level(frontier).await?;
        // Upwards only the things themselves matter, not what came of them.
        if !options.down {
            break;
        }
    }
    walk.finish().await
}

async fn begin(
    source: &Source<'_>,
    known: &mut Known,
    id: &str,
    kind: Kind,
) -> Result<(Subject, BTreeSet<Entity>, Option<At>)> {
    let id = id.to_owned();
    let thing = match kind {
        Kind::Execution => Entity::Execution(id),
        Kind::Session => Entity::Session(id),
        Kind::Agent => Entity::Agent(id),
        Kind::Credential => Entity::Credential(id),
        Kind::User => Entity::User(id),
        Kind::Audit => {
            let mut parts = Parts::default();
            parts.add(&["audit_id"], &BTreeSet::from([id.clone()]), "");
            let limits = Limits { rows: 1000, since: None, until: None };
            let mut records = source.fetch(&parts, limits).await?.records;
            records.sort_by(|a, b| a.order().cmp(&b.order()));
            known.namesakes = records.len().saturating_sub(1);
            let found = records.into_iter().next();
            let record =
                found.ok_or_else(|| QueryError::Execution(format!("{id}: the event is gone")))?;
            let at = known.learn(record);
            return Ok((Subject::Event(at), BTreeSet::new(), Some(at)));
        }
    };
    Ok((Subject::Thing(thing.clone()), BTreeSet::from([thing]), None))
}

struct Walk<'a> {
    source: &'a Source<'a>,
    options: &'a TraceOptions,
    known: Known,
    subject: Subject,
    judged: HashSet<At>,
    expanded: HashSet<Entity>,
    members: Vec<Member>,
    notices: BTreeSet<Notice>,
    cut: bool,
}

impl Walk<'_> {
    fn full(&self) -> bool {
        self.members.len() > self.options.max_nodes
    }

    /// In SQL: the time that is asked for, or something began, which leads to it.
    fn within(&self) -> String {
        let bounds = [(self.options.since, ">="), (self.options.until, "<")];
        let bounds: Vec<String> = bounds
            .iter()
            .filter_map(|(bound, sign)| Some((time_literal((*bound)?), sign)))
            .map(|(time, sign)| format!("\"timestamp\" {sign} {time}"))
            .collect();
        if bounds.is_empty() {
            return String::new();
        }
        format!("{} OR event_type IN ({BEGINNINGS})", bounds.join(" AND "))
    }

    fn in_time(&self, at: i64) -> bool {
        self.options.since.is_none_or(|since| at >= since)
            && self.options.until.is_none_or(|until| at < until)
    }

    /// Finds the events of these things; gives what they began.
    async fn level(&mut self, frontier: BTreeSet<Entity>) -> Result<BTreeSet<Entity>> {
        let mut parts = Parts::default();
        expand(&frontier, &mut parts);
        self.expanded.extend(frontier);
        parts.within = self.within();
        let rows = self.options.max_nodes.saturating_add(1);
        let limits = Limits { rows, since: None, until: None };
        let fetched = self.source.fetch(&parts, limits).await?;
        if fetched.cut {
            self.cut = true;
            self.notice(
                "cut",
                None,
                format!(
                    "more than {} events name one thing of the chain; only the earliest were \
                     looked at: allow more nodes, or narrow the time",
                    self.options.max_nodes
                ),
            );
        }
        let found: Vec<At> =
            fetched.records.into_iter().map(|record| self.known.learn(record)).collect();
        self.judge(found).await
    }

    /// Keeps those events that are under the subject; gives what they began.
    async fn judge(&mut self, found: Vec<At>) -> Result<BTreeSet<Entity>> {
        let mut pending: Vec<At> = found.into_iter().filter(|at| self.judged.insert(*at)).collect();
        let mut begun = BTreeSet::new();
        loop {
            let mut later = Vec::new();
            for at in pending {
                match climb::climb(&mut self.known, at) {
                    Some(way) => self.take(at, way, &mut begun),
                    None => later.push(at),
                }
            }
            if later.is_empty() {
                break;
            }
            if !lineage::read(self.source, &mut self.known).await? {
                return Err(QueryError::Execution("a chain has no end".to_owned()));
            }
            pending = later;
        }
        begun.retain(|thing| !self.expanded.contains(thing));
        Ok(begun)
    }

    fn take(&mut self, at: At, way: Way, begun: &mut BTreeSet<Entity>) {
        let Some((way, position)) = self.under(at, way) else { return };
        let began = way.stages.get(position).is_some_and(|stage| match &self.subject {
            Subject::Event(subject) => stage.entity != Entity::Event(*subject),
            Subject::Thing(_) => false,
        });
        let levels = way.stages.len() - position + usize::from(began);
        if self.options.depth.is_some_and(|most| levels > most) {
            self.cut = true;
            let most = self.options.depth.unwrap_or_default();
            let message = format!("what is more than {most} levels below is left out");
            self.notice("cut", None, message);
            return;
        }
        for stage in way.stages.iter().skip(position) {
            let linked = stage.edge.as_ref().is_some_and(links_agents);
            match &stage.entity {
                Entity::Agent(_) if !linked => {}
                Entity::User(_) | Entity::Event(_) => {}
                thing => {
                    begun.insert(thing.clone());
                }
            }
        }
        let record = self.known.get(at);
        begun.extend(opened(record, self.itself(at)));
        if self.itself(at) || self.in_time(record.at) {
            self.members.push(Member { at, way, position });
        }
    }

    fn itself(&self, at: At) -> bool {
        self.subject == Subject::Event(at)
    }

    /// Where the subject is on the way of an event, if the event is under it.
    fn under(&self, at: At, way: Way) -> Option<(Way, usize)> {
        let subject = match &self.subject {
            Subject::Event(subject) if *subject == at => {
                let position = way.stages.len();
                return Some((way, position));
            }
            Subject::Event(subject) => {
                let position = self.begun_by(*subject, &way)?;
                return Some((way, position));
            }
            Subject::Thing(subject) => subject,
        };
        let place = way.stages.iter().position(|stage| stage.entity == *subject && !stage.cycle);
        if let Some(position) = place {
            return Some((way, position));
        }
        // What somebody approved, changed or authorised is on the way of others, and theirs too.
        let (Entity::User(name), record) = (subject, self.known.get(at)) else { return None };
        let (field, _) = NAMED
            .iter()
            .find_map(|field| Some((*field, record.text(field)?)).filter(|(_, who)| who == name))?;
        let decided = matches!(field, "modified_by" | "approver" | "overridden_by");
        let edge = Edge {
            relation: if decided { "decided" } else { "for_user" },
            field: field.to_owned(),
            audit_id: record.audit_id.clone(),
            inferred: false,
            why: None,
            cycle: false,
        };
        let stage = climb::Stage { entity: subject.clone(), edge: None, cycle: false };
        Some((Way { stages: vec![stage], edge: Some(edge), ..Way::default() }, 0))
    }

    /// Where on a way the thing is that an event began.
    fn begun_by(&self, subject: At, way: &Way) -> Option<usize> {
        let record = self.known.get(subject);
        way.stages.iter().position(|stage| match &stage.entity {
            Entity::Event(login) => *login == subject,
            Entity::Agent(agent) => {
                let said = stage
                    .edge
                    .as_ref()
                    .is_some_and(|edge| links_agents(edge) && edge.audit_id == record.audit_id);
                said && record.text("agent_id") == Some(agent)
            }
            Entity::Execution(run) => self.known.start(run) == Some(subject),
            Entity::Credential(id) => self
                .known
                .credential(id)
                .iter()
                .any(|at| *at == subject && made(record) == Some(id)),
            Entity::Session(_) | Entity::User(_) => false,
        })
    }

    fn notice(&mut self, kind: &'static str, name: Option<&str>, message: String) {
        let name = name.map(str::to_owned);
        self.notices.insert(model::Notice { kind, name, message });
    }

    /// What was not looked at, and what is not certain.
    fn doubts(&mut self) {
        if self.known.cut {
            self.cut = true;
            let most = lineage::MOST;
            let message = format!(
                "more than {most} events say where agents, runs, sessions or users come from; \
                 only the earliest were looked at"
            );
            self.notice("cut", None, message);
        }
        if self.members.iter().any(|member| member.way.cut) {
            self.cut = true;
            let message = format!("what is more than {} levels up is left out", climb::HIGHEST);
            self.notice("cut", None, message);
        }
        let others = self.known.namesakes;
        if others > 0 {
            let message = format!("{others} more have this audit_id; the earliest is shown");
            self.notice("several_events", None, message);
        }
    }

    async fn finish(mut self) -> Result<Collected> {
        let known = &self.known;
        self.members.sort_by(|a, b| known.get(a.at).order().cmp(&known.get(b.at).order()));
        if self.full() {
            self.cut = true;
            let most = self.options.max_nodes;
            self.members.truncate(most);
            let message = format!(
                "the chain has more than {most} events; the earliest are shown: allow more nodes, \
                 or narrow the time"
            );
            self.notice("cut", None, message);
        }
        let (mut agents, mut runs) = (BTreeSet::new(), BTreeSet::new());
        for stage in self.members.iter().flat_map(|member| &member.way.stages) {
            match &stage.entity {
                Entity::Agent(name) if !self.known.has_agent(name) => agents.insert(name.clone()),
                Entity::Execution(id) if !self.known.has_execution(id) => runs.insert(id.clone()),
                _ => false,
            };
        }
        lineage::confirm(self.source, &mut self.known, &agents, &runs).await?;
        self.doubts();
        let Self { known, subject, members, notices, cut, .. } = self;
        Ok(Collected { known, subject, members, notices, cut })
    }
}

fn links_agents(edge: &Edge) -> bool {
    matches!(edge.relation, "spawned" | "delegated" | "parent_of")
}

/// The credential that an event made.
fn made(record: &Record) -> Option<&str> {
    match record.event_type.as_str() {
        "auth.temp_credential_issued" => record.text("issued_credential_id"),
        "auth.api_key_created" | "auth.api_key_rotated" => record.text("api_key_id"),
        "system.credential_rotated" => record.text("rotated_credential_id"),
        _ => None,
    }
}

/// The things that an event began.
fn opened(record: &Record, itself: bool) -> Vec<Entity> {
    let mut things = Vec::new();
    let mut add = |field: &str, make: fn(String) -> Entity| {
        things.extend(record.text(field).map(|id| make(id.to_owned())));
    };
    if record.failed() {
        return things;
    }
    if record.event_type == "agent.spawned" {
        add("agent_id", Entity::Agent);
    }
    if record.is_start() {
        add("execution_id", Entity::Execution);
    }
    if record.is_login() {
        add("session_id", Entity::Session);
        if itself {
            // Of a session without a name, what the user did meanwhile.
            add("user_id", Entity::User);
            add("email", Entity::User);
        }
    }
    things.extend(made(record).map(|id| Entity::Credential(id.to_owned())));
    things
}

/// The events that name one of these things.
fn expand(frontier: &BTreeSet<Entity>, parts: &mut Parts) {
    let mut ids: HashMap<&'static str, BTreeSet<String>> = HashMap::new();
    for entity in frontier {
        let (kind, id) = match entity {
            Entity::User(id) => ("user", id),
            Entity::Credential(id) => ("credential", id),
            Entity::Session(id) => ("session", id),
            Entity::Execution(id) => ("execution", id),
            Entity::Agent(id) => ("agent", id),
            Entity::Event(_) => continue,
        };
        ids.entry(kind).or_default().insert(id.clone());
    }
    let none = BTreeSet::new();
    let of = |kind: &str| ids.get(kind).unwrap_or(&none);
    parts.add(&["execution_id", "parent_execution"], of("execution"), "");
    parts.add(&["session_id", "user_context_session_id"], of("session"), "");
    parts.add(&["attrs ->> 'parent_session'"], of("session"), SESSION_BEGINS);
    parts.add(&["agent_id", "parent_agent_id", "initiated_by", "modified_by"], of("agent"), "");
    parts.add(&["credential_id"], of("credential"), "");
    let user = [
        "user_id",
        "email",
        "initiated_by",
        "user_context_initiated_by",
        "authorized_by",
        "modified_by",
        "approver",
        "owner",
    ];
    parts.add(&user, of("user"), "");
    parts.add(&["attrs ->> 'overridden_by'"], of("user"), OVERRIDE);
    let delegation = "json_get_array(attrs, 'delegation_chain')";
    for kind in ["agent", "user"] {
        parts.add_array(delegation, of(kind), SPAWNED);
    }
}
