//! The write-ahead log against its peer: a bare append and fdatasync of the same bytes.
//!
//! `cargo bench -p sealtrail-core --bench wal [FOLDER]` (default: a temporary folder below the
//! working one, since `/tmp` may be memory).

use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use sealtrail_core::keys::{HmacKey, Secret};
use sealtrail_core::wal::{Wal, WalOptions, recover};

const ROUNDS: usize = 5;
const APPENDS: usize = 600;
const THREADS: usize = 32;
const PER_THREAD: usize = 150;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let base = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let dir = tempfile::tempdir_in(base.map_or_else(|| PathBuf::from("."), PathBuf::from))?;
    for size in [256, 640] {
        single(dir.path(), size)?;
    }
    many(dir.path(), 640)
}

/// p50 of one thread. Log and peer take turns append by append, so that both meet the same disk.
fn single(dir: &Path, size: usize) -> Outcome<()> {
    let record = vec![b'x'; size];
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let wal = open(&dir.join(format!("single-{size}-{round}")))?;
        let mut peer = File::create(dir.join(format!("bare-{size}-{round}")))?;
        for _ in 0..APPENDS {
            bare.push(timed(|| Ok(peer.write_all(&record).and_then(|()| peer.sync_data())?))?);
            ours.push(timed(|| Ok(wal.append(None, &record).map(drop)?))?);
        }
    }
    let (ours, bare) = (median(&mut ours), median(&mut bare));
    println!(
        "append of {size} B, one thread: p50 {:.1} us; bare append + fdatasync {:.1} us; ratio {:.2}",
        micros(ours),
        micros(bare),
        ours.as_secs_f64() / bare.as_secs_f64()
    );
    Ok(())
}

/// Appends a second of many threads against one, round by round.
fn many(dir: &Path, size: usize) -> Outcome<()> {
    let (mut one, mut all) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let wal = open(&dir.join(format!("one-{round}")))?;
        one.push(rate(&wal, 1, APPENDS, size)?);
        let wal = open(&dir.join(format!("all-{round}")))?;
        all.push(rate(&wal, THREADS, PER_THREAD, size)?);
    }
    one.sort_by(f64::total_cmp);
    all.sort_by(f64::total_cmp);
    let (one, all) = (one[ROUNDS / 2], all[ROUNDS / 2]);
    println!(
        "durable appends of {size} B: {one:.0}/s with one thread, {all:.0}/s with {THREADS}; ratio {:.1}",
        all / one
    );
    Ok(())
}

fn open(dir: &Path) -> Outcome<Wal> {
    let recovered = recover(dir, &|_| Ok(None), 0)?;
    let key = HmacKey::new(Secret::generate()?);
    Ok(Wal::start(dir, &recovered, 1, key, WalOptions::default())?)
}

fn rate(wal: &Wal, threads: usize, appends: usize, size: usize) -> Outcome<f64> {
    let record = vec![b'x'; size];
    let start = Barrier::new(threads + 1);
    let took = std::thread::scope(|scope| -> Outcome<Duration> {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    (0..appends).try_for_each(|_| wal.append(None, &record).map(drop))
                })
            })
            .collect();
        start.wait();
        let begun = Instant::now();
        for worker in workers {
            worker.join().map_err(|_| "a thread panicked")??;
        }
        Ok(begun.elapsed())
    })?;
    Ok((threads * appends) as f64 / took.as_secs_f64())
}

fn timed(work: impl FnOnce() -> Outcome<()>) -> Outcome<Duration> {
    let begun = Instant::now();
    work()?;
    Ok(begun.elapsed())
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
