//! Compaction: how fast, in how much memory, how many bytes an event.
//!
//! `cargo bench -p sealtrail-core --bench compact [EVENTS] [PARTS]`: 1,000,000 generated events in
//! 400 parts, each of which becomes a segment for each domain, unless said otherwise. Set
//! `SEALTRAIL_BENCH_TRAIL` to a folder to make the trail there and keep it.

use std::error::Error;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::Instant;

use sealtrail_core::config::{Config, Home};
use sealtrail_core::demo::{Generator, Options};
use sealtrail_core::trail::{
    CompactOptions, InitOptions, LoadOptions, OpenOptions, Settings, Trail, init,
};

/// Set for the process that makes the trail.
const FILL: &str = "SEALTRAIL_BENCH_FILL";

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let numbers: Vec<u64> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    let events = numbers.first().copied().unwrap_or(1_000_000);
    let parts = numbers.get(1).copied().unwrap_or(400);
    let temporary = tempfile::tempdir()?;
    let kept = std::env::var_os("SEALTRAIL_BENCH_TRAIL").map(PathBuf::from);
    let dir = kept.as_deref().unwrap_or(temporary.path());
    let runtime = sealtrail_core::runtime()?;
    if std::env::var_os(FILL).is_some() {
        return runtime.block_on(fill(dir, events, parts));
    }
    if !dir.join("audit").exists() {
        // By another process, so that its memory does not count.
        let mut command = std::process::Command::new(std::env::current_exe()?);
        let command = command.args([events.to_string(), parts.to_string()]).env(FILL, "1");
        if !command.env("SEALTRAIL_BENCH_TRAIL", dir).status()?.success() {
            return Err("the trail could not be made".into());
        }
    }
    runtime.block_on(measure(dir))
}

async fn open(dir: &Path, new: bool) -> Outcome<Trail> {
    let url = dir.join("audit").display().to_string();
    let home = || Home::at(&dir.join("home"));
    if new {
        init(&url, &InitOptions::new(home())).await?;
    }
    let settings = Settings::from_config(&Config::default(), &url);
    Ok(Trail::open(&url, OpenOptions::new(home(), settings)).await?)
}

async fn measure(dir: &Path) -> Outcome<()> {
    let trail = open(dir, false).await?;
    let before = trail.stats().await?;
    let options = CompactOptions { grace: std::time::Duration::ZERO, ..CompactOptions::default() };
    let (begun, busy) = (Instant::now(), cpu_seconds());
    let report = trail.compact(&options).await?;
    let (seconds, busy) = (begun.elapsed().as_secs_f64(), cpu_seconds() - busy);
    let peak = peak_memory();
    trail.close(true).await?;
    let after = trail.stats().await?;
    println!("segments          {} -> {}", before.segments, after.segments);
    println!("events/s          {:.0} ({:.2} s)", report.rows as f64 / seconds, seconds);
    println!("a CPU second      {:.0} events", report.rows as f64 / busy);
    println!("peak memory       {} MiB", peak >> 20);
    let per = |bytes: Option<f64>| bytes.unwrap_or_default();
    println!(
        "bytes an event    {:.2} -> {:.2} (ledger included)",
        per(before.bytes_per_event),
        per(after.bytes_per_event)
    );
    let rows = report.rows.max(1) as f64;
    println!(
        "in segments       {:.2} -> {:.2}",
        report.bytes_before as f64 / rows,
        report.bytes_after as f64 / rows
    );
    if let Ok(text) = std::fs::read_to_string(dir.join("gzip")) {
        let packed: f64 = text.trim().parse()?;
        println!("gzip -9           {packed:.2}, so {:.3}x", per(after.bytes_per_event) / packed);
    }
    Ok(())
}

/// Loads generated events in parts, and notes what `gzip -9` makes of them.
async fn fill(dir: &Path, events: u64, parts: u64) -> Outcome<()> {
    let trail = open(dir, true).await?;
    let end = "2026-07-01T00:00:00Z".parse()?;
    let mut generator = Generator::new(Options::new(events, end))?;
    let mut packer = flate2::write::GzEncoder::new(Count(0), flate2::Compression::best());
    let each = events.div_ceil(parts.max(1));
    loop {
        let mut text = Vec::new();
        let more = (0..each).all(|_| generator.write_line(&mut text));
        std::io::Write::write_all(&mut packer, &text)?;
        trail.load(Box::new(Cursor::new(text)), &LoadOptions::default()).await?;
        if !more {
            break;
        }
    }
    trail.close(true).await?;
    let packed = packer.finish()?.0 as f64 / events as f64;
    std::fs::write(dir.join("gzip"), packed.to_string())?;
    Ok(())
}

struct Count(u64);

impl std::io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What the process has had of processors; clock ticks are hundredths of seconds on Linux.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    let ticks = |at| after.split_whitespace().nth(at).and_then(|n: &str| n.parse::<f64>().ok());
    (ticks(11).unwrap_or_default() + ticks(12).unwrap_or_default()) / 100.0
}

/// Most bytes that the process held.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok());
    kib.unwrap_or_default() << 10
}
