//! Paths of segments: their form, and which are taken.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::{Arc, OnceLock};

use super::entry::AddedSegment;

/// How paths of segments end.
pub(super) const PARQUET: &str = ".parquet";
pub(super) const LINES: &str = ".jsonl.zst";

/// Domain and period of the path of a segment.
pub(super) fn partition_of<'a>(
    path: &'a str,
    by_day: bool,
    suffix: &str,
) -> Option<(&'a str, &'a str)> {
    let rest = path.strip_prefix("segments/domain=")?;
    let (domain, rest) = rest.split_once('/')?;
    let rest = rest.strip_prefix(if by_day { "day=" } else { "month=" })?;
    let (period, file) = rest.split_once('/')?;
    let plain = |s: &str| s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let uuid = file.strip_suffix(suffix).filter(|f| f.len() == 36 && plain(f));
    (plain(domain) && plain(period) && uuid.is_some()).then_some((domain, period))
}

/// Whether a segment of a trail may have this path.
pub fn is_segment_path(path: &str, by_day: bool) -> bool {
    const UUID: &str = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    let has_form = |text: &str, form: &str| {
        let fits = |(b, form): (u8, u8)| match form {
            b'0' => b.is_ascii_digit(),
            b'x' => matches!(b, b'0'..=b'9' | b'a'..=b'f'),
            other => b == other,
        };
        text.len() == form.len() && text.bytes().zip(form.bytes()).all(fits)
    };
    let uuid = path.rsplit_once('/').map_or("", |(_, file)| file.get(..UUID.len()).unwrap_or(""));
    let partition = [PARQUET, LINES].iter().find_map(|end| partition_of(path, by_day, end));
    partition.is_some_and(|(domain, period)| {
        let domain = matches!(domain, "auth" | "agent" | "data" | "workflow" | "system");
        let number = |at| period.get(at).and_then(|text: &str| text.parse::<u8>().ok());
        let month = number(5..7).is_some_and(|month| (1..=12).contains(&month));
        let day = !by_day || number(8..10).is_some_and(|day| (1..=31).contains(&day));
        domain
            && month
            && day
            && has_form(period, if by_day { "0000-00-00" } else { "0000-00" })
            && has_form(uuid, UUID)
    })
}

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
