//! Reading canonical JSON in place. Malformed text ends an iteration; nothing here panics.

use std::borrow::Cow;
use std::cmp::Ordering;

/// Order of two raw (escaped, unquoted) member names: by UTF-16 code units of what they mean.
pub fn cmp_names(a: &[u8], b: &[u8]) -> Ordering {
    for (&x, &y) in a.iter().zip(b) {
        if x == b'\\' || y == b'\\' || x != y && (x >= 0x80 || y >= 0x80) {
            return unescape(a).encode_utf16().cmp(unescape(b).encode_utf16());
        }
        if x != y {
            return x.cmp(&y);
        }
    }
    a.len().cmp(&b.len())
}

/// Text of a raw (escaped, unquoted) string; unknown escapes stay as they are.
pub(super) fn unescape(raw: &[u8]) -> Cow<'_, str> {
    if !raw.contains(&b'\\') {
        return String::from_utf8_lossy(raw);
    }
    let text = String::from_utf8_lossy(raw);
    let mut out = String::with_capacity(raw.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('u') => {
                let digits: String = chars.by_ref().take(4).collect();
                let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                out.push(code.unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    Cow::Owned(out)
}

/// Text of a raw string value (with its quotes), `None` if it is not a string.
pub fn string_value(raw: &[u8]) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    Some(unescape(inner))
}

/// Appends one character as RFC 8785 writes it inside a string.
pub(super) fn write_escaped(c: char, out: &mut Vec<u8>) {
    match c {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\u{8}' => out.extend_from_slice(b"\\b"),
        '\u{c}' => out.extend_from_slice(b"\\f"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        c if c < ' ' => {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            out.extend_from_slice(b"\\u00");
            out.push(HEX[(c as usize) >> 4]);
            out.push(HEX[(c as usize) & 15]);
        }
        c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

/// Length of the text before the first byte that ends a string or is escaped in one: a quote, a
/// backslash or a control character.
pub(super) fn plain_len(text: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // Sets the high bit of every zero byte; of others only above the lowest zero byte.
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let (words, tail) = text.as_chunks::<8>();
    for (i, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let found = control | zero(word ^ (ONES * 0x22)) | zero(word ^ (ONES * 0x5c));
        if found != 0 {
            return i * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let special = |&b: &u8| b < 0x20 || b == b'"' || b == b'\\';
    words.len() * 8 + tail.iter().position(special).unwrap_or(tail.len())
}

/// Appends `text` as a canonical JSON string, quotes included.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut bytes = text.as_bytes();
    loop {
        let at = plain_len(bytes);
        out.extend_from_slice(&bytes[..at]);
        let Some(&special) = bytes.get(at) else { break };
        write_escaped(char::from(special), out);
        bytes = &bytes[at + 1..];
    }
    out.push(b'"');
}

/// The raw (escaped, unquoted) form of a member name.
pub fn raw_name(name: &str) -> Vec<u8> {
    let mut raw = Vec::with_capacity(name.len() + 2);
    write_string(name, &mut raw);
    raw.pop();
    raw.remove(0);
    raw
}

/// Whether the raw value is an object.
pub fn is_object(raw: &[u8]) -> bool {
    raw.first() == Some(&b'{')
}

const ONES: u64 = 0x0101_0101_0101_0101;

/// The high bit of each byte of `word` that equals `byte`; right up to the first such byte.
fn matches(word: u64, byte: u8) -> u64 {
    let differing = word ^ (ONES * u64::from(byte));
    differing.wrapping_sub(ONES) & !differing & (ONES << 7)
}

/// End of the string that begins at `at` (on its opening quote).
#[inline]
pub(crate) fn string_end(text: &[u8], at: usize) -> Option<usize> {
    let mut from = at + 1;
    loop {
        let rest = text.get(from..)?;
        // Eight bytes at a time: scanning strings is most of the work of all that reads records.
        let step = match rest.first_chunk() {
            Some(chunk) => {
                let word = u64::from_le_bytes(*chunk);
                let hits = matches(word, b'"') | matches(word, b'\\');
                if hits == 0 {
                    from += 8;
                    continue;
                }
                (hits.trailing_zeros() / 8) as usize
            }
            None => rest.iter().position(|&b| b == b'"' || b == b'\\')?,
        };
        if rest[step] == b'"' {
            return Some(from + step + 1);
        }
        from += step + 2;
    }
}

/// End of the value that begins at `at`.
#[inline]
pub(crate) fn value_end(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at)? {
        b'"' => string_end(text, at),
        b'{' | b'[' => container_end(text, at),
        _ => {
            let rest = &text[at..];
            let len = rest.iter().position(|b| matches!(b, b',' | b'}' | b']'));
            Some(at + len.unwrap_or(rest.len()))
        }
    }
}

/// End of the object or array that begins at `at`.
fn container_end(text: &[u8], at: usize) -> Option<usize> {
    let mut depth = 0usize;
    let mut from = at;
    loop {
        match text.get(from)? {
            b'"' => {
                from = string_end(text, from)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        from += 1;
        if depth == 0 {
            return Some(from);
        }
    }
}

/// Members of a canonical object, as `(raw name without quotes, raw value)`.
#[derive(Debug, Clone)]
pub struct Members<'a> {
    text: &'a [u8],
    at: usize,
}

/// Iterates over the members of a canonical object; anything else has none.
pub fn members(object: &[u8]) -> Members<'_> {
    let at = if is_object(object) { 1 } else { object.len() };
    Members { text: object, at }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.text.get(self.at) != Some(&b'"') {
            return None;
        }
        let name_end = string_end(self.text, self.at)?;
        let name = &self.text[self.at + 1..name_end - 1];
        if self.text.get(name_end) != Some(&b':') {
            return None;
        }
        let end = value_end(self.text, name_end + 1)?;
        self.at = end + 1;
        Some((name, &self.text[name_end + 1..end]))
    }
}

/// Elements of a canonical array, as raw values.
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    text: &'a [u8],
    at: usize,
}

/// Iterates over the elements of a canonical array; anything else has none.
pub fn elements(array: &[u8]) -> Elements<'_> {
    let at = if array.first() == Some(&b'[') { 1 } else { array.len() };
    Elements { text: array, at }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        if matches!(self.text.get(self.at), None | Some(b']')) {
            return None;
        }
        let end = value_end(self.text, self.at)?;
        let value = &self.text[self.at..end];
        self.at = end + 1;
        Some(value)
    }
}

/// The raw value at a path of member names, if there is one.
pub fn get<'a, S: AsRef<str>>(object: &'a [u8], path: &[S]) -> Option<&'a [u8]> {
    path.iter().try_fold(object, |value, name| {
        let name = raw_name(name.as_ref());
        members(value).find(|(found, _)| *found == name).map(|(_, value)| value)
    })
}
