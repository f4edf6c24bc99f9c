//! `sealtrail fields`: what records have.

use std::io::Write;

use clap::Args;
use sealtrail_query::search::FieldUse;
use sealtrail_query::{Engine, EngineOptions};

use crate::failure::{EXIT_NO_MATCH, Failure};
use crate::filter::{FilterArgs, VALUES_HELP};
use crate::output::ReportFormat;
use crate::session::Session;
use crate::text::{aligned, count, grouped};

const EXAMPLES: &str = "\
Examples:
  sealtrail fields
  sealtrail fields --event-type 'workflow.*' --since \"7 days\"
  sealtrail fields --top 20 -o json | jq '.fields[] | select(.path == \"tool_name\") | .top'

Every field is listed by its path, [] standing for the elements of an array. At most 2,000
different values of a field are counted, and none that is longer than 256 bytes; + says that there
are more. The exit code is 1 if no record is searched.";

/// Characters of a value that the table shows.
const SHOWN: usize = 40;

/// List the fields of the records: type, fill rate, most frequent values
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{VALUES_HELP}"))]
pub(crate) struct Fields {
    #[command(flatten)]
    filter: FilterArgs,
    /// How many of the most frequent values
    #[arg(long, value_name = "COUNT", default_value_t = 3)]
    top: usize,
    /// Otherwise table on a terminal, json elsewhere
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<ReportFormat>,
}

impl Fields {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let filter = self.filter.resolved(session)?;
        let trail = session.open()?;
        let engine = Engine::new(&EngineOptions::default())?;
        let view = session.wait(trail.view())?.excluding_access(self.filter.exclude_access);
        let question = session.question("fields", view.size());
        let rows = session.ask(&trail, question.filter("filter", self.filter.shown()))?;
        let store = trail.storage().object_store()?;
        let found = session.wait(filter.inventory(&engine, view, store, self.top))?;
        rows.set(found.fields.len() as u64);
        match session.report_format(self.output) {
            ReportFormat::Json => {
                let text = serde_json::to_string(&found)
                    .map_err(|error| sealtrail_core::Error::encoding("report", error))?;
                writeln!(session.out, "{text}")?;
            }
            ReportFormat::Table => {
                writeln!(session.out, "{}\n", count(found.events, "record"))?;
                let head = ["field", "type", "fill", "values", "most frequent"].map(str::to_owned);
                let rows: Vec<[String; 5]> =
                    std::iter::once(head).chain(found.fields.iter().map(row)).collect();
                write!(session.out, "{}", aligned("", &rows))?;
            }
        }
        if found.values_left_out > 0 {
            let left_out = count(found.values_left_out, "value");
            session.note(format_args!("{left_out} of further fields are left out: over 20,000"));
        }
        Ok(if found.events == 0 { EXIT_NO_MATCH } else { 0 })
    }
}

fn row(field: &FieldUse) -> [String; 5] {
    let top = field.top.iter().map(|group| {
        let value = shortened(group.value.as_deref().unwrap_or("null"));
        format!("{value} ({})", grouped(group.events))
    });
    let values = match (field.distinct, field.more) {
        (0, false) => String::new(),
        (distinct, more) => format!("{}{}", grouped(distinct), if more { "+" } else { "" }),
    };
    [
        field.path.clone(),
        field.types.join(", "),
        format!("{:.1}%", field.fill * 100.0),
        values,
        top.collect::<Vec<_>>().join(", "),
    ]
}

fn shortened(value: &str) -> String {
    let line: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
