//! What follows from entries about the life of records: which are valid, and what the trail is after
//! them.

use std::collections::HashSet;
use std::sync::Arc;

use data_encoding::HEXLOWER;

use super::entry::{AddedSegment, Body, Kind};
use super::lifecycle::{
    ActiveHold, Condemned, Erasure, Forgotten, JSONL, Lifecycle, Orphan, PinnedPolicy, Retired,
    is_archive, is_copy, key_fits,
};
use super::paths::is_segment_path;
use super::state::{InvalidEntry, State, invalid};

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
