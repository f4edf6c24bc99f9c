//! Deep verification of a generated trail, in events a second, and incremental verification.
//!
//! `cargo bench -p sealtrail-core --bench verify [EVENTS [THREADS]]`: 1,000,000 events and two
//! threads unless said otherwise. Set `SEALTRAIL_BENCH_TRAIL` to a folder to keep the trail there
//! for the next run.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use sealtrail_core::config::{Config, Home};
use sealtrail_core::demo;
use sealtrail_core::pins::Pins;
use sealtrail_core::trail::{InitOptions, LoadOptions, OpenOptions, Settings, Trail, init};
use sealtrail_core::verify::{Level, Options, Pinning, Report, Trust, verify, verify_pinned};

const ROUNDS: usize = 5;
const NEW_EVENTS: u64 = 1000;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let numbers: Vec<u64> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    let events = numbers.first().copied().unwrap_or(1_000_000);
    let threads = numbers.get(1).map_or(Ok(2), |&n| usize::try_from(n))?;
    let temporary = tempfile::tempdir()?;
    let kept = std::env::var_os("SEALTRAIL_BENCH_TRAIL").map(PathBuf::from);
    let dir = kept.as_deref().unwrap_or(temporary.path());
    sealtrail_core::runtime()?.block_on(measure(dir, events, threads))
}

async fn measure(dir: &Path, events: u64, threads: usize) -> Outcome<()> {
    let trail = open(dir, events).await?;
    let owner = trail.owner_key()?;
    let trust = Trust { secret: Some(owner.clone()), ..Trust::owner(owner.public()) };
    for level in [Level::Quick, Level::Deep] {
        let options = Options { level, threads, ..Options::default() };
        let mut best = f64::INFINITY;
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            let cancel = Arc::new(AtomicBool::new(false));
            let report = verify(trail.storage(), &trust, &options, &|_| {}, &cancel).await?;
            best = best.min(begun.elapsed().as_secs_f64());
            if !report.findings.is_empty() {
                return Err(format!("{:#?}", report.findings).into());
            }
        }
        println!(
            "{level:?} verification, {threads} threads: {:.0} events/s ({events} in {best:.3} s)",
            events as f64 / best
        );
    }
    println!("peak memory: {}", peak_memory().unwrap_or_default());
    incremental(&trail, &trust, dir, threads).await
}

/// Everything once, then only what is new: so many events.
async fn incremental(trail: &Trail, trust: &Trust, dir: &Path, threads: usize) -> Outcome<()> {
    let home = tempfile::tempdir_in(dir)?;
    let pins = Some(Pins::of(&Home::at(home.path())));
    let pinning = Pinning { pins, since_last: true, ..Pinning::default() };
    let verified = async || -> Outcome<(f64, Report)> {
        let options = Options { threads, ..Options::default() };
        let (cancel, storage) = (Arc::new(AtomicBool::new(false)), trail.storage());
        let begun = Instant::now();
        let report =
            verify_pinned(storage, trust.clone(), options, &pinning, &|_| {}, &cancel).await?;
        match report.findings.is_empty() {
            true => Ok((begun.elapsed().as_secs_f64(), report)),
            false => Err(format!("{:#?}", report.findings).into()),
        }
    };
    let (full, all) = verified().await?;
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        add(trail).await?;
        let (seconds, report) = verified().await?;
        if report.checked.records != NEW_EVENTS {
            return Err(format!("{} records were looked at", report.checked.records).into());
        }
        best = best.min(seconds);
    }
    println!(
        "incremental: {NEW_EVENTS} new events after {} in {:.0} ms; all of them took {:.0} ms",
        all.checked.records,
        best * 1e3,
        full * 1e3
    );
    Ok(())
}

async fn add(trail: &Trail) -> Outcome<()> {
    let line = "{\"event_type\":\"data.file_read\",\"resource\":{\"path\":\"/srv/new\"}}\n";
    let lines = line.repeat(usize::try_from(NEW_EVENTS)?);
    let input = Box::new(std::io::Cursor::new(lines.into_bytes()));
    trail.load(input, &LoadOptions::default()).await?;
    trail.close(true).await?;
    Ok(())
}

async fn open(dir: &Path, events: u64) -> Outcome<Trail> {
    let url = dir.join(format!("trail-{events}")).display().to_string();
    let home = Home::at(&dir.join("home"));
    let fresh = !Path::new(&url).exists();
    if fresh {
        init(&url, &InitOptions::new(home.clone())).await?;
    }
    let settings = Settings::from_config(&Config::default(), &url);
    let trail = Trail::open(&url, OpenOptions::new(home, settings)).await?;
    if fresh {
        let end = chrono::DateTime::parse_from_rfc3339("2026-03-01T00:00:00Z")?.to_utc();
        let mut generator = demo::Generator::new(demo::Options::new(events, end))?;
        let mut lines = Vec::new();
        while generator.write_line(&mut lines) {}
        println!("{:.0} bytes an event", lines.len() as f64 / events as f64);
        let input = Box::new(std::io::Cursor::new(lines));
        trail.load(input, &LoadOptions::default()).await?;
        trail.close(true).await?;
    }
    Ok(trail)
}

/// Linux only; nothing elsewhere.
fn peak_memory() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    Some(line.trim_start_matches("VmHWM:").trim().to_owned())
}
