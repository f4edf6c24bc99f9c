//! Words that all pictures of a chain share.

use super::model::{Decision, Ended, Node};

/// What a node is, in a few words without its details.
pub(super) fn title(node: &Node) -> String {
    let Some(event) = &node.event else {
        return format!("{} {}", node.kind.name(), node.name);
    };
    let summary = if event.summary.is_empty() { "" } else { " " };
    format!("{}{summary}{}", event.event_type, event.summary)
}

/// Marks that must not be overlooked.
pub(super) fn marks(node: &Node) -> Vec<&'static str> {
    let mut marks = Vec::new();
    let mut mark = |holds: bool, text| {
        if holds {
            marks.push(text);
        }
    };
    mark(node.subject, "subject");
    mark(node.missing, "missing");
    mark(node.cycle, "cycle");
    if let Some(event) = &node.event {
        mark(event.outcome == "failure", "failure");
        mark(event.outcome == "denied", "denied");
        mark(!event.after_permission_ended.is_empty(), "after permission ended");
    }
    mark(node.edge.as_ref().is_some_and(|edge| edge.inferred), "inferred");
    marks
}

/// A decision in one line.
pub(super) fn decision(decision: &Decision) -> String {
    let shown =
        |value: &serde_json::Value| super::record::shown(value).unwrap_or_default().into_owned();
    let mut text = shown(&decision.condition);
    let mut add = |name: &str, value: &serde_json::Value| {
        if !value.is_null() {
            if !text.is_empty() {
                text.push_str(", ");
            }
            text.push_str(&format!("{name} {}", shown(value)));
        }
    };
    add("threshold", &decision.threshold);
    add("value", &decision.evaluated_value);
    add("recommended", &decision.recommendation);
    add("confidence", &decision.confidence);
    add("result", &decision.result);
    text
}

/// What had ended, in one line.
pub(super) fn ended(ended: &Ended) -> String {
    let Ended { what, name, at, audit_id, basis } = ended;
    let basis = if *basis == "used" { String::new() } else { format!(", by {basis}") };
    format!("after {what} {name} had ended at {at} [{audit_id}]{basis}")
}
