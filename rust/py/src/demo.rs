//! Generated events.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use sealtrail_core::Error;
use sealtrail_core::demo::{Generator, Options};

use crate::errors::Raise;

/// Text that is handed over at a time.
const PIECE: usize = 1 << 18;

/// Generates JSON lines.
#[pyclass(frozen, module = "sealtrail._native")]
pub(crate) struct Demo(Mutex<Generator>);

#[pymethods]
impl Demo {
    #[new]
    #[pyo3(signature = (events, *, seed, end, days, agents, users, with_ids))]
    fn new(
        py: Python<'_>,
        events: u64,
        seed: u64,
        end: i64,
        days: u32,
        agents: u32,
        users: u32,
        with_ids: bool,
    ) -> PyResult<Self> {
        let Some(end) = chrono::DateTime::from_timestamp_millis(end) else {
            return Err(Error::Usage("end is out of range".to_owned()).raise(py));
        };
        let options = Options::new(events, end);
        let options = Options { seed, days, agents, users, with_ids, ..options };
        let generator = Generator::new(options).map_err(|error| error.raise(py))?;
        Ok(Self(Mutex::new(generator)))
    }

    /// Some more lines; empty after the last.
    fn read(&self, py: Python<'_>) -> Vec<u8> {
        py.detach(|| {
            let mut generator = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let mut lines = Vec::with_capacity(PIECE + 4096);
            while lines.len() < PIECE && generator.write_line(&mut lines) {}
            lines
        })
    }
}
