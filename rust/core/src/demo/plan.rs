//! What happens in a session, in which order and with which pauses.

use super::agent::AgentStep;
use super::auth::AuthStep;
use super::data::{DataStep, End, Op};
use super::line::Line;
use super::rng::Rng;
use super::session::Scene;
use super::system::SystemStep;
use super::words::ALERTS;
use super::workflow::WorkflowStep;

/// One event to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Auth(AuthStep),
    Agent(AgentStep),
    Data(DataStep),
    Workflow(WorkflowStep),
    System(SystemStep),
}

/// An event to come and the pause before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Planned {
    pub(super) wait_ms: u32,
    pub(super) step: Step,
}

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A user has an agent and its helpers run a workflow.
    AgentTask,
    /// A user works without an agent.
    Person,
    /// An administrator changes agents, rights and settings.
    Admin,
    /// Someone reads the audit trail.
    Review,
    /// A scheduled job without a person.
    Batch,
    /// Someone tries passwords.
    Guessing,
}

impl Kind {
    /// Office hours belong to people, nights to jobs.
    pub(super) fn draw(hour: i64, rng: &mut Rng) -> Self {
        const KINDS: [Kind; 6] =
            [Kind::AgentTask, Kind::Person, Kind::Admin, Kind::Review, Kind::Batch, Kind::Guessing];
        let office = (6..19).contains(&hour);
        let weights = if office { [520, 185, 110, 115, 60, 8] } else { [440, 80, 30, 45, 300, 20] };
        KINDS[rng.weighted(&weights)]
    }

    /// Whether the session belongs to an administrator.
    pub(super) fn by_admin(self) -> bool {
        matches!(self, Self::Admin | Self::Batch)
    }
}

impl Step {
    pub(super) fn event_type(self) -> &'static str {
        match self {
            Self::Auth(step) => step.event_type(),
            Self::Agent(step) => step.event_type(),
            Self::Data(step) => step.op.event_type(),
            Self::Workflow(step) => step.event_type(),
            Self::System(step) => step.event_type(),
        }
    }
}

impl Scene<'_> {
    /// Appends the event of this step as one line.
    pub(super) fn write(&mut self, step: Step, out: &mut Vec<u8>) {
        let line = &mut Line::start(out, step.event_type(), self.now);
        match step {
            Step::Auth(step) => self.auth(step, line),
            Step::Agent(step) => self.agent_event(step, line),
            Step::Data(step) => self.data(step, line),
            Step::Workflow(step) => self.workflow(step, line),
            Step::System(step) => self.system(step, line),
        }
        self.finish(line);
    }
}

/// Fills `plan` for a session of this kind, last event first.
pub(super) fn fill(plan: &mut Vec<Planned>, kind: Kind, rng: &mut Rng) {
    plan.clear();
    let mut planner = Planner { plan, rng };
    match kind {
        Kind::AgentTask => planner.agent_task(),
        Kind::Person => planner.person(),
        Kind::Admin => planner.admin(),
        Kind::Review => planner.review(),
        Kind::Batch => planner.batch(),
        Kind::Guessing => planner.guessing(),
    }
    plan.reverse();
}

struct Planner<'a> {
    plan: &'a mut Vec<Planned>,
    rng: &'a mut Rng,
}

impl Planner<'_> {
    fn add(&mut self, step: Step, low_ms: u32, high_ms: u32) {
        let wait_ms = self.rng.between(u64::from(low_ms), u64::from(high_ms)) as u32;
        self.plan.push(Planned { wait_ms, step });
    }

    fn auth(&mut self, step: AuthStep) {
        self.add(Step::Auth(step), 1_500, 20_000);
    }

    fn agent(&mut self, step: AgentStep) {
        self.add(Step::Agent(step), 400, 6_000);
    }

    fn workflow(&mut self, step: WorkflowStep) {
        self.add(Step::Workflow(step), 300, 12_000);
    }

    fn system(&mut self, step: SystemStep) {
        self.add(Step::System(step), 500, 40_000);
    }

    /// `auth.permission_granted` and the like: now and then.
    fn sometimes(&mut self, per_mille: u64, step: Step) {
        if self.rng.chance(per_mille) {
            self.add(step, 500, 20_000);
        }
    }

    fn login(&mut self) {
        if self.rng.chance(60) {
            for _ in 0..self.rng.between(1, 4) {
                self.auth(AuthStep::BadPassword);
            }
        }
        match self.rng.below(10) {
            0..4 => {
                self.auth(AuthStep::SsoAttempt);
                self.auth(AuthStep::SsoCallback);
            }
            4 => {
                self.auth(AuthStep::OauthAttempt);
                self.auth(AuthStep::OauthCallback);
            }
            _ => {}
        }
        self.sometimes(30, Step::Auth(AuthStep::MfaFailure));
        self.sometimes(6, Step::Auth(AuthStep::MfaSetup));
        self.auth(AuthStep::Login);
        self.sometimes(6, Step::System(SystemStep::Alert(5)));
    }

    fn logout(&mut self) {
        if self.rng.chance(960) {
            self.add(Step::Auth(AuthStep::Logout), 5_000, 240_000);
        }
    }

    /// One access to data, with what a refusal or a fault brings about.
    fn data(&mut self, op: Op, in_person: bool) {
        let end = match self.rng.below(1000) {
            0..14 => End::Denied,
            14..26 => End::Error,
            _ => End::Success,
        };
        let (low, high) = if in_person { (8_000, 90_000) } else { (150, 9_000) };
        self.add(Step::Data(DataStep { op, end, in_person }), low, high);
        match end {
            End::Denied => {
                self.sometimes(800, Step::System(SystemStep::AccessViolation));
                self.sometimes(400, Step::System(SystemStep::Alert(3)));
            }
            // The same again, this time with success.
            End::Error => {
                let again = DataStep { op, end: End::Success, in_person };
                self.add(Step::Data(again), 500, 5_000);
                self.sometimes(150, Step::System(SystemStep::Error));
            }
            End::Success => {
                self.sometimes(6, Step::System(SystemStep::Alert(1 + self.plan.len() % 4)));
            }
        }
    }

    fn agent_data(&mut self) {
        const OPS: [Op; 9] = [
            Op::FileRead,
            Op::DbQuery,
            Op::ApiCall,
            Op::FileWrite,
            Op::Transform,
            Op::Filter,
            Op::Export,
            Op::Download,
            Op::FileDelete,
        ];
        let op = OPS[self.rng.weighted(&[460, 220, 130, 90, 30, 25, 18, 15, 12])];
        self.data(op, false);
    }

    fn agent_task(&mut self) {
        self.login();
        self.sometimes(100, Step::Agent(AgentStep::Deployed));
        self.workflow(WorkflowStep::Started);
        self.sometimes(700, Step::Auth(AuthStep::CredentialIssued));
        let helpers = self.rng.between(1, 3) as usize;
        for _ in 0..helpers {
            self.agent(AgentStep::Spawned);
        }
        for at in 0..self.rng.between(3, 6) as usize {
            self.workflow_step(at);
        }
        self.sometimes(160, Step::Workflow(WorkflowStep::StateTransition));
        self.workflow(WorkflowStep::Execution);
        self.sometimes(120, Step::Workflow(WorkflowStep::Callback));
        self.workflow(WorkflowStep::Completed);
        for nth in (0..helpers).rev() {
            self.agent(AgentStep::Stopped(nth));
        }
        self.sometimes(350, Step::Auth(AuthStep::CredentialExpired));
        self.logout();
    }

    /// A step of a workflow: model calls and data, perhaps a decision, an approval, an error.
    fn workflow_step(&mut self, at: usize) {
        for _ in 0..self.rng.between(1, 2) {
            for _ in 0..self.rng.between(2, 5) {
                self.agent_data();
            }
            self.workflow(WorkflowStep::ResourceUsage(at));
        }
        if self.rng.chance(45) {
            self.workflow(WorkflowStep::Error(at));
            self.workflow(WorkflowStep::Retry(at));
            self.workflow(WorkflowStep::ResourceUsage(at));
        }
        if self.rng.chance(400) {
            self.workflow(WorkflowStep::Decision(at));
            if self.rng.chance(220) {
                self.add(Step::Workflow(WorkflowStep::Approval(at)), 20_000, 300_000);
            }
            self.sometimes(50, Step::Workflow(WorkflowStep::Override(at)));
        }
        self.workflow(WorkflowStep::StepCompleted(at));
    }

    fn person(&mut self) {
        const OPS: [Op; 6] =
            [Op::FileRead, Op::DbQuery, Op::Download, Op::FileWrite, Op::Export, Op::FileDelete];
        self.login();
        for _ in 0..self.rng.heavy(1, 12) {
            let op = OPS[self.rng.weighted(&[520, 150, 120, 120, 70, 20])];
            self.data(op, true);
        }
        self.sometimes(12, Step::Auth(AuthStep::MfaReset));
        self.logout();
    }

    fn admin(&mut self) {
        self.login();
        for _ in 0..self.rng.between(2, 6) {
            let step = match self.rng.below(100) {
                0..24 => Step::System(SystemStep::ConfigChange),
                24..32 => Step::Agent(AgentStep::ConfigUpdate),
                32..42 => Step::Auth(AuthStep::Granted),
                42..50 => Step::Auth(AuthStep::Revoked),
                50..56 => Step::Auth(AuthStep::KeyCreated),
                56..61 => Step::Auth(AuthStep::KeyRotated),
                61..64 => Step::Auth(AuthStep::KeyRevoked),
                64..72 => Step::Agent(AgentStep::Deployed),
                72..77 => Step::Agent(AgentStep::VersionChanged),
                77..79 => Step::Agent(AgentStep::RolledBack),
                79..83 => Step::Agent(AgentStep::ToolPermissionChange),
                83..86 => Step::Agent(AgentStep::Created),
                86..87 => Step::Agent(AgentStep::Suspended),
                87..88 => Step::Agent(AgentStep::Deleted),
                88..94 => Step::System(SystemStep::IntegrationChange),
                _ => Step::System(SystemStep::CredentialRotated),
            };
            self.add(step, 10_000, 180_000);
        }
        self.logout();
    }

    fn review(&mut self) {
        self.login();
        for _ in 0..self.rng.between(4, 14) {
            self.add(Step::System(SystemStep::AuditAccess), 10_000, 120_000);
        }
        if self.rng.chance(200) {
            self.data(Op::Export, true);
        }
        self.logout();
    }

    fn batch(&mut self) {
        self.auth(AuthStep::CredentialIssued);
        for _ in 0..self.rng.between(1, 3) {
            self.add(Step::Data(good(Op::FileRead)), 2_000, 30_000);
            self.sometimes(600, Step::Data(good(Op::Transform)));
            self.sometimes(500, Step::Data(good(Op::Filter)));
            self.add(Step::Data(good(Op::BatchJob)), 20_000, 300_000);
            self.add(Step::Data(good(Op::FileWrite)), 1_000, 20_000);
        }
        self.sometimes(60, Step::System(SystemStep::Error));
        self.sometimes(650, Step::System(SystemStep::Backup));
        self.sometimes(20, Step::System(SystemStep::Restore));
        self.sometimes(400, Step::System(SystemStep::CredentialRotated));
        self.auth(AuthStep::CredentialExpired);
    }

    /// A burst of wrong passwords; one in six ends in a login that should worry someone.
    fn guessing(&mut self) {
        let tries = self.rng.between(5, 24);
        for nth in 0..tries {
            self.add(Step::Auth(AuthStep::Guess), 200, 3_000);
            if nth % 10 == 5 {
                self.system(SystemStep::Alert(0));
            }
        }
        if self.rng.chance(170) {
            self.auth(AuthStep::Login);
            self.system(SystemStep::Alert(ALERTS.len() - 2));
            let denied = DataStep { op: Op::FileRead, end: End::Denied, in_person: true };
            self.add(Step::Data(denied), 3_000, 30_000);
            self.system(SystemStep::AccessViolation);
            self.data(Op::Export, true);
            self.system(SystemStep::Alert(ALERTS.len() - 1));
        }
    }
}

fn good(op: Op) -> DataStep {
    DataStep { op, end: End::Success, in_person: false }
}
