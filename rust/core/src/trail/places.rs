//! Which entry added a segment. The ledger's state does not keep it; but a segment says when its
//! records were recorded, and entries say when they were made.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::Trail;
use super::checkpoint::signed_entry;
use crate::ledger::{AddedSegment, Bounds, Ledger, entry_path};
use crate::{Error, Result, json};

/// Entries that are read from where a segment should be, before all of them are.
const NEARBY: u64 = 512;

/// Where the ledger adds a segment.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) entry: u64,
    /// Which of the entry's segments.
    pub(super) index: u64,
    pub(super) writer: String,
}

/// An entry as far as it is needed here.
#[derive(Debug)]
struct Known {
    time: Option<i64>,
    writer: String,
    /// Paths and roots of what it adds.
    adds: Vec<(String, String)>,
}

/// Looks for entries, and remembers those that were read.
pub(super) struct Places<'a> {
    trail: &'a Trail,
    ledger: Ledger,
    known: BTreeMap<u64, Option<Known>>,
}

impl<'a> Places<'a> {
    pub(super) fn new(trail: &'a Trail, ledger: Ledger) -> Self {
        Self { trail, ledger, known: BTreeMap::new() }
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
                    .position(|(path, root)| *path == segment.path && *root == segment.root)
            {
                let writer = known.writer.clone();
                return Ok(Place { entry: n, index: index as u64, writer });
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

    async fn entry(&mut self, n: u64) -> Result<Option<&Known>> {
        if !self.known.contains_key(&n) {
            let bytes = self.trail.storage().get(&entry_path(n)).await?;
            let known = self.read(n, &bytes);
            self.known.insert(n, known);
        }
        Ok(self.known.get(&n).and_then(Option::as_ref))
    }

    fn read(&self, n: u64, bytes: &Bytes) -> Option<Known> {
        let (entry, _) = signed_entry(self.ledger.state(), bytes, n)?;
        let adds = entry.body.adds.into_iter().flatten();
        Some(Known {
            time: json::parse_canonical_timestamp(entry.body.time.as_bytes()),
            writer: entry.body.writer,
            adds: adds.map(|add| (add.path, add.root)).collect(),
        })
    }
}
