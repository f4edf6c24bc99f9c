//! The second copy of a trail: bringing it up to date, checking it, the trail from it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use pyo3::prelude::*;
use sealtrail_core::Error;
use sealtrail_core::backup::{
    self, BackupOptions, BackupProgress, Doer, Recorded, RestoreOptions, RestoreReport,
};
use sealtrail_core::keys::MasterKey;
use sealtrail_core::verify::{Level, Options, Progress};
use serde::Serialize;

use crate::access::{reader, warn};
use crate::bridge;
use crate::errors::{Raise, usage};
use crate::opening::{Place, variable};
use crate::progress::{self, Latest, Teller};
use crate::trail::{Trail, to_json};
use crate::verify::{self, PinWish};

/// Where the copy is and its master key: as given, else as configured.
#[derive(Debug, FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Copy {
    copy: Option<String>,
    key: Option<String>,
}

impl Copy {
    fn url(&self, place: &Place) -> PyResult<String> {
        let configured = &place.loaded.config.integrity.audit_log_backup;
        let url = self.copy.clone().or_else(|| configured.destination.clone());
        url.ok_or_else(|| {
            usage(
                "nothing says where the copy is: pass copy=, or set \
                 audit.integrity.audit_log_backup.destination",
            )
        })
    }

    fn master(&self, py: Python<'_>, place: &Place) -> PyResult<Arc<MasterKey>> {
        let configured = &place.loaded.config.integrity.audit_log_backup;
        let key = self.key.clone().or_else(|| configured.key.clone()).ok_or_else(|| {
            usage(
                "nothing says what the copy's master key is: pass copy_key=, or set \
                 audit.integrity.audit_log_backup.key",
            )
        })?;
        let key = MasterKey::open_with(&key, &variable);
        key.map(Arc::new).map_err(|error| error.raise(py))
    }
}

/// A restore, and where it is recorded.
#[derive(Serialize)]
struct Restored {
    #[serde(flatten)]
    report: RestoreReport,
    recorded: (String, String),
}

fn counts(progress: BackupProgress) -> Vec<u64> {
    vec![progress.objects, progress.of_objects, progress.bytes]
}

/// The home and the configuration file that were named when the trail was opened.
#[pyfunction]
pub(crate) fn folders_of(trail: &Trail) -> (Option<PathBuf>, Option<PathBuf>) {
    (trail.place().root.clone(), trail.place().config.clone())
}

/// Whether the configuration names a copy.
#[pyfunction]
pub(crate) fn has_copy(trail: &Trail) -> bool {
    trail.place().loaded.config.integrity.audit_log_backup.destination.is_some()
}

/// Brings the copy up to date; gives the report as JSON.
#[pyfunction]
#[pyo3(signature = (trail, copy, parallel, repair, progress))]
pub(crate) fn back_up(
    py: Python<'_>,
    trail: &Trail,
    copy: Copy,
    parallel: usize,
    repair: bool,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Vec<u8>> {
    let place = trail.place();
    let latest: Latest<BackupProgress> = Latest::default();
    let mut teller = Teller::new(Arc::clone(&latest), progress, counts);
    let cancel = Arc::new(AtomicBool::new(false));
    let options = BackupOptions {
        parallel,
        repair,
        progress: Some(Arc::new(move |progress| progress::set(&latest, progress))),
        cancel: Arc::clone(&cancel),
        ..BackupOptions::new(&copy.url(place)?, copy.master(py, place)?)
    };
    let inner = trail.inner().clone();
    let started = Instant::now();
    let job = bridge::start(move || async move {
        let done = inner.backup(&options).await;
        let doer = Doer { reader: reader(), took: started.elapsed() };
        let told = done.as_ref().map_err(Error::kind);
        let recorded = inner.record_backup(&options.destination, &doer, told).await;
        done.map(|report| (report, recorded.err()))
    })?;
    let (report, unrecorded) = job.wait(py, &cancel, |_| teller.tell())?;
    teller.tell_now()?;
    if let Some(error) = unrecorded {
        warn(py, format!("this run is not recorded: {error}"))?;
    }
    to_json(py, &report)
}

/// Checks a copy by itself, with its key or, at `quick` level, without; gives the report as JSON.
#[pyfunction]
#[pyo3(signature = (copy, *, home, config, level, key, owner_key, pinning, progress))]
#[expect(clippy::too_many_arguments, reason = "the keywords of the Python function")]
pub(crate) fn verify_backup(
    py: Python<'_>,
    copy: Copy,
    home: Option<PathBuf>,
    config: Option<PathBuf>,
    level: &str,
    key: Option<String>,
    owner_key: Option<String>,
    pinning: PinWish,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Vec<u8>> {
    let place = Place::find(py, home, config.as_deref())?;
    let level = match level {
        "deep" => Level::Deep,
        "quick" => Level::Quick,
        other => return Err(usage(format!("level is \"deep\" or \"quick\", not {other:?}"))),
    };
    let url = copy.url(&place)?;
    let seen = bridge::wait(py, backup::inspect(&url))?;
    let master = copy.master(py, &place)?;
    let trust = verify::trust((key, owner_key), &place.home, Some(&seen.trail_id));
    let trust = trust.map_err(|error| error.raise(py))?;
    let pinning = pinning.pinning(&place.home, &seen.url).map_err(|error| error.raise(py))?;
    let options = place.options(&url).map_err(|error| error.raise(py))?;
    let options = Options { level, master: options.master, ..Options::default() };
    let latest: Latest<Progress> = Latest::default();
    let mut teller = Teller::new(Arc::clone(&latest), progress, |progress: Progress| {
        vec![progress.records, progress.of_records]
    });
    let cancel = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&cancel);
    let job = bridge::start(move || async move {
        let tell = move |progress| progress::set(&latest, progress);
        backup::verify(&url, &master, trust, options, &pinning, &tell, &stop).await
    })?;
    let report = job.wait(py, &cancel, |_| teller.tell())?;
    teller.tell_now()?;
    to_json(py, &report)
}

/// What can be said of a copy without its key, as JSON.
#[pyfunction]
#[pyo3(signature = (copy, *, home, config))]
pub(crate) fn inspect_backup(
    py: Python<'_>,
    copy: Copy,
    home: Option<PathBuf>,
    config: Option<PathBuf>,
) -> PyResult<Vec<u8>> {
    let place = Place::find(py, home, config.as_deref())?;
    let url = copy.url(&place)?;
    to_json(py, &bridge::wait(py, backup::inspect(&url))?)
}

/// Makes a trail anew from its copy; gives the report as JSON.
#[pyfunction]
#[pyo3(signature = (copy, destination, *, home, config, archives, parallel, progress))]
#[expect(clippy::too_many_arguments, reason = "the keywords of the Python function")]
pub(crate) fn restore_backup(
    py: Python<'_>,
    copy: Copy,
    destination: Option<String>,
    home: Option<PathBuf>,
    config: Option<PathBuf>,
    archives: BTreeMap<String, String>,
    parallel: usize,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Vec<u8>> {
    let place = Place::find(py, home, config.as_deref())?.with_archives(py, archives)?;
    let destination = place.url(destination);
    let settings = place.settings(&destination).map_err(|error: Error| error.raise(py))?;
    let latest: Latest<BackupProgress> = Latest::default();
    let mut teller = Teller::new(Arc::clone(&latest), progress, counts);
    let cancel = Arc::new(AtomicBool::new(false));
    let options = RestoreOptions {
        archives: settings.archives,
        parallel,
        progress: Some(Arc::new(move |progress| progress::set(&latest, progress))),
        cancel: Arc::clone(&cancel),
        ..RestoreOptions::new(&copy.url(&place)?, copy.master(py, &place)?, &destination)
    };
    let open = place.options(&destination).map_err(|error: Error| error.raise(py))?;
    let started = Instant::now();
    let job = bridge::start(move || async move {
        let done = backup::restore(&options).await;
        let doer = Doer { reader: reader(), took: started.elapsed() };
        let told = done.as_ref().map_err(Error::kind);
        let recorded = backup::record_restore(&options, open, &doer, told).await;
        done.map(|report| (report, recorded))
    })?;
    let (report, recorded) = job.wait(py, &cancel, |_| teller.tell())?;
    teller.tell_now()?;
    let Recorded { audit_id, trail } = match recorded {
        Ok(recorded) => recorded,
        Err(error) => {
            warn(py, format!("this restore is not recorded: {error}"))?;
            return to_json(py, &report);
        }
    };
    to_json(py, &Restored { report, recorded: (trail, audit_id) })
}

/// The copies that the trail knows of, as JSON.
#[pyfunction]
pub(crate) fn known_copies(py: Python<'_>, trail: &Bound<'_, Trail>) -> PyResult<Vec<u8>> {
    let all = bridge::wait(py, trail.get().inner().copies())?;
    to_json(py, &all)
}

/// Gives up a copy, or says what would follow; gives that as JSON.
#[pyfunction]
#[pyo3(signature = (trail, copy, reason, approver, dry_run))]
pub(crate) fn forget_copy(
    py: Python<'_>,
    trail: &Bound<'_, Trail>,
    copy: &str,
    reason: &str,
    approver: &str,
    dry_run: bool,
) -> PyResult<Vec<u8>> {
    let trail = trail.get().inner();
    let done = match dry_run {
        true => bridge::wait(py, trail.plan_forget(copy))?,
        false => bridge::wait(py, trail.forget_copy(copy, reason, approver))?,
    };
    to_json(py, &done)
}
