//! Making proofs of records (FORMAT section 13).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use data_encoding::HEXLOWER;

use super::Trail;
use super::checkpoint::SignedCheckpoint;
use super::lookup::{ID, candidates, id_of};
use super::places::{Adding, Places};
use crate::keys::OWNER;
use crate::ledger::{Ledger, State, entry_path};
use crate::merkle::{self, Hash};
use crate::note;
use crate::proof::{
    self, BatchItem, ConsistencyFile, File, Hex, Item, Note, Proof, RecordItem, SegmentItem,
    SignerItem, StateItem, hex,
};
use crate::segment::gone::{Gone, GoneBatch};
use crate::segment::{BatchMeta, Origin, Run, SegmentFile, batch_list_leaves, canonical};
use crate::{Error, Result};

impl Trail {
    /// The proof that the record with this id is in the trail, `None` if there is no such record.
    /// Where several have the id it is the newest one. [`check`](proof::check) checks it.
    ///
    /// # Errors
    /// `Usage` if the record is not in the ledger yet: flush first, and where this host has no
    /// writer of the trail, wait for the next checkpoint. `Io`, `Store`, or `Integrity` if what
    /// is stored proves nothing.
    pub async fn prove(&self, audit_id: &str) -> Result<Option<Proof>> {
        let view = self.view().await?;
        let mut found = None;
        for segment in candidates(&view, |min, max| min <= audit_id && audit_id <= max).rev() {
            let file = self.segment(segment).await?;
            if let Some(&row) = file.find(ID, audit_id)?.first() {
                found = Some((Arc::clone(segment), file, row));
                break;
            }
        }
        let Some((segment, file, row)) = found else {
            if view.unflushed.iter().any(|r| id_of(r).as_deref() == Some(audit_id)) {
                return Err(Error::Usage(format!(
                    "{audit_id} is durable, but not in the ledger yet; flush the trail first (or \
                     let its writer do so), then there is something to prove"
                )));
            }
            return Ok(None);
        };
        let gone = self.sidecar(&segment).await?;
        let (record, batch, origin) = below_segment(&file, row, &gone)?;
        let (ledger, checkpoint) = self.signed_checkpoint().await?;
        let mut places = Places::new(self, ledger.clone());
        let place = match origin {
            Some(origin) => places.of_origin(&origin).await?,
            None => places.of(&segment).await?,
        };
        if checkpoint.size <= place.adding.n {
            return Err(Error::Usage(format!(
                "no checkpoint covers {audit_id} yet, and this host has no writer of the trail to \
                 sign one; ask for the proof on the writer's host, or after its next commit"
            )));
        }
        let segment = SegmentItem { entry: place.adding.n, index: place.index };
        let Evidence { checkpoint, entries, signers } =
            self.evidence(&ledger, checkpoint, &[place.adding]).await?;
        let file = File::new(record, batch, segment, entries, checkpoint, signers);
        let proof = canonical(&file).map(Proof::new)?;
        // None is handed out that does not hold under the key that the trail names.
        proof::check(proof.as_bytes(), &vkey_of(ledger.state())?)?;
        Ok(Some(proof))
    }

    /// The proof that the ledger's first `to` entries begin with its first `from` entries; without
    /// `to` they are those of [`checkpoint`](Self::checkpoint).
    /// [`check_consistency`](proof::check_consistency) checks it.
    ///
    /// # Errors
    /// `Usage` if there are no such sizes; as [`checkpoint`](Self::checkpoint) otherwise.
    pub async fn prove_consistency(&self, from: u64, to: Option<u64>) -> Result<Proof> {
        let (ledger, checkpoint) = match to {
            Some(to) => self.signed_checkpoint_of(to).await?,
            None => self.signed_checkpoint().await?,
        };
        let to = checkpoint.size;
        if from > to {
            return Err(Error::Usage(format!("{from} entries do not come before {to}")));
        }
        let path = ledger.consistency(from, to).zip(ledger.root_at(from));
        let (path, root) =
            path.ok_or_else(|| Error::integrity("ledger", "its first entries are not known"))?;
        let Evidence { checkpoint, entries, signers } =
            self.evidence(&ledger, checkpoint, &[]).await?;
        let file = ConsistencyFile {
            checkpoint,
            entries,
            from: StateItem { root: Hex(root), size: from },
            kind: proof::Kind::Consistency,
            path: hex(&path),
            signers,
            v: 1,
        };
        let proof = canonical(&file).map(Proof::new)?;
        proof::check_consistency(proof.as_bytes(), &vkey_of(ledger.state())?)?;
        Ok(proof)
    }

    /// What leads from the owner's key to a checkpoint and to entries below it.
    pub(super) async fn evidence(
        &self,
        ledger: &Ledger,
        checkpoint: SignedCheckpoint,
        subjects: &[Arc<Adding>],
    ) -> Result<Evidence> {
        let SignedCheckpoint { note, size, signer } = checkpoint;
        let writers = subjects.iter().map(|entry| entry.writer.as_str()).chain([signer.as_str()]);
        let writers: BTreeSet<&str> = writers.filter(|writer| *writer != OWNER).collect();
        let signer_of = |writer: &str| {
            let known = ledger.state().writers.get(writer).ok_or_else(|| {
                Error::integrity("ledger", format!("writer {writer} is not authorised"))
            })?;
            let revoked = known.revoked.filter(|&entry| entry < size);
            Ok(SignerItem { authorized: known.authorized, revoked, writer: writer.to_owned() })
        };
        let signers = writers.into_iter().map(signer_of).collect::<Result<Vec<_>>>()?;
        let mut objects = BTreeMap::from([(0, None)]);
        for signer in &signers {
            objects.insert(signer.authorized, None);
            objects.extend(signer.revoked.map(|n| (n, None)));
        }
        objects.extend(subjects.iter().map(|entry| (entry.n, Some(entry.bytes.clone()))));
        let numbers: Vec<u64> = objects.keys().copied().collect();
        let paths = ledger.paths(&numbers, size).ok_or_else(|| {
            Error::integrity("ledger", format!("its first {size} entries are not known"))
        })?;
        let mut entries = Vec::with_capacity(objects.len());
        for ((n, bytes), path) in objects.into_iter().zip(paths) {
            let bytes = match bytes {
                Some(bytes) => bytes,
                None => self.storage().get(&entry_path(n)).await?,
            };
            let bytes = String::from_utf8(bytes.to_vec())
                .map_err(|_| Error::integrity(entry_path(n), "not UTF-8"))?;
            entries.push(Item { bytes, n, path: hex(&path) });
        }
        Ok(Evidence { checkpoint: Note { note, signer }, entries, signers })
    }
}

/// The part that all proofs have.
pub(super) struct Evidence {
    pub(super) checkpoint: Note,
    pub(super) entries: Vec<Item>,
    pub(super) signers: Vec<SignerItem>,
}

/// What leads from a row to the root over the batches of the segment that it was recorded in, and
/// where that was.
fn below_segment(
    file: &SegmentFile,
    row: usize,
    gone: &Gone,
) -> Result<(RecordItem, BatchItem, Option<Origin>)> {
    let wrong = |what: &str| Error::integrity(file.path(), what);
    let run = file.run_of(row)?.ok_or_else(|| wrong("the row is not there"))?;
    let ordinal = usize::from(run.ordinal);
    let batches = &file.meta().batches;
    let batch = batches.get(ordinal).ok_or_else(|| wrong("`_batch` names no batch"))?;
    let record = match gone.batches.get(&run.ordinal) {
        Some(gone) => in_cut_batch(file, &run, gone)?,
        None => in_batch(file, &run, batch)?,
    };
    let decode = |text: &str| HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok().map(Hex);
    let (commitment, root) = decode(&batch.commitment)
        .zip(decode(&batch.root))
        .ok_or_else(|| wrong("the batch's root or commitment is malformed"))?;
    let (index, in_list) = match &batch.origin {
        Some(origin) => {
            let path: Option<Vec<Hex<32>>> = origin.path.iter().map(|hash| decode(hash)).collect();
            (origin.index, path.ok_or_else(|| wrong("the batch's path is malformed"))?)
        }
        None => {
            let path = merkle::inclusion_proof(&batch_list_leaves(batches)?, ordinal);
            (ordinal as u64, hex(&path.unwrap_or_default()))
        }
    };
    let item = BatchItem {
        commitment,
        id: batch.id.clone(),
        index,
        path: in_list,
        root,
        rows: batch.rows,
    };
    Ok((record, item, batch.origin.clone()))
}

/// What leads from a row to the root of its batch, of which rows are removed.
fn in_cut_batch(file: &SegmentFile, run: &Run, gone: &GoneBatch) -> Result<RecordItem> {
    let wrong = |what: &str| Error::integrity(file.path(), what);
    let nth = usize::try_from(run.position).unwrap_or(usize::MAX);
    let mut records = file.records(&file.rows_of(run.ordinal)?)?;
    let left: Vec<(u32, [u8; 16])> = gone.left().collect();
    let leaves = records.iter().zip(&left);
    let leaves = gone.leaves(leaves.map(|(record, (_, salt))| merkle::record_leaf(salt, record)));
    let (index, salt) = *left.get(nth).ok_or_else(|| wrong("the sidecar is of another batch"))?;
    let path = merkle::inclusion_proof(&leaves, index as usize);
    let path = path.ok_or_else(|| wrong("its records do not lead to the batch's root"))?;
    let bytes = String::from_utf8(records.swap_remove(nth)).map_err(|_| wrong("not UTF-8"))?;
    Ok(RecordItem { bytes, index: index.into(), path: hex(&path), salt: Hex(salt) })
}

/// What leads from a row to the root of its batch, of which all rows are there.
fn in_batch(file: &SegmentFile, run: &Run, batch: &BatchMeta) -> Result<RecordItem> {
    let wrong = |what: &str| Error::integrity(file.path(), what);
    let (index, place) = run.place();
    let salt = batch.salt_bytes().ok_or_else(|| wrong("the batch's salt is not there"))?;
    let level = batch.run_hashes().ok_or_else(|| wrong("the batch's tree is not there"))?;
    let mut records = file.records(&run.rows)?;
    let first = run.position - place as u64;
    let leaves: Vec<Hash> = (first..)
        .zip(&records)
        .map(|(at, record)| merkle::record_leaf(&merkle::batch_salt_at(&salt, at), record))
        .collect();
    let path = merkle::inclusion_proof_in_run(&leaves, place, &level, index)
        .ok_or_else(|| wrong("its records do not lead to the batch's tree"))?;
    let bytes = String::from_utf8(records.swap_remove(place)).map_err(|_| wrong("not UTF-8"))?;
    Ok(RecordItem {
        bytes,
        index: run.position,
        path: hex(&path),
        salt: Hex(merkle::batch_salt_at(&salt, run.position)),
    })
}

/// The key that the trail names as its owner's.
pub(super) fn vkey_of(state: &State) -> Result<String> {
    let (Some(info), Some(owner)) = (&state.info, &state.owner) else {
        return Err(Error::integrity("ledger", "no trail is described"));
    };
    note::vkey(&info.key_name(OWNER), owner)
}
