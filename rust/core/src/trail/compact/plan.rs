//! Which segments to merge: small ones of a partition, such that each row is rewritten a number of
//! times that grows with the logarithm of the data only.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde::Serialize;

use crate::ledger::AddedSegment;
use crate::segment::merge::MAX_BATCHES;

/// Smaller segments count as large as this: below it, files cost more than their bytes.
const LEAST: u64 = 1 << 20;
/// Most segments that are merged into one at a time.
const MOST_INPUTS: usize = 1000;
/// What inputs whose times overlap may take of memory while they are read, in bytes.
const OPEN_BUDGET: u64 = 256 << 20;
/// Bytes of memory that a byte of a segment becomes, and rows of an input that are held at a time.
const UNPACKED: u64 = 14;
const HELD_ROWS: u64 = 30_000;
/// What sidecars of inputs may take of memory, in bytes: all of them are held.
const SIDECARS: u64 = 64 << 20;

/// Segments of one partition that are to become one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Domain of the rows.
    pub domain: String,
    /// Month or day of the rows' timestamps.
    pub period: String,
    /// Number of segments.
    pub segments: u64,
    /// Their rows.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Earliest and latest `timestamp`, in microseconds since 1970, UTC.
    pub times: (i64, i64),
    #[serde(skip)]
    pub(crate) inputs: Vec<Arc<AddedSegment>>,
}

/// What of encryption decides which segments are merged with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seals {
    /// What is encrypted stays apart from what is not.
    Apart,
    /// Everything that is merged is encrypted.
    Mixed,
    /// So it is, and what is in the clear is written anew even where it need not be merged.
    Everything,
}

impl Group {
    fn of((domain, period): (&str, &str), inputs: Vec<Arc<AddedSegment>>) -> Self {
        Self {
            domain: domain.to_owned(),
            period: period.to_owned(),
            segments: inputs.len() as u64,
            rows: inputs.iter().map(|s| s.rows).sum(),
            bytes: inputs.iter().map(|s| s.bytes).sum(),
            times: (
                inputs.iter().map(|s| s.min).min().unwrap_or_default(),
                inputs.iter().map(|s| s.max).max().unwrap_or_default(),
            ),
            inputs,
        }
    }
}

/// Groups segments that move to an archive, by partition: neighbours in time go together, as many as
/// make a finished segment.
pub(super) fn for_archive(
    partitions: BTreeMap<(&str, &str), Vec<&Arc<AddedSegment>>>,
    target: u64,
    most: usize,
) -> Vec<Group> {
    let mut groups = Vec::new();
    for (partition, segments) in partitions {
        let together = in_order(segments, target, most).into_iter();
        groups.extend(together.map(|inputs| Group::of(partition, inputs)));
    }
    groups
}

/// What a compaction would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CompactPlan {
    /// What is merged, in the order of domains, periods and times.
    pub groups: Vec<Group>,
    /// Segments that stay as they are.
    pub untouched: u64,
}

impl CompactPlan {
    /// Rows that are rewritten.
    pub fn rows(&self) -> u64 {
        self.groups.iter().map(|group| group.rows).sum()
    }

    /// For a trail's live segments; `target` is the size of a finished segment in bytes, `most` how
    /// many segments are merged into one at a time.
    pub(crate) fn of(
        segments: &[Arc<AddedSegment>],
        by_day: bool,
        target: u64,
        (most, sealing): (usize, Seals),
    ) -> Self {
        let mut partitions: BTreeMap<((&str, &str), bool), Vec<&Arc<AddedSegment>>> =
            BTreeMap::new();
        for segment in segments.iter().filter(|s| is_movable(s)) {
            if let Some(partition) = segment.partition(by_day) {
                let apart = sealing == Seals::Apart && segment.key.is_some();
                partitions.entry((partition, apart)).or_default().push(segment);
            }
        }
        let mut groups = Vec::new();
        for (((domain, period), _), segments) in partitions {
            let chosen = worth_merging(segments.clone(), target);
            let mut cuts = cut(chosen, target, most);
            if sealing == Seals::Everything {
                let merged: HashSet<&str> =
                    cuts.iter().flatten().map(|s| s.path.as_str()).collect();
                let plain = segments.into_iter().filter(|s| s.key.is_none());
                let alone = plain.filter(|s| !merged.contains(s.path.as_str()));
                let alone: Vec<_> = alone.map(|segment| vec![Arc::clone(segment)]).collect();
                cuts.extend(alone);
            }
            for inputs in cuts {
                groups.push(Group::of((domain, period), inputs));
            }
        }
        let merged: u64 = groups.iter().map(|group| group.segments).sum();
        Self { groups, untouched: segments.len() as u64 - merged }
    }
}

/// Whether a segment is one that merging can read and that stays in the trail's own store.
fn is_movable(segment: &AddedSegment) -> bool {
    segment.archive.is_none() && segment.format.is_none()
}

fn weight(segment: &AddedSegment) -> u64 {
    segment.bytes.max(LEAST)
}

/// Whether the largest is no larger than the others together: then merging makes the segment that
/// any of the rows is in at least twice as large.
fn doubles(segments: &[Arc<AddedSegment>]) -> bool {
    let largest = segments.iter().map(|s| weight(s)).max().unwrap_or_default();
    segments.len() > 1 && largest <= segments.iter().map(|s| weight(s)).sum::<u64>() - largest
}

/// The small segments of a partition up to the largest that the smaller ones outweigh.
fn worth_merging(mut segments: Vec<&Arc<AddedSegment>>, target: u64) -> Vec<&Arc<AddedSegment>> {
    segments.retain(|segment| segment.bytes < target / 2);
    segments.sort_by(|a, b| (a.bytes, &a.path).cmp(&(b.bytes, &b.path)));
    let (mut smaller, mut count) = (0, 0);
    for (at, segment) in segments.iter().enumerate() {
        if at > 0 && weight(segment) <= smaller {
            count = at + 1;
        }
        smaller += weight(segment);
    }
    segments.truncate(count);
    segments
}

/// Cuts what is to be merged into groups that each become one segment, as far as that pays.
fn cut(segments: Vec<&Arc<AddedSegment>>, target: u64, most: usize) -> Vec<Vec<Arc<AddedSegment>>> {
    let mut groups = in_order(segments, target, most);
    groups.retain(|group| doubles(group));
    groups
}

/// Groups of neighbours in time, each as large as one segment may be.
fn in_order(
    mut segments: Vec<&Arc<AddedSegment>>,
    target: u64,
    most: usize,
) -> Vec<Vec<Arc<AddedSegment>>> {
    let most = most.clamp(2, MOST_INPUTS);
    segments.sort_by(|a, b| (a.min, &a.path).cmp(&(b.min, &b.path)));
    let mut groups = Vec::new();
    let mut group: Vec<Arc<AddedSegment>> = Vec::new();
    for segment in segments {
        if group.len() >= most || !fits(&group, segment, target) {
            groups.push(std::mem::take(&mut group));
        }
        group.push(Arc::clone(segment));
    }
    groups.push(group);
    groups.retain(|group| !group.is_empty());
    groups
}

fn fits(group: &[Arc<AddedSegment>], next: &AddedSegment, target: u64) -> bool {
    let bytes: u64 = group.iter().map(|s| s.bytes).sum();
    let batches: u64 = group.iter().map(|s| s.batches).sum();
    let sidecars: u64 = group.iter().map(|s| sidecar(s)).sum();
    let open = group.iter().filter(|s| s.max >= next.min).map(|s| held(s)).sum::<u64>();
    group.is_empty()
        || (bytes + next.bytes <= target
            && batches + next.batches <= MAX_BATCHES as u64
            && sidecars + sidecar(next) <= SIDECARS
            && open + held(next) <= OPEN_BUDGET)
}

fn sidecar(segment: &AddedSegment) -> u64 {
    segment.gone.as_ref().map_or(0, |gone| gone.bytes)
}

/// About how much memory reading a segment takes.
fn held(segment: &AddedSegment) -> u64 {
    let row = segment.bytes * UNPACKED / segment.rows.max(1);
    (segment.bytes * UNPACKED).min(row * HELD_ROWS)
}

#[cfg(test)]
mod tests;
