//! `sealtrail maintain`: everything that is due, once or again and again.

use std::io::Write;
use std::time::{Duration, Instant};

use clap::Args;
use sealtrail_core::backup::BackupReport;
use sealtrail_core::trail::{MaintainReport, Trail};
use serde::Serialize;

use super::backup;
use super::compact::{How, json, told, with_bar};
use crate::failure::Failure;
use crate::output::ReportFormat;
use crate::session::Session;
use crate::text::{count, duration};

const AFTER_HELP: &str = "\
Examples:
  sealtrail maintain
  sealtrail maintain --every 1h
  17 * * * *  sealtrail maintain --trail /srv/audit    (a line of a crontab)

Commits what logs of this host hold that no process has open, merges small segments, removes files
of segments that were replaced long enough ago, and brings the copy of the trail up to date if
audit.integrity.audit_log_backup names one (see `sealtrail backup`). With --every it goes on until it is
interrupted, and a failure is told and tried again. With -o json each round is one line.";

/// Do everything that is due: commit, compact, remove what was replaced
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Maintain {
    /// Do it again and again, so long apart, such as 15m or 1h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    every: Option<Duration>,
    #[command(flatten)]
    how: How,
    /// Otherwise table on a terminal, json elsewhere
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<ReportFormat>,
}

/// What a round did.
#[derive(Serialize)]
struct Round<'a> {
    #[serde(flatten)]
    report: &'a MaintainReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup: Option<&'a BackupReport>,
}

impl Maintain {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let format = session.report_format(self.output);
        let Some(every) = self.every else {
            self.round(session, format)?;
            return Ok(0);
        };
        if every.is_zero() {
            return Err(Failure::usage("--every takes a time above zero"));
        }
        loop {
            match self.round(session, format) {
                Ok(()) => {}
                Err(failure) if session.cancel.is_cancelled() => return Err(failure),
                Err(failure) => failure.tell(&mut session.err),
            }
            session.out.flush()?;
            let pause = async {
                tokio::time::sleep(every).await;
                Ok::<_, Failure>(())
            };
            session.wait(pause)?;
        }
    }

    fn round(&self, session: &mut Session<'_>, format: ReportFormat) -> Result<(), Failure> {
        let started = Instant::now();
        let trail = session.open()?;
        let result = self.maintain(session, &trail);
        // What was committed and removed goes along; a copy that fails undoes nothing.
        let copied = match &result {
            Ok(_) => backup::run_configured(session, &trail),
            Err(_) => Ok(None),
        };
        session.wait(trail.close(true))?;
        let (report, copied) = (result?, copied?);
        if format == ReportFormat::Json {
            return json(session, &Round { report: &report, backup: copied.as_ref() });
        }
        if let Some(name) = &report.new_generation {
            writeln!(session.out, "new segments are encrypted under the generation {name}")?;
        }
        if report.committed > 0 {
            writeln!(session.out, "{} committed", count(report.committed, "record"))?;
        }
        let text = told(&report.compact, started.elapsed());
        session.out.write_all(text.as_bytes())?;
        if let Some(copied) = &copied {
            writeln!(session.out, "copy: {}", backup::told(copied, started.elapsed()))?;
        }
        Ok(())
    }

    fn maintain(
        &self,
        session: &mut Session<'_>,
        trail: &Trail,
    ) -> Result<MaintainReport, Failure> {
        let options = self.how.options(session)?;
        let (options, bar) = with_bar(session, options);
        let result = session.wait(trail.maintain(&options));
        bar.finish_and_clear();
        result
    }
}
