//! Functions over the columns and the rest of one segment.
//!
//! SQL cannot call them: the adapter puts them in place of logical columns and of JSON lookups.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder, Float64Builder, Int64Builder,
    StringViewBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use sealtrail_core::columns::{Assembler, ColumnType, LogicalColumn, Values};
use sealtrail_core::json::{
    format_timestamp, parse_canonical_timestamp, write_f64, write_i64, write_string,
};

use crate::functions::{JsonFn, Known, Output, Texts};
use crate::json::{self, Form, PathPart};
use crate::shape::arrow_type;
use crate::words::Word;

/// A JSON function at the path of a promoted column: arguments are the column and, where it may
/// hold misfits, the rest.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ShreddedGet {
    pub(crate) function: JsonFn,
    pub(crate) path: Vec<PathPart>,
    pub(crate) signature: Signature,
}

/// A logical column in a segment that has no column of its type for it: arguments are the
/// segment's column, if it has one of another type, and the rest, if it has one.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct LogicalValue {
    pub(crate) column: LogicalColumn,
    pub(crate) has_column: bool,
    pub(crate) signature: Signature,
}

/// Canonical JSON of the given columns and the rest: arguments are the columns, then the rest if
/// the segment has one.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Assembled {
    pub(crate) columns: Vec<LogicalColumn>,
    pub(crate) signature: Signature,
}

/// Whether a value of the row contains a word: arguments are so many columns, then the rest if
/// the segment has one.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct WordSearch {
    pub(crate) word: Word,
    pub(crate) columns: usize,
    pub(crate) signature: Signature,
}

/// The signature of the functions here: whatever the adapter passes.
pub(crate) fn any_signature() -> Signature {
    Signature::variadic_any(Volatility::Immutable)
}

impl ScalarUDFImpl for ShreddedGet {
    fn name(&self) -> &'static str {
        "shredded_get"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(self.function.return_type())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let Some(column) = arrays.first() else { return exec_err!("no column") };
        let rest = arrays.get(1).map(Texts::new).transpose()?;
        let rows = column.len();
        let mut out = Output::new(self.function, rows);
        let texts = if wants_text(self.function) { Texts::new(column).ok() } else { None };
        let mut scratch = Vec::new();
        for row in 0..rows {
            if column.is_null(row) {
                let raw = rest
                    .as_ref()
                    .and_then(|rest| json::get(rest.get(row)?, &self.path, Form::Canonical));
                out.push(self.function, raw);
            } else if let Some(text) = texts.as_ref().and_then(|texts| texts.get(row)) {
                out.push_text(text);
            } else {
                scratch.clear();
                write_value(column, row, &mut scratch);
                out.push(self.function, std::str::from_utf8(&scratch).ok());
            }
        }
        Ok(ColumnarValue::Array(out.finish()))
    }
}

/// Whether a string's own text is the result.
fn wants_text(function: JsonFn) -> bool {
    matches!(function, JsonFn::AsText | JsonFn::GetStr)
}

/// Appends the canonical JSON of a column's value.
fn write_value(array: &ArrayRef, row: usize, out: &mut Vec<u8>) {
    match Values::of(array.as_ref()) {
        Some(Values::Utf8(a)) => write_string(a.value(row), out),
        Some(Values::Utf8View(a)) => write_string(a.value(row), out),
        Some(Values::Int64(a)) => write_i64(a.value(row), out),
        Some(Values::Float64(a)) => write_f64(a.value(row), out),
        Some(Values::Boolean(a)) => {
            out.extend_from_slice(if a.value(row) { b"true" } else { b"false" })
        }
        Some(Values::Timestamp(a)) => {
            out.push(b'"');
            format_timestamp(a.value(row), out);
            out.push(b'"');
        }
        None => {}
    }
}

impl ScalarUDFImpl for LogicalValue {
    fn name(&self) -> &'static str {
        "logical_column"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(arrow_type(self.column.kind))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let (column, rest) =
            if self.has_column { (arrays.first(), arrays.get(1)) } else { (None, arrays.first()) };
        let rest = rest.map(Texts::new).transpose()?;
        let rows = arrays.first().map_or(0, Array::len);
        let from_rest = |row: usize| json::get_keys(rest.as_ref()?.get(row)?, &self.column.path);
        let source = Source { column, rows, from_rest };
        Ok(ColumnarValue::Array(source.read(self.column.kind)))
    }
}

/// Where a logical column's values come from.
struct Source<'a, F> {
    column: Option<&'a ArrayRef>,
    rows: usize,
    from_rest: F,
}

impl<'a, F: Fn(usize) -> Option<&'a str>> Source<'a, F> {
    /// Calls `each` with the raw JSON of every row's value.
    fn for_each(&self, mut each: impl FnMut(Option<&str>)) {
        let mut scratch = Vec::new();
        for row in 0..self.rows {
            match self.column.filter(|column| column.is_valid(row)) {
                Some(column) => {
                    scratch.clear();
                    write_value(column, row, &mut scratch);
                    each(std::str::from_utf8(&scratch).ok());
                }
                None => each((self.from_rest)(row)),
            }
        }
    }

    /// The values that fit `kind`.
    fn read(&self, kind: ColumnType) -> ArrayRef {
        match kind {
            ColumnType::Utf8 => {
                let mut out = StringViewBuilder::with_capacity(self.rows);
                self.for_each(|raw| out.append_option(raw.and_then(json::as_str)));
                Arc::new(out.finish())
            }
            ColumnType::Int64 => {
                let mut out = Int64Builder::with_capacity(self.rows);
                self.for_each(|raw| out.append_option(raw.and_then(json::as_exact_int)));
                Arc::new(out.finish())
            }
            ColumnType::Float64 => self.read_floats(),
            ColumnType::Boolean => {
                let mut out = BooleanBuilder::with_capacity(self.rows);
                self.for_each(|raw| out.append_option(raw.and_then(json::as_bool)));
                Arc::new(out.finish())
            }
            ColumnType::Timestamp => {
                let mut out = TimestampMicrosecondBuilder::with_capacity(self.rows);
                self.for_each(|raw| out.append_option(raw.and_then(as_timestamp)));
                Arc::new(out.finish().with_timezone("UTC"))
            }
        }
    }

    /// Numbers; integers of the segment's column need no detour over text.
    fn read_floats(&self) -> ArrayRef {
        let mut out = Float64Builder::with_capacity(self.rows);
        let integers = self.column.and_then(|column| column.as_primitive_opt::<Int64Type>());
        let Some(integers) = integers else {
            self.for_each(|raw| out.append_option(raw.and_then(json::as_float)));
            return Arc::new(out.finish());
        };
        for row in 0..self.rows {
            if integers.is_valid(row) {
                // Within ±(2^53 - 1), so exact.
                #[allow(clippy::cast_precision_loss)]
                out.append_value(integers.value(row) as f64);
            } else {
                out.append_option((self.from_rest)(row).and_then(json::as_float));
            }
        }
        Arc::new(out.finish())
    }
}

/// Microseconds of a JSON string in the form of a record's `timestamp`.
fn as_timestamp(raw: &str) -> Option<i64> {
    parse_canonical_timestamp(raw.strip_prefix('"')?.strip_suffix('"')?.as_bytes())
}

impl ScalarUDFImpl for Assembled {
    fn name(&self) -> &'static str {
        "assembled"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let rows = arrays.first().map_or(0, Array::len);
        let rest = arrays.get(self.columns.len()).map(Texts::new).transpose()?;
        let mut values = Vec::with_capacity(self.columns.len());
        for (array, column) in arrays.iter().zip(&self.columns) {
            match Values::of(array.as_ref()) {
                Some(column) => values.push(column),
                None => {
                    return exec_err!("column {} is stored as {}", column.name, array.data_type());
                }
            }
        }
        let assembler = Assembler::new(&self.columns);
        let mut out = StringViewBuilder::with_capacity(rows);
        let mut scratch = Vec::new();
        for row in 0..rows {
            scratch.clear();
            let rest = rest.as_ref().and_then(|rest| rest.get(row)).map(str::as_bytes);
            if let Err(fault) = assembler.row(&values, row, rest, &mut scratch) {
                return exec_err!("a stored row is damaged: {fault}");
            }
            match std::str::from_utf8(&scratch) {
                Ok(text) => out.append_value(text),
                Err(error) => return exec_err!("a stored row is damaged: {error}"),
            }
        }
        Ok(ColumnarValue::Array(Arc::new(out.finish())))
    }
}

impl ScalarUDFImpl for WordSearch {
    fn name(&self) -> &'static str {
        "word_search"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let rows = arrays.first().map_or(0, Array::len);
        let (columns, rest) = arrays.split_at(self.columns.min(arrays.len()));
        let mut found = vec![false; rows];
        for column in columns {
            self.search_column(column, &mut found);
        }
        if let Some(rest) = rest.first() {
            let texts = Texts::new(rest)?;
            for (row, found) in found.iter_mut().enumerate() {
                *found =
                    *found || texts.get(row).is_some_and(|t| self.word.in_json(t, Form::Canonical));
            }
        }
        Ok(ColumnarValue::Array(Arc::new(BooleanArray::from(found))))
    }
}

impl WordSearch {
    /// Marks the rows whose value in the column contains the word.
    fn search_column(&self, column: &ArrayRef, found: &mut [bool]) {
        if let Some(texts) = column.as_string_view_opt() {
            let mut known = Known::new(texts);
            for (row, found) in found.iter_mut().enumerate() {
                *found = *found
                    || texts.is_valid(row)
                        && known.get(row, || self.word.in_text(texts.value(row)));
            }
            return;
        }
        let mut scratch = Vec::new();
        for (row, found) in found.iter_mut().enumerate() {
            if *found || column.is_null(row) {
                continue;
            }
            scratch.clear();
            write_value(column, row, &mut scratch);
            let raw = std::str::from_utf8(&scratch).unwrap_or_default();
            *found = self.word.in_json(raw, Form::Canonical);
        }
    }
}
