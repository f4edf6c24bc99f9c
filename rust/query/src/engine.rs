//! Running statements.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::catalog::{
    CatalogProvider, MemoryCatalogProvider, MemoryCatalogProviderList, MemorySchemaProvider,
    SchemaProvider,
};
use datafusion::common::DataFusionError;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::datasource::{TableProvider, ViewTable, provider_as_source};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::execution::{FunctionRegistry, SendableRecordBatchStream};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, col, lit};
use datafusion::physical_plan::common::spawn_buffered;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::unnest::UnnestExec;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::{SQLOptions, SessionConfig};
use futures::{Stream, StreamExt, TryStreamExt};
use object_store::ObjectStore;
use sealtrail_core::access::{EVENT_TYPE, Rows};
use sealtrail_core::query_runtime;
use sealtrail_core::trail::ReadView;
use tokio::runtime::Runtime;

use crate::error::{QueryError, Result};
use crate::functions::{JsonOperators, JsonRewriter, all};
use crate::ordered::OrderedSegments;
use crate::plain::plain_stream;
use crate::provider::{Kept, TrailTable, Unflushed};
use crate::reader::{FooterCache, SegmentReaderFactory};
use crate::routed::routed;
use crate::scope::{Scope, ScopedTrail, Stores};
use crate::shape::Shape;
use crate::sql::{self, Params, Parsed, Wanted};
use crate::table::EventsTable;
use crate::trails::TrailsTable;
use crate::unsealed::{self, Vaults, unsealed_stream};
use crate::values::ValueCache;
use crate::{place, views};

/// Batches of a result that may wait to be taken.
const BATCHES_AHEAD: usize = 2;
const CATALOG: &str = "trail";
const SCHEMA: &str = "main";

/// How an engine uses the machine.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Bytes that running queries may hold for sorting, grouping and joining, together; beyond
    /// that they spill to temporary files. Default 1 GiB.
    pub memory_limit: usize,
    /// Parts of a query that run in parallel. Default: the processors of the machine.
    pub target_partitions: usize,
    /// Bytes of segment footers and page indexes kept between queries, for each trail. Default
    /// 64 MiB.
    pub footer_cache: usize,
    /// Bytes of what is known of the values in segments, for each trail: which of them can hold
    /// an id. Default 64 MiB.
    pub value_cache: usize,
    /// Where to spill, for work that must end however large it is: sorts then take longer, and
    /// less memory. Default: the system's folder for temporary files.
    pub spill_folder: Option<PathBuf>,
    /// Bytes that running queries may spill, together. Default 100 GiB.
    pub spill_limit: u64,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            memory_limit: 1 << 30,
            target_partitions: std::thread::available_parallelism().map_or(2, usize::from),
            footer_cache: 64 << 20,
            value_cache: 64 << 20,
            spill_folder: None,
            spill_limit: 100 << 30,
        }
    }
}

/// Answers SQL over trails. Clones share what is kept between queries: footers.
#[derive(Clone)]
pub struct Engine {
    state: Arc<SessionState>,
    footer_cache: usize,
    value_cache: usize,
    trails: Arc<Mutex<Vec<KnownTrail>>>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

/// What is kept for a trail as long as its store lives.
struct KnownTrail {
    store: Weak<dyn ObjectStore>,
    footers: Arc<FooterCache>,
    values: Arc<ValueCache>,
    /// The columns of the view that was asked last.
    shape: Arc<Shape>,
    /// The unflushed rows of the view that was asked last.
    last: Option<(Weak<ReadView>, Arc<Unflushed>)>,
}

/// The answer to a statement. Dropping it (or its stream) stops the work.
pub struct QueryResult {
    /// The columns of every batch.
    pub schema: SchemaRef,
    /// The batches, computed as they are asked for. [`QueryResult::batches`] gives the same with
    /// errors of this crate.
    pub stream: SendableRecordBatchStream,
    /// What computes it, with its figures.
    pub(crate) plan: Option<Arc<dyn ExecutionPlan>>,
}

impl std::fmt::Debug for QueryResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueryResult").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl QueryResult {
    /// The batches with errors of this crate.
    pub fn batches(self) -> impl Stream<Item = Result<RecordBatch>> + Send {
        self.stream.map(|batch| batch.map_err(|error| QueryError::running(&error)))
    }

    /// The same, counting the rows as they are taken.
    #[must_use]
    pub fn counted(self, rows: Rows) -> Self {
        let counting = self.stream.inspect_ok(move |batch| rows.add(batch.num_rows() as u64));
        let stream = RecordBatchStreamAdapter::new(Arc::clone(&self.schema), counting);
        Self { stream: Box::pin(stream), ..self }
    }

    /// All batches.
    ///
    /// # Errors
    /// The first error of the stream.
    pub async fn collect(self) -> Result<Vec<RecordBatch>> {
        let mut batches = std::pin::pin!(self.batches());
        let mut all = Vec::new();
        while let Some(batch) = batches.next().await {
            all.push(batch?);
        }
        Ok(all)
    }
}

impl Engine {
    /// An engine with these options.
    ///
    /// # Errors
    /// `Execution` if the folder for temporary files cannot be used.
    pub fn new(options: &EngineOptions) -> Result<Self> {
        let most = std::num::NonZeroUsize::new(3).unwrap_or(std::num::NonZeroUsize::MIN);
        let pool = TrackConsumersPool::new(FairSpillPool::new(options.memory_limit), most);
        let mode = match &options.spill_folder {
            Some(folder) => DiskManagerMode::Directories(vec![folder.clone()]),
            None => DiskManagerMode::OsTmpDirectory,
        };
        let disk = DiskManagerBuilder::default()
            .with_mode(mode)
            .with_max_temp_directory_size(options.spill_limit);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(pool))
            .with_disk_manager_builder(disk)
            .build_arc()
            .map_err(|error| QueryError::running(&error))?;
        let mut state = SessionStateBuilder::new()
            .with_config(config(options))
            .with_runtime_env(runtime)
            .with_default_features()
            .with_physical_optimizer_rule(Arc::new(OrderedSegments))
            .build();
        register(&mut state).map_err(|error| QueryError::running(&error))?;
        Ok(Self {
            state: Arc::new(state),
            footer_cache: options.footer_cache,
            value_cache: options.value_cache,
            trails: Arc::default(),
        })
    }

    /// As [`ask`](Self::ask) of one trail: as `view` shows it; `store` is rooted at the trail.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub async fn sql(
        &self,
        view: Arc<ReadView>,
        store: Arc<dyn ObjectStore>,
        sql: &str,
        params: Params,
    ) -> Result<QueryResult> {
        self.ask(&Scope::of(view, store), sql, params).await
    }

    /// Answers one statement over what is in `scope`. Runs on the caller's tokio runtime.
    ///
    /// # Errors
    /// `Sql` (with the place in the text), `ReadOnly`, `Parameter`, `Resources`, `Execution`.
    pub async fn ask(&self, scope: &Scope, sql: &str, params: Params) -> Result<QueryResult> {
        self.answer(scope, sql, params, false).await
    }

    /// As [`ask`](Self::ask), with all filters tested while decoding: for few rows of which much
    /// is wanted.
    pub(crate) async fn ask_eagerly(
        &self,
        scope: &Scope,
        sql: &str,
        params: Params,
    ) -> Result<QueryResult> {
        self.answer(scope, sql, params, true).await
    }

    async fn answer(
        &self,
        scope: &Scope,
        sql: &str,
        params: Params,
        eager: bool,
    ) -> Result<QueryResult> {
        let parsed = sql::parse(sql)?;
        let values = sql::bind(&parsed, params)?;
        let mut state = self.session(scope).map_err(|error| QueryError::running(&error))?;
        state.config_mut().options_mut().execution.parquet.pushdown_filters |= eager;
        let failed = |error: DataFusionError| place::planning(sql, &parsed.tokens, &error);
        let records = self.records(scope).map_err(failed)?;
        let columns = records.schema();
        let schema = catalog(&state, scope, records).map_err(failed)?;
        state.mark_start_execution();
        let mut plan = logical_plan(&state, &schema, &columns, &parsed).await.map_err(failed)?;
        let options = SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false);
        options.verify_plan(&plan).map_err(|_| sql::refused_plan(sql, &parsed))?;
        if let Some(values) = values {
            plan = plan.with_param_values(values).map_err(failed)?;
        }
        let physical = state.create_physical_plan(&plan).await.map_err(failed)?;
        let physical = interruptible(physical).map_err(failed)?;
        let plan = Some(Arc::clone(&physical));
        let threads = query_runtime()?;
        let stream = {
            let _there = threads.enter();
            execute_stream(physical, state.task_ctx()).map_err(failed)?
        };
        let stream = plain_stream(in_a_task(stream, threads));
        let stream = unsealed_stream(stream, &Vaults::of(scope));
        Ok(QueryResult { schema: stream.schema(), stream, plan })
    }

    /// The `events` of a scope as a table for another DataFusion.
    ///
    /// # Errors
    /// `Execution`.
    pub async fn events_table(&self, scope: &Scope) -> Result<Arc<EventsTable>> {
        let failed = |error: DataFusionError| QueryError::running(&error);
        let parsed = sql::parse("SELECT * FROM events")?;
        let state = self.session(scope).map_err(failed)?;
        let records = self.records(scope).map_err(failed)?;
        let columns = records.schema();
        let schema = catalog(&state, scope, records).map_err(failed)?;
        let plan = logical_plan(&state, &schema, &columns, &parsed).await.map_err(failed)?;
        Ok(Arc::new(EventsTable::new(state, plan)))
    }

    /// The table of all records in a scope.
    fn records(&self, scope: &Scope) -> datafusion::common::Result<Arc<dyn TableProvider>> {
        if let [only] = scope.trails.as_slice() {
            let kept = self.kept(only);
            let shape = Arc::clone(&kept.own);
            return Ok(Arc::new(TrailTable::new(Arc::clone(&only.view), shape, 0, kept)));
        }
        let shape = Arc::new(Shape::new(&scope.columns()));
        let tables = scope.trails.iter().enumerate().map(|(number, trail)| {
            let (view, kept) = (Arc::clone(&trail.view), self.kept(trail));
            (trail.name.clone(), TrailTable::new(view, Arc::clone(&shape), number, kept))
        });
        Ok(Arc::new(TrailsTable::new(tables.collect(), &shape)))
    }

    /// What is kept of a trail from earlier statements.
    fn kept(&self, trail: &ScopedTrail) -> Kept {
        let ScopedTrail { view, store, .. } = trail;
        let mut trails = self.trails.lock().unwrap_or_else(PoisonError::into_inner);
        trails.retain(|trail| trail.store.strong_count() > 0);
        let weak = Arc::downgrade(store);
        let index =
            trails.iter().position(|trail| trail.store.ptr_eq(&weak)).unwrap_or_else(|| {
                let footers = Arc::new(FooterCache::new(self.footer_cache));
                let values = Arc::new(ValueCache::new(self.value_cache));
                let shape = Arc::new(Shape::new(view.columns()));
                trails.push(KnownTrail { store: weak, footers, values, shape, last: None });
                trails.len() - 1
            });
        let trail = &mut trails[index];
        if !trail.shape.is_of(view.columns()) {
            trail.shape = Arc::new(Shape::new(view.columns()));
        }
        let asked = Arc::downgrade(view);
        let unflushed = match &trail.last {
            Some((known, rows)) if known.ptr_eq(&asked) => Arc::clone(rows),
            _ => Arc::default(),
        };
        trail.last = Some((asked, Arc::clone(&unflushed)));
        Kept {
            own: Arc::clone(&trail.shape),
            readers: SegmentReaderFactory::new(
                routed(view, store),
                view.keys.clone(),
                Arc::clone(&trail.footers),
            ),
            values: Arc::clone(&trail.values),
            unflushed,
        }
    }

    /// A session of its own that can read the stores of `scope` and nothing else.
    fn session(&self, scope: &Scope) -> datafusion::common::Result<SessionState> {
        let shared = self.state.runtime_env();
        let runtime = RuntimeEnv {
            memory_pool: Arc::clone(&shared.memory_pool),
            disk_manager: Arc::clone(&shared.disk_manager),
            cache_manager: Arc::clone(&shared.cache_manager),
            object_store_registry: Arc::new(Stores::of(scope)),
            parquet_encryption_factory_registry: Arc::default(),
        };
        let mut state = SessionStateBuilder::new_from_existing(self.state.as_ref().clone())
            .with_catalog_list(Arc::new(MemoryCatalogProviderList::new()))
            .with_runtime_env(Arc::new(runtime))
            .build();
        for function in unsealed::functions(&Vaults::of(scope)) {
            state.register_udf(function)?;
        }
        Ok(state)
    }
}

fn register(state: &mut SessionState) -> datafusion::common::Result<()> {
    for function in all() {
        state.register_udf(function)?;
    }
    state.register_expr_planner(Arc::new(JsonOperators))?;
    state.register_function_rewrite(Arc::new(JsonRewriter))
}

fn config(options: &EngineOptions) -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_target_partitions(options.target_partitions.max(1))
        .with_default_catalog_and_schema(CATALOG, SCHEMA)
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(true);
    let settings = config.options_mut();
    settings.sql_parser.collect_spans = true;
    // Times are in UTC throughout; `now()` too, so that comparing needs no cast of the column.
    settings.execution.time_zone = Some("UTC".to_owned());
    settings.execution.parquet.reorder_filters = true;
    // What sorts set aside for merging must leave room for sorting where memory is small.
    let reserve = options.memory_limit / options.target_partitions.max(1) / 8;
    settings.execution.sort_spill_reservation_bytes =
        reserve.min(settings.execution.sort_spill_reservation_bytes);
    if options.spill_folder.is_some() {
        // To merge what it sorted batch by batch a sort may need more than it has left; to sort
        // all that it holds at once is slower, and always goes well before it spills.
        settings.execution.sort_in_place_threshold_bytes = options.memory_limit;
    }
    config
}

/// The catalog of one session with the table of all records (or all but those of who looked)
/// and the caller's tables.
fn catalog(
    state: &SessionState,
    scope: &Scope,
    mut records: Arc<dyn TableProvider>,
) -> datafusion::common::Result<Arc<MemorySchemaProvider>> {
    let schema = Arc::new(MemorySchemaProvider::new());
    if scope.excludes_access() {
        let of_events = col("event_type").not_eq(lit(EVENT_TYPE));
        let plan = LogicalPlanBuilder::scan(views::RECORDS, provider_as_source(records), None)?
            .filter(of_events)?
            .build()?;
        records = Arc::new(ViewTable::new(plan, None));
    }
    schema.register_table(views::RECORDS.to_owned(), records)?;
    for (name, table) in &scope.tables {
        schema.register_table(name.clone(), Arc::clone(table))?;
    }
    let catalog = MemoryCatalogProvider::new();
    catalog.register_schema(SCHEMA, Arc::clone(&schema) as _)?;
    state.catalog_list().register_catalog(CATALOG.to_owned(), Arc::new(catalog));
    Ok(schema)
}

/// Plans a statement over views that have only the columns which it may mean. An error is that of
/// the whole views: it may list the columns.
async fn logical_plan(
    state: &SessionState,
    schema: &MemorySchemaProvider,
    columns: &SchemaRef,
    parsed: &Parsed,
) -> datafusion::common::Result<LogicalPlan> {
    let wanted = parsed.wanted();
    if wanted != Wanted::All {
        register_views(state, schema, columns, parsed, &wanted).await?;
        if let Ok(plan) = state.statement_to_plan(parsed.statement.clone()).await {
            return Ok(plan);
        }
    }
    register_views(state, schema, columns, parsed, &Wanted::All).await?;
    state.statement_to_plan(parsed.statement.clone()).await
}

/// Runs a stream in a task of its own, on threads of its own, from when it is first asked: a join may
/// compute for a minute without a pause, and whoever waits must be able to go away meanwhile.
fn in_a_task(
    stream: SendableRecordBatchStream,
    threads: &'static Runtime,
) -> SendableRecordBatchStream {
    let schema = stream.schema();
    let running = futures::stream::once(async move {
        let _there = threads.enter();
        spawn_buffered(stream, BATCHES_AHEAD)
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, running.flatten()))
}

/// Lets the work be stopped between any two batches of an operator that makes more rows than it
/// reads; the others pause where they read.
fn interruptible(
    plan: Arc<dyn ExecutionPlan>,
) -> datafusion::common::Result<Arc<dyn ExecutionPlan>> {
    let pausing = plan.transform_up(|node| {
        let multiplies = node.children().len() > 1 || node.is::<UnnestExec>();
        Ok(if multiplies {
            Transformed::yes(Arc::new(CooperativeExec::new(node)) as _)
        } else {
            Transformed::no(node)
        })
    })?;
    Ok(pausing.data)
}

/// Adds the views that the statement names (all of them if it lists tables).
async fn register_views(
    state: &SessionState,
    schema: &MemorySchemaProvider,
    columns: &SchemaRef,
    parsed: &Parsed,
    wanted: &Wanted,
) -> datafusion::common::Result<()> {
    let references = state.resolve_table_references(&parsed.statement)?;
    let named = |name: &str| references.iter().any(|reference| reference.table() == name);
    let lists = references.iter().any(|reference| reference.schema() == Some("information_schema"))
        || !matches!(parsed.kind(), sql::Kind::Query);
    let on_events = views::NAMES.iter().any(|name| name.ends_with("_events") && named(name));
    for name in views::NAMES {
        if (lists || named(name) || name == "events" && on_events)
            && let Some(definition) = views::definition(name, columns, wanted)
        {
            let view = sql::parse(&definition)
                .map_err(|error| DataFusionError::External(Box::new(error)))?;
            let plan = state.statement_to_plan(view.statement).await?;
            schema.deregister_table(name)?;
            schema.register_table(
                name.to_owned(),
                Arc::new(ViewTable::new(plan, Some(definition))),
            )?;
        }
    }
    Ok(())
}
