use proptest::prelude::*;

use super::*;
use crate::merkle::{inclusion_proof, leaf_hash, level_hashes};

fn leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

fn picked(leaves: &[Hash], chosen: &[bool]) -> Vec<(u64, Hash)> {
    let all = (0..).zip(leaves).zip(chosen);
    all.filter(|(_, chosen)| **chosen).map(|((at, leaf), _)| (at, *leaf)).collect()
}

#[test]
fn one_leaf_needs_the_hashes_of_its_audit_path() {
    for size in 1..40 {
        let leaves = leaves(size);
        for at in 0..size {
            let chosen: Vec<bool> = (0..size).map(|i| i == at).collect();
            let mut many = multi_proof(&leaves, &chosen);
            let mut one = inclusion_proof(&leaves, at).unwrap();
            many.sort_unstable();
            one.sort_unstable();
            assert_eq!(many, one, "leaf {at} of {size}");
        }
    }
}

#[test]
fn every_choice_of_small_trees_leads_to_the_root() {
    for size in 1_usize..=9 {
        let leaves = leaves(size);
        for bits in 1..1_u32 << size {
            let chosen: Vec<bool> = (0..size).map(|i| bits >> i & 1 == 1).collect();
            let proof = multi_proof(&leaves, &chosen);
            let found = root_of_multi(size as u64, &picked(&leaves, &chosen), &proof);
            assert_eq!(found, Some(root(&leaves)), "{bits:b} of {size}");
        }
    }
}

#[test]
fn what_is_not_the_proof_gives_no_root_or_another() {
    let leaves = leaves(7);
    let chosen = [true, false, false, true, false, false, true];
    let (some, proof) = (picked(&leaves, &chosen), multi_proof(&leaves, &chosen));
    let root = root(&leaves);
    for at in 0..proof.len() {
        let mut other = proof.clone();
        other[at][0] ^= 1;
        assert_ne!(root_of_multi(7, &some, &other), Some(root));
        other.remove(at);
        assert_eq!(root_of_multi(7, &some, &other), None);
    }
    let longer = [proof.clone(), vec![root]].concat();
    assert_eq!(root_of_multi(7, &some, &longer), None);
    for at in 0..some.len() {
        let mut other = some.clone();
        other[at].1[31] ^= 1;
        assert_ne!(root_of_multi(7, &other, &proof), Some(root));
    }
    let mut turned = some.clone();
    turned.swap(0, 1);
    assert_eq!(root_of_multi(7, &turned, &proof), None);
    assert_eq!(root_of_multi(6, &some, &proof), None);
    assert_eq!(root_of_multi(7, &[], &[root]), None);
}

proptest! {
    #[test]
    fn runs_give_the_same_proof(
        size in 1_usize..3000,
        every in 1_usize..700,
        from in 0_usize..3000,
        levels in 0_u32..9,
    ) {
        let leaves = leaves(size);
        let mut chosen: Vec<bool> = (0..size).map(|i| i >= from && i % every == 0).collect();
        chosen[from % size] = true;
        let whole = multi_proof(&leaves, &chosen);
        let runs = leaves.chunks(1 << levels).zip(chosen.chunks(1 << levels));
        let inner: Vec<Option<Vec<Hash>>> = runs
            .map(|(leaves, chosen)| chosen.contains(&true).then(|| multi_proof(leaves, chosen)))
            .collect();
        prop_assert_eq!(&multi_proof_of_runs(&level_hashes(&leaves, levels), &inner), &whole);
        let found = root_of_multi(size as u64, &picked(&leaves, &chosen), &whole);
        prop_assert_eq!(found, Some(root(&leaves)));
    }
}
