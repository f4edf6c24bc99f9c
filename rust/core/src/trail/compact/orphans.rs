//! Objects of segments that somebody put and that no entry names: a crash came between, or somebody
//! else's entry.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use crate::ledger::{Orphan, State, is_segment_path, sidecar_path};
use crate::storage::Storage;
use crate::trail::{Trail, now_micros};
use crate::{Error, Result};

/// Paths that one entry names at most.
const AT_ONCE: usize = 10_000;
/// Objects that are looked into at a time.
const LOOKS: usize = 8;

/// What somebody put and no entry names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Orphans {
    /// Segments of which there is something, file or sidecar.
    pub segments: u64,
    /// Bytes of all of it.
    pub bytes: u64,
    /// How many of them were removed.
    pub removed: u64,
    /// How many are younger than the grace period: somebody may be about to commit them.
    pub waiting: u64,
    /// How many are in an archive and do not say that they are of this trail: they stay.
    pub foreign: u64,
    /// Names of archives that could not be looked into.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreachable: Vec<String>,
}

/// The objects at the path of a segment and its sidecar.
#[derive(Debug, Clone, Default)]
struct Found {
    archive: Option<String>,
    path: String,
    /// Size of the segment's own object; none if only its sidecar is there.
    size: Option<u64>,
    bytes: u64,
    /// When the newest of them was put, in microseconds since 1970, as the store says.
    newest: i64,
}

impl Trail {
    /// Objects in the trail's store and its archives, where these can be reached, at paths of
    /// segments that no entry names. Changes nothing.
    ///
    /// # Errors
    /// `Io`, `Store`.
    pub async fn orphans(&self) -> Result<Orphans> {
        let (all, _, unreachable) = self.find_orphans().await?;
        let mut orphans = Orphans { unreachable, ..Orphans::default() };
        for found in all {
            orphans.segments += 1;
            orphans.bytes += found.bytes;
        }
        Ok(orphans)
    }

    /// Removes such objects that are at least `grace` old: an entry condemns their paths, after
    /// which no entry can add them, and then they go. In archives, which other trails may share,
    /// only what says that it is of this trail.
    ///
    /// # Errors
    /// `Io`, `Store`; `Key` if this host may not write. The next run goes on.
    pub async fn remove_orphans(&self, grace: Duration) -> Result<Orphans> {
        let latest = now_micros() - i64::try_from(grace.as_micros()).unwrap_or(i64::MAX);
        let (found, state, unreachable) = self.find_orphans().await?;
        let mut report = Orphans { unreachable, ..Orphans::default() };
        let mut due = Vec::new();
        for found in found {
            report.segments += 1;
            report.bytes += found.bytes;
            if state.lifecycle.condemned.contains_key(&found.path) || found.newest <= latest {
                due.push(found);
            } else {
                report.waiting += 1;
            }
        }
        let looked: Vec<_> = due
            .into_iter()
            .map(|found| {
                let known = state.lifecycle.condemned.contains_key(&found.path);
                async move {
                    let ours = known || self.is_ours(&found).await?;
                    Ok::<_, Error>((found, known, ours))
                }
            })
            .collect();
        let looked: Vec<(Found, bool, bool)> =
            stream::iter(looked).buffered(LOOKS).try_collect().await?;
        report.foreign = looked.iter().filter(|(_, _, ours)| !ours).count() as u64;
        let (mut gone, mut new) = (Vec::new(), Vec::new());
        for (found, known, _) in looked.into_iter().filter(|(_, _, ours)| *ours) {
            if known { gone.push(found) } else { new.push(found) }
        }
        for some in new.chunks(AT_ONCE) {
            let condemned = some
                .iter()
                .map(|found| Orphan { archive: found.archive.clone(), path: found.path.clone() });
            // If one of them was committed meanwhile, the next run looks again.
            if self.writer().await?.commit_condemned(condemned.collect()).await? {
                gone.extend_from_slice(some);
            }
        }
        for found in gone {
            let storage = self.place_of(found.archive.as_deref())?;
            // A sidecar alone does not say whose it is.
            storage.delete(&sidecar_path(&found.path)).await?;
            storage.delete(&found.path).await?;
            report.removed += 1;
        }
        Ok(report)
    }

    /// What there is at paths of segments that the ledger, which is read after the stores, does not
    /// know; and the archives that could not be looked into.
    async fn find_orphans(&self) -> Result<(Vec<Found>, Arc<State>, Vec<String>)> {
        self.archives().learn(self.refreshed().await?.state());
        let mut there = vec![(None, self.storage().list_timed("segments").await?)];
        let mut unreachable = Vec::new();
        for name in self.archives().names() {
            // A host that only records need not reach archives.
            match self.archived_objects(&name).await {
                Ok(objects) => there.push((Some(name), objects)),
                Err(_) => unreachable.push(name),
            }
        }
        let state = Arc::clone(self.refreshed().await?.state());
        let by_day = self.info().by_day();
        let live: HashSet<&str> = state.segments.iter().map(|add| add.path.as_str()).collect();
        let mut found: BTreeMap<(Option<String>, String), Found> = BTreeMap::new();
        for (archive, objects) in there {
            for (object, size, time) in objects {
                let path = object.strip_suffix(".gone").unwrap_or(&object);
                let named = live.contains(path) || state.lifecycle.retired.contains_key(path);
                if named || !is_segment_path(path, by_day) {
                    continue;
                }
                let key = (archive.clone(), path.to_owned());
                let one = found.entry(key).or_insert_with(|| Found {
                    archive: archive.clone(),
                    path: path.to_owned(),
                    newest: i64::MIN,
                    ..Found::default()
                });
                one.bytes += size;
                one.newest = one.newest.max(time);
                if path == object {
                    one.size = Some(size);
                }
            }
        }
        Ok((found.into_values().collect(), state, unreachable))
    }

    async fn archived_objects(&self, name: &str) -> Result<Vec<(String, u64, i64)>> {
        let storage = self.archives().named(name)?;
        match storage.local_root() {
            // Nothing was archived yet, or it is not mounted: both are told of elsewhere.
            Some(root) if !root.is_dir() => Ok(Vec::new()),
            _ => storage.list_timed("segments").await,
        }
    }

    fn place_of(&self, archive: Option<&str>) -> Result<Storage> {
        match archive {
            None => Ok(self.storage().clone()),
            Some(name) => self.archives().named(name),
        }
    }

    /// Whether an orphan is of this trail: what is in its own store, and in archives what says so.
    async fn is_ours(&self, found: &Found) -> Result<bool> {
        let Some(name) = &found.archive else { return Ok(true) };
        let Some(size) = found.size else { return Ok(false) };
        let storage = self.archives().named(name)?;
        match self.archives().trail_of(&storage, &found.path, size).await {
            Ok(trail) => Ok(trail == self.info().trail_id),
            // It is no segment, of another trail's keys, or gone by now.
            Err(Error::Integrity { .. } | Error::Key(_) | Error::NotFound(_)) => Ok(false),
            Err(e) => Err(e),
        }
    }
}
