//! The written bytes, read back: every batch root recomputed.

use data_encoding::HEXLOWER;
use rayon::prelude::*;

use crate::columns::BATCH;
use crate::merkle::{self, Hash};
use crate::segment::gone::Gone;
use crate::segment::{BatchMeta, RUN_LEAVES, SegmentFile, SegmentMeta};
use crate::{Error, Result};

/// A batch as its rows come by.
#[derive(Clone, Default)]
struct Tree {
    rows: u64,
    /// Some of its rows are removed: all leaves are kept until theirs come between.
    cut: bool,
    leaves: Vec<Hash>,
    runs: Vec<Hash>,
}

/// With what the leaves of a batch are salted.
enum Salts {
    /// By their positions.
    Batch([u8; 32]),
    /// Each row that is left with its own.
    Each(Vec<[u8; 16]>),
}

impl Salts {
    fn of(ordinal: u16, batch: &BatchMeta, gone: &Gone) -> Option<Self> {
        match (batch.gone, gone.batches.get(&ordinal)) {
            (None, None) => batch.salt_bytes().map(Self::Batch),
            (Some(_), Some(gone)) => Some(Self::Each(gone.left().map(|(_, salt)| salt).collect())),
            _ => None,
        }
    }

    /// That of the batch's n-th row in the file.
    fn at(&self, nth: u64) -> Option<[u8; 16]> {
        match self {
            Self::Batch(salt) => Some(merkle::batch_salt_at(salt, nth)),
            Self::Each(salts) => salts.get(usize::try_from(nth).ok()?).copied(),
        }
    }
}

impl Tree {
    fn push(&mut self, leaf: Hash) {
        self.leaves.push(leaf);
        self.rows += 1;
        if self.leaves.len() == RUN_LEAVES && !self.cut {
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
pub(crate) fn read_back(
    meta: &SegmentMeta,
    file: &SegmentFile,
    gone: &Gone,
    watch: &(dyn Fn(u64) -> Result<()> + Sync),
) -> Result<()> {
    let name = format!("segment {}", meta.segment);
    let wrong = |what: String| Error::integrity(&name, format!("{what}; nothing was changed"));
    let rows = u64::try_from(file.parquet().file_metadata().num_rows());
    if file.meta() != meta || rows != Ok(meta.rows) {
        return Err(wrong("what was written is not what was to be written".to_owned()));
    }
    let salts: Option<Vec<Salts>> =
        (0..).zip(&meta.batches).map(|(at, batch)| Salts::of(at, batch, gone)).collect();
    let salts = salts.ok_or_else(|| wrong("a batch has no salt".to_owned()))?;
    let tree = |salts: &Salts| Tree { cut: matches!(salts, Salts::Each(_)), ..Tree::default() };
    let mut trees: Vec<Tree> = salts.iter().map(tree).collect();
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
            .map(|(&group, begin)| leaves(file, group, begin, &salts))
            .collect::<Result<_>>()?;
        for (ordinal, leaf) in leaves.iter().flatten() {
            if let Some(tree) = trees.get_mut(usize::from(*ordinal)) {
                tree.push(*leaf);
            }
        }
        watch(leaves.iter().map(|leaves| leaves.len() as u64).sum())?;
    }
    for ((at, batch), tree) in (0..).zip(&meta.batches).zip(&mut trees) {
        let root = match gone.batches.get(&at) {
            Some(gone) => merkle::root(&gone.leaves(std::mem::take(&mut tree.leaves))),
            None => {
                tree.end_run();
                merkle::root_from_level(&tree.runs)
            }
        };
        let rows = batch.rows - batch.gone.unwrap_or(0).min(batch.rows);
        if tree.rows != rows || HEXLOWER.encode(&root) != batch.root {
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
    salts: &[Salts],
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
            let salt = salt.at(*position).ok_or_else(|| file.failed("a row too many"))?;
            *position += 1;
            leaves.push((ordinal, merkle::record_leaf(&salt, &record)));
        }
    }
    Ok(leaves)
}
