//! `sealtrail get`: one record by its id.

use std::io::Write;

use clap::{Args, ValueEnum};
use sealtrail_core::Error;
use serde_json::Value;

use crate::failure::{EXIT_NO_MATCH, Failure};
use crate::session::Session;
use crate::text::aligned;

const AFTER_HELP: &str = "\
Examples:
  sealtrail get audit_evt_0198f0c2-7a5e-7d3a-8d5e-0242ac120002
  sealtrail get call_7 -o table

The record is printed as it was signed, but for personal fields: these are shown where the trail's
privacy key is at hand, unless --sealed is given. The exit code is 1 if no record has this id.";

/// Print the record with this audit_id
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Get {
    /// The record's `audit_id`
    id: String,
    /// json (indented on a terminal), jsonl (one line) or table
    #[arg(short, long, value_name = "FORMAT", default_value = "json", hide_possible_values = true)]
    output: Format,
    /// Show personal fields as they were signed, even if the trail's privacy
    /// key is at hand
    #[arg(long, verbatim_doc_comment)]
    sealed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Json,
    Jsonl,
    Table,
}

impl Get {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let trail = session.open()?;
        let view = session.wait(trail.view())?;
        let question = session.question("get", view.size()).filter("audit_id", self.id.clone());
        let rows = session.ask(&trail, question)?;
        let Some(record) = session.wait(trail.get_in(&view, &self.id))? else {
            session.note(format_args!("{}: no record has this audit_id", self.id));
            return Ok(EXIT_NO_MATCH);
        };
        rows.set(1);
        let record = if self.sealed { record } else { session.wait(trail.unsealed(record))? };
        let indented = self.output == Format::Json && session.stdout_is_terminal;
        if self.output == Format::Table {
            session.out.show_controls();
            let mut rows = Vec::new();
            flatten("", &parsed(&self.id, &record)?, &mut rows);
            session.out.write_all(aligned("", &rows).as_bytes())?;
        } else if indented {
            let record = parsed(&self.id, &record)?;
            writeln!(session.out, "{record:#}")?;
        } else {
            session.out.write_all(&record)?;
            session.out.write_all(b"\n")?;
        }
        Ok(0)
    }
}

fn parsed(id: &str, record: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(record)
        .map_err(|error| Error::integrity(id, format!("not JSON: {error}")).into())
}

/// One row for each value: its path and itself. Empty objects and arrays are values.
fn flatten(path: &str, value: &Value, rows: &mut Vec<[String; 2]>) {
    let below = |name: &str| {
        if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
    };
    match value {
        Value::Object(members) if !members.is_empty() => {
            members.iter().for_each(|(name, value)| flatten(&below(name), value, rows));
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                flatten(&format!("{path}[{index}]"), item, rows);
            }
        }
        Value::String(text) => rows.push([path.to_owned(), text.clone()]),
        other => rows.push([path.to_owned(), other.to_string()]),
    }
}
