use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::merkle::{level_hashes, record_leaf, root, root_of_multi};

fn record(at: usize) -> Vec<u8> {
    format!(r#"{{"n":{at}}}"#).into_bytes()
}

/// A batch of so many records, of which some were deleted and some are taken.
fn taken(rows: usize, gone: &[bool], wanted: &[bool]) -> (PartBatch, Hash) {
    let salts: Vec<[u8; 16]> = (0..rows).map(|at| [at as u8; 16]).collect();
    let leaves: Vec<Hash> = (0..rows).map(|at| record_leaf(&salts[at], &record(at))).collect();
    let meta: BatchMeta = serde_json::from_value(json!({
        "commitment": "00".repeat(32), "id": "s:0", "rows": rows,
        "root": HEXLOWER.encode(&root(&leaves)),
    }))
    .unwrap();
    let removed = (0..rows).filter(|at| gone[*at]).map(|at| at as u32);
    let left = (0..rows).filter(|at| !gone[*at]);
    let kept = GoneBatch::new(
        rows as u32,
        removed.clone().collect(),
        removed.map(|at| leaves[at as usize]).collect(),
        left.clone().map(|at| salts[at]).collect(),
    )
    .unwrap();
    let origin = Origin { entry: 3, add: 1, index: 0, path: Vec::new() };
    let mut tally = Tally::new(meta.clone(), origin, Leaves::of(&meta, Some(&kept)).unwrap());
    let mut line = 0;
    for at in left {
        tally.push(&record(at), wanted[at].then_some(line)).unwrap();
        line += u64::from(wanted[at]);
    }
    let other = meta.rows + 1;
    let other: BatchMeta = serde_json::from_value(json!({
        "commitment": "00".repeat(32), "id": "s:0", "rows": other, "root": meta.root,
    }))
    .unwrap();
    assert!(Leaves::of(&other, Some(&kept)).is_err());
    assert_eq!(level_hashes(&leaves, TREE_LEVELS).len(), rows.div_ceil(RUN));
    (tally.finish("segment").unwrap(), root(&leaves))
}

proptest! {
    #[test]
    fn what_is_left_of_a_batch_is_proven(
        rows in 2_usize..700,
        gone in 1_usize..40,
        wanted in 1_usize..9,
        at in 0_usize..700,
    ) {
        // The record that is wanted in any case is not deleted, and one is.
        let at = at % rows;
        let deleted: Vec<bool> =
            (0..rows).map(|n| n != at && (n % gone == 0 || n == (at + 1) % rows)).collect();
        let chosen: Vec<bool> =
            (0..rows).map(|n| !deleted[n] && (n == at || n % wanted == 0)).collect();
        let (batch, root) = taken(rows, &deleted, &chosen);
        let positions: Vec<u64> = batch.positions.iter().collect();
        let expected: Vec<u64> = (0..rows as u64).filter(|n| chosen[*n as usize]).collect();
        prop_assert_eq!(&positions, &expected);
        prop_assert!(batch.salt.is_none());
        let salts = batch.salts.unwrap().0;
        let leaves: Vec<(u64, Hash)> = positions
            .iter()
            .zip(&salts)
            .map(|(at, salt)| (*at, record_leaf(salt, &record(*at as usize))))
            .collect();
        prop_assert_eq!(root_of_multi(rows as u64, &leaves, &batch.proof.0), Some(root));
    }
}
