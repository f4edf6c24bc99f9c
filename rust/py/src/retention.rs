//! Retention and holds.

use std::time::Duration;

use pyo3::prelude::*;
use sealtrail_core::config::{PriceConfig, RetentionConfig};
use sealtrail_core::retention::Policy;
use sealtrail_core::trail::{CompactOptions, Order, Trail};
use sealtrail_query::retention;

use crate::bridge;
use crate::compacting::{Watched, Wish};
use crate::errors::{Raise, usage};
use crate::query::engine;
use crate::trail::to_json;

/// Retention of an open trail.
#[pyclass(frozen, module = "sealtrail._native")]
pub(crate) struct Retention {
    pub(crate) trail: Trail,
    pub(crate) config: RetentionConfig,
}

#[pymethods]
impl Retention {
    fn pin(&self, py: Python<'_>) -> PyResult<u64> {
        let policy = Policy::from_config(&self.config);
        bridge::wait(py, self.trail.pin_policy(&policy))
    }

    fn plan(&self, py: Python<'_>, now: i64) -> PyResult<Vec<u8>> {
        let engine = engine(py)?;
        to_json(py, &bridge::wait(py, retention::plan(engine, &self.trail, now))?)
    }

    #[pyo3(signature = (now, approver, reason, grace, progress))]
    fn apply(
        &self,
        py: Python<'_>,
        now: i64,
        approver: String,
        reason: String,
        grace: f64,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<u8>> {
        let engine = engine(py)?;
        let grace = Duration::try_from_secs_f64(grace);
        let grace = grace.map_err(|_| usage("grace is no number of seconds"))?;
        let order = Order { approver, reason };
        let options = CompactOptions { grace, ..CompactOptions::default() };
        let watched = Watched::new(options, progress);
        let options = watched.options.clone();
        let applied = retention::apply(engine, &self.trail, now, &order, &options);
        to_json(py, &watched.wait(py, applied)?)
    }

    /// What maintenance does of it; `None` where no policy is pinned.
    #[pyo3(signature = (now, target_mb, threads, grace, progress))]
    fn maintain(
        &self,
        py: Python<'_>,
        now: i64,
        target_mb: u64,
        threads: usize,
        grace: f64,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Vec<u8>>> {
        let engine = engine(py)?;
        let watched = Watched::new(Wish { target_mb, threads, grace }.options()?, progress);
        let options = watched.options.clone();
        let applied = retention::maintain(engine, &self.trail, now, &options);
        watched.wait(py, applied)?.map(|applied| to_json(py, &applied)).transpose()
    }

    fn status(&self, py: Python<'_>, now: i64) -> PyResult<Vec<u8>> {
        let engine = engine(py)?;
        let prices: &PriceConfig = &self.config.prices;
        to_json(py, &bridge::wait(py, retention::status(engine, &self.trail, now, prices))?)
    }

    fn explain(&self, py: Python<'_>, audit_id: &str) -> PyResult<Option<Vec<u8>>> {
        let engine = engine(py)?;
        let explained = bridge::wait(py, retention::explain(engine, &self.trail, audit_id))?;
        explained.map(|explained| to_json(py, &explained)).transpose()
    }

    fn add_hold(
        &self,
        py: Python<'_>,
        now: i64,
        reason: &str,
        by: &str,
        matching: &str,
    ) -> PyResult<Vec<u8>> {
        let written =
            serde_json::from_str(matching).map_err(|error| usage(format!("matching: {error}")))?;
        let matching = retention::matching(&written, now).map_err(|error| error.raise(py))?;
        to_json(py, &bridge::wait(py, self.trail.add_hold(reason, by, matching))?)
    }

    fn holds(&self, py: Python<'_>) -> PyResult<Vec<u8>> {
        let holds = bridge::wait(py, self.trail.holds())?;
        to_json(py, &holds.into_values().collect::<Vec<_>>())
    }

    fn release_hold(&self, py: Python<'_>, hold: &str, reason: &str, by: &str) -> PyResult<u64> {
        bridge::wait(py, self.trail.release_hold(hold, reason, by))
    }
}
