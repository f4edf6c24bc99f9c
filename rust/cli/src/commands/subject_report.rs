//! `sealtrail subject-report`: what the trail holds about one person.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sealtrail_query::chain::{Source, SubjectOptions, SubjectReport, subject_report};
use sealtrail_query::search::Window;

use crate::failure::{EXIT_NO_MATCH, Failure};
use crate::filter::now;
use crate::session::Session;
use crate::text::{aligned, count};

const AFTER_HELP: &str = "\
Examples:
  sealtrail subject-report --subject user_20417
  sealtrail subject-report --subject user_20417 -o html --output-file user_20417.html
  sealtrail subject-report --subject user_20417 --since 2026-01-01 -o csv

For requests of access (GDPR article 15): all that the person did or that was done in their name,
agents and their subagents included, with when, by whom and under whose authority; the other events
that name them; what was accessed; and the questions to this trail that name them. CSV has the
events. Personal fields are shown where the trail's privacy key is at hand. The exit code is 1 if
the trail does not name the person.";

/// Report what the trail holds about one person: what was accessed, when, by
/// whom, under whose authority
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP, verbatim_doc_comment)]
pub(crate) struct SubjectReportOf {
    /// Id of the person, as `user_id` has it
    #[arg(long, value_name = "ID")]
    subject: String,
    /// Otherwise table on a terminal, json elsewhere
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,
    /// Write to this file, replacing it, instead of standard output
    #[arg(long, value_name = "FILE")]
    output_file: Option<PathBuf>,
    /// Only events from this time on, such as 2026-03-01T12:00:00Z or "24 hours"
    #[arg(long, value_name = "TIME", verbatim_doc_comment)]
    since: Option<String>,
    /// Only events before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// At most so many events of the person's chain
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    max_events: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A summary, for people
    Table,
    /// One JSON object
    Json,
    /// The events, comma-separated
    Csv,
    /// A page that needs nothing else
    Html,
}

impl SubjectReportOf {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let window = Window::parse(self.since.as_deref(), self.until.as_deref(), now())?;
        let options = SubjectOptions {
            max_events: self.max_events,
            since: window.since,
            until: window.until,
        };
        let trail = session.open()?;
        let engine = session.engine()?;
        let view = session.wait(trail.view())?;
        let question = session.question("subject_report", view.size());
        let rows = session.ask(&trail, question.filter("subject", self.subject.clone()))?;
        let source = Source { engine: &engine, view, store: trail.storage().object_store()? };
        let found = session.wait(subject_report(&source, &self.subject, &options))?;
        let Some(report) = found else {
            session.note(format_args!("{}: the trail does not name this person", self.subject));
            return Ok(EXIT_NO_MATCH);
        };
        rows.set(report.events.len() as u64);
        if report.cut {
            report.notices.iter().for_each(|notice| session.note(notice));
        }
        let for_people = session.stdout_is_terminal && self.output_file.is_none();
        let default = if for_people { Format::Table } else { Format::Json };
        let text = match self.output.unwrap_or(default) {
            Format::Table => {
                session.out.show_controls();
                summary(&report)
            }
            Format::Json => report.to_json(for_people)? + "\n",
            Format::Csv => report.to_csv(),
            Format::Html => report.to_html(),
        };
        match &self.output_file {
            Some(path) => {
                let path = session.file(path);
                std::fs::write(&path, text).map_err(|error| Failure::io(path, error))?;
            }
            None => session.out.write_all(text.as_bytes())?,
        }
        Ok(0)
    }
}

fn summary(report: &SubjectReport) -> String {
    let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let mut text = aligned(
        "",
        &[
            ["person".to_owned(), report.subject.clone()],
            ["events".to_owned(), count(report.events.len() as u64, "event")],
            ["first".to_owned(), shown(&report.first)],
            ["last".to_owned(), shown(&report.last)],
            ["questions".to_owned(), count(report.questions.len() as u64, "question")],
        ],
    );
    let events: Vec<[String; 5]> = report
        .events
        .iter()
        .map(|event| {
            let what = event.resource.as_ref().map_or(&event.summary, |resource| &resource.path);
            let authority = if event.authority.is_empty() {
                event.concern.to_owned()
            } else {
                event.authority.join(" > ")
            };
            [
                event.timestamp.clone(),
                event.event_type.clone(),
                what.clone(),
                shown(&event.by),
                authority,
            ]
        })
        .collect();
    text.push('\n');
    text.push_str(&aligned("", &events));
    for notice in &report.notices {
        text.push_str(&format!("\n{notice}"));
    }
    text
}
