//! Results of SQL: computed as they are read, batch by batch.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::array::{ArrayRef, RecordBatch, StructArray};
use arrow::datatypes::{Field, SchemaRef};
use arrow::error::ArrowError;
use futures::{Stream, StreamExt};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyList, PyTuple};
use pyo3_arrow::ffi::{
    ArrayIterator, to_array_pycapsules, to_schema_pycapsule, to_stream_pycapsule,
};
use sealtrail_cli::jobs::read_rows;
use sealtrail_core::access::Question;
use sealtrail_core::trail::Trail;
use sealtrail_query::search::{Form, Search, nested_records};
use sealtrail_query::sequence::{self, SequenceQuery};
use sealtrail_query::{Engine, EngineOptions, Params, QueryError, QueryResult, Scope};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::access::{self, Counts, Looking};
use crate::errors::{Raise, panic_text, usage};
use crate::search::Ground;
use crate::{bridge, values};

type Batches = Pin<Box<dyn Stream<Item = Result<RecordBatch, QueryError>> + Send>>;

/// The process's one engine, so that all queries together keep to one limit of memory.
pub(crate) fn engine(py: Python<'_>) -> PyResult<&'static Engine> {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    if let Some(engine) = ENGINE.get() {
        return Ok(engine);
    }
    let engine = Engine::new(&EngineOptions::default()).map_err(|error| error.raise(py))?;
    Ok(ENGINE.get_or_init(|| engine))
}

/// What is asked, of what.
pub(crate) enum Statement {
    /// In SQL.
    Sql(&'static Engine, Scope, String, Params),
    /// A search.
    Search(Ground, Search, Form),
    /// Sequences, at most so many, with these fields of their events.
    Sequence(Ground, Box<SequenceQuery>, Option<u64>, Vec<String>, Form),
}

impl Statement {
    async fn answer(&self) -> Result<QueryResult, QueryError> {
        match self {
            Self::Sql(engine, scope, text, params) => engine.ask(scope, text, params.clone()).await,
            Self::Sequence(Ground { engine, view, store }, query, limit, fields, form) => {
                let (view, store) = (Arc::clone(view), Arc::clone(store));
                let matches = sequence::search(engine, view, store, query).await?;
                matches.limit(*limit).into_rows(fields, *form).await
            }
            Self::Search(Ground { engine, view, store }, search, form) => {
                let (view, store) = (Arc::clone(view), Arc::clone(store));
                let found = search.run(engine, view, store, *form).await?;
                match form {
                    Form::Nested => nested_records(found.result, &search.fields),
                    Form::Flat | Form::Brief => Ok(found.result),
                }
            }
        }
    }
}

enum Source {
    Statement(Box<Statement>),
    Rows(Vec<RecordBatch>),
    /// A Parquet file.
    File(PathBuf),
}

/// Lets a runtime's thread compute the batches, one ahead of the reader. Not every operator pauses
/// between batches, and the calling thread must be free to look for signals.
fn computed_apart(mut batches: Batches) -> Batches {
    let (sender, receiver) = mpsc::channel(1);
    let task = tokio::spawn(async move {
        while let Some(batch) = batches.next().await {
            if sender.send(batch).await.is_err() {
                return;
            }
        }
    });
    let state = (receiver, Task(Some(task)));
    Box::pin(futures::stream::unfold(state, |(mut receiver, mut task)| async move {
        let batch = match receiver.recv().await {
            Some(batch) => Some(batch),
            None => task.failure().await.map(Err),
        };
        batch.map(|batch| (batch, (receiver, task)))
    }))
}

/// A task that ends with its owner.
struct Task(Option<JoinHandle<()>>);

impl Task {
    /// Why it ended before its work did, if so.
    async fn failure(&mut self) -> Option<QueryError> {
        let panic = self.0.take()?.await.err()?.try_into_panic().ok()?;
        Some(QueryError::Execution(panic_text(&*panic)))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// Who is asked, and what, when a statement is answered once more.
struct Asked {
    questions: Vec<(Trail, Question)>,
    /// The record of the first time.
    first: Mutex<Option<Looking>>,
}

impl Asked {
    fn look(&self, py: Python<'_>) -> PyResult<Looking> {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        first.map_or_else(|| access::ask_all(py, &self.questions), Ok)
    }
}

/// Lets go of the record of a question where the rows end, fail, or are not taken any more.
fn looked_at(batches: Batches, looking: Looking) -> Batches {
    let state = (batches, Some(looking));
    Box::pin(futures::stream::unfold(state, |(mut batches, mut looking)| async move {
        let mut next = batches.next().await;
        match (&next, &mut looking) {
            (Some(Ok(batch)), Some(looking)) => looking.rows().add(batch.num_rows() as u64),
            (Some(Err(error)), Some(looking)) => {
                looking.fail(error.kind());
                // The error of the answer is the one to tell.
                let _ = looking.end(false).await;
            }
            (None, Some(looking)) => {
                // The rows are given; under the policy `required` it must be told all the same.
                next = looking.complete().await.err().map(|error| Err(QueryError::Core(error)));
            }
            (_, None) => {}
        }
        let goes_on = matches!(next, Some(Ok(_)));
        next.map(|batch| (batch, (batches, looking.filter(|_| goes_on))))
    }))
}

/// An answer. Each reading computes it anew, from the same moment of the trail.
#[pyclass(frozen, module = "sealtrail._native")]
pub(crate) struct Query {
    source: Source,
    schema: SchemaRef,
    /// The stream that planning made, for the first reading.
    first: Mutex<Option<Batches>>,
    /// The first rows, and whether there are more.
    head: Mutex<Option<(usize, Vec<RecordBatch>, bool)>>,
    /// Nobody, for rows that were there already.
    asked: Option<Asked>,
}

impl Query {
    /// Plans a question, so that its errors come now.
    pub(crate) fn ask(
        py: Python<'_>,
        engine: &'static Engine,
        scope: Scope,
        text: String,
        params: Params,
    ) -> PyResult<Self> {
        Self::plan(py, Statement::Sql(engine, scope, text, params))
    }

    /// As [`ask`](Self::ask), for any question.
    pub(crate) fn plan(py: Python<'_>, question: Statement) -> PyResult<Self> {
        let result = bridge::wait(py, question.answer())?;
        let schema = Arc::clone(&result.schema);
        let first = Mutex::new(Some(Box::pin(result.batches()) as Batches));
        let source = Source::Statement(Box::new(question));
        Ok(Self { source, schema, first, head: Mutex::default(), asked: None })
    }

    /// Records who asks, each time that the answer is read.
    pub(crate) fn recorded_when_read(mut self, trail: Trail, question: Question) -> Self {
        let questions = vec![(trail, question)];
        self.asked = Some(Asked { questions, first: Mutex::default() });
        self
    }

    /// Records who asks, now and whenever the answer is read again.
    pub(crate) fn recorded(
        mut self,
        py: Python<'_>,
        questions: Vec<(Trail, Question)>,
    ) -> PyResult<Self> {
        let first = Mutex::new(Some(access::ask_all(py, &questions)?));
        self.asked = Some(Asked { questions, first });
        Ok(self)
    }

    /// Rows that are there already.
    pub(crate) fn of(rows: RecordBatch) -> Self {
        let schema = rows.schema();
        let source = Source::Rows(vec![rows]);
        Self { source, schema, first: Mutex::default(), head: Mutex::default(), asked: None }
    }

    /// The rows, and their number as far as they are taken.
    fn counted(&self, py: Python<'_>) -> PyResult<(Batches, Counts)> {
        let Some(asked) = &self.asked else { return Ok((self.batches(py)?, Counts::default())) };
        let looking = asked.look(py)?;
        let rows = looking.rows();
        Ok((looked_at(self.batches(py)?, looking), rows))
    }

    /// The rows of a Parquet file, read as they are asked for.
    pub(crate) fn of_file(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let (schema, _) = read_rows(&path).map_err(|error| error.raise(py))?;
        let source = Source::File(path);
        Ok(Self { source, schema, first: Mutex::default(), head: Mutex::default(), asked: None })
    }

    fn batches(&self, py: Python<'_>) -> PyResult<Batches> {
        let planned = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (planned, &self.source) {
            (Some(planned), _) => {
                bridge::wait(py, async { Ok::<_, QueryError>(computed_apart(planned)) })
            }
            (None, Source::Statement(question)) => bridge::wait(py, async {
                let batches = question.answer().await?.batches();
                Ok::<_, QueryError>(computed_apart(Box::pin(batches)))
            }),
            (None, Source::File(path)) => {
                let (_, rows) = read_rows(path).map_err(|error| error.raise(py))?;
                Ok(Box::pin(futures::stream::iter(rows.map(|rows| rows.map_err(Into::into)))))
            }
            (None, Source::Rows(rows)) => {
                Ok(Box::pin(futures::stream::iter(rows.clone().into_iter().map(Ok))))
            }
        }
    }
}

#[pymethods]
impl Query {
    fn schema(&self) -> Schema {
        Schema(Arc::clone(&self.schema))
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        Ok(to_schema_pycapsule(py, self.schema.as_ref())?)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let reader = Reader { batches: self.counted(py)?.0 };
        stream_capsule(py, &self.schema, reader, requested_schema)
    }

    /// An iterator over the batches.
    fn read(&self, py: Python<'_>) -> PyResult<BatchReader> {
        Ok(BatchReader(Mutex::new(Turn::Free(self.counted(py)?.0))))
    }

    /// All rows, in memory.
    fn collect(&self, py: Python<'_>) -> PyResult<Rows> {
        let (mut batches, _) = self.counted(py)?;
        let all = bridge::wait(py, async {
            let mut all = Vec::new();
            while let Some(batch) = batches.next().await {
                all.push(batch?);
            }
            Ok::<_, QueryError>(all)
        })?;
        Ok(Rows { schema: Arc::clone(&self.schema), batches: all })
    }

    /// The first `count` rows as lists of values, and whether there are more. Kept for the next
    /// call.
    fn head<'py>(&self, py: Python<'py>, count: usize) -> PyResult<(Bound<'py, PyList>, bool)> {
        let kept = self.head.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (batches, more) = match kept {
            Some((kept, batches, more)) if kept == count => (batches, more),
            _ => self.read_head(py, count)?,
        };
        let rows = PyList::empty(py);
        for batch in &batches {
            values::append_rows(py, batch, &rows)?;
        }
        Ok((rows, more))
    }
}

impl Query {
    fn read_head(&self, py: Python<'_>, count: usize) -> PyResult<(Vec<RecordBatch>, bool)> {
        let (mut batches, rows) = self.counted(py)?;
        let (head, more) = bridge::wait(py, async {
            let (mut head, mut left) = (Vec::new(), count);
            while let Some(batch) = batches.next().await {
                let batch = batch?;
                head.push(batch.slice(0, left.min(batch.num_rows())));
                if batch.num_rows() > left {
                    rows.set(count as u64);
                    return Ok((head, true));
                }
                left -= batch.num_rows();
            }
            Ok::<_, QueryError>((head, false))
        })?;
        let mut kept = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some((count, head.clone(), more));
        Ok((head, more))
    }
}

/// The columns of a result.
#[pyclass(frozen, module = "sealtrail._native")]
pub(crate) struct Schema(SchemaRef);

#[pymethods]
impl Schema {
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        Ok(to_schema_pycapsule(py, self.0.as_ref())?)
    }

    /// Names and Arrow types.
    fn columns(&self) -> Vec<(String, String)> {
        let fields = self.0.fields().iter();
        fields.map(|field| (field.name().clone(), field.data_type().to_string())).collect()
    }
}

/// Some rows of a result.
#[pyclass(frozen, module = "sealtrail._native")]
pub(crate) struct Batch(RecordBatch);

#[pymethods]
impl Batch {
    fn __len__(&self) -> usize {
        self.0.num_rows()
    }

    fn schema(&self) -> Schema {
        Schema(self.0.schema())
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        Ok(to_schema_pycapsule(py, self.0.schema().as_ref())?)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let field = Field::new_struct("", self.0.schema().fields().clone(), false);
        let array = StructArray::from(self.0.clone());
        Ok(to_array_pycapsules(py, Arc::new(field), &array, requested_schema)?)
    }

    /// The rows as dictionaries.
    fn to_dicts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let rows = PyList::empty(py);
        values::append_dicts(py, &self.0, &rows)?;
        Ok(rows)
    }
}

/// All rows of a result.
#[pyclass(frozen, module = "sealtrail._native")]
pub(crate) struct Rows {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

#[pymethods]
impl Rows {
    fn __len__(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        Ok(to_schema_pycapsule(py, self.schema.as_ref())?)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let batches = self.batches.clone().into_iter().map(Ok);
        stream_capsule(py, &self.schema, batches, requested_schema)
    }

    /// The rows as dictionaries.
    fn to_dicts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let rows = PyList::empty(py);
        for batch in &self.batches {
            values::append_dicts(py, batch, &rows)?;
        }
        Ok(rows)
    }
}

fn stream_capsule<'py>(
    py: Python<'py>,
    schema: &SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>> + Send + 'static,
    requested_schema: Option<Bound<'py, PyCapsule>>,
) -> PyResult<Bound<'py, PyCapsule>> {
    let field = Field::new_struct("", schema.fields().clone(), false)
        .with_metadata(schema.metadata().clone());
    let arrays = batches.map(|batch| Ok(Arc::new(StructArray::from(batch?)) as ArrayRef));
    let reader = Box::new(ArrayIterator::new(arrays, Arc::new(field)));
    to_stream_pycapsule(py, reader, requested_schema).map_err(PyErr::from)
}

/// Batches for a consumer that speaks Arrow's C interface. It may hold Python's lock or not.
struct Reader {
    batches: Batches,
}

impl Iterator for Reader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = Python::attach(|py| next_batch(py, &mut self.batches));
        batch
            .map_err(|error| {
                // What stopped it must not go on; and the interface's text ends at the first NUL.
                self.batches = Box::pin(futures::stream::empty());
                ArrowError::ExternalError(error.to_string().replace('\0', "\u{fffd}").into())
            })
            .transpose()
    }
}

fn next_batch(py: Python<'_>, batches: &mut Batches) -> PyResult<Option<RecordBatch>> {
    bridge::wait(py, async { batches.next().await.transpose() })
}

enum Turn {
    Free(Batches),
    Taken,
    Over,
}

/// Iterates over the batches of a result.
#[pyclass(frozen, module = "sealtrail._native")]
pub(crate) struct BatchReader(Mutex<Turn>);

impl BatchReader {
    fn set(&self, turn: Turn) -> Turn {
        std::mem::replace(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner), turn)
    }
}

#[pymethods]
impl BatchReader {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Batch>> {
        let mut batches = match self.set(Turn::Taken) {
            Turn::Free(batches) => batches,
            Turn::Taken => return Err(usage("another thread reads from this iterator")),
            Turn::Over => {
                self.set(Turn::Over);
                return Ok(None);
            }
        };
        let next = next_batch(py, &mut batches);
        let over = !matches!(next, Ok(Some(_)));
        self.set(if over { Turn::Over } else { Turn::Free(batches) });
        Ok(next?.map(Batch))
    }
}
