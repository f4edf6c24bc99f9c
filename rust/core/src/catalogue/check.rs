//! Checking events against the catalogue, in one pass over their bytes.

use std::fmt;

use serde::Serialize;

use super::{Field, Kind};
use crate::json;

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

/// The fields of one type as a tree, ready for checking.
#[derive(Debug)]
pub(super) struct Shape {
    root: Table,
}

/// A member name in the tree.
#[derive(Debug)]
struct Node {
    name: Box<str>,
    /// Dotted path, for violations.
    path: Box<str>,
    kind: Kind,
    values: Box<[String]>,
    required: bool,
    children: Table,
}

/// The known members of one object.
///
/// Found by a hash of their names: walking a sorted list beside the members mispredicts a
/// branch at almost every one of them and takes twice as long.
#[derive(Debug, Default)]
struct Table {
    nodes: Box<[Node]>,
    /// Positions in `nodes`, open addressing; `EMPTY` where there is none.
    slots: Box<[u8]>,
    /// Bit i is set if node i, or anything below it, is required.
    requires: u64,
}

/// Members of an object that a table can hold: one bit each in `Table::requires`.
const MAX_NODES: usize = 64;
const EMPTY: u8 = u8::MAX;

impl Shape {
    /// The tree of a type's own and the common fields; own ones win.
    pub(super) fn new(own: &[Field], common: &[Field]) -> Result<Self, String> {
        let inherited = common.iter().filter(|c| !own.iter().any(|f| f.path == c.path));
        let mut fields: Vec<&Field> = own.iter().chain(inherited).collect();
        fields.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { root: Table::new(&fields, 0)? })
    }

    /// What the event lacks, by path.
    pub(super) fn check(&self, event: &[u8]) -> Vec<Violation> {
        let mut check = Check { event, found: Vec::new() };
        check.object(&self.root, 0);
        check.found.sort_by(|a, b| a.path.cmp(&b.path));
        check.found
    }
}

impl Node {
    /// The node for fields that agree in their first `depth + 1` names, sorted by path.
    fn new(fields: &[&Field], depth: usize) -> Result<Self, String> {
        let [first, ..] = fields else { return Err("a name without fields".into()) };
        let leaf = first.path.len() == depth + 1;
        Ok(Self {
            name: first.path[depth].as_str().into(),
            path: first.path[..=depth].join(".").into(),
            kind: if leaf { first.kind } else { Kind::Object },
            values: if leaf { first.values.clone().into() } else { Box::default() },
            required: leaf && first.required,
            children: if leaf { Table::default() } else { Table::new(fields, depth + 1)? },
        })
    }
}

impl Table {
    /// The table for fields that agree in their first `depth` names, sorted by path.
    fn new(fields: &[&Field], depth: usize) -> Result<Self, String> {
        let groups = fields.chunk_by(|a, b| a.path[depth] == b.path[depth]);
        let nodes: Box<[Node]> = groups.map(|g| Node::new(g, depth)).collect::<Result<_, _>>()?;
        if nodes.len() > MAX_NODES {
            return Err(format!("an object has more than {MAX_NODES} known members"));
        }
        // Mostly empty, so that most lookups end at their first slot.
        let mut slots = vec![EMPTY; 4 * nodes.len().next_power_of_two()].into_boxed_slice();
        let mut requires = 0;
        for (position, node) in (0_u8..).zip(&nodes) {
            let mut slot = hash(node.name.as_bytes()) & (slots.len() - 1);
            while slots[slot] != EMPTY {
                slot = (slot + 1) & (slots.len() - 1);
            }
            slots[slot] = position;
            if node.required || node.children.requires != 0 {
                requires |= 1 << position;
            }
        }
        Ok(Self { nodes, slots, requires })
    }

    /// The member of this raw name. (One that needs escapes is none of ours.)
    #[inline]
    fn find(&self, name: &[u8]) -> Option<(u8, &Node)> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut slot = hash(name) & mask;
        loop {
            let position = *self.slots.get(slot)?;
            let node = self.nodes.get(usize::from(position))?;
            if node.name.as_bytes() == name {
                return Some((position, node));
            }
            slot = (slot + 1) & mask;
        }
    }
}

/// A hash that is good enough for the few names of a table, from the ends of a name.
#[inline]
fn hash(name: &[u8]) -> usize {
    let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
    let half = |bytes: &[u8; 4]| u64::from(u32::from_le_bytes(*bytes));
    let ends = if let (Some(head), Some(tail)) = (name.first_chunk(), name.last_chunk()) {
        word(head) ^ word(tail).rotate_left(23)
    } else if let (Some(head), Some(tail)) = (name.first_chunk(), name.last_chunk()) {
        half(head) ^ half(tail) << 23
    } else {
        name.iter().fold(0, |value, &byte| value << 8 | u64::from(byte))
    };
    let spread = ends.wrapping_add(name.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (spread >> 40) as usize
}

struct Check<'a> {
    event: &'a [u8],
    found: Vec<Violation>,
}

impl Check<'_> {
    /// Checks the object that begins at `begin`; where it ends, `None` if it is malformed.
    fn object(&mut self, table: &Table, begin: usize) -> Option<usize> {
        let event = self.event;
        if event.get(begin) != Some(&b'{') {
            return None;
        }
        let mut missing = table.requires;
        let mut at = begin + 1;
        while event.get(at) == Some(&b'"') {
            let name_end = json::string_end(event, at)?;
            let name = event.get(at + 1..name_end - 1)?;
            let begin = name_end + 1;
            let end = match table.find(name) {
                Some((position, node)) => {
                    missing &= !(1 << position);
                    self.value(node, begin)?
                }
                None => json::value_end(event, begin)?,
            };
            at = if event.get(end) == Some(&b',') { end + 1 } else { end };
        }
        if missing != 0 {
            for (position, node) in table.nodes.iter().enumerate() {
                if missing >> position & 1 == 1 {
                    self.absent(node, "missing");
                }
            }
        }
        Some(at + 1)
    }

    fn absent(&mut self, node: &Node, problem: &str) {
        if node.required {
            self.report(node, problem.to_owned());
        }
        for child in &node.children.nodes {
            self.absent(child, problem);
        }
    }

    /// Checks the value that begins at `begin`; where it ends, `None` if it is malformed.
    fn value(&mut self, node: &Node, begin: usize) -> Option<usize> {
        if !node.children.nodes.is_empty() && self.event.get(begin) == Some(&b'{') {
            return self.object(&node.children, begin);
        }
        let end = json::value_end(self.event, begin)?;
        self.scalar(node, self.event.get(begin..end)?);
        Some(end)
    }

    /// Checks a value that is not an object with known members.
    fn scalar(&mut self, node: &Node, value: &[u8]) {
        let found = kind_of(value);
        let fits = match (node.kind, found) {
            (_, None) => return self.absent(node, "missing (it is null)"),
            (Kind::Any, _) => true,
            (Kind::Integer, Some(Kind::Number)) => is_integer(value),
            (Kind::Timestamp, Some(Kind::String)) => is_time(value),
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
        }
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
