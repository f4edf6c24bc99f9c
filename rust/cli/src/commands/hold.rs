//! `sealtrail hold`: records that nothing deletes.

use std::io::Write;

use clap::{Args, Command, FromArgMatches, Subcommand};
use sealtrail_core::Error;
use sealtrail_core::access::{Door, Reader};
use sealtrail_core::ledger::ActiveHold;
use sealtrail_query::holds::matching_of;
use sealtrail_query::retention::matching;
use serde_json::{Map, Value};

use crate::failure::{EXIT_NO_MATCH, Failure};
use crate::filter::{FilterArgs, VALUES_HELP, now};
use crate::output::ReportFormat;
use crate::session::Session;
use crate::text::aligned;

const EXAMPLES: &str = "\
Examples:
  sealtrail hold add --reason \"case 2026-117\" --by \"M. Lindqvist\" \\
      --matching '--user-id user_20417 --since 2026-01-01'
  sealtrail hold add --reason audit --matching '{\"agent_id\": [\"agent_claims*\"]}'
  sealtrail hold list
  sealtrail hold release hold-5d1c0a2be94f7713 --reason \"case closed\"

A hold is a ledger entry of the owner. What it matches, records that come later included, is neither
deleted nor erased until it is released. `--matching` takes the flags of `sealtrail search`, or a
JSON object of the same names.";

/// Keep records from deletion and erasure, for a lawsuit or an investigation
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{VALUES_HELP}"), arg_required_else_help = true)]
pub(crate) struct Hold {
    #[command(subcommand)]
    action: Action,
    /// Otherwise table on a terminal, json elsewhere
    #[arg(short, long, value_name = "FORMAT", global = true)]
    output: Option<ReportFormat>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Hold what matches, as the trail's owner, and print the hold's id
    Add {
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// What is held: flags of a search, or a JSON object of their names
        #[arg(long, value_name = "FILTERS", allow_hyphen_values = true)]
        matching: String,
        /// Who ordered it; otherwise the user of this process
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
    /// Print the active holds
    List,
    /// End a hold, as the trail's owner
    Release {
        /// Its id
        #[arg(value_name = "ID")]
        id: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Who ordered it; otherwise the user of this process
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
}

impl Hold {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        match self.action {
            Action::Add { reason, matching, by } => {
                let (filters, by) = (filters_of(&matching)?, person(session, by)?);
                let trail = session.open()?;
                let hold = session.wait(trail.add_hold(&reason, &by, filters))?;
                writeln!(session.out, "{}", hold.hold.id)?;
                session.out.flush()?;
                session.note(format_args!("Entry {} holds what matches.", hold.entry));
                Ok(0)
            }
            Action::List => list(session, self.output),
            Action::Release { id, reason, by } => {
                let by = person(session, by)?;
                let trail = session.open()?;
                let entry = session.wait(trail.release_hold(&id, &reason, &by))?;
                session.note(format_args!("Entry {entry} releases {id}."));
                Ok(0)
            }
        }
    }
}

/// What `--matching` means: a JSON object, or flags of a search.
fn filters_of(text: &str) -> Result<Map<String, Value>, Failure> {
    if text.trim_start().starts_with('{') {
        let written: Value = serde_json::from_str(text)
            .map_err(|error| Failure::usage(format!("--matching: {error}")))?;
        return Ok(matching(&written, now())?);
    }
    let command = FilterArgs::augment_args(Command::new("--matching").no_binary_name(true));
    let found = command.try_get_matches_from(words(text)?);
    let found = found.and_then(|matches| FilterArgs::from_arg_matches(&matches));
    let args = found.map_err(|error| {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        Failure::usage(format!("--matching: {}", first.trim_start_matches("error: ")))
    })?;
    match matching_of(&args.filter(now())?) {
        Value::Object(members) => Ok(members),
        _ => Err(Failure::usage("--matching: it is no object")),
    }
}

/// The words of a text as a shell takes it apart: quotes keep words together.
fn words(text: &str) -> Result<Vec<String>, Failure> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in text.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    match quote {
        Some(_) => Err(Failure::usage("--matching: a quote is not closed")),
        None => Ok(words),
    }
}

fn person(session: &mut Session<'_>, by: Option<String>) -> Result<String, Failure> {
    let configured = session.config()?.config.identity.user_id.clone();
    let system = || Reader::of_process(Door::Cli, &|name| session.env(name)).os_user;
    by.or(configured).or_else(system).ok_or_else(|| Failure::usage("who orders it? say --by NAME"))
}

fn list(session: &mut Session<'_>, output: Option<ReportFormat>) -> Result<u8, Failure> {
    let trail = session.open()?;
    let holds = session.wait(trail.holds())?;
    let all: Vec<&ActiveHold> = holds.values().collect();
    match session.report_format(output) {
        ReportFormat::Json => {
            let text = serde_json::to_string(&all).map_err(|e| Error::encoding("holds", e))?;
            writeln!(session.out, "{text}")?;
        }
        ReportFormat::Table => {
            let rows: Vec<[String; 4]> = all
                .iter()
                .map(|ActiveHold { hold, .. }| {
                    let matching = Value::Object(hold.matching.clone()).to_string();
                    [hold.id.clone(), hold.by.clone(), hold.reason.clone(), matching]
                })
                .collect();
            write!(session.out, "{}", aligned("", &rows))?;
        }
    }
    Ok(if all.is_empty() { EXIT_NO_MATCH } else { 0 })
}
