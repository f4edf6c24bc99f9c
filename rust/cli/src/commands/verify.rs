//! `sealtrail verify-integrity`: is everything still as it was signed?

mod package;
pub(super) mod trust;

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use sealtrail_core::anchors::Anchors;
use sealtrail_core::pins::Pins;
use sealtrail_core::storage::Storage;
use sealtrail_core::trail::Trail;
use sealtrail_core::verify::{self, Level, Options, Pinning, Progress, Report, Trust};
use sealtrail_core::{Error, access};

use super::jobs;
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
  sealtrail verify-integrity --since-last --require-pin
  sealtrail verify-integrity --async
  sealtrail verify-integrity case-17.zip --key owner.vkey

A package of `sealtrail evidence` (folder or zip) or a file of `sealtrail export` is checked offline,
against its signed manifest and the proofs that came with it: what was changed, is missing or was
added is named with file and line.

Trust comes from you, never from the trail: --key, or the keys folder of SEALTRAIL_HOME. With the
owner's secret (--owner-key, or owner.json in the keys folder) HMACs and epoch seals are checked
too. The exit code is 0 if everything holds, 4 if anything is missing or was
changed, and 3 (LOCKED) if what is encrypted could not be looked into: its key is not at hand.

What was verified is remembered (`sealtrail pin`), and the next verification demands that the trail
extends it: a trail that was put back to an earlier state is ROLLED_BACK, another one FORKED.";

/// Recompute every hash, signature and seal, and say what does not hold
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Verify {
    /// A package or an exported file, to check instead of a trail
    #[arg(
        value_name = "PACKAGE|FILE",
        conflicts_with_all = ["owner_key", "pin", "no_pin", "require_pin", "since_last", "anchors"]
    )]
    file: Option<PathBuf>,
    /// Demand that the custody log of the package ends with the line of this
    /// SHA-256, as it was told at the last hand-over
    #[arg(long, value_name = "SHA256", requires = "file", verbatim_doc_comment)]
    custody_head: Option<String>,
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
    /// A further pin, or a signed checkpoint, that the trail must extend; it is
    /// only read
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pin: Option<PathBuf>,
    /// Neither compare with what was seen before nor remember what is seen now
    #[arg(long, conflicts_with_all = ["pin", "require_pin", "since_last"])]
    no_pin: bool,
    /// Exit with 4 (UNANCHORED) if there is no pin to compare with
    #[arg(long)]
    require_pin: bool,
    /// Look deeply only at what came since the last deep verification; the first
    /// time at everything
    #[arg(long, conflicts_with = "level", verbatim_doc_comment)]
    since_last: bool,
    /// The trail must extend the checkpoints in its anchors, too (`sealtrail anchor`);
    /// UNANCHORED (exit code 4) if none of them can be read
    #[arg(long, verbatim_doc_comment)]
    anchors: bool,
    /// Run it as a job that outlives this terminal, and print its id (`sealtrail
    /// jobs`)
    #[arg(long = "async", verbatim_doc_comment)]
    detach: bool,
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
        if self.detach && session.job.is_none() {
            return jobs::submit(session, "verify-integrity", None);
        }
        if let Some(file) = &self.file {
            let head = self.custody_head.as_deref();
            return package::run(session, file, self.key.as_deref(), head, self.output);
        }
        let url = session.trail_url()?;
        let storage = Storage::open(&url)?;
        let keys = Keys { key: self.key.as_deref(), owner_key: self.owner_key.as_deref() };
        let trust = trust::roots(session, &storage, &keys)?;
        // A trail that cannot be opened has findings enough without its logs.
        let trail = session.open().ok();
        let view = trail.as_ref().and_then(|trail| session.wait(trail.view()).ok());
        let (unsealed, unsealed_looks) = view.as_ref().map_or((0, 0), |view| view.unsealed());
        let options = Options {
            level: match self.level {
                Thoroughness::Deep => Level::Deep,
                Thoroughness::Quick => Level::Quick,
            },
            threads: self.threads.map_or(0, usize::from),
            unsealed,
            unsealed_looks,
            archives: session.settings(&url)?.archives,
            master: session.master()?,
            ..Options::default()
        };
        ask(session, &url, trail.as_ref(), view.map_or(0, |view| view.size()), options.level)?;
        let home = session.home()?;
        let pinning = Pinning {
            pins: (!self.no_pin).then(|| Pins::of(&home)),
            file: self.pin.map(|path| session.file(&path)),
            require: self.require_pin,
            since_last: self.since_last,
            anchors: self.anchors.then(|| Anchors::of(&home, storage.url())),
        };
        let format = session.report_format(self.output);
        let (report, elapsed) = check(session, &storage, trust, options, &pinning)?;
        if !report.anchored && report.verdict.exit_code() == 0 {
            session.note(
                "warning: UNANCHORED: nothing from outside the trail was there to compare it \
                 with, so a trail that was put back to an earlier state would pass",
            );
        }
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
    trust: Trust,
    options: Options,
    pinning: &Pinning,
) -> Result<(Report, Duration), Failure> {
    let bar = progress::over_items(session.stderr_is_terminal, 0, "records");
    let job = session.job.clone();
    let show = |progress: Progress| {
        bar.set_length(progress.of_records);
        bar.set_position(progress.records);
        if let Some(job) = &job {
            job.set_rows(progress.records, progress.of_records);
        }
    };
    let started = Instant::now();
    let cancel = session.cancel.flag();
    let result =
        session.wait(verify::verify_pinned(storage, trust, options, pinning, &show, &cancel));
    bar.finish_and_clear();
    Ok((result?, started.elapsed()))
}

/// Records who verifies; apart, where the trail cannot be opened.
fn ask(
    session: &mut Session<'_>,
    url: &str,
    trail: Option<&Trail>,
    size: u64,
    level: Level,
) -> Result<(), Failure> {
    let level = if level == Level::Deep { "deep" } else { "quick" };
    let question = session.question("verify", size).filter("level", level);
    match trail {
        Some(trail) => session.ask(trail, question).map(drop),
        None => {
            let (home, settings) = (session.home()?, session.settings(url)?);
            let apart = access::ask_apart(&home, &settings, (None, url), question);
            let access = session.wait(apart)?;
            session.asked(access);
            Ok(())
        }
    }
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
    if let Some(beat) = &report.heartbeat {
        let age = Duration::from_secs(beat.age_seconds.unsigned_abs());
        let when = if beat.age_seconds < 0 { "ahead of this clock" } else { "ago" };
        writeln!(out, "  newest heartbeat {} {when}, by {}", seconds(age), beat.writer)?;
    }
    writeln!(out, "  {}", report.runs)?;
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
