//! Writing results as nested records: one JSON array, or one line each.

use std::borrow::Cow;
use std::io::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::DataFusionError;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, TryStreamExt};
use sealtrail_core::json::write_string;

use crate::engine::QueryResult;
use crate::error::{QueryError, Result};
use crate::json::PathPart;
use crate::search::condition::Path;

/// Puts records together from the columns of a search in nested form.
#[derive(Debug)]
pub struct Nesting {
    /// No fields: the one column is the record.
    whole: bool,
    root: Vec<Node>,
}

/// A member of the objects that are written.
#[derive(Debug)]
struct Node {
    name: String,
    value: Value,
}

#[derive(Debug)]
enum Value {
    /// The column that holds its JSON text.
    Json(usize),
    /// The column that holds plain text.
    Text(usize),
    Object(Vec<Node>),
}

impl Nesting {
    /// For a search with these fields.
    ///
    /// # Errors
    /// `Parameter` if one of them is no path.
    pub fn new(fields: &[String]) -> Result<Self> {
        let mut root = Vec::new();
        for (column, field) in fields.iter().enumerate() {
            let path = Path::parse(field)?;
            match (path.computed(), path.fixed(), path.keys()) {
                (Some(name @ ("event" | "attrs")), _, _) => {
                    insert(&mut root, &[name], Value::Json(column));
                }
                (Some(name), _, _) => insert(&mut root, &[name], Value::Text(column)),
                (None, Some(fixed), _) => {
                    let keys: Vec<&str> = fixed.path.iter().map(String::as_str).collect();
                    insert(&mut root, &keys, Value::Json(column));
                }
                (None, None, Some(keys)) => insert(&mut root, &keys, Value::Json(column)),
                // An element stands under the name by which it was asked for.
                (None, None, None) => insert(&mut root, &[&spelt(&path)], Value::Json(column)),
            }
        }
        Ok(Self { whole: fields.is_empty(), root })
    }

    /// Appends the record of a row.
    ///
    /// # Errors
    /// `Output` if the columns are not those of the fields.
    pub fn append(&self, batch: &RecordBatch, row: usize, out: &mut Vec<u8>) -> Result<()> {
        if !self.whole {
            return append_object(&self.root, batch, row, out);
        }
        out.extend_from_slice(text(batch, 0, row)?.unwrap_or("null").as_bytes());
        Ok(())
    }
}

/// Puts a value at a path. What is there already, or on the way, contains it.
fn insert(nodes: &mut Vec<Node>, path: &[&str], value: Value) {
    let [name, below @ ..] = path else { return };
    let at = nodes.iter().position(|node| node.name == *name);
    match (at, below.is_empty()) {
        (Some(at), true) => nodes[at].value = value,
        (Some(at), false) => {
            if let Value::Object(inner) = &mut nodes[at].value {
                insert(inner, below, value);
            }
        }
        (None, true) => nodes.push(Node { name: (*name).to_owned(), value }),
        (None, false) => {
            let mut inner = Vec::new();
            insert(&mut inner, below, value);
            nodes.push(Node { name: (*name).to_owned(), value: Value::Object(inner) });
        }
    }
}

fn spelt(path: &Path) -> String {
    let mut out = String::new();
    for part in &path.0 {
        match part {
            PathPart::Key(key) if out.is_empty() => out.push_str(key),
            PathPart::Key(key) => out.extend([".", key]),
            PathPart::Index(index) => out.push_str(&format!("[{index}]")),
        }
    }
    out
}

/// Writes the members that the row has; objects without any are left out.
fn append_object(nodes: &[Node], batch: &RecordBatch, row: usize, out: &mut Vec<u8>) -> Result<()> {
    out.push(b'{');
    let mut first = true;
    for node in nodes {
        let start = out.len();
        if !first {
            out.push(b',');
        }
        write_string(&node.name, out);
        out.push(b':');
        let written = out.len();
        match &node.value {
            Value::Json(column) => {
                out.extend_from_slice(text(batch, *column, row)?.unwrap_or("").as_bytes());
            }
            Value::Text(column) => {
                if let Some(text) = text(batch, *column, row)? {
                    write_string(text, out);
                }
            }
            Value::Object(inner) => {
                append_object(inner, batch, row, out)?;
                if out[written..] == *b"{}" {
                    out.truncate(written);
                }
            }
        }
        if out.len() == written {
            out.truncate(start);
        } else {
            first = false;
        }
    }
    out.push(b'}');
    Ok(())
}

fn text(batch: &RecordBatch, column: usize, row: usize) -> Result<Option<&str>> {
    let array: Option<&ArrayRef> = batch.columns().get(column);
    let text = array.and_then(|array| array.as_string_opt::<i32>());
    let Some(text) = text else {
        return Err(QueryError::Output("a nested record is made of JSON text".to_owned()));
    };
    Ok(text.is_valid(row).then(|| text.value(row)))
}

/// The results of a nested search as one column `record` of JSON text.
///
/// # Errors
/// `Parameter` if a field is no path.
pub fn nested_records(result: QueryResult, fields: &[String]) -> Result<QueryResult> {
    let nesting = Nesting::new(fields)?;
    let schema = Arc::new(Schema::new(vec![Field::new("record", DataType::Utf8, false)]));
    let given = Arc::clone(&schema);
    let plan = result.plan.clone();
    let batches = result.batches().map(move |batch| {
        let batch = batch?;
        let mut texts = StringBuilder::with_capacity(batch.num_rows(), batch.num_rows() * 256);
        let mut text = Vec::new();
        for row in 0..batch.num_rows() {
            text.clear();
            nesting.append(&batch, row, &mut text)?;
            texts.append_value(String::from_utf8_lossy(&text));
        }
        RecordBatch::try_new(Arc::clone(&given), vec![Arc::new(texts.finish())])
            .map_err(|error| QueryError::Output(error.to_string()))
    });
    let batches = batches.map_err(|error| DataFusionError::External(Box::new(error)));
    let stream = Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&schema), batches));
    Ok(QueryResult { schema, stream, plan })
}

/// Writes the results of a nested search: as one JSON array, or one record a line. Every batch is
/// flushed, so that readers see results as they are found. Gives the number of records.
///
/// # Errors
/// `Output` if it cannot be written, or what the search fails with.
pub async fn write_nested(
    result: QueryResult,
    fields: &[String],
    array: bool,
    mut out: impl Write + Send,
) -> Result<u64> {
    let failed = |error: std::io::Error| QueryError::Output(error.to_string());
    let nesting = Nesting::new(fields)?;
    let mut batches = std::pin::pin!(result.batches());
    let (mut rows, mut buffer) = (0_u64, Vec::with_capacity(1 << 16));
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        for row in 0..batch.num_rows() {
            let before: Cow<'static, [u8]> = match (array, rows) {
                (false, _) => Cow::Borrowed(b""),
                (true, 0) => Cow::Borrowed(b"["),
                (true, _) => Cow::Borrowed(b",\n"),
            };
            buffer.extend_from_slice(&before);
            nesting.append(&batch, row, &mut buffer)?;
            if !array {
                buffer.push(b'\n');
            }
            rows += 1;
            if buffer.len() > 1 << 16 {
                out.write_all(&buffer).map_err(failed)?;
                buffer.clear();
            }
        }
        out.write_all(&buffer).map_err(failed)?;
        buffer.clear();
        out.flush().map_err(failed)?;
    }
    if array {
        out.write_all(if rows == 0 { b"[]\n" } else { b"]\n" }).map_err(failed)?;
    }
    out.flush().map_err(failed)?;
    Ok(rows)
}

#[cfg(test)]
#[path = "nested_tests.rs"]
mod tests;
