//! Inclusion and consistency proofs, made and checked as RFC 6962 and RFC 9162 describe.

use super::{Hash, empty_root, node_hash, parents, root};

/// The audit path of the leaf at `index`: the siblings from the leaf up.
///
/// `None` if there is no such leaf. Hashes every leaf once; see [`inclusion_proof_in_run`] for a
/// way that reads one run only.
pub fn inclusion_proof(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    inclusion_proofs(leaves, &[index])?.pop()
}

/// The audit paths of several leaves, in their order. Hashes every leaf once for all of them.
///
/// `None` if one of the leaves is not there.
pub fn inclusion_proofs(leaves: &[Hash], indexes: &[usize]) -> Option<Vec<Vec<Hash>>> {
    if indexes.iter().any(|&index| index >= leaves.len()) {
        return None;
    }
    let mut proofs = vec![Vec::new(); indexes.len()];
    let mut indexes = indexes.to_vec();
    let mut level = leaves.to_vec();
    while level.len() > 1 {
        for (proof, index) in proofs.iter_mut().zip(&mut indexes) {
            // A last hash without a partner rises unchanged and adds nothing to the path.
            proof.extend(level.get(*index ^ 1));
            *index /= 2;
        }
        level = parents(&level);
    }
    Some(proofs)
}

/// The root of the tree over the leaves before `index`, from the audit path of that leaf in a
/// tree of `size` leaves: what lies on the left of the path are that tree's full subtrees.
///
/// Means something only for a path that [`verify_inclusion`] accepts.
pub fn root_before(index: u64, size: u64, proof: &[Hash]) -> Option<Hash> {
    let mut last = size.checked_sub(1).filter(|&last| index <= last)?;
    let mut node = index;
    let mut before: Option<Hash> = None;
    for sibling in proof {
        if node & 1 == 1 || node == last {
            before = Some(before.map_or(*sibling, |right| node_hash(sibling, &right)));
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        }
        node >>= 1;
        last >>= 1;
    }
    Some(before.unwrap_or_else(empty_root))
}

/// The audit path of a leaf, from the leaves of its own run and the hashes of all runs.
///
/// `run` are the leaves of the run that holds the leaf, `index_in_run` its place there, `level`
/// what [`level_hashes`](super::level_hashes) gave, `run_index` the run's place in it. `None` if
/// an index is out of range or the run's leaves do not hash to its entry in `level`.
pub fn inclusion_proof_in_run(
    run: &[Hash],
    index_in_run: usize,
    level: &[Hash],
    run_index: usize,
) -> Option<Vec<Hash>> {
    if root(run) != *level.get(run_index)? {
        return None;
    }
    let mut proof = inclusion_proof(run, index_in_run)?;
    proof.extend(inclusion_proof(level, run_index)?);
    Some(proof)
}

/// Whether `proof` shows that `leaf` is at `index` of the tree with this size and root
/// (RFC 9162 section 2.1.3.2).
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            // On the right edge the node may have risen over several levels without a partner.
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// The proof that the tree of all `leaves` begins with the tree of the first `old_size` of them.
///
/// `None` if `old_size` is larger than the tree. Empty for `old_size` 0 or equal sizes.
pub fn consistency_proof(leaves: &[Hash], old_size: usize) -> Option<Vec<Hash>> {
    if old_size > leaves.len() {
        return None;
    }
    let mut proof = Vec::new();
    if old_size > 0 {
        subproof(leaves, old_size, true, &mut proof);
    }
    Some(proof)
}

/// `SUBPROOF(m, D, whole)` of RFC 6962 section 2.1.2.
fn subproof(leaves: &[Hash], old_size: usize, whole: bool, proof: &mut Vec<Hash>) {
    if old_size == leaves.len() {
        if !whole {
            proof.push(root(leaves));
        }
        return;
    }
    // The largest power of two below the number of leaves; there are at least two here.
    let split = 1 << (leaves.len() - 1).ilog2();
    let (left, right) = leaves.split_at(split);
    if old_size <= split {
        subproof(left, old_size, whole, proof);
        proof.push(root(right));
    } else {
        subproof(right, old_size - split, false, proof);
        proof.push(root(left));
    }
}

/// Whether `proof` shows that the tree with the new size and root extends the old one
/// (RFC 9162 section 2.1.4.2). Every tree extends the empty one.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> bool {
    if old_size == new_size && old_root != new_root {
        return false;
    }
    if old_size == 0 {
        return proof.is_empty() && *old_root == empty_root();
    }
    if old_size == new_size {
        return proof.is_empty();
    }
    if old_size > new_size {
        return false;
    }
    let (mut node, mut last) = (old_size - 1, new_size - 1);
    let risen = node.trailing_ones();
    node >>= risen;
    last >>= risen;
    // A full old tree is itself the first node of the path.
    let (first, rest) = if old_size.is_power_of_two() {
        (old_root, proof)
    } else {
        match proof.split_first() {
            Some(split) => split,
            None => return false,
        }
    };
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old_hash == *old_root && new_hash == *new_root
}
