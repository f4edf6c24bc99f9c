//! `sealtrail import`: events out of other programs' logs.

mod batch;

use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, ValueEnum};
use sealtrail_core::Error;
use sealtrail_core::import::{FileImport, ImportOptions, Importer, Source};
use sealtrail_core::trail::Trail;

use super::refused;
use crate::failure::{EXIT_IO, EXIT_NO_MATCH, Failure};
use crate::progress;
use crate::session::Session;
use crate::text::{count, grouped, seconds};
use batch::Batch;

const AFTER_HELP: &str = "\
Examples:
  sealtrail import claude-code ~/.claude/projects
  sealtrail import claude-code session.jsonl --dry-run
  sealtrail import cloudtrail ./AWSLogs

Importing the same logs again adds nothing: ids come from the source and are looked up in the whole
trail. What is not finished yet (a running tool call, a response that may still grow) is left for
the next import. A line that cannot be read is told on standard error and makes the exit code 3;
everything else is imported.";

/// Import the logs of other programs
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Import {
    /// The program whose logs these are
    source: Program,
    /// Files, or folders that are searched
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Keep the results of tool calls, not only their size and hash
    #[arg(long)]
    include_content: bool,
    /// Read and look up everything, but record nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Program {
    /// Transcripts of Claude Code (files or the projects folder)
    ClaudeCode,
    /// Log files of AWS CloudTrail
    #[value(name = "cloudtrail")]
    CloudTrail,
}

impl Program {
    /// The files that a folder is searched for.
    fn files(self) -> &'static str {
        match self {
            Self::ClaudeCode => "*.jsonl",
            Self::CloudTrail => "*.json, *.jsonl, also with .gz",
        }
    }
}

impl From<Program> for Source {
    fn from(program: Program) -> Self {
        match program {
            Program::ClaudeCode => Self::ClaudeCode,
            Program::CloudTrail => Self::CloudTrail,
        }
    }
}

/// What the import came to so far.
#[derive(Debug, Default)]
struct Total {
    files: u64,
    events: u64,
    new: u64,
    unfinished: u64,
    skipped: u64,
    refused: u64,
}

impl Import {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let options =
            ImportOptions { include_content: self.include_content, ..ImportOptions::default() };
        let paths: Vec<PathBuf> = self.paths.iter().map(|path| session.file(path)).collect();
        let importer = Importer::open(self.source.into(), &paths, options)?;
        if importer.remaining().0 == 0 {
            session.note(format_args!(
                "no file here is one that is imported ({})",
                self.source.files()
            ));
            return Ok(EXIT_NO_MATCH);
        }
        let trail = self.trail(session)?;
        let started = Instant::now();
        let mut total = Total::default();
        let result = self.go(session, importer, trail.as_ref(), &mut total);
        if let Some(trail) = trail {
            session.wait(trail.close(true))?;
        }
        result?;
        self.summary(session, &total, started);
        Ok(if total.skipped + total.refused > 0 { EXIT_IO } else { 0 })
    }

    /// The trail. A dry run can do without one.
    fn trail(&self, session: &mut Session<'_>) -> Result<Option<Trail>, Failure> {
        // Imported events say themselves who acted and where.
        match session.open_with(|settings| settings.defaults.clear()) {
            Err(failure) if self.dry_run && matches!(failure.core(), Some(Error::NotFound(_))) => {
                session.note("no trail yet: every event counts as new");
                Ok(None)
            }
            other => other.map(Some),
        }
    }

    fn go(
        &self,
        session: &mut Session<'_>,
        mut importer: Importer,
        trail: Option<&Trail>,
        total: &mut Total,
    ) -> Result<(), Failure> {
        let bytes = importer.remaining().1;
        let bar = progress::over_bytes(session.stderr_is_terminal, Some(bytes));
        let mut batch = Batch::default();
        while let Some(file) = importer.next() {
            if session.cancel.is_cancelled() {
                return Err(Error::Interrupted.into());
            }
            bar.suspend(|| count_file(session, &file, total));
            let known = match trail {
                Some(trail) => session.wait(trail.contains(&ids(&file)))?,
                None => Default::default(),
            };
            let name = file.path.display().to_string();
            for event in file.events.iter().filter(|event| !known.contains(event.audit_id())) {
                total.new += 1;
                if !self.dry_run {
                    batch.push(&name, event)?;
                }
            }
            if let Some(trail) = trail
                && batch.is_full()
            {
                bar.suspend(|| batch.record(session, trail, total))?;
            }
            bar.set_position(bytes - importer.remaining().1);
        }
        bar.finish_and_clear();
        match trail {
            Some(trail) => batch.record(session, trail, total),
            None => Ok(()),
        }
    }

    fn summary(&self, session: &mut Session<'_>, total: &Total, started: Instant) {
        let verb = if self.dry_run { "would be imported" } else { "imported" };
        let (new, files) = (count(total.new, "new event"), count(total.files, "file"));
        let known = total.events - total.new - total.refused;
        let took = seconds(started.elapsed());
        let mut line = format!(
            "{new} {verb} from {files} in {took}; {} known already, {} unfinished",
            grouped(known),
            grouped(total.unfinished),
        );
        for (number, what) in [(total.skipped, "skipped"), (total.refused, "refused")] {
            if number > 0 {
                line.push_str(&format!(", {} {what}", count(number, "line")));
            }
        }
        session.note(line);
    }
}

/// Adds a file to the totals and tells what could not be read of it.
fn count_file(session: &mut Session<'_>, file: &FileImport, total: &mut Total) {
    total.files += 1;
    total.events += file.events.len() as u64 + file.duplicates;
    total.unfinished += file.unfinished.total();
    total.skipped += file.skipped.len() as u64;
    let name = file.path.display().to_string();
    for skipped in &file.skipped {
        refused::tell(session, &name, skipped.line, &skipped.path, &skipped.reason);
    }
}

fn ids(file: &FileImport) -> Vec<String> {
    file.events.iter().map(|event| event.audit_id().to_owned()).collect()
}
