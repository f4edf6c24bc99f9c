//! Finding the records of a file without trusting that all of it is well formed.

use super::super::text::lines;

/// One record's bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Span<'a> {
    /// 1-based line on which it starts.
    pub(super) line: u64,
    /// Its place in the list that holds it, from 0; none for a record that is a line.
    pub(super) index: Option<usize>,
    pub(super) bytes: &'a [u8],
}

/// A part of a file that is no record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) line: u64,
    pub(super) path: String,
    pub(super) reason: String,
}

/// The records of `bytes`, in order: `{"Records": [...]}`, `{"Events": [...]}`, a bare array, or
/// one JSON value a line (each of them any of these).
pub(super) fn split(bytes: &[u8]) -> (Vec<Span<'_>>, Vec<Broken>) {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut out = Split { spans: Vec::new(), broken: Vec::new() };
    if is_lines(bytes) {
        for line in lines(bytes) {
            if !line.bytes.iter().all(u8::is_ascii_whitespace) {
                out.document(line.bytes, line.number);
            }
        }
    } else if !bytes.iter().all(u8::is_ascii_whitespace) {
        out.document(bytes, 1);
    }
    (out.spans, out.broken)
}

/// Whether one of the first lines with something on them is a whole object.
fn is_lines(bytes: &[u8]) -> bool {
    lines(bytes).filter(|line| !line.bytes.iter().all(u8::is_ascii_whitespace)).take(2).any(
        |line| {
            let trimmed = line.bytes.trim_ascii();
            trimmed.starts_with(b"{") && value_end(trimmed, 0) == Some(trimmed.len())
        },
    )
}

struct Split<'a> {
    spans: Vec<Span<'a>>,
    broken: Vec<Broken>,
}

impl<'a> Split<'a> {
    fn document(&mut self, bytes: &'a [u8], first_line: u64) {
        let start = skip_space(bytes, 0);
        match bytes.get(start) {
            Some(b'[') => self.list(bytes, start, first_line, ""),
            Some(b'{') => match list_member(bytes, start) {
                Some((name, at)) => self.list(bytes, at, first_line, name),
                None => {
                    let line = first_line + count_lines(&bytes[..start]);
                    self.spans.push(Span { line, index: None, bytes: bytes[start..].trim_ascii() });
                }
            },
            _ => self.fail(first_line, String::new(), "neither an object nor an array"),
        }
    }

    fn fail(&mut self, line: u64, path: String, reason: &str) {
        self.broken.push(Broken { line, path, reason: reason.to_owned() });
    }

    fn list(&mut self, bytes: &'a [u8], open: usize, first_line: u64, name: &str) {
        let mut at = open + 1;
        let mut line = first_line + count_lines(&bytes[..at]);
        for index in 0.. {
            let start = skip_separators(bytes, at);
            line += count_lines(&bytes[at..start]);
            match bytes.get(start) {
                Some(b']') => return,
                Some(_) => {}
                None => return self.fail(line, format!("{name}[{index}]"), "the list is cut off"),
            }
            let Some(end) = value_end(bytes, start).filter(|end| *end > start) else {
                return self.fail(line, format!("{name}[{index}]"), "the record is cut off");
            };
            self.spans.push(Span { line, index: Some(index), bytes: &bytes[start..end] });
            line += count_lines(&bytes[start..end]);
            at = end;
        }
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

fn skip_space(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    at + rest.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(rest.len())
}

fn skip_separators(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let separator = |byte: &u8| byte.is_ascii_whitespace() || *byte == b',';
    at + rest.iter().position(|byte| !separator(byte)).unwrap_or(rest.len())
}

/// The member `Records` (or `Events`) of the object at `open`, if it is a list: its name and
/// where the list starts.
fn list_member(bytes: &[u8], open: usize) -> Option<(&'static str, usize)> {
    let mut at = open + 1;
    loop {
        let key = skip_separators(bytes, at);
        let key_end = value_end(bytes, key)?;
        let colon = skip_space(bytes, key_end);
        if bytes.get(colon) != Some(&b':') {
            return None;
        }
        let value = skip_space(bytes, colon + 1);
        let name = match &bytes[key..key_end] {
            b"\"Records\"" => Some("Records"),
            b"\"Events\"" => Some("Events"),
            _ => None,
        };
        match (name, bytes.get(value)) {
            (Some(name), Some(b'[')) => return Some((name, value)),
            _ => at = value_end(bytes, value)?,
        }
    }
}

/// Where the value that starts at `at` ends, by strings and brackets alone, so that a value that
/// is wrong inside does not hide those after it. None when the bytes end before it does.
fn value_end(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => string_end(bytes, at),
        b'{' | b'[' => {
            let mut depth = 0usize;
            let mut at = at;
            loop {
                match bytes.get(at)? {
                    b'"' => at = string_end(bytes, at)?,
                    byte => {
                        match byte {
                            b'{' | b'[' => depth += 1,
                            b'}' | b']' => depth -= 1,
                            _ => {}
                        }
                        at += 1;
                        if depth == 0 {
                            return Some(at);
                        }
                    }
                }
            }
        }
        _ => {
            let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}') || byte.is_ascii_whitespace();
            Some(at + bytes[at..].iter().position(ends).unwrap_or(bytes.len() - at))
        }
    }
}

fn string_end(bytes: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    loop {
        let step = memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        at += step;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}
