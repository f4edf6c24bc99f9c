//! What a copy has, by names and lengths.

use std::collections::{HashMap, HashSet};

use super::place::{OBJECTS, Place, sealed_path};
use super::run::LOOSE;
use crate::Result;
use crate::ledger::entry_number;
use crate::storage::Storage;
use crate::trail::TRAIL_FILE;

/// What the copy had when the run began.
pub(super) struct There {
    /// Numbers of entries, ascending.
    pub(super) entries: Vec<u64>,
    /// Sealed lengths of segments and sidecars by path.
    pub(super) segments: HashMap<String, u64>,
    pub(super) loose: HashSet<String>,
}

impl There {
    pub(super) async fn read(place: &Place) -> Result<Self> {
        let number = |path: &str| entry_number(path.strip_prefix(OBJECTS)?.strip_prefix('/')?);
        let folder = sealed_path("ledger");
        let mut entries = place.storage.pick_after(&folder, &folder, number).await?;
        entries.sort_unstable();
        let mut loose = HashSet::new();
        for (path, _) in listed(&place.storage, LOOSE.iter().copied()).await? {
            loose.insert(path);
        }
        if place.storage.size(&sealed_path(TRAIL_FILE)).await.is_ok() {
            loose.insert(TRAIL_FILE.to_owned());
        }
        let segments = listed(&place.storage, ["segments"].into_iter()).await?;
        Ok(Self { entries, segments: segments.into_iter().collect(), loose })
    }
}

/// Paths, as the trail has them, and sealed lengths of the objects in these folders of a copy.
async fn listed(
    storage: &Storage,
    folders: impl Iterator<Item = &str>,
) -> Result<Vec<(String, u64)>> {
    let mut all = Vec::new();
    for folder in folders {
        for (path, size) in storage.list(&sealed_path(folder)).await? {
            let path = path.strip_prefix(OBJECTS).and_then(|path| path.strip_prefix('/'));
            all.extend(path.map(|path| (path.to_owned(), size)));
        }
    }
    Ok(all)
}
