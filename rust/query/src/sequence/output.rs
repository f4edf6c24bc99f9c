//! Writing matches: nested where the format can be, else a row for each event.

use std::io::Write;

use arrow::array::{AsArray, RecordBatch};
use sealtrail_core::json::{format_timestamp, write_string};

use super::matcher::Match;
use super::pass::Matches;
use super::records::{Read, Reader};
use crate::error::{QueryError, Result};
use crate::output::{OutputFormat, ResultWriter};
use crate::search::{Form, Nesting};

/// Writes matches as they are found; gives their number.
///
/// `jsonl` has one match a line, `json` one array of them:
///
/// ```json
/// {"match":1,"by":{"source_ip":"203.0.113.9"},"start":"...","end":"...","steps":[1,1,2],"events":[...]}
/// ```
///
/// `steps` says for each of the `events`, which are the whole records or objects of these
/// `fields`, of which step it is. The other formats have one row for each event, as
/// [`Matches::into_rows`].
///
/// # Errors
/// `Parameter` for a field that means nothing, `Output` if it cannot be written, and what the pass
/// fails with.
pub async fn write_matches<W: Write + Send>(
    matches: Matches,
    fields: &[String],
    format: OutputFormat,
    out: W,
) -> Result<u64> {
    let form = match format {
        OutputFormat::Json | OutputFormat::Jsonl => {
            return write_nested(matches, fields, format, out).await;
        }
        OutputFormat::Table => Form::Brief,
        OutputFormat::Csv | OutputFormat::Parquet => Form::Flat,
    };
    let mut count = 0;
    let result = matches.into_rows(fields, form).await?;
    let mut writer = ResultWriter::new(format, &result.schema, out)?;
    let mut batches = std::pin::pin!(result.batches());
    while let Some(batch) = futures::StreamExt::next(&mut batches).await {
        let batch = batch?;
        count = last_number(&batch).unwrap_or(count);
        writer.write(&batch)?;
    }
    writer.finish()?;
    Ok(count)
}

/// The number of the last match in a batch: they are numbered from 1.
fn last_number(batch: &RecordBatch) -> Option<u64> {
    let numbers = batch.column(0).as_primitive_opt::<arrow::datatypes::Int64Type>()?;
    u64::try_from(*numbers.values().last()?).ok()
}

async fn write_nested<W: Write + Send>(
    matches: Matches,
    fields: &[String],
    format: OutputFormat,
    mut out: W,
) -> Result<u64> {
    let failed = |error: std::io::Error| QueryError::Output(error.to_string());
    let array = format == OutputFormat::Json;
    let mut reader = Reader::new(matches, fields, Form::Nested).await?;
    let nesting = Nesting::new(fields)?;
    let mut count = 0;
    let mut text = Vec::new();
    while let Some(read) = reader.next().await? {
        let mut row = 0;
        for found in &read.matches {
            text.clear();
            if array {
                text.extend_from_slice(if count == 0 { &b"["[..] } else { b",\n" });
            }
            nested((found, row), reader.by(), &read, &nesting, &mut text)?;
            if !array {
                text.push(b'\n');
            }
            out.write_all(&text).map_err(failed)?;
            row += found.events.len();
            count += 1;
        }
        // Whoever waits for the first match sees it.
        out.flush().map_err(failed)?;
    }
    if array {
        out.write_all(if count == 0 { &b"[]\n"[..] } else { b"]\n" }).map_err(failed)?;
    }
    out.flush().map_err(failed)?;
    Ok(count)
}

/// One match as JSON; its events are the rows from `row` on.
fn nested(
    (found, row): (&Match, usize),
    by: &[String],
    read: &Read,
    nesting: &Nesting,
    out: &mut Vec<u8>,
) -> Result<()> {
    out.extend_from_slice(format!("{{\"match\":{},\"by\":{{", found.number).as_bytes());
    for (index, (name, value)) in by.iter().zip(&found.key).enumerate() {
        comma(index, out);
        write_string(name, out);
        out.push(b':');
        write_string(value, out);
    }
    out.extend_from_slice(b"},\"start\":\"");
    format_timestamp(found.start(), out);
    out.extend_from_slice(b"\",\"end\":\"");
    format_timestamp(found.end(), out);
    out.extend_from_slice(b"\",\"steps\":[");
    for (index, event) in found.events.iter().enumerate() {
        comma(index, out);
        out.extend_from_slice(event.step.to_string().as_bytes());
    }
    out.extend_from_slice(b"],\"events\":[");
    for index in 0..found.events.len() {
        comma(index, out);
        nesting.append(&read.rows, row + index, out)?;
    }
    out.extend_from_slice(b"]}");
    Ok(())
}

fn comma(index: usize, out: &mut Vec<u8>) {
    if index > 0 {
        out.push(b',');
    }
}
