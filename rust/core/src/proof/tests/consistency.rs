//! Consistency, against a definition written down once more.

use sha2::{Digest, Sha256};

use super::*;
use crate::merkle::{Hash, consistency_proof, root};
use crate::note::Checkpoint;

const MOST: usize = 130;

/// MTH of RFC 6962 section 2.1, word by word.
fn tree_hash(data: &[Vec<u8>]) -> Hash {
    match data {
        [] => Sha256::digest([]).into(),
        [only] => Sha256::digest([&[0], only.as_slice()].concat()).into(),
        _ => {
            let k = split(data.len());
            let (left, right) = (tree_hash(&data[..k]), tree_hash(&data[k..]));
            Sha256::digest([&[1][..], &left, &right].concat()).into()
        }
    }
}

/// The largest power of two smaller than n.
fn split(n: usize) -> usize {
    (0..).map(|i| 1 << i).take_while(|k| *k < n).last().unwrap()
}

/// SUBPROOF(m, D[n], b) of RFC 6962 section 2.1.2, word by word.
fn subproof(m: usize, data: &[Vec<u8>], b: bool) -> Vec<Hash> {
    if m == data.len() {
        return if b { Vec::new() } else { vec![tree_hash(data)] };
    }
    let k = split(data.len());
    if m <= k {
        [subproof(m, &data[..k], b), vec![tree_hash(&data[k..])]].concat()
    } else {
        [subproof(m - k, &data[k..], false), vec![tree_hash(&data[..k])]].concat()
    }
}

fn checkpoint(size: usize, root: Hash) -> Checkpoint {
    Checkpoint { origin: "log".into(), size: size as u64, root }
}

#[test]
fn every_pair_of_sizes_is_proven_as_the_definition_says() {
    let data: Vec<Vec<u8>> = (0..MOST).map(|i| format!("entry {i}").into_bytes()).collect();
    let leaves: Vec<Hash> = data.iter().map(|d| crate::merkle::leaf_hash(d)).collect();
    let roots: Vec<Hash> = (0..=MOST).map(|n| tree_hash(&data[..n])).collect();
    for to in 0..=MOST {
        assert_eq!(root(&leaves[..to]), roots[to]);
        for from in 0..=to {
            let path = consistency_proof(&leaves[..to], from).unwrap();
            let defined = if from == 0 { Vec::new() } else { subproof(from, &data[..to], true) };
            assert_eq!(path, defined, "{from} in {to}");
            let (old, new) = (checkpoint(from, roots[from]), checkpoint(to, roots[to]));
            let proof = Proof::of_consistency(&old, &new, &path).unwrap();
            let shown = check_consistency(proof.as_bytes()).unwrap();
            assert_eq!((shown.from, shown.to), (old.clone(), new.clone()));
            let lie = Proof::of_consistency(&checkpoint(from, [1; 32]), &new, &path).unwrap();
            assert!(check_consistency(lie.as_bytes()).is_err(), "{from} in {to}");
            if from > 0 {
                let lie = Proof::of_consistency(&old, &checkpoint(to, [1; 32]), &path).unwrap();
                assert!(check_consistency(lie.as_bytes()).is_err(), "{from} in {to}");
                let lie = Proof::of_consistency(&checkpoint(from - 1, old.root), &new, &path);
                assert!(check_consistency(lie.unwrap().as_bytes()).is_err(), "{from} in {to}");
            }
        }
    }
}

#[test]
fn every_byte_of_a_consistency_proof_counts() {
    let leaves: Vec<Hash> = (0..11_u8).map(|i| [i; 32]).collect();
    let (old, new) = (checkpoint(6, root(&leaves[..6])), checkpoint(11, root(&leaves)));
    let path = consistency_proof(&leaves, 6).unwrap();
    let proof = Proof::of_consistency(&old, &new, &path).unwrap();
    let (text, whole) = (proof.as_bytes(), check_consistency(proof.as_bytes()).unwrap());
    for at in 0..text.len() {
        for mask in [0x01, 0x20, 0x80] {
            let mut wrong = text.to_vec();
            wrong[at] ^= mask;
            // The log's name and the sizes are in nothing that is hashed: a change of them that
            // still holds states other figures, which no checkpoint has.
            if let Ok(shown) = check_consistency(&wrong) {
                assert_ne!(shown, whole, "byte {at}");
                assert_eq!((shown.from.root, shown.to.root), (old.root, new.root), "byte {at}");
            }
        }
    }
}
