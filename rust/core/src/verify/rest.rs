//! The rest of a row: what no column took, and whether none should have.

use std::cmp::Ordering;

use super::description::MAX_DEPTH;
use crate::columns::{ColumnType, LogicalColumn, fits};
use crate::json::{self, Limits};

/// Looks at the rests of one segment's rows, with the segment's columns and the fixed columns
/// that it lacks.
#[derive(Debug)]
pub(super) struct RestCheck {
    /// Nodes of the tree of paths; members by name, as canonical JSON orders them.
    nodes: Vec<Vec<Member>>,
    kinds: Vec<ColumnType>,
    /// Columns from here on are not in the segment.
    absent_from: usize,
    /// Pairs of columns: the second lies below the path of the first.
    nested: Vec<(usize, usize)>,
    /// Rows whose value at the column's path does not fit it.
    pub(super) misfits: Vec<u64>,
    /// The last row counted in `misfits`, plus one.
    counted: Vec<u64>,
    /// Whether the last row checked has `_exact_numbers`.
    pub(super) has_exact_numbers: bool,
}

#[derive(Debug)]
struct Member {
    /// Escaped name without quotes.
    name: Vec<u8>,
    column: Option<usize>,
    inner: Option<usize>,
}

/// What is wrong with a rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RestFault {
    /// It is not canonical JSON.
    NotCanonical,
    /// It holds a value of a fixed column that the segment does not have.
    Hidden(usize),
    /// `schema_violations` is not what the recorder writes.
    Violations,
    /// `_exact_numbers` is not what the recorder writes.
    ExactNumbers,
}

impl RestCheck {
    pub(super) fn new(columns: &[LogicalColumn], absent: &[LogicalColumn]) -> Self {
        let all: Vec<&LogicalColumn> = columns.iter().chain(absent).collect();
        let mut check = Self {
            nodes: vec![Vec::new()],
            kinds: all.iter().map(|c| c.kind).collect(),
            absent_from: columns.len(),
            nested: Vec::new(),
            misfits: vec![0; columns.len()],
            counted: vec![0; columns.len()],
            has_exact_numbers: false,
        };
        for (index, column) in all.iter().enumerate() {
            check.add(index, &column.path);
        }
        for (outer, a) in columns.iter().enumerate() {
            for (inner, b) in columns.iter().enumerate() {
                if b.path.len() > a.path.len() && b.path.starts_with(&a.path) {
                    check.nested.push((outer, inner));
                }
            }
        }
        check
    }

    fn add(&mut self, index: usize, path: &[String]) {
        let mut node = 0;
        for (depth, name) in path.iter().enumerate() {
            let name = json::raw_name(name);
            let found = self.nodes[node].binary_search_by(|m| json::cmp_names(&m.name, &name));
            let at = found.unwrap_or_else(|at| {
                self.nodes[node].insert(at, Member { name, column: None, inner: None });
                at
            });
            if depth + 1 == path.len() {
                self.nodes[node][at].column = Some(index);
            } else {
                let next = self.nodes[node][at].inner.unwrap_or(self.nodes.len());
                if next == self.nodes.len() {
                    self.nodes.push(Vec::new());
                }
                self.nodes[node][at].inner = Some(next);
                node = next;
            }
        }
    }

    /// Checks the rest of `row` and counts its misfits.
    pub(super) fn row(&mut self, row: u64, rest: &str) -> Result<(), RestFault> {
        // The record's own size is limited, and the rest is not longer.
        let limits = Limits { max_bytes: usize::MAX, max_depth: MAX_DEPTH };
        if !json::is_canonical_text(rest, limits) {
            return Err(RestFault::NotCanonical);
        }
        self.has_exact_numbers = false;
        self.object(0, row, rest.as_bytes())
    }

    fn object(&mut self, node: usize, row: u64, object: &[u8]) -> Result<(), RestFault> {
        let mut at = 0;
        for (name, value) in json::members(object) {
            if node == 0 {
                recorded_member(name, value)?;
                self.has_exact_numbers |= name == b"_exact_numbers";
            }
            while let Some(member) = self.nodes[node].get(at) {
                match json::cmp_names(&member.name, name) {
                    Ordering::Less => at += 1,
                    Ordering::Equal => {
                        let (column, inner) = (member.column, member.inner);
                        if let Some(column) = column {
                            self.value(column, row, value)?;
                        }
                        if let Some(inner) = inner {
                            self.object(inner, row, value)?;
                        }
                        break;
                    }
                    Ordering::Greater => break,
                }
            }
        }
        Ok(())
    }

    fn value(&mut self, column: usize, row: u64, value: &[u8]) -> Result<(), RestFault> {
        if column < self.absent_from {
            // What fits was found to be a second representation when the row was assembled.
            if value != b"null" {
                self.count(column, row);
            }
        } else if fits(self.kinds[column], value) {
            return Err(RestFault::Hidden(column - self.absent_from));
        }
        Ok(())
    }

    fn count(&mut self, column: usize, row: u64) {
        if self.counted[column] <= row {
            self.counted[column] = row + 1;
            self.misfits[column] += 1;
        }
    }

    /// Counts the rows whose value at the path of one column is an object made of other columns.
    /// To be called after [`row`](Self::row); `has` tells whether a column has a value there.
    pub(super) fn nested(&mut self, row: u64, has: impl Fn(usize) -> bool) {
        for i in 0..self.nested.len() {
            let (outer, inner) = self.nested[i];
            if has(inner) {
                self.count(outer, row);
            }
        }
    }

    /// Whether [`nested`](Self::nested) has anything to do.
    pub(super) fn has_nested(&self) -> bool {
        !self.nested.is_empty()
    }
}

/// Checks the members that only the recorder may set and that no column holds.
fn recorded_member(name: &[u8], value: &[u8]) -> Result<(), RestFault> {
    match name {
        b"schema_violations" if !are_violations(value) => Err(RestFault::Violations),
        b"_exact_numbers" if !are_pointers(value) => Err(RestFault::ExactNumbers),
        _ => Ok(()),
    }
}

fn are_violations(value: &[u8]) -> bool {
    let is = |item: &[u8]| {
        let names: Vec<&[u8]> = json::members(item)
            .filter(|(_, value)| value.first() == Some(&b'"'))
            .map(|(name, _)| name)
            .collect();
        json::members(item).count() == 2 && names == [b"path".as_slice(), b"problem"]
    };
    value.first() == Some(&b'[') && json::elements(value).all(is)
}

/// Whether the value is a non-empty list of JSON Pointers, sorted, none twice.
fn are_pointers(value: &[u8]) -> bool {
    let texts: Option<Vec<String>> =
        json::elements(value).map(|e| json::string_value(e).map(|s| s.into_owned())).collect();
    texts.is_some_and(|texts| {
        !texts.is_empty()
            && texts.iter().all(|text| text.starts_with('/'))
            && texts.is_sorted_by(|a, b| a < b)
    })
}

/// Whether every pointer of a record's `_exact_numbers` leads to a string that is a number.
pub(super) fn exact_numbers_hold(record: &[u8]) -> bool {
    let list = json::members(record).find(|(name, _)| *name == b"_exact_numbers");
    list.is_none_or(|(_, list)| {
        json::elements(list).all(|pointer| {
            let pointer = json::string_value(pointer).unwrap_or_default();
            resolve(record, &pointer).is_some_and(is_number_text)
        })
    })
}

fn resolve<'a>(record: &'a [u8], pointer: &str) -> Option<&'a [u8]> {
    pointer.strip_prefix('/')?.split('/').try_fold(record, |value, token| {
        if value.first() == Some(&b'[') {
            return json::elements(value).nth(token.parse().ok()?);
        }
        let name = json::raw_name(&token.replace("~1", "/").replace("~0", "~"));
        json::members(value).find(|(found, _)| *found == name).map(|(_, value)| value)
    })
}

fn is_number_text(raw: &[u8]) -> bool {
    let inner = raw.strip_prefix(b"\"").and_then(|raw| raw.strip_suffix(b"\""));
    inner.is_some_and(json::is_number_literal)
}
