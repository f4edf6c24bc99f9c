//! Record bytes into columns and a rest.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Float64Builder, Int64Builder, StringArray,
    TimestampMicrosecondBuilder,
};

use super::trie::Trie;
use super::{ColumnType, LogicalColumn};
use crate::json;
use crate::{Error, Result};

/// Takes records apart, one after the other.
#[derive(Debug)]
pub struct Shredder {
    trie: Trie,
    sink: Sink,
    rest: BinaryBuilder,
    any_rest: bool,
    scratch: Vec<u8>,
}

/// The rows of a shredder as Arrow arrays; columns without any value are left out.
#[derive(Debug)]
pub struct Shredded {
    /// Column, values, and how many rows hold another value at the path.
    pub columns: Vec<(LogicalColumn, ArrayRef, u64)>,
    /// Canonical JSON of what no column took; `None` if no row has any.
    pub rest: Option<ArrayRef>,
    /// Number of rows.
    pub rows: usize,
}

/// The rows of a shredder: of each column its values, if it has any, and how many rows hold another
/// value at its path; and the rest, if there is one.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) columns: Vec<(Option<ArrayRef>, u64)>,
    pub(crate) rest: Option<ArrayRef>,
}

#[derive(Debug)]
struct Sink {
    columns: Vec<LogicalColumn>,
    builders: Vec<Builder>,
    row: usize,
    /// Columns from here on are promoted: they may turn from integers to doubles.
    promoted_from: usize,
}

#[derive(Debug)]
struct Builder {
    values: Values,
    len: usize,
    misfits: u64,
}

#[derive(Debug)]
enum Values {
    /// Bytes here are validated as UTF-8 once per column, not once per value.
    Utf8(BinaryBuilder),
    Int64(Int64Builder),
    Float64(Float64Builder),
    Boolean(BooleanBuilder),
    Timestamp(TimestampMicrosecondBuilder),
}

impl Shredder {
    /// A shredder for `fixed` columns and, after them, `promoted` ones.
    pub fn new(fixed: &[LogicalColumn], promoted: &[LogicalColumn]) -> Self {
        let columns: Vec<_> = fixed.iter().chain(promoted).cloned().collect();
        let builders = columns.iter().map(|c| Builder::new(c.kind)).collect();
        Self {
            trie: Trie::new(&columns),
            sink: Sink { columns, builders, row: 0, promoted_from: fixed.len() },
            rest: BinaryBuilder::new(),
            any_rest: false,
            scratch: Vec::new(),
        }
    }

    /// A shredder whose columns keep their types: numbers that are not whole stay out of columns of
    /// integers.
    pub(crate) fn of_types(columns: &[LogicalColumn]) -> Self {
        Self::new(columns, &[])
    }

    /// Adds one canonical record.
    pub fn push(&mut self, record: &[u8]) {
        self.scratch.clear();
        if walk(&self.trie, 0, record, &mut self.scratch, &mut self.sink) {
            self.rest.append_value(&self.scratch);
            self.any_rest = true;
        } else {
            self.rest.append_null();
        }
        self.sink.row += 1;
    }

    /// The arrays of all records added.
    ///
    /// # Errors
    /// `Encoding` if a record was not UTF-8.
    pub fn finish(mut self) -> Result<Shredded> {
        let rows = self.sink.row;
        let mut columns = Vec::new();
        for (mut column, builder) in self.sink.columns.into_iter().zip(self.sink.builders) {
            if builder.len == 0 {
                continue;
            }
            column.kind = builder.kind();
            let misfits = builder.misfits;
            let array = builder.finish(rows, &column.name)?;
            columns.push((column, array, misfits));
        }
        let rest = self.any_rest.then(|| utf8(self.rest.finish(), super::REST)).transpose()?;
        Ok(Shredded { columns, rest, rows })
    }
}

impl Shredder {
    /// As [`finish`](Self::finish), with all columns in the order they were given in.
    ///
    /// # Errors
    /// `Encoding` if a record was not UTF-8.
    pub(crate) fn finish_all(self) -> Result<Parts> {
        let rows = self.sink.row;
        let mut columns = Vec::with_capacity(self.sink.columns.len());
        for (column, builder) in self.sink.columns.into_iter().zip(self.sink.builders) {
            let misfits = builder.misfits;
            let array = (builder.len > 0).then(|| builder.finish(rows, &column.name));
            columns.push((array.transpose()?, misfits));
        }
        let mut rest = self.rest;
        let rest = self.any_rest.then(|| utf8(rest.finish(), super::REST)).transpose()?;
        Ok(Parts { columns, rest })
    }
}

/// Moves what fits from `object` into columns; writes what remains as an object to `rest`.
/// `false` (and nothing written) if nothing remains.
fn walk(trie: &Trie, node: usize, object: &[u8], rest: &mut Vec<u8>, sink: &mut Sink) -> bool {
    let start = rest.len();
    for (name, value) in json::members(object) {
        if let Some(child) = trie.find(node, name) {
            if let (Some(inner), true) = (child.inner, json::is_object(value) && value.len() > 2) {
                if let Some(column) = child.column {
                    sink.builders[column].misfits += 1;
                }
                let mark = rest.len();
                rest.push(if mark == start { b'{' } else { b',' });
                rest.extend_from_slice(&child.label);
                if !walk(trie, inner, value, rest, sink) {
                    rest.truncate(mark);
                }
                continue;
            }
            if child.column.is_some_and(|column| sink.put(column, value)) {
                continue;
            }
        }
        rest.push(if rest.len() == start { b'{' } else { b',' });
        rest.push(b'"');
        rest.extend_from_slice(name);
        rest.extend_from_slice(b"\":");
        rest.extend_from_slice(value);
    }
    if rest.len() == start {
        return false;
    }
    rest.push(b'}');
    true
}

impl Sink {
    /// Whether the raw value fits the column, and so was taken.
    fn put(&mut self, column: usize, raw: &[u8]) -> bool {
        let builder = &mut self.builders[column];
        if column >= self.promoted_from && builder.must_widen(raw) {
            builder.widen();
        }
        let taken = builder.put(self.row, raw);
        builder.misfits += u64::from(!taken && raw != b"null");
        taken
    }
}

impl Builder {
    fn new(kind: ColumnType) -> Self {
        let values = match kind {
            ColumnType::Utf8 => Values::Utf8(BinaryBuilder::new()),
            ColumnType::Int64 => Values::Int64(Int64Builder::new()),
            ColumnType::Float64 => Values::Float64(Float64Builder::new()),
            ColumnType::Boolean => Values::Boolean(BooleanBuilder::new()),
            ColumnType::Timestamp => Values::Timestamp(TimestampMicrosecondBuilder::new()),
        };
        Self { values, len: 0, misfits: 0 }
    }

    fn kind(&self) -> ColumnType {
        match self.values {
            Values::Utf8(_) => ColumnType::Utf8,
            Values::Int64(_) => ColumnType::Int64,
            Values::Float64(_) => ColumnType::Float64,
            Values::Boolean(_) => ColumnType::Boolean,
            Values::Timestamp(_) => ColumnType::Timestamp,
        }
    }

    fn must_widen(&self, raw: &[u8]) -> bool {
        matches!(self.values, Values::Int64(_)) && is_number(raw) && integer(raw).is_none()
    }

    fn widen(&mut self) {
        if let Values::Int64(integers) = &mut self.values {
            let mut doubles = Float64Builder::new();
            for value in &integers.finish() {
                doubles.append_option(value.map(|v| v as f64));
            }
            self.values = Values::Float64(doubles);
        }
    }

    fn pad(&mut self, to: usize) {
        let missing = to - self.len;
        if missing > 0 {
            match &mut self.values {
                Values::Utf8(b) => b.append_nulls(missing),
                Values::Int64(b) => b.append_nulls(missing),
                Values::Float64(b) => b.append_nulls(missing),
                Values::Boolean(b) => b.append_nulls(missing),
                Values::Timestamp(b) => b.append_nulls(missing),
            }
        }
        self.len = to;
    }

    fn put(&mut self, row: usize, raw: &[u8]) -> bool {
        if !fits(self.kind(), raw) {
            return false;
        }
        self.pad(row);
        match &mut self.values {
            Values::Utf8(b) => {
                let inner = &raw[1..raw.len() - 1];
                if inner.contains(&b'\\') {
                    b.append_value(json::string_value(raw).unwrap_or_default().as_bytes());
                } else {
                    b.append_value(inner);
                }
            }
            Values::Int64(b) => b.append_option(integer(raw)),
            Values::Float64(b) => b.append_option(double(raw)),
            Values::Boolean(b) => b.append_value(raw == b"true"),
            Values::Timestamp(b) => b.append_option(time(raw)),
        }
        self.len = row + 1;
        true
    }

    fn finish(mut self, rows: usize, name: &str) -> Result<ArrayRef> {
        self.pad(rows);
        Ok(match self.values {
            Values::Utf8(mut b) => utf8(b.finish(), name)?,
            Values::Int64(mut b) => Arc::new(b.finish()),
            Values::Float64(mut b) => Arc::new(b.finish()),
            Values::Boolean(mut b) => Arc::new(b.finish()),
            Values::Timestamp(mut b) => Arc::new(b.finish().with_timezone("UTC")),
        })
    }
}

fn utf8(bytes: arrow::array::BinaryArray, name: &str) -> Result<ArrayRef> {
    let text = StringArray::try_from_binary(bytes).map_err(|e| Error::encoding(name, e))?;
    Ok(Arc::new(text))
}

/// Whether the raw value is one that a column of this type holds.
pub(crate) fn fits(kind: ColumnType, raw: &[u8]) -> bool {
    match kind {
        ColumnType::Utf8 => raw.first() == Some(&b'"') && raw.len() >= 2,
        ColumnType::Int64 => integer(raw).is_some(),
        ColumnType::Float64 => is_number(raw) && double(raw).is_some(),
        ColumnType::Boolean => raw == b"true" || raw == b"false",
        ColumnType::Timestamp => time(raw).is_some(),
    }
}

pub(super) fn is_number(raw: &[u8]) -> bool {
    matches!(raw.first(), Some(b'-' | b'0'..=b'9'))
}

pub(super) fn integer(raw: &[u8]) -> Option<i64> {
    let (negative, digits) = match raw.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, raw),
    };
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    let value = digits
        .iter()
        .try_fold(0_i64, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))?;
    let value = if negative { -value } else { value };
    (value.abs() <= json::MAX_SAFE_INTEGER).then_some(value)
}

pub(super) fn double(raw: &[u8]) -> Option<f64> {
    std::str::from_utf8(raw).ok()?.parse().ok().filter(|v: &f64| v.is_finite())
}

pub(super) fn time(raw: &[u8]) -> Option<i64> {
    json::parse_canonical_timestamp(raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?)
}
