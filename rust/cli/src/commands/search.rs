//! `sealtrail search`: what happened, by what is known about it.

mod related;
mod report;
mod sequence;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use sealtrail_core::access::{Question as Asked, Rows};
use sealtrail_core::trail::Trail;
use sealtrail_query::output::write_result;
use sealtrail_query::search::{Form, Order, Reached, Search as Question, write_nested};
use sealtrail_query::{Engine, QueryResult, ReadView};

use super::jobs;
use crate::commands::sql::Format;
use crate::failure::{EXIT_NO_MATCH, Failure};
use crate::filter::{FilterArgs, VALUES_HELP};
use crate::session::Session;
use related::RelatedArgs;

const EXAMPLES: &str = "\
Examples:
  sealtrail search --user-id user_20417 --since \"24 hours\"
  sealtrail search --event-type 'data.*' --sensitivity-level pii,phi --status-not success
  sealtrail search --source-ip 203.0.113.0/24 --event-type auth.user_login --status failure --stats
  sealtrail search --where 'resource.size_bytes > 1e6' --order 'resource.size_bytes desc' -n 20
  sealtrail search --text 'rm -rf' -o json | jq '.[] | .resource.path'
  sealtrail search --related-to audit_evt_17d20b6e88c4 --context 30min
  sealtrail search --agent-id 'agent_*' --fields timestamp,agent_id,tool_name -o csv

The earliest comes first; -r turns that round. json and jsonl are the records as they were signed,
or their --fields, nested; csv and parquet are flat. Where -n cut the results off, standard error
ends with the cursor for --cursor. The exit code is 1 if nothing matched.";

/// Find what happened
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{VALUES_HELP}\n\n{}", sequence::HELP))]
pub(crate) struct Search {
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    sequence: sequence::SequenceArgs,
    #[command(flatten)]
    related: RelatedArgs,
    /// Order by these fields, such as 'cost_usd desc, timestamp'; otherwise
    /// by time. What lacks a field comes last
    #[arg(long, value_name = "FIELDS", verbatim_doc_comment)]
    order: Option<String>,
    /// Turn the order round: the latest first
    #[arg(short, long)]
    reverse: bool,
    /// At most so many results
    #[arg(short = 'n', long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Go on after the result with this cursor, also while records arrive
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// Only these fields: paths such as resource.path, or columns such as
    /// actor and outcome
    #[arg(long, value_name = "FIELDS", value_delimiter = ',', verbatim_doc_comment)]
    fields: Vec<String>,
    /// Otherwise table on a terminal, jsonl elsewhere
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,
    /// Write to this file, replacing it, instead of standard output
    #[arg(long, value_name = "FILE")]
    output_file: Option<PathBuf>,
    /// Say only how many there are
    #[arg(long, group = "instead")]
    count: bool,
    /// Count by event type, actor and hour
    #[arg(long, group = "instead")]
    stats: bool,
    /// Search, and say instead of the results what was skipped and read
    #[arg(long, group = "instead")]
    explain: bool,
    /// Leave out what is in archives; otherwise they are searched, too
    #[arg(long)]
    exclude_archive: bool,
    /// Run it as a job that outlives this terminal, and print its id; the
    /// result is Parquet (`sealtrail jobs`)
    #[arg(
        long = "async",
        conflicts_with_all = ["output_file", "instead"],
        verbatim_doc_comment
    )]
    detach: bool,
}

/// The moment of the trail that is searched, and what searches it.
struct Ground {
    engine: Engine,
    view: Arc<ReadView>,
    trail: Trail,
    /// Counts the results.
    rows: Rows,
}

impl Search {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let question = self.question(session)?;
        let sequences = self.sequence.query(question.filter.clone())?;
        if self.detach && session.job.is_none() {
            return jobs::submit(session, "search", None);
        }
        if self.related.wanted() {
            let found = self.related(session, question.filter)?;
            return Ok(if found == 0 { EXIT_NO_MATCH } else { 0 });
        }
        let format = self.format(session)?;
        let trail = session.open()?;
        let engine = session.engine()?;
        let view = session.wait(trail.view())?.excluding_access(self.filter.exclude_access);
        let view = view.excluding_archive(self.exclude_archive);
        let rows = session.ask(&trail, self.asked(session, &view))?;
        let ground = Ground { engine, view, trail, rows };
        let found = if let Some(query) = &sequences {
            sequence::results(session, &ground, query, &self.wanted(format))?
        } else if self.count {
            self.counted(session, &ground, &question)?
        } else if self.stats {
            report::summary(session, &ground, &question, self.output)?
        } else if self.explain {
            report::explain(session, &ground, &question, self.output)?
        } else {
            self.results(session, &ground, &question, format)?
        };
        Ok(if found == 0 { EXIT_NO_MATCH } else { 0 })
    }

    fn question(&self, session: &mut Session<'_>) -> Result<Question, Failure> {
        let question = Question {
            filter: self.filter.resolved(session)?,
            order: self.order.as_deref().map(Order::parse).transpose()?.unwrap_or_default(),
            reverse: self.reverse,
            limit: self.limit,
            cursor: self.cursor.clone(),
            fields: self.fields.clone(),
        };
        question.check()?;
        Ok(question)
    }

    /// The question for the record of who looked.
    pub(super) fn asked(&self, session: &Session<'_>, view: &ReadView) -> Asked {
        let report = [("count", self.count), ("stats", self.stats), ("explain", self.explain)];
        let report = report.iter().find(|(_, given)| *given).map(|(name, _)| *name);
        let fields = (!self.fields.is_empty()).then(|| self.fields.clone());
        session
            .question("search", view.size())
            .filter("filter", self.filter.shown())
            .filter("order", self.order.clone())
            .filter("limit", self.limit)
            .filter("cursor", self.cursor.clone())
            .filter("fields", fields)
            .filter("report", report)
            .filter("exclude_archive", self.exclude_archive.then_some(true))
            .filter("sequence", self.sequence.shown())
    }

    fn wanted(&self, format: Format) -> sequence::Wanted<'_> {
        sequence::Wanted {
            fields: &self.fields,
            limit: self.limit,
            format,
            output_file: self.output_file.as_deref(),
            count: self.count,
        }
    }

    fn format(&self, session: &Session<'_>) -> Result<Format, Failure> {
        Format::chosen(self.output, session, self.output_file.is_some())
    }

    fn counted(
        &self,
        session: &mut Session<'_>,
        ground: &Ground,
        question: &Question,
    ) -> Result<u64, Failure> {
        let store = ground.trail.storage().object_store()?;
        let view = Arc::clone(&ground.view);
        let count = session.wait(question.filter.count(&ground.engine, view, store))?;
        match self.output {
            Some(Format::Json | Format::Jsonl) => writeln!(session.out, "{{\"count\":{count}}}")?,
            _ => writeln!(session.out, "{count}")?,
        }
        Ok(count)
    }

    fn results(
        &self,
        session: &mut Session<'_>,
        ground: &Ground,
        question: &Question,
        format: Format,
    ) -> Result<u64, Failure> {
        let (result, reached) = ground.start(session, question, form(format))?;
        let result = result.counted(ground.rows.clone());
        let rows = match &self.output_file {
            None => {
                if format == Format::Table {
                    session.out.show_controls();
                }
                let cancel = session.cancel.clone();
                let result = jobs::counted(session, result);
                cancel.wait(write(result, format, &self.fields, &mut session.out))?
            }
            Some(path) => {
                let path = session.file(path);
                let file = File::create(&path).map_err(|error| Failure::io(&path, error))?;
                let file = BufWriter::new(file);
                let written = session.wait(write(result, format, &self.fields, file));
                if written.is_err() {
                    // The error that counts is the one that led here.
                    let _ = std::fs::remove_file(&path);
                }
                written?
            }
        };
        if self.limit.is_some_and(|limit| rows >= limit)
            && let Some(cursor) = reached.cursor()
        {
            session.note(format_args!("cursor: {cursor}"));
        }
        Ok(rows)
    }
}

impl Ground {
    fn start(
        &self,
        session: &Session<'_>,
        question: &Question,
        form: Form,
    ) -> Result<(QueryResult, Reached), Failure> {
        let (view, store) = (Arc::clone(&self.view), self.trail.storage().object_store()?);
        let found = session.wait(question.run(&self.engine, view, store, form))?;
        let reached = found.reached();
        Ok((found.result, reached))
    }
}

fn form(format: Format) -> Form {
    match format {
        Format::Table => Form::Brief,
        Format::Json | Format::Jsonl => Form::Nested,
        Format::Csv | Format::Parquet => Form::Flat,
    }
}

async fn write(
    result: QueryResult,
    format: Format,
    fields: &[String],
    out: impl Write + Send,
) -> sealtrail_query::Result<u64> {
    match format {
        Format::Json => write_nested(result, fields, true, out).await,
        Format::Jsonl => write_nested(result, fields, false, out).await,
        other => write_result(result, other.into(), out).await,
    }
}
