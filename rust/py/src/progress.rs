//! Telling Python how far a job is.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// How often Python is told at most.
const EVERY: Duration = Duration::from_millis(100);

/// What a job said last.
pub(crate) type Latest<P> = Arc<Mutex<P>>;

/// What was said last.
pub(crate) fn latest<P: Copy>(shared: &Latest<P>) -> P {
    *shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sets what is said.
pub(crate) fn set<P>(shared: &Latest<P>, progress: P) {
    *shared.lock().unwrap_or_else(PoisonError::into_inner) = progress;
}

/// Calls a Python function with what a job said last.
pub(crate) struct Teller<'a, 'py, P> {
    latest: Latest<P>,
    callback: Option<&'a Bound<'py, PyAny>>,
    arguments: fn(P) -> Vec<u64>,
    told: Instant,
}

impl<'a, 'py, P: Copy> Teller<'a, 'py, P> {
    pub(crate) fn new(
        latest: Latest<P>,
        callback: Option<&'a Bound<'py, PyAny>>,
        arguments: fn(P) -> Vec<u64>,
    ) -> Self {
        Self { latest, callback, arguments, told: Instant::now() }
    }

    /// Tells, unless it was done a moment ago.
    pub(crate) fn tell(&mut self) -> PyResult<()> {
        if self.told.elapsed() < EVERY { Ok(()) } else { self.tell_now() }
    }

    /// Tells.
    pub(crate) fn tell_now(&mut self) -> PyResult<()> {
        if let Some(callback) = self.callback {
            let arguments = (self.arguments)(latest(&self.latest));
            callback.call1(PyTuple::new(callback.py(), arguments)?)?;
        }
        self.told = Instant::now();
        Ok(())
    }
}
