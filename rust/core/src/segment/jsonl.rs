//! Segments as compressed JSON lines (FORMAT section 5): written from a Parquet file, and made into
//! one again.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, UInt16Array, new_null_array};
use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::merge::output::{Output, Written};
use super::merge::{Kept, arrow_type};
use super::meta::{SegmentColumn, SegmentMeta, canonical};
use super::read::SegmentFile;
use super::write::Effort;
use crate::columns::{LogicalColumn, Shredder};
use crate::json::{self, Limits};
use crate::storage::durable::Unfinished;
use crate::{Error, Result};

/// Longest head, in bytes: tree hashes and ordinals of a very large segment.
const MOST_HEAD: u64 = 1 << 29;
/// Longest record, in bytes. What a trail records is limited to far less.
const MOST_RECORD: u64 = 1 << 28;
/// Rows that are encoded at a time, and about how many bytes of records.
const CHUNK_ROWS: usize = 32_768;
const CHUNK_BYTES: usize = 64 << 20;

/// A restored file is read for a while and written quickly.
const RESTORED: Effort = Effort {
    level: 1,
    text_level: 1,
    group_rows: 131_072,
    dictionary_bytes: 1 << 20,
    page_rows: 20_000,
    page_bytes: 1 << 20,
    tries: false,
    blooms: true,
};

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    description: SegmentMeta,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    ordinals: Option<String>,
    seal: String,
    v: u32,
}

/// Counts and hashes what passes.
struct Hashing<W> {
    inner: W,
    hasher: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// An object that was written.
pub(crate) struct Lines {
    pub(crate) file: Unfinished,
    pub(crate) bytes: u64,
    /// Hex.
    pub(crate) sha256: String,
}

/// Writes the rows of a segment as compressed lines; `level` is zstd's.
///
/// # Errors
/// `Integrity` if the segment cannot be read; `Io`.
pub(crate) fn write(file: &SegmentFile, into: Unfinished, level: i32) -> Result<Lines> {
    let place = into.path().to_owned();
    let failed = |e: io::Error| Error::io(&place, e);
    let mut ordinals = Vec::new();
    if file.meta().batches.len() > 1 {
        for group in 0..file.parquet().num_row_groups() {
            file.ordinals(group, |ordinal| {
                ordinals.extend(ordinal.to_be_bytes());
                Ok(())
            })?;
        }
    }
    let head = Head {
        description: file.meta().clone(),
        ordinals: (!ordinals.is_empty()).then(|| BASE64.encode(&ordinals)),
        seal: file.seal().to_owned(),
        v: 1,
    };
    let out = Hashing { inner: into, hasher: Sha256::new(), bytes: 0 };
    let mut out = zstd::stream::write::Encoder::new(out, level).map_err(failed)?;
    out.include_checksum(true).map_err(failed)?;
    let mut line = canonical(&head)?;
    line.push(b'\n');
    out.write_all(&line).map_err(failed)?;
    let reader = file.row_reader();
    for batch in file.rows()? {
        let batch = batch.map_err(|e| file.failed(e))?;
        let rows = reader.columns(&batch)?;
        for row in 0..batch.num_rows() {
            line.clear();
            rows.record(row, &mut line).map_err(|fault| file.failed(fault))?;
            line.push(b'\n');
            out.write_all(&line).map_err(failed)?;
        }
    }
    let Hashing { inner, hasher, bytes } = out.finish().map_err(failed)?;
    Ok(Lines { file: inner, bytes, sha256: HEXLOWER.encode(&hasher.finalize()) })
}

/// Makes the Parquet file of a segment again: its rows, description and seal. Whether the object is
/// the one that the ledger names is for the caller to know.
///
/// # Errors
/// `Integrity` if it is no segment; `Io`.
pub(crate) fn restore(path: &str, object: &[u8], folder: &Path, tag: &str) -> Result<Restored> {
    let with_rest = read(path, object, true, &|| Unfinished::create(folder, tag))?;
    let written = match with_rest.any_rest {
        true => with_rest,
        // A file without rest has no such column.
        false => read(path, object, false, &|| Unfinished::create(folder, tag))?,
    };
    Ok(Restored { file: written.file, bytes: written.bytes, sha256: written.sha256 })
}

/// Id of the trail that compressed lines say they are of.
///
/// # Errors
/// `Integrity` if they have no such head.
pub(crate) fn trail_of(path: &str, object: &[u8]) -> Result<String> {
    let (head, ..) = begin(path, object)?;
    Ok(head.description.trail)
}

/// The head, its bytes, and the lines after it.
fn begin<'a>(path: &'a str, object: &'a [u8]) -> Result<(Head, Vec<u8>, Lined<'a, impl BufRead>)> {
    let wrong = |what: &str| Error::integrity(path, what);
    let lines = zstd::stream::read::Decoder::new(object).map_err(|e| unreadable(path, &e))?;
    let mut lines = Lined { path, lines: BufReader::new(lines), rows: 0 };
    let line = lines.next(MOST_HEAD)?.ok_or_else(|| wrong("it has no first line"))?;
    let head = serde_json::from_slice(&line).map_err(|e| wrong(&format!("its first line: {e}")))?;
    Ok((head, line, lines))
}

fn read(
    path: &str,
    object: &[u8],
    with_rest: bool,
    file: &dyn Fn() -> Result<Unfinished>,
) -> Result<Written> {
    let wrong = |what: &str| Error::integrity(path, what);
    let (head, line, mut lines) = begin(path, object)?;
    if head.v != 1 || canonical(&head)? != line {
        return Err(wrong("its first line is of an unknown version or not canonical JSON"));
    }
    let ordinals =
        ordinals(&head).ok_or_else(|| wrong("its ordinals are not those of its rows"))?;
    let columns: Vec<LogicalColumn> =
        head.description.columns.iter().map(SegmentColumn::logical).collect();
    let rows = usize::try_from(head.description.rows).unwrap_or(usize::MAX);
    let mut target = Target { columns, rows, ordinals, with_rest, output: None };
    while let Some(chunk) = lines.chunk(&target.columns)? {
        target.add(chunk, file)?;
    }
    let mut output = target.output.ok_or_else(|| wrong("it has no rows"))?;
    if lines.rows != head.description.rows {
        return Err(wrong("it has another number of rows than it says"));
    }
    output.end_rows()?;
    let description = String::from_utf8(canonical(&head.description)?)
        .map_err(|e| Error::encoding("description", e))?;
    output.finish(description, head.seal)
}

/// A Parquet file that was made of lines.
pub(crate) struct Restored {
    pub(crate) file: Unfinished,
    pub(crate) bytes: u64,
    /// Hex.
    pub(crate) sha256: String,
}

/// The batch of each row, in the order of rows.
fn ordinals(head: &Head) -> Option<Vec<u16>> {
    let rows = usize::try_from(head.description.rows).ok()?;
    let bytes = match &head.ordinals {
        None if head.description.batches.len() == 1 => return Some(Vec::new()),
        None => return None,
        Some(text) => BASE64.decode(text.as_bytes()).ok()?,
    };
    let (pairs, rest) = bytes.as_chunks::<2>();
    let known = head.description.batches.len();
    let ordinals: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
    let fits = known > 1 && rest.is_empty() && ordinals.len() == rows;
    (fits && ordinals.iter().all(|at| usize::from(*at) < known)).then_some(ordinals)
}

fn unreadable(path: &str, error: &io::Error) -> Error {
    Error::integrity(path, format!("not readable as compressed lines: {error}"))
}

/// The lines of an object.
struct Lined<'a, R: BufRead> {
    path: &'a str,
    lines: R,
    rows: u64,
}

/// Some rows as columns: those of the description, and the rest.
struct Rows {
    rows: usize,
    columns: Vec<Option<ArrayRef>>,
    rest: Option<ArrayRef>,
}

impl<R: BufRead> Lined<'_, R> {
    /// The next line without its break; `None` at the end.
    fn next(&mut self, most: u64) -> Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let read = (&mut self.lines).take(most + 1).read_until(b'\n', &mut line);
        match read.map_err(|e| unreadable(self.path, &e))? {
            0 => Ok(None),
            _ if line.pop() == Some(b'\n') => Ok(Some(line)),
            _ => Err(Error::integrity(self.path, "a line is too long or has no end")),
        }
    }

    /// The next records, taken apart.
    fn chunk(&mut self, columns: &[LogicalColumn]) -> Result<Option<Rows>> {
        let limits = Limits { max_bytes: usize::MAX, ..Limits::default() };
        let mut shredder = Shredder::of_types(columns);
        let (mut rows, mut bytes) = (0, 0);
        while rows < CHUNK_ROWS && bytes < CHUNK_BYTES {
            let Some(record) = self.next(MOST_RECORD)? else { break };
            if !json::is_canonical(&record, limits) {
                let message = format!("row {} is no canonical record", self.rows);
                return Err(Error::integrity(self.path, message));
            }
            shredder.push(&record);
            self.rows += 1;
            rows += 1;
            bytes += record.len();
        }
        if rows == 0 {
            return Ok(None);
        }
        let parts = shredder.finish_all()?;
        let columns = parts.columns.into_iter().map(|(values, _)| values).collect();
        Ok(Some(Rows { rows, columns, rest: parts.rest }))
    }
}

/// The Parquet file in the making.
struct Target {
    columns: Vec<LogicalColumn>,
    rows: usize,
    /// By row; none if there is one batch.
    ordinals: Vec<u16>,
    with_rest: bool,
    output: Option<Output>,
}

impl Target {
    fn add(&mut self, chunk: Rows, file: &dyn Fn() -> Result<Unfinished>) -> Result<()> {
        let from = self.rows_done();
        let batch: UInt16Array = match self.ordinals.is_empty() {
            true => std::iter::repeat_n(0, chunk.rows).collect(),
            false => {
                let these = self.ordinals.get(from..from + chunk.rows);
                these.unwrap_or_default().iter().copied().collect()
            }
        };
        if batch.len() != chunk.rows {
            return Err(Error::integrity("segment", "it has more rows than it says"));
        }
        let mut arrays: Vec<ArrayRef> = vec![Arc::new(batch)];
        let rest = self.with_rest.then_some(chunk.rest);
        let all = chunk.columns.into_iter().chain(rest);
        for (at, values) in (1..).zip(all) {
            let kind = arrow_type(&self.columns, at);
            arrays.push(values.unwrap_or_else(|| new_null_array(&kind, chunk.rows)));
        }
        let output = match &mut self.output {
            Some(output) => output,
            none => {
                let of = (self.rows, false);
                // Only what is in the clear becomes compressed lines.
                let kept = Kept::plain(&self.columns);
                let begun = Output::begin(file()?, &kept, self.with_rest, &arrays, of, &RESTORED)?;
                none.insert(begun)
            }
        };
        let mut done = 0;
        while done < chunk.rows {
            let take = output.room().min(chunk.rows - done);
            let part: Vec<ArrayRef> = arrays.iter().map(|array| array.slice(done, take)).collect();
            output.add_arrays(&part, take)?;
            done += take;
        }
        Ok(())
    }

    fn rows_done(&self) -> usize {
        self.output.as_ref().map_or(0, Output::rows)
    }
}
