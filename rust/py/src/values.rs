//! From Arrow values to Python objects.

use arrow::array::types::{
    Date32Type, DurationMicrosecondType, Float64Type, Int64Type, TimestampMicrosecondType,
    UInt64Type,
};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyBool, PyBytes, PyDateTime, PyDelta, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple,
    PyType, PyTzInfo,
};

use crate::errors::internal;

/// Appends the rows as dictionaries.
pub(crate) fn append_dicts(
    py: Python<'_>,
    batch: &RecordBatch,
    rows: &Bound<'_, PyList>,
) -> PyResult<()> {
    let schema = batch.schema();
    let names: Vec<_> = schema.fields().iter().map(|f| PyString::new(py, f.name())).collect();
    let columns = columns(py, batch)?;
    for row in 0..batch.num_rows() {
        let dict = PyDict::new(py);
        for (name, column) in names.iter().zip(&columns) {
            dict.set_item(name, column.get(py, row)?)?;
        }
        rows.append(dict)?;
    }
    Ok(())
}

/// Appends the rows as tuples.
pub(crate) fn append_rows(
    py: Python<'_>,
    batch: &RecordBatch,
    rows: &Bound<'_, PyList>,
) -> PyResult<()> {
    let columns = columns(py, batch)?;
    for row in 0..batch.num_rows() {
        let values = columns.iter().map(|column| column.get(py, row));
        rows.append(PyTuple::new(py, values.collect::<PyResult<Vec<_>>>()?)?)?;
    }
    Ok(())
}

fn columns(py: Python<'_>, batch: &RecordBatch) -> PyResult<Vec<Column>> {
    let columns = batch.columns().iter().map(Column::of).collect::<Result<_, _>>();
    columns.map_err(|error| internal(py, &error.to_string()))
}

/// An array in one of the few forms that Python has types for.
struct Column {
    array: ArrayRef,
    form: Form,
}

enum Form {
    Null,
    Boolean,
    Signed,
    Unsigned,
    Float,
    Text,
    Bytes,
    Instant {
        zoned: bool,
    },
    Date,
    Span,
    Decimal,
    Items(Box<Column>),
    Struct(Vec<(String, Column)>),
    Map(Box<Column>, Box<Column>),
    /// As the text that Arrow makes of it.
    Shown,
}

impl Column {
    fn of(array: &ArrayRef) -> Result<Self, ArrowError> {
        use DataType as T;
        let to = |data_type: T, form| Ok(Self { array: cast(array, &data_type)?, form });
        let as_is = |form| Ok(Self { array: array.clone(), form });
        match array.data_type() {
            T::Null => as_is(Form::Null),
            T::Boolean => as_is(Form::Boolean),
            T::Int8 | T::Int16 | T::Int32 | T::Int64 => to(T::Int64, Form::Signed),
            T::UInt8 | T::UInt16 | T::UInt32 | T::UInt64 => to(T::UInt64, Form::Unsigned),
            T::Float16 | T::Float32 | T::Float64 => to(T::Float64, Form::Float),
            T::Utf8 | T::LargeUtf8 | T::Utf8View => to(T::LargeUtf8, Form::Text),
            T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_) => {
                to(T::LargeBinary, Form::Bytes)
            }
            T::Timestamp(_, zone) => {
                let zoned = zone.is_some();
                // In UTC, whatever the zone was: the instant is the same.
                let zone = zoned.then(|| "UTC".into());
                to(T::Timestamp(TimeUnit::Microsecond, zone), Form::Instant { zoned })
            }
            T::Date32 | T::Date64 => to(T::Date32, Form::Date),
            T::Duration(_) => to(T::Duration(TimeUnit::Microsecond), Form::Span),
            T::Decimal32(..) | T::Decimal64(..) | T::Decimal128(..) | T::Decimal256(..) => {
                as_is(Form::Decimal)
            }
            T::Dictionary(_, values) => Self::of(&cast(array, values)?),
            T::RunEndEncoded(_, values) => Self::of(&cast(array, values.data_type())?),
            T::List(item) | T::FixedSizeList(item, _) | T::LargeList(item) => {
                let array = cast(array, &T::LargeList(item.clone()))?;
                let items = Self::of(array.as_list::<i64>().values())?;
                Ok(Self { array, form: Form::Items(Box::new(items)) })
            }
            T::Struct(fields) => {
                let columns = array.as_struct().columns().iter().zip(fields);
                let columns = columns.map(|(c, f)| Ok((f.name().clone(), Self::of(c)?)));
                as_is(Form::Struct(columns.collect::<Result<_, ArrowError>>()?))
            }
            T::Map(..) => {
                let map = array.as_map();
                let (keys, values) = (Self::of(map.keys())?, Self::of(map.values())?);
                as_is(Form::Map(Box::new(keys), Box::new(values)))
            }
            _ => as_is(Form::Shown),
        }
    }

    fn get<'py>(&self, py: Python<'py>, row: usize) -> PyResult<Bound<'py, PyAny>> {
        let array = &self.array;
        if array.is_null(row) || matches!(self.form, Form::Null) {
            return Ok(py.None().into_bound(py));
        }
        Ok(match &self.form {
            Form::Null => py.None().into_bound(py),
            Form::Boolean => PyBool::new(py, array.as_boolean().value(row)).to_owned().into_any(),
            Form::Signed => PyInt::new(py, array.as_primitive::<Int64Type>().value(row)).into_any(),
            Form::Unsigned => {
                PyInt::new(py, array.as_primitive::<UInt64Type>().value(row)).into_any()
            }
            Form::Float => {
                PyFloat::new(py, array.as_primitive::<Float64Type>().value(row)).into_any()
            }
            Form::Text => PyString::new(py, array.as_string::<i64>().value(row)).into_any(),
            Form::Bytes => PyBytes::new(py, array.as_binary::<i64>().value(row)).into_any(),
            Form::Instant { zoned } => {
                let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
                return instant(py, micros, *zoned);
            }
            Form::Date => return date(py, array.as_primitive::<Date32Type>().value(row)),
            Form::Span => {
                return span(py, array.as_primitive::<DurationMicrosecondType>().value(row));
            }
            Form::Decimal => return decimal_type(py)?.call1((shown(array, row)?,)),
            Form::Items(items) => {
                let offsets = array.as_list::<i64>().value_offsets();
                let range = offsets[row] as usize..offsets[row + 1] as usize;
                let items = range.map(|index| items.get(py, index));
                PyList::new(py, items.collect::<PyResult<Vec<_>>>()?)?.into_any()
            }
            Form::Struct(columns) => {
                let dict = PyDict::new(py);
                for (name, column) in columns {
                    dict.set_item(name, column.get(py, row)?)?;
                }
                dict.into_any()
            }
            Form::Map(keys, values) => {
                let offsets = array.as_map().value_offsets();
                let dict = PyDict::new(py);
                for index in offsets[row] as usize..offsets[row + 1] as usize {
                    dict.set_item(keys.get(py, index)?, values.get(py, index)?)?;
                }
                dict.into_any()
            }
            Form::Shown => PyString::new(py, &shown(array, row)?).into_any(),
        })
    }
}

/// A time. Python's years are 1 to 9999; beyond them it is an `OverflowError`.
fn instant<'py>(py: Python<'py>, micros: i64, zoned: bool) -> PyResult<Bound<'py, PyAny>> {
    static EPOCHS: PyOnceLock<[Py<PyAny>; 2]> = PyOnceLock::new();
    let epochs = EPOCHS.get_or_try_init(py, || {
        let utc = PyTzInfo::utc(py)?;
        let epoch = |zone| PyDateTime::new(py, 1970, 1, 1, 0, 0, 0, 0, zone);
        Ok::<_, PyErr>([epoch(None)?.into_any().unbind(), epoch(Some(&utc))?.into_any().unbind()])
    })?;
    epochs[usize::from(zoned)].bind(py).add(span(py, micros)?)
}

fn span<'py>(py: Python<'py>, micros: i64) -> PyResult<Bound<'py, PyAny>> {
    let (seconds, micros) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let (days, seconds) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Each of them fits: 2^63 microseconds are 106,751,991 days.
    let delta = PyDelta::new(py, days as i32, seconds as i32, micros as i32, false)?;
    Ok(delta.into_any())
}

fn date<'py>(py: Python<'py>, days: i32) -> PyResult<Bound<'py, PyAny>> {
    instant(py, i64::from(days) * 86_400_000_000, false)?.call_method0("date")
}

fn decimal_type(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    DECIMAL.import(py, "decimal", "Decimal")
}

fn shown(array: &dyn Array, row: usize) -> PyResult<String> {
    let shown = ArrayFormatter::try_new(array, &FormatOptions::new())
        .and_then(|formatter| formatter.value(row).try_to_string());
    shown.map_err(|error| Python::attach(|py| internal(py, &error.to_string())))
}
