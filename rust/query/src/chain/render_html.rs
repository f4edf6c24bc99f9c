//! A chain as one HTML page that needs nothing else: no script, no font, no network.

use std::fmt::Write;

use sealtrail_core::json::parse_timestamp;

use super::label;
use super::model::{EventFacts, InForce, Node, Trace};
use super::time::rfc3339;

const PAGE: &str = include_str!("page.html");
/// Rows of the timeline; more actors share the last one.
const ROWS: usize = 24;
const WIDTH: f64 = 1100.0;
const LEFT: f64 = 190.0;
const ROW_HEIGHT: f64 = 22.0;

/// Text between tags or in a quoted attribute.
pub(super) fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(' '),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

impl Trace {
    /// The chain as a self-contained HTML page with a timeline.
    pub fn to_html(&self) -> String {
        let heading = format!("Chain of {} {}", self.kind, self.id);
        let mut summary = format!("{} events", self.events);
        for (count, what) in [
            (self.errors, "failed or denied"),
            (self.after_permission_ended, "after a permission had ended"),
        ] {
            if count > 0 {
                let _ = write!(summary, ", {count} {what}");
            }
        }
        summary.push_str(". Times are UTC.");
        let parts = [
            ("title", safe(&heading)),
            ("heading", safe(&heading)),
            ("summary", safe(&summary)),
            ("notices", self.notices_html()),
            ("timeline", timeline(&self.nodes)),
            ("chain", chain(&self.nodes)),
            ("resources", self.resources_html()),
        ];
        fill(PAGE, &parts)
    }

    fn notices_html(&self) -> String {
        if self.notices.is_empty() {
            return String::new();
        }
        let items = self.notices.iter().map(|notice| {
            format!("<li><b>{}</b>: {}</li>", safe(notice.kind), safe(&notice.message))
        });
        format!("<ul class=\"notices\">{}</ul>", items.collect::<String>())
    }

    fn resources_html(&self) -> String {
        if self.resources.is_empty() {
            return "<p class=\"note\">none</p>".to_owned();
        }
        let mut out =
            String::from("<table><tr><th>resource<th>sensitivity<th>actions<th>events</tr>");
        for touched in &self.resources {
            let level = touched.resource.sensitivity_level.as_deref().unwrap_or_default();
            let _ = write!(
                out,
                "<tr><td>{}<td>{}<td>{}<td>{}</tr>",
                safe(&touched.resource.path),
                safe(level),
                safe(&touched.actions.join(", ")),
                touched.events
            );
        }
        out + "</table>"
    }
}

/// The page with its parts in place. What a part holds is not looked at again.
pub(super) fn fill(page: &str, parts: &[(&str, String)]) -> String {
    let mut out = String::with_capacity(page.len() * 2);
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        if let Some((_, text)) = parts.iter().find(|(known, _)| *known == name) {
            out.push_str(text);
        }
        rest = after;
    }
    out + rest
}

fn chain(nodes: &[Node]) -> String {
    let mut out = String::from("<ul class=\"chain\">");
    let mut depth = 0_usize;
    for (index, node) in nodes.iter().enumerate() {
        if index > 0 {
            let steps = depth.saturating_sub(node.depth);
            if node.depth > depth {
                out.push_str("<ul>");
            } else {
                out.push_str("</li>");
                out.push_str(&"</ul></li>".repeat(steps));
            }
        }
        depth = node.depth;
        let _ = write!(out, "<li id=\"{}\">{}", node.id, item(node));
    }
    if !nodes.is_empty() {
        out.push_str("</li>");
        out.push_str(&"</ul></li>".repeat(depth));
    }
    out + "</ul>"
}

fn item(node: &Node) -> String {
    let mut head = String::new();
    if let Some(event) = &node.event {
        let _ = write!(head, "<span class=\"soft\">{}</span> ", safe(&event.timestamp));
    } else {
        let _ = write!(head, "<span class=\"kind\">{}</span>", node.kind.name());
    }
    let title = if node.event.is_some() { label::title(node) } else { node.name.clone() };
    let _ = write!(head, "<span class=\"name\">{}</span>", safe(&title));
    for mark in label::marks(node) {
        let class = match mark {
            "subject" => "ok",
            "inferred" => "warn",
            _ => "bad",
        };
        let _ = write!(head, "<span class=\"mark {class}\">{mark}</span>");
    }
    let rows = rows(node);
    if rows.is_empty() {
        return head;
    }
    let mut list = String::from("<dl>");
    for (name, value) in rows {
        let _ = write!(list, "<dt>{name}</dt><dd>{}</dd>", safe(&value));
    }
    let open = if node.depth < 2 || super::render_mermaid::marked(node) { " open" } else { "" };
    format!("<details{open}><summary>{head}</summary>{list}</dl></details>")
}

fn rows(node: &Node) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    if let Some(edge) = &node.edge {
        let why = edge.why.as_ref().map(|why| format!(" (inferred: {why})")).unwrap_or_default();
        let relation = edge.relation.replace('_', " ");
        rows.push(("under", format!("{relation}: {} of {}{why}", edge.field, edge.audit_id)));
    }
    if node.event.is_none() {
        let times = node.first.iter().chain(&node.last).cloned().collect::<Vec<_>>();
        rows.push(("events", format!("{}, {}", node.events, times.join(" to "))));
    }
    for approval in &node.approvals {
        let status = approval.status.as_deref().unwrap_or("approved");
        let at = approval.at.as_deref().unwrap_or_default();
        rows.push((
            "approval",
            format!("{status} by {} {at} ({})", approval.approver, approval.audit_id),
        ));
    }
    if let Some(event) = &node.event {
        event_rows(node, event, &mut rows);
    }
    rows
}

fn event_rows(node: &Node, event: &EventFacts, rows: &mut Vec<(&'static str, String)>) {
    rows.push(("audit id", node.name.clone()));
    let mut add = |name, value: &Option<String>| {
        rows.extend(value.iter().map(|value| (name, value.clone())));
    };
    add("who", &event.actor);
    add("for", &event.user);
    add("from", &event.source_ip);
    add("tool", &event.tool);
    add("resource", &event.resource.as_ref().map(|resource| resource.path.clone()));
    add("error", &event.error);
    rows.push(("outcome", event.outcome.to_owned()));
    for step in &event.steps {
        let name = step.name.as_deref().unwrap_or("step");
        let status = step.status.as_deref().unwrap_or_default();
        match &step.decision {
            Some(decided) => {
                rows.push(("decision", format!("{name}: {}", label::decision(decided))));
            }
            None => rows.push(("step", format!("{name}: {status}"))),
        }
    }
    rows.extend(event.after_permission_ended.iter().map(|e| ("ended", label::ended(e))));
    if !event.permissions.is_empty() {
        let names: Vec<String> = event.permissions.iter().map(permission).collect();
        rows.push(("permissions", names.join(", ")));
    }
}

fn permission(permission: &InForce) -> String {
    let InForce { permission, resource, audit_id, .. } = permission;
    let on = resource.as_ref().map(|resource| format!(" on {resource}")).unwrap_or_default();
    format!("{permission}{on} ({audit_id})")
}

/// A row for each actor, a dot for each event.
fn timeline(nodes: &[Node]) -> String {
    let events: Vec<(&Node, &EventFacts, i64)> = nodes
        .iter()
        .filter_map(|node| {
            let event = node.event.as_deref()?;
            Some((node, event, parse_timestamp(&event.timestamp, "timestamp").ok()?))
        })
        .collect();
    let times = events.iter().map(|(_, _, at)| *at);
    let (Some(first), Some(last)) = (times.clone().min(), times.max()) else {
        return "<p class=\"note\">no events</p>".to_owned();
    };
    let mut actors: Vec<&str> = Vec::new();
    for (_, event, _) in &events {
        let actor = event.actor.as_deref().unwrap_or("nobody");
        if !actors.contains(&actor) {
            actors.push(actor);
        }
    }
    let shown = actors.len().min(ROWS);
    #[expect(clippy::cast_precision_loss, reason = "places in a picture")]
    let (height, span) = (ROW_HEIGHT * shown as f64 + 30.0, (last - first).max(1) as f64);
    let mut out = format!(
        "<svg class=\"line\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" font-size=\"12\" fill=\"currentColor\">"
    );
    for (row, actor) in actors.iter().take(shown).enumerate() {
        let more = actors.len() > ROWS && row + 1 == ROWS;
        let name = if more { format!("{} more", actors.len() - row) } else { (*actor).to_owned() };
        let short: String = name.chars().take(26).collect();
        #[expect(clippy::cast_precision_loss, reason = "places in a picture")]
        let y = ROW_HEIGHT * (row as f64 + 0.5) + 4.0;
        let _ = write!(
            out,
            "<text x=\"6\" y=\"{:.0}\">{}</text><line x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.0}\" y2=\"{y:.0}\" stroke=\"#94a3b8\" stroke-opacity=\".4\"/>",
            y + 4.0,
            safe(&short),
            WIDTH - 12.0
        );
    }
    for (node, event, at) in &events {
        let actor = event.actor.as_deref().unwrap_or("nobody");
        let row = actors.iter().position(|a| *a == actor).unwrap_or(0).min(ROWS - 1);
        #[expect(clippy::cast_precision_loss, reason = "places in a picture")]
        let (x, y) = (
            LEFT + (WIDTH - LEFT - 20.0) * ((at - first) as f64 / span),
            ROW_HEIGHT * (row as f64 + 0.5) + 4.0,
        );
        let _ = write!(
            out,
            "<a href=\"#{}\"><circle cx=\"{x:.1}\" cy=\"{y:.0}\" r=\"4\" fill=\"{}\"><title>{} {}</title></circle></a>",
            node.id,
            colour(event),
            safe(&event.timestamp),
            safe(&label::title(node))
        );
    }
    let _ = write!(
        out,
        "<text x=\"{LEFT}\" y=\"{y}\">{}</text><text x=\"{}\" y=\"{y}\" text-anchor=\"end\">{}</text></svg>",
        rfc3339(first),
        WIDTH - 12.0,
        rfc3339(last),
        y = height - 8.0
    );
    out
}

fn colour(event: &EventFacts) -> &'static str {
    if !event.after_permission_ended.is_empty() {
        return "#dc2626";
    }
    match event.outcome {
        "failure" => "#ea580c",
        "denied" => "#ca8a04",
        _ => "#2563eb",
    }
}
