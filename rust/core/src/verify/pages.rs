//! Where pages are: the page index must say the same as the pages themselves, or readers that
//! use it would see other rows than those that do not.

use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::page_index::offset_index::PageLocation;

use super::thrift::page_header;

const DATA_PAGE: i64 = 0;
const DICTIONARY_PAGE: i64 = 2;
const DATA_PAGE_V2: i64 = 3;

/// What is wrong with the pages of a file and their index: column and problem.
pub(super) fn problems(file: &[u8], parquet: &ParquetMetaData) -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    let Some(index) = parquet.offset_index() else {
        return vec![(String::new(), "there is no page index")];
    };
    for (g, group) in parquet.row_groups().iter().enumerate() {
        for (c, chunk) in group.columns().iter().enumerate() {
            let locations = index.get(g).and_then(|group| group.get(c));
            let result = match locations {
                None => Err("there is no page index"),
                Some(locations) => {
                    chunk_pages(file, chunk, locations.page_locations(), group.num_rows())
                }
            };
            if let Err(problem) = result {
                found.push((chunk.column_path().string(), problem));
            }
        }
    }
    found
}

/// Walks the pages of a column chunk: they fill it without gaps, where and as the index says.
fn chunk_pages(
    file: &[u8],
    chunk: &ColumnChunkMetaData,
    locations: &[PageLocation],
    rows: i64,
) -> Result<(), &'static str> {
    const OUTSIDE: &str = "the pages lie outside the file";
    if chunk.file_path().is_some() {
        return Err("the values are said to be in another file");
    }
    if chunk.num_values() != rows {
        return Err("the number of values is not the number of rows");
    }
    let offset = |offset: i64| u64::try_from(offset).map_err(|_| OUTSIDE);
    let start = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset());
    let end = start.checked_add(chunk.compressed_size()).ok_or(OUTSIDE)?;
    let mut at = start;
    if chunk.dictionary_page_offset().is_some() {
        let header = page_header(file, offset(at)?)?;
        if header.kind != DICTIONARY_PAGE || header.values > rows {
            return Err("there is no dictionary of its values where it should be");
        }
        at = at.checked_add(header.size).ok_or(OUTSIDE)?;
    }
    if at != chunk.data_page_offset() {
        return Err("the pages do not begin where they should");
    }
    let mut row = 0;
    for (i, location) in locations.iter().enumerate() {
        let header = page_header(file, offset(at)?)?;
        let next = locations.get(i + 1).map_or(rows, |next| next.first_row_index);
        let here = (location.offset, i64::from(location.compressed_page_size));
        if !matches!(header.kind, DATA_PAGE | DATA_PAGE_V2) || here != (at, header.size) {
            return Err("the page index says otherwise where its pages are");
        }
        if location.first_row_index != row || next.checked_sub(row) != Some(header.values) {
            return Err("the page index says otherwise which rows its pages hold");
        }
        if header.statistics {
            return Err("page headers carry statistics");
        }
        at = at.checked_add(header.size).ok_or(OUTSIDE)?;
        row = next;
    }
    if at != end || row != rows {
        return Err("there are other pages than the page index has");
    }
    Ok(())
}
