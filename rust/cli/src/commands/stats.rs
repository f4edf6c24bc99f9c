//! `sealtrail stats`: how much a trail holds.

use std::io::Write;

use clap::Args;
use sealtrail_core::Error;
use sealtrail_core::trail;

use crate::failure::Failure;
use crate::output::ReportFormat;
use crate::session::Session;
use crate::text::{aligned, bytes, grouped};

const AFTER_HELP: &str = "\
Examples:
  sealtrail stats
  sealtrail stats -o json

`unsealed` counts records that are durable in this host's write-ahead logs and not yet in a signed
segment. Times are UTC.";

/// Print figures of the trail: events, time range, segments, bytes
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Stats {
    /// Otherwise table on a terminal, json elsewhere
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<ReportFormat>,
}

impl Stats {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let trail = session.open()?;
        let stats = session.wait(trail.stats())?;
        if session.report_format(self.output) == ReportFormat::Json {
            let text = serde_json::to_string_pretty(&stats)
                .map_err(|error| Error::encoding("stats", error))?;
            writeln!(session.out, "{text}")?;
        } else {
            session.out.write_all(table(&stats).as_bytes())?;
        }
        Ok(0)
    }
}

/// The figures as aligned text.
pub(super) fn table(stats: &trail::Stats) -> String {
    let none = || "-".to_owned();
    let per_event = stats.bytes_per_event.map(|bytes| format!(" ({bytes:.0} an event)"));
    let rows = [
        ["trail", &stats.url],
        ["trail id", &stats.trail_id],
        ["events", &grouped(stats.events)],
        ["unsealed", &grouped(stats.unsealed)],
        ["first", &stats.first.clone().unwrap_or_else(none)],
        ["last", &stats.last.clone().unwrap_or_else(none)],
        ["bytes", &format!("{}{}", bytes(stats.bytes), per_event.unwrap_or_default())],
        ["segments", &grouped(stats.segments)],
        ["promoted columns", &grouped(stats.promoted_columns)],
        ["writers", &grouped(stats.writers)],
        ["ledger entries", &grouped(stats.entries)],
        ["ledger root", &stats.root],
        ["last commit", &stats.last_commit.clone().unwrap_or_else(none)],
    ];
    let mut out = aligned("", &rows.map(|row| row.map(str::to_owned)));
    for disk in stats.disks.iter().filter(|disk| disk.low) {
        let free = disk.free_bytes.map_or_else(none, bytes);
        out.push_str(&format!("warning: only {free} free at {} ({})\n", disk.path, disk.what));
    }
    if !stats.anchors.is_empty() {
        let mut rows = vec![["anchor", "entries", "last sent", "problem"].map(str::to_owned)];
        rows.extend(stats.anchors.iter().map(|(url, state)| {
            let time = if state.time.is_empty() { none() } else { state.time.clone() };
            let entries = state.published.map_or_else(none, grouped);
            [url.clone(), entries, time, state.error.clone().unwrap_or_default()]
        }));
        out.push('\n');
        out.push_str(&aligned("", &rows));
    }
    if !stats.domains.is_empty() {
        let mut rows = vec![["domain", "events", "segments", "bytes"].map(str::to_owned)];
        rows.extend(stats.domains.iter().map(|(name, domain)| {
            let (events, segments) = (grouped(domain.events), grouped(domain.segments));
            [name.clone(), events, segments, bytes(domain.bytes)]
        }));
        out.push('\n');
        out.push_str(&aligned("", &rows));
    }
    out
}
