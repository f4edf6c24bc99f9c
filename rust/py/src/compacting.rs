//! Compaction and maintenance.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use pyo3::prelude::*;
use sealtrail_core::trail::{CompactOptions, CompactProgress, Trail};

use crate::bridge;
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
    let latest = Latest::default();
    let mut teller = Teller::new(Arc::clone(&latest), callback, |progress: CompactProgress| {
        vec![progress.rows, progress.of_rows, progress.segments]
    });
    let cancel = Arc::new(AtomicBool::new(false));
    let said = Arc::clone(&latest);
    let options = CompactOptions {
        progress: Some(Arc::new(move |progress| progress::set(&said, progress))),
        cancel: Arc::clone(&cancel),
        ..wish.options()?
    };
    let trail = trail.clone();
    let report = match work {
        Work::Compact => {
            let job = bridge::start(move || async move { trail.compact(&options).await })?;
            to_json(py, &job.wait(py, &cancel, |_| teller.tell())?)
        }
        Work::Maintain => {
            let job = bridge::start(move || async move { trail.maintain(&options).await })?;
            to_json(py, &job.wait(py, &cancel, |_| teller.tell())?)
        }
    }?;
    teller.tell_now()?;
    Ok(report)
}

/// What a compaction would do, as JSON.
pub(crate) fn plan(py: Python<'_>, trail: &Trail, wish: Wish) -> PyResult<Vec<u8>> {
    let options = wish.options()?;
    to_json(py, &bridge::wait(py, trail.plan_compaction(&options))?)
}
