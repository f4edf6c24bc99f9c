//! `sealtrail export`: records that leave the trail, with a signed manifest.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use sealtrail_core::Error;
use sealtrail_core::access::Rows;
use sealtrail_core::evidence::{AskedBy, ExportFormat};
use sealtrail_core::trail::{ReadView, Trail};
use sealtrail_query::export::{Export as Question, Exported, Lake};
use serde_json::json;

use super::jobs;
use crate::failure::{EXIT_NO_MATCH, Failure};
use crate::filter::{FilterArgs, VALUES_HELP};
use crate::output::ReportFormat;
use crate::progress;
use crate::session::Session;
use crate::text::{aligned, bytes, count, grouped};

const EXAMPLES: &str = "\
Examples:
  sealtrail export -o march.jsonl --since 2026-03-01 --until 2026-04-01 --purpose 'case 17'
  sealtrail export -o phi.csv --format csv --sensitivity-level phi
  sealtrail export -o ./siem --since-last
  sealtrail verify-integrity march.jsonl --key owner.vkey

Beside FILE stands FILE.manifest: what was asked for, when, by whom and why, how many records of
each type there are, the hash of every file, and the state of the ledger; signed by a writer of this
host, or by the owner where it has none. Beside jsonl, whose lines are the records as they were
signed, FILE.proofs proves each of them. `verify-integrity FILE --key owner.vkey` checks all of it
offline.

Records come segment by segment, and by time within a segment. Only what is in the ledger is
exported. What was cut short goes on when the same is asked for again.

Where sensitive data is not to leave, csv, parquet and ocsf are redacted as the configuration says
(`redaction`), each record says so in `_redacted`, and personal fields stay sealed; jsonl, whose lines
are as they were signed, is refused.

--since-last writes into a folder, each time what came since the last time it ran: none is left out
and none comes twice. The exit code is 1 if nothing matched.";

/// Export records with a signed manifest and their proofs
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{VALUES_HELP}"))]
pub(crate) struct Export {
    #[command(flatten)]
    filter: FilterArgs,
    /// The file to write; with --since-last a folder
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// In what form
    #[arg(short, long, value_name = "FORMAT", default_value = "jsonl")]
    format: Format,
    /// Name of the source, for ocsf: ext/<SOURCE>/region=.../accountId=.../eventDay=...
    #[arg(long, value_name = "NAME", default_value = "sealtrail")]
    lake_source: String,
    /// The region, for ocsf
    #[arg(long, value_name = "NAME", default_value = "local")]
    lake_region: String,
    /// The account, for ocsf
    #[arg(long, value_name = "NAME", default_value = "000000000000")]
    lake_account: String,
    /// Only what came since the last export into this folder with the same filters
    #[arg(long, conflicts_with = "replace")]
    since_last: bool,
    /// Whether sensitive data leaves as it is; otherwise
    /// `redaction.include_sensitive_data` of the configuration
    #[arg(long, value_name = "BOOL", verbatim_doc_comment)]
    include_sensitive_data: Option<bool>,
    /// Replace a file that is there
    #[arg(long)]
    replace: bool,
    /// Run it as a job that outlives this terminal, and print its id (`sealtrail
    /// jobs`)
    #[arg(long = "async", verbatim_doc_comment)]
    detach: bool,
    /// How the report is printed; otherwise table on a terminal, json elsewhere
    #[arg(long, value_name = "FORMAT")]
    report: Option<ReportFormat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Canonical records, one a line, with proofs
    Jsonl,
    /// Columns, with a header
    Csv,
    /// A Parquet file
    Parquet,
    /// OCSF events, in a folder laid out as a security lake has it
    Ocsf,
}

impl From<Format> for ExportFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Jsonl => Self::Jsonl,
            Format::Csv => Self::Csv,
            Format::Parquet => Self::Parquet,
            Format::Ocsf => Self::Ocsf,
        }
    }
}

impl Export {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let filter = self.filter.resolved(session)?;
        if self.detach && session.job.is_none() {
            return jobs::submit(session, "export", None);
        }
        let trail = session.open()?;
        let view = session.wait(trail.view())?;
        let mut asked = session
            .question("export", view.size())
            .filter("filter", self.filter.shown())
            .filter("format", ExportFormat::from(self.format).name())
            .filter("output", self.output.display().to_string());
        let by = AskedBy::of(&asked.reader);
        let mut question = Question {
            filter,
            asked: self.filter.asked(),
            exclude_access: self.filter.exclude_access,
            lake: Lake {
                source: self.lake_source.clone(),
                region: self.lake_region.clone(),
                account: self.lake_account.clone(),
            },
            purpose: asked.purpose.clone(),
            replace: self.replace,
            redactor: trail.redactor(self.include_sensitive_data)?.map(Arc::new),
            ..Question::new(self.format.into(), by)
        };
        let mut path = session.file(&self.output);
        if self.since_last {
            let Some(next) = session.wait(question.next(&trail, &view, &path))? else {
                session.note("nothing came since the last export");
                return Ok(EXIT_NO_MATCH);
            };
            asked = asked.filter("since_entry", next.since.size);
            question.since = Some(next.since);
            path = next.path;
        }
        let rows = session.ask(&trail, asked)?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|e| Failure::io(folder, e))?;
        }
        let done = export(session, &trail, &view, &question, &path, &rows)?;
        let format = session.report_format(self.report);
        print(session, &done, format)?;
        Ok(if done.manifest.records == 0 { EXIT_NO_MATCH } else { 0 })
    }
}

/// Exports, with a progress bar.
pub(super) fn export(
    session: &mut Session<'_>,
    trail: &Trail,
    view: &Arc<ReadView>,
    question: &Question,
    path: &std::path::Path,
    rows: &Rows,
) -> Result<Exported, Failure> {
    let bar = progress::over_items(session.stderr_is_terminal, 0, "records");
    let job = session.job.clone();
    let watch = |done: u64, of: u64| {
        bar.set_length(of);
        bar.set_position(done);
        if let Some(job) = &job {
            job.set_rows(done, of);
        }
    };
    let done = match question.format {
        ExportFormat::Package => session.wait(question.package(trail, view, path, rows, &watch)),
        _ => session.wait(question.run(trail, view, path, rows, &watch)),
    };
    bar.finish_and_clear();
    let done = done?;
    if done.manifest.unsealed > 0 {
        let waiting = count(done.manifest.unsealed, "record");
        session.note(format_args!(
            "warning: {waiting} durable and not in the ledger yet, so not exported: they come \
             with the writer's next commit"
        ));
    }
    Ok(done)
}

/// What was exported, for people or programs.
pub(super) fn print(
    session: &mut Session<'_>,
    done: &Exported,
    format: ReportFormat,
) -> Result<(), Failure> {
    let manifest = &done.manifest;
    if format == ReportFormat::Json {
        let report = json!({
            "path": done.path,
            "manifest_path": done.manifest_path,
            "manifest_sha256": done.manifest_sha256,
            "resumed": done.resumed,
            "manifest": manifest,
        });
        let text = serde_json::to_string_pretty(&report)
            .map_err(|error| Error::encoding("report", error))?;
        return Ok(writeln!(session.out, "{text}")?);
    }
    let path = done.path.strip_prefix(&session.cwd).unwrap_or(&done.path);
    writeln!(session.out, "{}  {}", count(manifest.records, "record"), path.display())?;
    let manifest_path = &done.manifest_path;
    let manifest_path = manifest_path.strip_prefix(&session.cwd).unwrap_or(manifest_path);
    let size: u64 = manifest.files.iter().map(|file| file.bytes).sum();
    let mut rows = vec![
        ["manifest".to_owned(), manifest_path.display().to_string()],
        ["its sha256".to_owned(), done.manifest_sha256.clone()],
        ["ledger".to_owned(), count(manifest.ledger.size, "entry")],
        ["size".to_owned(), bytes(size)],
    ];
    if done.resumed > 0 {
        rows.push([
            "of these".to_owned(),
            format!("{} from an earlier run", grouped(done.resumed)),
        ]);
    }
    for (name, count) in &manifest.counts {
        rows.push([name.clone(), grouped(*count)]);
    }
    session.out.write_all(aligned("  ", &rows).as_bytes())?;
    Ok(())
}
