//! What the events of one session share, and the tools to write them.

use super::areas::{AREAS, Area};
use super::line::{Line, push_hex};
use super::plan::Planned;
use super::rng::Rng;
use super::words::NETWORKS;
use super::world::{Agent, User, World};

/// A decision as the step, the decision event and the execution tell it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decision {
    pub(super) rule: usize,
    /// Evaluated value in hundredths.
    pub(super) value: u64,
    pub(super) holds: bool,
}

/// A step that was completed, kept for the execution's own list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outcome {
    pub(super) name: &'static str,
    pub(super) duration_ms: u64,
    pub(super) decision: Option<Decision>,
    pub(super) attempts: u64,
}

/// One session: who, on whose behalf, with which ids, and what has happened so far.
#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) plan: Vec<Planned>,
    pub(super) user: usize,
    pub(super) agent: usize,
    /// Spawned helpers, each with the agent that spawned it.
    pub(super) helpers: Vec<(usize, usize)>,
    pub(super) started: i64,
    pub(super) source_ip: String,
    pub(super) session_id: String,
    pub(super) execution_id: String,
    pub(super) parent_execution: String,
    pub(super) trace_id: String,
    pub(super) credential_id: String,
    pub(super) request_id: String,
    pub(super) workflow: &'static str,
    pub(super) attempts: u64,
    pub(super) tokens: u64,
    pub(super) cost_micros: u64,
    pub(super) duration_ms: u64,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) decision: Option<Decision>,
    pub(super) retried: bool,
    /// Position of the last error in the table of faults.
    pub(super) fault: usize,
    pub(super) last_resource: String,
    pub(super) last_sensitivity: &'static str,
}

impl Session {
    /// Makes a used (or new) session a fresh one, keeping its buffers.
    pub(super) fn reset(&mut self, user: usize, agent: usize, world: &World, rng: &mut Rng) {
        let area = &AREAS[world.agents[agent].area];
        self.plan.clear();
        self.user = user;
        self.agent = agent;
        self.helpers.clear();
        self.started = 0;
        self.source_ip.clear();
        if rng.chance(920) {
            self.source_ip.push_str(&world.users[user].home_ip);
        } else {
            self.source_ip.push_str(rng.pick(&NETWORKS));
            self.source_ip.push_str(&rng.between(2, 199).to_string());
        }
        random_id(&mut self.session_id, "sess_", 12, rng);
        random_id(&mut self.execution_id, "exec_", 12, rng);
        self.parent_execution.clear();
        random_id(&mut self.trace_id, "", 32, rng);
        random_id(&mut self.credential_id, "tmp_", 10, rng);
        random_id(&mut self.request_id, "req_", 10, rng);
        self.workflow = rng.pick(area.workflows);
        (self.attempts, self.tokens, self.cost_micros, self.duration_ms) = (0, 0, 0, 0);
        self.outcomes.clear();
        self.decision = None;
        self.retried = false;
        self.last_resource.clear();
        self.last_sensitivity = "internal";
    }
}

/// Fills `id` with `prefix` and that many random hexadecimal digits.
pub(super) fn random_id(id: &mut String, prefix: &str, digits: usize, rng: &mut Rng) {
    id.clear();
    id.push_str(prefix);
    let mut text = Vec::with_capacity(digits);
    while text.len() < digits {
        let missing = digits - text.len();
        push_hex(&mut text, rng.next(), missing.min(16));
    }
    id.extend(text.iter().map(|byte| char::from(*byte)));
}

/// Everything that writing one event needs.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    pub(super) world: &'a World,
    pub(super) session: &'a mut Session,
    pub(super) rng: &'a mut Rng,
    pub(super) now: i64,
    /// Where ids come from, if the events are to have them.
    pub(super) ids: Option<&'a mut Rng>,
}

impl<'a> Scene<'a> {
    pub(super) fn user(&self) -> &'a User {
        &self.world.users[self.session.user]
    }

    pub(super) fn agent(&self) -> &'a Agent {
        &self.world.agents[self.session.agent]
    }

    pub(super) fn area(&self) -> &'static Area {
        &AREAS[self.agent().area]
    }

    /// The agent that acts now: mostly a subagent where there are some.
    pub(super) fn actor(&mut self) -> &'a Agent {
        let helpers = &self.session.helpers;
        let at = if helpers.is_empty() || self.rng.chance(150) {
            self.session.agent
        } else {
            helpers[self.rng.index(helpers.len())].0
        };
        &self.world.agents[at]
    }

    /// Someone who may approve in this session's area.
    pub(super) fn approver(&mut self) -> &'a User {
        let list = &self.world.approvers[self.agent().area];
        &self.world.users[self.rng.pick(list)]
    }

    /// Session and execution ids and trace: what agents' events are joined by.
    pub(super) fn chain(&mut self, line: &mut Line<'_>) {
        line.text("session_id", &self.session.session_id);
        line.text("execution_id", &self.session.execution_id);
        self.trace(line);
    }

    /// The trace of the session.
    pub(super) fn trace(&mut self, line: &mut Line<'_>) {
        line.text("trace_id", &self.session.trace_id);
    }

    /// `audit_id` where the caller asked for one, and the end of the line.
    pub(super) fn finish(&mut self, line: &mut Line<'_>) {
        finish(line, self.ids.as_deref_mut());
    }
}

/// Ends an event, with an id of 128 random bits where the caller asked for one.
pub(super) fn finish(line: &mut Line<'_>, ids: Option<&mut Rng>) {
    if let Some(rng) = ids {
        let (high, low) = (rng.next(), rng.next());
        line.compose("audit_id", |line| {
            line.push("audit_evt_").push_hex(high, 16).push_hex(low, 16);
        });
    }
    line.finish();
}
