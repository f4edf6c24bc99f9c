//! `sealtrail evidence`: a package for whoever has to believe without the trail.

use std::path::PathBuf;

use clap::Args;
use sealtrail_core::evidence::{AskedBy, ExportFormat};
use sealtrail_query::export::Export as Question;

use super::{export, jobs};
use crate::failure::{EXIT_NO_MATCH, Failure};
use crate::filter::{FilterArgs, VALUES_HELP};
use crate::output::ReportFormat;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  sealtrail evidence -o case-17.zip --user-id user_20417 --since 2026-03-01 --purpose 'case 17'
  sealtrail evidence -o case-18 audit_evt_0198f0c2-7a5e-7d3a-8d5e-0242ac120002
  sealtrail verify-integrity case-17.zip --key owner.vkey
  sealtrail custody add case-17.zip --from 'J. Doe' --to 'Court of Lyon' --purpose 'hearing'

The package (a zip if its name ends so, else a folder) holds the records as they were signed, their
proofs, the signed checkpoint of the ledger, a signed manifest, a custody log, a program that checks
all of it with Python and the owner's public key alone (verify.py), and a summary as HTML and PDF.

Only what is in the ledger goes into it. The exit code is 1 if nothing matched.";

/// Build an evidence package: records, proofs, manifest, custody log, summary
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{VALUES_HELP}"))]
pub(crate) struct Evidence {
    /// The `audit_id`s of records; otherwise all that the filters find
    #[arg(value_name = "ID", conflicts_with = "audit_id")]
    ids: Vec<String>,
    #[command(flatten)]
    filter: FilterArgs,
    /// The folder, or zip, to make
    #[arg(short, long, value_name = "PATH")]
    output: PathBuf,
    /// Replace what is there
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

impl Evidence {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let mut filter = self.filter.resolved(session)?;
        let mut shown = self.filter.asked();
        if !self.ids.is_empty() {
            shown.insert("ids".to_owned(), self.ids.clone().into());
            filter = filter.field("audit_id", self.ids.clone());
        }
        if self.detach && session.job.is_none() {
            return jobs::submit(session, "evidence", None);
        }
        let trail = session.open()?;
        let view = session.wait(trail.view())?;
        let asked = session
            .question("evidence", view.size())
            .filter("filter", shown.clone())
            .filter("output", self.output.display().to_string());
        let by = AskedBy::of(&asked.reader);
        let question = Question {
            filter,
            asked: shown,
            exclude_access: self.filter.exclude_access,
            purpose: asked.purpose.clone(),
            replace: self.replace,
            ..Question::new(ExportFormat::Package, by)
        };
        let path = session.file(&self.output);
        let rows = session.ask(&trail, asked)?;
        let done = export::export(session, &trail, &view, &question, &path, &rows)?;
        let format = session.report_format(self.report);
        export::print(session, &done, format)?;
        Ok(if done.manifest.records == 0 { EXIT_NO_MATCH } else { 0 })
    }
}
