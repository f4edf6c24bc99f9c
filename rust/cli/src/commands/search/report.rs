//! What a search says instead of its results.

use std::io::Write;
use std::sync::Arc;

use futures::StreamExt;
use sealtrail_query::search::{Cost, Form, Group, Search as Question, Summary};
use serde::Serialize;

use super::Ground;
use crate::commands::sql::Format;
use crate::failure::Failure;
use crate::output::ReportFormat;
use crate::session::Session;
use crate::text::{aligned, bytes, count, grouped};

/// Groups that a table shows of types and actors; JSON has all of them.
const SHOWN: usize = 20;

/// The form of a report for the form of results that was asked for.
fn report_format(
    session: &mut Session<'_>,
    format: Option<Format>,
) -> Result<ReportFormat, Failure> {
    let asked = match format {
        None => None,
        Some(Format::Table) => Some(ReportFormat::Table),
        Some(Format::Json | Format::Jsonl) => Some(ReportFormat::Json),
        Some(Format::Csv | Format::Parquet) => {
            return Err(Failure::usage("this is printed as table or json"));
        }
    };
    Ok(session.report_format(asked))
}

fn print_json(session: &mut Session<'_>, report: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(report)
        .map_err(|error| sealtrail_core::Error::encoding("report", error))?;
    Ok(writeln!(session.out, "{text}")?)
}

/// Counts by type, actor and hour.
pub(super) fn summary(
    session: &mut Session<'_>,
    ground: &Ground,
    question: &Question,
    format: Option<Format>,
) -> Result<u64, Failure> {
    let format = report_format(session, format)?;
    let store = ground.trail.storage().object_store()?;
    let view = Arc::clone(&ground.view);
    let summary = session.wait(question.filter.summary(&ground.engine, view, store))?;
    match format {
        ReportFormat::Json => print_json(session, &summary)?,
        ReportFormat::Table => print_summary(session, &summary)?,
    }
    Ok(summary.events)
}

fn print_summary(session: &mut Session<'_>, summary: &Summary) -> Result<(), Failure> {
    writeln!(session.out, "{}", count(summary.events, "event"))?;
    if let (Some(first), Some(last)) = (&summary.first, &summary.last) {
        writeln!(session.out, "first {first}\nlast  {last}")?;
    }
    let groups = [
        ("event type", &summary.by_type, SHOWN),
        ("actor", &summary.by_actor, SHOWN),
        ("hour", &summary.by_hour, usize::MAX),
    ];
    for (title, groups, shown) in groups {
        if groups.is_empty() {
            continue;
        }
        writeln!(session.out, "\nby {title}")?;
        write!(session.out, "{}", aligned("  ", &rows(groups, shown)))?;
        if let Some(more) = groups.len().checked_sub(shown).filter(|more| *more > 0) {
            writeln!(session.out, "  and {} more; -o json has all", grouped(more as u64))?;
        }
    }
    Ok(())
}

fn rows(groups: &[Group], shown: usize) -> Vec<[String; 2]> {
    let widest = groups.iter().map(|group| grouped(group.events).len()).max().unwrap_or(0);
    let row = |group: &Group| {
        let value = group.value.clone().unwrap_or_else(|| "-".to_owned());
        [format!("{:>widest$}", grouped(group.events)), value]
    };
    groups.iter().take(shown).map(row).collect()
}

/// Searches, and tells what was skipped and read.
pub(super) fn explain(
    session: &mut Session<'_>,
    ground: &Ground,
    question: &Question,
    format: Option<Format>,
) -> Result<u64, Failure> {
    let format = report_format(session, format)?;
    let (result, reached) = ground.start(session, question, Form::Nested)?;
    let results = session.wait(async {
        let mut batches = std::pin::pin!(result.batches());
        let mut rows = 0_u64;
        while let Some(batch) = batches.next().await {
            rows += batch?.num_rows() as u64;
        }
        Ok::<_, sealtrail_query::QueryError>(rows)
    })?;
    let cost = reached.cost(&ground.view);
    let condition = question.filter.condition()?;
    match format {
        ReportFormat::Json => print_json(session, &Explained { results, condition, cost })?,
        ReportFormat::Table => {
            let text = aligned("", &explained(results, condition, &cost));
            write!(session.out, "{text}")?;
        }
    }
    Ok(results)
}

#[derive(Serialize)]
struct Explained {
    results: u64,
    condition: String,
    #[serde(flatten)]
    cost: Cost,
}

fn explained(results: u64, condition: String, cost: &Cost) -> Vec<[String; 2]> {
    let row = |name: &str, value: String| [name.to_owned(), value];
    let groups_skipped = cost.row_groups_skipped_by_statistics + cost.row_groups_skipped_by_values;
    vec![
        row("results", grouped(results)),
        row("condition", condition),
        row(
            "segments",
            format!(
                "{} read, {} skipped of {}",
                grouped(cost.segments_read as u64),
                grouped(cost.segments_skipped as u64),
                grouped(cost.segments as u64)
            ),
        ),
        row("bytes", format!("{} read of {}", bytes(cost.bytes_read), bytes(cost.bytes))),
        row(
            "archives",
            format!(
                "{} of {} read ({})",
                grouped(cost.archive_segments_read as u64),
                count(cost.archive_segments as u64, "segment"),
                bytes(cost.archive_bytes)
            ),
        ),
        row(
            "row groups",
            format!(
                "{} read, {} skipped ({} by statistics, {} by their values)",
                grouped(cost.row_groups_read),
                grouped(groups_skipped),
                grouped(cost.row_groups_skipped_by_statistics),
                grouped(cost.row_groups_skipped_by_values)
            ),
        ),
        row(
            "rows skipped",
            format!(
                "{} by the page index, {} while decoding, of {} in segments",
                grouped(cost.rows_skipped_by_page_index),
                grouped(cost.rows_skipped_while_decoding),
                grouped(cost.rows)
            ),
        ),
        row("not in a segment", count(cost.rows_unflushed as u64, "row")),
        row("statements", grouped(cost.statements as u64)),
    ]
}
