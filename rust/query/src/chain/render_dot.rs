//! A chain in the language of Graphviz.

use std::fmt::Write;

use super::label;
use super::model::Trace;
use super::render_mermaid::marked;

/// Text inside a quoted string. Graphviz reads backslashes and HTML entities in labels.
fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '&' => out.push_str("&amp;"),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

impl Trace {
    /// The chain as a DOT digraph.
    pub fn to_dot(&self) -> String {
        let mut out = String::from(
            "digraph chain {\n    rankdir=TB;\n    node [shape=box, style=\"rounded,filled\", \
             fillcolor=\"#f8fafc\", fontname=\"sans-serif\"];\n",
        );
        for node in &self.nodes {
            let mut text = label::title(node);
            if let Some(event) = &node.event {
                let _ = write!(text, "\n{}", event.timestamp);
            }
            let marks = label::marks(node);
            if !marks.is_empty() {
                let _ = write!(text, "\n{}", marks.join(", "));
            }
            let colour = if marked(node) { ", fillcolor=\"#fee2e2\"" } else { "" };
            let _ = writeln!(out, "    {} [label=\"{}\"{colour}];", node.id, safe(&text));
        }
        for node in &self.nodes {
            let Some(parent) = &node.parent else { continue };
            let edge = node.edge.as_ref();
            let style =
                if edge.is_some_and(|e| e.inferred || e.cycle) { ", style=dashed" } else { "" };
            let name = edge.map_or("", |edge| edge.relation);
            let _ = writeln!(out, "    {parent} -> {} [label=\"{name}\"{style}];", node.id);
        }
        out.push_str("}\n");
        out
    }
}
