//! What a question reads: trails, each at a moment, and tables that the caller brings.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyString};
use pyo3_arrow::PyRecordBatchReader;
use pyo3_arrow::ffi::to_schema_pycapsule;
use sealtrail_core::access::Question;
use sealtrail_core::trail;
use sealtrail_query::{CallersTable, EventsTable, Scope};

use crate::errors::Raise;
use crate::params;
use crate::query::{Query, engine};
use crate::trail::Trail;
use crate::{access, bridge, query};

/// The caller's tables by name.
#[derive(Default)]
pub(crate) struct Tables(Mutex<BTreeMap<String, CallersTable>>);

impl Tables {
    /// Adds or replaces a table: a file, or anything that gives an Arrow stream.
    pub(crate) fn register(&self, name: &str, source: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = source.py();
        let table = if let Ok(path) = source.extract::<PathBuf>() {
            py.detach(|| CallersTable::read(&path))
        } else {
            if !source.hasattr("__arrow_c_stream__")? {
                return Err(PyTypeError::new_err("a path or an Arrow stream is wanted"));
            }
            let reader = source.extract::<PyRecordBatchReader>()?.into_reader()?;
            let schema = reader.schema();
            let rows = py.detach(|| reader.collect::<Result<Vec<RecordBatch>, ArrowError>>());
            let rows = rows.map_err(|error| crate::errors::usage(error.to_string()))?;
            CallersTable::new(schema, rows)
        };
        let table = table.map_err(|error| error.raise(py))?;
        let scope = Scope::of_all(Vec::new()).with_table(name, &table);
        scope.map_err(|error| error.raise(py))?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), table);
        Ok(())
    }

    /// Removes a table, and says whether there was one.
    pub(crate) fn unregister(&self, name: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name).is_some()
    }

    /// The scope with these tables.
    pub(crate) fn add_to(&self, py: Python<'_>, mut scope: Scope) -> PyResult<Scope> {
        for (name, table) in &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            scope = scope.with_table(name, table).map_err(|error| error.raise(py))?;
        }
        Ok(scope)
    }
}

/// Several trails as one, each with its name, and tables for all of them.
#[pyclass(frozen, module = "sealtrail._native")]
pub(crate) struct Trails {
    trails: Vec<(String, Py<Trail>)>,
    tables: Tables,
}

#[pymethods]
impl Trails {
    #[new]
    fn new(trails: Vec<(String, Py<Trail>)>) -> Self {
        Self { trails, tables: Tables::default() }
    }

    fn register(&self, name: &str, source: &Bound<'_, PyAny>) -> PyResult<()> {
        self.tables.register(name, source)
    }

    fn unregister(&self, name: &str) -> bool {
        self.tables.unregister(name)
    }

    #[pyo3(signature = (query, params, purpose, exclude_access, include_archive))]
    fn sql(
        &self,
        query: &Bound<'_, PyString>,
        params: &Bound<'_, PyAny>,
        purpose: Option<String>,
        exclude_access: bool,
        include_archive: bool,
    ) -> PyResult<Query> {
        let py = query.py();
        let text = query.to_str()?.to_owned();
        let params = params::params(params)?;
        let scope = self.scope(py)?.excluding_access(exclude_access);
        let scope = scope.excluding_archive(!include_archive);
        let question = access::question("sql", 0, purpose)
            .query(text.clone())
            .filter("params", params::shown(&params))
            .filter("exclude_archive", (!include_archive).then_some(true));
        let questions = self.questions(&scope, &question);
        Query::ask(py, engine(py)?, scope, text, params)?.recorded(py, questions)
    }

    #[pyo3(signature = (purpose))]
    fn table(&self, py: Python<'_>, purpose: Option<String>) -> PyResult<Table> {
        let scope = self.scope(py)?;
        let questions = self.questions(&scope, &access::question("table", 0, purpose));
        let looking = access::ask_all(py, &questions)?;
        looking.answered(py, Table::of(py, &scope), |_| 0)
    }
}

impl Trails {
    /// A question, as each trail has it.
    fn questions(&self, scope: &Scope, question: &Question) -> Vec<(trail::Trail, Question)> {
        let all = self.trails.iter().zip(scope.sizes());
        all.map(|((name, trail), ledger_size)| {
            let question = Question { ledger_size, ..question.clone() };
            (trail.get().inner().clone(), question.filter("trail", name.clone()))
        })
        .collect()
    }

    fn scope(&self, py: Python<'_>) -> PyResult<Scope> {
        let mut trails = Vec::with_capacity(self.trails.len());
        for (name, trail) in &self.trails {
            trails.push(trail.get().moment(py, name.clone(), None)?);
        }
        self.tables.add_to(py, Scope::of_all(trails))
    }
}

/// The events as they are now, for another DataFusion.
#[pyclass(frozen, module = "sealtrail._native")]
pub(crate) struct Table(Arc<EventsTable>);

impl Table {
    pub(crate) fn of(py: Python<'_>, scope: &Scope) -> PyResult<Self> {
        Ok(Self(bridge::wait(py, query::engine(py)?.events_table(scope))?))
    }
}

#[pymethods]
impl Table {
    /// For `datafusion.SessionContext.register_table`.
    #[pyo3(signature = (_session=None))]
    fn __datafusion_table_provider__<'py>(
        &self,
        py: Python<'py>,
        _session: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let provider = Arc::clone(&self.0).ffi(bridge::handle()?);
        PyCapsule::new_with_value(py, provider, c"datafusion_table_provider")
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        Ok(to_schema_pycapsule(py, self.0.columns().as_ref())?)
    }

    /// Names and Arrow types.
    fn columns(&self) -> Vec<(String, String)> {
        let columns = self.0.columns();
        let fields = columns.fields().iter();
        fields.map(|field| (field.name().clone(), field.data_type().to_string())).collect()
    }
}
