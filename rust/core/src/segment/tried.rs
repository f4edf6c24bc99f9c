//! Encodings that are tried on some of a column's values.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Encoding;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use super::write::{Effort, QUICK_ZSTD_LEVEL, TEXT_BYTES, zstd_of};
use crate::columns::ColumnType;
use crate::{Error, Result};

/// A way to write a column: by a dictionary of its values, or without one in this encoding.
type Way = Option<Encoding>;

const TEXTS: [Way; 4] = [
    None,
    Some(Encoding::PLAIN),
    Some(Encoding::DELTA_LENGTH_BYTE_ARRAY),
    Some(Encoding::DELTA_BYTE_ARRAY),
];
const INTEGERS: [Way; 3] =
    [None, Some(Encoding::BYTE_STREAM_SPLIT), Some(Encoding::DELTA_BINARY_PACKED)];
const DOUBLES: [Way; 2] = [None, Some(Encoding::BYTE_STREAM_SPLIT)];
/// Fewer values tell nothing; a dictionary is never much worse.
const ENOUGH: usize = 256;
/// Rows that are tried: most, least, and of how many one.
const SAMPLE: usize = 16_384;
const LEAST_SAMPLE: usize = 4096;
const SAMPLED: usize = 16;
/// With so few different values among them a dictionary is best.
const FEW: usize = 48;
/// For numbers, which are few bytes by the time that they are compressed.
const NUMBERS_LEVEL: i32 = 15;
/// A higher level must save one byte of so many.
const WORTH: usize = 40;

/// How to write a column that has these values, among others of so many rows.
pub(super) fn column(
    builder: WriterPropertiesBuilder,
    (name, kind): (&str, ColumnType),
    values: &ArrayRef,
    rows: usize,
    effort: &Effort,
) -> Result<WriterPropertiesBuilder> {
    let path = ColumnPath::from(name);
    let ways: &[Way] = match (kind, name) {
        (ColumnType::Timestamp, _) => &[Some(Encoding::DELTA_BINARY_PACKED)],
        (_, "audit_id") => &[Some(Encoding::DELTA_BYTE_ARRAY)],
        (ColumnType::Utf8, _) => &TEXTS,
        (ColumnType::Int64, _) => &INTEGERS,
        (ColumnType::Float64, _) => &DOUBLES,
        (ColumnType::Boolean, _) => return Ok(builder),
    };
    let sample = (rows / SAMPLED).clamp(LEAST_SAMPLE, SAMPLE);
    let values = &values.slice(0, values.len().min(sample));
    let few = ways.len() > 1 && are_few(values);
    let way = if few { None } else { best(ways, values, effort)? };
    let level = if few { effort.level } else { level(way, values, effort)? };
    let builder = builder.set_column_compression(path.clone(), zstd_of(level)?);
    Ok(apply(builder, &path, way))
}

/// The level that is worth its time. Of what has no repetitions only the coding of single bytes
/// gains anything, and what a longer search finds costs more than it saves.
fn level(way: Way, values: &ArrayRef, effort: &Effort) -> Result<i32> {
    if values.len() - values.null_count() < ENOUGH {
        return Ok(effort.level);
    }
    let higher = match values.data_type() {
        DataType::Utf8 if is_text(values) => effort.text_level,
        DataType::Utf8 => effort.level,
        _ => NUMBERS_LEVEL.max(effort.level),
    };
    let mut best = (size(way, values, QUICK_ZSTD_LEVEL, effort)?, QUICK_ZSTD_LEVEL);
    for level in [effort.level, higher] {
        if level > best.1 {
            let size = size(way, values, level, effort)?;
            if size + best.0 / WORTH < best.0 {
                best = (size, level);
            }
        }
    }
    Ok(best.1)
}

fn apply(builder: WriterPropertiesBuilder, path: &ColumnPath, way: Way) -> WriterPropertiesBuilder {
    let builder = builder.set_column_dictionary_enabled(path.clone(), way.is_none());
    match way {
        Some(encoding) => builder.set_column_encoding(path.clone(), encoding),
        None => builder,
    }
}

/// Whether strings are hardly ever different.
fn are_few(values: &ArrayRef) -> bool {
    let Some(text) = values.as_string_opt::<i32>() else { return false };
    let mut seen = HashSet::new();
    for value in text.iter().flatten() {
        if seen.insert(value) && seen.len() > FEW {
            return false;
        }
    }
    true
}

/// Whether values are long on average.
fn is_text(values: &ArrayRef) -> bool {
    let Some(text) = values.as_string_opt::<i32>() else { return false };
    let count = values.len() - values.null_count();
    text.iter().flatten().map(str::len).sum::<usize>() >= count * TEXT_BYTES
}

/// The way that takes the fewest bytes, quickly compressed: who is best then is best or near it at
/// all levels.
fn best(ways: &[Way], values: &ArrayRef, effort: &Effort) -> Result<Way> {
    let (Some(first), true) = (ways.first(), values.len() - values.null_count() >= ENOUGH) else {
        return Ok(ways.first().copied().flatten());
    };
    if ways.len() == 1 {
        return Ok(*first);
    }
    let at = |level: i32| move |way: &Way| Ok((size(*way, values, level, effort)?, *way));
    let mut sizes = ways.iter().map(at(QUICK_ZSTD_LEVEL)).collect::<Result<Vec<_>>>()?;
    sizes.sort_by_key(|(size, _)| *size);
    if is_text(values) {
        // What a longer search finds in texts differs between a dictionary and whole values.
        sizes.truncate(2);
        let ways = sizes.iter().map(|(_, way)| way);
        sizes = ways.map(at(effort.text_level)).collect::<Result<Vec<_>>>()?;
        sizes.sort_by_key(|(size, _)| *size);
    }
    Ok(sizes.first().map_or(*first, |(_, way)| *way))
}

fn size(way: Way, values: &ArrayRef, level: i32, effort: &Effort) -> Result<usize> {
    let failed = |e| Error::encoding("segment", e);
    let builder = WriterProperties::builder()
        .set_compression(zstd_of(level)?)
        .set_statistics_enabled(EnabledStatistics::None)
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

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringArray};
    use sha2::{Digest, Sha256};

    use super::*;

    const EFFORT: Effort = Effort {
        level: 9,
        text_level: 12,
        group_rows: 100_000,
        dictionary_bytes: 1 << 20,
        page_rows: 20_000,
        page_bytes: 1 << 20,
        tries: true,
        blooms: true,
    };

    fn number(n: u64) -> u64 {
        let digest: [u8; 32] = Sha256::digest(n.to_be_bytes()).into();
        u64::from_be_bytes([0, 0, 0, 0, 0, digest[0], digest[1], digest[2]])
    }

    #[test]
    fn what_repeats_gets_a_dictionary_and_what_does_not_gets_none() {
        let integers = |value: fn(u64) -> u64| -> ArrayRef {
            Arc::new((0..8000).map(|n| Some(value(n).cast_signed())).collect::<Int64Array>())
        };
        let texts = |value: fn(u64) -> String| -> ArrayRef {
            Arc::new((0..8000).map(|n| Some(value(n))).collect::<StringArray>())
        };
        assert_eq!(best(&INTEGERS, &integers(|n| number(number(n) % 30)), &EFFORT).unwrap(), None);
        let split = Some(Encoding::BYTE_STREAM_SPLIT);
        assert_eq!(best(&INTEGERS, &integers(number), &EFFORT).unwrap(), split);
        let delta = Some(Encoding::DELTA_BINARY_PACKED);
        assert_eq!(best(&INTEGERS, &integers(|n| n * 3 + n % 2), &EFFORT).unwrap(), delta);
        assert!(are_few(&texts(|n| format!("kind {}", n % 7))));
        let paths = texts(|n| format!("/data/{}/file_{}.json", n / 100, number(n)));
        assert!(!are_few(&paths));
        assert!(best(&TEXTS, &paths, &EFFORT).unwrap().is_some());
    }
}
