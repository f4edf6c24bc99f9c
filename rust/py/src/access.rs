//! Who looked: what every method that answers from a trail does before and after.

use pyo3::exceptions::{PyKeyboardInterrupt, PyUserWarning};
use pyo3::prelude::*;
use sealtrail_core::access::{Access, Door, PURPOSE_VARIABLE, Question, Reader, Rows};
use sealtrail_core::trail::Trail;
use sealtrail_core::{Error, Result};
use tokio::runtime::Handle;

use crate::bridge;
use crate::opening::variable;

/// A question of this process, of a view with so many ledger entries.
pub(crate) fn question(
    access_type: &'static str,
    ledger_size: u64,
    purpose: Option<String>,
) -> Question {
    let reader = Reader::of_process(Door::Python, &variable);
    let purpose = purpose.or_else(|| variable(PURPOSE_VARIABLE));
    Question::new(access_type, reader, ledger_size).purpose(purpose)
}

/// Records that a question is about to be answered.
pub(crate) fn ask(py: Python<'_>, trail: &Trail, question: Question) -> PyResult<Looking> {
    let access = bridge::wait(py, trail.ask(question))?;
    Looking::new(py, access)
}

/// A question that is being answered. Its outcome is recorded when it is let go, before anything
/// else happens.
pub(crate) struct Looking(Option<Access>);

impl Looking {
    pub(crate) fn new(py: Python<'_>, mut access: Access) -> PyResult<Self> {
        let warning = access.warning();
        let looking = Self(Some(access));
        warn(py, warning)?;
        Ok(looking)
    }

    /// Counts the rows that are given.
    pub(crate) fn rows(&self) -> Rows {
        self.0.as_ref().map(Access::rows).unwrap_or_default()
    }

    /// The answer failed, with an error of this code.
    pub(crate) fn fail(&mut self, code: &str) {
        if let Some(access) = &mut self.0 {
            access.fail(code);
        }
    }

    /// Records that all rows were given. A failure is for the caller to tell.
    pub(crate) async fn complete(&mut self) -> Result<Option<String>> {
        match self.0.take() {
            Some(access) => Ok(access.end(true).await?.warning),
            None => Ok(None),
        }
    }

    /// Records how a call ended; `count` gives the rows of its result.
    pub(crate) fn answered<T>(
        mut self,
        py: Python<'_>,
        answer: PyResult<T>,
        count: impl FnOnce(&T) -> u64,
    ) -> PyResult<T> {
        match &answer {
            Ok(value) => {
                self.rows().set(count(value));
                let warning = bridge::wait(py, async { Ok::<_, Error>(self.complete().await?) })?;
                warn(py, warning)?;
            }
            Err(error) if !error.is_instance_of::<PyKeyboardInterrupt>(py) => {
                let kind = error.value(py).getattr("kind").and_then(|kind| kind.extract());
                self.fail(&kind.unwrap_or_else(|_| "internal".to_owned()));
            }
            Err(_) => {}
        }
        answer
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        let Some(access) = self.0.take() else { return };
        // Within the runtime nothing may wait; there the outcome is recorded a little later.
        if Handle::try_current().is_err()
            && let Ok(runtime) = sealtrail_core::runtime()
        {
            // Nobody is left to be told.
            let _ = runtime.block_on(access.end(false));
        }
    }
}

fn warn(py: Python<'_>, warning: Option<String>) -> PyResult<()> {
    let Some(warning) = warning else { return Ok(()) };
    let text = std::ffi::CString::new(warning.replace('\0', " "))?;
    PyErr::warn(py, &py.get_type::<PyUserWarning>(), &text, 3)
}
