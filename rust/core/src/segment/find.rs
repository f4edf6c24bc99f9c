//! Finding rows by a value: bloom filters and bounds of pages first, then only what they leave.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::AsArray;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::RowSelection;
use parquet::bloom_filter::Sbbf;
use parquet::errors::Result as ParquetResult;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use rayon::prelude::*;

use super::read::SegmentFile;
use crate::Result;

/// Values that are looked for, in order.
struct Wanted<'a>(Vec<&'a str>);

impl<'a> Wanted<'a> {
    fn new(values: impl Iterator<Item = &'a str>) -> Self {
        let mut sorted: Vec<&str> = values.collect();
        sorted.sort_unstable();
        Self(sorted)
    }

    fn any_in(&self, bloom: &Sbbf) -> bool {
        self.0.iter().any(|value| bloom.check(*value))
    }

    fn any_between(&self, min: &[u8], max: &[u8]) -> bool {
        let at = self.0.partition_point(|value| value.as_bytes() < min);
        self.0.get(at).is_some_and(|value| value.as_bytes() <= max)
    }
}

/// Bloom filters by row group and column, kept for the next question.
#[derive(Debug, Default, Clone)]
pub(super) struct Blooms(Arc<Mutex<HashMap<(usize, usize), Option<Arc<Sbbf>>>>>);

impl Blooms {
    /// The filter at a place, read if it was not before.
    fn at(
        &self,
        place: (usize, usize),
        read: impl FnOnce() -> ParquetResult<Option<Sbbf>>,
    ) -> ParquetResult<Option<Arc<Sbbf>>> {
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bloom) = known().get(&place) {
            return Ok(bloom.clone());
        }
        let bloom = read()?.map(Arc::new);
        known().insert(place, bloom.clone());
        Ok(bloom)
    }

    /// Bytes of all filters of a row group that ids are looked for with.
    pub(super) fn most(group: &RowGroupMetaData) -> usize {
        let of_ids = group.columns().iter().filter(|c| c.column_path().string() == "audit_id");
        let lengths = of_ids.filter_map(|column| column.bloom_filter_length());
        lengths.filter_map(|length| usize::try_from(length).ok()).sum()
    }
}

impl SegmentFile {
    /// Row numbers whose `column` (of strings) equals `value`.
    ///
    /// # Errors
    /// `Integrity` if they cannot be read.
    pub fn find(&self, column: &str, value: &str) -> Result<Vec<usize>> {
        let found = self.scan(column, &Wanted::new([value].into_iter()), |text| text == value)?;
        Ok(found.into_iter().map(|(number, _)| number).collect())
    }

    /// The values of `column` (of strings) that are among `wanted`.
    ///
    /// # Errors
    /// `Integrity` if they cannot be read.
    pub fn matching(&self, column: &str, wanted: &HashSet<&str>) -> Result<HashSet<String>> {
        let sorted = Wanted::new(wanted.iter().copied());
        let found = self.scan(column, &sorted, |text| wanted.contains(text))?;
        Ok(found.into_iter().map(|(_, text)| text).collect())
    }

    /// The values of a column of strings that `is_wanted`, with their row numbers, out of all pages
    /// where a wanted one may be.
    fn scan(
        &self,
        column: &str,
        wanted: &Wanted<'_>,
        is_wanted: impl Fn(&str) -> bool + Sync,
    ) -> Result<Vec<(usize, String)>> {
        let schema = self.parquet().file_metadata().schema_descr();
        let Some(at) = schema.columns().iter().position(|c| c.name() == column) else {
            return Ok(Vec::new());
        };
        let builder = self.builder();
        let mut parts = Vec::new();
        let mut first = 0;
        for (group, meta) in self.parquet().row_groups().iter().enumerate() {
            let rows = meta.num_rows() as usize;
            let read = || builder.get_row_group_column_bloom_filter(group, at);
            let bloom = self.blooms.at((group, at), read);
            if bloom.map_err(|e| self.failed(e))?.is_none_or(|bloom| wanted.any_in(&bloom)) {
                let pages = self.pages(group, at, rows, wanted);
                let each = pages.len().div_ceil(rayon::current_num_threads()).max(1);
                parts.extend(pages.chunks(each).map(|p| (group, rows, first, p.to_vec())));
            }
            first += rows;
        }
        let read = |(group, rows, first, pages): (usize, usize, usize, Vec<Range<usize>>)| {
            let selection = RowSelection::from_consecutive_ranges(pages.iter().cloned(), rows);
            let builder = self
                .builder()
                .with_row_groups(vec![group])
                .with_row_selection(selection)
                .with_projection(ProjectionMask::leaves(schema, [at]));
            let mut numbers = pages.into_iter().flatten();
            let mut found = Vec::new();
            for batch in builder.build().map_err(|e| self.failed(e))? {
                let batch = batch.map_err(|e| self.failed(e))?;
                let Some(texts) = batch.column(0).as_string_opt::<i32>() else {
                    return Err(self.failed(format!("column {column:?} holds no strings")));
                };
                for (text, number) in texts.iter().zip(numbers.by_ref()) {
                    let text = text.filter(|text| is_wanted(text));
                    found.extend(text.map(|text| (first + number, text.to_owned())));
                }
            }
            Ok(found)
        };
        let found: Vec<Vec<_>> = parts.into_par_iter().map(read).collect::<Result<_>>()?;
        Ok(found.concat())
    }

    /// Rows of a row group whose pages may hold a wanted value; all where nothing is known.
    fn pages(
        &self,
        group: usize,
        at: usize,
        rows: usize,
        wanted: &Wanted<'_>,
    ) -> Vec<Range<usize>> {
        let all = || std::iter::once(0..rows).collect();
        let metadata = self.parquet();
        let bounds = metadata.column_index().and_then(|index| index.get(group)?.get(at));
        let places = metadata.offset_index().and_then(|index| index.get(group)?.get(at));
        let (Some(ColumnIndexMetaData::BYTE_ARRAY(bounds)), Some(places)) = (bounds, places) else {
            return all();
        };
        let places = places.page_locations();
        if bounds.num_pages() != places.len() as u64 {
            return all();
        }
        let start = |page: usize| {
            places
                .get(page)
                .map_or(rows, |place| usize::try_from(place.first_row_index).unwrap_or(0))
        };
        (0..places.len())
            .filter(|page| match (bounds.min_value(*page), bounds.max_value(*page)) {
                (Some(min), Some(max)) => wanted.any_between(min, max),
                _ => !bounds.is_null_page(*page),
            })
            .map(|page| start(page)..start(page + 1))
            .collect()
    }
}
