//! Who looked: what every method that answers from a trail does before and after.

use pyo3::exceptions::{PyKeyboardInterrupt, PyUserWarning};
use pyo3::prelude::*;
use sealtrail_core::Result;
use sealtrail_core::access::{Access, Door, PURPOSE_VARIABLE, Question, Reader, Rows};
use sealtrail_core::trail::Trail;

use crate::bridge;
use crate::opening::variable;

/// Who runs this process.
pub(crate) fn reader() -> Reader {
    Reader::of_process(Door::Python, &variable)
}

/// A question of this process, of a view with so many ledger entries.
pub(crate) fn question(
    access_type: &'static str,
    ledger_size: u64,
    purpose: Option<String>,
) -> Question {
    let reader = reader();
    let purpose = purpose.or_else(|| variable(PURPOSE_VARIABLE));
    Question::new(access_type, reader, ledger_size).purpose(purpose)
}

/// Records that a question is about to be answered.
pub(crate) fn ask(py: Python<'_>, trail: &Trail, question: Question) -> PyResult<Looking> {
    let access = bridge::wait(py, trail.ask(question))?;
    Looking::new(py, vec![access])
}

/// Records in each of several trails that a question to all of them is about to be answered.
pub(crate) fn ask_all(py: Python<'_>, questions: &[(Trail, Question)]) -> PyResult<Looking> {
    let mut all = Vec::with_capacity(questions.len());
    for (trail, question) in questions {
        all.push(bridge::wait(py, trail.ask(question.clone()))?);
    }
    Looking::new(py, all)
}

/// The rows of an answer, as each trail that was asked has them.
#[derive(Clone, Default)]
pub(crate) struct Counts(Vec<Rows>);

impl Counts {
    pub(crate) fn add(&self, rows: u64) {
        self.0.iter().for_each(|count| count.add(rows));
    }

    pub(crate) fn set(&self, rows: u64) {
        self.0.iter().for_each(|count| count.set(rows));
    }
}

/// A question that is being answered. Its outcome is recorded when it is let go, before anything
/// else happens.
pub(crate) struct Looking(Vec<Access>);

impl Looking {
    pub(crate) fn new(py: Python<'_>, mut all: Vec<Access>) -> PyResult<Self> {
        let warnings: Vec<_> = all.iter_mut().filter_map(Access::warning).collect();
        let looking = Self(all);
        warnings.into_iter().try_for_each(|warning| warn(py, warning))?;
        Ok(looking)
    }

    /// The `audit_id` of the record of the intent, if there is one.
    pub(crate) fn intent_id(&self) -> Option<String> {
        self.0.iter().find_map(Access::intent_id).map(str::to_owned)
    }

    /// Counts the rows that are given.
    pub(crate) fn rows(&self) -> Counts {
        Counts(self.0.iter().map(Access::rows).collect())
    }

    /// The answer failed, with an error of this code.
    pub(crate) fn fail(&mut self, code: &str) {
        self.0.iter_mut().for_each(|access| access.fail(code));
    }

    /// Records that all rows were given. A failure is for the caller to tell.
    pub(crate) async fn complete(&mut self) -> Result<Vec<String>> {
        self.end(true).await
    }

    /// Records how it ended.
    pub(crate) async fn end(&mut self, complete: bool) -> Result<Vec<String>> {
        let mut warnings = Vec::new();
        for access in std::mem::take(&mut self.0) {
            warnings.extend(access.end(complete).await?.warning);
        }
        Ok(warnings)
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
                let warnings = bridge::wait(py, self.complete())?;
                warnings.into_iter().try_for_each(|warning| warn(py, warning))?;
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
        let open = std::mem::take(&mut self.0);
        bridge::finish(async move {
            for access in open {
                // Nobody is left to be told.
                let _ = access.end(false).await;
            }
        });
    }
}

/// Warns as of the caller in Python.
pub(crate) fn warn(py: Python<'_>, warning: String) -> PyResult<()> {
    let text = std::ffi::CString::new(warning.replace('\0', " "))?;
    PyErr::warn(py, &py.get_type::<PyUserWarning>(), &text, 3)
}
