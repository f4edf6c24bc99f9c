//! Personal data, for Python.

use pyo3::prelude::*;
use sealtrail_query::chain::{self, SubjectOptions};

use crate::errors::Raise;
use crate::trail::Trail;
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
