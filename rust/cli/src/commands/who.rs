//! `sealtrail who`: the page of one user, agent, credential, session or address.

use std::io::Write;

use clap::Args;
use sealtrail_query::search::Page;
use sealtrail_query::{Engine, EngineOptions};

use crate::failure::{EXIT_NO_MATCH, Failure};
use crate::filter::{FilterArgs, VALUES_HELP};
use crate::output::ReportFormat;
use crate::session::Session;
use crate::text::{aligned, count, grouped};

const EXAMPLES: &str = "\
Examples:
  sealtrail who user_20417
  sealtrail who 203.0.113.7 --since yesterday
  sealtrail who agent_claims_triage_v5 --top 30 -o json

The exit code is 1 if no event names it.";

/// Show what is known of a user, agent, credential, session or address
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{VALUES_HELP}"))]
pub(crate) struct Who {
    /// Id of the user, agent, credential or session, or the address
    id: String,
    #[command(flatten)]
    filter: FilterArgs,
    /// How long the lists are at most
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    top: usize,
    /// Otherwise table on a terminal, json elsewhere
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<ReportFormat>,
}

impl Who {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let filter = self.filter.resolved(session)?;
        let trail = session.open()?;
        let engine = Engine::new(&EngineOptions::default())?;
        let view = session.wait(trail.view())?.excluding_access(self.filter.exclude_access);
        let question = session.question("who", view.size()).filter("id", self.id.clone());
        let rows = session.ask(&trail, question.filter("filter", self.filter.shown()))?;
        let store = trail.storage().object_store()?;
        let page = session.wait(filter.who(&engine, view, store, &self.id, self.top))?;
        let Some(page) = page else {
            session.note(format_args!("{}: no event names it", self.id));
            return Ok(EXIT_NO_MATCH);
        };
        rows.set(1);
        match session.report_format(self.output) {
            ReportFormat::Json => {
                let text = serde_json::to_string(&page)
                    .map_err(|error| sealtrail_core::Error::encoding("report", error))?;
                writeln!(session.out, "{text}")?;
            }
            ReportFormat::Table => print(session, &page)?,
        }
        Ok(0)
    }
}

fn print(session: &mut Session<'_>, page: &Page) -> Result<(), Failure> {
    let known_as = page.known_as.iter().map(|group| {
        format!("{} ({})", group.value.as_deref().unwrap_or("-"), grouped(group.events))
    });
    let head = [
        ["id", &page.id].map(str::to_owned),
        ["known as".to_owned(), known_as.collect::<Vec<_>>().join(", ")],
        ["events".to_owned(), grouped(page.events)],
        ["first", &page.first].map(str::to_owned),
        ["last", &page.last].map(str::to_owned),
        ["failed".to_owned(), grouped(page.failed)],
    ];
    write!(session.out, "{}", aligned("", &head))?;
    for list in page.lists.iter().filter(|list| !list.top.is_empty()) {
        writeln!(session.out, "\n{}", list.name)?;
        let widest = list.top.iter().map(|g| grouped(g.events).len()).max().unwrap_or(0);
        let rows: Vec<[String; 2]> = list
            .top
            .iter()
            .map(|group| {
                let value = group.value.clone().unwrap_or_else(|| "-".to_owned());
                [format!("{:>widest$}", grouped(group.events)), value]
            })
            .collect();
        write!(session.out, "{}", aligned("  ", &rows))?;
        let shown = list.top.len() as u64;
        if list.total > shown {
            writeln!(session.out, "  and {} more", grouped(list.total - shown))?;
        }
    }
    if page.failures.is_empty() {
        return Ok(());
    }
    writeln!(session.out, "\nlast of {}", count(page.failed, "failure"))?;
    let rows: Vec<[String; 6]> = page
        .failures
        .iter()
        .map(|failure| {
            [
                failure.timestamp.clone(),
                failure.event_type.clone(),
                failure.actor.clone().unwrap_or_else(|| "-".to_owned()),
                failure.outcome.clone(),
                failure.what.clone().unwrap_or_else(|| "-".to_owned()),
                failure.audit_id.clone(),
            ]
        })
        .collect();
    write!(session.out, "{}", aligned("  ", &rows))?;
    Ok(())
}
