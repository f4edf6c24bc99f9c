//! What has been read of the trail so far, by what chains ask for.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::record::Record;

/// Index of a record in [`Known`].
pub(super) type At = usize;

/// Something that can be above or below something else.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Entity {
    User(String),
    Credential(String),
    Session(String),
    Execution(String),
    Agent(String),
    Event(At),
}

/// Where lineage is still to be read.
#[derive(Debug, Default)]
pub(super) struct Needs {
    /// Agents, and names that may be agents or users.
    pub(super) names: BTreeSet<String>,
    pub(super) executions: BTreeSet<String>,
    pub(super) sessions: BTreeSet<String>,
    pub(super) credentials: BTreeSet<String>,
}

impl Needs {
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
            && self.executions.is_empty()
            && self.sessions.is_empty()
            && self.credentials.is_empty()
    }
}

/// Records and their indexes. Lists are in the order of [`Record::order`].
#[derive(Debug, Default)]
pub(super) struct Known {
    records: Vec<Record>,
    seen: HashMap<(String, i64, i64), At>,
    /// Names of agents that an event is by or of.
    agents: HashSet<String>,
    /// Names that stand as agents in links only.
    named_agents: HashSet<String>,
    /// Runs that an event is part of.
    executions: HashSet<String>,
    spawns: HashMap<String, Vec<At>>,
    /// By agent: events other than `agent.spawned` that name its parent.
    parents: HashMap<String, Vec<At>>,
    /// By run: events of it.
    of_execution: HashMap<String, Vec<At>>,
    /// By session: the users whom its events name, each with the first such event.
    session_users: HashMap<String, BTreeMap<String, At>>,
    session_parents: HashMap<String, At>,
    /// By user: successful logins, and logouts.
    logins: HashMap<String, Vec<At>>,
    logouts: HashMap<String, Vec<At>>,
    /// By credential: events that made or ended it.
    credentials: HashMap<String, Vec<At>>,
    /// By subject: events that changed what it may do.
    rights: HashMap<String, Vec<At>>,
    /// Further events with the `audit_id` that was asked for.
    pub(super) namesakes: usize,
    /// Some lineage is longer than what was read of it.
    pub(super) cut: bool,
    /// Whose lineage was read.
    pub(super) read: Needs,
    pub(super) needs: Needs,
}

/// Fields with the credential that an event of these types is about.
pub(super) const CREDENTIAL_FIELDS: [&str; 5] = [
    "api_key_id",
    "issued_credential_id",
    "previous_api_key_id",
    "previous_credential_id",
    "rotated_credential_id",
];

impl Known {
    pub(super) fn get(&self, at: At) -> &Record {
        &self.records[at]
    }

    /// Adds a record, unless it is known; says where it is.
    pub(super) fn learn(&mut self, record: Record) -> At {
        let key = (record.audit_id.clone(), record.at, record.recorded_at);
        if let Some(at) = self.seen.get(&key) {
            return *at;
        }
        let at = self.records.len();
        self.seen.insert(key, at);
        self.index(&record, at);
        self.records.push(record);
        at
    }

    fn index(&mut self, record: &Record, at: At) {
        if let Some(agent) = record.text("agent_id") {
            self.agents.insert(agent.to_owned());
            self.index_agent(record, agent, at);
        }
        self.named_agents.extend(record.text("parent_agent_id").map(str::to_owned));
        let chain = record.texts("delegation_chain");
        self.named_agents.extend(chain.iter().skip(1).map(|name| (*name).to_owned()));
        if let Some(execution) = record.text("execution_id") {
            self.executions.insert(execution.to_owned());
            insert(&mut self.of_execution, execution, at, record, &self.records);
        }
        if let Some((_, session)) = record.session() {
            if let Some((_, user)) = record.user() {
                let users = self.session_users.entry(session.to_owned()).or_default();
                users.entry(user.to_owned()).or_insert(at);
            }
            if record.text("parent_session").is_some_and(|parent| parent != session) {
                self.session_parents.entry(session.to_owned()).or_insert(at);
            }
        }
        self.index_auth(record, at);
    }

    fn index_agent(&mut self, record: &Record, agent: &str, at: At) {
        match record.event_type.as_str() {
            "agent.spawned" if !record.failed() => {
                insert(&mut self.spawns, agent, at, record, &self.records);
            }
            "agent.spawned" => {}
            "agent.created"
            | "agent.config_update"
            | "agent.tool_permission_change"
            | "agent.suspended"
            | "agent.deleted"
            | "agent.deployed" => {
                insert(&mut self.rights, agent, at, record, &self.records);
            }
            _ => {}
        }
        if record.event_type != "agent.spawned" && record.text("parent_agent_id").is_some() {
            insert(&mut self.parents, agent, at, record, &self.records);
        }
    }

    fn index_auth(&mut self, record: &Record, at: At) {
        let names = ["user_id", "email"].into_iter().filter_map(|field| record.text(field));
        for user in names.map(str::to_owned).collect::<Vec<_>>() {
            if record.is_login() {
                insert(&mut self.logins, &user, at, record, &self.records);
            } else if record.event_type == "auth.user_logout" && !record.failed() {
                insert(&mut self.logouts, &user, at, record, &self.records);
            }
        }
        if ["auth.permission_granted", "auth.permission_revoked"]
            .contains(&record.event_type.as_str())
            && let Some(grantee) = record.text("grantee")
        {
            insert(&mut self.rights, grantee, at, record, &self.records);
        }
        if !matches!(record.domain(), "auth" | "system") {
            return;
        }
        for field in CREDENTIAL_FIELDS {
            if let Some(id) = record.text(field) {
                insert(&mut self.credentials, id, at, record, &self.records);
            }
        }
    }

    pub(super) fn spawns(&self, agent: &str) -> &[At] {
        list(&self.spawns, agent)
    }

    pub(super) fn parents(&self, agent: &str) -> &[At] {
        list(&self.parents, agent)
    }

    pub(super) fn rights(&self, subject: &str) -> &[At] {
        list(&self.rights, subject)
    }

    pub(super) fn credential(&self, id: &str) -> &[At] {
        list(&self.credentials, id)
    }

    pub(super) fn logins(&self, user: &str) -> &[At] {
        list(&self.logins, user)
    }

    pub(super) fn logouts(&self, user: &str) -> &[At] {
        list(&self.logouts, user)
    }

    pub(super) fn session_users(&self, session: &str) -> Option<&BTreeMap<String, At>> {
        self.session_users.get(session)
    }

    pub(super) fn session_parent(&self, session: &str) -> Option<At> {
        self.session_parents.get(session).copied()
    }

    /// The event that began a run: the first of those that say so, else none.
    pub(super) fn start(&self, execution: &str) -> Option<At> {
        self.execution(execution).iter().copied().find(|at| self.get(*at).is_start())
    }

    /// The known events of a run.
    pub(super) fn execution(&self, execution: &str) -> &[At] {
        list(&self.of_execution, execution)
    }

    /// Whether a name stands for an agent somewhere.
    pub(super) fn is_agent(&self, name: &str) -> bool {
        self.agents.contains(name) || self.named_agents.contains(name)
    }

    /// Whether an event by or of the agent is known.
    pub(super) fn has_agent(&self, name: &str) -> bool {
        self.agents.contains(name)
    }

    pub(super) fn has_execution(&self, name: &str) -> bool {
        self.executions.contains(name)
    }

    pub(super) fn found(&mut self, kind: &str, id: String) {
        match kind {
            "agent" => self.agents.insert(id),
            _ => self.executions.insert(id),
        };
    }

    /// Asks for the lineage of all that an event mentions; true once it has been read.
    pub(super) fn mentioned_is_read(&mut self, at: At) -> bool {
        let record = &self.records[at];
        let text = |field: &&str| record.text(field).map(str::to_owned);
        let names = ["agent_id", "parent_agent_id", "modified_by", "initiated_by"];
        let mut names: Vec<String> = names.iter().filter_map(text).collect();
        names.extend(record.user().map(|(_, user)| user.to_owned()));
        let runs: Vec<String> =
            ["execution_id", "parent_execution"].iter().filter_map(text).collect();
        let session = record.session().map(|(_, session)| session.to_owned());
        let credential = text(&"credential_id");
        let mut read = true;
        for name in names {
            read &= self.name_is_read(&name);
        }
        for run in runs {
            read &= self.execution_is_read(&run);
        }
        if let Some(session) = session {
            read &= self.session_is_read(&session);
        }
        if let Some(credential) = credential {
            read &= self.credential_is_read(&credential);
        }
        read
    }

    /// Asks for the lineage of a name; true once it has been read.
    pub(super) fn name_is_read(&mut self, name: &str) -> bool {
        asked(name, &self.read.names, &mut self.needs.names)
    }

    pub(super) fn execution_is_read(&mut self, id: &str) -> bool {
        asked(id, &self.read.executions, &mut self.needs.executions)
    }

    pub(super) fn session_is_read(&mut self, id: &str) -> bool {
        asked(id, &self.read.sessions, &mut self.needs.sessions)
    }

    pub(super) fn credential_is_read(&mut self, id: &str) -> bool {
        asked(id, &self.read.credentials, &mut self.needs.credentials)
    }
}

fn asked(id: &str, read: &BTreeSet<String>, needs: &mut BTreeSet<String>) -> bool {
    let known = read.contains(id);
    if !known {
        needs.insert(id.to_owned());
    }
    known
}

fn list<'a>(map: &'a HashMap<String, Vec<At>>, key: &str) -> &'a [At] {
    map.get(key).map(Vec::as_slice).unwrap_or_default()
}

/// Inserts in order; `record` is not among the records yet.
fn insert(
    map: &mut HashMap<String, Vec<At>>,
    key: &str,
    at: At,
    record: &Record,
    records: &[Record],
) {
    let known = map.entry(key.to_owned()).or_default();
    let place = known.partition_point(|other| records[*other].order() <= record.order());
    known.insert(place, at);
}
