//! The way up from an event: agent, parent agents, run, session, credential, authentication, user.
//!
//! The order from the top is always user, authentication, credential, session, run, agent, so
//! that events under one authority meet on the same way. Where an event does not say what it is
//! under, the thing that it is under says it: the `agent.spawned` that governs the agent at that
//! moment, the event that began the run, the session's login.

use super::context::{Context, Said, governing};
use super::known::{At, Entity, Known};
use super::model::Edge;
use super::record::LOGINS;
use super::sign_in;

/// Longest way up.
pub(super) const HIGHEST: usize = 256;

/// A place on the way, with what says that it is under the place before it.
#[derive(Debug, Clone)]
pub(super) struct Stage {
    pub(super) entity: Entity,
    pub(super) edge: Option<Edge>,
    /// It is on the way already: going further up would never end.
    pub(super) cycle: bool,
}

/// The way from the top down to an event, without the event itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Way {
    pub(super) stages: Vec<Stage>,
    /// How the event is under the last of them.
    pub(super) edge: Option<Edge>,
    /// The `agent.spawned` that governs the agent that acted.
    pub(super) spawn: Option<At>,
    /// Whose authentication is not in the trail.
    pub(super) unproven: Option<String>,
    /// A session of several users, of whom the event names none.
    pub(super) shared: Option<String>,
    /// It goes on further up than [`HIGHEST`].
    pub(super) cut: bool,
}

/// The way up. Stops short where lineage is not read yet, which is then among `known.needs`.
pub(super) struct Climb<'a> {
    known: &'a mut Known,
    way: Vec<Stage>,
    spawn: Option<At>,
    unproven: Option<String>,
    shared: Option<String>,
    cut: bool,
}

/// The way to the event at `at`; none if more of the trail must be read for it.
pub(super) fn climb(known: &mut Known, at: At) -> Option<Way> {
    let context = Context::of(known.get(at), at);
    let own = context.clone();
    let mut climb =
        Climb { known, way: Vec::new(), spawn: None, unproven: None, shared: None, cut: false };
    let edge = climb.by_event(at, context)?;
    let edge = climb.with_own(own, edge);
    let Climb { mut way, spawn, unproven, shared, cut, .. } = climb;
    way.reverse();
    Some(Way { stages: way, edge, spawn, unproven, shared, cut })
}

/// The next place up, and the edge to it.
type Next = Option<(Entity, Edge, Context)>;

impl Climb<'_> {
    fn by_event(&mut self, at: At, context: Context) -> Option<Option<Edge>> {
        if !self.known.mentioned_is_read(at) {
            return None;
        }
        let mut edge_of_event = None;
        let mut next = self.first(at, context)?;
        while let Some((entity, edge, context)) = next {
            match self.way.last_mut() {
                None => edge_of_event = Some(edge),
                Some(below) => below.edge = Some(edge),
            }
            let cycle = self.way.iter().any(|stage| stage.entity == entity);
            if cycle && let Some(below) = self.way.last_mut().and_then(|s| s.edge.as_mut()) {
                below.cycle = true;
            }
            self.way.push(Stage { entity: entity.clone(), edge: None, cycle });
            if cycle {
                break;
            }
            if self.way.len() >= HIGHEST {
                self.cut = true;
                break;
            }
            next = self.above(&entity, context)?;
        }
        Some(edge_of_event)
    }

    /// The event's own run, session and credential are on its way, where those above it, such as a
    /// parent agent's session, have taken their place.
    fn with_own(&mut self, own: Context, mut edge: Option<Edge>) -> Option<Edge> {
        if LOGINS.contains(&self.known.get(own.by).event_type.as_str()) {
            return edge;
        }
        let own = [
            ("with_credential", own.credential, Entity::Credential as fn(String) -> Entity),
            ("in_session", own.session, Entity::Session as fn(String) -> Entity),
            ("part_of", own.execution, Entity::Execution as fn(String) -> Entity),
        ];
        for (relation, said, entity) in own {
            let Some(said) = said else { continue };
            let entity = entity(said.value);
            if !self.way.iter().any(|stage| stage.entity == entity) {
                self.way.insert(0, Stage { entity, edge: edge.take(), cycle: false });
                edge = Some(self.edge(relation, &said.field, said.by));
            }
        }
        edge
    }

    /// What the event itself is under. The outer option is none where lineage is missing.
    fn first(&mut self, at: At, context: Context) -> Option<Next> {
        let record = self.known.get(at);
        let acting = record.agent().map(|(field, agent)| (field, agent.to_owned()));
        let decider = record.decider().is_some();
        if LOGINS.contains(&record.event_type.as_str()) {
            let user = context.user.clone();
            let to = |user: Said| {
                let edge = self.edge("for_user", &user.field, user.by);
                (Entity::User(user.value), edge, context)
            };
            return Some(user.map(to));
        }
        let changer = record.text("modified_by").map(str::to_owned);
        if let Some(changer) = changer.filter(|name| self.known.is_agent(name)) {
            return self.agent(changer, "modified_by", "acted", context);
        }
        if let Some((field, agent)) = acting {
            return self.agent(agent, field, "acted", context);
        }
        if let (None, false, Some(user)) = (&context.execution, decider, context.user.clone())
            && self.known.is_agent(&user.value)
        {
            return self.agent(user.value, &user.field, "acted", context);
        }
        Some(self.surroundings(context))
    }

    /// The agent; where it began the run that all of this is part of, the run, which is under it.
    fn agent(
        &mut self,
        agent: String,
        field: &str,
        relation: &'static str,
        mut context: Context,
    ) -> Option<Next> {
        if !self.known.name_is_read(&agent) {
            return None;
        }
        if relation == "acted" {
            self.spawn = governing(self.known, &agent, &context);
        }
        let edge = self.edge(relation, field, context.by);
        if let Some(run) = &context.execution
            && !self.passed_run(&run.value)
        {
            if !self.known.execution_is_read(&run.value) {
                return None;
            }
            if self.starter(&run.value).is_some_and(|(_, starter)| starter == agent) {
                let (run, part) = (run.value.clone(), self.edge("part_of", &run.field, run.by));
                context.execution = None;
                let edge = if relation == "acted" { part } else { edge };
                return Some(Some((Entity::Execution(run), edge, context)));
            }
        }
        Some(Some((Entity::Agent(agent), edge, context)))
    }

    /// The agent that began a run, and the field that says so.
    fn starter(&self, run: &str) -> Option<(&'static str, String)> {
        let start = self.known.get(self.known.start(run)?);
        let agent = start.text("agent_id").map(|agent| ("agent_id", agent));
        let agent = agent.or_else(|| {
            let by = start.text("initiated_by").filter(|name| self.known.is_agent(name))?;
            Some(("initiated_by", by))
        });
        agent.map(|(field, agent)| (field, agent.to_owned()))
    }

    fn edge(&self, relation: &'static str, field: &str, by: At) -> Edge {
        let audit_id = self.known.get(by).audit_id.clone();
        let field = field.to_owned();
        Edge { relation, field, audit_id, inferred: false, why: None, cycle: false }
    }

    fn above(&mut self, entity: &Entity, context: Context) -> Option<Next> {
        match entity {
            Entity::Agent(agent) => self.above_agent(agent, context),
            Entity::Execution(run) => self.above_execution(run, context),
            Entity::Session(session) => self.above_session(session, context),
            Entity::Credential(id) => self.above_credential(id, context),
            Entity::Event(_) | Entity::User(_) => Some(self.above_login(entity, context)),
        }
    }

    fn above_agent(&mut self, agent: &str, context: Context) -> Option<Next> {
        if !self.known.name_is_read(agent) {
            return None;
        }
        let spawn = governing(self.known, agent, &context);
        if let Some(spawn) = spawn {
            if !self.known.mentioned_is_read(spawn) {
                return None;
            }
            let record = self.known.get(spawn);
            let above = context.clone().over(Context::of(record, spawn));
            if let Some(parent) = record.text("parent_agent_id").map(str::to_owned) {
                return self.agent(parent, "parent_agent_id", "spawned", above);
            }
            return self.delegated(agent, above);
        }
        let record = self.known.get(context.by);
        if record.text("agent_id") == Some(agent)
            && let Some(parent) = record.text("parent_agent_id").map(str::to_owned)
        {
            return self.agent(parent, "parent_agent_id", "parent_of", context);
        }
        self.delegated(agent, context)
    }

    /// The one before the agent in a delegation chain, else what other events name as its parent,
    /// else what surrounds it.
    fn delegated(&mut self, agent: &str, mut context: Context) -> Option<Next> {
        if let Some(by) = context.chain {
            let chain = self.known.get(by).texts("delegation_chain");
            let before = chain.iter().rposition(|name| *name == agent).unwrap_or(0);
            if let Some(before) = before.checked_sub(1) {
                let (name, first) = (chain[before].to_owned(), before == 0);
                if !self.known.name_is_read(&name) {
                    return None;
                }
                if !first || self.known.has_agent(&name) {
                    let edge = self.edge("delegated", "delegation_chain", by);
                    return Some(Some((Entity::Agent(name), edge, context)));
                }
                context.user = Some(Said { value: name, field: "delegation_chain".to_owned(), by });
            }
        }
        if let Some((parent, by)) = self.named_elsewhere(agent, &context) {
            if !self.known.name_is_read(&parent) {
                return None;
            }
            let mut edge = self.edge("parent_of", "parent_agent_id", by);
            edge.inferred = true;
            edge.why = Some("another event of this agent names its parent".to_owned());
            return Some(Some((Entity::Agent(parent), edge, context)));
        }
        Some(self.surroundings(context))
    }

    /// The parent that the nearest other event of the agent names.
    fn named_elsewhere(&self, agent: &str, context: &Context) -> Option<(String, At)> {
        let others = self.known.parents(agent);
        let session = context.session.as_ref().map(|said| said.value.as_str());
        let same = |at: &&At| {
            session.is_none() || self.known.get(**at).session().map(|(_, id)| id) == session
        };
        let by = *others
            .iter()
            .filter(same)
            .min_by_key(|at| (self.known.get(**at).at - context.at).unsigned_abs())?;
        Some((self.known.get(by).text("parent_agent_id")?.to_owned(), by))
    }

    fn above_execution(&mut self, run: &str, context: Context) -> Option<Next> {
        if !self.known.execution_is_read(run) {
            return None;
        }
        let events = self.known.execution(run).to_vec();
        let start = self.known.start(run);
        let parent = events
            .iter()
            .copied()
            .find_map(|at| Some((self.known.get(at).text("parent_execution")?.to_owned(), at)));
        let own = start.or(events.first().copied());
        if own.is_some_and(|own| !self.known.mentioned_is_read(own)) {
            return None;
        }
        let mut context = match own {
            Some(at) => context.over(Context::of(self.known.get(at), at)),
            None => context,
        };
        context.execution = None;
        if let Some((parent, by)) = parent {
            let edge = self.edge("parent_run_of", "parent_execution", by);
            return Some(Some((Entity::Execution(parent), edge, context)));
        }
        match self.starter(run) {
            Some((field, agent)) => {
                context.user = context.user.filter(|user| user.value != agent);
                self.agent(agent, field, "started", context)
            }
            None => Some(self.surroundings(context)),
        }
    }

    fn above_session(&mut self, session: &str, mut context: Context) -> Option<Next> {
        if !self.known.session_is_read(session) {
            return None;
        }
        if let Some(by) = self.known.session_parent(session) {
            let parent = self.known.get(by).text("parent_session").unwrap_or_default().to_owned();
            let edge = self.edge("parent_session_of", "parent_session", by);
            context.session =
                Some(Said { value: parent.clone(), field: "parent_session".to_owned(), by });
            return Some(Some((Entity::Session(parent), edge, context)));
        }
        if context.user.is_none()
            && let Some(users) = self.known.session_users(session)
        {
            match users.iter().next().filter(|_| users.len() == 1) {
                Some((user, by)) => {
                    let field = self.known.get(*by).user().map_or("user_id", |(field, _)| field);
                    let field = field.to_owned();
                    context.user = Some(Said { value: user.clone(), field, by: *by });
                }
                None => self.shared = Some(session.to_owned()),
            }
        }
        Some(self.over_session(context))
    }

    fn above_credential(&mut self, id: &str, mut context: Context) -> Option<Next> {
        if !self.known.credential_is_read(id) {
            return None;
        }
        context.credential = None;
        if context.user.is_none() {
            let made = self.known.credential(id).iter().copied().find_map(|at| {
                let (field, owner) =
                    self.known.get(at).first(&["issued_to", "owner", "user_id"])?;
                Some(Said { value: owner.to_owned(), field: field.to_owned(), by: at })
            });
            context.user = made;
        }
        Some(self.to_user(context, "with_credential"))
    }

    /// The run, else what is over it.
    fn surroundings(&self, mut context: Context) -> Next {
        if let Some(run) = context.execution.take_if(|run| !self.passed_run(&run.value)) {
            let edge = self.edge("part_of", &run.field, run.by);
            return Some((Entity::Execution(run.value), edge, context));
        }
        if let Some(session) = context.session.clone() {
            let edge = self.edge("in_session", &session.field, session.by);
            return Some((Entity::Session(session.value), edge, context));
        }
        self.over_session(context)
    }

    fn passed_run(&self, run: &str) -> bool {
        self.way.iter().any(|stage| matches!(&stage.entity, Entity::Execution(id) if id == run))
    }

    fn over_session(&self, mut context: Context) -> Next {
        if let Some(credential) = context.credential.take() {
            let edge = self.edge("with_credential", &credential.field, credential.by);
            return Some((Entity::Credential(credential.value), edge, context));
        }
        self.to_user(context, "for_user")
    }

    /// The user's authentication, else the user.
    fn to_user(&self, context: Context, relation: &'static str) -> Next {
        let user = context.user.clone()?;
        if let Some((login, why)) = sign_in::covering(
            self.known,
            &user.value,
            context.session.as_ref().map(|said| said.value.as_str()),
            context.at,
        ) {
            let record = self.known.get(login);
            let field = if why.is_none() { "session_id" } else { user.field.as_str() };
            let by = if why.is_none() { login } else { user.by };
            let mut edge = self.edge("authenticated", field, by);
            edge.inferred = why.is_some();
            edge.why = why;
            let above = Context { at: record.at, by: login, ..context };
            return Some((Entity::Event(login), edge, above));
        }
        let edge = self.edge(relation, &user.field, user.by);
        Some((Entity::User(user.value), edge, context))
    }

    /// Above an authentication is its user; above a user is nobody.
    fn above_login(&mut self, entity: &Entity, context: Context) -> Next {
        let user = context.user.clone()?;
        match entity {
            Entity::Event(login) => {
                let (field, _) = self.known.get(*login).first(&["user_id", "email"])?;
                let edge = self.edge("logged_in", field, *login);
                Some((Entity::User(user.value), edge, context))
            }
            _ => {
                let proven = self.way.iter().any(|s| matches!(s.entity, Entity::Event(_)));
                let itself = self.known.get(context.by).domain() == "auth";
                if !proven && !itself {
                    self.unproven = Some(user.value);
                }
                None
            }
        }
    }
}
