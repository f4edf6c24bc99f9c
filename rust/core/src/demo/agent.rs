//! Events of the `agent` domain.

use super::line::Line;
use super::session::Scene;
use super::words::{INSTRUCTIONS, MODELS, REASONS, TASKS};

/// What a session can do in this domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AgentStep {
    Created,
    ConfigUpdate,
    ToolPermissionChange,
    Deployed,
    Suspended,
    Deleted,
    VersionChanged,
    RolledBack,
    /// The session's agent spawns one more helper.
    Spawned,
    /// The helper spawned as the n-th (from 0) stops.
    Stopped(usize),
}

impl AgentStep {
    pub(super) fn event_type(self) -> &'static str {
        match self {
            Self::Created => "agent.created",
            Self::ConfigUpdate => "agent.config_update",
            Self::ToolPermissionChange => "agent.tool_permission_change",
            Self::Deployed => "agent.deployed",
            Self::Suspended => "agent.suspended",
            Self::Deleted => "agent.deleted",
            Self::VersionChanged => "agent.version_changed",
            Self::RolledBack => "agent.rolled_back",
            Self::Spawned => "agent.spawned",
            Self::Stopped(_) => "agent.stopped",
        }
    }
}

const VERBS: [&str; 4] = ["read", "query", "write", "export"];

impl Scene<'_> {
    pub(super) fn agent_event(&mut self, step: AgentStep, line: &mut Line<'_>) {
        match step {
            AgentStep::Spawned => return self.spawned(line),
            AgentStep::Stopped(nth) => return self.stopped(nth, line),
            _ => {}
        }
        line.text("agent_id", &self.agent().id);
        line.text("session_id", &self.session.session_id);
        self.trace(line);
        match step {
            AgentStep::Created => self.created(line),
            AgentStep::ConfigUpdate => self.config_update(line),
            AgentStep::ToolPermissionChange => {
                line.text("modified_by", &self.user().id);
                self.tool_permissions(line);
                self.approval_chain(line);
                line.text("reason", self.rng.pick(&REASONS));
                line.text("severity", "warning");
            }
            AgentStep::Deployed => self.deployed(line),
            AgentStep::VersionChanged | AgentStep::RolledBack => self.version(step, line),
            _ => {
                line.text("modified_by", &self.user().id);
                line.text("reason", self.rng.pick(&REASONS));
                if step == AgentStep::Deleted {
                    line.flag("data_retained", self.rng.chance(800));
                }
                line.text("severity", "warning");
                line.text("status", "success");
            }
        }
    }

    /// A tool grant such as `claims:read-payslips`.
    fn scope(&mut self, line: &mut Line<'_>) {
        let area = self.area();
        let collection = &area.collections[self.rng.index(area.collections.len())];
        let verb = VERBS[self.rng.skewed(VERBS.len())];
        let mut scope = String::with_capacity(40);
        for part in [area.name, ":", verb, "-", collection.name] {
            scope.push_str(part);
        }
        line.item(&scope);
    }

    fn scopes(&mut self, key: &str, count: u64, line: &mut Line<'_>) {
        line.array(key, |line| {
            for _ in 0..count {
                self.scope(line);
            }
        });
    }

    fn created(&mut self, line: &mut Line<'_>) {
        let agent = self.agent();
        line.text("initiated_by", &self.user().id);
        line.text("owner", &self.world.users[agent.owner].id);
        line.text("agent_type", "lead");
        self.agent_version("agent_version", 0, line);
        line.text("model", MODELS[agent.model].0);
        line.compose("instructions", |line| {
            line.push("You work for the ").push(self.area().name).push(" team. ");
            line.push(self.rng.pick(&INSTRUCTIONS).0).push(". ");
            line.push(self.rng.pick(&INSTRUCTIONS).0).push(".");
        });
        let tools = self.rng.between(1, 4);
        line.object("tool_permissions", |line| self.scopes("granted", tools, line));
        line.text("environment", "staging");
        line.text("status", "success");
    }

    fn agent_version(&self, key: &str, minor: u64, line: &mut Line<'_>) {
        line.compose(key, |line| {
            line.push_int(self.agent().version).push(".").push_int(minor).push(".0");
        });
    }

    fn tool_permissions(&mut self, line: &mut Line<'_>) {
        let (granted, revoked) = (self.rng.between(0, 2), self.rng.between(0, 1));
        line.object("tool_permissions", |line| {
            self.scopes("granted", granted, line);
            self.scopes("revoked", revoked, line);
        });
    }

    fn config_update(&mut self, line: &mut Line<'_>) {
        line.text("modified_by", &self.user().id);
        let instructions = self.rng.chance(650);
        line.text("change_type", if instructions { "instruction_update" } else { "tool_update" });
        if instructions {
            let (added, removed) = self.rng.pick(&INSTRUCTIONS);
            line.object("instructions_delta", |line| {
                line.text("added", added);
                line.text("removed", removed);
            });
        }
        self.tool_permissions(line);
        self.approval_chain(line);
    }

    /// One or two people who said yes, a few minutes ago.
    pub(super) fn approval_chain(&mut self, line: &mut Line<'_>) {
        let people = self.rng.between(1, 2) as i64;
        line.array("approval_chain", |line| {
            for left in (1..=people).rev() {
                let approver = self.approver();
                let at = self.now - left * 400_000 + self.rng.below(300_000) as i64;
                line.item_object(|line| {
                    line.text("approver", &approver.id);
                    line.text("role", approver.role);
                    line.time("timestamp", at);
                });
            }
        });
    }

    fn deployed(&mut self, line: &mut Line<'_>) {
        line.text("initiated_by", &self.user().id);
        let minor = self.rng.below(20);
        self.agent_version("agent_version", minor, line);
        line.text("environment", self.rng.pick(&["production", "production", "staging"]));
        line.text("model", MODELS[self.agent().model].0);
        self.approval_chain(line);
        line.text("reason", self.rng.pick(&["scheduled release", "new instructions", "hotfix"]));
        line.int("duration_ms", self.rng.heavy(2_000, 90_000));
        line.text("status", "success");
    }

    fn version(&mut self, step: AgentStep, line: &mut Line<'_>) {
        let back = step == AgentStep::RolledBack;
        let minor = self.rng.between(1, 18);
        let (old, new) = if back { (minor, minor - 1) } else { (minor - 1, minor) };
        line.text("modified_by", &self.user().id);
        self.agent_version("from_version", old, line);
        self.agent_version("to_version", new, line);
        line.text("reason", if back { "error rate after release" } else { "scheduled release" });
        if back {
            line.text("severity", "warning");
        }
        line.text("status", "success");
    }

    /// The helper to spawn next, and who spawns it: now and then the helper before it.
    fn next_helper(&mut self) -> (usize, usize) {
        let (pool, session) = (&self.world.helpers, &self.session);
        let mut helper = session.agent;
        for _ in 0..4 {
            if !pool.is_empty() {
                helper = pool[self.rng.skewed(pool.len())];
            }
            if session.helpers.iter().all(|(known, _)| *known != helper) {
                break;
            }
        }
        match session.helpers.last() {
            Some((last, _)) if *last != helper && self.rng.chance(250) => (helper, *last),
            _ => (helper, session.agent),
        }
    }

    fn spawned(&mut self, line: &mut Line<'_>) {
        let world = self.world;
        let lead = self.agent();
        let (helper, parent) = self.next_helper();
        self.session.helpers.push((helper, parent));
        let parent = &world.agents[parent];
        let user = &self.user().id;
        line.text("agent_id", &world.agents[helper].id);
        line.text("parent_agent_id", &parent.id);
        line.text("authorized_by", user);
        self.chain(line);
        let scopes = self.rng.between(1, 3);
        self.scopes("scope", scopes, line);
        line.array("delegation_chain", |line| {
            line.item(user);
            line.item(&lead.id);
            if parent.id != lead.id {
                line.item(&parent.id);
            }
            line.item(&world.agents[helper].id);
        });
        line.text("agent_type", "subagent");
        line.text("task", self.rng.pick(&TASKS));
        line.text("model", MODELS[world.agents[helper].model].0);
        line.text("credential_id", &self.session.credential_id);
    }

    fn stopped(&mut self, nth: usize, line: &mut Line<'_>) {
        let lead = self.session.agent;
        let (helper, parent) = self.session.helpers.get(nth).copied().unwrap_or((lead, lead));
        line.text("agent_id", &self.world.agents[helper].id);
        line.text("parent_agent_id", &self.world.agents[parent].id);
        self.chain(line);
        line.text("initiated_by", &self.user().id);
        let killed = self.rng.chance(20);
        line.text("reason", if killed { "budget_exceeded" } else { "task_done" });
        let running = (self.now - self.session.started).max(0) as u64;
        line.int("total_duration_ms", running / 2 + self.rng.below(running / 2 + 1));
        line.text("status", if killed { "killed" } else { "success" });
    }
}
