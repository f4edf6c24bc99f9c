//! Which paths of segments are taken.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::{Arc, OnceLock};

use super::entry::AddedSegment;

/// The paths of a state's segments: a hash of each, because the segments hold the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Paths {
    hashes: HashSet<PathHash, BuildHasherDefault<AsIs>>,
}

/// A keyed hash, so that nobody can choose paths that collide.
pub(super) type PathHash = u64;

pub(super) fn hash(path: &str) -> PathHash {
    static KEY: OnceLock<RandomState> = OnceLock::new();
    KEY.get_or_init(RandomState::new).hash_one(path)
}

impl Paths {
    /// The paths with these hashes.
    pub(super) fn of(hashes: impl ExactSizeIterator<Item = PathHash>) -> Self {
        let mut paths = Self::default();
        paths.hashes.reserve(hashes.len());
        paths.hashes.extend(hashes);
        paths
    }

    /// Notes the path of a segment that is among the state's from now on.
    pub(super) fn insert(&mut self, path: &str) {
        self.hashes.insert(hash(path));
    }

    /// Forgets the path of a segment that is no longer among them.
    pub(super) fn remove(&mut self, path: &str) {
        self.hashes.remove(&hash(path));
    }

    /// Whether one of `segments`, those of the state, has this path.
    pub(super) fn contains(&self, path: &str, segments: &[Arc<AddedSegment>]) -> bool {
        // Another path may have the same hash.
        self.hashes.contains(&hash(path)) && segments.iter().any(|s| s.path == path)
    }
}

/// Takes a hash for what it is.
#[derive(Debug, Clone, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, bytes: &[u8]) {
        // Not used for `PathHash`; correct for anything.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
}
