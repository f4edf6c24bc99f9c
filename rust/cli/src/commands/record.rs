//! `sealtrail record`: JSON lines into the trail.

mod one_by_one;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::Args;
use indicatif::ProgressBar;
use sealtrail_core::record::Strictness;
use sealtrail_core::trail::{LoadOptions, LoadReport, Trail};

use super::refused;
use crate::failure::{EXIT_IO, Failure};
use crate::input::Source;
use crate::progress;
use crate::session::Session;
use crate::text::{count, grouped, seconds};

const AFTER_HELP: &str = "\
Examples:
  sealtrail record events.jsonl
  sealtrail record day-1.jsonl.gz day-2.jsonl.zst --strict
  agent-runner | sealtrail record -

Each line is a JSON object with at least an `event_type`; `sealtrail events` lists the known ones.
Files may be plain, gzip or zstd. A refused line is told on standard error as
`file:line: path: message`, and makes the exit code 3; all other lines are recorded. Unless
--no-commit is given, the records are in signed segments when the command returns.";

/// Record events from JSON lines
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Record {
    /// Files of JSON lines; `-`, or none, is standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Refuse events that lack a required field of their type or have one of
    /// the wrong type, instead of noting it in the record
    #[arg(long, verbatim_doc_comment)]
    strict: bool,
    /// Leave the records in the write-ahead log, durable but not in signed
    /// segments yet, for the next writer to commit
    #[arg(long, verbatim_doc_comment)]
    no_commit: bool,
}

/// What became of all files so far.
#[derive(Debug, Default)]
struct Total {
    files: u64,
    recorded: u64,
    repeated: u64,
    refused: u64,
}

impl Total {
    fn add(&mut self, report: &LoadReport) {
        self.files += 1;
        self.recorded += report.recorded;
        self.repeated += report.repeated;
        self.refused += report.refused;
    }
}

impl Record {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let sources = Source::all(session, &self.files)?;
        let strictness = if self.strict { Strictness::Strict } else { Strictness::Lenient };
        let trail = session.open()?;
        let sizes: Option<u64> = sources.iter().map(Source::size).sum();
        let bar = progress::over_bytes(session.stderr_is_terminal, sizes);
        let (started, mut total) = (Instant::now(), Total::default());
        let result = sources.iter().enumerate().try_for_each(|(n, source)| {
            let report = if self.no_commit {
                one_by_one::record(session, &trail, source, strictness, &bar)
            } else {
                let last = n + 1 == sources.len();
                load(session, &trail, source, strictness, &bar, last)
            }?;
            bar.suspend(|| tell_refused(session, source.name(), &report));
            total.add(&report);
            Ok(())
        });
        bar.finish_and_clear();
        let closed = session.wait(trail.close(!self.no_commit));
        if total.files > 0 {
            let done = if self.no_commit { "in the write-ahead log" } else { "committed" };
            summary(session, &total, started, done);
        }
        result.and(closed)?;
        Ok(if total.refused > 0 { EXIT_IO } else { 0 })
    }
}

/// Loads one source in bulk.
fn load(
    session: &mut Session<'_>,
    trail: &Trail,
    source: &Source,
    strictness: Strictness,
    bar: &ProgressBar,
    last: bool,
) -> Result<LoadReport, Failure> {
    let read = Arc::new(AtomicU64::new(0));
    let input = source.open_packed(session, &read)?;
    let (before, shown) = (bar.position(), bar.clone());
    let options = LoadOptions {
        imported: false,
        name: source.name().to_owned(),
        strictness,
        progress: Some(Arc::new(move |progress| {
            shown.set_position(before + read.load(Ordering::Relaxed));
            shown.set_message(count(progress.lines, "event"));
        })),
        cancel: session.cancel.flag(),
        last,
    };
    let report = session.wait(trail.load(input, &options))?;
    bar.set_position(before + source.size().unwrap_or(0));
    Ok(report)
}

fn tell_refused(session: &mut Session<'_>, name: &str, report: &LoadReport) {
    for problem in &report.problems {
        refused::tell(session, name, problem.line, &problem.path, &problem.message);
    }
    refused::tell_unlisted(session, name, report.refused, report.problems.len());
}

fn summary(session: &mut Session<'_>, total: &Total, started: Instant, done: &str) {
    let elapsed = started.elapsed();
    let mut line = format!("{} recorded in {}", count(total.recorded, "event"), seconds(elapsed));
    if total.recorded >= 1000 {
        let rate = total.recorded as f64 / elapsed.as_secs_f64().max(1e-3);
        line.push_str(&format!(" ({} a second)", grouped(rate as u64)));
    }
    if total.files > 1 {
        line.push_str(&format!(" from {}", count(total.files, "file")));
    }
    line.push_str(&format!(", {done}"));
    if total.repeated > 0 {
        line.push_str(&format!("; {} recorded before", grouped(total.repeated)));
    }
    if total.refused > 0 {
        line.push_str(&format!("; {} refused", count(total.refused, "line")));
    }
    session.note(line);
}
