//! `sealtrail sql`: questions to the trail.

mod params;

use std::fs::File;
use std::io::{BufWriter, Read};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, ValueEnum};
use sealtrail_core::access::Question;
use sealtrail_core::ledger::Moment;
use sealtrail_core::trail::Trail;
use sealtrail_query::output::{OutputFormat, write_result};
use sealtrail_query::{CallersTable, Params, QueryResult, Scope};

use super::jobs;
use crate::asking::Excluding;
use crate::failure::{EXIT_NO_MATCH, Failure};
use crate::session::Session;
use crate::text::{count, seconds, size};

const AFTER_HELP: &str = "\
Examples:
  sealtrail sql \"SELECT event_type, count(*) AS n FROM events GROUP BY 1 ORDER BY n DESC\"
  sealtrail sql \"SELECT * FROM data_events WHERE agent_id = $1\" --param agent_7
  sealtrail sql \"SELECT * FROM auth_events WHERE outcome = $o\" --param o=failure -o csv
  sealtrail sql -f report.sql -o parquet --output-file report.parquet
  sealtrail sql -f long.sql --async
  sealtrail sql \"SELECT team FROM events JOIN staff USING (user_id)\" --table staff=staff.csv

Tables: events, auth_events, agent_events, data_events, workflow_events, system_events,
workflow_steps, approvals; `SHOW TABLES` and `DESCRIBE events` say what they hold. Fields without a
column of their own: attrs ->> 'name'. The whole record: event. Times are UTC.

A parameter is a number, true, false or null if it looks like one, and text otherwise; '\"7\"' is the
text 7. The exit code is 1 if there are no rows.

Each question leaves two system.audit_access records (who, from where, what, how many rows); they
are part of later answers, unless --exclude-access is given.";

/// Ask a question in SQL
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Sql {
    /// One statement that reads; `-` reads it from standard input
    #[arg(required_unless_present = "file", conflicts_with = "file")]
    query: Option<String>,
    /// Read the statement from a file
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Otherwise table on a terminal, jsonl elsewhere
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,
    /// Write to this file, replacing it, instead of standard output
    #[arg(long, value_name = "FILE")]
    output_file: Option<PathBuf>,
    /// Value of a parameter: in order for $1, $2 or ?, or as name=value for
    /// $name. Can be repeated
    #[arg(long, value_name = "VALUE|NAME=VALUE", allow_hyphen_values = true, verbatim_doc_comment)]
    param: Vec<String>,
    /// Ask the trail as it was, without what was not committed then: when its
    /// ledger had so many entries, or at a time such as 2026-03-01T12:00:00Z
    #[arg(long, value_name = "ENTRIES|TIME", verbatim_doc_comment)]
    at: Option<String>,
    /// A table of yours, for this statement: a .parquet, .csv, .tsv, .jsonl or
    /// .ndjson file. Can be repeated
    #[arg(long, value_name = "NAME=FILE", verbatim_doc_comment)]
    table: Vec<String>,
    /// Say on standard error how long it took
    #[arg(long)]
    timing: bool,
    #[command(flatten)]
    excluding: Excluding,
    /// Memory for sorting, grouping and joining, such as 256MiB; what does not
    /// fit goes to temporary files. Otherwise 1GiB
    #[arg(long, value_name = "SIZE", value_parser = size, verbatim_doc_comment)]
    memory_limit: Option<usize>,
    /// Run it as a job that outlives this terminal, and print its id; the
    /// result is Parquet (`sealtrail jobs`)
    #[arg(long = "async", conflicts_with = "output_file", verbatim_doc_comment)]
    detach: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns
    Table,
    /// One array
    Json,
    /// One object a line
    Jsonl,
    /// With a header
    Csv,
    /// A Parquet file
    Parquet,
}

impl Format {
    /// The format that was asked for; otherwise a table on a terminal and lines elsewhere.
    pub(super) fn chosen(
        asked: Option<Self>,
        session: &Session<'_>,
        to_file: bool,
    ) -> Result<Self, Failure> {
        // A job keeps rows as Parquet; `jobs result` has the choice.
        if session.job.is_some() {
            return Ok(Self::Parquet);
        }
        let for_people = session.stdout_is_terminal && !to_file;
        let default = if for_people { Self::Table } else { Self::Jsonl };
        match asked {
            Some(Self::Parquet) if for_people => {
                Err(Failure::usage("a terminal cannot show Parquet; add --output-file FILE"))
            }
            format => Ok(format.unwrap_or(default)),
        }
    }
}

impl From<Format> for OutputFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Table => Self::Table,
            Format::Json => Self::Json,
            Format::Jsonl => Self::Jsonl,
            Format::Csv => Self::Csv,
            Format::Parquet => Self::Parquet,
        }
    }
}

impl Sql {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        if self.detach && session.job.is_none() {
            let stdin = self.query.as_deref() == Some("-");
            let stdin = stdin.then(|| self.statement(session)).transpose()?;
            return jobs::submit(session, "sql", stdin);
        }
        session.memory_limit = self.memory_limit;
        let statement = self.statement(session)?;
        let params = params::parse(&self.param)?;
        let format = Format::chosen(self.output, session, self.output_file.is_some())?;
        let trail = session.open()?;
        let started = Instant::now();
        let moment = self.at.as_deref().map(Moment::parse).transpose()?;
        let scope = self.scope(session, &trail, moment)?;
        let question = self.question(session, &scope, &statement);
        let result = answer(session, &scope, &statement, params)?;
        let result = result.counted(session.ask(&trail, question)?);
        let rows = match &self.output_file {
            Some(path) => to_file(session, result, format, &session.file(path))?,
            None => to_stdout(session, result, format)?,
        };
        if self.timing {
            let (rows, took) = (count(rows, "row"), seconds(started.elapsed()));
            session.note(format_args!("{rows} in {took}"));
        }
        Ok(if rows == 0 { EXIT_NO_MATCH } else { 0 })
    }

    fn question(&self, session: &Session<'_>, scope: &Scope, statement: &str) -> Question {
        let params = (!self.param.is_empty()).then(|| self.param.clone());
        let question = session.question("sql", scope.entries()).query(statement);
        let hot = self.excluding.exclude_archive.then_some(true);
        let question = question.filter("params", params).filter("at", self.at.clone());
        question.filter("exclude_archive", hot)
    }

    /// The trail at the moment that is asked for, and the user's tables.
    fn scope(
        &self,
        session: &Session<'_>,
        trail: &Trail,
        moment: Option<Moment>,
    ) -> Result<Scope, Failure> {
        let Excluding { exclude_access, exclude_archive } = self.excluding;
        let scope = scope_of(session, trail, moment)?;
        let mut scope = scope.excluding_access(exclude_access).excluding_archive(exclude_archive);
        for table in &self.table {
            let Some((name, file)) = table.split_once('=') else {
                return Err(Failure::usage(format!("--table {table}: NAME=FILE is wanted")));
            };
            let rows = CallersTable::read(&session.file(Path::new(file)))?;
            scope = scope.with_table(name, &rows)?;
        }
        Ok(scope)
    }

    fn statement(&self, session: &mut Session<'_>) -> Result<String, Failure> {
        let mut text = String::new();
        match (self.query.as_deref(), &self.file) {
            (Some("-"), _) => {
                if let Some(mut stdin) = session.stdin.take() {
                    stdin.read_to_string(&mut text).map_err(|e| Failure::io("-", e))?;
                }
            }
            (Some(query), _) => query.clone_into(&mut text),
            (None, Some(path)) => {
                let path = session.file(path);
                text = std::fs::read_to_string(&path).map_err(|e| Failure::io(path, e))?;
            }
            (None, None) => {}
        }
        Ok(text)
    }
}

/// Prints the answer as a table.
pub(super) fn print_table(
    session: &mut Session<'_>,
    trail: &Trail,
    statement: &str,
) -> Result<u64, Failure> {
    let scope = scope_of(session, trail, None)?;
    let result = answer(session, &scope, statement, Params::None)?;
    to_stdout(session, result, Format::Table)
}

/// The trail as it is now, or was at a moment.
fn scope_of(
    session: &Session<'_>,
    trail: &Trail,
    moment: Option<Moment>,
) -> Result<Scope, Failure> {
    let store = trail.storage().object_store()?;
    let view = match moment {
        None => session.wait(trail.view())?,
        Some(moment) => session.wait(trail.view_at(moment))?,
    };
    Ok(Scope::of(view, store))
}

/// The answer to a statement.
fn answer(
    session: &Session<'_>,
    scope: &Scope,
    statement: &str,
    params: Params,
) -> Result<QueryResult, Failure> {
    let engine = session.engine()?;
    session.wait(engine.ask(scope, statement, params))
}

fn to_stdout(
    session: &mut Session<'_>,
    result: QueryResult,
    format: Format,
) -> Result<u64, Failure> {
    if format == Format::Table {
        session.out.show_controls();
    }
    let cancel = session.cancel.clone();
    let result = jobs::counted(session, result);
    cancel.wait(write_result(result, format.into(), &mut session.out))
}

/// Writes the answer to a file, which is not left behind if that fails.
fn to_file(
    session: &Session<'_>,
    result: QueryResult,
    format: Format,
    path: &Path,
) -> Result<u64, Failure> {
    let file = File::create(path).map_err(|error| Failure::io(path, error))?;
    let written = session.wait(write_result(result, format.into(), BufWriter::new(file)));
    if written.is_err() {
        // The error that counts is the one that led here.
        let _ = std::fs::remove_file(path);
    }
    written
}
