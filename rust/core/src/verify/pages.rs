//! Where pages are: the page index must say the same as the pages themselves, or readers that
//! use it would see other rows than those that do not.

use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::page_index::offset_index::PageLocation;

use super::sealed::{Part, Sealed};
use super::thrift::page_header;

const DATA_PAGE: i64 = 0;
const DICTIONARY_PAGE: i64 = 2;
const DATA_PAGE_V2: i64 = 3;
const OUTSIDE: &str = "the pages lie outside the file";

/// What is wrong with the pages of a file and their index: column and problem. `sealed` opens the
/// headers of encrypted ones.
pub(super) fn problems(
    file: &[u8],
    parquet: &ParquetMetaData,
    sealed: Option<&Sealed>,
) -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    let Some(index) = parquet.offset_index() else {
        return vec![(String::new(), "there is no page index")];
    };
    for (g, group) in parquet.row_groups().iter().enumerate() {
        for (c, chunk) in group.columns().iter().enumerate() {
            let locations = index.get(g).and_then(|group| group.get(c));
            let result = match locations {
                None => Err("there is no page index"),
                Some(locations) if chunk.crypto_metadata().is_some() => match sealed {
                    Some(sealed) => {
                        let pages = locations.page_locations();
                        sealed_pages(file, chunk, pages, group.num_rows(), (sealed, g, c))
                    }
                    None => Err("its pages are encrypted, and the file is not"),
                },
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

/// As [`chunk_pages`], of encrypted pages: each is a header and a body, encrypted and with their
/// lengths before them. Which page of which column one is, is part of what is authenticated.
fn sealed_pages(
    file: &[u8],
    chunk: &ColumnChunkMetaData,
    locations: &[PageLocation],
    rows: i64,
    (sealed, group, column): (&Sealed, usize, usize),
) -> Result<(), &'static str> {
    if chunk.file_path().is_some() || chunk.num_values() != rows {
        return Err("the number of values is not the number of rows, or they are elsewhere");
    }
    let header = |at: i64, part: Part| {
        let at = usize::try_from(at).map_err(|_| OUTSIDE)?;
        let text = sealed.open(file.get(at..).ok_or(OUTSIDE)?, part, (group, column))?;
        page_header(&text, 0)
    };
    let start = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset());
    let end = start.checked_add(chunk.compressed_size()).ok_or(OUTSIDE)?;
    let mut at = start;
    if chunk.dictionary_page_offset().is_some() {
        let dictionary = header(at, Part::DictionaryPageHeader)?;
        if dictionary.kind != DICTIONARY_PAGE || dictionary.values > rows {
            return Err("there is no dictionary of its values where it should be");
        }
        at = at.checked_add(sealed_page(file, at)?).ok_or(OUTSIDE)?;
    }
    if at != chunk.data_page_offset() {
        return Err("the pages do not begin where they should");
    }
    let mut row = 0;
    for (i, location) in locations.iter().enumerate() {
        let size = sealed_page(file, at)?;
        if (location.offset, i64::from(location.compressed_page_size)) != (at, size) {
            return Err("the page index says otherwise where its pages are");
        }
        let page = header(at, Part::DataPageHeader(i))?;
        let next = locations.get(i + 1).map_or(rows, |next| next.first_row_index);
        if !matches!(page.kind, DATA_PAGE | DATA_PAGE_V2) {
            return Err("there is another page than one of data where it should be");
        }
        if location.first_row_index != row || next.checked_sub(row) != Some(page.values) {
            return Err("the page index says otherwise which rows its pages hold");
        }
        if page.statistics {
            return Err("page headers carry statistics");
        }
        at = at.checked_add(size).ok_or(OUTSIDE)?;
        row = next;
    }
    if at != end || row != rows {
        return Err("there are other pages than the page index has");
    }
    Ok(())
}

/// Length of the encrypted page at a place: its header and its body.
fn sealed_page(file: &[u8], at: i64) -> Result<i64, &'static str> {
    let mut length = 0;
    for _ in 0..2 {
        let at = at.checked_add(length).and_then(|at| usize::try_from(at).ok()).ok_or(OUTSIDE)?;
        let module = file.get(at..).and_then(|rest| rest.first_chunk()).ok_or(OUTSIDE)?;
        length += 4 + i64::from(u32::from_le_bytes(*module));
    }
    Ok(length)
}

/// Walks the pages of a column chunk: they fill it without gaps, where and as the index says.
fn chunk_pages(
    file: &[u8],
    chunk: &ColumnChunkMetaData,
    locations: &[PageLocation],
    rows: i64,
) -> Result<(), &'static str> {
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
