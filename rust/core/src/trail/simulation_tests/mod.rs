//! Random histories of a trail in an object store that loses replies, fails before or after it
//! did what it was told, does it later or twice, lists what was there a while ago, and under
//! clocks that jump: whatever happens, nothing acknowledged is lost, doubled or changed.
//!
//! A seed gives the same history again: `SEALTRAIL_SEEDS=17..18 cargo test --release -p
//! sealtrail-core --lib simulated_stores`. Any larger range runs more of them.

pub(super) mod clock;
mod host;
mod rng;
mod store;
mod world;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

const SEEDS: Range<u64> = 0..2000;

fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var("SEALTRAIL_SEEDS") else { return SEEDS };
    let parsed = text
        .split_once("..")
        .and_then(|(from, to)| Some(from.trim().parse().ok()?..to.trim().parse().ok()?));
    parsed.unwrap_or_else(|| panic!("SEALTRAIL_SEEDS={text}: write it as 0..2000"))
}

#[test]
fn simulated_stores_lose_and_repeat_nothing() {
    let seeds = seeds();
    let (next, failed) = (AtomicU64::new(seeds.start), Mutex::new(Vec::new()));
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    if catch_unwind(AssertUnwindSafe(|| world::run(seed))).is_err() {
                        failed.lock().unwrap().push(seed);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} of {seeds:?} failed: seeds {failed:?}", failed.len());
}
