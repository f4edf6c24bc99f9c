use ct_merkle::digest::Output;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use data_encoding::HEXLOWER;
use sha2::Sha256;

use super::*;

fn data(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|i| format!("leaf {i}").into_bytes()).collect()
}

fn hashes(count: usize) -> Vec<Hash> {
    data(count).iter().map(|leaf| leaf_hash(leaf)).collect()
}

fn oracle(count: usize) -> MemoryBackedTree<Sha256, Vec<u8>> {
    let mut tree = MemoryBackedTree::new();
    data(count).into_iter().for_each(|leaf| tree.push(leaf));
    tree
}

fn oracle_root(hash: &Hash, size: usize) -> RootHash<Sha256> {
    RootHash::new(*Output::<Sha256>::from_slice(hash), size as u64)
}

#[test]
fn published_roots_of_certificate_transparency() {
    // The test leaves and roots of the certificate-transparency project's own tree tests.
    let leaves = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let hashes: Vec<Hash> =
        leaves.iter().map(|hex| leaf_hash(&HEXLOWER.decode(hex.as_bytes()).unwrap())).collect();
    for (i, expected) in roots.iter().enumerate() {
        assert_eq!(HEXLOWER.encode(&root(&hashes[..=i])), *expected, "{} leaves", i + 1);
    }
    assert_eq!(
        HEXLOWER.encode(&empty_root()),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
}

#[test]
fn roots_equal_the_oracle_for_all_sizes() {
    let mut accumulator = Accumulator::new();
    for size in 0..=300 {
        let leaves = hashes(size);
        let expected: Hash = (*oracle(size).root().as_bytes()).into();
        assert_eq!(root(&leaves), expected, "size {size}");
        assert_eq!(accumulator.root(), expected, "accumulator of size {size}");
        assert_eq!(accumulator.size(), size as u64);
        let restored = Accumulator::from_peaks(size as u64, accumulator.peaks().to_vec());
        assert_eq!(restored.as_ref(), Some(&accumulator));
        for levels in [0, 1, 3, 8, 20, 70] {
            let level = level_hashes(&leaves, levels);
            assert_eq!(root_from_level(&level), expected, "size {size} from level {levels}");
        }
        accumulator.push(leaf_hash(format!("leaf {size}").as_bytes()));
    }
    assert_eq!(level_hashes(&hashes(600), RUN_LEVELS).len(), 3);
    assert!(Accumulator::from_peaks(3, vec![empty_root()]).is_none());
}

#[test]
fn inclusion_proofs_equal_the_oracle_and_verify() {
    for size in 1..=64_usize {
        let (tree, leaves) = (oracle(size), hashes(size));
        let top = root(&leaves);
        for index in 0..size {
            let proof = inclusion_proof(&leaves, index).unwrap();
            assert_eq!(proof.concat(), tree.prove_inclusion(index).as_bytes());
            let theirs = InclusionProof::<Sha256>::try_from_bytes(proof.concat()).unwrap();
            let data = format!("leaf {index}").into_bytes();
            oracle_root(&top, size).verify_inclusion(&data, index as u64, &theirs).unwrap();
            let (index, size) = (index as u64, size as u64);
            let leaf = leaves[index as usize];
            assert!(verify_inclusion(&leaf, index, size, &proof, &top));
            assert!(!verify_inclusion(&top, index, size, &proof, &leaf) || size == 1);
            refuse_wrong_inclusion(&leaf, index, size, &proof, &top);
        }
    }
    assert!(inclusion_proof(&hashes(3), 3).is_none());
    assert!(inclusion_proof(&[], 0).is_none());
}

fn refuse_wrong_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], top: &Hash) {
    for other in (0..size + 2).filter(|other| *other != index) {
        assert!(!verify_inclusion(leaf, other, size, proof, top), "{index} as {other} of {size}");
    }
    for i in 0..proof.len() {
        let mut wrong = proof.to_vec();
        wrong[i][7] ^= 1;
        assert!(!verify_inclusion(leaf, index, size, &wrong, top));
        wrong = proof.to_vec();
        wrong.remove(i);
        assert!(!verify_inclusion(leaf, index, size, &wrong, top));
    }
    let longer = [proof, &[*leaf]].concat();
    assert!(!verify_inclusion(leaf, index, size, &longer, top));
}

#[test]
fn proofs_from_one_run_equal_proofs_from_all_leaves() {
    for size in [1, 2, 7, 8, 9, 31, 64, 65, 100, 257] {
        let leaves = hashes(size);
        let level = level_hashes(&leaves, 3);
        for index in 0..size {
            let run = leaves.chunks(8).nth(index / 8).unwrap();
            let proof = inclusion_proof_in_run(run, index % 8, &level, index / 8);
            assert_eq!(proof, inclusion_proof(&leaves, index), "{index} of {size}");
        }
        assert!(inclusion_proof_in_run(&leaves[..1], 0, &level, level.len()).is_none());
        assert!(inclusion_proof_in_run(&[empty_root()], 0, &level, 0).is_none());
    }
}

#[test]
fn a_path_tells_the_root_of_what_is_before_its_leaf() {
    for size in 1..=130_usize {
        let leaves = hashes(size);
        let all: Vec<usize> = (0..size).collect();
        let proofs = inclusion_proofs(&leaves, &all).unwrap();
        for (index, proof) in proofs.into_iter().enumerate() {
            assert_eq!(Some(&proof), inclusion_proof(&leaves, index).as_ref());
            let before = root_before(index as u64, size as u64, &proof);
            assert_eq!(before, Some(root(&leaves[..index])), "{index} of {size}");
        }
        assert!(inclusion_proofs(&leaves, &[0, size]).is_none());
    }
    assert!(root_before(3, 3, &[]).is_none() && root_before(0, 0, &[]).is_none());
    // Longer than any path can be: it must not matter what comes out, only that it does.
    assert!(root_before(5, 9, &vec![empty_root(); 200]).is_some());
}

#[test]
fn consistency_proofs_equal_the_oracle_and_verify() {
    for new in 1..=130_usize {
        let (tree, leaves) = (oracle(new), hashes(new));
        let new_root = root(&leaves);
        for old in 1..=new {
            let old_root = root(&leaves[..old]);
            let proof = consistency_proof(&leaves, old).unwrap();
            if old < new {
                assert_eq!(proof.concat(), tree.prove_consistency(new - old).as_bytes());
                let theirs = ConsistencyProof::<Sha256>::try_from_bytes(proof.concat()).unwrap();
                oracle_root(&new_root, new)
                    .verify_consistency(&oracle_root(&old_root, old), &theirs)
                    .unwrap();
            }
            let (old, new) = (old as u64, new as u64);
            assert!(verify_consistency(old, &old_root, new, &new_root, &proof), "{old} in {new}");
            refuse_wrong_consistency(old, &old_root, new, &new_root, &proof);
        }
    }
    assert!(consistency_proof(&hashes(3), 4).is_none());
}

fn refuse_wrong_consistency(old: u64, old_root: &Hash, new: u64, new_root: &Hash, proof: &[Hash]) {
    let mut wrong_root = *old_root;
    wrong_root[0] ^= 1;
    assert!(!verify_consistency(old, &wrong_root, new, new_root, proof));
    wrong_root = *new_root;
    wrong_root[31] ^= 1;
    assert!(!verify_consistency(old, old_root, new, &wrong_root, proof));
    let longer = [proof, &[*old_root]].concat();
    assert!(!verify_consistency(old, old_root, new, new_root, &longer));
    for i in 0..proof.len() {
        let mut wrong = proof.to_vec();
        wrong[i][0] ^= 0x80;
        assert!(!verify_consistency(old, old_root, new, new_root, &wrong));
        wrong.remove(i);
        assert!(!verify_consistency(old, old_root, new, new_root, &wrong));
    }
    if old < new {
        assert!(!verify_consistency(new, new_root, old, old_root, proof));
    }
}

#[test]
fn every_tree_extends_the_empty_one_and_only_by_an_empty_proof() {
    let leaves = hashes(5);
    assert_eq!(consistency_proof(&leaves, 0), Some(vec![]));
    assert!(verify_consistency(0, &empty_root(), 5, &root(&leaves), &[]));
    assert!(!verify_consistency(0, &leaves[0], 5, &root(&leaves), &[]));
    assert!(!verify_consistency(0, &empty_root(), 5, &root(&leaves), &leaves[..1]));
    assert!(!verify_consistency(1, &leaves[0], 0, &empty_root(), &[]));
}

#[test]
fn record_leaves_are_salted_by_position() {
    // Computed with Python's hashlib from the definition in FORMAT.md section 3.
    let batch_salt = [7; 32];
    let salt = batch_salt_at(&batch_salt, 258);
    assert_eq!(HEXLOWER.encode(&salt), "ae42b6c25be56f77b3130c8811112b0e");
    assert_eq!(
        HEXLOWER.encode(&record_leaf(&salt, br#"{"a":1}"#)),
        "446778b9b22643e4edaa005d608f44945769fd930b0511c3623dea672b652173"
    );
    assert_ne!(salt, batch_salt_at(&batch_salt, 259));
}
