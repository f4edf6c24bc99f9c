//! One proof for many leaves of a tree: the hashes beside all their ways to the root, each once.
//!
//! The order of the hashes follows from size and positions alone: the tree is walked from the
//! left, and each largest subtree without a chosen leaf gives its root. A tree all of whose leaves
//! are chosen needs none.

use super::{Hash, node_hash, root};

/// The hashes that lead from the chosen leaves to the root. `chosen` says for each leaf whether it
/// is one of them.
pub fn multi_proof(leaves: &[Hash], chosen: &[bool]) -> Vec<Hash> {
    let mut proof = Vec::new();
    beside(leaves, chosen, &mut proof);
    proof
}

fn beside(leaves: &[Hash], chosen: &[bool], proof: &mut Vec<Hash>) {
    if !chosen.contains(&true) {
        proof.push(root(leaves));
    } else if chosen.contains(&false) {
        let middle = split(leaves.len());
        beside(&leaves[..middle], &chosen[..middle], proof);
        beside(&leaves[middle..], &chosen[middle..], proof);
    }
}

/// [`multi_proof`] where the leaves stand in runs of a power of two: `level` are the runs' hashes
/// ([`level_hashes`](super::level_hashes)), `inner` the proof within each run, `None` for a run
/// without a chosen leaf.
pub fn multi_proof_of_runs(level: &[Hash], inner: &[Option<Vec<Hash>>]) -> Vec<Hash> {
    let mut proof = Vec::new();
    beside_runs(level, inner, &mut proof);
    proof
}

fn beside_runs(level: &[Hash], inner: &[Option<Vec<Hash>>], proof: &mut Vec<Hash>) {
    if inner.iter().all(Option::is_none) {
        proof.push(root(level));
    } else if let [Some(only)] = inner {
        proof.extend(only);
    } else {
        let middle = split(level.len());
        beside_runs(&level[..middle], &inner[..middle], proof);
        beside_runs(&level[middle..], &inner[middle..], proof);
    }
}

/// The root of a tree of `size` leaves, from some of them (ascending by position) and the proof
/// that [`multi_proof`] gives. `None` if that is not their proof, or there is no leaf.
pub fn root_of_multi(size: u64, leaves: &[(u64, Hash)], proof: &[Hash]) -> Option<Hash> {
    let ascending = leaves.windows(2).all(|pair| pair[0].0 < pair[1].0);
    let within = leaves.last().is_some_and(|(position, _)| *position < size);
    if !ascending || !within {
        return None;
    }
    let mut rest = proof.iter();
    let hash = fold(0, size, leaves, &mut rest)?;
    rest.next().is_none().then_some(hash)
}

fn fold(
    first: u64,
    size: u64,
    leaves: &[(u64, Hash)],
    proof: &mut std::slice::Iter<'_, Hash>,
) -> Option<Hash> {
    let Some((_, leaf)) = leaves.first() else { return proof.next().copied() };
    if size == 1 {
        return Some(*leaf);
    }
    let middle = 1 << (size - 1).ilog2();
    let (left, right) = leaves.split_at(leaves.partition_point(|(at, _)| *at < first + middle));
    let left = fold(first, middle, left, proof)?;
    let right = fold(first + middle, size - middle, right, proof)?;
    Some(node_hash(&left, &right))
}

/// How many leaves of at least two are on the left.
fn split(leaves: usize) -> usize {
    1 << (leaves - 1).ilog2()
}

#[cfg(test)]
#[path = "multi_tests.rs"]
mod tests;
