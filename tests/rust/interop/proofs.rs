//! The proofs of transparency-dev/merkle: most of them are wrong and must be refused.

use data_encoding::BASE64;
use sealtrail_core::merkle::{Hash, verify_consistency, verify_inclusion};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{external, text};

/// Hashes have 32 bytes by their type here. A vector's that has not is replaced by a hash of
/// it: equal ones stay equal, and none becomes right. A leaf that is none is refused before.
fn hash(value: &Value) -> Hash {
    let bytes = match value {
        Value::Null => Vec::new(),
        value => BASE64.decode(value.as_str().unwrap().as_bytes()).unwrap(),
    };
    bytes.as_slice().try_into().unwrap_or_else(|_| {
        Sha256::new().chain_update(b"of another length: ").chain_update(&bytes).finalize().into()
    })
}

/// The leaf and the root, or `None` for one that our types cannot hold.
fn leaf_and_root(vector: &Value) -> Option<(Hash, Hash)> {
    let leaf = BASE64.decode(vector["leafHash"].as_str()?.as_bytes()).unwrap();
    Some((leaf.try_into().ok()?, hash(&vector["root"])))
}

fn path(vector: &Value) -> Vec<Hash> {
    vector["proof"].as_array().map(|path| path.iter().map(hash).collect()).unwrap_or_default()
}

fn number(vector: &Value, name: &str) -> u64 {
    vector[name].as_u64().unwrap_or_else(|| panic!("{name} in {vector}"))
}

fn included(vector: &Value) -> bool {
    let (index, size) = (number(vector, "leafIdx"), number(vector, "treeSize"));
    let Some((leaf, root)) = leaf_and_root(vector) else { return false };
    verify_inclusion(&leaf, index, size, &path(vector), &root)
}

fn consistent(vector: &Value) -> bool {
    let (old, new) = (number(vector, "size1"), number(vector, "size2"));
    let (old_root, new_root) = (hash(&vector["root1"]), hash(&vector["root2"]));
    verify_consistency(old, &old_root, new, &new_root, &path(vector))
}

/// Whether leaves `start..end` of any larger tree are a subtree of it.
fn is_subtree(start: u64, end: u64) -> bool {
    let width = end.checked_sub(start).and_then(u64::checked_next_power_of_two);
    width.is_some_and(|width| start < end && start.is_multiple_of(width))
}

/// A subtree is a tree of its own.
fn included_in_subtree(vector: &Value) -> bool {
    let (start, end) = (number(vector, "start"), number(vector, "end"));
    let Some((leaf, root)) = leaf_and_root(vector) else { return false };
    let Some(index) = number(vector, "leafIdx").checked_sub(start) else { return false };
    is_subtree(start, end) && verify_inclusion(&leaf, index, end - start, &path(vector), &root)
}

/// The proof that a subtree that begins with the first leaf belongs to a tree is the proof that
/// the tree extends it. Of the later ones the set has only those that are no subtrees, and empty
/// ones, which are the empty tree.
fn consistent_with_subtree(vector: &Value) -> bool {
    let (start, end, size) =
        (number(vector, "start"), number(vector, "end"), number(vector, "size"));
    let (old_root, new_root) = (hash(&vector["root1"]), hash(&vector["root2"]));
    assert!(start == 0 || start == end || !is_subtree(start, end), "{vector}");
    // An empty subtree is in every tree, and says nothing about the root of that one.
    let size = if start == end { size.max(1) } else { size };
    (start == 0 || start == end)
        && verify_consistency(end - start, &old_root, size, &new_root, &path(vector))
}

#[test]
fn transparency_dev_proofs_hold_or_are_refused() {
    let (mut all, mut refused) = ([0; 4], 0);
    for line in external("merkle.jsonl").lines() {
        let vector: Value = serde_json::from_str(line).unwrap();
        let file = text(&vector, "file");
        let (kind, holds) = match file.split('/').next() {
            Some("inclusion") => (0, included(&vector)),
            Some("consistency") => (1, consistent(&vector)),
            Some("subtreeinclusion") => (2, included_in_subtree(&vector)),
            Some("subtreeconsistency") => (3, consistent_with_subtree(&vector)),
            _ => panic!("{file}"),
        };
        // RFC 9162 defines no proof from the empty tree, so the set refuses the right one too.
        // For us every tree extends the empty one, and only the empty one has its root.
        let ours = file == "consistency/additional/size1-is-zero-and-size2-is-not-zero.json";
        assert_eq!(holds, ours || vector["wantErr"] == false, "{vector}");
        all[kind] += 1;
        refused += usize::from(!holds);
    }
    assert_eq!((all, refused), ([98, 98, 204, 118], 481));
}
