use super::*;
use crate::ledger::ColumnBounds;

const MB: u64 = 1 << 20;

fn segment(n: u64, bytes: u64, times: (i64, i64)) -> Arc<AddedSegment> {
    of_partition("data/month=2026-03", n, bytes, times)
}

fn of_partition(place: &str, n: u64, bytes: u64, (min, max): (i64, i64)) -> Arc<AddedSegment> {
    Arc::new(AddedSegment {
        archive: None,
        batches: 1,
        bytes,
        format: None,
        gone: None,
        key: None,
        max,
        min,
        path: format!("segments/domain={place}/00000000-0000-4000-8000-{n:012}.parquet"),
        root: String::new(),
        rows: bytes / 40 + 1,
        sha256: String::new(),
        stats: ColumnBounds::default(),
    })
}

fn plan(segments: &[Arc<AddedSegment>]) -> CompactPlan {
    CompactPlan::of(segments, false, 256 * MB, (usize::MAX, Seals::Apart))
}

#[test]
fn small_segments_of_a_partition_become_one() {
    let segments: Vec<_> = (0..10).map(|n| segment(n, MB, (n as i64, n as i64))).collect();
    let found = plan(&segments);
    assert_eq!((found.groups.len(), found.untouched), (1, 0));
    let group = &found.groups[0];
    assert_eq!((group.segments, group.bytes, group.times), (10, 10 * MB, (0, 9)));
    assert_eq!((group.domain.as_str(), group.period.as_str()), ("data", "2026-03"));
}

#[test]
fn a_merge_opens_no_more_files_than_it_may() {
    let segments: Vec<_> = (0..10).map(|n| segment(n, MB, (n as i64, n as i64))).collect();
    let found = CompactPlan::of(&segments, false, 256 * MB, (4, Seals::Apart));
    let sizes: Vec<u64> = found.groups.iter().map(|group| group.segments).collect();
    assert_eq!(sizes, [4, 4, 2]);
}

#[test]
fn what_is_large_or_alone_stays() {
    let one = [segment(0, MB, (0, 1))];
    assert_eq!(plan(&one), CompactPlan { groups: vec![], untouched: 1 });
    let large =
        [segment(0, 128 * MB, (0, 1)), segment(1, 300 * MB, (0, 1)), segment(2, MB, (0, 1))];
    assert_eq!(plan(&large), CompactPlan { groups: vec![], untouched: 3 });
    let apart = [
        of_partition("data/month=2026-03", 0, MB, (0, 1)),
        of_partition("data/month=2026-04", 1, MB, (0, 1)),
        of_partition("auth/month=2026-03", 2, MB, (0, 1)),
    ];
    assert!(plan(&apart).groups.is_empty());
    // Large ones are not written anew for the sake of a few rows.
    let tail = [segment(0, 100 * MB, (0, 1)), segment(1, 1000, (2, 2))];
    assert!(plan(&tail).groups.is_empty());
}

#[test]
fn what_merging_cannot_read_stays() {
    let mut segments: Vec<_> = (0..4).map(|n| segment(n, MB, (0, 1))).collect();
    Arc::make_mut(&mut segments[0]).archive = Some("cold".to_owned());
    Arc::make_mut(&mut segments[1]).format = Some("jsonl".to_owned());
    assert_eq!(plan(&segments).groups[0].segments, 2);
}

#[test]
fn what_lost_rows_is_merged_as_far_as_its_sidecars_fit() {
    let mut segments: Vec<_> = (0..6).map(|n| segment(n, MB, (n as i64, n as i64))).collect();
    for cut in &mut segments[..4] {
        let gone = crate::ledger::Sidecar { bytes: SIDECARS / 2, sha256: String::new() };
        Arc::make_mut(cut).gone = Some(gone);
    }
    let found: Vec<u64> = plan(&segments).groups.iter().map(|group| group.segments).collect();
    assert_eq!(found, [2, 4]);
}

#[test]
fn groups_are_no_larger_than_the_target_and_neighbours_in_time() {
    let segments: Vec<_> =
        (0..40).map(|n| segment(n, 20 * MB, (40 - n as i64, 40 - n as i64))).collect();
    let found = plan(&segments);
    assert!(found.groups.len() >= 4);
    let mut last = i64::MIN;
    for group in &found.groups {
        assert!(group.bytes <= 256 * MB && group.segments > 1);
        assert!(group.times.0 > last);
        last = group.times.1;
    }
}

#[test]
fn inputs_that_are_open_together_fit_into_memory() {
    let overlapping: Vec<_> = (0..60).map(|n| segment(n, 4 * MB, (0, 1000))).collect();
    for group in plan(&overlapping).groups {
        assert!(group.inputs.iter().map(|s| held(s)).sum::<u64>() <= OPEN_BUDGET);
    }
    let one_after_the_other: Vec<_> =
        (0..60).map(|n| segment(n, 4 * MB, (n as i64 * 10, n as i64 * 10 + 9))).collect();
    assert_eq!(plan(&one_after_the_other).groups.len(), 1);
}

/// Merges as planned until there is nothing to do, with a file as large as its inputs.
fn settle(segments: &mut Vec<Arc<AddedSegment>>, rewritten: &mut u64, next: &mut u64) {
    loop {
        let groups = plan(segments).groups;
        if groups.is_empty() {
            return;
        }
        for group in groups {
            let gone: Vec<&String> = group.inputs.iter().map(|s| &s.path).collect();
            segments.retain(|s| !gone.contains(&&s.path));
            *rewritten += group.bytes;
            *next += 1;
            segments.push(segment(*next, group.bytes, group.times));
        }
    }
}

#[test]
fn data_is_rewritten_as_often_as_it_doubles() {
    let (mut segments, mut rewritten, mut next) = (Vec::new(), 0, 0);
    let hours = 24 * 30;
    for hour in 0..hours {
        for part in 0..4 {
            next += 1;
            let time = hour * 4 + part;
            segments.push(segment(next, MB, (time, time)));
        }
        settle(&mut segments, &mut rewritten, &mut next);
    }
    let total = hours as u64 * 4 * MB;
    // From 1 MiB to 128 MiB it doubles seven times.
    assert!(rewritten <= 8 * total, "{} times", rewritten / total);
    let small = segments.iter().filter(|s| s.bytes < 128 * MB).count();
    assert!(small <= 8, "{small} small segments");
    let before = segments.clone();
    settle(&mut segments, &mut rewritten, &mut next);
    assert_eq!(segments, before);
}
