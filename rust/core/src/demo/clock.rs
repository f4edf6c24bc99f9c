//! When events happen: an exact number of non-decreasing times with the rhythm of a workplace.

use super::rng::Rng;

const HOUR_MS: i64 = 3_600_000;

/// Relative load of the 24 hours (UTC) of a working day; 2 o'clock has the nightly jobs.
const WORKDAY: [u32; 24] = [
    14, 12, 30, 16, 12, 16, 34, 64, 104, 132, 138, 126, 92, 118, 134, 130, 116, 84, 52, 34, 26, 22,
    18, 16,
];

/// The same for Saturday and Sunday.
const WEEKEND: [u32; 24] =
    [10, 10, 30, 14, 9, 9, 10, 12, 16, 20, 22, 22, 20, 20, 20, 20, 18, 16, 14, 14, 12, 12, 10, 10];

/// Events of a cell: two or three sessions' worth, so that a burst has room for whole ones.
const CELL: u64 = 64;

/// More than this between two events and a session would crawl: then events come in bursts.
const SPARSE_GAP_MS: i64 = 30_000;

/// Draws sorted times cell by cell: each cell is an equal share of the load, its times are
/// uniform within it, so the whole looks like independent arrivals and still ends on time.
#[derive(Debug)]
pub(super) struct Clock {
    start: i64,
    end: i64,
    /// Load before each hour since `start`; the last element is the whole.
    load: Vec<f64>,
    events: u64,
    drawn: u64,
    /// Times of the current cell, latest first.
    cell: Vec<i64>,
}

impl Clock {
    /// `events` times in the `days` days before `end` (milliseconds since 1970).
    pub(super) fn new(events: u64, end: i64, days: u32, rng: &mut Rng) -> Self {
        let hours = i64::from(days) * 24;
        let start = end - hours * HOUR_MS;
        let mut load = Vec::with_capacity(hours as usize + 1);
        let mut sum = 0.0;
        let mut day_factor = 1.0;
        load.push(sum);
        for hour in 0..hours {
            let at = (start + hour * HOUR_MS).div_euclid(HOUR_MS);
            if at.rem_euclid(24) == 0 {
                day_factor = 0.88 + 0.24 * rng.unit();
            }
            // 1970-01-01 was a Thursday: day numbers 2 and 3 (mod 7) are weekends.
            let weekend = matches!(at.div_euclid(24).rem_euclid(7), 2 | 3);
            let table = if weekend { &WEEKEND } else { &WORKDAY };
            let weight = f64::from(table[at.rem_euclid(24) as usize]);
            sum += weight * day_factor * (0.85 + 0.3 * rng.unit());
            load.push(sum);
        }
        Self { start, end, load, events, drawn: 0, cell: Vec::new() }
    }

    /// The next time; None after `events` of them.
    pub(super) fn next(&mut self, rng: &mut Rng) -> Option<i64> {
        if self.cell.is_empty() {
            self.fill(rng);
        }
        self.cell.pop()
    }

    /// How many times are still to come.
    pub(super) fn remaining(&self) -> u64 {
        self.events - self.drawn + self.cell.len() as u64
    }

    fn fill(&mut self, rng: &mut Rng) {
        let count = CELL.min(self.events - self.drawn);
        let whole = self.load.last().copied().unwrap_or(0.0);
        let low = whole * (self.drawn as f64 / self.events as f64);
        self.drawn += count;
        let high = whole * (self.drawn as f64 / self.events as f64);
        let (from, to) = (self.time_at(low), self.time_at(high));
        let burst = count as i64 * SPARSE_GAP_MS;
        if to - from > burst {
            let anchor = self.time_at(low + (high - low) * rng.unit());
            let anchor = anchor.min(to - burst);
            self.cell.extend((0..count).map(|_| anchor + rng.below(burst as u64) as i64));
        } else {
            for _ in 0..count {
                let at = self.time_at(low + (high - low) * rng.unit());
                self.cell.push(at.clamp(from, to));
            }
        }
        self.cell.sort_unstable_by(|a, b| b.cmp(a));
    }

    /// The time before which `load` of the work is done.
    fn time_at(&self, load: f64) -> i64 {
        let hour = self.load.partition_point(|before| *before <= load).saturating_sub(1);
        let Some(next) = self.load.get(hour + 1) else { return self.end };
        let share = (load - self.load[hour]) / (next - self.load[hour]);
        self.start + hour as i64 * HOUR_MS + (share * HOUR_MS as f64) as i64
    }
}
