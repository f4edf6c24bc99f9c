//! From Python objects to JSON text.
//!
//! What `json.dumps` takes, with three differences: times with a zone become RFC 3339 text in UTC,
//! `Decimal` and large integers keep all their digits, and what JSON cannot say (NaN, bytes, times
//! without a zone, keys that are no strings) is refused with its path instead of being bent.

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDateTime, PyDict, PyFloat, PyInt, PyList, PyMapping,
    PyMemoryView, PyString, PyTuple, PyType, PyTzInfo,
};
use sealtrail_core::{Error, json};

use crate::errors::{Raise, message_of};

/// Deeper than any record may be, so that the recorder says what its limit is; not so deep that
/// an object which contains itself exhausts the stack.
const MAX_DEPTH: usize = 200;

/// Why an object is no JSON.
pub(crate) enum Refusal {
    /// A value at a path.
    Value {
        /// Steps from the value up to the event.
        path: Vec<String>,
        /// Stable code.
        reason: &'static str,
        /// What is wrong and what to do.
        message: String,
    },
    /// Python wants to stop: no `Exception`, but `KeyboardInterrupt` or the like.
    Stop(PyErr),
}

type Result<T, E = Refusal> = std::result::Result<T, E>;

impl Refusal {
    fn at(self, step: impl FnOnce() -> String) -> Self {
        match self {
            Self::Value { mut path, reason, message } => {
                path.push(step());
                Self::Value { path, reason, message }
            }
            stop @ Self::Stop(_) => stop,
        }
    }

    /// The core's error for it.
    pub(crate) fn into_error(self) -> Result<Error, PyErr> {
        match self {
            Self::Value { mut path, reason, message } => {
                path.reverse();
                Ok(Error::event(reason, path.join("."), message))
            }
            Self::Stop(error) => Err(error),
        }
    }
}

impl Raise for Refusal {
    fn raise(self, py: Python<'_>) -> PyErr {
        match self.into_error() {
            Ok(error) => error.raise(py),
            Err(stop) => stop,
        }
    }
}

fn refuse<T>(reason: &'static str, message: impl Into<String>) -> Result<T> {
    Err(Refusal::Value { path: Vec::new(), reason, message: message.into() })
}

/// The refusal of a value whose own methods fail.
fn failed(py: Python<'_>, error: PyErr) -> Refusal {
    if !error.is_instance_of::<PyException>(py) {
        return Refusal::Stop(error);
    }
    let message = message_of(py, &error);
    Refusal::Value { path: Vec::new(), reason: "not_json", message }
}

/// Appends an event, which must be a mapping.
pub(crate) fn event(value: &Bound<'_, PyAny>, out: &mut Vec<u8>) -> Result<()> {
    if let Ok(dict) = value.cast::<PyDict>() {
        return object(dict.items().iter(), out, 1);
    }
    match value.cast::<PyMapping>() {
        Ok(mapping) => mapping_object(mapping, out, 1),
        Err(_) => refuse(
            "not_an_object",
            format!("an event must be a mapping or JSON text, not {}", type_name(value)),
        ),
    }
}

fn put(value: &Bound<'_, PyAny>, out: &mut Vec<u8>, depth: usize) -> Result<()> {
    if let Ok(text) = value.cast::<PyString>() {
        return string(text, out);
    }
    if value.is_none() {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    if let Ok(boolean) = value.cast::<PyBool>() {
        out.extend_from_slice(if boolean.is_true() { b"true" } else { b"false" });
        return Ok(());
    }
    if let Ok(integer) = value.cast::<PyInt>() {
        return int(integer, out);
    }
    if let Ok(float) = value.cast::<PyFloat>() {
        return number(float.value(), out);
    }
    if depth >= MAX_DEPTH {
        return refuse("too_deep", "nested too deeply, or within itself");
    }
    if let Ok(dict) = value.cast::<PyDict>() {
        return object(dict.items().iter(), out, depth + 1);
    }
    if let Ok(list) = value.cast::<PyList>() {
        return array(list.iter(), out, depth + 1);
    }
    if let Ok(tuple) = value.cast::<PyTuple>() {
        return array(tuple.iter(), out, depth + 1);
    }
    rare(value, out, depth)
}

/// Values that few events have.
fn rare(value: &Bound<'_, PyAny>, out: &mut Vec<u8>, depth: usize) -> Result<()> {
    let py = value.py();
    if let Ok(moment) = value.cast::<PyDateTime>() {
        let text = utc_text(moment).map_err(|error| failed(py, error))?;
        let Some(text) = text else {
            let message = format!(
                "{} has no time zone; use datetime.now(UTC), or replace(tzinfo=...)",
                value.str().map(|s| s.to_string()).unwrap_or_default()
            );
            return refuse("naive_time", message);
        };
        json::write_string(&text, out);
        return Ok(());
    }
    if let Ok(mapping) = value.cast::<PyMapping>() {
        return mapping_object(mapping, out, depth + 1);
    }
    if value.is_instance(decimal_type(py)?).map_err(|error| failed(py, error))? {
        return decimal(value, out);
    }
    let binary = value.is_instance_of::<PyBytes>()
        || value.is_instance_of::<PyByteArray>()
        || value.is_instance_of::<PyMemoryView>();
    if binary {
        return refuse("not_json", "JSON has no bytes; give text, or the size and a hash of them");
    }
    if let Some(scalar) = numpy_scalar(value) {
        return put(&scalar.map_err(|error| failed(py, error))?, out, depth + 1);
    }
    refuse("not_json", format!("JSON has no {}; give text or a number", type_name(value)))
}

fn mapping_object(mapping: &Bound<'_, PyMapping>, out: &mut Vec<u8>, depth: usize) -> Result<()> {
    let items = mapping.items().map_err(|error| failed(mapping.py(), error))?;
    object(items.iter(), out, depth)
}

/// Appends an object of (name, value) pairs.
fn object<'py>(
    items: impl Iterator<Item = Bound<'py, PyAny>>,
    out: &mut Vec<u8>,
    depth: usize,
) -> Result<()> {
    out.push(b'{');
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let py = item.py();
        let (name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) =
            item.extract().map_err(|error| failed(py, error))?;
        let Ok(text) = name.cast::<PyString>() else {
            let shown = name.repr().map(|s| s.to_string()).unwrap_or_default();
            return refuse("not_json", format!("the name {shown} of a field is not a string"));
        };
        string(text, out).map_err(|refusal| refusal.at(|| text.to_string_lossy().into_owned()))?;
        out.push(b':');
        put(&value, out, depth)
            .map_err(|refusal| refusal.at(|| text.to_string_lossy().into_owned()))?;
    }
    out.push(b'}');
    Ok(())
}

fn array<'py>(
    items: impl Iterator<Item = Bound<'py, PyAny>>,
    out: &mut Vec<u8>,
    depth: usize,
) -> Result<()> {
    out.push(b'[');
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        put(&item, out, depth).map_err(|refusal| refusal.at(|| index.to_string()))?;
    }
    out.push(b']');
    Ok(())
}

fn string(text: &Bound<'_, PyString>, out: &mut Vec<u8>) -> Result<()> {
    match text.to_str() {
        Ok(text) => {
            json::write_string(text, out);
            Ok(())
        }
        Err(_) => refuse("lone_surrogate", "half of a surrogate pair is no text"),
    }
}

fn int(value: &Bound<'_, PyInt>, out: &mut Vec<u8>) -> Result<()> {
    let py = value.py();
    if let Ok(small) = value.extract::<i64>() {
        json::write_i64(small, out);
        return Ok(());
    }
    // Not `str`: a subclass may show itself in another way.
    let text = py
        .get_type::<PyInt>()
        .call_method1("__repr__", (value,))
        .and_then(|text| text.extract::<String>())
        .map_err(|error| failed(py, error))?;
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

fn number(value: f64, out: &mut Vec<u8>) -> Result<()> {
    if !value.is_finite() {
        return refuse("not_finite", format!("{value} is not a number that JSON knows"));
    }
    // `Debug` gives the shortest digits that mean this value, with an exponent where it is long.
    out.extend_from_slice(format!("{value:?}").as_bytes());
    Ok(())
}

fn decimal(value: &Bound<'_, PyAny>, out: &mut Vec<u8>) -> Result<()> {
    let finite = value.call_method0("is_finite").and_then(|finite| finite.is_truthy());
    let text = value.str().map(|text| text.to_string());
    match (finite, text) {
        (Ok(true), Ok(text)) => {
            out.extend_from_slice(text.as_bytes());
            Ok(())
        }
        (Ok(false), Ok(text)) => {
            refuse("not_finite", format!("{text} is not a number that JSON knows"))
        }
        (Err(error), _) | (_, Err(error)) => Err(failed(value.py(), error)),
    }
}

/// The time in UTC with milliseconds, microseconds only where needed; `None` without a zone.
fn utc_text(moment: &Bound<'_, PyDateTime>) -> PyResult<Option<String>> {
    let py = moment.py();
    if moment.call_method0("utcoffset")?.is_none() {
        return Ok(None);
    }
    let utc = moment.call_method1("astimezone", (PyTzInfo::utc(py)?,))?;
    let micros: u32 = utc.getattr("microsecond")?.extract()?;
    let precision = if micros % 1000 == 0 { "milliseconds" } else { "microseconds" };
    let text: String = utc.call_method1("isoformat", ("T", precision))?.extract()?;
    Ok(Some(text.replace("+00:00", "Z")))
}

fn decimal_type(py: Python<'_>) -> Result<&Bound<'_, PyType>> {
    static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    DECIMAL.import(py, "decimal", "Decimal").map_err(|error| failed(py, error))
}

/// The Python scalar of a NumPy scalar.
fn numpy_scalar<'py>(value: &Bound<'py, PyAny>) -> Option<PyResult<Bound<'py, PyAny>>> {
    if value.get_type().module().ok()? != "numpy" || value.hasattr("__len__").unwrap_or(true) {
        return None;
    }
    let kind: String = value.getattr("dtype").ok()?.getattr("kind").ok()?.extract().ok()?;
    // Booleans and numbers. Of times it would give bare counts.
    ["b", "i", "u", "f"].contains(&kind.as_str()).then(|| value.call_method0("item"))
}

fn type_name(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map_or_else(|_| "such a value".to_owned(), |name| name.to_string())
}
