//! Chains, for Python.

use pyo3::prelude::*;
use sealtrail_core::Error;
use sealtrail_query::QueryError;
use sealtrail_query::chain::{self, RelatedOptions, TraceOptions, TreeStyle};

use crate::errors::{Raise, usage};
use crate::query::Query;
use crate::trail::Trail;
use crate::{access, bridge, search};

/// A chain: its JSON, and the pictures of it.
#[pyclass(frozen, module = "sealtrail._native")]
pub(crate) struct Trace(chain::Trace);

#[pymethods]
impl Trace {
    fn json(&self, py: Python<'_>) -> PyResult<Vec<u8>> {
        let text = self.0.to_json(false).map_err(|error| error.raise(py))?;
        Ok(text.into_bytes())
    }

    fn tree(&self, plain: bool) -> String {
        self.0.to_tree(if plain { TreeStyle::Ascii } else { TreeStyle::Unicode })
    }

    fn mermaid(&self) -> String {
        self.0.to_mermaid()
    }

    fn dot(&self) -> String {
        self.0.to_dot()
    }

    fn html(&self) -> String {
        self.0.to_html()
    }
}

/// What Python gives beside the id.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Wish {
    kind: Option<String>,
    up: bool,
    down: bool,
    depth: Option<usize>,
    max_nodes: usize,
    /// Microseconds since 1970.
    since: Option<i64>,
    until: Option<i64>,
}

fn kind_of(kind: Option<&str>) -> PyResult<Option<chain::Kind>> {
    let kind = kind.map(str::parse::<chain::Kind>).transpose();
    kind.map_err(|error| usage(error.to_string()))
}

/// An ambiguous id is wrong usage, not wrong SQL.
async fn told<T>(work: impl Future<Output = Result<T, QueryError>>) -> Result<T, QueryError> {
    work.await.map_err(|error| match error {
        QueryError::Parameter(message) => QueryError::Core(Error::Usage(message)),
        other => other,
    })
}

/// The chain of an id.
pub(crate) fn trace(
    py: Python<'_>,
    trail: &Trail,
    id: &str,
    wish: Wish,
    purpose: Option<String>,
) -> PyResult<Option<Trace>> {
    let kind = kind_of(wish.kind.as_deref())?;
    let Wish { up, down, depth, max_nodes, since, until, .. } = wish;
    let options = TraceOptions { kind, up, down, depth, max_nodes, since, until };
    let source = trail.source(py)?;
    let question = access::question("trace", source.view.size(), purpose).filter("id", id);
    let looking = access::ask(py, trail.inner(), question)?;
    let found = bridge::wait(py, told(chain::trace(&source, id, &options)));
    let nodes = |found: &Option<chain::Trace>| found.as_ref().map_or(0, |f| f.nodes.len() as u64);
    Ok(looking.answered(py, found, nodes)?.map(Trace))
}

/// The table of a run, and whether something was left out.
pub(crate) fn execution_chain(
    py: Python<'_>,
    trail: &Trail,
    id: &str,
    purpose: Option<String>,
) -> PyResult<Option<(Query, bool)>> {
    let source = trail.source(py)?;
    let question = access::question("trace", source.view.size(), purpose);
    let looking = access::ask(py, trail.inner(), question.filter("execution_id", id))?;
    let found = bridge::wait(py, told(chain::execution_chain(&source, id)));
    let found = looking.answered(py, found, |found| {
        found.as_ref().map_or(0, |(table, _)| table.num_rows() as u64)
    })?;
    Ok(found.map(|(table, cut)| (Query::of(table), cut)))
}

/// What is related to an id, as JSON.
pub(crate) fn related(
    py: Python<'_>,
    trail: &Trail,
    id: &str,
    kind: Option<&str>,
    context: i64,
    limit: usize,
    asked: &str,
) -> PyResult<Option<Vec<u8>>> {
    let kind = kind_of(kind)?;
    let wanted = search::read(py, asked)?;
    let mut source = trail.source(py)?;
    let question = wanted.question("related", source.view.size()).filter("id", id);
    source.view = wanted.view(source.view);
    let options = RelatedOptions { kind, context, limit, filter: wanted.search.filter };
    let looking = access::ask(py, trail.inner(), question)?;
    let found = bridge::wait(py, told(chain::related(&source, id, &options)));
    let events = |found: &Option<chain::Related>| found.as_ref().map_or(0, |f| f.events.len());
    let found = looking.answered(py, found, |found| events(found) as u64)?;
    found.map(|found| crate::trail::to_json(py, &found)).transpose()
}
