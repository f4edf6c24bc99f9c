//! Events of the `system` domain.

use super::line::Line;
use super::session::Scene;
use super::words::{ALERTS, FAULTS, INTEGRATIONS, REASONS, REGIONS, SETTINGS};

/// What a session can do in this domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SystemStep {
    ConfigChange,
    AuditAccess,
    /// An alert by the rule at this position of the table.
    Alert(usize),
    IntegrationChange,
    CredentialRotated,
    Backup,
    Restore,
    Error,
    /// Follows a denied access and names the same resource.
    AccessViolation,
}

impl SystemStep {
    pub(super) fn event_type(self) -> &'static str {
        match self {
            Self::ConfigChange => "system.config_change",
            Self::AuditAccess => "system.audit_access",
            Self::Alert(_) => "system.security_alert",
            Self::IntegrationChange => "system.integration_change",
            Self::CredentialRotated => "system.credential_rotated",
            Self::Backup => "system.backup",
            Self::Restore => "system.restore",
            Self::Error => "system.error",
            Self::AccessViolation => "system.access_violation",
        }
    }
}

const QUESTIONS: [&str; 5] = [
    "SELECT event_type, count(*) FROM events GROUP BY 1",
    "SELECT * FROM data_events WHERE resource_sensitivity_level = 'pii' LIMIT 100",
    "SELECT user_id, count(*) FROM auth_events WHERE outcome = 'failure' GROUP BY 1",
    "SELECT * FROM workflow_events WHERE execution_id = $1 ORDER BY timestamp",
    "SELECT agent_id, sum(cost_usd) FROM workflow_events GROUP BY 1 ORDER BY 2 DESC",
];

impl Scene<'_> {
    pub(super) fn system(&mut self, step: SystemStep, line: &mut Line<'_>) {
        match step {
            SystemStep::ConfigChange => self.config_change(line),
            SystemStep::AuditAccess => self.audit_access(line),
            SystemStep::Alert(rule) => self.alert(rule, line),
            SystemStep::IntegrationChange => self.integration(line),
            SystemStep::CredentialRotated => self.rotated(line),
            SystemStep::Backup | SystemStep::Restore => self.backup(step, line),
            SystemStep::Error => self.system_error(line),
            SystemStep::AccessViolation => self.violation(line),
        }
    }

    fn config_change(&mut self, line: &mut Line<'_>) {
        let (setting, values) = self.rng.pick(&SETTINGS);
        let at = self.rng.index(values.len());
        let other = (at + 1 + self.rng.index(values.len() - 1)) % values.len();
        line.text("modified_by", &self.user().id);
        line.text("setting", setting);
        line.int("old_value", values[at]);
        line.int("new_value", values[other]);
        line.text("reason", self.rng.pick(&REASONS));
        self.approval_chain(line);
        line.text("session_id", &self.session.session_id);
        line.text("source_ip", &self.session.source_ip);
        self.trace(line);
        line.text("severity", "warning");
        line.text("status", "success");
    }

    fn audit_access(&mut self, line: &mut Line<'_>) {
        line.text("user_id", &self.user().id);
        line.text("session_id", &self.session.session_id);
        line.text("source_ip", &self.session.source_ip);
        line.text("access_type", self.rng.pick(&["sql", "sql", "search", "export"]));
        line.text("query", self.rng.pick(&QUESTIONS));
        line.text("purpose", self.rng.pick(&REASONS));
        line.text("phase", "outcome");
        line.int("rows_returned", self.rng.heavy(0, 20_000));
        line.int("duration_ms", self.rng.heavy(5, 3_000));
        self.trace(line);
        line.text("status", "success");
    }

    fn alert(&mut self, rule: usize, line: &mut Line<'_>) {
        let (rule, pattern, severity, counted) = ALERTS[rule % ALERTS.len()];
        line.text("rule", rule);
        line.text("pattern", pattern);
        line.hex("alert_id", "alert_", self.rng.next(), 12);
        line.text("user_id", &self.user().id);
        if !rule.starts_with("auth.") {
            line.text("agent_id", &self.agent().id);
        }
        line.text("session_id", &self.session.session_id);
        line.text("source_ip", &self.session.source_ip);
        if !self.session.last_resource.is_empty() {
            line.object("resource", |line| line.text("path", &self.session.last_resource));
        }
        if counted {
            line.object("rate_limit", |line| {
                let limit = self.rng.pick(&[3, 5, 10]);
                line.int("limit", limit);
                line.int("observed", self.session.attempts.max(limit + self.rng.between(1, 30)));
                line.int("window_seconds", self.rng.pick(&[60, 300, 900]));
            });
        }
        self.trace(line);
        line.text("severity", severity);
        line.text("status", self.rng.pick(&["open", "open", "acknowledged"]));
    }

    fn integration(&mut self, line: &mut Line<'_>) {
        let name = self.rng.pick(&INTEGRATIONS);
        line.text("integration", name);
        line.text("modified_by", &self.user().id);
        let change = self.rng.below(3);
        line.text("change_type", ["state", "endpoint", "scopes"][change as usize]);
        match change {
            0 => {
                let on = self.rng.chance(500);
                line.text("old_value", if on { "disabled" } else { "enabled" });
                line.text("new_value", if on { "enabled" } else { "disabled" });
            }
            1 => {
                for key in ["old_value", "new_value"] {
                    line.compose(key, |line| {
                        line.push("https://").push(name).push(".example.net/");
                        line.push(self.rng.pick(&REGIONS));
                    });
                }
            }
            _ => line.list("scopes", &["events:read", "alerts:write"]),
        }
        line.text("reason", self.rng.pick(&REASONS));
        line.text("session_id", &self.session.session_id);
        line.text("source_ip", &self.session.source_ip);
        self.trace(line);
        line.text("status", "success");
    }

    fn rotated(&mut self, line: &mut Line<'_>) {
        line.hex("rotated_credential_id", "svc_", self.rng.next(), 12);
        line.hex("previous_credential_id", "svc_", self.rng.next(), 12);
        line.text("owner", self.rng.pick(&INTEGRATIONS));
        line.text("initiated_by", &self.user().id);
        line.time("expires_at", self.now + self.rng.pick(&[30, 90]) * 86_400_000);
        line.text("reason", self.rng.pick(&["schedule", "schedule", "suspected leak"]));
        line.text("session_id", &self.session.session_id);
        self.trace(line);
        line.text("status", "success");
    }

    fn backup(&mut self, step: SystemStep, line: &mut Line<'_>) {
        let bytes = 1_000_000_000 + self.rng.heavy(0, 900_000_000_000);
        let area = self.area().name;
        line.hex("backup_id", "bak_", self.rng.next(), 12);
        line.object("resource", |line| {
            line.text("type", "dataset");
            line.compose("path", |line| {
                line.push("/data/").push(area).push("/");
            });
            line.int("size_bytes", bytes);
        });
        line.object("operation", |line| line.int("record_count", bytes / 311));
        line.compose("destination", |line| {
            line.push("s3://corp-backup/").push(area).push("/").push(self.rng.pick(&REGIONS));
        });
        line.int("duration_ms", bytes / 200_000 + self.rng.below(60_000));
        line.text("initiated_by", &self.user().id);
        line.text("session_id", &self.session.session_id);
        self.trace(line);
        if step == SystemStep::Restore {
            line.text("reason", self.rng.pick(&["restore drill", "restore drill", "disk failure"]));
            line.text("severity", "warning");
        }
        line.text("status", "success");
    }

    fn system_error(&mut self, line: &mut Line<'_>) {
        let (class, message) = self.rng.pick(&FAULTS);
        line.text("component", self.rng.pick(&INTEGRATIONS));
        line.text("error_type", class);
        line.text("error_message", message);
        line.flag("retryable", self.rng.chance(700));
        line.text("session_id", &self.session.session_id);
        self.trace(line);
        line.text("severity", "error");
        line.text("status", "error");
    }

    fn violation(&mut self, line: &mut Line<'_>) {
        line.text("user_id", &self.user().id);
        line.text("agent_id", &self.actor().id);
        self.chain(line);
        line.text("source_ip", &self.session.source_ip);
        line.text("attempted_action", self.rng.pick(&["read", "read", "query", "export"]));
        line.object("resource", |line| {
            line.text("path", &self.session.last_resource);
            line.text("sensitivity_level", self.session.last_sensitivity);
        });
        line.compose("required_permission", |line| {
            line.push(self.area().name).push(":").push(self.session.last_sensitivity);
        });
        line.text("rule", self.rng.pick(&["need_to_know", "purpose_binding", "tool_scope"]));
        line.text("severity", "error");
        line.text("status", "denied");
    }
}
