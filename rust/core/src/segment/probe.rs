//! Whether a segment may hold an id, asked of its bloom filters without opening it: who looks for
//! one record of many reads the end of each file once, and then one block of each filter.

use std::hash::Hasher;
use std::ops::Range;

use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::{
    ColumnChunkMetaData, ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy,
};
use twox_hash::XxHash64;

/// How much of a file's end is read first, in bytes. Footers are about 20 KiB.
pub(crate) const TAIL_BYTES: u64 = 32 << 10;
/// Length of the footer and `PAR1`.
const END_BYTES: usize = 8;
/// Bytes of a block of a filter.
const BLOCK: u64 = 32;
/// A filter is a header of some bytes and as many blocks as a power of two says.
const HEADER: Range<u64> = 8..25;

/// The bloom filters of one column of a segment, by row group: where their bits begin, and the
/// number of their blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filters(Vec<(u64, u64)>);

/// What the end of a file tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// Where the filters are.
    Filters(Filters),
    /// Nothing: the file has to be opened.
    Nothing,
    /// So many bytes of the end are needed.
    More(u64),
}

impl Filters {
    /// Reads the last bytes of a file for where the filters of `column` are. Every row group must
    /// have one.
    pub(crate) fn of(tail: &[u8], column: &str) -> Told {
        // Encrypted footers and other formats end otherwise.
        let Some((rest, [a, b, c, d, b'P', b'A', b'R', b'1'])) =
            tail.split_last_chunk::<END_BYTES>()
        else {
            return Told::Nothing;
        };
        let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
        let Some(from) = rest.len().checked_sub(length) else {
            return Told::More((length + END_BYTES) as u64);
        };
        let options = ParquetMetaDataOptions::new()
            .with_column_stats_policy(ParquetStatisticsPolicy::SkipAll)
            .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll)
            .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll);
        let footer = ParquetMetaDataReader::decode_metadata_with_options(
            rest.get(from..).unwrap_or_default(),
            Some(&options),
        );
        let Ok(footer) = footer else { return Told::Nothing };
        let columns = footer.file_metadata().schema_descr().columns();
        let Some(at) = columns.iter().position(|c| c.name() == column) else {
            return Told::Nothing;
        };
        let groups = footer.row_groups().iter();
        match groups.map(|group| place(group.columns().get(at)?)).collect() {
            Some(places) => Told::Filters(Self(places)),
            None => Told::Nothing,
        }
    }

    /// The parts of the file that say whether `value` may be there.
    pub(crate) fn blocks<'a>(&'a self, value: &str) -> impl Iterator<Item = Range<u64>> + 'a {
        let mut hasher = XxHash64::with_seed(0);
        hasher.write(value.as_bytes());
        let upper = hasher.finish() >> 32;
        self.0.iter().map(move |(offset, count)| {
            let from = offset + ((upper * count) >> 32) * BLOCK;
            from..from + BLOCK
        })
    }

    /// Whether a filter with this block may hold `value`; also if the block is none.
    pub(crate) fn may_hold(block: &[u8], value: &str) -> bool {
        block.len() as u64 != BLOCK || Sbbf::new(block).check(value)
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn footprint(&self) -> usize {
        self.0.len() * size_of::<(u64, u64)>()
    }
}

/// Where the bits of a filter begin, and how many blocks they are.
fn place(chunk: &ColumnChunkMetaData) -> Option<(u64, u64)> {
    let offset = u64::try_from(chunk.bloom_filter_offset()?).ok()?;
    let length = u64::try_from(chunk.bloom_filter_length()?).ok()?;
    let bits = 1 << length.checked_ilog2()?;
    let header = length - bits;
    let sound = HEADER.contains(&header) && bits >= BLOCK && offset < u64::MAX / 2;
    sound.then_some((offset + header, bits / BLOCK))
}

#[cfg(test)]
#[path = "probe_tests.rs"]
mod tests;
