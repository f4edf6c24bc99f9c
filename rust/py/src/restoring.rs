//! Records that were archived, brought back.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use pyo3::prelude::*;
use sealtrail_core::Error;
use sealtrail_core::storage::Storage;
use sealtrail_core::trail::{InitOptions, TRAIL_FILE, Trail as Core, init};
use sealtrail_query::export::restore::{Restore, Target};
use sealtrail_query::search::Window;

use crate::errors::Raise;
use crate::opening::{Place, passphrase};
use crate::progress::{self, Latest, Teller};
use crate::search::now;
use crate::trail::{Trail, to_json};
use crate::{access, bridge};

/// Restores records of a time to a file or another trail; gives the report as JSON.
#[pyfunction]
#[pyo3(signature = (trail, destination, start_date, end_date, replace, progress, purpose))]
#[expect(clippy::too_many_arguments, reason = "the keywords of the Python method")]
pub(crate) fn restore_from_archive(
    py: Python<'_>,
    trail: &Bound<'_, Trail>,
    destination: &str,
    start_date: Option<&str>,
    end_date: Option<&str>,
    replace: bool,
    progress: Option<&Bound<'_, PyAny>>,
    purpose: Option<String>,
) -> PyResult<Vec<u8>> {
    let trail = trail.get();
    let window = Window::of_days(start_date, end_date, now());
    let window = window.map_err(|error| error.raise(py))?;
    let place = trail.place();
    let target = Target::of(destination, |url| other_trail(py, place, url))?;
    let size = bridge::wait(py, trail.inner().view())?.size();
    let question = access::question("restore", size, purpose)
        .filter("start_date", start_date)
        .filter("end_date", end_date)
        .filter("destination", destination);
    let looking = access::ask(py, trail.inner(), question)?;
    let latest: Latest<(u64, u64)> = Latest::default();
    let mut teller =
        Teller::new(Arc::clone(&latest), progress, |(done, of): (u64, u64)| vec![done, of]);
    let restore = Restore { window, replace, ..Restore::default() };
    let said = Arc::clone(&latest);
    let watch = Arc::new(move |done: u64, of: u64| progress::set(&said, (done, of)));
    let work = restore.run(trail.inner(), &target, watch);
    let restored = bridge::wait_with(py, work, |_| teller.tell());
    // What checks a segment goes on without somebody who waits.
    restore.cancel.store(restored.is_err(), Ordering::Relaxed);
    if let Target::Trail(other) = &target {
        bridge::wait(py, other.close(true))?;
    }
    let restored = looking.answered(py, restored, |restored| restored.records)?;
    teller.tell_now()?;
    to_json(py, &restored)
}

/// Opens the trail that records go to, and makes it if there is none.
fn other_trail(py: Python<'_>, place: &Place, url: &str) -> PyResult<Core> {
    let options = place.options(url).map_err(|error| error.raise(py))?;
    let new = InitOptions { passphrase: passphrase(), ..InitOptions::new(options.home.clone()) };
    let opened = async {
        match Storage::open(url)?.size(TRAIL_FILE).await {
            Err(Error::NotFound(_)) => init(url, &new).await.map(drop)?,
            there => there.map(drop)?,
        }
        Core::open(url, options).await
    };
    bridge::wait(py, opened)
}
