//! From Arrow data to events: a row is an event, a struct an object, and NULL a field left out.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::types::{Float32Type, Float64Type};
use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray, RecordBatch, RecordBatchReader,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use arrow::json::writer::{Encoder, EncoderFactory, EncoderOptions, NullableEncoder, make_encoder};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3_arrow::PyRecordBatchReader;
use sealtrail_core::json;

use crate::encode::Refusal;

/// Rows that become events.
pub(crate) struct ArrowEvents {
    reader: Box<dyn RecordBatchReader + Send>,
    schema: SchemaRef,
    not_finite: Arc<AtomicBool>,
    options: EncoderOptions,
}

impl ArrowEvents {
    /// Opens an object with `__arrow_c_stream__`.
    ///
    /// # Errors
    /// `TypeError` for a column that JSON cannot say, naming it.
    pub(crate) fn open(source: &Bound<'_, PyAny>) -> PyResult<Self> {
        let reader = source.extract::<PyRecordBatchReader>()?.into_reader()?;
        let given = reader.schema();
        let fields = given.fields().iter();
        let fields: Vec<FieldRef> =
            fields.map(|field| in_utc("", field)).collect::<PyResult<_>>()?;
        let not_finite = Arc::new(AtomicBool::new(false));
        let floats = Floats { not_finite: Arc::clone(&not_finite) };
        let options = EncoderOptions::default().with_encoder_factory(Arc::new(floats));
        Ok(Self { reader, schema: Arc::new(Schema::new(fields)), not_finite, options })
    }

    /// The next rows; `None` after the last.
    ///
    /// # Errors
    /// What the source says.
    pub(crate) fn next_batch(&mut self, py: Python<'_>) -> PyResult<Option<RecordBatch>> {
        let schema = &self.schema;
        let batch = py.detach(|| self.reader.next().map(|batch| utc_batch(&batch?, schema)));
        batch.transpose().map_err(arrow_error)
    }

    /// Makes events of these rows.
    ///
    /// # Errors
    /// `TypeError` for a type of column that is not known.
    pub(crate) fn encoder<'a>(&'a self, batch: &'a RecordBatch) -> PyResult<RowEncoder<'a>> {
        let fields = self.schema.fields().iter();
        let columns = fields
            .zip(batch.columns())
            .map(|(field, array)| {
                let mut name = Vec::with_capacity(field.name().len() + 3);
                json::write_string(field.name(), &mut name);
                name.push(b':');
                let encoder = make_encoder(field, array, &self.options)?;
                Ok(Column { name, field, array, encoder })
            })
            .collect::<Result<_, ArrowError>>()
            .map_err(arrow_error)?;
        Ok(RowEncoder { columns, not_finite: &self.not_finite })
    }
}

fn arrow_error(error: ArrowError) -> PyErr {
    match error {
        ArrowError::ExternalError(error) => match error.downcast::<PyErr>() {
            Ok(error) => *error,
            Err(error) => PyTypeError::new_err(error.to_string()),
        },
        error => PyTypeError::new_err(error.to_string()),
    }
}

/// The field with all its times in UTC, which is how events have them.
fn in_utc(above: &str, field: &Field) -> PyResult<FieldRef> {
    let path = match above {
        "" => field.name().clone(),
        above => format!("{above}.{}", field.name()),
    };
    let refuse = |what: &str| Err(PyTypeError::new_err(format!("column {path}: {what}")));
    let inner = |field: &FieldRef| in_utc(&path, field);
    let data_type = match field.data_type() {
        DataType::Timestamp(_, None) => {
            return refuse("times without a zone; cast it to timestamp[us, UTC] or another zone");
        }
        DataType::Timestamp(_, Some(_)) => DataType::Timestamp(TimeUnit::Microsecond, utc()),
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => {
            return refuse("JSON has no bytes; give text, or the size and a hash of them");
        }
        DataType::Struct(fields) => {
            DataType::Struct(fields.iter().map(inner).collect::<PyResult<_>>()?)
        }
        DataType::Float16 => DataType::Float32,
        DataType::Map(entries, sorted) => DataType::Map(inner(entries)?, *sorted),
        DataType::List(item) | DataType::ListView(item) => DataType::List(inner(item)?),
        DataType::LargeList(item) | DataType::LargeListView(item) => {
            DataType::LargeList(inner(item)?)
        }
        DataType::FixedSizeList(item, n) => DataType::FixedSizeList(inner(item)?, *n),
        DataType::Dictionary(_, values) => {
            let values = Field::new(field.name(), values.as_ref().clone(), true);
            return in_utc(above, &values);
        }
        DataType::RunEndEncoded(_, values) => {
            let values = Field::new(field.name(), values.data_type().clone(), true);
            return in_utc(above, &values);
        }
        DataType::Union(..) => return refuse("a union; give one type"),
        other => other.clone(),
    };
    Ok(Arc::new(Field::new(field.name(), data_type, field.is_nullable())))
}

fn utc() -> Option<Arc<str>> {
    Some("UTC".into())
}

fn utc_batch(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(array, field)| match array.data_type() == field.data_type() {
        true => Ok(Arc::clone(array)),
        false => cast(array, field.data_type()),
    });
    let columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>()?;
    let rows = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &rows)
}

struct Column<'a> {
    name: Vec<u8>,
    field: &'a FieldRef,
    array: &'a ArrayRef,
    encoder: NullableEncoder<'a>,
}

/// Makes events of the rows of one batch.
pub(crate) struct RowEncoder<'a> {
    columns: Vec<Column<'a>>,
    not_finite: &'a AtomicBool,
}

impl RowEncoder<'_> {
    /// Appends a row.
    ///
    /// # Errors
    /// The path of a number that JSON does not know.
    pub(crate) fn row(&mut self, row: usize, out: &mut Vec<u8>) -> Result<(), Refusal> {
        out.push(b'{');
        let mut first = true;
        for column in &mut self.columns {
            if column.encoder.is_null(row) {
                continue;
            }
            if !first {
                out.push(b',');
            }
            first = false;
            out.extend_from_slice(&column.name);
            column.encoder.encode(row, out);
            if self.not_finite.swap(false, Ordering::Relaxed) {
                let mut path = Vec::new();
                find_not_finite(column.array, row, &mut path);
                path.push(column.field.name().clone());
                let message = "NaN and infinities are not numbers that JSON knows".to_owned();
                return Err(Refusal::Value { path, reason: "not_finite", message });
            }
        }
        out.push(b'}');
        Ok(())
    }
}

/// Puts the steps to the first number that is not finite into `path`, the last one first.
fn find_not_finite(array: &dyn Array, row: usize, path: &mut Vec<String>) -> bool {
    if array.is_null(row) {
        return false;
    }
    let in_items = |items: ArrayRef, path: &mut Vec<String>| {
        let found = (0..items.len()).find(|index| find_not_finite(&items, *index, path));
        path.extend(found.map(|index| index.to_string()));
        found.is_some()
    };
    match array.data_type() {
        DataType::Float32 => !array.as_primitive::<Float32Type>().value(row).is_finite(),
        DataType::Float64 => !array.as_primitive::<Float64Type>().value(row).is_finite(),
        DataType::Struct(fields) => {
            let mut columns = array.as_struct().columns().iter().zip(fields);
            let found = columns.find(|(column, _)| find_not_finite(column, row, path));
            path.extend(found.map(|(_, field)| field.name().clone()));
            found.is_some()
        }
        DataType::List(_) => in_items(array.as_list::<i32>().value(row), path),
        DataType::LargeList(_) => in_items(array.as_list::<i64>().value(row), path),
        DataType::FixedSizeList(..) => in_items(array.as_fixed_size_list().value(row), path),
        _ => false,
    }
}

/// Tells of numbers that JSON does not know, which would become `null` otherwise.
#[derive(Debug)]
struct Floats {
    not_finite: Arc<AtomicBool>,
}

impl EncoderFactory for Floats {
    fn make_default_encoder<'a>(
        &self,
        _: &'a FieldRef,
        array: &'a dyn Array,
        _: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let encoder: Box<dyn Encoder + 'a> = match array.data_type() {
            DataType::Float32 => self.of(array.as_primitive::<Float32Type>()),
            DataType::Float64 => self.of(array.as_primitive::<Float64Type>()),
            _ => return Ok(None),
        };
        Ok(Some(NullableEncoder::new(encoder, array.nulls().cloned())))
    }
}

impl Floats {
    fn of<'a, T>(&self, array: &'a PrimitiveArray<T>) -> Box<dyn Encoder + 'a>
    where
        T: ArrowPrimitiveType<Native: Into<f64> + std::fmt::Debug>,
    {
        Box::new(FloatEncoder { array, not_finite: Arc::clone(&self.not_finite) })
    }
}

struct FloatEncoder<'a, T: ArrowPrimitiveType> {
    array: &'a PrimitiveArray<T>,
    not_finite: Arc<AtomicBool>,
}

impl<T: ArrowPrimitiveType<Native: Into<f64> + std::fmt::Debug>> Encoder for FloatEncoder<'_, T> {
    fn encode(&mut self, index: usize, out: &mut Vec<u8>) {
        let value = self.array.value(index);
        let wide: f64 = value.into();
        if wide.is_finite() {
            // The shortest digits that mean the value as it is in its own type.
            let mut text = String::new();
            let _ = write!(text, "{value:?}");
            out.extend_from_slice(text.as_bytes());
        } else {
            self.not_finite.store(true, Ordering::Relaxed);
        }
    }
}
