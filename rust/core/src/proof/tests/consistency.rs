//! Consistency, against a definition written down once more.

use sha2::{Digest, Sha256};

use super::*;
use crate::merkle::{Hash, consistency_proof, root, verify_consistency};

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
            let holds = |m: usize, old: &Hash, n: usize, new: &Hash, path: &[Hash]| {
                verify_consistency(m as u64, old, n as u64, new, path)
            };
            let (old, new) = (&roots[from], &roots[to]);
            assert!(holds(from, old, to, new, &path), "{from} in {to}");
            assert!(!holds(from, &[1; 32], to, new, &path), "{from} in {to}");
            for other in (0..=to).filter(|other| *other != from) {
                assert!(!holds(other, old, to, new, &path), "{other} for {from} in {to}");
                assert!(!holds(from, &roots[other], to, new, &path), "{other} for {from}");
            }
            if from > 0 {
                assert!(!holds(from, old, to, &[1; 32], &path), "{from} in {to}");
            }
            for at in 0..path.len() {
                let mut wrong = path.clone();
                wrong[at][31] ^= 1;
                assert!(!holds(from, old, to, new, &wrong), "{at} of {from} in {to}");
                wrong.remove(at);
                assert!(!holds(from, old, to, new, &wrong), "{at} of {from} in {to}");
            }
            let more = [path.as_slice(), &[[0; 32]]].concat();
            assert!(!holds(from, old, to, new, &more), "{from} in {to}");
        }
    }
}

#[test]
fn an_earlier_state_is_shown_as_part_of_a_signed_one() {
    let forge = Forge::new();
    for signer in ["owner", forge.writers[0].id(), forge.writers[1].id()] {
        for from in 0..=5 {
            let file = forge.consistency(from, signer);
            let shown = check_consistency(&forge::bytes(&file), &forge.vkey()).unwrap();
            assert_eq!((shown.from.size, shown.from.root), (from as u64, forge.root(from)));
            assert_eq!((shown.to.size, shown.to.root), (5, forge.root(5)));
            assert_eq!(shown.checkpoint_signer, signer);
            assert_eq!(shown.signers.len(), usize::from(signer != "owner"));
        }
    }
}

#[test]
fn states_that_are_not_so_are_refused() {
    let forge = Forge::new();
    let refused =
        |file: &ConsistencyFile| match check_consistency(&forge::bytes(file), &forge.vkey()) {
            Err(Error::Integrity { place, .. }) => place,
            other => panic!("{other:?}"),
        };
    let writer = forge.writers[0].id();
    let spoilt = |spoil: fn(&mut ConsistencyFile)| {
        let mut file = forge.consistency(3, writer);
        spoil(&mut file);
        refused(&file)
    };
    assert_eq!(spoilt(|f| f.from.size = 4), "path");
    assert_eq!(spoilt(|f| f.from.size = 6), "path");
    assert_eq!(spoilt(|f| f.from.root = Hex([7; 32])), "path");
    assert_eq!(spoilt(|f| f.path.truncate(1)), "path");
    assert_eq!(spoilt(|f| f.path.reverse()), "path");
    assert_eq!(spoilt(|f| f.signers.clear()), "signers");
    assert_eq!(spoilt(|f| f.v = 2), "proof");
    assert_eq!(spoilt(|f| f.kind = Kind::Record), "proof");
    let mut more = forge.consistency(3, writer);
    more.entries.push(forge.item(1));
    assert_eq!(refused(&more), "proof");
    let mut fork = forge.consistency(3, writer);
    fork.checkpoint = forge.note(writer, 5, [8; 32]);
    assert_eq!(refused(&fork), "entry 0");
    let other = Forge::empty();
    let text = forge::bytes(&forge.consistency(3, writer));
    let error = check_consistency(&text, &other.vkey()).unwrap_err();
    assert!(matches!(&error, Error::Integrity { place, .. } if place == "key"), "{error}");
    let error = check_consistency(&text, "no key").unwrap_err();
    assert!(matches!(&error, Error::Key(_)), "{error}");
    // One kind of proof is not the other.
    assert!(check(&text, &forge.vkey()).is_err());
    let text = forge::bytes(&forge.proof(0, writer));
    assert!(check_consistency(&text, &forge.vkey()).is_err());
}
