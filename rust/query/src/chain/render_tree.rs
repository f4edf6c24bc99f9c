//! A chain as a tree of text.

use std::fmt::Write;
use std::sync::Arc;

use super::label;
use super::model::{InForce, Node, Trace};

/// Which characters a tree is drawn with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TreeStyle {
    /// Lines of box drawing; text as it is, without characters that steer a terminal.
    #[default]
    Unicode,
    /// ASCII only; what is not is written `\u{...}`.
    Ascii,
}

struct Lines {
    fork: &'static str,
    last: &'static str,
    bar: &'static str,
    blank: &'static str,
    dot: &'static str,
}

impl TreeStyle {
    fn lines(self) -> Lines {
        match self {
            Self::Unicode => {
                Lines { fork: "├─ ", last: "└─ ", bar: "│  ", blank: "   ", dot: "·" }
            }
            Self::Ascii => Lines { fork: "|- ", last: "`- ", bar: "|  ", blank: "   ", dot: "-" },
        }
    }

    /// Text that stays on its line and does nothing.
    fn safe(self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            if c.is_control() || steers(c) || self == Self::Ascii && !c.is_ascii() {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            } else {
                out.push(c);
            }
        }
        out
    }
}

/// Characters that change the direction or the reading of text around them.
fn steers(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

impl Trace {
    /// The chain as indented text, one line for each node and further lines for approvals,
    /// decisions, errors and what had ended. Permissions are shown where they change.
    pub fn to_tree(&self, style: TreeStyle) -> String {
        let mut out = String::new();
        let lines = style.lines();
        let last = last_children(&self.nodes);
        // Of each level: whether more siblings follow.
        let mut more: Vec<bool> = Vec::new();
        let mut shown: Option<(&str, Arc<Vec<InForce>>)> = None;
        for (index, node) in self.nodes.iter().enumerate() {
            more.truncate(node.depth);
            more.push(!last[index]);
            let mut lead = String::new();
            for above in more.iter().take(node.depth).skip(1) {
                lead.push_str(if *above { lines.bar } else { lines.blank });
            }
            let branch = match (node.depth, last[index]) {
                (0, _) => "",
                (_, true) => lines.last,
                (_, false) => lines.fork,
            };
            let _ = writeln!(out, "{lead}{branch}{}", style.safe(&line(node, &self.nodes, &lines)));
            if node.depth > 0 {
                lead.push_str(if last[index] { lines.blank } else { lines.bar });
            }
            let below = self.nodes.get(index + 1).is_some_and(|next| next.depth > node.depth);
            lead.push_str(if below { lines.bar } else { lines.blank });
            let mut details = details(node);
            if let Some(event) = &node.event {
                let actor = event.actor.as_deref().unwrap_or_default();
                let before = shown.as_ref().filter(|(who, _)| *who == actor);
                let none: &Vec<InForce> = &Vec::new();
                let before = before.map_or(none, |(_, permissions)| permissions.as_ref());
                if *before != *event.permissions {
                    details.push(format!("permissions of {actor}: {}", names(&event.permissions)));
                }
                shown = Some((actor, Arc::clone(&event.permissions)));
            }
            for detail in details {
                let _ = writeln!(out, "{lead}{}", style.safe(&detail));
            }
        }
        for notice in &self.notices {
            let _ = writeln!(out, "{}: {}", notice.kind, style.safe(&notice.message));
        }
        out
    }
}

/// Whether each node is the last child of its parent.
fn last_children(nodes: &[Node]) -> Vec<bool> {
    let mut last = vec![true; nodes.len()];
    let mut later: Vec<bool> = Vec::new();
    for (index, node) in nodes.iter().enumerate().rev() {
        later.resize((node.depth + 1).max(later.len()), false);
        later.truncate(node.depth + 1);
        last[index] = !later[node.depth];
        later[node.depth] = true;
    }
    last
}

fn line(node: &Node, nodes: &[Node], lines: &Lines) -> String {
    let mut text = String::new();
    if let Some(event) = &node.event {
        let _ = write!(text, "{} ", event.timestamp);
    }
    text.push_str(&label::title(node));
    if let Some(event) = &node.event {
        let parent = node.parent_index().and_then(|index| nodes.get(index));
        if let Some(actor) = event.actor.as_ref().filter(|a| parent.is_none_or(|p| p.name != **a)) {
            let _ = write!(text, " by {actor}");
        }
        let _ = write!(text, " [{}]", node.name);
    } else if node.events > 0 {
        let s = if node.events == 1 { "" } else { "s" };
        let _ = write!(text, " {} {} event{s}", lines.dot, node.events);
    }
    if let Some(edge) = &node.edge {
        if node.event.is_none() {
            let _ = write!(text, " {} {} [{}]", lines.dot, edge.relation, edge.audit_id);
        }
        if let Some(why) = &edge.why {
            let _ = write!(text, " (inferred: {why})");
        }
    }
    for mark in label::marks(node).into_iter().filter(|mark| *mark != "inferred") {
        let _ = write!(text, " <{mark}>");
    }
    text
}

fn details(node: &Node) -> Vec<String> {
    let mut details = Vec::new();
    for approval in &node.approvals {
        let status = approval.status.as_deref().unwrap_or("approved");
        let at = approval.at.as_deref().map(|at| format!(" at {at}")).unwrap_or_default();
        details.push(format!(
            "approval: {status} by {}{at} [{}]",
            approval.approver, approval.audit_id
        ));
    }
    let Some(event) = &node.event else { return details };
    for step in &event.steps {
        let name = step.name.as_deref().unwrap_or("step");
        let status = step.status.as_deref().unwrap_or_default();
        match &step.decision {
            Some(decided) => {
                details.push(format!("decision {name}: {}", label::decision(decided)));
            }
            None => details.push(format!("step {name}: {status}")),
        }
    }
    details.extend(event.error.iter().map(|error| format!("error: {error}")));
    details.extend(event.after_permission_ended.iter().map(label::ended));
    details
}

fn names(permissions: &[InForce]) -> String {
    if permissions.is_empty() {
        return "none known".to_owned();
    }
    let name = |permission: &InForce| match &permission.resource {
        Some(resource) => format!("{} on {resource}", permission.permission),
        None => permission.permission.clone(),
    };
    permissions.iter().map(name).collect::<Vec<_>>().join(", ")
}
