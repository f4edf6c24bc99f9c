//! Which entry added a segment. The ledger's state does not keep it; but a segment says when its
//! records were recorded, and entries say when they were made.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use data_encoding::HEXLOWER;

use super::Trail;
use super::checkpoint::signed_entry;
use crate::ledger::{AddedSegment, Bounds, Kind, Ledger, entry_path};
use crate::merkle::{self, Hash};
use crate::segment::Origin;
use crate::{Error, Result, json};

/// Entries that are read from where a segment should be, before all of them are.
const NEARBY: u64 = 512;

/// An entry as far as it is needed here.
#[derive(Debug)]
pub(super) struct Adding {
    pub(super) n: u64,
    pub(super) bytes: Bytes,
    pub(super) writer: String,
    time: Option<i64>,
    /// The segments that it introduces.
    adds: Vec<Added>,
}

/// A segment as its entry names it.
#[derive(Debug)]
struct Added {
    path: String,
    root: String,
    batches: u64,
}

/// Where the ledger introduced a segment.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) adding: Arc<Adding>,
    /// Which of the entry's segments.
    pub(super) index: u64,
}

impl Place {
    /// Whether a leaf (that of a batch) is at `index` of the list of the segment that was added
    /// here, as an audit path tells.
    pub(super) fn lists(&self, leaf: &Hash, index: u64, path: &[Hash]) -> bool {
        let add = usize::try_from(self.index).ok().and_then(|at| self.adding.adds.get(at));
        add.is_some_and(|add| {
            let root = HEXLOWER.decode(add.root.as_bytes()).ok();
            let root: Option<Hash> = root.and_then(|root| root.try_into().ok());
            root.is_some_and(|root| merkle::verify_inclusion(leaf, index, add.batches, path, &root))
        })
    }
}

/// Looks for entries, and remembers those that were read.
pub(super) struct Places {
    trail: Trail,
    ledger: Ledger,
    known: BTreeMap<u64, Option<Arc<Adding>>>,
}

impl Places {
    pub(super) fn new(trail: &Trail, ledger: Ledger) -> Self {
        Self { trail: trail.clone(), ledger, known: BTreeMap::new() }
    }

    /// Entry `n`, if a writer signed it to add records.
    ///
    /// # Errors
    /// `Io` or `Store`.
    pub(super) async fn adding(&mut self, n: u64) -> Result<Option<Arc<Adding>>> {
        Ok(self.entry(n).await?.filter(|known| !known.adds.is_empty()))
    }

    /// Where a batch was introduced that was moved since.
    ///
    /// # Errors
    /// `Integrity` if no writer signed that entry to add records; `Io` or `Store`.
    pub(super) async fn of_origin(&mut self, origin: &Origin) -> Result<Place> {
        let adding = self.adding(origin.entry).await?;
        let adding = adding.ok_or_else(|| {
            Error::integrity(entry_path(origin.entry), "no writer signed it to add records")
        })?;
        Ok(Place { adding, index: origin.add })
    }

    /// The entry that adds a segment.
    ///
    /// # Errors
    /// `Integrity` if there is none that its signer signed; `Io` or `Store`.
    pub(super) async fn of(&mut self, segment: &AddedSegment) -> Result<Place> {
        let size = self.ledger.state().size();
        let start = match segment.stats.get("recorded_at") {
            Some(Bounds::Number(_, latest)) => self.first_made_at(*latest).await?,
            _ => 1,
        };
        let near = start.saturating_sub(1)..size.min(start.saturating_add(NEARBY));
        let far = (near.end..size).chain((1..near.start).rev());
        for n in near.clone().chain(far) {
            if let Some(known) = self.entry(n).await?
                && let Some(index) = known
                    .adds
                    .iter()
                    .position(|add| add.path == segment.path && add.root == segment.root)
            {
                return Ok(Place { adding: known, index: index as u64 });
            }
        }
        Err(Error::integrity(&segment.path, "no entry that a writer signed adds it"))
    }

    /// The first entry that was made at `time` or later, if clocks go forward.
    async fn first_made_at(&mut self, time: i64) -> Result<u64> {
        let (mut low, mut high) = (1, self.ledger.state().size());
        while low < high {
            let middle = low + (high - low) / 2;
            // An object without effect tells no time; its neighbours do.
            let mut made = None;
            for n in middle..high {
                made = self.entry(n).await?.and_then(|known| known.time);
                if made.is_some() {
                    break;
                }
            }
            match made {
                Some(made) if made < time => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    async fn entry(&mut self, n: u64) -> Result<Option<Arc<Adding>>> {
        if !self.known.contains_key(&n) {
            let bytes = self.trail.storage().get(&entry_path(n)).await?;
            let known = self.read(n, bytes).map(Arc::new);
            self.known.insert(n, known);
        }
        Ok(self.known.get(&n).cloned().flatten())
    }

    fn read(&self, n: u64, bytes: Bytes) -> Option<Adding> {
        let (entry, _) = signed_entry(self.ledger.state(), &bytes, n)?;
        let introduces = entry.body.kind == Kind::Append;
        let adds = entry.body.adds.filter(|_| introduces).into_iter().flatten();
        Some(Adding {
            n,
            bytes,
            time: json::parse_canonical_timestamp(entry.body.time.as_bytes()),
            writer: entry.body.writer,
            adds: adds
                .map(|AddedSegment { path, root, batches, .. }| Added { path, root, batches })
                .collect(),
        })
    }
}
