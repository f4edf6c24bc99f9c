//! Retention and holds.

use std::time::Duration;

use pyo3::prelude::*;
use sealtrail_core::config::{PriceConfig, RetentionConfig};
use sealtrail_core::retention::Policy;
use sealtrail_core::trail::{CompactOptions, Order, Trail};
use sealtrail_query::retention;

use crate::access::{self, Looking};
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

impl Retention {
    /// Records that a question is about to be answered.
    fn ask(
        &self,
        py: Python<'_>,
        access_type: &'static str,
        purpose: Option<String>,
        id: Option<&str>,
    ) -> PyResult<Looking> {
        let size = bridge::wait(py, self.trail.view())?.size();
        let question = access::question(access_type, size, purpose).filter("id", id);
        access::ask(py, &self.trail, question)
    }
}

#[pymethods]
impl Retention {
    fn pin(&self, py: Python<'_>) -> PyResult<u64> {
        let policy = Policy::from_config(&self.config);
        bridge::wait(py, self.trail.pin_policy(&policy))
    }

    #[pyo3(signature = (now, purpose))]
    fn plan(&self, py: Python<'_>, now: i64, purpose: Option<String>) -> PyResult<Vec<u8>> {
        let engine = engine(py)?;
        // How many records of which segment a hold matches tells of what is in them.
        let looking = self.ask(py, "retention plan", purpose, None)?;
        let plan = bridge::wait(py, retention::plan(engine, &self.trail, now));
        to_json(py, &looking.answered(py, plan, |plan| plan.steps.len() as u64)?)
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

    #[pyo3(signature = (now, purpose))]
    fn status(&self, py: Python<'_>, now: i64, purpose: Option<String>) -> PyResult<Vec<u8>> {
        let engine = engine(py)?;
        let prices: &PriceConfig = &self.config.prices;
        let looking = self.ask(py, "retention status", purpose, None)?;
        let status = bridge::wait(py, retention::status(engine, &self.trail, now, prices));
        to_json(py, &looking.answered(py, status, |_| 0)?)
    }

    #[pyo3(signature = (audit_id, purpose))]
    fn explain(
        &self,
        py: Python<'_>,
        audit_id: &str,
        purpose: Option<String>,
    ) -> PyResult<Option<Vec<u8>>> {
        let engine = engine(py)?;
        let looking = self.ask(py, "retention explain", purpose, Some(audit_id))?;
        let explained = bridge::wait(py, retention::explain(engine, &self.trail, audit_id));
        let explained = looking.answered(py, explained, |found| u64::from(found.is_some()))?;
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
