//! `sealtrail search --sequence`: events that follow each other.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use sealtrail_query::search::Filter;
use sealtrail_query::sequence::{Matches, Sequence, SequenceQuery, search, write_matches};

use serde_json::{Value, json};

use super::Ground;
use crate::commands::sql::Format;
use crate::failure::Failure;
use crate::session::Session;

pub(super) const HELP: &str = "\
Sequences:
  sealtrail search --sequence 'auth.user_login[status=fail]{3,} auth.user_login[status=success]' \\
    --within-seconds 300
  sealtrail search --sequence 'agent.spawned !agent.completed' --within-seconds 3600 \\
    --by execution_id
  sealtrail search --sequence 'data.file_read[resource.sensitivity_level in (pii, phi)]+
    data.export[resource.size_bytes > 1e6]' --within-seconds 600 --by user_id,session_id

A step is an event type or a glob, predicates in [ ] on any field of the record (= != < <= > >= ~
!~ in, not in; ~ takes * and ?), and a count: {3}, {3,}, {3,5} or +. !type[...] is an absence: no
such event between the steps around it, before the first step or after the last one within the
window. Events with the same values of --by belong together; those without one take no part. Of the
candidates the one that is complete first wins, from the earliest start; the next match of these
values begins after it, so matches do not overlap. The other flags say which events take part.
json and jsonl have one object a match: match, by, start, end, steps and events; the other formats
have one row an event.";

/// What is asked of sequences.
#[derive(Debug, Args)]
pub(super) struct SequenceArgs {
    /// Find events that follow each other, such as
    /// 'auth.user_login[status=fail]{3,} auth.user_login[status=success]'
    #[arg(
        long,
        value_name = "STEPS",
        requires = "within_seconds",
        conflicts_with_all = ["order", "reverse", "cursor", "stats", "explain", "related_to"],
        verbatim_doc_comment
    )]
    sequence: Option<String>,
    /// From the first event of a sequence to its last, at most
    #[arg(long, value_name = "SECONDS", requires = "sequence", value_parser = seconds)]
    within_seconds: Option<Duration>,
    /// Fields that the events of a sequence have in common; otherwise source_ip
    /// if all steps are auth.*, else actor
    #[arg(
        long,
        value_name = "FIELDS",
        requires = "sequence",
        value_delimiter = ',',
        verbatim_doc_comment
    )]
    by: Vec<String>,
}

/// What is wanted of the matches.
pub(super) struct Wanted<'a> {
    pub(super) fields: &'a [String],
    pub(super) limit: Option<u64>,
    pub(super) format: Format,
    pub(super) output_file: Option<&'a Path>,
    pub(super) count: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().map_err(|error| error.to_string())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

impl SequenceArgs {
    /// What is asked, as the record of who looked has it.
    pub(super) fn shown(&self) -> Option<Value> {
        let within = self.within_seconds.map(|within| within.as_secs_f64());
        let text = self.sequence.as_ref()?;
        Some(json!({ "sequence": text, "within_seconds": within, "by": self.by }))
    }

    /// The sequences that are asked for, if any are.
    pub(super) fn query(&self, filter: Filter) -> Result<Option<SequenceQuery>, Failure> {
        let (Some(text), Some(within)) = (&self.sequence, self.within_seconds) else {
            return Ok(None);
        };
        let sequence = Sequence::parse(text)?;
        let query = SequenceQuery { sequence, within, by: self.by.clone(), filter };
        query.check()?;
        Ok(Some(query))
    }
}

/// Prints the matches; gives their number.
pub(super) fn results(
    session: &mut Session<'_>,
    ground: &Ground,
    query: &SequenceQuery,
    wanted: &Wanted<'_>,
) -> Result<u64, Failure> {
    if query.by.is_empty() {
        let by = query.keys().join(", ");
        session.note(format_args!("sequences by {by}; --by says otherwise"));
    }
    let (view, store) = (Arc::clone(&ground.view), ground.trail.storage().object_store()?);
    let matches = session.wait(search(&ground.engine, view, store, query))?.limit(wanted.limit);
    if wanted.count {
        let count = session.wait(matches.count())?;
        match wanted.format {
            Format::Json | Format::Jsonl => writeln!(session.out, "{{\"count\":{count}}}")?,
            _ => writeln!(session.out, "{count}")?,
        }
        return Ok(count);
    }
    let matches = matches.counted(ground.rows.clone());
    match wanted.output_file {
        None => {
            if wanted.format == Format::Table {
                session.out.show_controls();
            }
            let cancel = session.cancel.clone();
            cancel.wait(write(matches, wanted, &mut session.out))
        }
        Some(path) => {
            let path = session.file(path);
            let file = File::create(&path).map_err(|error| Failure::io(&path, error))?;
            let written = session.wait(write(matches, wanted, BufWriter::new(file)));
            if written.is_err() {
                // The error that counts is the one that led here.
                let _ = std::fs::remove_file(&path);
            }
            written
        }
    }
}

async fn write(
    matches: Matches,
    wanted: &Wanted<'_>,
    out: impl Write + Send,
) -> sealtrail_query::Result<u64> {
    write_matches(matches, wanted.fields, wanted.format.into(), out).await
}
