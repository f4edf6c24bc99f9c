//! The records of matches: read once it is known which they are.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, UInt64Array};
use arrow::compute::{concat_batches, take};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimestampMicrosecondType};
use datafusion::common::DataFusionError;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::TryStreamExt;

use super::matcher::Match;
use super::pass::Matches;
use crate::engine::QueryResult;
use crate::error::{QueryError, Result};
use crate::search::Form;
use crate::search::condition::{text_literal, time_literal};
use crate::search::pick::{list, select};
use crate::search::run::Place;

/// Events of matches that are read together, at most (a match is not divided).
const TOGETHER: usize = 2000;

/// Matches with what was asked of their events.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) matches: Vec<Match>,
    /// A row for each event of each match, in order.
    pub(super) rows: RecordBatch,
}

/// Reads records for matches, a few matches first and then more at a time.
pub(super) struct Reader {
    matches: Matches,
    records: Records,
    together: usize,
}

/// Where the records come from, and what is wanted of them.
struct Records {
    place: Place,
    select: String,
    schema: SchemaRef,
}

impl Reader {
    /// Will read these fields (all that the form has, if there are none).
    pub(super) async fn new(matches: Matches, fields: &[String], form: Form) -> Result<Self> {
        let place = matches.place().clone();
        let select = list(&select(fields, place.view.columns(), form)?);
        let nothing = format!("SELECT {select} FROM events LIMIT 0");
        let schema = place.sql(&nothing).await?.schema;
        Ok(Self { matches, records: Records { place, select, schema }, together: 1 })
    }

    /// The columns that are read.
    pub(super) fn schema(&self) -> &SchemaRef {
        &self.records.schema
    }

    pub(super) fn by(&self) -> &[String] {
        self.matches.by()
    }

    /// The next matches; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Read>> {
        let (mut matches, mut events) = (Vec::new(), 0);
        while events < self.together
            && let Some(found) = self.matches.next().await?
        {
            events += found.events.len();
            matches.push(found);
        }
        self.together = (self.together * 8).min(TOGETHER);
        if matches.is_empty() {
            return Ok(None);
        }
        let rows = self.records.read(&matches).await?;
        Ok(Some(Read { matches, rows }))
    }
}

impl Records {
    /// A row for each event of these matches, in order.
    async fn read(&self, matches: &[Match]) -> Result<RecordBatch> {
        let events = || matches.iter().flat_map(|found| &found.events);
        let since = events().map(|event| event.timestamp).min().unwrap_or_default();
        let until = events().map(|event| event.timestamp).max().unwrap_or_default();
        let ids: Vec<String> = events().map(|event| text_literal(&event.audit_id)).collect();
        let sql = format!(
            "SELECT \"timestamp\" AS _t, audit_id AS _i, {} FROM events WHERE \"timestamp\" >= {} \
             AND \"timestamp\" <= {} AND audit_id IN ({})",
            self.select,
            time_literal(since),
            time_literal(until),
            ids.join(", ")
        );
        let answer = self.place.sql(&sql).await?;
        let schema = Arc::clone(&answer.schema);
        let all = concat_batches(&schema, &answer.collect().await?).map_err(failed)?;
        let known = by_identity(&all)?;
        let mut rows = Vec::with_capacity(ids.len());
        for event in events() {
            let identity = (event.timestamp, event.audit_id.as_str());
            let row = known.get(&identity).copied();
            rows.push(row.ok_or_else(|| {
                QueryError::Execution(format!("{} is gone from the trail", event.audit_id))
            })?);
        }
        let rows = UInt64Array::from(rows);
        let columns = all.columns()[2..].iter().map(|column| take(column, &rows, None));
        let columns = columns.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(failed)
    }
}

fn failed(error: impl std::fmt::Display) -> QueryError {
    QueryError::Execution(error.to_string())
}

/// The rows by time and id, which are the first columns.
fn by_identity(rows: &RecordBatch) -> Result<HashMap<(i64, &str), u64>> {
    let times = rows.column(0).as_primitive_opt::<TimestampMicrosecondType>();
    let ids = rows.column(1).as_string_opt::<i32>();
    let (Some(times), Some(ids)) = (times, ids) else {
        return Err(failed("the records have an unknown form"));
    };
    let row = |row: usize| ((times.value(row), ids.value(row)), row as u64);
    Ok((0..rows.num_rows()).map(row).collect())
}

impl Matches {
    /// One row for each event: `match` (its number), `step` (from 1), `by_<field>` for each field
    /// that the events of a match have in common, then these fields of the record, or what the
    /// form has if there are none. `Form::Nested` has JSON text of them.
    ///
    /// # Errors
    /// `Parameter` for a field that means nothing; what the pass fails with.
    pub async fn into_rows(self, fields: &[String], form: Form) -> Result<QueryResult> {
        let reader = Reader::new(self, fields, form).await?;
        let schema = flat_schema(&reader);
        let wanted = Arc::clone(&schema);
        let batches = futures::stream::try_unfold((reader, wanted), |(mut reader, schema)| async {
            let Some(read) = reader.next().await? else { return Ok(None) };
            let batch = flat(&read, &schema)?;
            Ok::<_, QueryError>(Some((batch, (reader, schema))))
        });
        let batches = batches.map_err(|error| DataFusionError::External(Box::new(error)));
        let stream = Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&schema), batches));
        Ok(QueryResult { schema, stream, plan: None })
    }
}

fn flat_schema(reader: &Reader) -> SchemaRef {
    let mut fields = vec![
        Arc::new(Field::new("match", DataType::Int64, false)),
        Arc::new(Field::new("step", DataType::Int64, false)),
    ];
    for name in reader.by() {
        fields.push(Arc::new(Field::new(format!("by_{name}"), DataType::Utf8, false)));
    }
    fields.extend(reader.schema().fields().iter().cloned());
    Arc::new(Schema::new(fields))
}

fn flat(read: &Read, schema: &SchemaRef) -> Result<RecordBatch> {
    let each = || read.matches.iter().flat_map(|m| m.events.iter().map(move |event| (m, event)));
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let numbers: Int64Array = each().map(|(found, _)| number(found.number)).collect();
    let steps: Int64Array = each().map(|(_, event)| i64::from(event.step)).collect();
    let mut columns: Vec<ArrayRef> = vec![Arc::new(numbers), Arc::new(steps)];
    for index in 0..schema.fields().len() - 2 - read.rows.num_columns() {
        let value = |found: &Match| found.key.get(index).cloned().unwrap_or_default();
        let values: StringArray = each().map(|(found, _)| Some(value(found))).collect();
        columns.push(Arc::new(values));
    }
    columns.extend(read.rows.columns().iter().cloned());
    RecordBatch::try_new(Arc::clone(schema), columns).map_err(failed)
}
