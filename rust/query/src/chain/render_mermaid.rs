//! A chain as a Mermaid flowchart.

use std::fmt::Write;

use super::label;
use super::model::Trace;

/// Text inside a quoted label: everything but plain words is written by its number.
fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' ' | '_' | '.' | ',' | ':' | '/' | '-' => out.push(c),
            c if c.is_alphanumeric() => out.push(c),
            c if c.is_control() => out.push('\u{fffd}'),
            c => {
                let _ = write!(out, "#{};", u32::from(c));
            }
        }
    }
    out
}

impl Trace {
    /// The chain as a Mermaid flowchart (`flowchart TD`).
    pub fn to_mermaid(&self) -> String {
        let mut out = String::from("flowchart TD\n");
        for node in &self.nodes {
            let mut text = label::title(node);
            if let Some(event) = &node.event {
                let _ = write!(text, ", {}", event.timestamp);
            }
            for mark in label::marks(node) {
                let _ = write!(text, " - {mark}");
            }
            let class = if marked(node) { "marked" } else { node.kind.name() };
            let _ = writeln!(out, "    {}[\"{}\"]:::{class}", node.id, safe(&text));
        }
        for node in &self.nodes {
            let Some(parent) = &node.parent else { continue };
            let edge = node.edge.as_ref();
            let arrow = if edge.is_some_and(|e| e.inferred || e.cycle) { "-.->" } else { "-->" };
            let name = edge.map_or("under", |edge| edge.relation).replace('_', " ");
            let _ = writeln!(out, "    {parent} {arrow}|{name}| {}", node.id);
        }
        for (class, colour) in [
            ("user", "#dbeafe"),
            ("credential", "#fef3c7"),
            ("session", "#e0e7ff"),
            ("execution", "#dcfce7"),
            ("agent", "#fae8ff"),
            ("event", "#f8fafc"),
            ("marked", "#fee2e2"),
        ] {
            let _ =
                writeln!(out, "    classDef {class} fill:{colour},stroke:#475569,color:#0f172a");
        }
        out
    }
}

/// Whether a reader must look at it.
pub(super) fn marked(node: &super::model::Node) -> bool {
    let ended = |event: &super::model::EventFacts| !event.after_permission_ended.is_empty();
    node.missing || node.cycle || node.event.as_deref().is_some_and(ended)
}
