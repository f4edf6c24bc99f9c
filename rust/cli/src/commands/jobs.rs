//! `sealtrail jobs`: commands that go on without their terminal.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use datafusion::arrow::array::RecordBatch;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use sealtrail_core::Error;
use sealtrail_query::QueryResult;
use sealtrail_query::output::{OutputFormat, ResultWriter};
use serde_json::{Value, json};

use super::sql::Format;
use crate::failure::Failure;
use crate::jobs::{JobInfo, Request, Starter, State};
use crate::output::ReportFormat;
use crate::session::Session;
use crate::text::{aligned, bytes, duration, grouped};
use crate::{Cancel, jobs};

const AFTER_HELP: &str = "\
Examples:
  id=$(sealtrail sql -f long.sql --async)
  sealtrail jobs status $id
  sealtrail jobs result $id --wait -o csv
  sealtrail jobs list
  sealtrail jobs clean --older-than 7d

A job is started by --async. It runs in a process of its own, goes on when the terminal is closed,
and is kept in the folder jobs of SEALTRAIL_HOME with its result: Parquet of a query, JSON of a
report. A job whose process was killed is `lost`; `resume` starts it once more. Queries begin again
from their start then; `verify-integrity --since-last` goes on where verification had come to.

`result` exits as the command would have: 1 where nothing matched, 4 where integrity does not hold.";

/// How often a job is looked at that is waited for.
const TICK: Duration = Duration::from_millis(100);

/// List and control jobs, and get their results
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Jobs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List all jobs, the oldest first
    List {
        /// Otherwise table on a terminal, json elsewhere
        #[arg(short, long, value_name = "FORMAT")]
        output: Option<ReportFormat>,
    },
    /// Say how it is with a job
    Status {
        /// What --async printed
        id: String,
        /// Wait until it is over
        #[arg(long)]
        wait: bool,
        /// Otherwise table on a terminal, json elsewhere
        #[arg(short, long, value_name = "FORMAT")]
        output: Option<ReportFormat>,
    },
    /// Print the result of a job
    Result {
        /// What --async printed
        id: String,
        /// Wait until it is over
        #[arg(long)]
        wait: bool,
        /// Of rows; otherwise table on a terminal, jsonl elsewhere. A report is
        /// JSON
        #[arg(short, long, value_name = "FORMAT", verbatim_doc_comment)]
        output: Option<Format>,
        /// Write to this file, replacing it, instead of standard output
        #[arg(long, value_name = "FILE")]
        output_file: Option<PathBuf>,
    },
    /// Stop a job
    Cancel {
        /// What --async printed
        id: String,
    },
    /// Start a job that failed, was cancelled or lost once more
    Resume {
        /// What --async printed
        id: String,
    },
    /// Remove jobs that are over, with their results
    Clean {
        /// Only these; otherwise all
        #[arg(value_name = "ID", conflicts_with = "older_than")]
        ids: Vec<String>,
        /// Only those that have been over for so long: 90s, 12h, 7d
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        older_than: Option<Duration>,
    },
    #[command(hide = true)]
    Run { id: String },
}

impl Jobs {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let jobs = jobs::Jobs::of(&session.home()?);
        match self.action {
            Action::List { output } => list(session, &jobs, output),
            Action::Status { id, wait, output } => {
                let info = found(session, &jobs, &id, wait)?;
                status(session, &jobs, &info, output).map(|()| 0)
            }
            Action::Result { id, wait, output, output_file } => {
                let info = found(session, &jobs, &id, wait)?;
                let path = output_file.map(|path| session.file(&path));
                result(session, &jobs, &info, output, path.as_deref())
            }
            Action::Cancel { id } => {
                jobs.cancel(&id)?;
                let info = found(session, &jobs, &id, true)?;
                session.note(format_args!("job {id} is {}", info.state.name()));
                Ok(0)
            }
            Action::Resume { id } => {
                jobs.resume(&id, &Starter::default())?;
                started(session, &id)
            }
            Action::Clean { ids, older_than } => {
                let removed = if ids.is_empty() {
                    jobs.clean(older_than.unwrap_or_default())?
                } else {
                    ids.iter().try_for_each(|id| jobs.remove(id))?;
                    ids
                };
                for id in removed {
                    writeln!(session.out, "{id}")?;
                }
                Ok(0)
            }
            Action::Run { id } => jobs::run(session, &id),
        }
    }
}

/// Makes a job of this process's command line, and prints its id.
pub(super) fn submit(
    session: &mut Session<'_>,
    command: &str,
    stdin: Option<String>,
) -> Result<u8, Failure> {
    let args: Option<Vec<String>> =
        session.args.iter().map(|arg| arg.to_str().map(str::to_owned)).collect();
    let args = args.ok_or_else(|| Failure::usage("the arguments of a job must be text"))?;
    let config = session.global.config.clone().map(|path| session.file(&path));
    let request = Request {
        command: command.to_owned(),
        args,
        trail: session.trail_url()?,
        config: config.map(|path| path.to_string_lossy().into_owned()),
        cwd: session.cwd.to_string_lossy().into_owned(),
        stdin,
    };
    let jobs = jobs::Jobs::of(&session.home()?);
    let info = jobs.submit(request, &Starter::default())?;
    started(session, &info.id)
}

/// The same answer; a job tells how many rows came.
pub(super) fn counted(session: &Session<'_>, mut result: QueryResult) -> QueryResult {
    let Some(job) = session.job.clone() else { return result };
    let count = move |batch: &Result<RecordBatch, _>| {
        if let Ok(batch) = batch {
            job.add_rows(batch.num_rows());
        }
    };
    let stream = result.stream.inspect(count);
    let stream = RecordBatchStreamAdapter::new(Arc::clone(&result.schema), stream);
    result.stream = Box::pin(stream);
    result
}

fn started(session: &mut Session<'_>, id: &str) -> Result<u8, Failure> {
    writeln!(session.out, "{id}")?;
    session
        .note(format_args!("job {id} runs; `sealtrail jobs result {id} --wait` prints its result"));
    Ok(0)
}

/// The job, once it is over if that is waited for.
fn found(
    session: &Session<'_>,
    jobs: &jobs::Jobs,
    id: &str,
    wait: bool,
) -> Result<JobInfo, Failure> {
    loop {
        let info = jobs.get(id)?;
        if !wait || info.state.is_over() {
            return Ok(info);
        }
        pause(&session.cancel)?;
    }
}

fn pause(cancel: &Cancel) -> Result<(), Failure> {
    cancel.wait(async {
        tokio::time::sleep(TICK).await;
        Ok::<_, Error>(())
    })
}

/// A job and how far it is, as one object.
fn described(jobs: &jobs::Jobs, info: &JobInfo) -> Result<Value, Failure> {
    let wrong = |error| Failure::from(Error::encoding("job", error));
    let mut value = serde_json::to_value(info).map_err(wrong)?;
    value["progress"] = json!(jobs.progress(&info.id));
    Ok(value)
}

fn list(
    session: &mut Session<'_>,
    jobs: &jobs::Jobs,
    output: Option<ReportFormat>,
) -> Result<u8, Failure> {
    let all = jobs.list()?;
    if session.report_format(output) == ReportFormat::Json {
        let all: Vec<Value> =
            all.iter().map(|info| described(jobs, info)).collect::<Result<_, _>>()?;
        let text = serde_json::to_string_pretty(&all).map_err(|e| Error::encoding("jobs", e))?;
        writeln!(session.out, "{text}")?;
        return Ok(0);
    }
    let mut rows = vec![["job", "state", "submitted", "rows", "command"].map(str::to_owned)];
    rows.extend(all.iter().map(|info| {
        let command = info.args.join(" ").replace('\n', " ");
        let command: String = command.chars().take(80).collect();
        let so_far = info.rows.unwrap_or_else(|| jobs.progress(&info.id).rows);
        let state = info.state.name().to_owned();
        [info.id.clone(), state, info.created.clone(), grouped(so_far), command]
    }));
    session.out.write_all(aligned("", &rows).as_bytes())?;
    Ok(0)
}

fn status(
    session: &mut Session<'_>,
    jobs: &jobs::Jobs,
    info: &JobInfo,
    output: Option<ReportFormat>,
) -> Result<(), Failure> {
    if session.report_format(output) == ReportFormat::Json {
        let text = serde_json::to_string_pretty(&described(jobs, info)?)
            .map_err(|error| Error::encoding("job", error))?;
        writeln!(session.out, "{text}")?;
        return Ok(());
    }
    let progress = jobs.progress(&info.id);
    let of = if progress.of_rows > 0 {
        format!(" of {}", grouped(progress.of_rows))
    } else {
        String::new()
    };
    let none = || "-".to_owned();
    let rows = [
        ["job", &info.id],
        ["state", info.state.name()],
        ["command", &info.args.join(" ")],
        ["trail", &info.trail],
        ["submitted", &info.created],
        ["started", &info.started.clone().unwrap_or_else(none)],
        ["finished", &info.finished.clone().unwrap_or_else(none)],
        ["rows", &format!("{}{of}", grouped(progress.rows))],
        ["bytes of result", &bytes(progress.bytes)],
        ["exit code", &info.exit_code.map_or_else(none, |code| code.to_string())],
        ["error", &info.error.clone().unwrap_or_else(none)],
        ["folder", &jobs.folder(&info.id).display().to_string()],
    ];
    Ok(session.out.write_all(aligned("", &rows.map(|row| row.map(str::to_owned))).as_bytes())?)
}

/// Prints the result; gives the exit code that the command had.
fn result(
    session: &mut Session<'_>,
    jobs: &jobs::Jobs,
    info: &JobInfo,
    output: Option<Format>,
    to: Option<&Path>,
) -> Result<u8, Failure> {
    let file = jobs.result(&info.id).map_err(|error| match info.state {
        State::Submitted | State::Running => Failure::from(error).hint("--wait waits for it"),
        State::Lost => Failure::from(error).hint("`sealtrail jobs resume` starts it once more"),
        _ => Failure::from(error),
    })?;
    let is_table = file.extension().is_some_and(|extension| extension == "parquet");
    let asked = output.filter(|_| is_table);
    let format = OutputFormat::from(Format::chosen(asked, session, to.is_some())?);
    if format == OutputFormat::Table {
        session.out.show_controls();
    }
    let as_it_is = !is_table || format == OutputFormat::Parquet;
    let cancel = session.cancel.clone();
    match to {
        Some(path) => {
            let out = File::create(path).map_err(|error| Failure::io(path, error))?;
            write(&file, as_it_is, format, BufWriter::new(out), &cancel)?;
        }
        None => write(&file, as_it_is, format, &mut session.out, &cancel)?,
    }
    Ok(info.exit_code.unwrap_or(0))
}

fn write(
    file: &Path,
    as_it_is: bool,
    format: OutputFormat,
    mut out: impl Write + Send,
    cancel: &Cancel,
) -> Result<(), Failure> {
    if as_it_is {
        let mut input = File::open(file).map_err(|error| Failure::io(file, error))?;
        io::copy(&mut input, &mut out)?;
        return Ok(out.flush()?);
    }
    let (schema, rows) = jobs::read_rows(file)?;
    let mut writer = ResultWriter::new(format, &schema, out)?;
    for batch in rows {
        if cancel.is_cancelled() {
            return Err(Error::Interrupted.into());
        }
        writer.write(&batch?)?;
    }
    writer.finish()?;
    Ok(())
}
