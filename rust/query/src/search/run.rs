//! Running a search.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::DataFusionError;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStore;
use sealtrail_core::columns::LogicalColumn;
use sealtrail_core::trail::ReadView;
use serde::{Deserialize, Serialize};

use crate::engine::{Engine, QueryResult};
use crate::error::{QueryError, Result};
use crate::scope::Scope;
use crate::search::explain::{Cost, cost};
use crate::search::order::{KEY, Keys, Order};
use crate::search::pick::{Form, select};
use crate::search::slices::slices;
use crate::search::{Filter, Window};
use crate::sql::Params;

/// A search: what is searched for, in which order, how much of it, and which fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Search {
    /// What is searched for.
    pub filter: Filter,
    /// The order of the results. By time, the earliest first, if empty.
    pub order: Vec<Order>,
    /// The order turned round; fields that are missing still come last.
    pub reverse: bool,
    /// At most so many results.
    pub limit: Option<u64>,
    /// Go on after the result that this was the cursor of.
    pub cursor: Option<String>,
    /// The fields of each result, dotted paths or columns of `events`. The whole record if empty.
    pub fields: Vec<String>,
}

/// The answer to a search.
pub struct Found {
    /// The results. Nested ones have a column of JSON text for each field, or the one column
    /// `event`.
    pub result: QueryResult,
    progress: Arc<Mutex<Progress>>,
}

impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Found").field("result", &self.result).finish_non_exhaustive()
    }
}

/// What is known of a search under way.
#[derive(Debug, Clone)]
pub struct Reached(Arc<Mutex<Progress>>);

#[derive(Debug, Default)]
struct Progress {
    cursor: Option<String>,
    /// The plans that ran.
    plans: Vec<Arc<dyn ExecutionPlan>>,
}

impl Reached {
    /// The cursor of the last result that was read; `None` before the first.
    pub fn cursor(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).cursor.clone()
    }

    /// What has been read of which segments.
    pub fn cost(&self, view: &ReadView) -> Cost {
        cost(view, &self.0.lock().unwrap_or_else(PoisonError::into_inner).plans)
    }
}

impl Found {
    /// Tells how far the search has come, also after its results were taken.
    pub fn reached(&self) -> Reached {
        Reached(Arc::clone(&self.progress))
    }
}

/// One moment of a trail, and what reads it.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) engine: Engine,
    pub(crate) view: Arc<ReadView>,
    pub(crate) store: Arc<dyn ObjectStore>,
}

impl Place {
    pub(crate) async fn sql(&self, sql: &str) -> Result<QueryResult> {
        let scope = Scope::of(Arc::clone(&self.view), Arc::clone(&self.store));
        self.engine.ask_eagerly(&scope, sql, Params::None).await.map_err(without_place)
    }
}

/// Nobody wrote the statement, so a place in it tells nobody anything.
fn without_place(error: QueryError) -> QueryError {
    match error {
        QueryError::Sql(mut problem) => {
            problem.line = 0;
            QueryError::Sql(problem)
        }
        other => other,
    }
}

impl Search {
    /// A search for what meets a filter, by time.
    pub fn new(filter: Filter) -> Self {
        Self { filter, ..Self::default() }
    }

    /// Whether all of it means something.
    ///
    /// # Errors
    /// As [`run`](Self::run), for what needs no trail.
    pub fn check(&self) -> Result<()> {
        self.plan(&[], Form::Nested).map(drop)
    }

    /// The statement of which the results are the answer, with the keys of the order at the end.
    fn plan(&self, columns: &[LogicalColumn], form: Form) -> Result<Plan> {
        let keys = Keys::new(&self.order, self.reverse)?;
        let mut condition = self.filter.condition()?;
        if let Some(cursor) = &self.cursor {
            condition = format!("{condition} AND {}", keys.after(cursor)?);
        }
        let select = select(&self.fields, columns, form)?;
        Ok(Plan { keys, condition, select })
    }

    /// Starts the search. Results in the order of time come as they are found; any other order
    /// needs all of them first, or the best ones where there is a limit.
    ///
    /// # Errors
    /// `Parameter` or `Sql` for what means nothing; what [`Engine::sql`] fails with.
    pub async fn run(
        &self,
        engine: &Engine,
        view: Arc<ReadView>,
        store: Arc<dyn ObjectStore>,
        form: Form,
    ) -> Result<Found> {
        let plan = self.plan(view.columns(), form)?;
        let window = self.filter.window;
        let windows = match plan.keys.by_time() {
            Some(descending) => slices(view.segments(), window, descending),
            None => vec![window],
        };
        let place = Place { engine: engine.clone(), view, store };
        let progress = Arc::new(Mutex::new(Progress::default()));
        let mut walk = Walk {
            place,
            plan,
            windows: windows.into(),
            left: self.limit,
            progress: Arc::clone(&progress),
        };
        // Planning the first slice tells the schema, and what is wrong.
        let first = walk.open().await?;
        let keys = walk.plan.keys.len();
        let full = first.as_ref().map_or_else(|| Arc::new(Schema::empty()), |f| Arc::clone(&f.0));
        let shown: Vec<usize> = (0..full.fields().len().saturating_sub(keys)).collect();
        let schema: SchemaRef =
            Arc::new(full.project(&shown).map_err(|e| QueryError::Execution(e.to_string()))?);
        let batches = futures::stream::try_unfold((walk, first), Walk::next);
        let batches = batches.map_err(|error| DataFusionError::External(Box::new(error)));
        let stream = Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&schema), batches));
        Ok(Found { result: QueryResult { schema, stream, plan: None }, progress })
    }
}

struct Plan {
    keys: Keys,
    condition: String,
    select: String,
}

impl Plan {
    fn sql(&self, columns: &str, window: Window, limit: Option<u64>) -> Result<String> {
        let within = Filter { window, ..Filter::default() }.condition()?;
        let limit = limit.map_or_else(String::new, |limit| format!(" LIMIT {limit}"));
        Ok(format!(
            "SELECT {columns} FROM events WHERE {within} AND {} ORDER BY {}{limit}",
            self.condition,
            self.keys.order_by()
        ))
    }
}

type Batches = BoxStream<'static, Result<RecordBatch>>;
type Slice = (SchemaRef, Batches);

/// A search on its way through the slices.
struct Walk {
    place: Place,
    plan: Plan,
    windows: std::collections::VecDeque<Window>,
    left: Option<u64>,
    progress: Arc<Mutex<Progress>>,
}

/// Up to so many results, those of a slice are found by their keys before they are read.
const FEW: u64 = 50_000;

impl Walk {
    /// Opens the next slice; `None` after the last.
    async fn open(&mut self) -> Result<Option<Slice>> {
        let Some(window) = self.windows.pop_front() else { return Ok(None) };
        let keys = self.plan.keys.columns();
        let all = format!("{}, {keys}", self.plan.select);
        let narrow = match self.left {
            Some(limit) if (1..=FEW).contains(&limit) && self.plan.keys.by_time().is_some() => {
                let sql = self.plan.sql(&keys, window, Some(limit))?;
                Some(times(&self.ask(&sql).await?.collect().await?))
            }
            _ => None,
        };
        // Where nothing was found, the statement still tells the schema.
        let (window, limit) = match narrow {
            Some(Some(window)) => (window, self.left),
            Some(None) => (window, Some(0)),
            None => (window, self.left),
        };
        let result = self.ask(&self.plan.sql(&all, window, limit)?).await?;
        Ok(Some((Arc::clone(&result.schema), result.batches().boxed())))
    }

    async fn ask(&self, sql: &str) -> Result<QueryResult> {
        let result = self.place.sql(sql).await?;
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.plans.extend(result.plan.clone());
        drop(progress);
        Ok(result)
    }

    /// The next batch without its keys.
    async fn next(
        (mut walk, mut open): (Self, Option<Slice>),
    ) -> Result<Option<(RecordBatch, (Self, Option<Slice>))>> {
        while let Some((_, batches)) = &mut open {
            match batches.next().await.transpose()? {
                Some(batch) if batch.num_rows() > 0 => {
                    let batch = walk.take(&batch)?;
                    return Ok(Some((batch, (walk, open))));
                }
                Some(_) => {}
                None if walk.left == Some(0) => open = None,
                None => open = walk.open().await?,
            }
        }
        Ok(None)
    }

    fn take(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let rows = batch.num_rows();
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(rows as u64);
        }
        let cursor = self.plan.keys.cursor(batch, rows - 1)?;
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).cursor = Some(cursor);
        let shown: Vec<usize> = (0..batch.num_columns() - self.plan.keys.len()).collect();
        batch.project(&shown).map_err(|error| QueryError::Execution(error.to_string()))
    }
}

/// From the earliest to the latest of these keys, of which the first is the time.
fn times(batches: &[RecordBatch]) -> Option<Window> {
    use arrow::array::AsArray;
    use arrow::datatypes::TimestampMicrosecondType;

    let schema = batches.first()?.schema();
    let all = concat_batches(&schema, batches).ok()?;
    let times = all.column_by_name(&format!("{KEY}0"))?;
    let times = times.as_primitive_opt::<TimestampMicrosecondType>()?;
    let since = arrow::compute::min(times)?;
    let until = arrow::compute::max(times)?.saturating_add(1);
    Some(Window { since: Some(since), until: Some(until) })
}
