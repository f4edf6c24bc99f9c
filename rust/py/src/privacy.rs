//! Personal data, for Python.

use std::collections::BTreeSet;

use pyo3::prelude::*;
use sealtrail_query::chain::{self, SubjectOptions};
use sealtrail_query::kept_until;
use sealtrail_query::search::times::text;

use crate::errors::{Raise, usage};
use crate::search::now;
use crate::trail::{Trail, to_json};
use crate::{access, bridge};

/// What a trail holds about one person.
#[pyclass(frozen, module = "sealtrail._native")]
pub(crate) struct SubjectReport(chain::SubjectReport);

#[pymethods]
impl SubjectReport {
    fn json(&self, py: Python<'_>) -> PyResult<Vec<u8>> {
        let text = self.0.to_json(false).map_err(|error| error.raise(py))?;
        Ok(text.into_bytes())
    }

    fn csv(&self) -> String {
        self.0.to_csv()
    }

    fn html(&self) -> String {
        self.0.to_html()
    }
}

/// The report of a person; `None` if the trail does not name them. Times are microseconds since
/// 1970.
#[pyfunction]
#[pyo3(signature = (trail, subject, max_events, since, until, purpose))]
pub(crate) fn subject_report(
    py: Python<'_>,
    trail: &Bound<'_, Trail>,
    subject: &str,
    max_events: usize,
    since: Option<i64>,
    until: Option<i64>,
    purpose: Option<String>,
) -> PyResult<Option<SubjectReport>> {
    let trail = trail.get();
    let source = trail.source(py)?;
    let question = access::question("subject_report", source.view.size(), purpose);
    let looking = access::ask(py, trail.inner(), question.filter("subject", subject))?;
    let options = SubjectOptions { max_events, since, until };
    let found = bridge::wait(py, chain::subject_report(&source, subject, &options));
    let events = |found: &Option<chain::SubjectReport>| {
        found.as_ref().map_or(0, |report| report.events.len() as u64)
    };
    Ok(looking.answered(py, found, events)?.map(SubjectReport))
}

/// Erases a person, and tells how far that has come; `None` for a dry run.
#[pyfunction]
#[pyo3(signature = (trail, subject, reason, approver, dry_run, against_minimum))]
pub(crate) fn erase(
    py: Python<'_>,
    trail: &Bound<'_, Trail>,
    subject: &str,
    reason: &str,
    approver: &str,
    dry_run: bool,
    against_minimum: Option<&str>,
) -> PyResult<Option<Vec<u8>>> {
    let paths = trail.get().place().loaded.config.redaction.personal.subject.clone();
    let source = trail.get().source(py)?;
    let trail = trail.get().inner();
    let place = (source.engine, trail, &source.view);
    let kept = bridge::wait(py, kept_until(place, now(), subject, &paths))?;
    let reason = match (kept, against_minimum) {
        (None, _) => reason.to_owned(),
        (Some(_), Some(why)) if !why.trim().is_empty() => {
            format!("{reason}; against minimum_days: {why}")
        }
        (Some(until), _) => {
            return Err(usage(format!(
                "minimum_days keeps records of {subject} until {}; nothing was erased. Say why it \
                 is to be done all the same: against_minimum=",
                text(until)
            )));
        }
    };
    // Which records a hold keeps is not looked at: any of them forbids it.
    let cleared = BTreeSet::new();
    if dry_run {
        bridge::wait(py, trail.demand_erasable(subject, &cleared))?;
        return Ok(None);
    }
    let status = bridge::wait(py, trail.erase(subject, &reason, approver, &cleared))?;
    to_json(py, &status).map(Some)
}

/// All erasures.
#[pyfunction]
pub(crate) fn erasures(py: Python<'_>, trail: &Bound<'_, Trail>) -> PyResult<Vec<u8>> {
    let all = bridge::wait(py, trail.get().inner().erasures())?;
    to_json(py, &all)
}

/// Does what erasures ask of this host.
#[pyfunction]
pub(crate) fn resume_erasures(py: Python<'_>, trail: &Bound<'_, Trail>) -> PyResult<u64> {
    bridge::wait(py, trail.get().inner().resume_erasures())
}

/// The owner's word for a holder.
#[pyfunction]
pub(crate) fn confirm_erasure(
    py: Python<'_>,
    trail: &Bound<'_, Trail>,
    entry: u64,
    holder: &str,
) -> PyResult<()> {
    bridge::wait(py, trail.get().inner().confirm_erasure(entry, holder))
}
