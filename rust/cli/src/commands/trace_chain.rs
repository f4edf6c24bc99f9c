//! `sealtrail trace-chain`: who stands behind an id, and what came of it.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sealtrail_query::chain::{self, Source, Trace, TraceOptions, TreeStyle, trace};
use sealtrail_query::search::Window;

use super::jobs;
use crate::failure::{EXIT_NO_MATCH, Failure};
use crate::filter::now;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  sealtrail trace-chain audit_evt_17d20b6e88c4
  sealtrail trace-chain exec_c0ffee12 --down --depth 3
  sealtrail trace-chain agent_doc_reader_1 --since 2026-09-14T00:00:00Z -o html --output-file chain.html
  sealtrail trace-chain user_20417 -o json | jq '.nodes[] | select(.event.after_permission_ended)'

Upwards: agent, parent agents, run, session, credential, authentication, user. Downwards: all that
was done under it, at any time. Each line says by which event it is where it is; what no event says
outright is marked `inferred`, with the reason. An action that came after its permission,
credential, agent or session had ended is marked, with the event that ended it. What is left out is
said at the end and on standard error. The exit code is 1 if nothing has this id.";

/// Show who stands behind an id (event, execution, session, agent, credential
/// or user), and all that came of it
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP, verbatim_doc_comment)]
pub(crate) struct TraceChain {
    /// What to trace
    id: String,
    /// What it is the id of, if it is that of several things
    #[arg(long, value_name = "KIND")]
    kind: Option<Kind>,
    /// Otherwise tree on a terminal, json elsewhere
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,
    /// Write to this file, replacing it, instead of standard output
    #[arg(long, value_name = "FILE")]
    output_file: Option<PathBuf>,
    /// Only what it is under
    #[arg(long, conflicts_with = "down")]
    up: bool,
    /// Only what is under it
    #[arg(long)]
    down: bool,
    /// At most so many levels below it
    #[arg(long, value_name = "LEVELS")]
    depth: Option<usize>,
    /// At most so many events
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    max_nodes: usize,
    /// Under it, only events from this time on, such as 2026-03-01T12:00:00Z or
    /// "24 hours"
    #[arg(long, value_name = "TIME", verbatim_doc_comment)]
    since: Option<String>,
    /// Under it, only events before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Draw the tree in ASCII
    #[arg(long)]
    ascii: bool,
    /// Run it as a job that outlives this terminal, and print its id; the
    /// result is JSON (`sealtrail jobs`)
    #[arg(long = "async", conflicts_with = "output_file", verbatim_doc_comment)]
    detach: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// An event, by its `audit_id`
    Audit,
    /// A run of a workflow
    Execution,
    /// A session
    Session,
    /// An agent
    Agent,
    /// An API key or temporary credential
    Credential,
    /// A user
    User,
}

impl From<Kind> for chain::Kind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Audit => Self::Audit,
            Kind::Execution => Self::Execution,
            Kind::Session => Self::Session,
            Kind::Agent => Self::Agent,
            Kind::Credential => Self::Credential,
            Kind::User => Self::User,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Indented text, for people
    Tree,
    /// One JSON object
    Json,
    /// A Mermaid flowchart
    Mermaid,
    /// A graph for Graphviz
    Dot,
    /// A page with a timeline that needs nothing else
    Html,
}

impl TraceChain {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let options = self.options(session)?;
        if self.detach && session.job.is_none() {
            return jobs::submit(session, "trace-chain", None);
        }
        let trail = session.open()?;
        let engine = session.engine()?;
        let view = session.wait(trail.view())?;
        let question = session.question("trace", view.size()).filter("id", self.id.clone());
        let rows = session.ask(&trail, question)?;
        let source = Source { engine: &engine, view, store: trail.storage().object_store()? };
        let Some(found) = session.wait(trace(&source, &self.id, &options))? else {
            session.note(format_args!("{}: nothing has this id", self.id));
            return Ok(EXIT_NO_MATCH);
        };
        rows.set(found.nodes.len() as u64);
        if found.cut {
            let cuts = found.notices.iter().filter(|notice| notice.kind == "cut");
            cuts.for_each(|notice| session.note(format_args!("cut: {}", notice.message)));
        }
        let for_people = session.stdout_is_terminal && self.output_file.is_none();
        let default = if for_people { Format::Tree } else { Format::Json };
        let asked = self.output.filter(|_| session.job.is_none());
        let text = self.text(&found, asked.unwrap_or(default), for_people)?;
        match &self.output_file {
            Some(path) => {
                let path = session.file(path);
                std::fs::write(&path, text).map_err(|error| Failure::io(path, error))?;
            }
            None => session.out.write_all(text.as_bytes())?,
        }
        Ok(0)
    }

    fn options(&self, session: &mut Session<'_>) -> Result<TraceOptions, Failure> {
        let window = Window::parse(self.since.as_deref(), self.until.as_deref(), now())?;
        if !window.is_everything() {
            session.note(format_args!("{window}"));
        }
        Ok(TraceOptions {
            kind: self.kind.map(Into::into),
            up: !self.down,
            down: !self.up,
            depth: self.depth,
            max_nodes: self.max_nodes,
            since: window.since,
            until: window.until,
        })
    }

    fn text(&self, trace: &Trace, format: Format, indented: bool) -> Result<String, Failure> {
        let style = if self.ascii { TreeStyle::Ascii } else { TreeStyle::Unicode };
        Ok(match format {
            Format::Tree => trace.to_tree(style),
            Format::Json => trace.to_json(indented)? + "\n",
            Format::Mermaid => trace.to_mermaid(),
            Format::Dot => trace.to_dot(),
            Format::Html => trace.to_html(),
        })
    }
}
