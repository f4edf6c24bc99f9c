//! The state that snapshots hold.

use std::sync::Arc;

use arrow::array::{Array, StringArray};
use bytes::Bytes;
use data_encoding::BASE64;

use super::rows::Rows;
use super::{Head, Item, Writer, bad};
use crate::Result;
use crate::columns::{LogicalColumn, Registry};
use crate::ledger::entry::AddedSegment;
use crate::ledger::paths::{self, PathHash, Paths};
use crate::ledger::state::{NamedSnapshot, State, public_key};
use crate::merkle::{Accumulator, Hash};

/// What a file says.
pub(in crate::ledger) struct Part {
    head: Head,
    rest: Run,
}

/// What some rows say.
#[derive(Default)]
struct Run {
    leaves: Vec<Hash>,
    writers: Vec<Writer>,
    columns: Vec<LogicalColumn>,
    segments: Vec<Arc<AddedSegment>>,
    /// Of the segments' paths.
    paths: Vec<PathHash>,
}

impl Run {
    fn parse(rows: &StringArray) -> Result<(Option<Head>, Self)> {
        let (mut head, mut run) = (None, Self::default());
        for row in 0..rows.len() {
            match serde_json::from_str(rows.value(row)).map_err(bad)? {
                Item::Head(found) if row == 0 => head = Some(found.into_owned()),
                Item::Head(_) => return Err(bad("it has two heads")),
                Item::Leaves(leaves) => {
                    let leaves = BASE64.decode(leaves.as_bytes()).map_err(bad)?;
                    let (hashes, rest) = leaves.as_chunks::<32>();
                    if !rest.is_empty() {
                        return Err(bad("a leaf is cut"));
                    }
                    run.leaves.extend_from_slice(hashes);
                }
                Item::Writer(writer) => run.writers.push(writer.into_owned()),
                Item::Column(column) => run.columns.push(column.into_owned()),
                Item::Segment(segment) => {
                    run.paths.push(paths::hash(&segment.path));
                    run.segments.push(Arc::new(segment.into_owned()));
                }
            }
        }
        Ok((head, run))
    }

    fn extend(&mut self, more: Self) {
        self.leaves.extend(more.leaves);
        self.writers.extend(more.writers);
        self.columns.extend(more.columns);
        self.segments.extend(more.segments);
        self.paths.extend(more.paths);
    }
}

impl Part {
    /// Reads the file of the snapshot as of `n`.
    ///
    /// # Errors
    /// `Integrity` if it is none.
    pub(in crate::ledger) fn read(n: u64, bytes: Bytes) -> Result<Self> {
        let mut runs = Rows::open(bytes)?.map(Run::parse)?.into_iter();
        let (head, mut rest) = match runs.next() {
            Some((Some(head), rest)) if head.v == 1 && head.entries == n => (head, rest),
            _ => return Err(bad(format!("it is of another version or not as of {n}"))),
        };
        for (head, more) in runs {
            if head.is_some() {
                return Err(bad("it has two heads"));
            }
            rest.extend(more);
        }
        Ok(Self { head, rest })
    }

    /// The snapshot that this one continues: its number, size and hex SHA-256.
    pub(in crate::ledger) fn rests_on(&self) -> Option<(u64, u64, String)> {
        self.head.rests_on.as_ref().map(|on| (on.n, on.bytes, on.sha256.clone()))
    }
}

/// The state that a full snapshot and those that continue it give, and the leaves of its entries.
///
/// # Errors
/// `Integrity` if they do not fit together.
pub(in crate::ledger) fn assemble(parts: Vec<Part>) -> Result<(State, Vec<Hash>)> {
    let (mut state, mut leaves, mut paths) = (State::default(), Vec::new(), Vec::new());
    let mut last: Option<Head> = None;
    for Part { head, rest } in parts {
        if head.rests_on.as_ref().map(|on| on.n) != last.as_ref().map(|last| last.entries) {
            return Err(bad("it continues another one"));
        }
        state.newest_snapshot = head.rests_on.as_ref().map(|on| NamedSnapshot {
            n: on.n,
            bytes: on.bytes,
            sha256: on.sha256.clone(),
            segments: state.segments.len(),
        });
        leaves.extend(rest.leaves);
        if leaves.len() as u64 != head.entries {
            return Err(bad("it has not as many leaves as entries"));
        }
        state.writers.clear();
        for writer in rest.writers {
            let writer = writer.state().ok_or_else(|| bad("a key is no key"))?;
            state.writers.insert(writer.authorization.writer.clone(), writer);
        }
        state.registry = Registry::default();
        rest.columns.iter().try_for_each(|column| state.registry.take(column))?;
        state.segments.extend(rest.segments);
        paths.extend(rest.paths);
        last = Some(head);
    }
    let head = last.ok_or_else(|| bad("it has no head"))?;
    state.owner = public_key(&head.owner);
    state.info = Some(Arc::new(head.trail));
    state.rows = head.rows;
    state.snapshot = head.snapshot;
    state.time = Some(head.time);
    let (tree, paths) = rayon::join(|| Accumulator::of(&leaves), || Paths::of(paths.into_iter()));
    (state.tree, state.paths) = (tree, paths);
    Ok((state, leaves))
}
