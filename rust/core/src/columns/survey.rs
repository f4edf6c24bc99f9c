//! Which paths a segment's own rows use often enough to become columns.

use std::collections::HashMap;

use super::registry::Registry;
use super::shred::{integer, is_number};
use super::{ColumnType, LogicalColumn};
use crate::json;

const MAX_DEPTH: usize = 8;
const MAX_NAME: usize = 64;
const MAX_COLUMNS: usize = 256;

/// Counts the scalar values at every path of the records shown to it.
#[derive(Debug)]
pub struct Survey {
    nodes: Vec<Node>,
    rows: u64,
}

#[derive(Debug, Default)]
struct Node {
    children: HashMap<Vec<u8>, usize>,
    strings: u64,
    integers: u64,
    doubles: u64,
    booleans: u64,
}

impl Default for Survey {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], rows: 0 }
    }
}

impl Survey {
    /// Counts one canonical record.
    pub fn add(&mut self, record: &[u8]) {
        self.rows += 1;
        self.object(0, record, 1);
    }

    fn object(&mut self, node: usize, object: &[u8], depth: usize) {
        for (name, value) in json::members(object) {
            if name.len() > MAX_NAME || matches!(value.first(), Some(b'[' | b'n')) {
                continue;
            }
            let child = match self.nodes[node].children.get(name) {
                Some(&child) => child,
                None => {
                    let child = self.nodes.len();
                    self.nodes.push(Node::default());
                    self.nodes[node].children.insert(name.to_vec(), child);
                    child
                }
            };
            let counts = &mut self.nodes[child];
            match value.first() {
                Some(b'{') if depth < MAX_DEPTH => self.object(child, value, depth + 1),
                Some(b'{') | None => {}
                Some(b'"') => counts.strings += 1,
                Some(b't' | b'f') => counts.booleans += 1,
                Some(_) if is_number(value) && integer(value).is_some() => counts.integers += 1,
                Some(_) => counts.doubles += 1,
            }
        }
    }

    /// The paths worth a column: in at least 1 % of the rows and in 2 of them, at most 256,
    /// most frequent first. Names come from `registry`, which remembers them.
    pub fn promote(&self, registry: &mut Registry) -> Vec<LogicalColumn> {
        let least = (self.rows.div_ceil(100)).max(2);
        let mut found = Vec::new();
        self.collect(0, &mut Vec::new(), least, &mut found);
        found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        found
            .into_iter()
            .filter_map(|(_, path, kind)| registry.claim(path, kind))
            .take(MAX_COLUMNS)
            .collect()
    }

    fn collect(
        &self,
        node: usize,
        path: &mut Vec<String>,
        least: u64,
        found: &mut Vec<(u64, Vec<String>, ColumnType)>,
    ) {
        for (raw, &child) in &self.nodes[node].children {
            let quoted = [b"\"", raw.as_slice(), b"\""].concat();
            let Some(name) = json::string_value(&quoted) else { continue };
            path.push(name.into_owned());
            let n = &self.nodes[child];
            if n.strings + n.integers + n.doubles + n.booleans >= least {
                found.push((n.total(), path.clone(), n.kind()));
            }
            self.collect(child, path, least, found);
            path.pop();
        }
    }
}

impl Node {
    fn total(&self) -> u64 {
        self.strings + self.integers + self.doubles + self.booleans
    }

    fn kind(&self) -> ColumnType {
        let numbers = self.integers + self.doubles;
        if self.strings >= numbers && self.strings >= self.booleans {
            ColumnType::Utf8
        } else if self.booleans > numbers {
            ColumnType::Boolean
        } else if self.doubles > 0 {
            ColumnType::Float64
        } else {
            ColumnType::Int64
        }
    }
}
