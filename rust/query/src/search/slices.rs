//! Time in slices, so that the first results come without reading everything.
//!
//! A search in the order of time runs slice after slice. The ledger says how many rows each
//! segment has between which times; from that, the first slice is about [`FIRST`] rows, and each
//! further one four times as large up to [`MOST`]. Every slice is sorted by itself, and the
//! segments outside of it are not opened.

use std::sync::Arc;

use sealtrail_core::ledger::AddedSegment;

use super::Window;

/// Rows that the first slice is meant to have.
const FIRST: f64 = 30_000.0;
/// Rows that no slice is meant to exceed.
const MOST: f64 = 4_000_000.0;

/// Windows that together are `window`, in the order in which they are read. Rows are taken to be
/// spread evenly over the times of their segment.
pub(crate) fn slices(
    segments: &[Arc<AddedSegment>],
    window: Window,
    descending: bool,
) -> Vec<Window> {
    let low = window.since.unwrap_or(i64::MIN);
    let high = window.until.unwrap_or(i64::MAX);
    let mut cuts = Vec::new();
    let (mut target, mut rows) = (FIRST, 0.0);
    let mut pieces = pieces(segments);
    if descending {
        pieces.reverse();
    }
    for (from, to, density) in pieces {
        let (from, to) = (from.max(low), to.min(high));
        if from >= to {
            continue;
        }
        // Walks through the piece from its near end.
        let mut left = span(from, to) * density;
        let mut at = if descending { to } else { from };
        while rows + left > target {
            let step = ((target - rows) / density).ceil().max(1.0);
            #[allow(clippy::cast_possible_truncation)]
            let step = step as i64;
            at = if descending { at.saturating_sub(step) } else { at.saturating_add(step) };
            if at <= from || at >= to {
                break;
            }
            cuts.push(at);
            left = if descending { span(from, at) } else { span(at, to) } * density;
            rows = 0.0;
            target = (target * 4.0).min(MOST);
        }
        rows += left;
    }
    between(&cuts, window, descending)
}

fn span(from: i64, to: i64) -> f64 {
    // A guess needs no more digits than a double has.
    #[allow(clippy::cast_precision_loss)]
    let span = to.saturating_sub(from) as f64;
    span
}

/// The times between any two bounds of segments, with rows a microsecond, in the order of time.
fn pieces(segments: &[Arc<AddedSegment>]) -> Vec<(i64, i64, f64)> {
    let mut bounds: Vec<(i64, f64)> = Vec::with_capacity(segments.len() * 2);
    for segment in segments {
        let end = segment.max.saturating_add(1);
        #[allow(clippy::cast_precision_loss)]
        let density = segment.rows as f64 / span(segment.min, end).max(1.0);
        bounds.extend([(segment.min, density), (end, -density)]);
    }
    bounds.sort_by_key(|(time, _)| *time);
    let mut density = 0.0;
    bounds
        .windows(2)
        .filter_map(|pair| {
            density += pair[0].1;
            (pair[0].0 < pair[1].0 && density > 1e-12).then_some((pair[0].0, pair[1].0, density))
        })
        .collect()
}

fn between(cuts: &[i64], window: Window, descending: bool) -> Vec<Window> {
    let mut slices = Vec::with_capacity(cuts.len() + 1);
    let mut rest = window;
    for cut in cuts {
        if descending {
            slices.push(Window { since: Some(*cut), until: rest.until });
            rest.until = Some(*cut);
        } else {
            slices.push(Window { since: rest.since, until: Some(*cut) });
            rest.since = Some(*cut);
        }
    }
    slices.push(rest);
    slices
}

#[cfg(test)]
#[path = "slices_tests.rs"]
mod tests;
