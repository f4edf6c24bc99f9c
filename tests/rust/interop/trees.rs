//! `ct-merkle` agrees with our roots and proofs, in both directions.

use ct_merkle::digest::Output;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use sealtrail_core::merkle::{
    Accumulator, Hash, consistency_proof, inclusion_proof, leaf_hash, root, verify_consistency,
    verify_inclusion,
};
use sha2::Sha256;

type Leaf = Vec<u8>;

fn theirs(leaves: &[Leaf]) -> MemoryBackedTree<Sha256, Leaf> {
    let mut tree = MemoryBackedTree::new();
    leaves.iter().for_each(|leaf| tree.push(leaf.clone()));
    tree
}

fn as_theirs(root: &Hash, size: usize) -> RootHash<Sha256> {
    RootHash::new(*Output::<Sha256>::from_slice(root), size as u64)
}

fn as_path(bytes: &[u8]) -> Vec<Hash> {
    let (hashes, rest) = bytes.as_chunks();
    assert!(rest.is_empty());
    hashes.to_vec()
}

fn leaves() -> impl Strategy<Value = Vec<Leaf>> {
    vec(vec(any::<u8>(), 0..40), 1..700)
}

proptest! {
    #[test]
    fn roots_agree(leaves in leaves()) {
        let hashes: Vec<Hash> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
        let expected = Hash::from(*theirs(&leaves).root().as_bytes());
        prop_assert_eq!(root(&hashes), expected);
        prop_assert_eq!(Accumulator::of(&hashes).root(), expected);
    }

    #[test]
    fn inclusion_proofs_agree(leaves in leaves(), index: Index, other: Index, bit in 0..256_usize) {
        let (index, other) = (index.index(leaves.len()), other.index(leaves.len()));
        let hashes: Vec<Hash> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
        let (tree, root, size) = (theirs(&leaves), root(&hashes), leaves.len());
        let proof = tree.prove_inclusion(index);
        let path = as_path(proof.as_bytes());
        prop_assert_eq!(inclusion_proof(&hashes, index), Some(path.clone()));

        let ours_holds = |at: usize, path: &[Hash]| {
            verify_inclusion(&hashes[index], at as u64, size as u64, path, &root)
        };
        let theirs_holds = |at: usize, path: &[Hash]| {
            let proof = InclusionProof::<Sha256>::try_from_bytes(path.concat()).unwrap();
            as_theirs(&root, size).verify_inclusion(&leaves[index], at as u64, &proof).is_ok()
        };
        prop_assert!(ours_holds(index, &path) && theirs_holds(index, &path));
        prop_assert_eq!(ours_holds(other, &path), theirs_holds(other, &path));
        let mut wrong = path;
        if let Some(hash) = wrong.get_mut(bit % 7) {
            hash[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!ours_holds(index, &wrong) && !theirs_holds(index, &wrong));
        }
    }

    #[test]
    fn consistency_proofs_agree(leaves in leaves(), old: Index, bit in 0..256_usize) {
        let (old, new) = (1 + old.index(leaves.len()), leaves.len());
        prop_assume!(old < new);
        let hashes: Vec<Hash> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
        let (tree, old_root, new_root) = (theirs(&leaves), root(&hashes[..old]), root(&hashes));
        let path = as_path(tree.prove_consistency(new - old).as_bytes());
        prop_assert_eq!(consistency_proof(&hashes, old), Some(path.clone()));

        let ours_holds = |from: &Hash, path: &[Hash]| {
            verify_consistency(old as u64, from, new as u64, &new_root, path)
        };
        let theirs_holds = |from: &Hash, path: &[Hash]| {
            let proof = ConsistencyProof::<Sha256>::try_from_bytes(path.concat()).unwrap();
            as_theirs(&new_root, new).verify_consistency(&as_theirs(from, old), &proof).is_ok()
        };
        prop_assert!(ours_holds(&old_root, &path) && theirs_holds(&old_root, &path));
        prop_assert!(!ours_holds(&hashes[0], &path) || old == 1);
        prop_assert_eq!(ours_holds(&hashes[0], &path), theirs_holds(&hashes[0], &path));
        let mut wrong = path;
        let place = bit % wrong.len();
        wrong[place][bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!ours_holds(&old_root, &wrong) && !theirs_holds(&old_root, &wrong));
    }
}
