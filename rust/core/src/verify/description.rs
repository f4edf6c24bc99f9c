//! What a segment says of itself, against the ledger and against the format.

use std::collections::HashSet;

use data_encoding::{BASE64, HEXLOWER};
use sha2::{Digest, Sha256};

use super::origins::{self, Place, Seen, Unproven};
use super::segment::{Checked, Task};
use crate::columns::{ColumnType, LogicalColumn, fixed};
use crate::merkle::{self, Hash};
use crate::record::SCHEMA_VERSION;
use crate::segment::{
    BatchMeta, MAX_BATCH_ROWS, Origin, SegmentColumn, SegmentFile, SegmentMeta, batch_list_root,
};
use crate::{Error, Result};

/// Entries of ours in the Parquet metadata: description and seal.
const METADATA_ENTRIES: usize = 2;
/// Runs of this many leaves have a stored hash each.
pub(super) const RUN: usize = 1 << crate::segment::TREE_LEVELS;

/// Most columns that a segment promotes.
const MAX_PROMOTED: usize = 256;
/// Records nest at most so deep, and so do the paths of columns.
pub(super) const MAX_DEPTH: usize = 64;

/// Checks the description and the seal.
///
/// # Errors
/// `Integrity` if the columns are such as to make reading the rows dangerous.
pub(super) fn check(checked: &mut Checked<'_>, file: &SegmentFile) -> Result<()> {
    let meta = file.meta();
    checked.outcome.batches = meta.batches.len() as u64;
    let entries = file.parquet().file_metadata().key_value_metadata().map_or(0, Vec::len);
    if entries != METADATA_ENTRIES {
        checked.wrong("metadata", "its Parquet metadata has entries that are not ours");
    }
    check_seal(checked, file);
    check_against_ledger(checked, meta);
    for (ordinal, batch) in meta.batches.iter().enumerate() {
        check_batch(checked, meta, ordinal, batch);
    }
    check_batch_list(checked, meta);
    // Putting rows together recurses as deep as paths go.
    let deep = meta.columns.iter().any(|c| c.path.is_empty() || c.path.len() > MAX_DEPTH);
    if deep || meta.columns.len() > fixed().len() + MAX_PROMOTED {
        let message = "it has more columns, or columns of deeper paths, than any segment has";
        return Err(Error::integrity(&checked.task.add.path, message));
    }
    check_columns(checked, &meta.columns);
    Ok(())
}

fn check_seal(checked: &mut Checked<'_>, file: &SegmentFile) {
    let seal = HEXLOWER.decode(file.seal().as_bytes()).unwrap_or_default();
    if seal.len() != 32 {
        checked.wrong("seal", "its seal is not 32 bytes in lower-case hex");
        return;
    }
    let Some(key) = &checked.task.signed.hmac else { return };
    checked.outcome.hmacs += 1;
    let holds = file.meta().seal_message().is_ok_and(|message| key.verify(&message, &seal));
    if !holds {
        checked.wrong("seal", "its seal does not hold");
    }
}

fn check_against_ledger(checked: &mut Checked<'_>, meta: &SegmentMeta) {
    let Task { facts, signed, add, .. } = checked.task;
    let (domain, period) = add.partition(facts.info.by_day()).unwrap_or_default();
    let file = add.path.rsplit('/').next().unwrap_or_default();
    let segment = file.split('.').next().unwrap_or_default();
    let texts = [
        ("trail", meta.trail.as_str(), facts.info.trail_id.as_str()),
        ("segment", &meta.segment, segment),
        ("writer", &meta.writer, &signed.writer),
        ("key", &meta.key, &signed.key),
        ("hmac_key", &meta.hmac_key, &signed.hmac_key),
        ("domain", &meta.domain, domain),
        ("period", &meta.period, period),
    ];
    let epochs = ("epoch", meta.epoch, signed.epoch);
    let numbers = [
        epochs,
        ("rows", meta.rows, add.rows),
        ("batches", meta.batches.len() as u64, add.batches),
        ("v", u64::from(meta.v), 1),
        ("schema_version", meta.schema_version.try_into().unwrap_or(0), SCHEMA_VERSION as u64),
    ];
    let texts = texts.iter().map(|(name, found, want)| (name, found == want));
    let numbers = numbers.iter().map(|(name, found, want)| (name, found == want));
    let wrong: Vec<&str> =
        texts.chain(numbers).filter(|(_, same)| !same).map(|(name, _)| *name).collect();
    if !wrong.is_empty() {
        let message = format!("its description does not fit the ledger in: {}", wrong.join(", "));
        checked.wrong("metadata", message);
    }
}

fn check_batch(checked: &mut Checked<'_>, meta: &SegmentMeta, ordinal: usize, batch: &BatchMeta) {
    check_origin(checked, meta, ordinal, batch);
    if !(1..=MAX_BATCH_ROWS as u64).contains(&batch.rows) {
        checked.wrong_batch("batches", &batch.id, "a batch has 1 to 65,536 records");
    }
    if let Some(gone) = batch.gone {
        check_cut(checked, ordinal, batch, gone);
        return;
    }
    let commitment = batch.salt_bytes().map(|salt| HEXLOWER.encode(&Sha256::digest(salt)));
    if commitment.as_ref() != Some(&batch.commitment) {
        checked.wrong_batch("commitment", &batch.id, "its salt is not the one committed to");
    }
    let led_to = tree_hashes(batch).map(|tree| merkle::root_from_level(&tree));
    if led_to.is_none() || led_to != batch.root_hash() {
        checked.wrong_batch("tree_hashes", &batch.id, "its tree hashes do not lead to its root");
    }
}

/// A batch that lost rows: what the sidecar says of it.
fn check_cut(checked: &mut Checked<'_>, ordinal: usize, batch: &BatchMeta, gone: u64) {
    let known = u16::try_from(ordinal).ok().and_then(|at| checked.gone.batches.get(&at));
    let fits = known.is_some_and(|known| known.gone() == gone && known.rows() == batch.rows);
    if checked.gone_known && !fits {
        checked.wrong_batch("sidecar", &batch.id, "the sidecar does not tell what it lost");
    }
    if batch.salt.is_some() || batch.tree.is_some() {
        let message = "it lost records, and yet its salt or its tree hashes are there";
        checked.wrong_batch("sidecar", &batch.id, message);
    }
}

/// Where the batch was introduced: by the entry that adds the segment, or as its origin says.
fn check_origin(checked: &mut Checked<'_>, meta: &SegmentMeta, ordinal: usize, batch: &BatchMeta) {
    let task = checked.task;
    let index = ordinal as u64;
    let place = match (&batch.origin, task.add_index) {
        (None, Some(add)) => {
            if batch.id != format!("{}:{ordinal}", meta.segment) {
                let message = "its id is not its place in the segment";
                checked.wrong_batch("batches", &batch.id, message);
            }
            Some((task.signed.n, add, index))
        }
        (Some(_), Some(_)) => {
            let message = "it has an origin, although this entry introduces it";
            checked.wrong_batch("origin", &batch.id, message);
            None
        }
        (None, None) => {
            let message = "no entry introduced it: it has no origin";
            checked.wrong_batch("origin", &batch.id, message);
            None
        }
        (Some(origin), None) => proven(checked, batch, origin),
    };
    let seen = place.zip(batch.root_hash());
    let gone = batch.gone.unwrap_or(0);
    let seen =
        seen.map(|(place, root)| Seen { place, root, rows: batch.rows, gone, recorded: None });
    checked.outcome.seen.push(seen);
}

/// The place that a batch's origin names, if it is from there, or if that remains to be seen.
fn proven(checked: &mut Checked<'_>, batch: &BatchMeta, origin: &Origin) -> Option<Place> {
    let task = checked.task;
    if origin.entry >= task.signed.n {
        checked.wrong_batch("origin", &batch.id, "its origin is no earlier entry");
        return None;
    }
    match origins::prove(batch, origin, &task.facts.appends) {
        Ok(()) => {}
        Err(Some(what)) => {
            checked.outcome.findings.push(origins::finding(&task.add.path, &batch.id, what));
            return None;
        }
        Err(None) if task.facts.since => {
            checked.outcome.unproven.push(Unproven::new(&task.add.path, batch, origin));
        }
        // The entry may be the one that is lost.
        Err(None) if task.facts.broken_at.is_some_and(|at| at <= task.signed.n) => {}
        Err(None) => {
            let what = "its origin names no `append` entry";
            checked.outcome.findings.push(origins::finding(&task.add.path, &batch.id, what));
            return None;
        }
    }
    Some((origin.entry, origin.add, origin.index))
}

/// The stored hashes of a batch's runs, if there are as many as there must be.
pub(super) fn tree_hashes(batch: &BatchMeta) -> Option<Vec<Hash>> {
    let bytes = BASE64.decode(batch.tree.as_ref()?.as_bytes()).ok()?;
    let (hashes, odd) = bytes.as_chunks::<32>();
    let runs = usize::try_from(batch.rows).ok()?.div_ceil(RUN);
    (odd.is_empty() && hashes.len() == runs).then(|| hashes.to_vec())
}

fn check_batch_list(checked: &mut Checked<'_>, meta: &SegmentMeta) {
    let left = |batch: &BatchMeta| batch.rows.checked_sub(batch.gone.unwrap_or(0));
    let rows = meta.batches.iter().try_fold(0_u64, |sum, batch| sum.checked_add(left(batch)?));
    let cut = meta.batches.iter().filter(|batch| batch.gone.is_some()).count();
    if checked.gone_known && cut != checked.gone.batches.len() {
        checked.wrong("sidecar", "the sidecar is not about the batches that lost records");
    }
    if rows != Some(meta.rows) {
        checked.wrong("batches", "the rows of its batches do not add up to its own");
    }
    let root = batch_list_root(&meta.batches).map(|root| HEXLOWER.encode(&root));
    if root.is_ok_and(|root| root == checked.task.add.root) {
        checked.outcome.listed = meta.batches.len() as u64 == checked.task.add.batches;
    } else {
        checked.wrong("batches", "its list of batches is not the one that the ledger commits to");
    }
}

fn check_columns(checked: &mut Checked<'_>, columns: &[SegmentColumn]) {
    // Fixed columns in the catalogue's order, then the promoted ones by name.
    let key = |c: &SegmentColumn| match fixed().iter().position(|f| f.name == c.name) {
        Some(at) => (at, String::new()),
        None => (usize::MAX, c.name.clone()),
    };
    if !columns.is_sorted_by(|a, b| key(a) < key(b)) {
        checked.wrong("columns", "its columns are not in their order");
    }
    let paths: HashSet<&[String]> = columns.iter().map(|c| c.path.as_slice()).collect();
    if paths.len() != columns.len() {
        checked.wrong("columns", "two of its columns have one path");
    }
    for column in columns {
        if let Some(problem) = column_problem(checked.task, column) {
            checked.wrong("columns", format!("column {:?} {problem}", excerpt(&column.name)));
        }
    }
}

fn column_problem(task: &Task, column: &SegmentColumn) -> Option<&'static str> {
    if let Some(known) = fixed().iter().find(|f| f.name == column.name) {
        let same = known.path == column.path && known.kind == column.kind;
        return (!same).then_some("has another path or type than in the catalogue");
    }
    let listed = task.facts.columns.get(&column.name.to_ascii_lowercase());
    match listed.filter(|listed| listed.since <= task.signed.n) {
        // The entry that listed it may be the one that is lost.
        None if task.facts.broken_at.is_some_and(|at| at <= task.signed.n) => None,
        None => Some("is not listed in the ledger"),
        Some(listed) if listed.name != column.name || listed.path != column.path => {
            Some("belongs to another path")
        }
        // Its whole numbers would not be found under the listed type.
        Some(listed)
            if column.kind == ColumnType::Float64
                && listed.kind == ColumnType::Int64
                && listed.double_since.is_none_or(|since| since > task.signed.n) =>
        {
            Some("holds doubles, but integers by the ledger")
        }
        Some(_) => None,
    }
}

/// The fixed columns that a segment does not have.
pub(super) fn absent_columns(columns: &[SegmentColumn]) -> Vec<LogicalColumn> {
    let has = |f: &LogicalColumn| columns.iter().any(|c| c.name == f.name);
    fixed().iter().filter(|f| !has(f)).cloned().collect()
}

/// The beginning of a text from outside, short enough for a message.
pub(super) fn excerpt(text: &str) -> String {
    text.chars().take(80).collect()
}
