//! Searches. What Python gives is JSON that its package made from keywords.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use futures::StreamExt;
use object_store::ObjectStore;
use pyo3::prelude::*;
use sealtrail_core::access::Question as Asked;
use sealtrail_core::trail::Trail;
use sealtrail_query::search::{Cost, FIELDS, Filter, Form, Order, Search, Window};
use sealtrail_query::{Engine, QueryError, ReadView};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::errors::{Raise, usage};
use crate::query::{Query, Statement};
use crate::trail::to_json;
use crate::{access, bridge};

/// One moment of a trail, and what reads it.
#[derive(Clone)]
pub(crate) struct Ground {
    pub(crate) engine: &'static Engine,
    pub(crate) view: Arc<ReadView>,
    pub(crate) store: Arc<dyn ObjectStore>,
}

/// A search, and what is said with it of who asks.
pub(crate) struct Wanted {
    pub(crate) search: Search,
    purpose: Option<String>,
    pub(crate) exclude_access: bool,
    exclude_archive: bool,
    keywords: Map<String, Value>,
}

impl Wanted {
    /// The question for the record of who looked, of a view with so many ledger entries.
    pub(crate) fn question(&self, access_type: &'static str, ledger_size: u64) -> Asked {
        let mut asked = access::question(access_type, ledger_size, self.purpose.clone());
        for (name, value) in self.keywords.iter().filter(|(_, value)| says_something(value)) {
            asked = asked.filter(name, value.clone());
        }
        asked
    }

    /// A keyword as it was given; `null` for none.
    pub(crate) fn keyword(&self, name: &str) -> Value {
        self.keywords.get(name).cloned().unwrap_or_default()
    }

    /// The view without the records of who looked, if that is wanted.
    pub(crate) fn view(&self, view: Arc<ReadView>) -> Arc<ReadView> {
        view.excluding_access(self.exclude_access).excluding_archive(self.exclude_archive)
    }
}

impl Ground {
    /// Reads a search of this moment, which leaves out the records of who looked if that is wanted.
    pub(crate) fn read(
        &mut self,
        py: Python<'_>,
        access_type: &'static str,
        asked: &str,
    ) -> PyResult<(Search, Asked)> {
        let wanted = read(py, asked)?;
        let question = wanted.question(access_type, self.view.size());
        self.view = wanted.view(Arc::clone(&self.view));
        Ok((wanted.search, question))
    }
}

/// Whether a keyword was given.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(values) => !values.is_empty(),
        Value::Object(members) => members.values().any(says_something),
        _ => true,
    }
}

/// Reads a search as of now; its times and its order are as people write them.
pub(crate) fn read(py: Python<'_>, asked: &str) -> PyResult<Wanted> {
    let parsed = serde_json::from_str::<Map<String, Value>>(asked);
    let mut map = parsed.map_err(|error| usage(error.to_string()))?;
    let exclude_access = map.remove("exclude_access") == Some(Value::Bool(true));
    let exclude_archive = map.get("include_archive") == Some(&Value::Bool(false));
    let purpose = match map.remove("purpose") {
        Some(Value::String(purpose)) => Some(purpose),
        _ => None,
    };
    let mut keywords = map.clone();
    // It is a keyword to tell of where it is not the default.
    map.remove("include_archive");
    keywords.remove("include_archive");
    if exclude_archive {
        keywords.insert("exclude_archive".to_owned(), true.into());
    }
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
    Ok(Wanted { search, purpose, exclude_access, exclude_archive, keywords })
}

/// What is wrong with the keywords is wrong usage; with an expression, wrong SQL.
pub(crate) fn wrong(py: Python<'_>, error: QueryError) -> PyErr {
    match error {
        QueryError::Parameter(message) => usage(message),
        other => other.raise(py),
    }
}

pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Starts a search: `form` is `flat` or `nested`.
pub(crate) fn search(
    py: Python<'_>,
    mut ground: Ground,
    trail: &Trail,
    asked: &str,
    form: &str,
) -> PyResult<Query> {
    let form = match form {
        "flat" => Form::Flat,
        "nested" => Form::Nested,
        "brief" => Form::Brief,
        other => return Err(usage(format!("{other:?} is no form"))),
    };
    let (search, asked) = ground.read(py, "search", asked)?;
    let query = Query::plan(py, Statement::Search(ground, search, form))?;
    Ok(query.recorded_when_read(trail.clone(), asked))
}

/// Runs a search to its end: the number of results, the cursor of the last one, and the cost.
pub(crate) fn drain(
    py: Python<'_>,
    mut ground: Ground,
    trail: &Trail,
    asked: &str,
) -> PyResult<Vec<u8>> {
    #[derive(Serialize)]
    struct Drained {
        results: u64,
        cursor: Option<String>,
        condition: String,
        #[serde(flatten)]
        cost: Cost,
    }
    let (search, asked) = ground.read(py, "search", asked)?;
    let looking = access::ask(py, trail, asked)?;
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
    });
    let drained = looking.answered(py, drained, |_| 0)?;
    to_json(py, &drained)
}

/// What the records that meet a filter come to, as JSON: `count`, `summary`, `fields`, or the page
/// of the id after `who:`. `top` is how many values lists show.
pub(crate) fn report(
    py: Python<'_>,
    mut ground: Ground,
    trail: &Trail,
    asked: &str,
    (what, top): (&str, usize),
) -> PyResult<Vec<u8>> {
    let access_type = match what {
        "fields" => "fields",
        other if other.starts_with("who:") => "who",
        _ => "search",
    };
    let (search, asked) = ground.read(py, access_type, asked)?;
    let looking = access::ask(py, trail, asked.filter("report", what))?;
    let report = report_of(py, ground, search.filter, (what, top));
    looking.answered(py, report, |_| 1)
}

fn report_of(
    py: Python<'_>,
    ground: Ground,
    filter: Filter,
    (what, top): (&str, usize),
) -> PyResult<Vec<u8>> {
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
