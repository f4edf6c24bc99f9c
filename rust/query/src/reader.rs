//! Reading segments, with footers and page indexes kept across queries.
//!
//! DataFusion loads the page index outside its own footer cache (its issue 23978), so every
//! query would read it again. Segments never change, so what is kept here stays right.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::datatypes::{DataType, Fields, Schema, SchemaRef};
use bytes::Bytes;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder};
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::{AsyncFileReader, MetadataFetch};
use parquet::arrow::{ARROW_SCHEMA_META_KEY, encode_arrow_schema, parquet_to_arrow_schema};
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    FileMetaData, KeyValue, PageIndexPolicy, ParquetMetaData, ParquetMetaDataBuilder,
    ParquetMetaDataReader, RowGroupMetaData,
};
use sealtrail_core::encryption::{Keyring, Opening};
use serde::Deserialize;

use crate::adapter::{Layout, MISFITS, SEGMENT};

/// How much of a segment's end is read first: footer and page index in one request.
const FOOTER_HINT: usize = 256 * 1024;

/// Footers with page indexes of one trail's segments, the oldest dropped first.
#[derive(Debug)]
pub(crate) struct FooterCache {
    limit: usize,
    inner: Mutex<Footers>,
}

/// The footer of a segment, and what follows from it.
#[derive(Debug)]
pub(crate) struct Footer {
    size: u64,
    pub(crate) metadata: Arc<ParquetMetaData>,
    /// What its columns are read as.
    pub(crate) schema: SchemaRef,
    /// Made when first needed.
    pub(crate) layout: OnceLock<Arc<Layout>>,
}

#[derive(Debug, Default)]
struct Footers {
    by_path: HashMap<Path, Arc<Footer>>,
    order: VecDeque<Path>,
    bytes: usize,
}

impl FooterCache {
    /// Keeps up to `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, inner: Mutex::default() }
    }

    /// The footer of the segment at `path`, if it is kept.
    pub(crate) fn known(&self, path: &Path) -> Option<Arc<Footer>> {
        let footers = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        footers.by_path.get(path).map(Arc::clone)
    }

    fn get(&self, path: &Path, size: u64) -> Option<Arc<Footer>> {
        self.known(path).filter(|footer| footer.size == size)
    }

    fn put(&self, path: &Path, footer: &Arc<Footer>) {
        let mut footers = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        footers.bytes += footer.metadata.memory_size();
        match footers.by_path.insert(path.clone(), Arc::clone(footer)) {
            Some(replaced) => footers.bytes -= replaced.metadata.memory_size(),
            None => footers.order.push_back(path.clone()),
        }
        while footers.bytes > self.limit {
            let Some(oldest) = footers.order.pop_front() else { break };
            if let Some(dropped) = footers.by_path.remove(&oldest) {
                footers.bytes -= dropped.metadata.memory_size();
            }
        }
    }
}

/// Makes readers of a trail's segments.
#[derive(Debug)]
pub(crate) struct SegmentReaderFactory {
    store: Arc<dyn ObjectStore>,
    /// What opens encrypted segments.
    keys: Option<Arc<Keyring>>,
    cache: Arc<FooterCache>,
}

impl SegmentReaderFactory {
    pub(crate) fn new(
        store: Arc<dyn ObjectStore>,
        keys: Option<Arc<Keyring>>,
        cache: Arc<FooterCache>,
    ) -> Self {
        Self { store, keys, cache }
    }

    pub(crate) fn store(&self) -> &dyn ObjectStore {
        self.store.as_ref()
    }

    pub(crate) fn footers(&self) -> &Arc<FooterCache> {
        &self.cache
    }

    /// The footer of a segment of that many bytes, from the cache if it is there.
    pub(crate) async fn footer(&self, path: &Path, size: u64) -> Result<Arc<Footer>, ParquetError> {
        if let Some(footer) = self.cache.get(path, size) {
            return Ok(footer);
        }
        let end = SegmentEnd { store: self.store.as_ref(), path };
        let footer = load_footer(end, path, size, self.keys.as_ref()).await?;
        self.cache.put(path, &footer);
        Ok(footer)
    }
}

/// Reads parts of a segment.
struct SegmentEnd<'a> {
    store: &'a dyn ObjectStore,
    path: &'a Path,
}

impl MetadataFetch for SegmentEnd<'_> {
    fn fetch(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        async move { self.store.get_range(self.path, range).await.map_err(external) }.boxed()
    }
}

/// Footer and page index in one request, if they are not very long.
async fn load_footer(
    from: impl MetadataFetch,
    path: &Path,
    size: u64,
    keys: Option<&Arc<Keyring>>,
) -> Result<Arc<Footer>, ParquetError> {
    let opening = Opening::of(keys, path.as_ref());
    let properties = opening.properties().map_err(|e| ParquetError::External(Box::new(e)))?;
    let metadata = ParquetMetaDataReader::new()
        .with_decryption_properties(Some(properties))
        .with_page_index_policy(PageIndexPolicy::Optional)
        .with_prefetch_hint(Some(FOOTER_HINT))
        .load_and_finish(from, size)
        .await?;
    let (metadata, schema) = slim(metadata, path)?;
    let metadata = Arc::new(metadata);
    Ok(Arc::new(Footer { size, metadata, schema, layout: OnceLock::new() }))
}

impl ParquetFileReaderFactory for SegmentReaderFactory {
    fn create_reader(
        &self,
        partition_index: usize,
        file: PartitionedFile,
        _metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> datafusion::common::Result<Box<dyn AsyncFileReader + Send>> {
        let path = file.object_meta.location.to_string();
        let bytes_scanned = MetricBuilder::new(metrics)
            .with_new_label("filename", path)
            .counter("bytes_scanned", partition_index);
        Ok(Box::new(SegmentReader {
            store: Arc::clone(&self.store),
            keys: self.keys.clone(),
            cache: Arc::clone(&self.cache),
            path: file.object_meta.location,
            size: file.object_meta.size,
            bytes_scanned,
        }))
    }
}

struct SegmentReader {
    store: Arc<dyn ObjectStore>,
    keys: Option<Arc<Keyring>>,
    cache: Arc<FooterCache>,
    path: Path,
    size: u64,
    bytes_scanned: Count,
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
        self.bytes_scanned.add(length(&range));
        async move { self.store.get_range(&self.path, range).await.map_err(external) }.boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        self.bytes_scanned.add(ranges.iter().map(length).sum());
        async move { self.store.get_ranges(&self.path, &ranges).await.map_err(external) }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        async move {
            if let Some(footer) = self.cache.get(&self.path, self.size) {
                return Ok(Arc::clone(&footer.metadata));
            }
            let (path, size, keys) = (self.path.clone(), self.size, self.keys.clone());
            let footer = load_footer(&mut *self, &path, size, keys.as_ref()).await?;
            self.cache.put(&path, &footer);
            Ok(Arc::clone(&footer.metadata))
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
/// the columns with misfits and an Arrow schema that reads text as views. The metadata of an
/// encrypted segment stays as it is, because only so it keeps what decrypts: such a segment must be
/// planned with the schema.
fn slim(
    footer: ParquetMetaData,
    path: &Path,
) -> Result<(ParquetMetaData, SchemaRef), ParquetError> {
    let file = footer.file_metadata();
    let description = file
        .key_value_metadata()
        .and_then(|entries| entries.iter().find(|entry| entry.key == "sealtrail")?.value.as_deref())
        .and_then(|text| serde_json::from_str::<Description>(text).ok());
    let schema = views(&parquet_to_arrow_schema(file.schema_descr(), None)?);
    let mut kept = vec![
        KeyValue::new(ARROW_SCHEMA_META_KEY.to_owned(), encode_arrow_schema(&schema)),
        KeyValue::new(SEGMENT.to_owned(), path.to_string()),
    ];
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
    let described = kept[1..].iter().filter_map(|kv| Some((kv.key.clone(), kv.value.clone()?)));
    let schema = schema.with_metadata(described.collect());
    let is_encrypted =
        |group: &RowGroupMetaData| group.columns().iter().any(|c| c.crypto_metadata().is_some());
    if footer.row_groups().iter().any(is_encrypted) {
        return Ok((footer, Arc::new(schema)));
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
    let metadata = ParquetMetaDataBuilder::new(file)
        .set_row_groups(old.take_row_groups())
        .set_column_index(old.take_column_index())
        .set_offset_index(old.take_offset_index())
        .build();
    Ok((metadata, Arc::new(schema)))
}

/// The schema with text as views: they share decoded pages, and have no limit of 2 GiB a batch.
fn views(schema: &Schema) -> Schema {
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Utf8 => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View)),
        _ => Arc::clone(field),
    });
    Schema::new(fields.collect::<Fields>())
}
