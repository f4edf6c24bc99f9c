//! The events as a table for another DataFusion, across a library boundary too.
//!
//! The other side plans and runs queries of its own over it. What it asks of this table is
//! planned and run with this side's functions, stores and limits of memory.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result};
use datafusion::datasource::{TableProvider, TableType};
use datafusion::execution::{
    SendableRecordBatchStream, SessionState, TaskContext, TaskContextProvider,
};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    Expr, LogicalPlan, LogicalPlanBuilder, TableProviderFilterPushDown,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use datafusion_ffi::table_provider::FFI_TableProvider;
use tokio::runtime::Handle;

/// The `events` of a scope.
#[derive(Debug)]
pub struct EventsTable {
    state: SessionState,
    plan: LogicalPlan,
    schema: SchemaRef,
}

impl EventsTable {
    pub(crate) fn new(state: SessionState, plan: LogicalPlan) -> Self {
        let schema = Arc::new(plan.schema().as_arrow().clone());
        Self { state, plan, schema }
    }

    /// The columns of every row.
    pub fn columns(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The table in the form that a DataFusion in another library takes; its work is done on
    /// `runtime`.
    pub fn ffi(self: Arc<Self>, runtime: Handle) -> FFI_TableProvider {
        // The interface holds the context weakly and the table strongly: the table is both.
        let context = Arc::clone(&self) as Arc<dyn TaskContextProvider>;
        FFI_TableProvider::new(self, true, Some(runtime), &context, None)
    }
}

impl TaskContextProvider for EventsTable {
    fn task_ctx(&self) -> Arc<TaskContext> {
        self.state.task_ctx()
    }
}

#[async_trait]
impl TableProvider for EventsTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Exact; filters.len()])
    }

    async fn scan(
        &self,
        _session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut plan = LogicalPlanBuilder::from(self.plan.clone());
        let filters = filters.iter().map(|filter| unqualified(filter.clone()));
        if let Some(filter) = conjunction(filters.collect::<Result<Vec<_>>>()?) {
            plan = plan.filter(filter)?;
        }
        if let Some(projection) = projection {
            let names = projection.iter().map(|index| self.schema.field(*index).name());
            plan = plan.project(names.map(|name| Expr::Column(Column::from_name(name))))?;
        }
        if limit.is_some() {
            plan = plan.limit(0, limit)?;
        }
        let inner = self.state.create_physical_plan(&plan.build()?).await?;
        Ok(Arc::new(OwnContext { inner, context: self.state.task_ctx() }))
    }
}

/// The other side knows the table by a name of its own.
fn unqualified(filter: Expr) -> Result<Expr> {
    filter
        .transform(|expr| {
            Ok(match expr {
                Expr::Column(column) => {
                    Transformed::yes(Expr::Column(Column::from_name(column.name)))
                }
                other => Transformed::no(other),
            })
        })
        .data()
}

/// Runs a plan with the stores and the memory of the side that made it.
#[derive(Debug)]
struct OwnContext {
    inner: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
}

impl DisplayAs for OwnContext {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealtrailEvents")
    }
}

impl ExecutionPlan for OwnContext {
    fn name(&self) -> &'static str {
        "SealtrailEvents"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.inner.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.inner.apply_expressions(visit)
    }

    fn with_new_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.inner.execute(partition, Arc::clone(&self.context))
    }
}
