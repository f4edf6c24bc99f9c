//! `sealtrail verify-integrity`: is everything still as it was signed?

mod trust;

use std::io::Write;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use sealtrail_core::Error;
use sealtrail_core::storage::Storage;
use sealtrail_core::verify::{self, Level, Options, Progress, Report, Trust};

use crate::failure::Failure;
use crate::output::{ReportFormat, Stream};
use crate::progress;
use crate::session::Session;
use crate::text::{bytes, count, grouped, seconds};
use trust::Keys;

const AFTER_HELP: &str = "\
Examples:
  sealtrail verify-integrity
  sealtrail verify-integrity --trail ./copy-of-audit --key owner.vkey
  sealtrail verify-integrity --level quick -o json

Trust comes from you, never from the trail: --key, or the keys folder of SEALTRAIL_HOME. With the
owner's secret (--owner-key, or owner.json in the keys folder) HMACs and epoch seals are checked
too. The exit code is 0 if everything holds, and 4 if anything is missing or was changed.";

/// Recompute every hash, signature and seal, and say what does not hold
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Verify {
    /// quick checks signatures and object hashes; deep also every record, and
    /// everything that a query relies on
    #[arg(long, value_name = "LEVEL", default_value = "deep", verbatim_doc_comment)]
    level: Thoroughness,
    /// The owner's public key, or a file that holds it
    #[arg(long, value_name = "VKEY|FILE")]
    key: Option<String>,
    /// The owner's secret key, to check HMACs and epoch seals too: a file,
    /// env:NAME (a variable that holds it) or cmd:COMMAND (which prints it)
    #[arg(long, value_name = "KEY", verbatim_doc_comment)]
    owner_key: Option<String>,
    /// Segments checked at the same time; otherwise one for each core
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Otherwise table on a terminal, json elsewhere
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<ReportFormat>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Thoroughness {
    Deep,
    Quick,
}

impl Verify {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let url = session.trail_url()?;
        let storage = Storage::open(&url)?;
        let keys = Keys { key: self.key.as_deref(), owner_key: self.owner_key.as_deref() };
        let trust = trust::roots(session, &storage, &keys)?;
        let options = Options {
            level: match self.level {
                Thoroughness::Deep => Level::Deep,
                Thoroughness::Quick => Level::Quick,
            },
            threads: self.threads.map_or(0, usize::from),
            unsealed: unsealed(session),
        };
        let format = session.report_format(self.output);
        let (report, elapsed) = check(session, &storage, &trust, &options)?;
        let written = match format {
            ReportFormat::Json => print_json(&mut session.out, &report),
            ReportFormat::Table => print(&mut session.out, &report, elapsed).map_err(Into::into),
        };
        // The verdict counts even if nobody reads the report to its end.
        let code = report.verdict.exit_code();
        if session.out.is_broken() { Ok(code) } else { written.map(|()| code) }
    }
}

/// Verifies a trail, with a progress bar.
pub(super) fn check(
    session: &Session<'_>,
    storage: &Storage,
    trust: &Trust,
    options: &Options,
) -> Result<(Report, Duration), Failure> {
    let bar = progress::over_items(session.stderr_is_terminal, 0, "records");
    let show = |progress: Progress| {
        bar.set_length(progress.of_records);
        bar.set_position(progress.records);
    };
    let started = Instant::now();
    let cancel = session.cancel.flag();
    let result = session.wait(verify::verify(storage, trust, options, &show, &cancel));
    bar.finish_and_clear();
    Ok((result?, started.elapsed()))
}

/// Records in this host's logs that are not committed yet. A trail that cannot be opened has
/// findings enough without them.
fn unsealed(session: &mut Session<'_>) -> u64 {
    let Ok(trail) = session.open() else { return 0 };
    session.wait(trail.view()).map_or(0, |view| view.unflushed.len() as u64)
}

fn print_json(out: &mut Stream<'_>, report: &Report) -> Result<(), Failure> {
    let text =
        serde_json::to_string_pretty(report).map_err(|error| Error::encoding("report", error))?;
    Ok(writeln!(out, "{text}")?)
}

/// The report for people.
pub(super) fn print(
    out: &mut Stream<'_>,
    report: &Report,
    elapsed: Duration,
) -> std::io::Result<()> {
    writeln!(out, "{}  {}", report.verdict, report.trail)?;
    if let Some(id) = &report.trail_id {
        writeln!(out, "  trail {id}")?;
    }
    if let Some(last) = &report.last_entry {
        writeln!(out, "  ledger of {} entries, the last of {last}", grouped(report.size))?;
        writeln!(out, "  root {}", report.root)?;
    }
    let checked = &report.checked;
    writeln!(
        out,
        "  checked in {}: {} of {} in {} ({}), {}",
        seconds(elapsed),
        count(checked.records, "record"),
        grouped(checked.batches) + " batches",
        count(checked.segments, "segment"),
        bytes(checked.bytes),
        count(checked.entries, "ledger entry"),
    )?;
    writeln!(
        out,
        "  and {}, {}, {}, {}, {}",
        count(checked.hmacs, "HMAC"),
        count(checked.epoch_seals, "epoch seal"),
        count(checked.bloom_filters, "bloom filter"),
        count(checked.snapshots, "snapshot"),
        count(checked.pins, "pin"),
    )?;
    for finding in &report.findings {
        writeln!(out, "finding: {finding}")?;
    }
    for (heading, lines) in [("not checked", &report.not_checked), ("note", &report.notes)] {
        for line in lines {
            writeln!(out, "  {heading}: {line}")?;
        }
    }
    Ok(())
}
