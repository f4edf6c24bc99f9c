//! `sealtrail compact`: small segments become large ones.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use sealtrail_core::Error;
use sealtrail_core::trail::{CompactOptions, CompactPlan, CompactProgress, CompactReport, Trail};

use crate::failure::Failure;
use crate::output::ReportFormat;
use crate::progress;
use crate::session::Session;
use crate::text::{aligned, bytes, count, duration, grouped, seconds};

const AFTER_HELP: &str = "\
Examples:
  sealtrail compact --dry-run
  sealtrail compact
  sealtrail compact --target-mb 128 -o json
  sealtrail compact --encrypt                        (after encryption.hot was switched on)

Segments of a domain and month (or day) that are smaller than half the target are merged; records,
leaves, roots and proofs stay what they are. It is safe while others write, compact or read: the new
segment is read back and checked before one ledger entry replaces the old ones, whose files stay for
the grace period. Interrupted, it goes on with the next run.";

/// Merge small segments into large ones
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Compact {
    /// Print what would be merged, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Encrypt segments that are in the clear, those too that need not be merged
    #[arg(long)]
    encrypt: bool,
    #[command(flatten)]
    how: How,
    /// Otherwise table on a terminal, json elsewhere
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<ReportFormat>,
}

/// How to compact.
#[derive(Debug, Args)]
pub(super) struct How {
    /// Size of a finished segment in MiB; otherwise audit.rotation.max_segment_mb of
    /// the configuration, else 256
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u64).range(1..=4096),
        verbatim_doc_comment
    )]
    target_mb: Option<u64>,
    /// Merges at a time; otherwise one for each core
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// How long files of replaced segments stay for readers that began before,
    /// such as 90s, 12h or 7d [default: 1h]
    #[arg(long, value_name = "TIME", value_parser = duration, verbatim_doc_comment)]
    grace: Option<Duration>,
}

impl How {
    /// With what the configuration says where no option does.
    pub(super) fn options(&self, session: &mut Session<'_>) -> Result<CompactOptions, Failure> {
        let configured = CompactOptions::from_config(&session.config()?.config);
        Ok(CompactOptions {
            target_bytes: self.target_mb.map_or(configured.target_bytes, |mb| mb << 20),
            threads: self.threads.map_or(0, usize::from),
            grace: self.grace.unwrap_or(configured.grace),
            cancel: session.cancel.flag(),
            ..configured
        })
    }
}

impl Compact {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let trail = session.open()?;
        let options = CompactOptions { encrypt: self.encrypt, ..self.how.options(session)? };
        let format = session.report_format(self.output);
        if self.dry_run {
            let plan = session.wait(trail.plan_compaction(&options))?;
            return show_plan(session, &plan, format);
        }
        let started = Instant::now();
        let report = compact(session, &trail, options)?;
        if format == ReportFormat::Json {
            json(session, &report)?;
        } else {
            let text = told(&report, started.elapsed());
            session.out.write_all(text.as_bytes())?;
        }
        Ok(0)
    }
}

/// Compacts with a bar, and closes the trail whatever came of it.
fn compact(
    session: &mut Session<'_>,
    trail: &Trail,
    options: CompactOptions,
) -> Result<CompactReport, Failure> {
    let (options, bar) = with_bar(session, options);
    let result = session.wait(trail.compact(&options));
    bar.finish_and_clear();
    session.wait(trail.close(true))?;
    result
}

/// The options with a bar over rows that they move.
pub(super) fn with_bar(
    session: &Session<'_>,
    mut options: CompactOptions,
) -> (CompactOptions, indicatif::ProgressBar) {
    let bar = progress::over_items(session.stderr_is_terminal, 0, "rows");
    let shown = bar.clone();
    options.progress = Some(Arc::new(move |progress: CompactProgress| {
        shown.set_length(progress.of_rows);
        shown.set_position(progress.rows);
    }));
    (options, bar)
}

pub(super) fn json(
    session: &mut Session<'_>,
    report: &impl serde::Serialize,
) -> Result<(), Failure> {
    let text = serde_json::to_string(report).map_err(|error| Error::encoding("report", error))?;
    writeln!(session.out, "{text}")?;
    Ok(())
}

/// What a compaction did, for people.
pub(super) fn told(report: &CompactReport, elapsed: Duration) -> String {
    let mut out = String::new();
    if report.segments == 0 {
        out.push_str("nothing to merge\n");
    } else {
        let per_event = |bytes: u64| bytes as f64 / report.rows.max(1) as f64;
        out.push_str(&format!(
            "{} became {}: {}, {} -> {} ({:.1} -> {:.1} B an event), in {}\n",
            count(report.replaced, "segment"),
            grouped(report.segments),
            count(report.rows, "record"),
            bytes(report.bytes_before),
            bytes(report.bytes_after),
            per_event(report.bytes_before),
            per_event(report.bytes_after),
            seconds(elapsed),
        ));
    }
    if report.lost > 0 {
        let lost = count(report.lost, "merge");
        out.push_str(&format!("{lost} came to nothing, because others were quicker\n"));
    }
    if report.swept > 0 {
        let swept = count(report.swept, "file");
        out.push_str(&format!("{swept} of replaced segments removed\n"));
    }
    out
}

fn show_plan(
    session: &mut Session<'_>,
    plan: &CompactPlan,
    format: ReportFormat,
) -> Result<u8, Failure> {
    if format == ReportFormat::Json {
        json(session, plan)?;
        return Ok(0);
    }
    let mut rows = vec![["domain", "period", "segments", "records", "bytes"].map(str::to_owned)];
    rows.extend(plan.groups.iter().map(|group| {
        let (domain, period) = (group.domain.clone(), group.period.clone());
        [domain, period, grouped(group.segments), grouped(group.rows), bytes(group.bytes)]
    }));
    if plan.groups.is_empty() {
        writeln!(session.out, "nothing to merge")?;
    } else {
        session.out.write_all(aligned("", &rows).as_bytes())?;
    }
    let untouched = count(plan.untouched, "segment");
    writeln!(session.out, "{untouched} stay as they are")?;
    Ok(0)
}
