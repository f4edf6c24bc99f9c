//! What the ledger says of the runs of writers (FORMAT section 7): which ended in order.

use std::fmt;

use serde::Serialize;

use super::ledger::Auditor;
use crate::ledger::Body;
use crate::trail::time_text;

/// What the entries that were read say of the runs of writers. Nothing here is a finding.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Runs {
    /// Runs that ended in order.
    pub closed: u64,
    /// Runs that did not, as the processes say that went on; and logs of revoked writers.
    pub recovered: Vec<RecoveredRun>,
    /// The last runs of writers that may still write, where they are not closed: of a process
    /// that is at work, or that did not end in order and has no successor yet.
    pub open: Vec<OpenRun>,
}

/// A log that was found with records that no entry committed, or perhaps without any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecoveredRun {
    /// Number of the entry that says so, and commits them.
    pub entry: u64,
    /// How many there were.
    pub records: u64,
    /// Whose log it was.
    pub writer: String,
}

/// A run that is not closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenRun {
    /// Its latest `recorded_at`; RFC 3339, UTC.
    pub last_record: String,
    /// Whose it is.
    pub writer: String,
}

impl fmt::Display for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |n: u64, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        write!(f, "{} ended in order", plural(self.closed, "run"))?;
        if let Some(last) = self.recovered.last() {
            let records = self.recovered.iter().map(|run| run.records).sum();
            let (runs, records) = (self.recovered.len() as u64, plural(records, "record"));
            let newest = last.entry;
            write!(f, ", {runs} did not ({records} recovered; the newest by entry {newest})")?;
        }
        for OpenRun { last_record, writer } in &self.open {
            write!(f, ", {writer} has not ended its last one (last record {last_record})")?;
        }
        Ok(())
    }
}

impl Auditor<'_> {
    /// Counts what an entry says.
    pub(super) fn count_runs(&mut self, body: &Body) {
        self.report.runs.closed += u64::from(body.closed.is_some());
        for log in body.recovered.iter().flatten() {
            let (entry, records, writer) = (body.n, log.records, log.writer.clone());
            self.report.runs.recovered.push(RecoveredRun { entry, records, writer });
        }
    }

    /// The runs that are open in the end.
    pub(super) fn open_runs(&mut self) {
        let writers = self.state.writers.iter();
        let open = writers.filter(|(_, writer)| writer.is_running() && writer.revoked.is_none());
        let open = open.map(|(id, writer)| OpenRun {
            last_record: time_text(writer.recorded),
            writer: id.clone(),
        });
        self.report.runs.open = open.collect();
    }
}
