//! What entries say of the life of records after they were written, and what follows from it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::entry::{AddedSegment, Body, Kind};
use super::paths::is_segment_path;
use super::state::{InvalidEntry, State, invalid};
use crate::encryption::is_generation;
use crate::segment::TEXT_STATISTICS;

/// How segments in another format than Parquet are marked.
pub const JSONL: &str = "jsonl";

/// A retention policy; `retention` gives its members a meaning.
pub type Policy = Map<String, Value>;

/// An object beside a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sidecar {
    /// Size of the object.
    pub bytes: u64,
    /// Hex SHA-256 of the object.
    pub sha256: String,
}

/// Whether the key that a segment names can be one, and nothing is told of its texts then.
pub(super) fn key_fits(add: &AddedSegment) -> bool {
    let told = TEXT_STATISTICS.iter().any(|name| add.stats.get(name).is_some());
    add.key.as_deref().is_none_or(|key| is_generation(key) && !told)
}

/// Path of the sidecar that tells of deleted rows of the segment at `path`.
pub fn sidecar_path(path: &str) -> String {
    format!("{path}.gone")
}

/// Records that must neither be deleted nor erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// Who ordered it, in the owner's words.
    pub by: String,
    /// Its id.
    pub id: String,
    /// Filters of a search: the records that they match.
    pub matching: Map<String, Value>,
    /// Why.
    pub reason: String,
}

/// The end of a hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Who ordered it.
    pub by: String,
    /// The hold's id.
    pub id: String,
    /// Why.
    pub reason: String,
}

/// What was deleted, and by whose word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tombstone {
    /// Who approved it.
    pub approver: String,
    /// The batches that lose records.
    pub batches: Vec<GoneBatch>,
    /// Ids of the holds that were active, in the order of their bytes.
    pub holds: Vec<String>,
    /// Number of the entry with the policy that demands it; absent if none does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub policy: Option<u64>,
    /// Why.
    pub reason: String,
}

/// A batch that loses records: batch `index` of segment `add` in the `adds` of `append` entry
/// `entry`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoneBatch {
    /// Which segment of the entry.
    pub add: u64,
    /// Number of the `append` entry.
    pub entry: u64,
    /// How many records it loses by this entry.
    pub gone: u64,
    /// Which batch of the segment.
    pub index: u64,
    /// Latest `timestamp` of what it loses, in microseconds since 1970, UTC.
    pub max: i64,
    /// Earliest `timestamp`.
    pub min: i64,
    /// Hex root over its records.
    pub root: String,
    /// Number of records that it had at first.
    pub rows: u64,
}

/// The order to destroy the key of a data subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erase {
    /// Who approved it.
    pub approver: String,
    /// Why.
    pub reason: String,
    /// Whose key: an id that tells nothing about the person.
    pub subject: String,
}

/// The word of a holder of such a key that it is destroyed there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erased {
    /// Number of the entry that ordered it.
    pub entry: u64,
    /// Who held the key: a host, a writer, a backup.
    pub holder: String,
}

/// The owner gives up a copy of the trail: nobody waits for its word any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forget {
    /// Who approved it.
    pub approver: String,
    /// The copy's name.
    pub holder: String,
    /// Why.
    pub reason: String,
}

/// A copy that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forgotten {
    /// Number of its entry.
    pub entry: u64,
    /// What the entry says.
    pub forget: Forget,
}

/// A removed segment whose files may be there still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retired {
    /// Name of the archive that holds them; the trail's own store if absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub archive: Option<String>,
    /// Number of the entry that removed it.
    pub entry: u64,
    /// Whether there is a sidecar.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub gone: bool,
    /// Path of the segment.
    pub path: String,
}

/// A segment that somebody put and that no entry names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Orphan {
    /// Name of the archive that it was put into; the trail's own store if absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub archive: Option<String>,
    /// Path of the segment.
    pub path: String,
}

/// A path that no entry can add any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condemned {
    /// Name of the archive that the segment was put into; the trail's own store if absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub archive: Option<String>,
    /// Number of the entry that condemned it.
    pub entry: u64,
    /// Path of the segment.
    pub path: String,
}

/// The retention policy in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinnedPolicy {
    /// Number of the entry that put it in force.
    pub entry: u64,
    /// The policy.
    pub policy: Policy,
}

/// A hold that was not released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActiveHold {
    /// Number of its entry.
    pub entry: u64,
    /// The hold.
    pub hold: Hold,
}

/// An erasure, and who confirmed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erasure {
    /// Number of the entry that ordered it.
    pub entry: u64,
    /// The order.
    pub erase: Erase,
    /// The holders that confirmed it, in the order of their entries.
    pub holders: Vec<String>,
}

/// What entries said of the life of records after they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lifecycle {
    /// Removed segments that no `sweep` entry names yet, by path.
    pub retired: BTreeMap<String, Arc<Retired>>,
    /// Paths that no entry can add any more.
    pub condemned: BTreeMap<String, Arc<Condemned>>,
    /// The retention policy in force.
    pub policy: Option<Arc<PinnedPolicy>>,
    /// Active holds, by id.
    pub holds: BTreeMap<String, Arc<ActiveHold>>,
    /// Erasures, by the number of the entry that ordered them.
    pub erasures: BTreeMap<u64, Arc<Erasure>>,
    /// Copies that were given up, by name.
    pub forgotten: BTreeMap<String, Arc<Forgotten>>,
    /// How many records were deleted.
    pub deleted: u64,
    /// How many segments were removed.
    pub(crate) removals: u64,
}

const MAX_NAME: usize = 256;

/// Whether a text is there and of a sensible length.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_NAME
}

fn demand(holds: bool, what: &str) -> Result<(), InvalidEntry> {
    if holds { Ok(()) } else { Err(invalid(what)) }
}

/// Sum that tells of an overflow, because the numbers are somebody else's.
fn sum(numbers: impl Iterator<Item = u64>) -> Option<u64> {
    numbers.into_iter().try_fold(0_u64, u64::checked_add)
}

fn are_unique<'a>(texts: impl Iterator<Item = &'a String>) -> bool {
    let mut seen = HashSet::new();
    texts.into_iter().all(|text| seen.insert(text))
}

impl State {
    /// The rules of the kinds of entries that change what becomes of records (FORMAT section 7).
    pub(super) fn check_lifecycle(&self, body: &Body) -> Result<(), InvalidEntry> {
        if body.writer == crate::keys::OWNER {
            demand(body.epoch == 0, "the owner's epoch is 0")?;
        } else {
            self.check_close(body, 0)?;
        }
        match body.kind {
            Kind::Compact => self.check_compact(body),
            Kind::Sweep => self.check_sweep(body),
            Kind::Condemn => self.check_condemn(body),
            Kind::Policy => demand(body.policy.is_some(), "it has no policy"),
            Kind::Hold => self.check_hold(body),
            Kind::Release => self.check_release(body),
            Kind::Delete => self.check_delete(body),
            Kind::Erase => match &body.erase {
                Some(e) if is_name(&e.subject) && is_name(&e.approver) => Ok(()),
                _ => Err(invalid("it names no subject or no approver")),
            },
            Kind::Erased => self.check_erased(body),
            Kind::Forget => self.check_forget(body),
            Kind::Init | Kind::Authorize | Kind::Append | Kind::Close => Ok(()),
        }
    }

    /// The live segments that an entry removes.
    fn removed<'a>(&'a self, body: &Body) -> Result<Vec<&'a AddedSegment>, InvalidEntry> {
        let removes = body.removes.as_deref().unwrap_or_default();
        demand(!removes.is_empty() && are_unique(removes.iter()), "it removes nothing, or twice")?;
        let wanted: HashSet<&str> = removes.iter().map(String::as_str).collect();
        let live = self.segments.iter().filter(|s| wanted.contains(s.path.as_str()));
        let live: Vec<&AddedSegment> = live.map(|s| &**s).collect();
        match removes.iter().find(|path| !live.iter().any(|s| s.path == **path)) {
            Some(path) if live.len() < removes.len() => {
                Err(invalid(format!("it removes {path:?}, which is not there")))
            }
            _ => Ok(live),
        }
    }

    /// What an entry adds in the place of others, of the partitions of `removed`.
    fn replacing<'a>(
        &self,
        body: &'a Body,
        removed: &[&AddedSegment],
    ) -> Result<&'a [AddedSegment], InvalidEntry> {
        let adds = body.adds.as_deref().unwrap_or_default();
        let by_day = self.info.as_ref().is_some_and(|i| i.by_day());
        let partitions: HashSet<_> = removed.iter().map(|s| s.partition(by_day)).collect();
        demand(are_unique(adds.iter().map(|a| &a.path)), "it adds a path twice")?;
        for add in adds {
            let path = &add.path;
            let taken = self.is_taken(path);
            let partition = add.partition(by_day);
            if taken || partition.is_none() || !partitions.contains(&partition) {
                return Err(invalid(format!("{path:?} is taken, or of another partition")));
            }
            let format = add.format.as_deref().is_none_or(|format| format == JSONL);
            let archive = add.archive.as_deref().is_none_or(is_archive);
            let sidecar = add.gone.as_ref().is_none_or(|gone| {
                gone.bytes > 0
                    && HEXLOWER.decode(gone.sha256.as_bytes()).is_ok_and(|d| d.len() == 32)
            });
            let figures = add.min <= add.max && add.batches > 0 && add.rows > 0;
            if !(format && archive && sidecar && figures && key_fits(add)) {
                return Err(invalid(format!("what it says of {path:?} cannot be")));
            }
        }
        Ok(adds)
    }

    fn check_compact(&self, body: &Body) -> Result<(), InvalidEntry> {
        let removed = self.removed(body)?;
        let adds = self.replacing(body, &removed)?;
        let by_day = self.info.as_ref().is_some_and(|i| i.by_day());
        let partition = removed[0].partition(by_day);
        let one = removed.iter().all(|s| s.partition(by_day) == partition);
        demand(one, "it removes segments of several partitions")?;
        let same = |of: fn(&AddedSegment) -> u64| {
            sum(removed.iter().map(|s| of(s))) == sum(adds.iter().map(of))
        };
        let rows = same(|s| s.rows) && same(|s| s.batches);
        demand(rows, "it adds not as many rows and batches as it removes")?;
        let from = removed.iter().map(|s| s.min).min() == adds.iter().map(|s| s.min).min();
        let to = removed.iter().map(|s| s.max).max() == adds.iter().map(|s| s.max).max();
        demand(from && to, "it adds rows of other times than it removes")
    }

    fn check_delete(&self, body: &Body) -> Result<(), InvalidEntry> {
        let removed = self.removed(body)?;
        let adds = self.replacing(body, &removed)?;
        let stone = body.tombstone.as_ref().ok_or_else(|| invalid("it has no tombstone"))?;
        demand(is_name(&stone.approver), "nobody approved it")?;
        let holds: Vec<&String> = self.lifecycle.holds.keys().collect();
        let seen = stone.holds.iter().eq(holds);
        demand(seen, "the holds that it names are not those that are active")?;
        let policy = self.lifecycle.policy.as_ref().map(|p| p.entry);
        demand(stone.policy.is_none_or(|n| policy == Some(n)), "its policy is not in force")?;
        let mut batches = HashSet::new();
        for b in &stone.batches {
            let known = b.entry < body.n && b.gone > 0 && b.gone <= b.rows && b.min <= b.max;
            let root = HEXLOWER.decode(b.root.as_bytes()).is_ok_and(|d| d.len() == 32);
            if !known || !root || !batches.insert((b.entry, b.add, b.index)) {
                return Err(invalid("a batch of its tombstone cannot be"));
            }
        }
        let gone = sum(stone.batches.iter().map(|b| b.gone));
        let left = sum(adds.iter().map(|s| s.rows));
        let together = left.zip(gone).and_then(|(left, gone)| left.checked_add(gone));
        let all = sum(removed.iter().map(|s| s.rows));
        let whole = !batches.is_empty() && together.is_some() && together == all;
        demand(whole, "what it deletes and keeps is not what it removes")
    }

    fn check_sweep(&self, body: &Body) -> Result<(), InvalidEntry> {
        let swept = body.swept.as_deref().unwrap_or_default();
        demand(!swept.is_empty() && are_unique(swept.iter()), "it sweeps nothing, or twice")?;
        match swept.iter().find(|path| !self.lifecycle.retired.contains_key(*path)) {
            Some(path) => Err(invalid(format!("it sweeps {path:?}, which no entry removed"))),
            None => Ok(()),
        }
    }

    fn check_condemn(&self, body: &Body) -> Result<(), InvalidEntry> {
        let condemned = body.condemned.as_deref().unwrap_or_default();
        let once = !condemned.is_empty() && are_unique(condemned.iter().map(|o| &o.path));
        demand(once, "it condemns nothing, or a path twice")?;
        let by_day = self.info.as_ref().is_some_and(|i| i.by_day());
        let fits = |o: &Orphan| {
            let archive = o.archive.as_deref().is_none_or(is_archive);
            archive && is_segment_path(&o.path, by_day) && !self.is_taken(&o.path)
        };
        match condemned.iter().find(|orphan| !fits(orphan)) {
            Some(Orphan { path, .. }) => Err(invalid(format!("it cannot condemn {path:?}"))),
            None => Ok(()),
        }
    }

    /// Whether no segment can be added at a path: there is or was one, or it is condemned.
    pub(crate) fn is_taken(&self, path: &str) -> bool {
        let Lifecycle { retired, condemned, .. } = &self.lifecycle;
        self.paths.contains(path, &self.segments)
            || retired.contains_key(path)
            || condemned.contains_key(path)
    }

    fn check_hold(&self, body: &Body) -> Result<(), InvalidEntry> {
        let hold = body.hold.as_ref().ok_or_else(|| invalid("it has no hold"))?;
        let free = is_name(&hold.id) && !self.lifecycle.holds.contains_key(&hold.id);
        demand(free && is_name(&hold.by), "its hold has a taken id, or nobody ordered it")
    }

    fn check_release(&self, body: &Body) -> Result<(), InvalidEntry> {
        let release = body.release.as_ref().ok_or_else(|| invalid("it releases nothing"))?;
        let active = self.lifecycle.holds.contains_key(&release.id);
        demand(active && is_name(&release.by), "the hold is not active, or nobody ordered it")
    }

    fn check_erased(&self, body: &Body) -> Result<(), InvalidEntry> {
        let erased = body.erased.as_ref().ok_or_else(|| invalid("it confirms nothing"))?;
        let erasure = self.lifecycle.erasures.get(&erased.entry);
        let open = erasure.is_some_and(|e| !e.holders.contains(&erased.holder));
        demand(open && is_name(&erased.holder), "there is no such erasure, or it is confirmed")
    }

    fn check_forget(&self, body: &Body) -> Result<(), InvalidEntry> {
        let forget = body.forget.as_ref().ok_or_else(|| invalid("it forgets nothing"))?;
        let known = self.lifecycle.forgotten.contains_key(&forget.holder);
        demand(is_copy(&forget.holder) && !known, "it names no copy, or one that is forgotten")?;
        demand(is_name(&forget.approver), "nobody approved it")
    }

    /// What a valid entry changes in what becomes of records.
    pub(super) fn commit_lifecycle(&mut self, body: &Body) {
        self.retire(body);
        let n = body.n;
        let life = &mut self.lifecycle;
        for path in body.swept.iter().flatten() {
            life.retired.remove(path);
        }
        for Orphan { archive, path } in body.condemned.iter().flatten() {
            let condemned = Condemned { archive: archive.clone(), entry: n, path: path.clone() };
            life.condemned.insert(path.clone(), Arc::new(condemned));
        }
        if let Some(policy) = &body.policy {
            life.policy = Some(Arc::new(PinnedPolicy { entry: n, policy: policy.clone() }));
        }
        if let Some(hold) = &body.hold {
            let active = Arc::new(ActiveHold { entry: n, hold: hold.clone() });
            life.holds.insert(hold.id.clone(), active);
        }
        if let Some(release) = &body.release {
            life.holds.remove(&release.id);
        }
        if let Some(stone) = &body.tombstone {
            life.deleted += stone.batches.iter().map(|b| b.gone).sum::<u64>();
        }
        if let Some(erase) = &body.erase {
            let erasure = Erasure { entry: n, erase: erase.clone(), holders: Vec::new() };
            life.erasures.insert(n, Arc::new(erasure));
        }
        if let Some(erased) = &body.erased
            && let Some(erasure) = life.erasures.get_mut(&erased.entry)
        {
            Arc::make_mut(erasure).holders.push(erased.holder.clone());
        }
        if let Some(forget) = &body.forget {
            let forgotten = Arc::new(Forgotten { entry: n, forget: forget.clone() });
            life.forgotten.insert(forget.holder.clone(), forgotten);
        }
    }

    /// Takes the segments out that an entry removes.
    fn retire(&mut self, body: &Body) {
        let Some(removes) = &body.removes else { return };
        let removes: HashSet<&str> = removes.iter().map(String::as_str).collect();
        let base = self.newest_snapshot.as_ref().map_or(0, |newest| newest.segments);
        let (mut at, mut left, mut removed) = (0, 0, Vec::new());
        let (life, paths, rows) = (&mut self.lifecycle, &mut self.paths, &mut self.rows);
        self.segments.retain(|segment| {
            let in_base = at < base;
            at += 1;
            if !removes.contains(segment.path.as_str()) {
                left += usize::from(in_base);
                return true;
            }
            paths.remove(&segment.path);
            *rows -= segment.rows;
            life.removals += 1;
            if in_base {
                removed.push(segment.path.clone());
            }
            let retired = Retired {
                archive: segment.archive.clone(),
                entry: body.n,
                gone: segment.gone.is_some(),
                path: segment.path.clone(),
            };
            life.retired.insert(segment.path.clone(), Arc::new(retired));
            false
        });
        if let Some(newest) = &mut self.newest_snapshot {
            newest.segments = left;
            newest.removed.extend(removed);
        }
    }
}

/// Whether a copy of the trail may have this name.
pub(crate) fn is_copy(name: &str) -> bool {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    name.strip_prefix("copy-").is_some_and(|d| d.len() == 16 && d.bytes().all(hex))
}

/// Whether an archive may have this name.
pub fn is_archive(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=64).contains(&name.len()) && name.bytes().all(plain)
}
