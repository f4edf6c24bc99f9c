//! Reading segments, with footers and page indexes kept across queries.
//!
//! DataFusion loads the page index outside its own footer cache (its issue 23978), so every
//! query would read it again. Segments never change, so what is kept here stays right.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::{DataType, Fields, Schema};
use bytes::Bytes;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{ParquetFileMetrics, ParquetFileReaderFactory};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::arrow::{ARROW_SCHEMA_META_KEY, encode_arrow_schema, parquet_to_arrow_schema};
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    FileMetaData, KeyValue, PageIndexPolicy, ParquetMetaData, ParquetMetaDataBuilder,
    ParquetMetaDataReader,
};
use serde::Deserialize;

use crate::adapter::MISFITS;

/// How much of a segment's end is read first: footer and page index in one request.
const FOOTER_HINT: usize = 256 * 1024;

/// Footers with page indexes of one trail's segments, the oldest dropped first.
#[derive(Debug)]
pub(crate) struct FooterCache {
    limit: usize,
    inner: Mutex<Footers>,
}

#[derive(Debug, Default)]
struct Footers {
    by_path: HashMap<Path, (u64, Arc<ParquetMetaData>)>,
    order: VecDeque<Path>,
    bytes: usize,
}

impl FooterCache {
    /// Keeps up to `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, inner: Mutex::default() }
    }

    fn get(&self, path: &Path, size: u64) -> Option<Arc<ParquetMetaData>> {
        let footers = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        footers
            .by_path
            .get(path)
            .filter(|(known, _)| *known == size)
            .map(|(_, footer)| Arc::clone(footer))
    }

    fn put(&self, path: &Path, size: u64, footer: &Arc<ParquetMetaData>) {
        let mut footers = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        footers.bytes += footer.memory_size();
        match footers.by_path.insert(path.clone(), (size, Arc::clone(footer))) {
            Some((_, replaced)) => footers.bytes -= replaced.memory_size(),
            None => footers.order.push_back(path.clone()),
        }
        while footers.bytes > self.limit {
            let Some(oldest) = footers.order.pop_front() else { break };
            if let Some((_, dropped)) = footers.by_path.remove(&oldest) {
                footers.bytes -= dropped.memory_size();
            }
        }
    }
}

/// Makes readers of a trail's segments.
#[derive(Debug)]
pub(crate) struct SegmentReaderFactory {
    store: Arc<dyn ObjectStore>,
    cache: Arc<FooterCache>,
}

impl SegmentReaderFactory {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, cache: Arc<FooterCache>) -> Self {
        Self { store, cache }
    }
}

impl ParquetFileReaderFactory for SegmentReaderFactory {
    fn create_reader(
        &self,
        partition_index: usize,
        file: PartitionedFile,
        _metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> datafusion::common::Result<Box<dyn AsyncFileReader + Send>> {
        let metrics =
            ParquetFileMetrics::new(partition_index, file.object_meta.location.as_ref(), metrics);
        Ok(Box::new(SegmentReader {
            store: Arc::clone(&self.store),
            cache: Arc::clone(&self.cache),
            path: file.object_meta.location,
            size: file.object_meta.size,
            metrics,
        }))
    }
}

struct SegmentReader {
    store: Arc<dyn ObjectStore>,
    cache: Arc<FooterCache>,
    path: Path,
    size: u64,
    metrics: ParquetFileMetrics,
}

fn external(error: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

#[allow(clippy::cast_possible_truncation)]
fn length(range: &Range<u64>) -> usize {
    range.end.saturating_sub(range.start) as usize
}

impl AsyncFileReader for SegmentReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        self.metrics.bytes_scanned.add(length(&range));
        async move { self.store.get_range(&self.path, range).await.map_err(external) }.boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        self.metrics.bytes_scanned.add(ranges.iter().map(length).sum());
        async move { self.store.get_ranges(&self.path, &ranges).await.map_err(external) }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        async move {
            if let Some(footer) = self.cache.get(&self.path, self.size) {
                return Ok(footer);
            }
            let size = self.size;
            let footer = ParquetMetaDataReader::new()
                .with_page_index_policy(PageIndexPolicy::Optional)
                .with_prefetch_hint(Some(FOOTER_HINT))
                .load_and_finish(&mut *self, size)
                .await?;
            let footer = Arc::new(slim(footer)?);
            self.cache.put(&self.path, size, &footer);
            Ok(footer)
        }
        .boxed()
    }
}

/// What of a segment's description the adapter needs.
#[derive(Deserialize)]
struct Description {
    columns: Vec<Described>,
}

#[derive(Deserialize)]
struct Described {
    name: String,
    misfits: u64,
}

/// Replaces the segment's description, which holds tree hashes of every batch, by the names of
/// the columns with misfits and an Arrow schema that reads text as views.
fn slim(footer: ParquetMetaData) -> Result<ParquetMetaData, ParquetError> {
    let file = footer.file_metadata();
    let description = file
        .key_value_metadata()
        .and_then(|entries| entries.iter().find(|entry| entry.key == "sealtrail")?.value.as_deref())
        .and_then(|text| serde_json::from_str::<Description>(text).ok());
    let schema = parquet_to_arrow_schema(file.schema_descr(), None)?;
    let mut kept =
        vec![KeyValue::new(ARROW_SCHEMA_META_KEY.to_owned(), encode_arrow_schema(&views(&schema)))];
    if let Some(description) = description {
        let names = description
            .columns
            .into_iter()
            .filter(|column| column.misfits > 0)
            .map(|column| column.name);
        kept.push(KeyValue::new(
            MISFITS.to_owned(),
            serde_json::Value::from_iter(names).to_string(),
        ));
    }
    let file = FileMetaData::new(
        file.version(),
        file.num_rows(),
        file.created_by().map(str::to_owned),
        Some(kept),
        file.schema_descr_ptr(),
        file.column_orders().cloned(),
    );
    let mut old = footer.into_builder();
    Ok(ParquetMetaDataBuilder::new(file)
        .set_row_groups(old.take_row_groups())
        .set_column_index(old.take_column_index())
        .set_offset_index(old.take_offset_index())
        .build())
}

/// The schema with text as views: they share decoded pages, and have no limit of 2 GiB a batch.
fn views(schema: &Schema) -> Schema {
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Utf8 => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View)),
        _ => Arc::clone(field),
    });
    Schema::new(fields.collect::<Fields>())
}
