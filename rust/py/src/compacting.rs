//! Compaction and maintenance.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pyo3::prelude::*;
use sealtrail_core::trail::{CompactOptions, CompactProgress, Trail};

use crate::bridge;
use crate::errors::Raise;
use crate::progress::{self, Latest, Teller};
use crate::trail::to_json;

/// What is wished for: the size of a finished segment in MiB, merges at a time, and seconds for
/// which replaced files stay.
#[derive(Clone, Copy)]
pub(crate) struct Wish {
    pub(crate) target_mb: u64,
    pub(crate) threads: usize,
    pub(crate) grace: f64,
}

impl Wish {
    pub(crate) fn options(self) -> PyResult<CompactOptions> {
        let grace = Duration::try_from_secs_f64(self.grace);
        let grace = grace.map_err(|_| crate::errors::usage("grace is no number of seconds"))?;
        let target_bytes = self.target_mb.saturating_mul(1 << 20);
        Ok(CompactOptions { target_bytes, threads: self.threads, grace, ..Default::default() })
    }
}

/// Work over segments that Python watches.
pub(crate) struct Watched<'a, 'py> {
    pub(crate) options: CompactOptions,
    teller: Teller<'a, 'py, CompactProgress>,
}

impl<'a, 'py> Watched<'a, 'py> {
    /// With options that say how far it is and can stop it.
    pub(crate) fn new(options: CompactOptions, callback: Option<&'a Bound<'py, PyAny>>) -> Self {
        let latest: Latest<CompactProgress> = Latest::default();
        let said = Arc::clone(&latest);
        let told = Arc::new(move |progress| progress::set(&said, progress));
        let options = CompactOptions { progress: Some(told), ..options };
        let teller = Teller::new(latest, callback, |progress: CompactProgress| {
            vec![progress.rows, progress.of_rows, progress.segments]
        });
        Self { options, teller }
    }

    /// Waits for the work.
    pub(crate) fn wait<T, E>(
        mut self,
        py: Python<'_>,
        work: impl Future<Output = Result<T, E>> + Send,
    ) -> PyResult<T>
    where
        T: Send,
        E: Raise + Send,
    {
        let done = bridge::wait_with(py, work, |_| self.teller.tell());
        // What merges goes on without somebody who waits.
        self.options.cancel.store(done.is_err(), Ordering::Relaxed);
        let done = done?;
        self.teller.tell_now()?;
        Ok(done)
    }

    /// Waits for a job that has the options.
    fn wait_for<T: Send>(mut self, py: Python<'_>, job: bridge::Job<T>) -> PyResult<T> {
        let done = job.wait(py, &self.options.cancel, |_| self.teller.tell())?;
        self.teller.tell_now()?;
        Ok(done)
    }
}

/// What a compaction or maintenance is.
#[derive(Clone, Copy)]
pub(crate) enum Work {
    Compact,
    Maintain,
}

/// Does it; gives the report as JSON.
pub(crate) fn run(
    py: Python<'_>,
    trail: &Trail,
    work: Work,
    wish: Wish,
    callback: Option<&Bound<'_, PyAny>>,
) -> PyResult<Vec<u8>> {
    let watched = Watched::new(wish.options()?, callback);
    let (trail, options) = (trail.clone(), watched.options.clone());
    match work {
        Work::Compact => {
            let job = bridge::start(move || async move { trail.compact(&options).await })?;
            to_json(py, &watched.wait_for(py, job)?)
        }
        Work::Maintain => {
            let job = bridge::start(move || async move { trail.maintain(&options).await })?;
            to_json(py, &watched.wait_for(py, job)?)
        }
    }
}

/// What a compaction would do, as JSON.
pub(crate) fn plan(py: Python<'_>, trail: &Trail, wish: Wish) -> PyResult<Vec<u8>> {
    let options = wish.options()?;
    to_json(py, &bridge::wait(py, trail.plan_compaction(&options))?)
}
