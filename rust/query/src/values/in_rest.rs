//! The texts at a path of the rest of the records.

use std::sync::Arc;

use memchr::memmem;
use object_store::ObjectStore;
use object_store::path::Path;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ParquetMetaData;

use super::{FilePart, Values, mark};
use crate::functions::Texts;
use crate::json::{self, Elements};

/// Longest rest of a row group that is read for it, compressed.
const LONGEST: u64 = 16 << 20;

/// The texts at a path in a row group, of the column at that place, which is the rest; of an array
/// those of its elements, also in their JSON form.
pub(super) async fn read(
    store: &dyn ObjectStore,
    path: &Path,
    metadata: Arc<ParquetMetaData>,
    (group, column): (usize, usize),
    keys: Vec<String>,
) -> Result<Values> {
    let chunk = metadata.row_group(group).column(column);
    let (from, length) = chunk.byte_range();
    if length > LONGEST {
        return Ok(Values::Unknown);
    }
    let part = FilePart::read(store, path, from, from + length).await?;
    let read = move || collect(part, metadata, (group, column), &keys);
    let read = tokio::task::spawn_blocking(read).await;
    read.map_err(|error| ParquetError::External(Box::new(error)))?
}

fn collect(
    part: FilePart,
    metadata: Arc<ParquetMetaData>,
    (group, column): (usize, usize),
    keys: &[String],
) -> Result<Values> {
    let mask = ProjectionMask::leaves(metadata.file_metadata().schema_descr(), [column]);
    let arrow = ArrowReaderMetadata::try_new(metadata, ArrowReaderOptions::new())?;
    let rows = ParquetRecordBatchReaderBuilder::new_with_metadata(part, arrow)
        .with_row_groups(vec![group])
        .with_projection(mask)
        .with_batch_size(8192)
        .build()?;
    // Names stand in canonical JSON, so a row without these bytes has no such member.
    let first = serde_json::Value::from(keys.first().map_or("", String::as_str)).to_string();
    let finder = memmem::Finder::new(&first);
    let mut marks = Vec::new();
    for batch in rows {
        let batch = batch?;
        let texts = Texts::new(batch.column(0))
            .map_err(|error| ParquetError::General(error.to_string()))?;
        for row in 0..batch.num_rows() {
            let text = texts.get(row).filter(|text| finder.find(text.as_bytes()).is_some());
            let Some(raw) = text.and_then(|text| json::get_keys(text, keys)) else { continue };
            let elements = Elements::new(raw).into_iter().flatten();
            for raw in elements.chain([raw]) {
                marks.push(mark(raw.as_bytes()));
                marks.extend(json::as_text(raw).map(|text| mark(text.as_bytes())));
            }
        }
        // Most rows say the same again.
        marks.sort_unstable();
        marks.dedup();
    }
    Ok(Values::of(marks))
}
