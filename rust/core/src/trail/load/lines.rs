//! Lines of a text that may be compressed and may be larger than memory.

use std::io::{BufReader, Cursor, Read};
use std::ops::Range;

use crate::record::Rules;
use crate::{Error, Result};

const CHUNK_BYTES: usize = 8 << 20;

/// A run of whole lines.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    text: Vec<u8>,
    /// Line number and place of each line that is not blank.
    lines: Vec<(u64, Range<usize>)>,
    too_long: Vec<u64>,
}

impl Chunk {
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn line(&self, index: usize) -> (u64, &[u8]) {
        let (number, range) = &self.lines[index];
        (*number, &self.text[range.clone()])
    }

    /// Numbers of lines longer than any record's text can be.
    pub(super) fn too_long(&self) -> &[u64] {
        &self.too_long
    }

    /// About `count` ranges of line indices of equal length.
    pub(super) fn pieces(&self, count: usize) -> impl Iterator<Item = Range<usize>> {
        let (len, step) = (self.len(), self.len().div_ceil(count.max(1)).max(1));
        (0..len).step_by(step).map(move |from| from..(from + step).min(len))
    }

    pub(super) fn bytes_of(&self, lines: &Range<usize>) -> usize {
        self.lines[lines.clone()].iter().map(|(_, range)| range.len()).sum()
    }
}

/// Cuts an input into chunks.
pub(super) struct LineReader {
    name: String,
    input: Box<dyn Read + Send>,
    /// Why it ended before its end.
    failure: Option<Error>,
    carry: Vec<u8>,
    /// The rest of the current line is skipped: it was too long.
    skipping: bool,
    number: u64,
    bytes: u64,
    max_line: usize,
    done: bool,
}

impl LineReader {
    /// Recognises gzip and zstd by their first bytes.
    pub(super) fn new(name: &str, mut input: Box<dyn Read + Send>, rules: &Rules) -> Result<Self> {
        let unreadable = |e| Error::io(name, e);
        let mut head = Vec::new();
        input.by_ref().take(4).read_to_end(&mut head).map_err(unreadable)?;
        let compressed = (head.starts_with(&[0x1f, 0x8b]), head == [0x28, 0xb5, 0x2f, 0xfd]);
        let whole = Cursor::new(head).chain(input);
        let input: Box<dyn Read + Send> = match compressed {
            (true, _) => Box::new(flate2::read::MultiGzDecoder::new(BufReader::new(whole))),
            (_, true) => Box::new(zstd::stream::read::Decoder::new(whole).map_err(unreadable)?),
            _ => Box::new(whole),
        };
        Ok(Self {
            name: name.to_owned(),
            input,
            failure: None,
            carry: Vec::new(),
            skipping: false,
            number: 0,
            bytes: 0,
            // Escapes and white space make a text longer than its record.
            max_line: rules.limits.max_bytes.saturating_mul(6).max(CHUNK_BYTES),
            done: false,
        })
    }

    /// Bytes read, after decompression.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Why the input ended before its end, if it did.
    pub(super) fn failure(&mut self) -> Option<Error> {
        self.failure.take()
    }

    /// The next lines, `None` at the end or where no more can be read.
    pub(super) fn next_chunk(&mut self) -> Option<Chunk> {
        if self.done {
            return None;
        }
        let mut chunk = Chunk { text: std::mem::take(&mut self.carry), ..Chunk::default() };
        let before = chunk.text.len();
        let want = CHUNK_BYTES as u64;
        let result = self.input.by_ref().take(want).read_to_end(&mut chunk.text);
        self.failure = result.err().map(|e| Error::io(&self.name, e));
        let read = chunk.text.len() - before;
        self.bytes += read as u64;
        self.done = read == 0 || self.failure.is_some();
        let last = memchr::memrchr(b'\n', &chunk.text[before..]).map(|at| before + at + 1);
        let end = match last {
            Some(end) => end,
            None if self.done && self.failure.is_none() => chunk.text.len(),
            None => 0,
        };
        self.carry = chunk.text.split_off(end);
        self.cut(&mut chunk);
        if self.carry.len() > self.max_line {
            self.carry.clear();
            if !self.skipping {
                chunk.too_long.push(self.number + 1);
            }
            self.skipping = true;
        }
        Some(chunk)
    }

    fn cut(&mut self, chunk: &mut Chunk) {
        let mut from = 0;
        while from < chunk.text.len() {
            let rest = &chunk.text[from..];
            let len = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            self.number += 1;
            if std::mem::take(&mut self.skipping) {
                // This is the end of a line that was counted as too long.
            } else if len > self.max_line {
                chunk.too_long.push(self.number);
            } else if !rest[..len].trim_ascii().is_empty() {
                chunk.lines.push((self.number, from..from + len));
            }
            from += len + 1;
        }
    }
}
