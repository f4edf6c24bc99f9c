//! Searches. What Python gives is JSON that its package made from keywords.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use futures::StreamExt;
use object_store::ObjectStore;
use pyo3::prelude::*;
use sealtrail_query::search::{Cost, FIELDS, Form, Order, Search, Window};
use sealtrail_query::{Engine, QueryError, ReadView};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::bridge;
use crate::errors::{Raise, usage};
use crate::query::{Query, Question};
use crate::trail::to_json;

/// One moment of a trail, and what reads it.
#[derive(Clone)]
pub(crate) struct Ground {
    pub(crate) engine: &'static Engine,
    pub(crate) view: Arc<ReadView>,
    pub(crate) store: Arc<dyn ObjectStore>,
}

/// Reads a search as of now; its times and its order are as people write them.
pub(crate) fn read(py: Python<'_>, asked: &str) -> PyResult<Search> {
    let parsed = serde_json::from_str::<Map<String, Value>>(asked);
    let mut map = parsed.map_err(|error| usage(error.to_string()))?;
    let mut text = |name: &str| match map.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    let (since, until, order) = (text("since"), text("until"), text("order"));
    let search = serde_json::from_value::<Search>(map.into());
    let mut search = search.map_err(|error| usage(error.to_string()))?;
    let resolved = Window::parse(since.as_deref(), until.as_deref(), now());
    search.filter.window = resolved.map_err(|error| wrong(py, error))?;
    if let Some(order) = order {
        search.order = Order::parse(&order).map_err(|error| wrong(py, error))?;
    }
    search.check().map_err(|error| wrong(py, error))?;
    Ok(search)
}

/// What is wrong with the keywords is wrong usage; with an expression, wrong SQL.
pub(crate) fn wrong(py: Python<'_>, error: QueryError) -> PyErr {
    match error {
        QueryError::Parameter(message) => usage(message),
        other => other.raise(py),
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Starts a search: `form` is `flat` or `nested`.
pub(crate) fn search(py: Python<'_>, ground: Ground, asked: &str, form: &str) -> PyResult<Query> {
    let form = match form {
        "flat" => Form::Flat,
        "nested" => Form::Nested,
        "brief" => Form::Brief,
        other => return Err(usage(format!("{other:?} is no form"))),
    };
    let search = read(py, asked)?;
    Query::plan(py, Question::Search(ground, search, form))
}

/// Runs a search to its end: the number of results, the cursor of the last one, and the cost.
pub(crate) fn drain(py: Python<'_>, ground: &Ground, asked: &str) -> PyResult<Vec<u8>> {
    #[derive(Serialize)]
    struct Drained {
        results: u64,
        cursor: Option<String>,
        condition: String,
        #[serde(flatten)]
        cost: Cost,
    }
    let search = read(py, asked)?;
    let drained = bridge::wait(py, async {
        let (view, store) = (Arc::clone(&ground.view), Arc::clone(&ground.store));
        let found = search.run(ground.engine, view, store, Form::Nested).await?;
        let reached = found.reached();
        let mut batches = std::pin::pin!(found.result.batches());
        let mut results = 0;
        while let Some(batch) = batches.next().await {
            results += batch?.num_rows() as u64;
        }
        let condition = search.filter.condition()?;
        let cost = reached.cost(&ground.view);
        Ok::<_, QueryError>(Drained { results, cursor: reached.cursor(), condition, cost })
    })?;
    to_json(py, &drained)
}

/// What the records that meet a filter come to, as JSON: `count`, `summary`, `fields`, or the page
/// of the id after `who:`. `top` is how many values lists show.
pub(crate) fn report(
    py: Python<'_>,
    ground: Ground,
    asked: &str,
    what: &str,
    top: usize,
) -> PyResult<Vec<u8>> {
    let filter = read(py, asked)?.filter;
    let Ground { engine, view, store } = ground;
    match what {
        "count" => to_json(py, &bridge::wait(py, filter.count(engine, view, store))?),
        "summary" => to_json(py, &bridge::wait(py, filter.summary(engine, view, store))?),
        "fields" => to_json(py, &bridge::wait(py, filter.inventory(engine, view, store, top))?),
        other => match other.strip_prefix("who:") {
            Some(id) => to_json(py, &bridge::wait(py, filter.who(engine, view, store, id, top))?),
            None => Err(usage(format!("{other:?} is no report"))),
        },
    }
}

/// Names of the logical fields with what each is and where it stands.
#[pyfunction]
pub(crate) fn search_fields() -> Vec<(&'static str, &'static str, String)> {
    FIELDS.iter().map(|field| (field.name, field.about, field.places_text())).collect()
}
