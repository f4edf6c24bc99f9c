//! From Python values to the parameters of a statement.

use std::collections::HashMap;

use datafusion::scalar::ScalarValue;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyBytes, PyDate, PyDateTime, PyDelta, PyDeltaAccess, PyFloat, PyInt, PyList, PyMapping,
    PyString, PyTuple, PyTzInfo,
};
use sealtrail_query::{Params, QueryError};
use serde_json::Value;

use crate::errors::Raise;

/// The parameters: none, a list or tuple for `?` and `$1`, a mapping for `$name`.
pub(crate) fn params(given: &Bound<'_, PyAny>) -> PyResult<Params> {
    if given.is_none() {
        return Ok(Params::None);
    }
    if given.is_instance_of::<PyList>() || given.is_instance_of::<PyTuple>() {
        let values = given.try_iter()?.enumerate();
        let values = values.map(|(index, value)| scalar(&format!("${}", index + 1), &value?));
        return Ok(Params::List(values.collect::<PyResult<_>>()?));
    }
    let Ok(mapping) = given.cast::<PyMapping>() else {
        return Err(refused(given, "params", "give a list for ? and $1, or a mapping for $name"));
    };
    let mut named = HashMap::new();
    for item in mapping.items()?.iter() {
        let (name, value): (String, Bound<'_, PyAny>) = item.extract()?;
        let value = scalar(&format!("${name}"), &value)?;
        named.insert(name, value);
    }
    Ok(Params::Named(named))
}

/// The parameters as the record of who looked has them; `null` for none.
pub(crate) fn shown(params: &Params) -> Value {
    match params {
        Params::None => Value::Null,
        Params::List(values) => values.iter().map(ScalarValue::to_string).collect(),
        Params::Named(named) => {
            named.iter().map(|(name, value)| (name.clone(), value.to_string())).collect()
        }
    }
}

fn scalar(name: &str, value: &Bound<'_, PyAny>) -> PyResult<ScalarValue> {
    if value.is_none() {
        return Ok(ScalarValue::Null);
    }
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(ScalarValue::Utf8(Some(text.to_str()?.to_owned())));
    }
    if let Ok(boolean) = value.cast::<PyBool>() {
        return Ok(ScalarValue::Boolean(Some(boolean.is_true())));
    }
    if value.is_instance_of::<PyInt>() {
        if let Ok(integer) = value.extract::<i64>() {
            return Ok(ScalarValue::Int64(Some(integer)));
        }
        let integer = value.extract::<u64>();
        let large = |_| refused(value, name, "an integer of more than 64 bits");
        return Ok(ScalarValue::UInt64(Some(integer.map_err(large)?)));
    }
    if let Ok(float) = value.cast::<PyFloat>() {
        return Ok(ScalarValue::Float64(Some(float.value())));
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(ScalarValue::Binary(Some(bytes.as_bytes().to_vec())));
    }
    if let Ok(moment) = value.cast::<PyDateTime>() {
        let micros = micros(name, moment)?;
        return Ok(ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into())));
    }
    if value.is_instance_of::<PyDate>() {
        let ordinal: i32 = value.call_method0("toordinal")?.extract()?;
        return Ok(ScalarValue::Date32(Some(ordinal - UNIX_ORDINAL)));
    }
    if let Ok(span) = value.cast::<PyDelta>() {
        let micros = span_micros(span);
        let nanos = micros.and_then(|micros| micros.checked_mul(1000));
        let nanos = nanos.ok_or_else(|| refused(value, name, "a span of more than 292 years"))?;
        return Ok(ScalarValue::new_interval_mdn(0, 0, nanos));
    }
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        return list(name, value);
    }
    Err(refused(value, name, "SQL has no such values; give text, a number or a time"))
}

/// `date(1970, 1, 1).toordinal()`
const UNIX_ORDINAL: i32 = 719_163;

fn micros(name: &str, moment: &Bound<'_, PyDateTime>) -> PyResult<i64> {
    let py = moment.py();
    if moment.call_method0("utcoffset")?.is_none() {
        let message = "a time without a zone; use datetime.now(UTC), or replace(tzinfo=...)";
        return Err(refused(moment, name, message));
    }
    let utc = PyTzInfo::utc(py)?;
    let epoch = PyDateTime::new(py, 1970, 1, 1, 0, 0, 0, 0, Some(&utc))?;
    let span = moment.sub(epoch)?;
    // No `datetime` is so far from 1970 that its microseconds do not fit.
    Ok(span_micros(span.cast::<PyDelta>()?).unwrap_or_default())
}

fn span_micros(span: &Bound<'_, PyDelta>) -> Option<i64> {
    let seconds = i64::from(span.get_days()) * 86_400 + i64::from(span.get_seconds());
    seconds.checked_mul(1_000_000)?.checked_add(i64::from(span.get_microseconds()))
}

fn list(name: &str, values: &Bound<'_, PyAny>) -> PyResult<ScalarValue> {
    let items = values.try_iter()?.map(|value| scalar(name, &value?));
    let items: Vec<ScalarValue> = items.collect::<PyResult<_>>()?;
    let known = items.iter().find(|item| !item.is_null()).map(ScalarValue::data_type);
    let Some(data_type) = known else {
        return Err(refused(values, name, "a list needs a value, to know the type of its items"));
    };
    if items.iter().any(|item| !item.is_null() && item.data_type() != data_type) {
        return Err(refused(values, name, "the items of a list must be of one type"));
    }
    let nulls = |item| match item {
        ScalarValue::Null => ScalarValue::try_from(&data_type),
        item => Ok(item),
    };
    let items = items.into_iter().map(nulls).collect::<Result<Vec<_>, _>>();
    let items = items.map_err(|error| refused(values, name, &error.to_string()))?;
    Ok(ScalarValue::List(ScalarValue::new_list(&items, &data_type, true)))
}

fn refused(value: &Bound<'_, PyAny>, name: &str, why: &str) -> PyErr {
    let shown = value.get_type().name().map(|name| name.to_string()).unwrap_or_default();
    QueryError::Parameter(format!("{name} ({shown}): {why}")).raise(value.py())
}
