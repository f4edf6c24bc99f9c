//! The state that snapshots hold.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, StringArray};
use bytes::Bytes;
use data_encoding::BASE64;

use super::rows::Rows;
use super::{Head, Item, Writer, bad};
use crate::Result;
use crate::columns::{LogicalColumn, Registry};
use crate::ledger::entry::AddedSegment;
use crate::ledger::lifecycle::Lifecycle;
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
    lifecycle: Lifecycle,
    removed: Vec<String>,
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
                Item::Policy(policy) => run.lifecycle.policy = Some(Arc::new(policy.into_owned())),
                Item::Hold(hold) => {
                    run.lifecycle.holds.insert(hold.hold.id.clone(), Arc::new(hold.into_owned()));
                }
                Item::Erasure(erasure) => {
                    run.lifecycle.erasures.insert(erasure.entry, Arc::new(erasure.into_owned()));
                }
                Item::Forgotten(forgotten) => {
                    let holder = forgotten.forget.holder.clone();
                    run.lifecycle.forgotten.insert(holder, Arc::new(forgotten.into_owned()));
                }
                Item::Retired(retired) => {
                    let path = retired.path.clone();
                    run.lifecycle.retired.insert(path, Arc::new(retired.into_owned()));
                }
                Item::Condemned(condemned) => {
                    let path = condemned.path.clone();
                    run.lifecycle.condemned.insert(path, Arc::new(condemned.into_owned()));
                }
                Item::Removed(path) => run.removed.push(path.into_owned()),
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
        let life = &mut self.lifecycle;
        life.policy = more.lifecycle.policy.or(life.policy.take());
        life.holds.extend(more.lifecycle.holds);
        life.erasures.extend(more.lifecycle.erasures);
        life.forgotten.extend(more.lifecycle.forgotten);
        life.retired.extend(more.lifecycle.retired);
        life.condemned.extend(more.lifecycle.condemned);
        self.removed.extend(more.removed);
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
        remove(&mut state.segments, &mut paths, &rest.removed)?;
        state.newest_snapshot = head.rests_on.as_ref().map(|on| NamedSnapshot {
            n: on.n,
            bytes: on.bytes,
            sha256: on.sha256.clone(),
            segments: state.segments.len(),
            removed: rest.removed,
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
        state.lifecycle = rest.lifecycle;
        (state.lifecycle.deleted, state.lifecycle.removals) = (head.deleted, head.removals);
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

/// Takes out segments that were removed since the snapshot that named them.
fn remove(
    segments: &mut Vec<Arc<AddedSegment>>,
    hashes: &mut Vec<PathHash>,
    removed: &[String],
) -> Result<()> {
    let removed: HashSet<&str> = removed.iter().map(String::as_str).collect();
    if removed.is_empty() {
        return Ok(());
    }
    let keep: Vec<bool> = segments.iter().map(|s| !removed.contains(s.path.as_str())).collect();
    if segments.len() - keep.iter().filter(|keep| **keep).count() != removed.len() {
        return Err(bad("it removes a segment that is not there"));
    }
    let (mut of_segments, mut of_hashes) = (keep.iter(), keep.iter());
    segments.retain(|_| of_segments.next().is_some_and(|keep| *keep));
    hashes.retain(|_| of_hashes.next().is_some_and(|keep| *keep));
    Ok(())
}
