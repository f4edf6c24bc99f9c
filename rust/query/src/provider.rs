//! The table of a trail at one moment, as DataFusion sees it.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use arrow::array::{Array, BooleanArray, RecordBatch, StringViewArray, StringViewBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, DataFusionError, Result};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::{DataSourceExec, MemorySourceConfig};
use datafusion::datasource::physical_plan::parquet::{ParquetAccessPlan, RowGroupAccess};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::{TableProvider, TableType};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, Operator, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion::physical_plan::union::UnionExec;
use datafusion::scalar::ScalarValue;
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::path::Path;
use sealtrail_core::columns::{REST, Shredder, fixed};
use sealtrail_core::encryption::Opening;
use sealtrail_core::ledger::AddedSegment;
use sealtrail_core::trail::ReadView;

use crate::adapter::SegmentAdapterFactory;
use crate::functions::Texts;
use crate::pruning::{allowed_domains, domain, prune, statistics};
use crate::reader::SegmentReaderFactory;
use crate::scope::store_url;
use crate::shape::{DOMAIN, Shape};
use crate::sieve::{Chosen, Holder, Test};
use crate::values::ValueCache;

/// Encrypted segments opened at a time.
const OPENED_AT_A_TIME: usize = 32;

/// All records: those of the segments and those not yet in one.
#[derive(Debug)]
pub(crate) struct TrailTable {
    view: Arc<ReadView>,
    shape: Arc<Shape>,
    /// Stands for the trail's store in plans.
    store: ObjectStoreUrl,
    readers: Arc<SegmentReaderFactory>,
    adapters: Arc<SegmentAdapterFactory>,
    values: Arc<ValueCache>,
    unflushed: Arc<Unflushed>,
}

/// What is kept of a trail between statements, for its table.
#[derive(Debug)]
pub(crate) struct Kept {
    /// The trail's own columns.
    pub(crate) own: Arc<Shape>,
    pub(crate) readers: SegmentReaderFactory,
    pub(crate) values: Arc<ValueCache>,
    pub(crate) unflushed: Arc<Unflushed>,
}

/// The unflushed records of a view, made when first needed.
pub(crate) type Unflushed = OnceLock<UnflushedRows>;

/// Records in the form of a segment, with their domain.
#[derive(Debug)]
pub(crate) struct UnflushedRows {
    batch: RecordBatch,
    /// The batch's schema with what the adapter needs to know; plans allow no metadata.
    described: SchemaRef,
}

impl TrailTable {
    /// The trail with this number in its scope, in the scope's shape.
    pub(crate) fn new(view: Arc<ReadView>, shape: Arc<Shape>, number: usize, kept: Kept) -> Self {
        let Kept { own, readers, values, unflushed } = kept;
        let footers = Arc::clone(readers.footers());
        let adapters = Arc::new(SegmentAdapterFactory::new(Arc::clone(&shape), own, footers));
        let (store, readers) = (store_url(number), Arc::new(readers));
        Self { view, shape, store, readers, adapters, values, unflushed }
    }

    /// The segments as they can be read: those of archives must be somewhere.
    async fn within_reach(
        &self,
        segments: Vec<Arc<AddedSegment>>,
    ) -> Result<Vec<Arc<AddedSegment>>> {
        let Some(archives) = &self.view.archives else { return Ok(segments) };
        let mut reachable = Vec::with_capacity(segments.len());
        for segment in segments {
            let readable = match segment.archive.is_some() {
                true => archives.as_parquet(segment).await,
                false => Ok(segment),
            };
            reachable.push(readable.map_err(|error| DataFusionError::External(Box::new(error)))?);
        }
        Ok(reachable)
    }

    /// The segments whose values allow for rows that pass.
    async fn choose(&self, test: Test, segments: Vec<Arc<AddedSegment>>) -> Vec<Chosen> {
        if !test.decides() {
            return segments.into_iter().map(|segment| (segment, None)).collect();
        }
        let (readers, adapters) = (&self.readers, &self.adapters);
        Holder { test, readers, adapters, values: &self.values }.choose(segments).await
    }

    /// Opens the encrypted ones of these segments, whose schema is needed to plan.
    async fn open_encrypted(&self, segments: &[Chosen]) -> Result<()> {
        let encrypted = segments.iter().filter(|(segment, _)| segment.key.is_some());
        let places: Vec<(Path, u64)> = encrypted
            .map(|(segment, _)| (Path::from(segment.path.as_str()), segment.bytes))
            .collect();
        let opening = places.into_iter().map(|(path, bytes)| {
            let readers = Arc::clone(&self.readers);
            async move { readers.footer(&path, bytes).await.map(drop) }
        });
        let opened = stream::iter(opening).buffer_unordered(OPENED_AT_A_TIME);
        opened.try_collect::<()>().await.map_err(|error| match Opening::cause(error) {
            Ok(error) => DataFusionError::External(Box::new(error)),
            Err(error) => error.into(),
        })
    }

    /// The plan over these segments.
    fn segments_plan(
        &self,
        scan: &Scan<'_>,
        segments: Vec<Chosen>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.shape.schema();
        let files: Vec<_> = segments.into_iter().map(|chosen| self.file(chosen)).collect();
        let total = total_statistics(&files, &schema);
        let eager = scan.session.config_options().execution.parquet.pushdown_filters;
        let mut options = scan.session.default_table_options().parquet;
        // What bloom filters tell has been asked, if it is of use.
        options.global.bloom_filter_on_read = false;
        let source = ParquetSource::new(self.shape.table_schema().clone())
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::clone(&self.readers) as _)
            .with_pushdown_filters(eager || scan.filters.iter().any(is_selective));
        let config = FileScanConfigBuilder::new(self.store.clone(), Arc::new(source))
            .with_file_groups(balance(files, scan.session.config().target_partitions()))
            .with_statistics(total)
            .with_expr_adapter(Some(Arc::clone(&self.adapters) as _))
            .with_projection_indices(scan.projection.cloned())?
            .with_limit(scan.limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }

    fn file(&self, (segment, groups): Chosen) -> PartitionedFile {
        let domain = ScalarValue::Utf8View(Some(domain(&segment).to_owned()));
        let mut file = PartitionedFile::new(segment.path.clone(), segment.bytes)
            .with_partition_values(vec![domain])
            .with_statistics(Arc::new(statistics(&segment, &self.shape)));
        if let Some(footer) = self.readers.footers().known(&file.object_meta.location) {
            file = file.with_arrow_schema(Arc::clone(&footer.schema));
        }
        let Some(groups) = groups else { return file };
        let access = groups.iter().map(|read| match read {
            true => RowGroupAccess::Scan,
            false => RowGroupAccess::Skip,
        });
        file.with_extension(ParquetAccessPlan::new(access.collect()))
    }

    /// The plan over the records that are not in a segment yet.
    fn unflushed_plan(&self, scan: &Scan<'_>) -> Result<Arc<dyn ExecutionPlan>> {
        let rows = match self.unflushed.get() {
            Some(rows) => rows,
            None => {
                let rows = unflushed_rows(&self.view)?;
                self.unflushed.get_or_init(|| rows)
            }
        };
        let batch = match &scan.domains {
            Some(domains) => only_domains(&rows.batch, domains)?,
            None => rows.batch.clone(),
        };
        let source = MemorySourceConfig::try_new_exec(&[vec![batch]], rows.batch.schema(), None)?;
        let adapter = self.adapters.adapter(&rows.described);
        let schema = self.shape.schema();
        let all: Vec<usize> = (0..schema.fields().len()).collect();
        let exprs = scan
            .projection
            .unwrap_or(&all)
            .iter()
            .map(|index| {
                let name = schema.field(*index).name();
                Ok(ProjectionExpr { expr: adapter.column(name)?, alias: name.clone() })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Arc::new(ProjectionExec::try_new(exprs, source)?))
    }
}

/// What is asked of a scan.
struct Scan<'a> {
    session: &'a dyn Session,
    projection: Option<&'a Vec<usize>>,
    filters: &'a [Expr],
    limit: Option<usize>,
    /// The domains that the filters leave; all if `None`.
    domains: Option<HashSet<String>>,
}

#[async_trait]
impl TableProvider for TrailTable {
    fn schema(&self) -> SchemaRef {
        self.shape.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| match allowed_domains(filter) {
            Some(_) => TableProviderFilterPushDown::Exact,
            None => TableProviderFilterPushDown::Inexact,
        };
        Ok(filters.iter().map(support).collect())
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let domains = filters.iter().filter_map(allowed_domains).reduce(|a, b| &a & &b);
        let scan = Scan { session, projection, filters, limit, domains };
        let schema = self.shape.schema();
        let mut segments = self.view.segments().to_vec();
        if let Some(domains) = &scan.domains {
            segments.retain(|segment| domains.contains(domain(segment)));
        }
        let mut test = Test::Any;
        if let Some(filter) = conjunction(filters.iter().cloned()) {
            let named = DFSchema::try_from(schema.as_ref().clone())?;
            let predicate = session.create_physical_expr(filter, &named)?;
            segments = prune(&segments, &schema, &predicate)?;
            test = Test::of(&predicate);
        }
        let segments = self.within_reach(segments).await?;
        let segments = self.choose(test, segments).await;
        self.open_encrypted(&segments).await?;
        let mut plans = Vec::new();
        if !segments.is_empty() {
            plans.push(self.segments_plan(&scan, segments)?);
        }
        if !self.view.unflushed.is_empty() {
            plans.push(self.unflushed_plan(&scan)?);
        }
        match plans.len() {
            0 => {
                let projected =
                    projection.map_or(Ok(schema.as_ref().clone()), |p| schema.project(p))?;
                Ok(Arc::new(EmptyExec::new(Arc::new(projected))))
            }
            1 => Ok(plans.remove(0)),
            _ => UnionExec::try_new(plans),
        }
    }
}

/// Whether a filter is likely to leave few rows, so that testing it while decoding (and
/// decoding the other columns for those rows only) is worth its overhead.
fn is_selective(filter: &Expr) -> bool {
    match filter {
        Expr::BinaryExpr(binary) if binary.op == Operator::Eq => {
            matches!(
                (binary.left.as_ref(), binary.right.as_ref()),
                (Expr::Column(column), Expr::Literal(..)) | (Expr::Literal(..), Expr::Column(column))
                    if identifies(&column.name)
            )
        }
        Expr::BinaryExpr(binary) if binary.op == Operator::And => {
            is_selective(&binary.left) || is_selective(&binary.right)
        }
        Expr::InList(list) => match list.expr.as_ref() {
            Expr::Column(column) => !list.negated && identifies(&column.name),
            _ => false,
        },
        _ => false,
    }
}

/// Whether a column's values are those of few rows each.
fn identifies(column: &str) -> bool {
    column.ends_with("_id") || matches!(column, "email" | "source_ip" | "resource_path")
}

/// Spreads files over groups of about equal size, each in the order of time.
fn balance(files: Vec<PartitionedFile>, groups: usize) -> Vec<FileGroup> {
    let groups = groups.clamp(1, files.len().max(1));
    let mut sizes = vec![0u64; groups];
    let mut spread: Vec<Vec<(usize, PartitionedFile)>> = vec![Vec::new(); groups];
    let mut by_size: Vec<_> = files.into_iter().enumerate().collect();
    by_size.sort_by_key(|(_, file)| std::cmp::Reverse(file.object_meta.size));
    for (position, file) in by_size {
        let smallest = (0..groups).min_by_key(|group| sizes[*group]).unwrap_or(0);
        sizes[smallest] += file.object_meta.size;
        spread[smallest].push((position, file));
    }
    spread
        .into_iter()
        .map(|mut group| {
            group.sort_by_key(|(position, _)| *position);
            FileGroup::new(group.into_iter().map(|(_, file)| file).collect())
        })
        .collect()
}

fn total_statistics(
    files: &[PartitionedFile],
    schema: &SchemaRef,
) -> datafusion::common::Statistics {
    let parts = files.iter().filter_map(|file| file.statistics.as_deref());
    datafusion::common::Statistics::try_merge_iter(parts, schema)
        .unwrap_or_else(|_| datafusion::common::Statistics::new_unknown(schema))
}

fn unflushed_rows(view: &ReadView) -> Result<UnflushedRows> {
    let mut shredder = Shredder::new(fixed(), view.columns());
    view.unflushed.iter().for_each(|record| shredder.push(record));
    let shredded = shredder.finish().map_err(|error| DataFusionError::External(Box::new(error)))?;
    let mut misfits = Vec::new();
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    let mut domains = None;
    for (column, array, count) in shredded.columns {
        if count > 0 {
            misfits.push(column.name.clone());
        }
        if column.name == "event_type" {
            domains = Some(domains_of(&Texts::new(&array)?, array.len()));
        }
        fields.push(Field::new(column.name, array.data_type().clone(), true));
        arrays.push(array);
    }
    if let Some(rest) = shredded.rest {
        fields.push(Field::new(REST, rest.data_type().clone(), true));
        arrays.push(rest);
    }
    let domains = domains.unwrap_or_else(|| StringViewArray::new_null(shredded.rows));
    fields.push(Field::new(DOMAIN, DataType::Utf8View, true));
    arrays.push(Arc::new(domains));
    let metadata =
        [(crate::adapter::MISFITS.to_owned(), serde_json::Value::from(misfits).to_string())];
    let schema = Schema::new(fields);
    let described = Arc::new(schema.clone().with_metadata(metadata.into()));
    Ok(UnflushedRows { batch: RecordBatch::try_new(Arc::new(schema), arrays)?, described })
}

/// The part of each event type before the first dot.
fn domains_of(event_types: &Texts<'_>, rows: usize) -> StringViewArray {
    let mut out = StringViewBuilder::with_capacity(rows);
    for row in 0..rows {
        out.append_option(
            event_types.get(row).and_then(|text| text.split_once('.')).map(|(domain, _)| domain),
        );
    }
    out.finish()
}

fn only_domains(batch: &RecordBatch, domains: &HashSet<String>) -> Result<RecordBatch> {
    let Some(column) = batch.column_by_name(DOMAIN) else { return Ok(batch.clone()) };
    let texts = Texts::new(column)?;
    let keep: BooleanArray = (0..batch.num_rows())
        .map(|row| Some(texts.get(row).is_some_and(|domain| domains.contains(domain))))
        .collect();
    Ok(arrow::compute::filter_record_batch(batch, &keep)?)
}
