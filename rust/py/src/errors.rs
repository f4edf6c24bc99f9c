//! From errors to exceptions. The classes are those of `sealtrail._errors`.

use std::any::Any;

use pyo3::exceptions::{PyKeyboardInterrupt, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use sealtrail_core::Error;
use sealtrail_query::{QueryError, SqlProblem};

/// An error that has an exception.
pub(crate) trait Raise {
    /// The exception.
    fn raise(self, py: Python<'_>) -> PyErr;
}

/// An exception of a class of `sealtrail._errors`, in the making.
struct Exception<'py> {
    class: &'static str,
    message: String,
    details: Bound<'py, PyDict>,
}

impl<'py> Exception<'py> {
    fn new(py: Python<'py>, class: &'static str, kind: &str, message: String) -> Self {
        let new = Self { class, message, details: PyDict::new(py) };
        new.with("kind", kind)
    }

    fn with(self, name: &str, value: impl IntoPyObject<'py>) -> Self {
        // A detail that cannot be made is left out: the error itself matters more.
        let _ = self.details.set_item(name, value);
        self
    }

    /// With a place in a text, where it is known.
    fn at(self, line: usize, column: usize) -> Self {
        if line == 0 { self } else { self.with("line", line).with("column", column) }
    }

    fn raise(self) -> PyErr {
        let py = self.details.py();
        let exception = py
            .import("sealtrail._errors")
            .and_then(|module| module.getattr(self.class))
            .and_then(|class| class.call((&self.message,), Some(&self.details)));
        match exception {
            Ok(exception) => PyErr::from_value(exception),
            Err(_) => PyRuntimeError::new_err(self.message),
        }
    }
}

impl Raise for PyErr {
    fn raise(self, _: Python<'_>) -> PyErr {
        self
    }
}

impl Raise for Error {
    fn raise(self, py: Python<'_>) -> PyErr {
        let new = |class| Exception::new(py, class, self.kind(), self.to_string());
        match &self {
            Self::InvalidEvent { reason, path, .. } => {
                new("InvalidEventError").with("path", path).with("reason", *reason)
            }
            Self::Conflict { audit_id } => new("ConflictError").with("audit_id", audit_id),
            Self::UnknownOutcome { audit_id, .. } => new("StoreError").with("audit_id", audit_id),
            Self::Config { path, line, column, .. } => {
                new("ConfigError").with("path", path).at(*line, *column)
            }
            Self::Usage(_) => new("UsageError"),
            Self::NotFound(_) => new("NotFoundError"),
            Self::AlreadyExists(_) => new("AlreadyExistsError"),
            Self::Key(_) => new("KeyFileError"),
            Self::Io { path, .. } => new("StoreError").with("path", path.display().to_string()),
            Self::Store { path, .. } => new("StoreError").with("path", path),
            Self::Poisoned(_) => new("StoreError"),
            Self::Integrity { place, .. } | Self::Encoding { place, .. } => {
                new("IntegrityError").with("path", place)
            }
            Self::Access(_) => new("AccessError"),
            Self::Interrupted => return PyKeyboardInterrupt::new_err(()),
        }
        .raise()
    }
}

impl Raise for QueryError {
    fn raise(self, py: Python<'_>) -> PyErr {
        let new = |class| Exception::new(py, class, self.kind(), self.to_string());
        match self {
            Self::Sql(SqlProblem { line, column, .. })
            | Self::ReadOnly(SqlProblem { line, column, .. })
            | Self::Sequence(SqlProblem { line, column, .. }) => new("SqlError").at(line, column),
            Self::Parameter(_) | Self::Execution(_) => new("SqlError"),
            Self::Resources(_) => new("ResourceError"),
            Self::Output(_) => new("StoreError"),
            Self::Core(error) => return error.raise(py),
        }
        .raise()
    }
}

/// An argument that makes no sense.
pub(crate) fn usage(message: impl Into<String>) -> PyErr {
    Python::attach(|py| Error::Usage(message.into()).raise(py))
}

/// Use in a child of the process that started the threads.
pub(crate) fn forked(py: Python<'_>, parent: u32, child: u32) -> PyErr {
    let message = format!(
        "sealtrail was used in process {parent} before it forked process {child}, and cannot be \
         used in the child; start processes by the method \"spawn\" or \"forkserver\", and open \
         the trail in each"
    );
    Exception::new(py, "ForkedError", "forked", message).raise()
}

/// A mistake of this library.
pub(crate) fn internal(py: Python<'_>, message: &str) -> PyErr {
    let message = format!("a mistake in sealtrail, please report it: {message}");
    Exception::new(py, "InternalError", "internal", message).raise()
}

/// What a panic says.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}

/// What an exception says, without its class.
pub(crate) fn message_of(py: Python<'_>, error: &PyErr) -> String {
    let text = error.value(py).str();
    text.as_ref().map(Bound::<PyString>::to_string).unwrap_or_default()
}
