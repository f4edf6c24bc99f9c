//! Columns and a rest back into record bytes.

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder, Float64Array, Float64Builder,
    Int64Array, Int64Builder, StringArray, StringBuilder, StringViewArray,
    TimestampMicrosecondArray, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};

use super::shred::{double, fits, integer, time};
use super::trie::{Child, Trie};
use super::{ColumnType, LogicalColumn};
use crate::json;

/// A column's values, by type.
#[derive(Debug, Clone, Copy)]
pub enum Values<'a> {
    /// Strings.
    Utf8(&'a StringArray),
    /// Strings, as views.
    Utf8View(&'a StringViewArray),
    /// Integers.
    Int64(&'a Int64Array),
    /// Doubles.
    Float64(&'a Float64Array),
    /// Booleans.
    Boolean(&'a BooleanArray),
    /// Microseconds, UTC.
    Timestamp(&'a TimestampMicrosecondArray),
}

impl<'a> Values<'a> {
    /// The values of an array, `None` if no column has its type.
    pub fn of(array: &'a dyn Array) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Utf8 => Self::Utf8(array.as_string()),
            DataType::Utf8View => Self::Utf8View(array.as_string_view()),
            DataType::Int64 => Self::Int64(array.as_primitive::<Int64Type>()),
            DataType::Float64 => Self::Float64(array.as_primitive::<Float64Type>()),
            DataType::Boolean => Self::Boolean(array.as_boolean()),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                Self::Timestamp(array.as_primitive::<TimestampMicrosecondType>())
            }
            _ => return None,
        })
    }

    fn is_null(&self, row: usize) -> bool {
        match self {
            Self::Utf8(a) => a.is_null(row),
            Self::Utf8View(a) => a.is_null(row),
            Self::Int64(a) => a.is_null(row),
            Self::Float64(a) => a.is_null(row),
            Self::Boolean(a) => a.is_null(row),
            Self::Timestamp(a) => a.is_null(row),
        }
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) {
        match self {
            Self::Utf8(a) => json::write_string(a.value(row), out),
            Self::Utf8View(a) => json::write_string(a.value(row), out),
            Self::Int64(a) => json::write_i64(a.value(row), out),
            Self::Float64(a) => json::write_f64(a.value(row), out),
            Self::Boolean(a) => {
                out.extend_from_slice(if a.value(row) { b"true" } else { b"false" })
            }
            Self::Timestamp(a) => {
                out.push(b'"');
                json::format_timestamp(a.value(row), out);
                out.push(b'"');
            }
        }
    }
}

/// Why a row is not the one representation of any record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Column and rest both have a value at the named member.
    Twice(String),
    /// The rest holds a value that belongs into the column of the named member.
    Hidden(String),
    /// The rest is not a non-empty object.
    Rest,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Twice(name) => write!(f, "{name:?} is both in its column and in the rest"),
            Self::Hidden(name) => write!(f, "{name:?} is in the rest but belongs into its column"),
            Self::Rest => f.write_str("the rest is not an object with members"),
        }
    }
}

/// Puts rows of a set of columns together.
#[derive(Debug, Clone)]
pub struct Assembler {
    trie: Trie,
    kinds: Vec<ColumnType>,
}

struct Row<'a> {
    values: &'a [Values<'a>],
    row: usize,
}

impl Assembler {
    /// For these columns, in this order.
    pub fn new(columns: &[LogicalColumn]) -> Self {
        Self { trie: Trie::new(columns), kinds: columns.iter().map(|c| c.kind).collect() }
    }

    /// Appends the canonical record of one row. `values` are the columns' in the assembler's
    /// order; `rest` is the row's rest.
    ///
    /// # Errors
    /// A [`Fault`] if the row is not the one representation of a record.
    pub fn row(
        &self,
        values: &[Values<'_>],
        row: usize,
        rest: Option<&[u8]>,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        if rest.is_some_and(|r| !json::is_object(r) || r.len() <= 2) {
            return Err(Fault::Rest);
        }
        let start = out.len();
        self.object(0, &Row { values, row }, rest, out)?;
        if out.len() == start {
            out.extend_from_slice(b"{}");
        }
        Ok(())
    }

    /// Writes an object unless it would have no members.
    fn object(
        &self,
        node: usize,
        row: &Row<'_>,
        rest: Option<&[u8]>,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let start = out.len();
        let mut children = self.trie.children(node).iter().peekable();
        for (name, value) in rest.map(json::members).into_iter().flatten() {
            let mut shared = None;
            while let Some(child) = children.peek() {
                if child.name == name {
                    shared = children.next();
                    break;
                }
                if json::cmp_names(&child.name, name).is_gt() {
                    break;
                }
                self.member(child, row, None, start, out)?;
                children.next();
            }
            match shared {
                Some(child) => self.member(child, row, Some(value), start, out)?,
                None => {
                    out.push(if out.len() == start { b'{' } else { b',' });
                    out.push(b'"');
                    out.extend_from_slice(name);
                    out.extend_from_slice(b"\":");
                    out.extend_from_slice(value);
                }
            }
        }
        for child in children {
            self.member(child, row, None, start, out)?;
        }
        if out.len() > start {
            out.push(b'}');
        }
        Ok(())
    }

    fn member(
        &self,
        child: &Child,
        row: &Row<'_>,
        rest: Option<&[u8]>,
        start: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        if rest.is_none() && child.inner.is_none() {
            // The usual case: a column without a value.
            if child.column.is_none_or(|column| row.values[column].is_null(row.row)) {
                return Ok(());
            }
        }
        let name = || String::from_utf8_lossy(&child.name).into_owned();
        let mark = out.len();
        out.push(if mark == start { b'{' } else { b',' });
        out.extend_from_slice(&child.label);
        let body = out.len();
        if let Some(column) = child.column {
            let values = row.values[column];
            if !values.is_null(row.row) {
                values.write(row.row, out);
            } else if rest.is_some_and(|raw| fits(self.kinds[column], raw)) {
                return Err(Fault::Hidden(name()));
            }
        }
        if let Some(inner) = child.inner {
            let scalar = out.len();
            let below = rest.filter(|raw| json::is_object(raw));
            self.object(inner, row, below, out)?;
            if out.len() > scalar && (scalar > body || below.is_none() && rest.is_some()) {
                return Err(Fault::Twice(name()));
            }
            // An empty object beside column values below it would be a second representation.
            if out.len() > scalar && below.is_some_and(|raw| raw.len() <= 2) {
                return Err(Fault::Twice(name()));
            }
            if out.len() > scalar {
                return Ok(());
            }
        }
        match rest {
            Some(_) if out.len() > body => return Err(Fault::Twice(name())),
            Some(raw) => out.extend_from_slice(raw),
            None if out.len() == body => out.truncate(mark),
            None => {}
        }
        Ok(())
    }
}

/// The values at `path` of each row's rest, where they fit `kind`: what a scan reads for a
/// column that a segment did not promote.
pub fn extract<'a>(
    rests: impl Iterator<Item = Option<&'a [u8]>>,
    path: &[String],
    kind: ColumnType,
) -> ArrayRef {
    let raws = rests.map(|rest| rest.and_then(|r| json::get(r, path)));
    match kind {
        ColumnType::Utf8 => {
            let mut b = StringBuilder::new();
            raws.for_each(|raw| b.append_option(raw.and_then(json::string_value)));
            std::sync::Arc::new(b.finish())
        }
        ColumnType::Int64 => {
            let mut b = Int64Builder::new();
            raws.for_each(|raw| b.append_option(raw.and_then(integer)));
            std::sync::Arc::new(b.finish())
        }
        ColumnType::Float64 => {
            let mut b = Float64Builder::new();
            raws.for_each(|raw| b.append_option(raw.filter(|r| fits(kind, r)).and_then(double)));
            std::sync::Arc::new(b.finish())
        }
        ColumnType::Boolean => {
            let mut b = BooleanBuilder::new();
            raws.for_each(|raw| {
                b.append_option(raw.filter(|r| fits(kind, r)).map(|r| r == b"true"))
            });
            std::sync::Arc::new(b.finish())
        }
        ColumnType::Timestamp => {
            let mut b = TimestampMicrosecondBuilder::new();
            raws.for_each(|raw| b.append_option(raw.and_then(time)));
            std::sync::Arc::new(b.finish().with_timezone("UTC"))
        }
    }
}
