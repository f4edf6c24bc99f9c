//! Where the ledger adds segments.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::Trail;
use super::checkpoint::signed_entry;
use crate::ledger::{AddedSegment, Kind, State, entry_path};
use crate::{Error, Result};

/// An entry that adds records.
#[derive(Debug)]
pub(super) struct Adding {
    pub(super) n: u64,
    pub(super) bytes: Bytes,
    pub(super) writer: String,
    adds: Vec<AddedSegment>,
}

/// Where the ledger adds a segment.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) adding: Arc<Adding>,
    /// Which of the entry's segments.
    pub(super) index: u64,
}

/// Finds the entries that added segments, and keeps those that it read.
#[derive(Debug)]
pub(super) struct Places {
    /// Each live segment's place among all.
    order: HashMap<String, usize>,
    read: HashMap<u64, Option<Arc<Adding>>>,
}

impl Places {
    pub(super) fn of(state: &State) -> Self {
        let paths = state.segments.iter().enumerate();
        let order = paths.map(|(at, add)| (add.path.clone(), at)).collect();
        Self { order, read: HashMap::new() }
    }

    /// The entry that added a segment. The ledger's state does not keep it; but segments stand
    /// there in the order of their entries, so that reading a few entries leads to it.
    ///
    /// # Errors
    /// `Integrity` if no entry that a writer signed adds it, `Io` or `Store`.
    pub(super) async fn place_of(
        &mut self,
        trail: &Trail,
        state: &State,
        segment: &AddedSegment,
    ) -> Result<Place> {
        let wanted = self.order.get(&segment.path).copied().unwrap_or(usize::MAX);
        let (mut low, mut high) = (1, state.size());
        while low < high {
            let middle = low + (high - low) / 2;
            // Whose segments are all gone, or that was signed without effect, tells no direction.
            let mut probe = None;
            for n in middle..high {
                let adding = self.adding(trail, state, n).await?;
                let live = |add: &AddedSegment| self.order.get(&add.path).copied();
                let first = adding.as_ref().and_then(|adding| adding.adds.iter().find_map(live));
                probe = adding.zip(first);
                if probe.is_some() {
                    break;
                }
            }
            let Some((adding, first)) = probe else {
                high = middle;
                continue;
            };
            if let Some(place) = place_in(&adding, segment) {
                return Ok(place);
            }
            if first < wanted {
                low = adding.n + 1;
            } else {
                high = middle;
            }
        }
        for n in 1..state.size() {
            let adding = self.adding(trail, state, n).await?;
            if let Some(place) = adding.and_then(|adding| place_in(&adding, segment)) {
                return Ok(place);
            }
        }
        Err(Error::integrity(&segment.path, "no entry that a writer signed adds it"))
    }

    /// Entry `n`, if a writer signed it to add records.
    pub(super) async fn adding(
        &mut self,
        trail: &Trail,
        state: &State,
        n: u64,
    ) -> Result<Option<Arc<Adding>>> {
        if let Some(known) = self.read.get(&n) {
            return Ok(known.clone());
        }
        let bytes = trail.storage().get(&entry_path(n)).await?;
        let adding = signed_entry(state, &bytes, n).and_then(|(entry, _)| {
            let body = entry.body;
            let (writer, adds) = (body.writer, body.adds.filter(|_| body.kind == Kind::Append)?);
            Some(Arc::new(Adding { n, bytes, writer, adds }))
        });
        self.read.insert(n, adding.clone());
        Ok(adding)
    }
}

fn place_in(adding: &Arc<Adding>, segment: &AddedSegment) -> Option<Place> {
    let index = adding.adds.iter().position(|add| add == segment)? as u64;
    Some(Place { adding: Arc::clone(adding), index })
}
