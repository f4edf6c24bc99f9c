//! `sealtrail search --related-to`: what else happened around something, and why it is related.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::Arc;

use clap::Args;
use sealtrail_core::trail::Trail;
use sealtrail_query::chain::{Related, RelatedOptions, Source, related};
use sealtrail_query::output::{OutputFormat, ResultWriter};
use sealtrail_query::search::{Filter, times};
use sealtrail_query::{Engine, EngineOptions, ReadView};

use super::Search;
use crate::commands::sql::Format;
use crate::commands::trace_chain::Kind;
use crate::failure::Failure;
use crate::session::Session;

/// Events of one search at most, unless `--limit` says so.
const MOST: u64 = 10_000;
/// Columns that a table for people shows: all but the record itself.
const SHOWN: [usize; 6] = [0, 1, 2, 3, 4, 5];

/// The flags for related events.
#[derive(Debug, Default, Args)]
pub(super) struct RelatedArgs {
    /// What shares a user, session, agent, execution, address or resource with
    /// this event (or session, agent...), around its time; each with why
    #[arg(
        long,
        value_name = "ID",
        conflicts_with_all = ["order", "reverse", "cursor", "fields", "stats", "explain"],
        verbatim_doc_comment
    )]
    related_to: Option<String>,
    /// How long before and after, such as 2h
    #[arg(long, value_name = "DURATION", default_value = "30min", requires = "related_to")]
    context: String,
    /// What --related-to is the id of, if it is that of several things
    #[arg(long, value_name = "KIND", requires = "related_to")]
    kind: Option<Kind>,
}

impl RelatedArgs {
    pub(super) fn wanted(&self) -> bool {
        self.related_to.is_some()
    }
}

impl Search {
    /// Finds and writes what is related; gives its number.
    pub(super) fn related(
        &self,
        session: &mut Session<'_>,
        filter: Filter,
    ) -> Result<u64, Failure> {
        let format = self.format(session)?;
        let limit = self.limit.unwrap_or(MOST);
        let options = RelatedOptions {
            kind: self.related.kind.map(Into::into),
            context: times::length(&self.related.context)?,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            filter,
        };
        let trail = session.open()?;
        let id = self.related.related_to.as_deref().unwrap_or_default();
        let view = session.wait(trail.view())?.excluding_access(self.filter.exclude_access);
        let question = self.asked(session, &view).filter("related_to", id);
        let rows = session.ask(&trail, question)?;
        let Some(found) = find(session, &trail, view, id, &options)? else {
            session.note(format_args!("{id}: nothing has this id"));
            return Ok(0);
        };
        session.note(format_args!("from {} to {}, by {}", found.from, found.to, found.kind));
        if found.cut {
            session.note(format_args!("there are more than {limit}; the earliest are shown"));
        }
        let number = found.events.len() as u64;
        rows.set(number);
        if self.count {
            writeln!(session.out, "{number}")?;
            return Ok(number);
        }
        match &self.output_file {
            None => {
                if format == Format::Table {
                    session.out.show_controls();
                }
                write(&found, format, &mut session.out)?;
            }
            Some(path) => {
                let path = session.file(path);
                let file = File::create(&path).map_err(|error| Failure::io(&path, error))?;
                write(&found, format, BufWriter::new(file))?;
            }
        }
        Ok(number)
    }
}

fn find(
    session: &Session<'_>,
    trail: &Trail,
    view: Arc<ReadView>,
    id: &str,
    options: &RelatedOptions,
) -> Result<Option<Related>, Failure> {
    let engine = Engine::new(&EngineOptions::default())?;
    let source = Source { engine: &engine, view, store: trail.storage().object_store()? };
    session.wait(related(&source, id, options))
}

fn write(found: &Related, format: Format, mut out: impl Write + Send) -> Result<(), Failure> {
    if matches!(format, Format::Json | Format::Jsonl) {
        out.write_all(found.to_json(format == Format::Json).as_bytes())?;
        out.flush()?;
        return Ok(());
    }
    let table = found.table()?;
    let table = if format == Format::Table {
        table.project(&SHOWN).map_err(|error| Failure::usage(error.to_string()))?
    } else {
        table
    };
    let mut writer = ResultWriter::new(OutputFormat::from(format), &table.schema(), out)?;
    writer.write(&table)?;
    writer.finish()?;
    Ok(())
}
