//! Evaluation of the JSON functions over arrays.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanBuilder, Float64Builder, Int64Builder, ListBuilder,
    StringArray, StringBuilder, StringViewArray, StringViewBuilder, StructBuilder,
    TimestampMicrosecondBuilder, UInt64Builder,
};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use sealtrail_core::json::parse_timestamp;

use super::{JsonFn, entry_fields};
use crate::json::{self, Elements, Form, Members, PathPart};

/// An array of text of either string layout.
pub(crate) enum Texts<'a> {
    View(&'a StringViewArray),
    Utf8(&'a StringArray),
}

impl<'a> Texts<'a> {
    pub(crate) fn new(array: &'a ArrayRef) -> Result<Self> {
        match array.data_type() {
            DataType::Utf8View => Ok(Self::View(array.as_string_view())),
            DataType::Utf8 => Ok(Self::Utf8(array.as_string())),
            other => exec_err!("expected text, found {other}"),
        }
    }

    pub(crate) fn get(&self, row: usize) -> Option<&'a str> {
        match self {
            Self::View(array) => array.is_valid(row).then(|| array.value(row)),
            Self::Utf8(array) => array.is_valid(row).then(|| array.value(row)),
        }
    }
}

/// Collects the results of one function.
pub(crate) enum Output {
    Text(StringViewBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Bool(BooleanBuilder),
    Time(TimestampMicrosecondBuilder),
    Count(UInt64Builder),
    List(ListBuilder<StringBuilder>),
    Entries(ListBuilder<StructBuilder>),
}

impl Output {
    pub(crate) fn new(function: JsonFn, rows: usize) -> Self {
        match function {
            JsonFn::Get | JsonFn::GetJson | JsonFn::GetStr | JsonFn::AsText => {
                Self::Text(StringViewBuilder::with_capacity(rows))
            }
            JsonFn::GetInt => Self::Int(Int64Builder::with_capacity(rows)),
            JsonFn::GetFloat => Self::Float(Float64Builder::with_capacity(rows)),
            JsonFn::GetBool | JsonFn::Contains => Self::Bool(BooleanBuilder::with_capacity(rows)),
            JsonFn::GetTimestamp => Self::Time(TimestampMicrosecondBuilder::with_capacity(rows)),
            JsonFn::Length => Self::Count(UInt64Builder::with_capacity(rows)),
            JsonFn::ObjectKeys | JsonFn::GetArray => {
                Self::List(ListBuilder::new(StringBuilder::new()))
            }
            JsonFn::Entries => {
                Self::Entries(ListBuilder::new(StructBuilder::from_fields(entry_fields(), rows)))
            }
        }
    }

    /// Adds the text of a string value that is at hand without its JSON form.
    pub(crate) fn push_text(&mut self, text: &str) {
        if let Self::Text(out) = self {
            out.append_value(text);
        }
    }

    /// Adds the result for the raw JSON value that was found at the path.
    pub(crate) fn push(&mut self, function: JsonFn, raw: Option<&str>) {
        match self {
            Self::Text(out) => out.append_option(raw.and_then(|raw| match function {
                JsonFn::GetStr => json::as_str(raw),
                JsonFn::AsText => json::as_text(raw),
                JsonFn::Get => (raw != "null").then_some(raw.into()),
                _ => Some(raw.into()),
            })),
            Self::Int(out) => out.append_option(raw.and_then(json::as_int)),
            Self::Float(out) => out.append_option(raw.and_then(json::as_float)),
            Self::Bool(out) if function == JsonFn::Contains => out.append_value(raw.is_some()),
            Self::Bool(out) => out.append_option(raw.and_then(json::as_bool)),
            Self::Time(out) => out.append_option(raw.and_then(time)),
            Self::Count(out) => out.append_option(raw.and_then(json::length).map(|n| n as u64)),
            Self::List(out) => push_list(out, function, raw),
            Self::Entries(out) => push_entries(out, raw),
        }
    }

    pub(crate) fn finish(self) -> ArrayRef {
        match self {
            Self::Text(mut out) => Arc::new(out.finish()),
            Self::Int(mut out) => Arc::new(out.finish()),
            Self::Float(mut out) => Arc::new(out.finish()),
            Self::Bool(mut out) => Arc::new(out.finish()),
            Self::Time(mut out) => Arc::new(out.finish().with_timezone("UTC")),
            Self::Count(mut out) => Arc::new(out.finish()),
            Self::List(mut out) => Arc::new(out.finish()),
            Self::Entries(mut out) => Arc::new(out.finish()),
        }
    }
}

/// Microseconds of a JSON string in RFC 3339.
fn time(raw: &str) -> Option<i64> {
    parse_timestamp(&json::as_str(raw)?, "").ok()
}

fn push_list(out: &mut ListBuilder<StringBuilder>, function: JsonFn, raw: Option<&str>) {
    let mut found = false;
    if function == JsonFn::ObjectKeys {
        if let Some(members) = raw.and_then(Members::new) {
            members.for_each(|(key, _)| out.values().append_value(json::unescape(key)));
            found = true;
        }
    } else if let Some(elements) = raw.and_then(Elements::new) {
        elements.for_each(|element| out.values().append_value(element));
        found = true;
    }
    out.append(found);
}

fn push_entries(out: &mut ListBuilder<StructBuilder>, raw: Option<&str>) {
    let Some(elements) = raw.and_then(Elements::new) else {
        out.append(false);
        return;
    };
    for (index, element) in (0i64..).zip(elements) {
        let entry = out.values();
        if let Some(field) = entry.field_builder::<Int64Builder>(0) {
            field.append_value(index);
        }
        if let Some(field) = entry.field_builder::<StringBuilder>(1) {
            field.append_value(element);
        }
        entry.append(true);
    }
    out.append(true);
}

/// One step of a path from a literal; `None` for NULL, which finds nothing.
fn step(value: &ScalarValue) -> Option<PathPart> {
    match value {
        ScalarValue::Int64(index) => index.map(PathPart::Index),
        other => other.try_as_str().flatten().map(|key| PathPart::Key(key.to_owned())),
    }
}

/// The path that these literals spell; `None` if one of them is NULL.
pub(crate) fn literal_path<'a>(
    steps: impl IntoIterator<Item = &'a ScalarValue>,
) -> Option<Vec<PathPart>> {
    steps.into_iter().map(step).collect()
}

/// Runs `function` over JSON text (the first argument) at the path that the others spell.
pub(super) fn invoke(
    function: JsonFn,
    form: Form,
    args: &ScalarFunctionArgs,
) -> Result<ColumnarValue> {
    let Some((text, steps)) = args.args.split_first() else {
        return exec_err!("{} needs JSON text", function.name());
    };
    let all_scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
    let rows = if all_scalar { 1 } else { args.number_rows };
    let text = text.to_array(rows)?;
    let texts = Texts::new(&text)?;
    let mut out = Output::new(function, rows);
    if let Some(steps) = scalars(steps) {
        let path = literal_path(steps);
        for row in 0..rows {
            let raw = path.as_ref().and_then(|path| json::get(texts.get(row)?, path, form));
            out.push(function, raw);
        }
    } else {
        let steps = steps.iter().map(|s| s.to_array(rows)).collect::<Result<Vec<_>>>()?;
        for row in 0..rows {
            let path = row_path(&steps, row)?;
            out.push(function, path.and_then(|path| json::get(texts.get(row)?, &path, form)));
        }
    }
    let array = out.finish();
    if all_scalar {
        return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?));
    }
    Ok(ColumnarValue::Array(array))
}

fn scalars(values: &[ColumnarValue]) -> Option<Vec<&ScalarValue>> {
    values
        .iter()
        .map(|value| match value {
            ColumnarValue::Scalar(scalar) => Some(scalar),
            ColumnarValue::Array(_) => None,
        })
        .collect()
}

fn row_path(steps: &[ArrayRef], row: usize) -> Result<Option<Vec<PathPart>>> {
    let mut path = Vec::with_capacity(steps.len());
    for array in steps {
        if array.is_null(row) {
            return Ok(None);
        }
        path.push(match array.data_type() {
            DataType::Int64 => PathPart::Index(array.as_primitive::<Int64Type>().value(row)),
            _ => match Texts::new(array)?.get(row) {
                Some(key) => PathPart::Key(key.to_owned()),
                None => return Ok(None),
            },
        });
    }
    Ok(Some(path))
}
