//! RFC 6962 Merkle trees over SHA-256: roots, compact ranges, proofs, and the salted record leaf.
//!
//! A tree is built by pairing the hashes of a level from the left; a last hash without a partner
//! rises unchanged. That gives exactly the tree of RFC 6962 section 2.1, and it means that the
//! hashes of any one level are enough to go on upwards from there ([`level_hashes`]).

mod multi;
mod proof;

pub use multi::{multi_proof, multi_proof_of_runs, root_of_multi};
pub use proof::{
    consistency_proof, inclusion_proof, inclusion_proof_in_run, inclusion_proofs, root_before,
    verify_consistency, verify_inclusion,
};

use sha2::{Digest, Sha256};

/// A SHA-256 hash: a leaf, an inner node or a root.
pub type Hash = [u8; 32];

/// Levels between the leaves and the hashes that a segment keeps per batch: runs of 256 leaves.
pub const RUN_LEVELS: u32 = 8;

/// So many leaves take a fraction of a millisecond.
const LEAVES_A_TASK: usize = 4096;

/// The root of the tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// The hash of a leaf with this data: `SHA-256(0x00 || data)`.
pub fn leaf_hash(data: &[u8]) -> Hash {
    Sha256::new().chain_update([0x00]).chain_update(data).finalize().into()
}

/// The hash of an inner node: `SHA-256(0x01 || left || right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    // One contiguous message of 65 bytes is hashed faster than three updates.
    let mut message = [0x01; 65];
    message[1..33].copy_from_slice(left);
    message[33..].copy_from_slice(right);
    Sha256::digest(message).into()
}

/// The root over leaf hashes, in order. Takes one temporary buffer of half the input's size.
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [only] => *only,
        _ => {
            let mut level = parents(leaves);
            while level.len() > 1 {
                shrink(&mut level);
            }
            level[0]
        }
    }
}

/// [`root`] over a power of two of leaves, with every core.
fn root_of_full(leaves: &[Hash]) -> Hash {
    if leaves.len() <= LEAVES_A_TASK {
        return root(leaves);
    }
    let (left, right) = leaves.split_at(leaves.len() / 2);
    let (left, right) = rayon::join(|| root_of_full(left), || root_of_full(right));
    node_hash(&left, &right)
}

/// The hash of each run of `2^levels` leaves, in order; the last run may be shorter.
///
/// # Panics
/// Never; `levels` of 64 and more mean one run.
pub fn level_hashes(leaves: &[Hash], levels: u32) -> Vec<Hash> {
    let run = 1_usize.checked_shl(levels).filter(|&run| run > 0).unwrap_or(usize::MAX);
    leaves.chunks(run).map(root).collect()
}

/// The root of a tree of which only the hashes of one level are known ([`level_hashes`]).
///
/// Equal to [`root`] of the leaves below them.
pub fn root_from_level(level: &[Hash]) -> Hash {
    root(level)
}

/// The next level: pairs hashed, an odd last hash carried up.
fn parents(level: &[Hash]) -> Vec<Hash> {
    let mut above = Vec::with_capacity(level.len().div_ceil(2));
    let (pairs, odd) = level.as_chunks::<2>();
    above.extend(pairs.iter().map(|[left, right]| node_hash(left, right)));
    above.extend_from_slice(odd);
    above
}

/// [`parents`], in place.
fn shrink(level: &mut Vec<Hash>) {
    let pairs = level.len() / 2;
    for i in 0..pairs {
        level[i] = node_hash(&level[2 * i], &level[2 * i + 1]);
    }
    if level.len() % 2 == 1 {
        level[pairs] = level[level.len() - 1];
    }
    level.truncate(level.len().div_ceil(2));
}

/// A growing tree of which only the roots of its full subtrees are kept: at most 64 hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accumulator {
    size: u64,
    /// Roots of the full subtrees, largest (leftmost) first: one for each set bit of `size`.
    peaks: Vec<Hash>,
}

impl Accumulator {
    /// The tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// The tree over these leaf hashes, with every core where they are many.
    pub fn of(leaves: &[Hash]) -> Self {
        let (mut peaks, mut rest) = (Vec::new(), leaves);
        while !rest.is_empty() {
            let (full, after) = rest.split_at(1 << rest.len().ilog2());
            peaks.push(root_of_full(full));
            rest = after;
        }
        Self { size: leaves.len() as u64, peaks }
    }

    /// The tree with `size` leaves and these roots of full subtrees, largest first, or `None` if
    /// their number does not fit the size.
    pub fn from_peaks(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }

    /// Appends a leaf, given by its hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        // Each full subtree that the new leaf completes merges with its left neighbour.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over all leaves so far.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return empty_root() };
        peaks.fold(*last, |right, left| node_hash(left, &right))
    }

    /// The roots of the full subtrees, largest first.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }
}

/// The salt of the record at `position` of a batch:
/// the first 16 bytes of `SHA-256(batch_salt || u64(position))`.
pub fn batch_salt_at(batch_salt: &[u8; 32], position: u64) -> [u8; 16] {
    let mut message = [0; 40];
    message[..32].copy_from_slice(batch_salt);
    message[32..].copy_from_slice(&position.to_be_bytes());
    let digest: Hash = Sha256::digest(message).into();
    let mut salt = [0; 16];
    salt.copy_from_slice(&digest[..16]);
    salt
}

/// The leaf of a record: `SHA-256(0x00 || salt || canonical record bytes)`.
pub fn record_leaf(salt: &[u8; 16], canonical: &[u8]) -> Hash {
    Sha256::new().chain_update([0x00]).chain_update(salt).chain_update(canonical).finalize().into()
}

#[cfg(test)]
mod tests;
