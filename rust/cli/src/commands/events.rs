//! `sealtrail events`: the catalogue of known event types.

use std::io::Write;

use clap::Args;
use sealtrail_core::Error;
use sealtrail_core::catalogue::{EventType, catalogue, describe};

use crate::failure::{EXIT_NO_MATCH, Failure};
use crate::output::ReportFormat;
use crate::session::Session;
use crate::text::aligned;

const AFTER_HELP: &str = "\
Examples:
  sealtrail events
  sealtrail events auth
  sealtrail events agent.spawned
  sealtrail events data.file_read -o json

An unknown action in a known domain is recorded as it is. The exit code is 1 if the catalogue has no
such type.";

/// List the known event types, or describe one
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Events {
    /// An event type, such as agent.spawned, or a domain, such as agent
    #[arg(value_name = "TYPE")]
    name: Option<String>,
    /// Otherwise table
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: ReportFormat,
}

impl Events {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let table = session.report_format(Some(self.output)) == ReportFormat::Table;
        let name = self.name.as_deref();
        if let Some(known) = name.and_then(|name| catalogue().event_type(name)) {
            let text = if table { describe(&known.name) } else { None };
            let text = text.map_or_else(|| json(known), Ok)?;
            session.out.write_all(text.as_bytes())?;
            return Ok(0);
        }
        let types: Vec<&EventType> =
            catalogue().types().filter(|known| name.is_none_or(|n| n == known.domain)).collect();
        if types.is_empty() {
            unknown(session, name.unwrap_or_default());
            return Ok(EXIT_NO_MATCH);
        }
        let text = if table { list(&types) } else { json(&types)? };
        session.out.write_all(text.as_bytes())?;
        Ok(0)
    }
}

fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|e| Error::encoding("catalogue", e))?;
    Ok(text + "\n")
}

/// The types with severity and description, below their domains.
fn list(types: &[&EventType]) -> String {
    let rows: Vec<[String; 3]> = types
        .iter()
        .map(|known| [known.name.clone(), known.severity.clone(), known.description.clone()])
        .collect();
    let mut lines = aligned("  ", &rows).lines().map(str::to_owned).collect::<Vec<_>>().into_iter();
    let mut out = String::new();
    for domain in catalogue().domains() {
        let size = types.iter().filter(|known| known.domain == domain.name).count();
        if size > 0 {
            let gap = if out.is_empty() { "" } else { "\n" };
            out.push_str(&format!("{gap}{}: {}\n", domain.name, domain.description));
            lines.by_ref().take(size).for_each(|line| out.push_str(&(line + "\n")));
        }
    }
    out
}

fn unknown(session: &mut Session<'_>, name: &str) {
    session.note(format_args!("{name}: not in the catalogue"));
    let nearest = catalogue().nearest(name);
    if nearest.is_empty() {
        session.note("hint: `sealtrail events` lists all");
    } else {
        session.note(format_args!("hint: did you mean {}?", nearest.join(" or ")));
    }
}
