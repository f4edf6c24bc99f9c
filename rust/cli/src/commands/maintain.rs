//! `sealtrail maintain`: everything that is due, once or again and again.

use std::io::Write;
use std::time::{Duration, Instant};

use clap::Args;
use sealtrail_core::backup::BackupReport;
use sealtrail_core::trail::{MaintainReport, Trail};
use sealtrail_query::retention::{self, Applied};
use serde::Serialize;

use super::backup;
use super::compact::{How, json, told, with_bar};
use super::retention::{applied_text, orphans_text};
use crate::failure::Failure;
use crate::filter::now;
use crate::output::ReportFormat;
use crate::session::Session;
use crate::text::{count, duration};

const AFTER_HELP: &str = "\
Examples:
  sealtrail maintain
  sealtrail maintain --every 1h
  17 * * * *  sealtrail maintain --trail /srv/audit    (a line of a crontab)

Commits what logs of this host hold that no process has open, merges small segments, and removes
files of segments that were replaced long enough ago, or that crashes left before an entry named
them. Where the owner pinned a retention policy,
segments past their days in hot storage move to the archive that the configuration names, and
records that are due are deleted if the owner's key is on this host and has no passphrase. The copy
of the trail is brought up to date if audit.integrity.audit_log_backup names one (see `sealtrail
backup`). With --every it goes on until it is
interrupted, and a failure is told and tried again. With -o json each round is one line.";

/// Do everything that is due: commit, compact, remove what was replaced
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Maintain {
    /// Do it again and again, so long apart, such as 15m or 1h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    every: Option<Duration>,
    /// Neither move segments to the archive nor delete records
    #[arg(long)]
    no_retention: bool,
    #[command(flatten)]
    how: How,
    /// Otherwise table on a terminal, json elsewhere
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<ReportFormat>,
}

/// What a round did.
#[derive(Debug, Serialize)]
struct Round {
    #[serde(flatten)]
    done: MaintainReport,
    /// None where no policy is pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    retention: Option<Applied>,
    /// None where no copy is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    backup: Option<BackupReport>,
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
        let report = Round { backup: copied?, ..result? };
        if format == ReportFormat::Json {
            return json(session, &report);
        }
        if let Some(applied) = &report.retention {
            session.out.write_all(applied_text(applied).as_bytes())?;
        }
        let (report, copied) = (report.done, report.backup);
        if let Some(name) = &report.new_generation {
            writeln!(session.out, "new segments are encrypted under the generation {name}")?;
        }
        if report.committed > 0 {
            writeln!(session.out, "{} committed", count(report.committed, "record"))?;
        }
        let text = told(&report.compact, started.elapsed()) + &orphans_text(&report.orphans);
        session.out.write_all(text.as_bytes())?;
        if let Some(copied) = &copied {
            writeln!(session.out, "copy: {}", backup::told(copied, started.elapsed()))?;
        }
        Ok(())
    }

    fn maintain(&self, session: &mut Session<'_>, trail: &Trail) -> Result<Round, Failure> {
        let options = self.how.options(session)?;
        let (options, bar) = with_bar(session, options);
        let retention = match self.no_retention {
            true => Ok(None),
            false => {
                let engine = session.engine()?;
                session.wait(retention::maintain(&engine, trail, now(), &options))
            }
        };
        let done = session.wait(trail.maintain(&options));
        bar.finish_and_clear();
        Ok(Round { done: done?, retention: retention?, backup: None })
    }
}
