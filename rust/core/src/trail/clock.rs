//! The clock by which epochs end. Their keys only move forward, so a wall clock that jumps far
//! ahead must not take them along.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::now_micros;

const DAY: i64 = 86_400_000_000;
/// How far the wall clock may run ahead of the time that passed in this process. A machine that
/// slept for longer only ends its epochs later.
const TOLERANCE: i64 = DAY;
/// No writer is away for longer, or for two epochs where those are longer still.
const LONGEST_ABSENCE: i64 = 10 * 366 * DAY;

#[derive(Debug)]
pub(super) struct Clock {
    /// Wall clock at `since`, in microseconds.
    wall: i64,
    since: Instant,
    told: AtomicBool,
}

impl Clock {
    /// For a writer whose present epoch and the one after it began at these times, in microseconds
    /// since 1970.
    pub(super) fn start(begun: i64, next: i64) -> Self {
        let wall = started(now_micros(), begun, next);
        Self { wall, since: Instant::now(), told: AtomicBool::new(false) }
    }

    /// Microseconds since 1970 as far as they can be believed.
    pub(super) fn now(&self) -> i64 {
        believed(now_micros(), self.steady())
    }

    /// How far the wall clock is ahead of what can be believed, in seconds; told once.
    pub(super) fn jump(&self) -> Option<i64> {
        let ahead = now_micros() - self.now();
        (ahead > 0 && !self.told.swap(true, Ordering::Relaxed)).then_some(ahead / 1_000_000)
    }

    fn steady(&self) -> i64 {
        let passed = i64::try_from(self.since.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.wall.saturating_add(passed)
    }
}

fn started(wall: i64, begun: i64, next: i64) -> i64 {
    let absence = LONGEST_ABSENCE.max(next.saturating_sub(begun).saturating_mul(2));
    if wall > begun.saturating_add(absence) { begun } else { wall }
}

fn believed(wall: i64, steady: i64) -> i64 {
    if wall > steady.saturating_add(TOLERANCE) { steady } else { wall }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_is_not_believed_and_a_correction_is() {
        let steady = 1_800_000_000_000_000;
        for (wall, now) in [
            (steady, steady),
            (steady + TOLERANCE, steady + TOLERANCE),
            (steady + TOLERANCE + 1, steady),
            (i64::MAX, steady),
            (steady - 400 * DAY, steady - 400 * DAY),
        ] {
            assert_eq!(believed(wall, steady), now, "{wall}");
        }
        let begun = steady - LONGEST_ABSENCE;
        assert_eq!(started(steady, begun, begun + DAY), steady);
        assert_eq!(started(steady + 1, begun, begun + DAY), begun);
        assert_eq!(started(steady + 1, begun, steady), steady + 1);
    }

    #[test]
    fn a_jump_is_told_once() {
        let begun = now_micros() - 11 * 366 * DAY;
        let clock = Clock::start(begun, begun + DAY);
        assert!(clock.jump().unwrap() > 10 * 366 * 86_400);
        assert_eq!(clock.jump(), None);
        assert_eq!(Clock::start(now_micros(), now_micros()).jump(), None);
    }
}
