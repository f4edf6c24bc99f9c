//! What a tool call is in the words of the catalogue.

use serde_json::Value;

use super::super::draft::{Draft, object, text};

/// The kind of event that a tool call becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    FileRead,
    FileWrite,
    ApiCall,
    Spawn,
}

impl Kind {
    pub(super) fn event_type(self) -> &'static str {
        match self {
            Self::FileRead => "data.file_read",
            Self::FileWrite => "data.file_write",
            Self::ApiCall => "data.api_call",
            Self::Spawn => "agent.spawned",
        }
    }
}

/// A tool call before its result is known.
pub(super) struct Shape {
    pub(super) kind: Kind,
    action: &'static str,
    resource: Option<(&'static str, String)>,
    size_bytes: Option<u64>,
    partial: Option<bool>,
    endpoint: Option<String>,
}

impl Shape {
    fn file(kind: Kind, action: &'static str, path: &str) -> Self {
        Self {
            kind,
            action,
            resource: Some(("file", path.to_owned())),
            size_bytes: None,
            partial: None,
            endpoint: None,
        }
    }

    fn call(endpoint: String, resource: Option<(&'static str, String)>) -> Self {
        Self {
            kind: Kind::ApiCall,
            action: "call",
            resource,
            size_bytes: None,
            partial: None,
            endpoint: Some(endpoint),
        }
    }

    pub(super) fn fill(self, draft: &mut Draft) {
        draft.set_some("endpoint", self.endpoint);
        if let Some((kind, path)) = self.resource {
            let resource = object([
                ("type", Some(kind.into())),
                ("path", Some(path.into())),
                ("size_bytes", self.size_bytes.map(Value::from)),
            ]);
            draft.set("resource", resource);
        }
        let operation = object([
            ("action", Some(self.action.into())),
            ("partial", self.partial.map(Value::from)),
        ]);
        if self.kind != Kind::Spawn {
            draft.set("operation", operation);
        }
    }
}

/// The table of the module documentation. `cwd` is where searches without a path look.
pub(super) fn shape(name: &str, input: &Value, cwd: Option<&str>) -> Shape {
    let path = text(input, "file_path")
        .or_else(|| text(input, "notebook_path"))
        .or_else(|| text(input, "path"));
    match (name, path) {
        ("Task" | "Agent", _) => {
            Shape { kind: Kind::Spawn, endpoint: None, ..Shape::call(String::new(), None) }
        }
        ("Read" | "NotebookRead", Some(path)) => {
            let part = ["offset", "limit", "pages"].iter().any(|key| !input[*key].is_null());
            Shape { partial: Some(part), ..Shape::file(Kind::FileRead, "read", path) }
        }
        ("Write", Some(path)) => Shape {
            size_bytes: text(input, "content").map(|content| content.len() as u64),
            ..Shape::file(Kind::FileWrite, "write", path)
        },
        ("Edit" | "MultiEdit" | "NotebookEdit", Some(path)) => {
            Shape::file(Kind::FileWrite, "edit", path)
        }
        ("Grep" | "Glob" | "LS", path) => {
            let action = if name == "Grep" { "search" } else { "list" };
            match path.or(cwd) {
                Some(path) => Shape {
                    resource: Some(("folder", path.to_owned())),
                    ..Shape::file(Kind::FileRead, action, path)
                },
                None => other(name, cwd),
            }
        }
        ("WebFetch", _) => match text(input, "url") {
            Some(url) => Shape::call(url.to_owned(), Some(("url", url.to_owned()))),
            None => other(name, cwd),
        },
        _ => other(name, cwd),
    }
}

fn other(name: &str, cwd: Option<&str>) -> Shape {
    if let Some((server, tool)) = name.strip_prefix("mcp__").and_then(|rest| rest.split_once("__"))
    {
        let path = format!("mcp://{server}/{tool}");
        return Shape::call(path.clone(), Some(("mcp_tool", path)));
    }
    let endpoint = format!("claude-code:{name}");
    match name {
        "Bash" | "PowerShell" => Shape {
            action: "execute",
            ..Shape::call(endpoint, cwd.map(|c| ("shell", c.to_owned())))
        },
        _ => Shape::call(endpoint, None),
    }
}
