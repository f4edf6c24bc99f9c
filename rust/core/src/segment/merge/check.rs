//! The written bytes, read back: every batch root recomputed.

use data_encoding::HEXLOWER;
use rayon::prelude::*;

use super::Target;
use super::output::Written;
use crate::columns::BATCH;
use crate::merkle::{self, Hash};
use crate::segment::{RUN_LEAVES, SegmentFile, SegmentMeta};
use crate::{Error, Result};

/// A batch as its rows come by.
#[derive(Clone, Default)]
struct Tree {
    rows: u64,
    leaves: Vec<Hash>,
    runs: Vec<Hash>,
}

impl Tree {
    fn push(&mut self, leaf: Hash) {
        self.leaves.push(leaf);
        self.rows += 1;
        if self.leaves.len() == RUN_LEAVES {
            self.end_run();
        }
    }

    fn end_run(&mut self) {
        if !self.leaves.is_empty() {
            self.runs.push(merkle::root(&self.leaves));
            self.leaves.clear();
        }
    }
}

/// Fails unless the written file holds the description, and exactly the records of its batches.
pub(super) fn check(meta: &SegmentMeta, written: &Written, target: &Target<'_>) -> Result<()> {
    let name = format!("merged segment {}", meta.segment);
    let file = SegmentFile::open_file(&name, written.file.path())?;
    let wrong = |what: String| Error::integrity(&name, format!("{what}; nothing was changed"));
    if file.meta() != meta || written.rows != meta.rows {
        return Err(wrong("what was written is not what was to be written".to_owned()));
    }
    let salts: Option<Vec<[u8; 32]>> = meta.batches.iter().map(|b| b.salt_bytes()).collect();
    let salts = salts.ok_or_else(|| wrong("a batch has no salt".to_owned()))?;
    let mut trees = vec![Tree::default(); meta.batches.len()];
    let mut counts = vec![0_u64; meta.batches.len()];
    let groups: Vec<usize> = (0..file.parquet().num_row_groups()).collect();
    for some in groups.chunks(rayon::current_num_threads().max(1)) {
        // Where each batch stands at the begin of each row group.
        let mut begins = Vec::with_capacity(some.len());
        for &group in some {
            begins.push(counts.clone());
            file.ordinals(group, |ordinal| match counts.get_mut(usize::from(ordinal)) {
                Some(count) => {
                    *count += 1;
                    Ok(())
                }
                None => Err(wrong(format!("{BATCH} names no batch"))),
            })?;
        }
        let leaves: Vec<Vec<(u16, Hash)>> = some
            .par_iter()
            .zip(begins)
            .map(|(&group, begin)| leaves(&file, group, begin, &salts))
            .collect::<Result<_>>()?;
        for (ordinal, leaf) in leaves.iter().flatten() {
            if let Some(tree) = trees.get_mut(usize::from(*ordinal)) {
                tree.push(*leaf);
            }
        }
        (target.watch)(leaves.iter().map(|leaves| leaves.len() as u64).sum())?;
    }
    for (batch, tree) in meta.batches.iter().zip(&mut trees) {
        tree.end_run();
        let root = HEXLOWER.encode(&merkle::root_from_level(&tree.runs));
        if tree.rows != batch.rows || root != batch.root {
            let from = batch.id.split(':').next().unwrap_or_default();
            return Err(wrong(format!(
                "the records of batch {} are not those that were signed (is segment {from} intact?)",
                batch.id
            )));
        }
    }
    Ok(())
}

/// The leaves of a row group, each with its batch's ordinal; `at` are the batches' positions.
fn leaves(
    file: &SegmentFile,
    group: usize,
    mut at: Vec<u64>,
    salts: &[[u8; 32]],
) -> Result<Vec<(u16, Hash)>> {
    let reader = file.row_reader();
    let mut leaves = Vec::new();
    let mut record = Vec::new();
    for batch in file.group(group)? {
        let batch = batch.map_err(|e| file.failed(e))?;
        let rows = reader.columns(&batch)?;
        for row in 0..batch.num_rows() {
            let ordinal = rows.ordinal(row);
            let place = usize::from(ordinal);
            let (Some(position), Some(salt)) = (at.get_mut(place), salts.get(place)) else {
                return Err(file.failed("a row of no batch"));
            };
            record.clear();
            rows.record(row, &mut record).map_err(|fault| file.failed(fault))?;
            let salt = merkle::batch_salt_at(salt, *position);
            *position += 1;
            leaves.push((ordinal, merkle::record_leaf(&salt, &record)));
        }
    }
    Ok(leaves)
}
