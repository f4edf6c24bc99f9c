//! Signing what leaves the trail: exports, packages, hand-overs.

use std::collections::BTreeMap;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use ed25519_dalek::SigningKey;

use super::checkpoint::SignedCheckpoint;
use super::places::{Adding, Places};
use super::prove::{Evidence, vkey_of};
use super::{ReadView, Trail};
use crate::evidence::{
    Collector, Context, Origin, Part, Shared, SignedFile, paths_in_list, signed_bytes,
};
use crate::keys;
use crate::ledger::{AddedSegment, Ledger};
use crate::merkle::Hash;
use crate::proof::{Chain, Evidence as Proven, Kind};
use crate::segment::{SegmentMeta, batch_list_root, canonical};
use crate::{Error, Result};

/// Signs what is taken out of a trail at one state of its ledger, and gathers what proves it.
pub struct Attester {
    trail: Trail,
    ledger: Ledger,
    checkpoint: SignedCheckpoint,
    key: SigningKey,
    places: Places,
    /// The entries that the records taken so far rest on.
    subjects: BTreeMap<u64, Arc<Adding>>,
}

impl std::fmt::Debug for Attester {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attester").field("checkpoint", &self.checkpoint).finish_non_exhaustive()
    }
}

impl Trail {
    /// Signs, with a key of this host (a writer's, else the owner's), what is taken out of the
    /// ledger as a view shows it.
    ///
    /// # Errors
    /// `Usage` if this host has no key of the trail to sign with; as
    /// [`checkpoint`](Self::checkpoint).
    pub async fn attest(&self, view: &ReadView) -> Result<Attester> {
        let (ledger, checkpoint, key) = self.attested(view.size()).await?;
        let places = Places::new(self, ledger.clone());
        let (trail, subjects) = (self.clone(), BTreeMap::new());
        Ok(Attester { trail, ledger, checkpoint, key, places, subjects })
    }
}

impl Attester {
    /// Number of the ledger's entries.
    pub fn size(&self) -> u64 {
        self.checkpoint.size
    }

    /// Root over them.
    pub fn root(&self) -> Hash {
        self.ledger.root_at(self.size()).unwrap_or_default()
    }

    /// Root over the first `size` of them, `None` if they are fewer.
    pub fn root_at(&self, size: u64) -> Option<Hash> {
        self.ledger.root_at(size).filter(|_| size <= self.size())
    }

    /// Who signs: a writer's id, or `owner`.
    pub fn signer(&self) -> &str {
        &self.checkpoint.signer
    }

    /// The signed checkpoint of that state.
    pub fn checkpoint(&self) -> &str {
        &self.checkpoint.note
    }

    /// The vkey of the owner, as the trail says.
    ///
    /// # Errors
    /// `Integrity` if the ledger does not describe a trail.
    pub fn vkey(&self) -> Result<String> {
        vkey_of(self.ledger.state())
    }

    /// What takes records out of a segment; `None` if no entry from `since` on introduced any of
    /// its batches.
    ///
    /// # Errors
    /// `Integrity` if the segment is missing or not what the ledger says; `Io`, `Store`.
    pub async fn collector(
        &mut self,
        segment: &AddedSegment,
        since: u64,
    ) -> Result<Option<Collector>> {
        let file = self.trail.segment(segment).await?;
        if HEXLOWER.encode(&batch_list_root(&file.meta().batches)?) != segment.root {
            let message = "its batches are not those that its entry names";
            return Err(Error::integrity(&segment.path, message));
        }
        let origins = self.origins(segment, file.meta()).await?;
        if origins.iter().all(|origin| origin.entry < since) {
            return Ok(None);
        }
        Collector::new(&file, origins, &self.trail.sidecar(segment).await?).map(Some)
    }

    /// Where the ledger introduced the batches of a segment.
    async fn origins(&mut self, segment: &AddedSegment, meta: &SegmentMeta) -> Result<Vec<Origin>> {
        let moved = meta.batches.iter().filter_map(|batch| batch.origin.as_ref());
        let moved: Vec<Origin> = moved.map(Origin::of_moved).collect::<Result<_>>()?;
        // Of an entry that moves batches all have moved.
        if moved.len() == meta.batches.len() {
            return Ok(moved);
        }
        let place = self.places.of(segment).await?;
        let paths = paths_in_list(&meta.batches)?;
        let here = |(index, path)| {
            let (entry, add) = (place.adding.n, place.index);
            Origin { entry, add, index, path }
        };
        Ok((0..).zip(paths).map(here).collect())
    }

    /// The line that proves what a collector took, `None` if that is nothing. `from` is the number
    /// of the first of these records in their file, from 0.
    ///
    /// # Errors
    /// `Integrity` if the segment's rows do not lead to its batches' trees; `Io`, `Store`.
    pub async fn finish(&mut self, collector: Collector, from: u64) -> Result<Option<Vec<u8>>> {
        let Some(part) = collector.finish(from)? else { return Ok(None) };
        self.rest_on(&part).await?;
        canonical(&part).map(Some)
    }

    /// Takes in a line that [`finish`](Self::finish) gave in an earlier life; gives the number of
    /// its records.
    ///
    /// # Errors
    /// `Integrity` if it is none; `Io`, `Store`.
    pub async fn take_up(&mut self, line: &[u8]) -> Result<u64> {
        let part: Part = crate::proof::parse(line)?;
        self.rest_on(&part).await?;
        Ok(part.records)
    }

    async fn rest_on(&mut self, part: &Part) -> Result<()> {
        for n in part.batches.iter().map(|batch| batch.entry) {
            if !self.subjects.contains_key(&n) {
                let adding = self.places.adding(n).await?;
                let adding = adding.ok_or_else(|| {
                    Error::integrity(format!("entry {n}"), "no writer signed it to add records")
                })?;
                self.subjects.insert(n, adding);
            }
        }
        Ok(())
    }

    /// The last line of the proofs of so many records: what the lines before rest on.
    ///
    /// # Errors
    /// `Integrity` if the ledger does not prove them; `Io`, `Store`.
    pub async fn shared(&self, records: u64) -> Result<Vec<u8>> {
        let subjects: Vec<Arc<Adding>> = self.subjects.values().cloned().collect();
        let Evidence { checkpoint, entries, signers } =
            self.trail.evidence(&self.ledger, self.checkpoint.clone(), &subjects).await?;
        let numbers: Vec<u64> = self.subjects.keys().copied().collect();
        let proven = Proven {
            checkpoint: &checkpoint,
            entries: &entries,
            signers: &signers,
            subjects: &numbers,
        };
        // None is handed out that does not hold under the key that the trail names.
        Chain::check(&proven, &self.vkey()?)?;
        canonical(&Shared { checkpoint, entries, kind: Kind::Records, records, signers, v: 1 })
    }

    /// A statement, signed, with what leads from the owner's key to its signer: canonical JSON.
    pub(crate) async fn sign<B: serde::Serialize>(
        &self,
        context: Context,
        body: B,
    ) -> Result<Vec<u8>> {
        let Evidence { checkpoint, entries, signers } =
            self.trail.evidence(&self.ledger, self.checkpoint.clone(), &[]).await?;
        let signature = keys::sign(&self.key, &signed_bytes(context, &body)?);
        let sig = data_encoding::BASE64.encode(&signature);
        canonical(&SignedFile { body, checkpoint, entries, sig, signers })
    }
}
