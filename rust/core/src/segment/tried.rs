//! Encodings that are tried on some of a column's values.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Encoding;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use super::sample;
use super::write::{Effort, QUICK_ZSTD_LEVEL, TEXT_BYTES, zstd_of};
use crate::columns::{ColumnType, LogicalColumn};
use crate::{Error, Result};

/// A way to write a column: by a dictionary of its values, or without one in this encoding.
type Way = Option<Encoding>;

const TEXTS: [Way; 3] = [None, Some(Encoding::PLAIN), Some(Encoding::DELTA_LENGTH_BYTE_ARRAY)];
const INTEGERS: [Way; 3] =
    [None, Some(Encoding::BYTE_STREAM_SPLIT), Some(Encoding::DELTA_BINARY_PACKED)];
const DOUBLES: [Way; 2] = [None, Some(Encoding::BYTE_STREAM_SPLIT)];
/// Fewer values tell nothing; a dictionary is never much worse.
const ENOUGH: usize = 256;

/// How to write a column that has these values, among others.
pub(super) fn column(
    builder: WriterPropertiesBuilder,
    column: &LogicalColumn,
    values: &ArrayRef,
    effort: &Effort,
) -> Result<WriterPropertiesBuilder> {
    let path = ColumnPath::from(column.name.as_str());
    let ways: &[Way] = match (column.kind, column.name.as_str()) {
        (ColumnType::Timestamp, _) => &[Some(Encoding::DELTA_BINARY_PACKED)],
        (_, "audit_id") => &[Some(Encoding::DELTA_BYTE_ARRAY)],
        (ColumnType::Utf8, _) if sample::suits_quick_coding(values.as_string::<i32>())? => {
            let builder = builder.set_column_compression(path.clone(), zstd_of(QUICK_ZSTD_LEVEL)?);
            return Ok(builder.set_column_dictionary_enabled(path, false));
        }
        (ColumnType::Utf8, _) => &TEXTS,
        (ColumnType::Int64, _) => &INTEGERS,
        (ColumnType::Float64, _) => &DOUBLES,
        (ColumnType::Boolean, _) => return Ok(builder),
    };
    let way = best(ways, values, effort)?;
    let level = if is_text(values) && way.is_some() { effort.text_level } else { effort.level };
    let builder = builder.set_column_compression(path.clone(), zstd_of(level)?);
    Ok(apply(builder, &path, way))
}

fn apply(builder: WriterPropertiesBuilder, path: &ColumnPath, way: Way) -> WriterPropertiesBuilder {
    let builder = builder.set_column_dictionary_enabled(path.clone(), way.is_none());
    match way {
        Some(encoding) => builder.set_column_encoding(path.clone(), encoding),
        None => builder,
    }
}

/// Whether values are long on average.
fn is_text(values: &ArrayRef) -> bool {
    let text = values.as_string_opt::<i32>();
    let count = values.len() - values.null_count();
    text.is_some_and(|text| text.value_data().len() >= count * TEXT_BYTES)
}

/// The way that takes the fewest bytes.
fn best(ways: &[Way], values: &ArrayRef, effort: &Effort) -> Result<Way> {
    let (Some(first), true) = (ways.first(), values.len() - values.null_count() >= ENOUGH) else {
        return Ok(ways.first().copied().flatten());
    };
    if ways.len() == 1 {
        return Ok(*first);
    }
    let mut best = (usize::MAX, *first);
    for way in ways {
        let size = size(*way, values, effort)?;
        if size < best.0 {
            best = (size, *way);
        }
    }
    Ok(best.1)
}

fn size(way: Way, values: &ArrayRef, effort: &Effort) -> Result<usize> {
    let failed = |e| Error::encoding("segment", e);
    let builder = WriterProperties::builder()
        .set_compression(zstd_of(effort.level)?)
        .set_data_page_size_limit(effort.page_bytes)
        .set_dictionary_page_size_limit(effort.dictionary_bytes);
    let properties = apply(builder, &ColumnPath::from("v"), way).build();
    let field = Field::new("v", values.data_type().clone(), true);
    let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![Arc::clone(values)])
        .map_err(|e| Error::encoding("segment", e))?;
    let writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties));
    let mut writer = writer.map_err(failed)?;
    writer.write(&batch).map_err(failed)?;
    writer.into_inner().map(|bytes| bytes.len()).map_err(failed)
}
