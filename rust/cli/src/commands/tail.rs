//! `sealtrail tail`: the newest records, and those to come.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use sealtrail_core::access::{Door, Rows};
use sealtrail_core::json;
use sealtrail_core::storage::durable::{self, Access};
use sealtrail_core::trail::{Follower, Trail};
use sealtrail_core::{Error, json::string_value};
use sealtrail_query::follow::{Passed, Sieve};
use serde_json::Value;

use crate::failure::{EXIT_NO_MATCH, Failure};
use crate::filter::{FilterArgs, VALUES_HELP};
use crate::session::Session;

/// Records that are printed first where nothing else is asked for.
const LAST: u64 = 10;

const AFTER_HELP: &str = "\
Examples:
  sealtrail tail
  sealtrail tail -f --event-type 'auth.*' --status fail
  sealtrail tail -f -n 0 --where 'resource.size_bytes > 1e6' | jq .resource.path
  sealtrail tail -f --cursor-file alerts.cursor | ./alert

Records are printed as they are recorded, whatever their timestamp: those of this host at most a
second after they are durable, those of other hosts once they are committed. None is missed, and
none is printed twice. The cursor file is replaced after each batch of records was written, so that
the next run goes on with the next record; if this process is killed between the two, the next run
prints that batch again, and nothing else. Ctrl-C ends it.";

/// Print the newest records, and with -f those that come
#[derive(Debug, Args)]
#[command(after_help = format!("{AFTER_HELP}\n\n{VALUES_HELP}"))]
pub(crate) struct Tail {
    #[command(flatten)]
    filter: FilterArgs,
    /// Go on with the records that come, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// Print so many of the newest records first, or `all`. Otherwise 10; all
    /// with --since; none where a cursor file goes on
    #[arg(short = 'n', long, value_name = "N", value_parser = number, verbatim_doc_comment)]
    lines: Option<Number>,
    /// Go on where the run before stopped whose cursor this file holds, and
    /// keep it there
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    cursor_file: Option<PathBuf>,
    /// Otherwise table on a terminal, jsonl elsewhere
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line for people: time, event type, outcome, actor, object, id
    Table,
    /// The whole record, one a line
    Jsonl,
}

/// How many records.
#[derive(Debug, Clone, Copy)]
enum Number {
    All,
    Most(u64),
}

fn number(text: &str) -> Result<Number, String> {
    match text {
        "all" => Ok(Number::All),
        text => text.parse().map(Number::Most).map_err(|_| "give a number, or `all`".to_owned()),
    }
}

impl Tail {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let filter = self.filter.resolved(session)?;
        let cursor = self.cursor_file.as_ref().map(|path| session.file(path));
        let default = if session.stdout_is_terminal { Format::Table } else { Format::Jsonl };
        let format = self.output.unwrap_or(default);
        if format == Format::Table {
            session.out.show_controls();
        }
        let trail = session.open()?;
        let known = cursor.as_deref().map(read_cursor).transpose()?.flatten();
        let number = match (self.lines, &known) {
            (Some(number), _) => number,
            (None, Some(_)) => Number::Most(0),
            (None, None) if filter.window.since.is_some() => Number::All,
            (None, None) => Number::Most(LAST),
        };
        let sieve = Sieve::new(&filter, trail.storage().object_store()?)?;
        let (rows, exclude_access) = (Rows::default(), self.filter.exclude_access);
        let shown = self.filter.shown();
        let mut tailing =
            Tailing { session, sieve, cursor, format, printed: 0, exclude_access, rows, own: None };
        let mut follower = match known {
            Some(known) => {
                let follower = tailing.session.wait(trail.follow_from(&known))?;
                tailing.ask(&trail, 0, shown)?;
                follower
            }
            None => tailing.begin(&trail, number, shown)?,
        };
        if let Some(own) = &tailing.own {
            follower.leave_out(own);
        }
        tailing.keep(&follower)?;
        tailing.go_on(&mut follower, self.follow)?;
        Ok(if tailing.printed == 0 { EXIT_NO_MATCH } else { 0 })
    }
}

/// The cursor that a file holds; `None` if there is no such file yet.
fn read_cursor(path: &Path) -> Result<Option<String>, Failure> {
    match durable::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(Error::NotFound(_)) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// A `tail` under way.
struct Tailing<'s, 'a> {
    session: &'s mut Session<'a>,
    sieve: Sieve,
    cursor: Option<PathBuf>,
    format: Format,
    printed: u64,
    exclude_access: bool,
    rows: Rows,
    /// Id of the record of this question, which is not shown, nor is its outcome.
    own: Option<String>,
}

impl Tailing<'_, '_> {
    /// Prints the last records, and follows from there.
    fn begin(&mut self, trail: &Trail, number: Number, shown: Value) -> Result<Follower, Failure> {
        let (follower, view) = self.session.wait(trail.follow())?;
        self.ask(trail, view.size(), shown)?;
        let view = view.excluding_access(self.exclude_access);
        let most = match number {
            Number::All => None,
            Number::Most(most) => Some(most),
        };
        if most != Some(0) {
            let last = self.sieve.last(view, most);
            let last = self.session.wait(last)?;
            self.print(&last)?;
        }
        Ok(follower)
    }

    /// Records who asks.
    fn ask(&mut self, trail: &Trail, size: u64, shown: Value) -> Result<(), Failure> {
        let mut question = self.session.question("tail", size).filter("filter", shown);
        question.reader.door = Door::Tail;
        self.rows = self.session.ask(trail, question)?;
        let access = self.session.asked.last();
        self.own = access.and_then(|access| access.intent_id()).map(str::to_owned);
        Ok(())
    }

    /// Prints what comes; without `follow` only what is there.
    fn go_on(&mut self, follower: &mut Follower, follow: bool) -> Result<(), Failure> {
        loop {
            let found = match follow {
                true => self.session.wait(follower.wait()),
                false => self.session.wait(follower.next()),
            };
            let records = match found {
                Ok(records) if !records.is_empty() => records,
                // Records that were left out are passed all the same.
                end => return self.keep(follower).and_then(|()| end.map(drop)),
            };
            let view = follower.view_of(records).excluding_access(self.exclude_access);
            let passed = self.sieve.sift(view);
            let passed = self.session.wait(passed)?;
            self.print(&passed)?;
            self.keep(follower)?;
        }
    }

    fn print(&mut self, passed: &[Passed]) -> Result<(), Failure> {
        for passed in passed {
            self.printed += 1;
            self.rows.add(1);
            match self.format {
                Format::Jsonl => writeln!(self.session.out, "{}", passed.record)?,
                Format::Table => writeln!(self.session.out, "{}", line(passed))?,
            }
        }
        Ok(self.session.out.flush()?)
    }

    /// Keeps where it stands, now that what came before is written.
    fn keep(&self, follower: &Follower) -> Result<(), Failure> {
        let Some(path) = &self.cursor else { return Ok(()) };
        Ok(durable::replace(path, follower.cursor()?.as_bytes(), Access::Private)?)
    }
}

/// A record in one line.
fn line(passed: &Passed) -> String {
    let time = json::get(passed.record.as_bytes(), &["timestamp"]).and_then(string_value);
    let [event_type, outcome, actor, object, id] = &passed.told;
    let parts = [
        format!("{:<27}", time.as_deref().unwrap_or_default()),
        format!("{event_type:<26}"),
        format!("{outcome:<8}"),
        format!("{:<16}", or_dash(actor)),
        format!("{:<32}", or_dash(object)),
        id.clone(),
    ];
    // One record is one line, whatever is in it.
    parts.join("  ").replace('\n', "\\n")
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}
