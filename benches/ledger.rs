//! A trail of many small ledger entries: opening it, checking its ledger, committing one more.
//!
//! `cargo bench -p sealtrail-core --bench ledger [ENTRIES]`: 10,000 entries unless said otherwise.
//! Set `SEALTRAIL_BENCH_TRAIL` to a folder to keep the trail there for the next run (a memory file
//! system such as `/dev/shm` makes it in a tenth of the time).
//!
//! Beside each figure stands a reference of the same run, for machines differ: for opening, what no
//! way of opening can save (listing the folder, reading and hashing the snapshot files); for the
//! ledger's check, as many Ed25519 verifications as entries hold signatures, and as many reads.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ed25519_dalek::{Signer, SigningKey};
use rayon::prelude::*;
use sealtrail_core::config::{Config, Home};
use sealtrail_core::record::Strictness;
use sealtrail_core::trail::{InitOptions, OpenOptions, Settings, Trail, init};
use sealtrail_core::verify::{Level, Options, Progress, Trust, verify};
use sealtrail_core::wal::SyncMode;
use sha2::{Digest, Sha256};

const OPENINGS: usize = 10;
const COMMITS: usize = 40;
const THREADS: usize = 2;
/// Short, so that a writer that commits without a pause has as many batches an epoch as one that
/// commits every few seconds has in an hour.
const EPOCH_SECONDS: u64 = 5;
/// An entry's own signature and that of its checkpoint.
const SIGNATURES: usize = 2;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let entries = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(10_000);
    let temporary = tempfile::tempdir()?;
    let kept = std::env::var_os("SEALTRAIL_BENCH_TRAIL").map(PathBuf::from);
    let dir = kept.as_deref().unwrap_or(temporary.path());
    sealtrail_core::runtime()?.block_on(measure(dir, entries))
}

async fn measure(dir: &Path, entries: u64) -> Outcome<()> {
    make(dir, entries).await?;
    let (mut opened, mut kept) = (Vec::new(), Vec::new());
    let before = cpu_time();
    for _ in 0..OPENINGS {
        let begun = Instant::now();
        kept.push(open(dir, entries).await?);
        opened.push(begun.elapsed());
    }
    let opening = cpu_time().saturating_sub(before) / u32::try_from(OPENINGS)?;
    drop(kept);
    let trail = open(dir, entries).await?;
    let state = trail.view().await?.state.clone();
    let newest = snapshots(&ledger(&trail)?)?.last().map_or(0, |(n, _)| *n);
    let (size, after) = (state.size(), state.size() - newest);
    println!("{size} entries, {} segments, {after} since a snapshot", state.segments.len());
    let least = repeated(|| list_and_hash(&ledger(&trail)?))?;
    print("open", &mut opened, least);
    println!("open: {:.1} ms of CPU time, all threads", opening.as_secs_f64() * 1e3);
    drop(state);
    commit(&trail).await?;
    check(&trail).await?;
    Ok(())
}

/// One commit more, with a reader that looks at the trail after each, and without.
async fn commit(trail: &Trail) -> Outcome<()> {
    let fsyncs = repeated(|| Ok(std::fs::write(ledger(trail)?.join("../probe"), [0; 2048])?))?;
    for looking in [false, true] {
        let mut times = Vec::new();
        append(trail).await?;
        for _ in 0..COMMITS {
            let begun = Instant::now();
            append(trail).await?;
            if looking {
                trail.view().await?;
            }
            times.push(begun.elapsed());
        }
        print(if looking { "commit and look" } else { "commit" }, &mut times, fsyncs);
    }
    let mut looks = Vec::new();
    for _ in 0..COMMITS {
        let begun = Instant::now();
        trail.view().await?;
        looks.push(begun.elapsed());
    }
    print("look", &mut looks, fsyncs);
    std::fs::remove_file(ledger(trail)?.join("../probe"))?;
    trail.close(true).await?;
    Ok(())
}

/// The quick level; what it does before it comes to the segments is the ledger's part.
async fn check(trail: &Trail) -> Outcome<()> {
    let size = trail.view().await?.size();
    let owner = trail.owner_key()?;
    let trust = Trust { secret: Some(owner.clone()), ..Trust::owner(owner.public()) };
    let options = Options { level: Level::Quick, threads: THREADS, ..Options::default() };
    let (begun, cpu) = (Instant::now(), cpu_time());
    let at_segments: Mutex<Option<(Duration, Duration)>> = Mutex::new(None);
    let progress = |progress: Progress| {
        if progress.of_segments > 0 {
            let mut at = at_segments.lock().unwrap_or_else(PoisonError::into_inner);
            at.get_or_insert_with(|| (begun.elapsed(), cpu_time()));
        }
    };
    let cancel = Arc::new(AtomicBool::new(false));
    let report = verify(trail.storage(), &trust, &options, &progress, &cancel).await?;
    let all = begun.elapsed();
    if report.verdict.exit_code() != 0 || report.checked.entries != size {
        return Err(format!("{:#?}", report.findings).into());
    }
    let at = *at_segments.lock().unwrap_or_else(PoisonError::into_inner);
    let (ledger_part, cpu_after) = at.unwrap_or((all, cpu_time()));
    println!("check: {:.2} s of CPU time", cpu_after.saturating_sub(cpu).as_secs_f64());
    let (signatures, reads) = (signatures(size)?, reads(&ledger(trail)?)?);
    println!(
        "check of {size} entries: {:.2} s, {:.2} times {} Ed25519 verifications on {THREADS} threads \
         ({:.2} s), {:.1} times reading the files ({:.2} s); with segments (quick): {:.2} s",
        ledger_part.as_secs_f64(),
        ledger_part.as_secs_f64() / signatures.as_secs_f64(),
        size as usize * SIGNATURES,
        signatures.as_secs_f64(),
        ledger_part.as_secs_f64() / reads.as_secs_f64(),
        reads.as_secs_f64(),
        all.as_secs_f64(),
    );
    Ok(())
}

fn print(what: &str, times: &mut [Duration], reference: Duration) {
    times.sort_unstable();
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let median = times[times.len() / 2];
    println!(
        "{what}: median {:.2} ms, best {:.2} ms; {:.1} times the reference of {:.2} ms",
        millis(median),
        millis(times[0]),
        median.as_secs_f64() / reference.as_secs_f64(),
        millis(reference),
    );
}

/// CPU time of all threads so far, in steps of 10 ms. Linux only; zero elsewhere.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn repeated(work: impl Fn() -> Outcome<()>) -> Outcome<Duration> {
    let mut times = Vec::new();
    for _ in 0..OPENINGS {
        let begun = Instant::now();
        work()?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

fn ledger(trail: &Trail) -> Outcome<PathBuf> {
    Ok(trail.storage().local_root().ok_or("not a local trail")?.join("ledger"))
}

/// Numbers and paths of the snapshots, ascending.
fn snapshots(ledger: &Path) -> Outcome<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(ledger)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("snapshot-"));
        let number = number.and_then(|rest| rest.strip_suffix(".parquet"));
        if let Some(number) = number {
            found.push((number.parse()?, ledger.join(&name)));
        }
    }
    found.sort();
    Ok(found)
}

/// The part of the newest snapshots that holds every entry before them: the largest file and those
/// after it.
fn list_and_hash(ledger: &Path) -> Outcome<()> {
    let files = snapshots(ledger)?;
    let sized: Vec<(u64, &PathBuf)> = files
        .iter()
        .map(|(_, path)| Ok((std::fs::metadata(path)?.len(), path)))
        .collect::<Outcome<_>>()?;
    let largest = (0..sized.len()).max_by_key(|&at| sized[at].0).unwrap_or(0);
    for (_, path) in &sized[largest..] {
        std::hint::black_box(Sha256::digest(std::fs::read(path)?));
    }
    Ok(())
}

/// How long as many verifications take as `entries` have signatures.
fn signatures(entries: u64) -> Outcome<Duration> {
    let key = SigningKey::from_bytes(&[7; 32]);
    let message = [1; 1000];
    let (signature, public) = (key.sign(&message), key.verifying_key());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(THREADS).build()?;
    let count = usize::try_from(entries)? * SIGNATURES;
    let begun = Instant::now();
    let good = pool.install(|| {
        (0..count)
            .into_par_iter()
            .filter(|_| public.verify_strict(&message, &signature).is_ok())
            .count()
    });
    if good == count { Ok(begun.elapsed()) } else { Err("a signature does not hold".into()) }
}

/// How long reading all files of the ledger takes, one by one.
fn reads(ledger: &Path) -> Outcome<Duration> {
    let begun = Instant::now();
    for entry in std::fs::read_dir(ledger)? {
        std::hint::black_box(std::fs::read(entry?.path())?);
    }
    Ok(begun.elapsed())
}

fn place(dir: &Path, entries: u64) -> (String, Home) {
    let dir = dir.join(format!("entries-{entries}"));
    (dir.join("trail").display().to_string(), Home::at(&dir.join("home")))
}

async fn open(dir: &Path, entries: u64) -> Outcome<Trail> {
    let (url, home) = place(dir, entries);
    let mut settings = Settings::from_config(&Config::default(), &url);
    settings.sync = SyncMode::Interval(Duration::from_secs(3600));
    Ok(Trail::open(&url, OpenOptions::new(home, settings)).await?)
}

async fn append(trail: &Trail) -> Outcome<()> {
    let event = br#"{"event_type":"data.file_read","user_id":"u","resource":{"path":"/srv/data"}}"#;
    trail.record(event, Strictness::Strict).await?;
    Ok(trail.flush().await?)
}

/// The trail as an earlier run left it, or a new one, with so many entries at least.
async fn make(dir: &Path, entries: u64) -> Outcome<()> {
    let (url, home) = place(dir, entries);
    if !Path::new(&url).exists() {
        let options = InitOptions { epoch_seconds: EPOCH_SECONDS, ..InitOptions::new(home) };
        init(&url, &options).await?;
    }
    let trail = open(dir, entries).await?;
    let begun = Instant::now();
    let there = trail.view().await?.size();
    for n in there..entries {
        append(&trail).await?;
        if n % 1000 == 999 && trail.view().await?.size() >= entries {
            break;
        }
    }
    trail.close(true).await?;
    if there < entries {
        let each = begun.elapsed().as_secs_f64() * 1e3 / (entries - there) as f64;
        println!("made in {:.0} s, {each:.2} ms a commit", begun.elapsed().as_secs_f64());
    }
    Ok(())
}
