//! Sequences, as Python asks for them.

use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use sealtrail_query::search::Form;
use sealtrail_query::sequence::{Sequence, SequenceQuery, search};

use sealtrail_core::access::Question;
use sealtrail_core::trail::Trail;

use crate::access;
use crate::bridge;
use crate::errors::{Raise, usage};
use crate::query::{Query, Statement};
use crate::search::{Ground, wrong};

/// Sequences in one moment of a trail. Each reading finds them anew.
#[pyclass(frozen, module = "sealtrail._native")]
pub(crate) struct Sequences {
    ground: Ground,
    query: SequenceQuery,
    limit: Option<u64>,
    trail: Trail,
    asked: Question,
}

impl Sequences {
    /// Reads what is asked for, so that its errors come now. `asked` is the search for the events
    /// that take part; its limit is that of the matches.
    pub(crate) fn ask(
        py: Python<'_>,
        (mut ground, trail): (Ground, &Trail),
        asked: &str,
        pattern: &str,
        within: f64,
        by: Vec<String>,
    ) -> PyResult<Self> {
        let (asked, question) = ground.read(py, "sequence", asked)?;
        let question = question
            .filter("sequence", pattern)
            .filter("within_seconds", within)
            .filter("by", by.clone());
        if !asked.order.is_empty()
            || asked.reverse
            || asked.cursor.is_some()
            || !asked.fields.is_empty()
        {
            return Err(usage("sequences have no order, cursor or fields; rows() takes fields"));
        }
        let within = Duration::try_from_secs_f64(within)
            .map_err(|error| usage(format!("within {within} seconds: {error}")))?;
        let sequence = Sequence::parse(pattern).map_err(|error| error.raise(py))?;
        let query = SequenceQuery { sequence, within, by, filter: asked.filter };
        query.check().map_err(|error| wrong(py, error))?;
        Ok(Self { ground, query, limit: asked.limit, trail: trail.clone(), asked: question })
    }

    fn read(&self, py: Python<'_>, fields: Vec<String>, form: Form) -> PyResult<Query> {
        let query = Box::new(self.query.clone());
        let ground = self.ground.clone();
        let planned =
            Query::plan(py, Statement::Sequence(ground, query, self.limit, fields, form))?;
        Ok(planned.recorded_when_read(self.trail.clone(), self.asked.clone()))
    }
}

#[pymethods]
impl Sequences {
    /// The fields that the events of a match have in common.
    fn by(&self) -> Vec<String> {
        self.query.keys()
    }

    /// One row for each event, flat.
    fn rows(&self, py: Python<'_>, fields: Vec<String>) -> PyResult<Query> {
        self.read(py, fields, Form::Flat)
    }

    /// One row for each event with the JSON of the record.
    fn nested(&self, py: Python<'_>) -> PyResult<Query> {
        self.read(py, Vec::new(), Form::Nested)
    }

    /// How many matches there are.
    fn count(&self, py: Python<'_>) -> PyResult<u64> {
        let Ground { engine, view, store } = &self.ground;
        let (view, store) = (Arc::clone(view), Arc::clone(store));
        let looking = access::ask(py, &self.trail, self.asked.clone())?;
        let count = bridge::wait(py, async {
            search(engine, view, store, &self.query).await?.limit(self.limit).count().await
        });
        looking.answered(py, count, |_| 1)
    }
}
