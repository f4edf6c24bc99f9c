#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use proptest::prelude::*;
use sealtrail_core::ledger::AddedSegment;

use super::slices;
use crate::search::Window;

fn segment(min: i64, max: i64, rows: u64) -> Arc<AddedSegment> {
    Arc::new(AddedSegment {
        archive: None,
        batches: 1,
        bytes: 1,
        format: None,
        gone: None,
        key: None,
        max,
        min,
        path: String::new(),
        root: String::new(),
        rows,
        sha256: String::new(),
        stats: Default::default(),
    })
}

#[test]
fn slices_begin_small_and_grow() {
    let segments = [segment(0, 999_999_999, 10_000_000)];
    for descending in [false, true] {
        let slices = slices(&segments, Window::default(), descending);
        assert_eq!(slices.len(), 27, "{slices:?}");
        let first = slices[0];
        let rows = match descending {
            false => first.until.unwrap(),
            true => 1_000_000_000 - first.since.unwrap(),
        };
        assert_eq!(rows, 3_000_000, "30,000 rows are 0.3 % of the time");
    }
}

#[test]
fn few_rows_are_one_slice() {
    let window = Window { since: Some(5), until: None };
    assert_eq!(slices(&[], window, false), [window]);
    assert_eq!(slices(&[segment(0, 100, 20_000)], window, true), [window]);
    let moment = [segment(7, 7, 1_000_000), segment(7, 7, 1_000_000)];
    assert_eq!(slices(&moment, Window::default(), false), [Window::default()]);
}

proptest! {
    #[test]
    fn slices_are_the_window_in_order(
        segments in prop::collection::vec((0..1000_i64, 0..1000_i64, 1..3_000_000_u64), 0..8),
        since in prop::option::of(-10..1500_i64),
        length in prop::option::of(1..1500_i64),
        descending: bool,
    ) {
        let segments: Vec<_> =
            segments.into_iter().map(|(min, long, rows)| segment(min, min + long, rows)).collect();
        let until = length.map(|length| since.unwrap_or(0) + length);
        let window = Window { since, until };
        let mut slices = slices(&segments, window, descending);
        if descending {
            slices.reverse();
        }
        prop_assert_eq!(slices[0].since, window.since);
        prop_assert_eq!(slices[slices.len() - 1].until, window.until);
        for pair in slices.windows(2) {
            prop_assert_eq!(pair[0].until, pair[1].since);
            prop_assert!(pair[0].until.is_some());
        }
        for slice in &slices {
            if let (Some(since), Some(until)) = (slice.since, slice.until) {
                prop_assert!(since < until, "{:?}", slices);
            }
        }
    }
}
