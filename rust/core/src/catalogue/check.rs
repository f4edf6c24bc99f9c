//! Checking events against the catalogue: one merge of an object's members, which canonical
//! form sorts, with the sorted fields of the type.

use std::cmp::Ordering;
use std::fmt;

use serde::Serialize;

use super::{Field, Kind};
use crate::{Error, json};

/// What an event lacks against the catalogue, at one path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Dotted path of the field.
    pub path: String,
    /// What is wrong: `missing`, or `expected integer, found string`.
    pub problem: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.problem)
    }
}

impl From<Violation> for Error {
    /// The error of a strict check.
    fn from(violation: Violation) -> Self {
        Error::event("catalogue", violation.path, violation.problem)
    }
}

/// The fields of one type as a tree, ready for checking.
#[derive(Debug)]
pub(super) struct Shape {
    nodes: Box<[Node]>,
}

/// A member name in the tree.
#[derive(Debug)]
struct Node {
    name: Box<str>,
    /// Begin of the name; comparing it decides almost always.
    prefix: u64,
    /// Dotted path, for violations.
    path: Box<str>,
    kind: Kind,
    values: Box<[String]>,
    required: bool,
    /// Whether it or anything below it is required.
    requires: bool,
    children: Box<[Node]>,
}

impl Shape {
    /// The tree of a type's own and the common fields; own ones win.
    pub(super) fn new(own: &[Field], common: &[Field]) -> Self {
        let inherited = common.iter().filter(|c| !own.iter().any(|f| f.path == c.path));
        let mut fields: Vec<&Field> = own.iter().chain(inherited).collect();
        fields.sort_by(|a, b| a.path.cmp(&b.path));
        Self { nodes: nodes(&fields, 0) }
    }

    /// What the event lacks.
    pub(super) fn check(&self, event: &[u8]) -> Vec<Violation> {
        let mut check = Check { event, found: Vec::new() };
        check.object(&self.nodes, event);
        check.found
    }
}

/// Nodes for fields that agree in their first `depth` names and are sorted by path.
fn nodes(fields: &[&Field], depth: usize) -> Box<[Node]> {
    let name = |field: &Field| field.path.get(depth).cloned().unwrap_or_default();
    let groups = fields.chunk_by(|a, b| name(a) == name(b));
    groups
        .filter_map(|group| {
            let first = *group.first()?;
            let leaf = first.path.len() == depth + 1;
            let children = if leaf { Box::default() } else { nodes(group, depth + 1) };
            let required = leaf && first.required;
            Some(Node {
                prefix: prefix(name(first).as_bytes()),
                name: name(first).into(),
                path: first.path[..=depth].join(".").into(),
                kind: if leaf { first.kind } else { Kind::Object },
                values: if leaf { first.values.clone().into() } else { Box::default() },
                required,
                requires: required || children.iter().any(|child| child.requires),
                children,
            })
        })
        .collect()
}

/// The first eight bytes as a number that sorts as they do; absent bytes are zero, which no
/// raw name contains.
fn prefix(name: &[u8]) -> u64 {
    match name.first_chunk() {
        Some(chunk) => u64::from_be_bytes(*chunk),
        None => {
            let value = name.iter().fold(0, |value, &byte| value << 8 | u64::from(byte));
            value << (8 * (8 - name.len())).min(63)
        }
    }
}

struct Check<'a> {
    event: &'a [u8],
    found: Vec<Violation>,
}

impl Check<'_> {
    fn object(&mut self, mut nodes: &[Node], object: &[u8]) {
        for (name, value) in json::members(object) {
            let prefix = prefix(name);
            while let Some((node, rest)) = nodes.split_first() {
                let order = node.prefix.cmp(&prefix).then_with(|| node.name.as_bytes().cmp(name));
                match order {
                    Ordering::Less if name.contains(&b'\\') => break,
                    Ordering::Less => self.absent(node, "missing"),
                    Ordering::Equal => self.value(node, value),
                    Ordering::Greater => break,
                }
                nodes = rest;
                if order == Ordering::Equal {
                    break;
                }
            }
            if nodes.is_empty() {
                return;
            }
        }
        for node in nodes {
            self.absent(node, "missing");
        }
    }

    fn absent(&mut self, node: &Node, problem: &str) {
        if !node.requires {
            return;
        }
        if node.required {
            self.report(node, problem.to_owned());
        }
        for child in &node.children {
            self.absent(child, problem);
        }
    }

    fn value(&mut self, node: &Node, value: &[u8]) {
        let found = kind_of(value);
        let fits = match (node.kind, found) {
            (_, None) => return self.absent(node, "missing (it is null)"),
            (Kind::Any, _) => true,
            (Kind::Integer, Some(Kind::Number)) => is_integer(value),
            (Kind::Timestamp, Some(Kind::String)) => is_time(value),
            (Kind::Integer | Kind::Number, Some(Kind::String)) => self.is_exact(node, value),
            (wanted, Some(found)) => wanted == found,
        };
        if !fits {
            let found = match (node.kind, found) {
                (Kind::Timestamp, Some(Kind::String)) => "text that is not RFC 3339 with an offset",
                (Kind::Integer, Some(Kind::Number)) => "number with a fraction",
                (_, found) => found.map_or("null", Kind::as_str),
            };
            self.report(node, format!("expected {}, found {found}", node.kind));
        } else if !node.values.is_empty() {
            let text = json::string_value(value);
            if !node.values.iter().any(|allowed| text.as_deref() == Some(allowed)) {
                self.report(node, format!("expected one of {}", node.values.join(", ")));
            }
        } else if !node.children.is_empty() {
            self.object(&node.children, value);
        }
    }

    /// Whether the string stands for a number that no double holds exactly.
    fn is_exact(&self, node: &Node, value: &[u8]) -> bool {
        let pointer = format!("/{}", node.path.replace('.', "/"));
        let listed = json::get(self.event, &["_exact_numbers"]).is_some_and(|list| {
            json::elements(list).any(|item| json::string_value(item).as_deref() == Some(&*pointer))
        });
        let literal = value.get(1..value.len().saturating_sub(1)).unwrap_or_default();
        listed && (node.kind == Kind::Number || is_integer(literal))
    }

    fn report(&mut self, node: &Node, problem: String) {
        self.found.push(Violation { path: node.path.to_string(), problem });
    }
}

/// Kind of a raw value (`Number` for all numbers), `None` for null.
fn kind_of(value: &[u8]) -> Option<Kind> {
    Some(match value.first()? {
        b'"' => Kind::String,
        b'{' => Kind::Object,
        b'[' => Kind::Array,
        b't' | b'f' => Kind::Boolean,
        b'n' => return None,
        _ => Kind::Number,
    })
}

/// Whether a number's text has neither fraction nor exponent.
fn is_integer(number: &[u8]) -> bool {
    number.iter().all(|c| c.is_ascii_digit() || *c == b'-')
}

fn is_time(value: &[u8]) -> bool {
    json::string_value(value).is_some_and(|text| json::parse_timestamp(&text, "").is_ok())
}
