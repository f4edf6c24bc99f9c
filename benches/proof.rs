//! Proofs of records of a generated trail: making and checking them.
//!
//! `cargo bench -p sealtrail-core --bench proof [EVENTS]`: 1,000,000 events unless said otherwise.
//! Set `SEALTRAIL_BENCH_TRAIL` to a folder to keep the trail there for the next run.

use std::error::Error;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sealtrail_core::config::{Config, Home};
use sealtrail_core::demo;
use sealtrail_core::note;
use sealtrail_core::proof::{check, check_consistency};
use sealtrail_core::segment::SegmentFile;
use sealtrail_core::trail::{InitOptions, LoadOptions, OpenOptions, Settings, Trail, init};

const SAMPLES: usize = 200;
const OPENINGS: usize = 10;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let events = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(1_000_000);
    let temporary = tempfile::tempdir()?;
    let kept = std::env::var_os("SEALTRAIL_BENCH_TRAIL").map(PathBuf::from);
    let dir = kept.as_deref().unwrap_or(temporary.path());
    sealtrail_core::runtime()?.block_on(measure(dir, events))
}

async fn measure(dir: &Path, events: u64) -> Outcome<()> {
    let trail = make(dir, events).await?;
    let name = trail.info().key_name("owner");
    let vkey = note::vkey(&name, &trail.owner_key()?.public())?;
    let ids = sample(&trail).await?;
    let (mut made, mut checked, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
    for id in &ids {
        let begun = Instant::now();
        let proof = trail.prove(id).await?.ok_or("a record is not there")?;
        made.push(begun.elapsed());
        let begun = Instant::now();
        check(proof.as_bytes(), &vkey)?;
        checked.push(begun.elapsed());
        bytes.push(proof.as_bytes().len());
    }
    bytes.sort_unstable();
    println!("{events} events, {} entries, {} records", trail.view().await?.size(), ids.len());
    println!("a proof has {} bytes (median)", bytes[bytes.len() / 2]);
    print("prove", made);
    print("check", checked);
    let mut opened = Vec::new();
    for id in ids.iter().take(OPENINGS) {
        let begun = Instant::now();
        let trail = open(dir, events).await?;
        trail.prove(id).await?.ok_or("a record is not there")?;
        opened.push(begun.elapsed());
    }
    print("open and prove", opened);
    let size = trail.view().await?.size();
    let begun = Instant::now();
    let proof = trail.prove_consistency(size / 2, None).await?;
    print("prove consistency", vec![begun.elapsed()]);
    check_consistency(proof.as_bytes(), &vkey)?;
    Ok(())
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let millis = |at: usize| times[at.min(times.len() - 1)].as_secs_f64() * 1e3;
    let (median, high) = (millis(times.len() / 2), millis(times.len() * 95 / 100));
    println!("{what}: median {median:.2} ms, 95 % within {high:.2} ms");
}

/// Ids of records all over the trail.
async fn sample(trail: &Trail) -> Outcome<Vec<String>> {
    let view = trail.view().await?;
    let root = trail.storage().local_root().ok_or("not a local trail")?;
    let mut ids = Vec::new();
    for n in 0..SAMPLES {
        let segment = &view.segments()[n * view.segments().len() / SAMPLES];
        let row = usize::try_from(segment.rows)? * (n % 7) / 7;
        let records = SegmentFile::open_local(&segment.path, root, None)?.records(&[row])?;
        let record: serde_json::Value = serde_json::from_slice(&records[0])?;
        ids.extend(record["audit_id"].as_str().map(str::to_owned));
    }
    Ok(ids)
}

fn place(dir: &Path, events: u64) -> (String, Home) {
    let url = dir.join(format!("trail-{events}")).display().to_string();
    (url, Home::at(&dir.join("home")))
}

async fn open(dir: &Path, events: u64) -> Outcome<Trail> {
    let (url, home) = place(dir, events);
    let settings = Settings::from_config(&Config::default(), &url);
    Ok(Trail::open(&url, OpenOptions::new(home, settings)).await?)
}

async fn make(dir: &Path, events: u64) -> Outcome<Trail> {
    let (url, home) = place(dir, events);
    if Path::new(&url).exists() {
        return open(dir, events).await;
    }
    init(&url, &InitOptions::new(home)).await?;
    let trail = open(dir, events).await?;
    let end = chrono::DateTime::parse_from_rfc3339("2026-03-01T00:00:00Z")?.to_utc();
    let generator = demo::Generator::new(demo::Options::new(events, end))?;
    let input = Box::new(Lines { generator, line: Vec::new(), read: 0 });
    trail.load(input, &LoadOptions::default()).await?;
    trail.close(true).await?;
    Ok(trail)
}

/// Events as they are generated: ten million of them need no memory.
struct Lines {
    generator: demo::Generator,
    line: Vec<u8>,
    read: usize,
}

impl Read for Lines {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.read == self.line.len() {
            self.line.clear();
            self.read = 0;
            // As much as fills a good part of a buffer.
            while self.line.len() < 1 << 16 && self.generator.write_line(&mut self.line) {}
        }
        let rest = &self.line[self.read..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.read += length;
        Ok(length)
    }
}
