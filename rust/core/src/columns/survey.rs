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
    /// How many rows each record stands for.
    weight: u64,
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
        Self { nodes: vec![Node::default()], rows: 0, weight: 1 }
    }
}

impl Survey {
    /// Of so many rows, of which only the parts are shown that are not counted otherwise; each part
    /// shown stands for `weight` rows.
    pub fn of_parts(rows: u64, weight: u64) -> Self {
        Self { rows, weight, ..Self::default() }
    }

    /// Counts one canonical record.
    pub fn add(&mut self, record: &[u8]) {
        self.rows += 1;
        self.object(0, record, 1);
    }

    /// Counts a part of a row.
    pub fn add_part(&mut self, part: &[u8]) {
        self.object(0, part, 1);
    }

    /// Counts `values` of one type at a path.
    pub fn count(&mut self, path: &[String], kind: ColumnType, values: u64) {
        let mut node = 0;
        for name in path {
            node = self.child(node, &json::raw_name(name));
        }
        let counts = &mut self.nodes[node];
        match kind {
            ColumnType::Utf8 | ColumnType::Timestamp => counts.strings += values,
            ColumnType::Int64 => counts.integers += values,
            ColumnType::Float64 => counts.doubles += values,
            ColumnType::Boolean => counts.booleans += values,
        }
    }

    fn child(&mut self, node: usize, name: &[u8]) -> usize {
        if let Some(&child) = self.nodes[node].children.get(name) {
            return child;
        }
        let child = self.nodes.len();
        self.nodes.push(Node::default());
        self.nodes[node].children.insert(name.to_vec(), child);
        child
    }

    fn object(&mut self, node: usize, object: &[u8], depth: usize) {
        for (name, value) in json::members(object) {
            if name.len() > MAX_NAME || matches!(value.first(), Some(b'[' | b'n')) {
                continue;
            }
            let (child, weight) = (self.child(node, name), self.weight);
            let counts = &mut self.nodes[child];
            match value.first() {
                Some(b'{') if depth < MAX_DEPTH => self.object(child, value, depth + 1),
                Some(b'{') | None => {}
                Some(b'"') => counts.strings += weight,
                Some(b't' | b'f') => counts.booleans += weight,
                Some(_) if is_number(value) && integer(value).is_some() => {
                    counts.integers += weight;
                }
                Some(_) => counts.doubles += weight,
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
