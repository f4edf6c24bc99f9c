//! The paths of a set of columns, ordered as canonical JSON orders members.

use std::cmp::Ordering;

use super::LogicalColumn;
use crate::json;

/// Node 0 is the record's root.
#[derive(Debug, Clone)]
pub(super) struct Trie {
    nodes: Vec<Vec<Child>>,
}

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
        let mut trie = Self { nodes: vec![Vec::new()] };
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
}

/// The child named `name` at or after `at`, in one merge pass over sorted names: `Equal` with
/// its position, or where to go on.
pub(super) fn seek(children: &[Child], mut at: usize, name: &[u8]) -> (Ordering, usize) {
    while let Some(child) = children.get(at) {
        if child.name == name {
            return (Ordering::Equal, at);
        }
        if json::cmp_names(&child.name, name).is_gt() {
            break;
        }
        at += 1;
    }
    (Ordering::Greater, at)
}
