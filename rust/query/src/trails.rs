//! Several trails as one table.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::{Result, ScalarValue};
use datafusion::datasource::{TableProvider, TableType};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_expr::expressions::{Column, lit};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion::physical_plan::union::UnionExec;

use crate::provider::TrailTable;
use crate::shape::Shape;

/// The column with the name of the trail.
const TRAIL: &str = "_trail";

/// The records of several trails, all in one shape, and the name of the trail that each is from.
#[derive(Debug)]
pub(crate) struct TrailsTable {
    trails: Vec<(String, TrailTable)>,
    schema: SchemaRef,
}

impl TrailsTable {
    pub(crate) fn new(trails: Vec<(String, TrailTable)>, shape: &Shape) -> Self {
        let mut fields: Vec<_> = shape.schema().fields().iter().cloned().collect();
        fields.push(Arc::new(Field::new(TRAIL, DataType::Utf8View, false)));
        Self { trails, schema: Arc::new(Schema::new(fields)) }
    }

    /// The rows of one trail with its name where the projection wants it.
    async fn one(
        &self,
        (name, table): &(String, TrailTable),
        session: &dyn Session,
        projection: &[usize],
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let last = self.schema.fields().len() - 1;
        let inner: Vec<usize> = projection.iter().copied().filter(|i| *i != last).collect();
        let rows = table.scan(session, Some(&inner), filters, limit).await?;
        let mut next = 0;
        let exprs = projection.iter().map(|index| {
            let alias = self.schema.field(*index).name().clone();
            if *index == last {
                let name = lit(ScalarValue::Utf8View(Some(name.clone())));
                return ProjectionExpr { expr: name, alias };
            }
            next += 1;
            ProjectionExpr { expr: Arc::new(Column::new(&alias, next - 1)), alias }
        });
        Ok(Arc::new(ProjectionExec::try_new(exprs.collect::<Vec<_>>(), rows)?))
    }
}

#[async_trait]
impl TableProvider for TrailsTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        filters
            .iter()
            .map(|filter| {
                match (filter.column_refs().iter().any(|c| c.name == TRAIL), self.trails.first()) {
                    (false, Some((_, first))) => {
                        Ok(first.supports_filters_pushdown(&[filter])?.remove(0))
                    }
                    _ => Ok(TableProviderFilterPushDown::Unsupported),
                }
            })
            .collect()
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let projection = projection.unwrap_or(&all);
        let mut plans = Vec::with_capacity(self.trails.len());
        for trail in &self.trails {
            plans.push(self.one(trail, session, projection, filters, limit).await?);
        }
        match plans.len() {
            0 => Ok(Arc::new(EmptyExec::new(Arc::new(self.schema.project(projection)?)))),
            1 => Ok(plans.remove(0)),
            _ => UnionExec::try_new(plans),
        }
    }
}
