//! Events of the `workflow` domain.

use super::areas::Rule;
use super::line::Line;
use super::session::{Decision, Outcome, Scene};
use super::words::{FAULTS, MODELS, REASONS};

/// What a session can do in this domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WorkflowStep {
    Started,
    /// A model call was made for the step at this position.
    ResourceUsage(usize),
    Decision(usize),
    Approval(usize),
    Override(usize),
    Error(usize),
    Retry(usize),
    StateTransition,
    Callback,
    /// The step at this position is done.
    StepCompleted(usize),
    Execution,
    Completed,
}

impl WorkflowStep {
    pub(super) fn event_type(self) -> &'static str {
        match self {
            Self::Started => "workflow.started",
            Self::ResourceUsage(_) => "workflow.resource_usage",
            Self::Decision(_) => "workflow.decision",
            Self::Approval(_) => "workflow.approval",
            Self::Override(_) => "workflow.override",
            Self::Error(_) => "workflow.error",
            Self::Retry(_) => "workflow.retry",
            Self::StateTransition => "workflow.state_transition",
            Self::Callback => "workflow.callback",
            Self::StepCompleted(_) => "workflow.step_completed",
            Self::Execution => "workflow.execution",
            Self::Completed => "workflow.completed",
        }
    }
}

const STATES: [&str; 5] = ["received", "in_review", "waiting_for_documents", "decided", "closed"];

impl Scene<'_> {
    pub(super) fn workflow(&mut self, step: WorkflowStep, line: &mut Line<'_>) {
        line.text("workflow_id", self.session.workflow);
        if step == WorkflowStep::Execution {
            return self.execution(line);
        }
        if step != WorkflowStep::Started {
            line.text("agent_id", &self.agent_for(step).id);
        }
        self.chain(line);
        match step {
            WorkflowStep::Started => self.workflow_started(line),
            WorkflowStep::ResourceUsage(at) => self.resource_usage(at, line),
            WorkflowStep::Decision(at) => self.decision(at, line),
            WorkflowStep::Approval(at) => self.approval(at, line),
            WorkflowStep::Override(at) => self.overridden(at, line),
            WorkflowStep::Error(at) => self.error(at, line),
            WorkflowStep::Retry(at) => self.retry(at, line),
            WorkflowStep::StepCompleted(at) => self.step_completed(at, line),
            WorkflowStep::StateTransition => self.transition(line),
            WorkflowStep::Callback => self.callback(line),
            WorkflowStep::Execution => {}
            WorkflowStep::Completed => self.completed(line),
        }
    }

    fn agent_for(&mut self, step: WorkflowStep) -> &super::world::Agent {
        if matches!(step, WorkflowStep::ResourceUsage(_)) { self.actor() } else { self.agent() }
    }

    fn step_name(&self, at: usize) -> &'static str {
        let steps = self.area().steps;
        steps[at % steps.len()]
    }

    fn initiated(&mut self, line: &mut Line<'_>) {
        line.text("initiated_by", &self.user().id);
        if self.session.parent_execution.is_empty() {
            line.null("parent_execution");
        } else {
            line.text("parent_execution", &self.session.parent_execution);
        }
    }

    fn workflow_started(&mut self, line: &mut Line<'_>) {
        self.initiated(line);
        line.text("agent_id", &self.agent().id);
        line.text("trigger", self.rng.pick(&["user", "user", "schedule", "webhook", "event"]));
        line.object("input", |line| {
            let area = self.area().name;
            line.compose("case_id", |line| {
                line.push(area).push("-").push_padded(self.rng.below(10_000_000), 7);
            });
            line.int("documents", self.rng.heavy(1, 30));
            line.text("priority", self.rng.pick(&["low", "normal", "normal", "high"]));
        });
        line.text("status", "running");
    }

    fn resource_usage(&mut self, at: usize, line: &mut Line<'_>) {
        let model = if self.rng.chance(850) {
            MODELS[self.agent().model]
        } else {
            MODELS[self.rng.index(MODELS.len())]
        };
        let input = 300 + self.rng.heavy(0, 24_000);
        let output = 20 + self.rng.heavy(0, 4_000);
        let read = if self.rng.chance(600) { self.rng.heavy(1_000, 80_000) } else { 0 };
        let created = if self.rng.chance(300) { self.rng.heavy(500, 12_000) } else { 0 };
        let tokens = input + output + read + created;
        // Prices are hundredths of a dollar per million tokens, so a token costs as many
        // hundredths of a micro-dollar; reading the cache costs a tenth.
        let cost = ((input + created + read / 10) * model.1 + output * model.2) / 100;
        let duration = 300 + output * self.rng.between(8, 25);
        self.session.tokens += tokens;
        self.session.cost_micros += cost;
        self.session.duration_ms += duration;
        line.text("step_name", self.step_name(at));
        line.text("initiated_by", &self.user().id);
        line.text("model", model.0);
        line.int("input_tokens", input);
        line.int("output_tokens", output);
        line.int("cache_read_tokens", read);
        line.int("cache_creation_tokens", created);
        line.int("tokens_used", tokens);
        line.decimal("cost_usd", cost, 6);
        line.int("duration_ms", duration);
        line.hex("request_id", "req_", self.rng.next(), 16);
        line.text("status", "success");
    }

    /// Draws a decision by one of the area's rules; the session remembers it.
    fn decide(&mut self) -> (Decision, &'static Rule) {
        let rules = self.area().rules;
        let at = self.rng.index(rules.len());
        let rule = &rules[at];
        let value = self.rng.below(rule.scale + 1);
        let holds = if rule.below { value < rule.threshold } else { value > rule.threshold };
        let decision = Decision { rule: at, value, holds };
        self.session.decision = Some(decision);
        (decision, rule)
    }

    fn decision(&mut self, at: usize, line: &mut Line<'_>) {
        let (decision, rule) = self.decide();
        line.text("step_name", self.step_name(at));
        line.text("initiated_by", &self.user().id);
        line.object("decision", |line| {
            line.object("inputs", |line| {
                line.decimal(rule.metric, decision.value, 2);
                line.int("documents", self.rng.heavy(1, 30));
                line.int("history_months", self.rng.between(0, 120));
                line.decimal("completeness", self.rng.between(60, 100), 2);
            });
            condition(rule, line);
            line.decimal("threshold", rule.threshold, 2);
            line.decimal("evaluated_value", decision.value, 2);
            line.flag("result", decision.holds);
            line.text("recommendation", if decision.holds { "approve" } else { "refer" });
            line.decimal("confidence", self.rng.between(500, 999), 3);
        });
    }

    fn approval(&mut self, at: usize, line: &mut Line<'_>) {
        let approver = self.approver();
        let yes = self.rng.chance(880);
        line.text("step_name", self.step_name(at));
        line.text("approver", &approver.id);
        line.text("email", &approver.email);
        line.text("requested_by", &self.agent().id);
        line.text("initiated_by", &self.user().id);
        self.approval_chain(line);
        line.int("duration_ms", self.rng.heavy(20_000, 7_200_000));
        line.text("reason", self.rng.pick(&REASONS));
        line.text("status", if yes { "approved" } else { "rejected" });
    }

    fn overridden(&mut self, at: usize, line: &mut Line<'_>) {
        let approver = self.approver();
        line.text("step_name", self.step_name(at));
        line.text("overridden_by", &approver.id);
        line.text("email", &approver.email);
        if let Some(decision) = &mut self.session.decision {
            line.flag("old_value", decision.holds);
            decision.holds = !decision.holds;
            line.flag("new_value", decision.holds);
        }
        line.text("reason", self.rng.pick(&REASONS));
        line.text("severity", "warning");
        line.text("status", "success");
    }

    fn error(&mut self, at: usize, line: &mut Line<'_>) {
        let fault = self.rng.index(FAULTS.len());
        self.session.fault = fault;
        line.text("step_name", self.step_name(at));
        line.text("error_type", FAULTS[fault].0);
        line.text("error_message", FAULTS[fault].1);
        line.int("attempt", 1);
        line.flag("retryable", true);
        line.int("duration_ms", self.rng.heavy(200, 60_000));
        line.text("severity", "error");
        line.text("status", "error");
    }

    fn retry(&mut self, at: usize, line: &mut Line<'_>) {
        self.session.retried = true;
        line.text("step_name", self.step_name(at));
        line.int("attempt", 2);
        line.int("max_attempts", 3);
        line.int("delay_ms", self.rng.pick(&[500, 1000, 2000, 4000]));
        line.text("error_message", FAULTS[self.session.fault].1);
        line.text("reason", "previous attempt failed");
        line.text("severity", "warning");
        line.text("status", "success");
    }

    fn step_completed(&mut self, at: usize, line: &mut Line<'_>) {
        let outcome = Outcome {
            name: self.step_name(at),
            duration_ms: 80 + self.rng.heavy(0, 20_000),
            decision: self.session.decision.take(),
            attempts: 1 + u64::from(std::mem::take(&mut self.session.retried)),
        };
        self.session.duration_ms += outcome.duration_ms;
        self.session.outcomes.push(outcome);
        let rules = self.area().rules;
        line.text("initiated_by", &self.user().id);
        line.text("step_name", outcome.name);
        line.int("step_index", at as u64);
        line.int("attempt", outcome.attempts);
        if let Some(decision) = outcome.decision {
            decided(decision, rules, line);
        }
        line.object("output", |line| {
            line.int("documents", self.rng.heavy(0, 30));
            line.int("findings", self.rng.heavy(0, 12));
        });
        line.int("duration_ms", outcome.duration_ms);
        line.text("status", "success");
    }

    /// The whole run: its steps are those reported one by one before, its sums are theirs.
    fn execution(&mut self, line: &mut Line<'_>) {
        self.chain(line);
        self.initiated(line);
        let rules = self.area().rules;
        let approved = self.approved();
        line.array("workflow_steps", |line| {
            for outcome in &self.session.outcomes {
                line.item_object(|line| {
                    line.text("step_name", outcome.name);
                    line.text("status", "success");
                    line.int("duration_ms", outcome.duration_ms);
                    match outcome.decision {
                        Some(decision) => decided(decision, rules, line),
                        None => line.null("decision"),
                    }
                });
            }
            line.item_object(|line| {
                line.text("step_name", "final");
                line.text("status", "success");
                line.int("duration_ms", self.rng.between(50, 900));
                line.text("output", if approved { "approved" } else { "referred" });
            });
        });
        line.int("total_duration_ms", self.session.duration_ms);
        line.decimal("cost_usd", self.session.cost_micros, 6);
        line.int("tokens_used", self.session.tokens);
        line.text("status", "success");
    }

    fn transition(&mut self, line: &mut Line<'_>) {
        let at = self.rng.index(STATES.len() - 1);
        line.text("from_state", STATES[at]);
        line.text("to_state", STATES[at + 1]);
        line.text("initiated_by", &self.user().id);
        line.text("trigger", self.rng.pick(&["step_finished", "deadline", "reply_received"]));
        line.text("status", "success");
    }

    fn callback(&mut self, line: &mut Line<'_>) {
        line.compose("callback_name", |line| {
            line.push("on_").push(self.area().name).push("_done");
        });
        line.compose("endpoint", |line| {
            line.push("https://hooks.example.com/").push(self.area().name).push("/done");
        });
        line.text("method", "POST");
        line.int("http_status", self.rng.pick(&[200, 200, 202, 204]));
        line.int("duration_ms", self.rng.heavy(20, 4_000));
        line.text("status", "success");
    }

    fn completed(&mut self, line: &mut Line<'_>) {
        line.text("initiated_by", &self.user().id);
        line.int("steps_completed", self.session.outcomes.len() as u64 + 1);
        line.text("output", if self.approved() { "approved" } else { "referred" });
        line.int("total_duration_ms", self.session.duration_ms);
        line.text("status", "success");
    }

    /// Whether every decision of the run, overrides included, came out well.
    fn approved(&self) -> bool {
        self.session.outcomes.iter().all(|o| o.decision.is_none_or(|d| d.holds))
    }
}

fn condition(rule: &Rule, line: &mut Line<'_>) {
    line.compose("condition", |line| {
        line.push(rule.metric).push(if rule.below { " < " } else { " > " });
        line.push_int(rule.threshold / 100).push(".").push_padded(rule.threshold % 100, 2);
    });
}

/// A decision, alike in the step's own event and in the execution's list.
fn decided(decision: Decision, rules: &[Rule], line: &mut Line<'_>) {
    line.object("decision", |line| {
        condition(&rules[decision.rule], line);
        line.flag("result", decision.holds);
        line.decimal("evaluated_value", decision.value, 2);
    });
}
