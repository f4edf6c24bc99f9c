//! In which order results come, and cursors that go on after one of them.

use serde::{Deserialize, Serialize};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use sealtrail_core::columns::{ColumnType, LogicalColumn};

use crate::error::{QueryError, Result};
use crate::search::condition::{Path, Want, quoted, text_literal, time_literal};
use crate::search::pick::{Column, list};

/// The columns of a search that tell where a row stands; a field would be named by its path.
const KEY: &str = "__key";

/// What results are ordered by: a field and a direction. Values that are missing come last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// A dotted path, or a column of the view `events`.
    pub field: String,
    /// The greatest first.
    #[serde(default)]
    pub descending: bool,
}

impl Order {
    /// Reads `timestamp`, `cost_usd desc`, `status, timestamp desc`.
    ///
    /// # Errors
    /// `Parameter` if it is no order.
    pub fn parse(text: &str) -> Result<Vec<Self>> {
        text.split(',').map(|part| Self::parse_one(part.trim())).collect()
    }

    fn parse_one(text: &str) -> Result<Self> {
        let (field, descending) = match text.rsplit_once(char::is_whitespace) {
            Some((field, word)) if word.eq_ignore_ascii_case("desc") => (field.trim(), true),
            Some((field, word)) if word.eq_ignore_ascii_case("asc") => (field.trim(), false),
            _ => (text, false),
        };
        Path::parse(field)?;
        Ok(Self { field: field.to_owned(), descending })
    }
}

/// One of the values by which rows are ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    sql: String,
    kind: KeyKind,
    descending: bool,
    /// Every record has it.
    always: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyKind {
    Text,
    Integer,
    Number,
    Time,
}

/// What rows are ordered by: never the same for two records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keys(Vec<Key>);

impl Keys {
    /// The keys of an order. What decides between equal values is the time, then the id, then
    /// the time of recording.
    pub(crate) fn new(order: &[Order], reverse: bool) -> Result<Self> {
        let mut keys: Vec<Key> = Vec::new();
        for part in order {
            keys.extend(keys_of(&Path::parse(&part.field)?, part.descending != reverse));
        }
        let descending = keys.first().map_or(reverse, |key| key.descending);
        for name in ["timestamp", "audit_id", "recorded_at"] {
            keys.extend(keys_of(&Path::parse(name)?, descending));
        }
        let mut distinct: Vec<Key> = Vec::new();
        for key in keys {
            if distinct.iter().all(|known| known.sql != key.sql) {
                distinct.push(key);
            }
        }
        Ok(Self(distinct))
    }

    /// Whether rows come in the order of their times; then whether the last comes first.
    pub(crate) fn by_time(&self) -> Option<bool> {
        self.0.first().filter(|key| key.sql == "\"timestamp\"").map(|key| key.descending)
    }

    /// A SELECT of these columns and of the keys that are not among them.
    pub(crate) fn beside(&self, columns: &[Column]) -> Keyed {
        // A column that is there twice confuses the planner over what rows are sorted by.
        let mut all = columns.to_vec();
        let mut positions = Vec::with_capacity(self.0.len());
        for (number, key) in self.0.iter().enumerate() {
            let known = all.iter().position(|column| column.sql == key.sql);
            positions.push(known.unwrap_or(all.len()));
            if known.is_none() {
                all.push(Column { sql: key.sql.clone(), name: format!("{KEY}{number}") });
            }
        }
        let direction = |key: &Key| if key.descending { "DESC" } else { "ASC" };
        let order = self.0.iter().zip(&positions);
        let order = order.map(|(key, at)| format!("{} {} NULLS LAST", at + 1, direction(key)));
        Keyed {
            select: list(&all),
            order_by: order.collect::<Vec<_>>().join(", "),
            positions,
            shown: columns.len(),
        }
    }

    /// A number that tells the cursors of different orders apart (FNV-1a).
    fn signature(&self) -> u32 {
        let parts = self.0.iter().map(|key| format!("{}{}", key.sql, u8::from(key.descending)));
        let text = parts.collect::<Vec<_>>().join(",");
        text.bytes()
            .fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
    }

    /// The cursor of a row of the answer to a SELECT with these keys.
    pub(crate) fn cursor(&self, keyed: &Keyed, batch: &RecordBatch, row: usize) -> Result<String> {
        let values = self.0.iter().zip(&keyed.positions);
        let values = values.map(|(key, at)| key.value(batch.column(*at), row));
        let values = values.collect::<Result<_>>()?;
        Ok(Cursor { order: self.signature(), values }.to_text())
    }

    /// The condition that only what comes after the cursor meets.
    ///
    /// # Errors
    /// `Parameter` if it is no cursor, or one of another order.
    pub(crate) fn after(&self, cursor: &str) -> Result<String> {
        let Cursor { order, values } = Cursor::from_text(cursor)?;
        if order != self.signature() || values.len() != self.0.len() {
            return Err(QueryError::Parameter(
                "the cursor is of a search in another order; use the same --order and --reverse"
                    .to_owned(),
            ));
        }
        let mut condition = "false".to_owned();
        for (key, value) in self.0.iter().zip(&values).rev() {
            condition = key.after(value.as_deref(), &condition)?;
        }
        // What the first key alone says is simple enough to skip segments by.
        if let (Some(key), Some(Some(value))) = (self.0.first(), values.first())
            && key.always
        {
            let sign = if key.descending { "<=" } else { ">=" };
            condition = format!("{} {sign} {} AND {condition}", key.sql, key.literal(value)?);
        }
        Ok(condition)
    }
}

/// A SELECT with the keys of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keyed {
    /// Columns with their names.
    pub(crate) select: String,
    /// Positions of the keys with their directions.
    pub(crate) order_by: String,
    /// Where among the columns the keys are.
    positions: Vec<usize>,
    /// The columns that were asked for; those after them are keys.
    pub(crate) shown: usize,
}

/// The keys that order by a path: a column, or the number there, then the text.
fn keys_of(path: &Path, descending: bool) -> Vec<Key> {
    let key = |sql, kind, always| Key { sql, kind, descending, always };
    if let Some(name) = path.computed() {
        return vec![key(quoted(name), KeyKind::Text, false)];
    }
    let column = |column: &LogicalColumn, kind| {
        let always = ["timestamp", "audit_id", "recorded_at", "event_type"];
        vec![key(quoted(&column.name), kind, always.contains(&column.name.as_str()))]
    };
    match path.fixed() {
        Some(fixed) => match fixed.kind {
            ColumnType::Timestamp => column(fixed, KeyKind::Time),
            ColumnType::Utf8 => column(fixed, KeyKind::Text),
            ColumnType::Int64 => column(fixed, KeyKind::Integer),
            ColumnType::Float64 => column(fixed, KeyKind::Number),
            ColumnType::Boolean => vec![key(path.sql(Want::AsText), KeyKind::Text, false)],
        },
        None => vec![
            key(path.sql(Want::Number), KeyKind::Number, false),
            key(path.sql(Want::AsText), KeyKind::Text, false),
        ],
    }
}

impl Key {
    /// The value of a row, as cursors hold it.
    fn value(&self, column: &ArrayRef, row: usize) -> Result<Option<String>> {
        if column.is_null(row) {
            return Ok(None);
        }
        let failed = |error: arrow::error::ArrowError| QueryError::Execution(error.to_string());
        let one = column.slice(row, 1);
        Ok(Some(match self.kind {
            KeyKind::Text => {
                cast(&one, &DataType::Utf8).map_err(failed)?.as_string::<i32>().value(0).to_owned()
            }
            KeyKind::Number => {
                let value = cast(&one, &DataType::Float64).map_err(failed)?;
                format!("{:?}", value.as_primitive::<Float64Type>().value(0))
            }
            KeyKind::Integer | KeyKind::Time => {
                let value = cast(&one, &DataType::Int64).map_err(failed)?;
                value.as_primitive::<Int64Type>().value(0).to_string()
            }
        }))
    }

    fn literal(&self, value: &str) -> Result<String> {
        let no_cursor = || QueryError::Parameter("it is no cursor of a search".to_owned());
        Ok(match self.kind {
            KeyKind::Text => text_literal(value),
            KeyKind::Time => time_literal(value.parse().map_err(|_| no_cursor())?),
            KeyKind::Integer => value.parse::<i64>().map_err(|_| no_cursor())?.to_string(),
            KeyKind::Number => {
                let value: f64 = value.parse().map_err(|_| no_cursor())?;
                format!("CAST({} AS DOUBLE)", text_literal(&format!("{value:?}")))
            }
        })
    }

    /// Beyond the value, or equal to it and `then`.
    fn after(&self, value: Option<&str>, then: &str) -> Result<String> {
        let sql = &self.sql;
        let Some(value) = value else {
            // Nothing comes after what is missing.
            return Ok(format!("({sql} IS NULL AND {then})"));
        };
        let value = self.literal(value)?;
        let sign = if self.descending { "<" } else { ">" };
        let missing = if self.always { String::new() } else { format!(" OR {sql} IS NULL") };
        Ok(format!("({sql} {sign} {value}{missing} OR {sql} = {value} AND {then})"))
    }
}

/// Where a search goes on: the keys of the last row.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cursor {
    order: u32,
    values: Vec<Option<String>>,
}

impl Cursor {
    /// Hex of JSON: one word in every shell.
    fn to_text(&self) -> String {
        let json = serde_json::json!([self.order, self.values]).to_string().into_bytes();
        json.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn from_text(text: &str) -> Result<Self> {
        let no_cursor =
            || QueryError::Parameter("it is no cursor of a search; it may be cut off".to_owned());
        let text = text.trim().as_bytes();
        if text.is_empty() || !text.len().is_multiple_of(2) {
            return Err(no_cursor());
        }
        let bytes = text
            .chunks_exact(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect::<Option<Vec<u8>>>();
        let read = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        read.map(|(order, values)| Self { order, values }).ok_or_else(no_cursor)
    }
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
