//! The paths of a set of columns, ordered as canonical JSON orders members.

use super::LogicalColumn;
use crate::json;

/// Node 0 is the record's root.
#[derive(Debug, Clone)]
pub(super) struct Trie {
    nodes: Vec<Vec<Child>>,
    /// For each node, positions of its children by a hash of their names: open addressing.
    tables: Vec<Vec<u16>>,
}

const EMPTY: u16 = u16::MAX;

#[derive(Debug, Clone)]
pub(super) struct Child {
    /// Escaped name without quotes.
    pub(super) name: Vec<u8>,
    /// `"name":`
    pub(super) label: Vec<u8>,
    /// Index of the column at this path.
    pub(super) column: Option<usize>,
    /// Node of the columns below this path.
    pub(super) inner: Option<usize>,
}

impl Trie {
    pub(super) fn new(columns: &[LogicalColumn]) -> Self {
        let mut trie = Self { nodes: vec![Vec::new()], tables: Vec::new() };
        for (index, column) in columns.iter().enumerate() {
            let mut node = 0;
            for (depth, name) in column.path.iter().enumerate() {
                let child = trie.child(node, name);
                if depth + 1 == column.path.len() {
                    trie.nodes[node][child].column = Some(index);
                } else {
                    node = match trie.nodes[node][child].inner {
                        Some(inner) => inner,
                        None => {
                            let inner = trie.nodes.len();
                            trie.nodes.push(Vec::new());
                            trie.nodes[node][child].inner = Some(inner);
                            inner
                        }
                    };
                }
            }
        }
        trie.tables = trie.nodes.iter().map(|children| table(children)).collect();
        trie
    }

    fn child(&mut self, node: usize, name: &str) -> usize {
        let raw = json::raw_name(name);
        let children = &mut self.nodes[node];
        match children.binary_search_by(|child| json::cmp_names(&child.name, &raw)) {
            Ok(at) => at,
            Err(at) => {
                let mut label = Vec::with_capacity(raw.len() + 3);
                json::write_string(name, &mut label);
                label.push(b':');
                children.insert(at, Child { name: raw, label, column: None, inner: None });
                at
            }
        }
    }

    pub(super) fn children(&self, node: usize) -> &[Child] {
        &self.nodes[node]
    }

    /// The child of this name. A hash, because walking sorted names side by side mispredicts a
    /// branch at almost every one.
    pub(super) fn find(&self, node: usize, name: &[u8]) -> Option<&Child> {
        let table = &self.tables[node];
        let mut slot = hash(name) & (table.len() - 1);
        loop {
            let child = self.nodes[node].get(usize::from(table[slot]))?;
            if child.name == name {
                return Some(child);
            }
            slot = (slot + 1) & (table.len() - 1);
        }
    }
}

/// At most half full, so that every search ends at an empty slot.
fn table(children: &[Child]) -> Vec<u16> {
    let mut table = vec![EMPTY; (children.len() * 2 + 1).next_power_of_two()];
    for (at, child) in children.iter().enumerate() {
        let mut slot = hash(&child.name) & (table.len() - 1);
        while table[slot] != EMPTY {
            slot = (slot + 1) & (table.len() - 1);
        }
        table[slot] = at as u16;
    }
    table
}

/// Names are short, and those of a table are chosen by us: FNV-1a over eight bytes at a time.
fn hash(name: &[u8]) -> usize {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ name.len() as u64;
    for chunk in name.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash ^= hash >> 29;
    }
    hash as usize
}
