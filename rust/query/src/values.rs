//! What is known of the values of a column in a row group without reading its rows: a dictionary
//! holds all of them, a bloom filter tells most of those that are not there.
//!
//! Of a path that has no column the rest of the records tells, which is read once for it.
//!
//! Segments never change, so what was read once is kept. Of a dictionary only a mark of four bytes
//! for each value is kept: two values with one mark cost time and change no answer.

mod in_rest;

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::basic::{Encoding, Type};
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{Page, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;

/// Longest dictionary that is read for it, compressed: of longer ones the rows are about as long.
const LONGEST: u64 = 1 << 20;

/// A text that is looked for.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) text: String,
    mark: u32,
}

impl Wanted {
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), mark: mark(text.as_bytes()) }
    }
}

fn mark(value: &[u8]) -> u32 {
    let mut hasher = DefaultHasher::new();
    hasher.write(value);
    let hash = hasher.finish();
    #[expect(clippy::cast_possible_truncation, reason = "half of a hash is a hash")]
    let mark = hash as u32;
    mark
}

/// The values of a column in one row group.
#[derive(Debug)]
pub(crate) enum Values {
    /// The marks of all of them, in order.
    Marks(Box<[u32]>),
    /// A filter that all of them pass.
    Bloom(Sbbf),
    /// Any value may be there.
    Unknown,
}

impl Values {
    fn of(mut marks: Vec<u32>) -> Self {
        marks.sort_unstable();
        marks.dedup();
        Self::Marks(marks.into_boxed_slice())
    }

    /// Whether one of these may be among them.
    pub(crate) fn may_hold(&self, wanted: &[Wanted]) -> bool {
        match self {
            Self::Marks(marks) => wanted.iter().any(|w| marks.binary_search(&w.mark).is_ok()),
            Self::Bloom(bloom) => wanted.iter().any(|w| bloom.check(w.text.as_str())),
            Self::Unknown => true,
        }
    }

    fn bytes(&self) -> usize {
        let own = match self {
            Self::Marks(marks) => marks.len() * size_of::<u32>(),
            Self::Bloom(bloom) => bloom.num_blocks() * 32,
            Self::Unknown => 0,
        };
        own + 64
    }
}

/// What values are looked for in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Source {
    /// The position of a column in the segment.
    pub(crate) column: usize,
    /// If that is the rest, where in it: the text there, or the texts of the array there.
    pub(crate) keys: Option<Vec<String>>,
}

/// A row group of a segment, and a source in it.
pub(crate) type Place = (usize, Source);

/// The values of columns of one trail's segments; of the oldest segments dropped first.
#[derive(Debug)]
pub(crate) struct ValueCache {
    limit: usize,
    inner: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    by_path: HashMap<Path, HashMap<Place, Arc<Values>>>,
    order: VecDeque<Path>,
    bytes: usize,
}

impl ValueCache {
    /// Keeps up to `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, inner: Mutex::default() }
    }

    fn get(&self, path: &Path, place: &Place) -> Option<Arc<Values>> {
        let known = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        known.by_path.get(path)?.get(place).map(Arc::clone)
    }

    fn put(&self, path: &Path, place: Place, values: &Arc<Values>) {
        let mut known = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let known = &mut *known;
        let of_segment = known.by_path.entry(path.clone()).or_insert_with(|| {
            known.order.push_back(path.clone());
            HashMap::new()
        });
        if of_segment.insert(place, Arc::clone(values)).is_none() {
            known.bytes += values.bytes();
        }
        while known.bytes > self.limit {
            let Some(oldest) = known.order.pop_front() else { break };
            let dropped = known.by_path.remove(&oldest).unwrap_or_default();
            known.bytes -= dropped.values().map(|values| values.bytes()).sum::<usize>();
        }
    }

    /// What can be known of the values at a place of a segment. Where that cannot be read any
    /// value may be there: who reads the rows is told what is wrong.
    pub(crate) async fn of(
        &self,
        store: &dyn ObjectStore,
        path: &Path,
        metadata: &Arc<ParquetMetaData>,
        place: Place,
    ) -> Arc<Values> {
        if let Some(values) = self.get(path, &place) {
            return values;
        }
        let (group, source) = &place;
        let values = match &source.keys {
            None => read(store, path, metadata.row_group(*group).column(source.column)).await,
            Some(keys) => {
                let place = (*group, source.column);
                in_rest::read(store, path, Arc::clone(metadata), place, keys.clone()).await
            }
        };
        let values = Arc::new(values.unwrap_or(Values::Unknown));
        self.put(path, place, &values);
        values
    }
}

async fn read(
    store: &dyn ObjectStore,
    path: &Path,
    column: &ColumnChunkMetaData,
) -> Result<Values> {
    let encrypted = column.crypto_metadata().is_some();
    if encrypted || column.column_type() != Type::BYTE_ARRAY {
        return Ok(Values::Unknown);
    }
    if let Some((from, to)) = dictionary(column) {
        let part = FilePart::read(store, path, from, to).await?;
        return marks(part, column);
    }
    let (Some(from), Some(length)) = (column.bloom_filter_offset(), column.bloom_filter_length())
    else {
        return Ok(Values::Unknown);
    };
    let from = u64::try_from(from)?;
    let part = FilePart::read(store, path, from, from + u64::try_from(length)?).await?;
    let bloom = Sbbf::read_from_column_chunk(column, &part)?;
    Ok(bloom.map_or(Values::Unknown, Values::Bloom))
}

/// Where the dictionary of a column is that holds all of its values.
fn dictionary(column: &ColumnChunkMetaData) -> Option<(u64, u64)> {
    let of_dictionary = column.page_encoding_stats_mask().is_some_and(|mask| {
        mask.is_only(Encoding::RLE_DICTIONARY) || mask.is_only(Encoding::PLAIN_DICTIONARY)
    });
    let from = u64::try_from(column.dictionary_page_offset()?).ok()?;
    let to = u64::try_from(column.data_page_offset()).ok()?;
    (of_dictionary && from < to && to - from <= LONGEST).then_some((from, to))
}

fn marks(part: FilePart, column: &ColumnChunkMetaData) -> Result<Values> {
    let mut pages = SerializedPageReader::new(Arc::new(part), column, 0, None)?;
    let Some(Page::DictionaryPage { buf, num_values, .. }) = pages.get_next_page()? else {
        return Ok(Values::Unknown);
    };
    let mut marks = Vec::with_capacity(num_values as usize);
    let mut rest = buf;
    for _ in 0..num_values {
        if rest.len() < 4 {
            return Ok(Values::Unknown);
        }
        let length = rest.get_u32_le() as usize;
        if rest.len() < length {
            return Ok(Values::Unknown);
        }
        marks.push(mark(&rest[..length]));
        rest.advance(length);
    }
    Ok(Values::of(marks))
}

/// A part of a file, found by its place in the file.
struct FilePart {
    from: u64,
    bytes: Bytes,
}

impl FilePart {
    async fn read(store: &dyn ObjectStore, path: &Path, from: u64, to: u64) -> Result<Self> {
        let bytes = store.get_range(path, from..to).await?;
        Ok(Self { from, bytes })
    }

    fn at(&self, start: u64) -> Result<usize> {
        let at = start.checked_sub(self.from).and_then(|at| usize::try_from(at).ok());
        at.filter(|at| *at <= self.bytes.len())
            .ok_or_else(|| ParquetError::EOF(format!("{start} is not in this part of the file")))
    }
}

impl Length for FilePart {
    fn len(&self) -> u64 {
        self.from + self.bytes.len() as u64
    }
}

impl ChunkReader for FilePart {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(self.bytes.slice(self.at(start)?..).reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let at = self.at(start)?;
        let end = at.checked_add(length).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| ParquetError::EOF(format!("{length} bytes at {start}")))?;
        Ok(self.bytes.slice(at..end))
    }
}
