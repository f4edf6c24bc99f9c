//! Imports from other programs' logs.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use pyo3::prelude::*;
use sealtrail_core::import::{ImportOptions, Source};
use sealtrail_core::trail::{ImportProgress, ImportRun, OpenOptions, Trail};

use crate::bridge;
use crate::progress::{self, Latest, Teller};
use crate::trail::to_json;

/// Imports logs into a trail; gives the report as JSON.
pub(crate) fn import(
    py: Python<'_>,
    (url, opening): (&str, OpenOptions),
    source: Source,
    paths: Vec<PathBuf>,
    options: ImportOptions,
    callback: Option<&Bound<'_, PyAny>>,
) -> PyResult<Vec<u8>> {
    let latest = Latest::default();
    let mut teller = Teller::new(Arc::clone(&latest), callback, |progress: ImportProgress| {
        vec![progress.files, progress.of_files, progress.events, progress.recorded]
    });
    let cancel = Arc::new(AtomicBool::new(false));
    let said = Arc::clone(&latest);
    let run = ImportRun {
        progress: Some(Arc::new(move |progress| progress::set(&said, progress))),
        cancel: Arc::clone(&cancel),
    };
    let url = url.to_owned();
    let job = bridge::start(move || async move {
        let trail = Trail::open(&url, opening).await?;
        let result = trail.import(source, &paths, options, &run).await;
        let closed = trail.close(true).await;
        let report = result?;
        closed.map(|()| report)
    })?;
    let report = job.wait(py, &cancel, |_| teller.tell())?;
    teller.tell_now()?;
    to_json(py, &report)
}
