//! Sequences, as Python asks for them.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use object_store::ObjectStore;
use pyo3::prelude::*;
use sealtrail_query::search::{Filter, Form, Window};
use sealtrail_query::sequence::{Matches, Sequence, SequenceQuery, search};
use sealtrail_query::{Engine, QueryError, QueryResult, ReadView};
use serde::Deserialize;

use crate::bridge;
use crate::errors::{Raise, usage};
use crate::query::Query;

/// What is asked for, as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    sequence: String,
    within_seconds: f64,
    by: Vec<String>,
    filter: Filter,
    since: Option<String>,
    until: Option<String>,
    limit: Option<u64>,
}

/// Sequences in one moment of a trail. Each reading finds them anew.
#[pyclass(frozen, module = "sealtrail._native")]
pub(crate) struct Sequences(Ask);

#[derive(Clone)]
struct Ask {
    engine: &'static Engine,
    view: Arc<ReadView>,
    store: Arc<dyn ObjectStore>,
    query: Arc<SequenceQuery>,
    limit: Option<u64>,
}

impl Ask {
    async fn matches(&self) -> Result<Matches, QueryError> {
        let (view, store) = (Arc::clone(&self.view), Arc::clone(&self.store));
        Ok(search(self.engine, view, store, &self.query).await?.limit(self.limit))
    }

    async fn rows(self, fields: Vec<String>, form: Form) -> Result<QueryResult, QueryError> {
        self.matches().await?.into_rows(&fields, form).await
    }

    fn query(&self, py: Python<'_>, fields: &[String], form: Form) -> PyResult<Query> {
        let (ask, fields) = (self.clone(), fields.to_vec());
        Query::made(py, Box::new(move || Box::pin(ask.clone().rows(fields.clone(), form))))
    }
}

impl Sequences {
    /// Reads what is asked for, so that its errors come now.
    pub(crate) fn ask(
        py: Python<'_>,
        engine: &'static Engine,
        view: Arc<ReadView>,
        store: Arc<dyn ObjectStore>,
        request: &str,
    ) -> PyResult<Self> {
        let request: Request =
            serde_json::from_str(request).map_err(|error| usage(error.to_string()))?;
        let limit = request.limit;
        let query = request.query().map_err(|error| error.raise(py))?;
        Ok(Self(Ask { engine, view, store, query: Arc::new(query), limit }))
    }
}

impl Request {
    fn query(self) -> Result<SequenceQuery, QueryError> {
        let sequence = Sequence::parse(&self.sequence)?;
        let within = Duration::try_from_secs_f64(self.within_seconds)
            .map_err(|error| QueryError::Parameter(format!("within: {error}")))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
        let window = Window::parse(self.since.as_deref(), self.until.as_deref(), now)?;
        let filter = Filter { window, ..self.filter };
        let query = SequenceQuery { sequence, within, by: self.by, filter };
        query.check()?;
        Ok(query)
    }
}

#[pymethods]
impl Sequences {
    /// The fields that the events of a match have in common.
    fn by(&self) -> Vec<String> {
        self.0.query.keys()
    }

    /// One row for each event, flat.
    fn rows(&self, py: Python<'_>, fields: Vec<String>) -> PyResult<Query> {
        self.0.query(py, &fields, Form::Flat)
    }

    /// One row for each event with the JSON of the record.
    fn nested(&self, py: Python<'_>) -> PyResult<Query> {
        self.0.query(py, &[], Form::Nested)
    }

    /// How many matches there are.
    fn count(&self, py: Python<'_>) -> PyResult<u64> {
        let ask = self.0.clone();
        bridge::wait(py, async move { ask.matches().await?.count().await })
    }
}
