//! Generated ids and the recorder's time: one non-decreasing sequence.

use crate::Result;
use crate::keys;

/// When and as which generated id an event is recorded.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    /// `recorded_at` in microseconds since 1970, UTC.
    pub recorded_at: i64,
    /// Milliseconds since 1970 times 4096, plus the counter within the millisecond.
    position: u64,
    /// Of which 62 bits are the random part of the ids.
    random: u64,
}

impl Stamp {
    /// `audit_evt_` and the UUIDv7 of this stamp.
    pub fn audit_id(&self) -> String {
        let (millis, counter) = (self.position >> 12, self.position & 0xfff);
        let high = (millis << 16) | 0x7000 | (self.random >> 52);
        let low = 0x8000_0000_0000_0000 | (self.random & 0x3_ffff_ffff_ffff) << 12 | counter;
        format!(
            "audit_evt_{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        )
    }
}

/// Hands out stamps that never decrease.
#[derive(Debug)]
pub struct IdSource {
    next: u64,
    last: i64,
    random: u64,
}

impl IdSource {
    /// A source with a fresh random part, for a writer whose newest `recorded_at` is `last`.
    ///
    /// # Errors
    /// `Key` if the system has no random bytes.
    pub fn new(last: i64) -> Result<Self> {
        let random = u64::from_be_bytes(keys::random::<8>()?);
        // Begin after the last millisecond in use, so that no id can repeat.
        let next = ((last.max(0) as u64) / 1000 + 1) << 12;
        Ok(Self { next: if last > 0 { next } else { 0 }, last, random })
    }

    /// A stamp for one event recorded at `now` (microseconds).
    pub fn stamp(&mut self, now: i64) -> Stamp {
        let position = self.next.max((now.max(0) as u64 / 1000) << 12);
        self.next = position + 1;
        self.last = self.last.max(now).max(millis(position));
        Stamp { recorded_at: self.last, position, random: self.random }
    }

    /// Stamps for `count` events of one bulk load.
    pub fn reserve(&mut self, count: u64, now: i64) -> StampRange {
        // A whole millisecond is begun, so that every `recorded_at` is its id's time.
        let from = self.next.max((self.last.max(now).max(0) as u64).div_ceil(1000) << 12);
        self.next = from + count;
        self.last = self.last.max(millis(from + count.saturating_sub(1)));
        StampRange { from, random: self.random }
    }
}

/// A reserved run of stamps.
#[derive(Debug, Clone, Copy)]
pub struct StampRange {
    from: u64,
    random: u64,
}

impl StampRange {
    /// The stamp of the event at `index` of the run.
    pub fn get(&self, index: u64) -> Stamp {
        let position = self.from + index;
        Stamp { recorded_at: millis(position), position, random: self.random }
    }
}

fn millis(position: u64) -> i64 {
    (position >> 12) as i64 * 1000
}
