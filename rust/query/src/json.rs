//! Reading values out of JSON text without building a tree.
//!
//! Works on any well-formed JSON. Text in canonical form (RFC 8785) has its members sorted, so
//! a lookup of a missing member can stop early: [`Form::Canonical`] says that this holds.

use std::borrow::Cow;

/// One step into a JSON value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum PathPart {
    /// A member of an object.
    Key(String),
    /// An element of an array; negative counts from the end.
    Index(i64),
}

/// What is known about the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    /// Any JSON: white space, members in any order, the first of duplicate members counts.
    Any,
    /// RFC 8785: no white space, members sorted by UTF-16 code units, no duplicates.
    Canonical,
}

/// The largest integer that a record keeps as a number, 2^53 - 1.
pub(crate) const MAX_EXACT: i64 = 9_007_199_254_740_991;

/// The raw text of the value at `path`, or `None` when there is none.
pub(crate) fn get<'a>(text: &'a str, path: &[PathPart], form: Form) -> Option<&'a str> {
    let mut value = trim(text);
    for part in path {
        value = match part {
            PathPart::Key(key) => member(value, key, form)?,
            PathPart::Index(index) => element(value, *index)?,
        };
    }
    if value.is_empty() { None } else { Some(value) }
}

/// As [`get`] for a path of member names in canonical text.
pub(crate) fn get_keys<'a, S: AsRef<str>>(text: &'a str, path: &[S]) -> Option<&'a str> {
    path.iter().try_fold(text, |value, key| member(value, key.as_ref(), Form::Canonical))
}

fn member<'a>(object: &'a str, wanted: &str, form: Form) -> Option<&'a str> {
    for (key, value) in Members::new(object)? {
        match compare_key(key, wanted) {
            KeyOrder::Equal => return Some(value),
            KeyOrder::After if form == Form::Canonical => return None,
            KeyOrder::After | KeyOrder::Other => {}
        }
    }
    None
}

fn element(array: &str, index: i64) -> Option<&str> {
    if let Ok(index) = usize::try_from(index) {
        return Elements::new(array)?.nth(index);
    }
    let from_end = usize::try_from(index.unsigned_abs()).ok()?;
    let all: Vec<&str> = Elements::new(array)?.collect();
    all.len().checked_sub(from_end).and_then(|i| all.get(i).copied())
}

enum KeyOrder {
    Equal,
    /// The member sorts after the wanted one.
    After,
    /// Before it, or the order is not decided here.
    Other,
}

/// Compares the raw text of a member's name with a wanted name.
fn compare_key(raw: &str, wanted: &str) -> KeyOrder {
    let (raw_bytes, wanted_bytes) = (raw.as_bytes(), wanted.as_bytes());
    if memchr::memchr(b'\\', raw_bytes).is_some() {
        return if unescape(raw) == wanted { KeyOrder::Equal } else { KeyOrder::Other };
    }
    let common = raw_bytes.iter().zip(wanted_bytes).take_while(|(a, b)| a == b).count();
    match (raw_bytes.get(common), wanted_bytes.get(common)) {
        (None, None) => KeyOrder::Equal,
        (Some(_), None) => KeyOrder::After,
        // UTF-16 order is byte order only where both are ASCII.
        (Some(a), Some(b)) if a.is_ascii() && b.is_ascii() && a > b => KeyOrder::After,
        _ => KeyOrder::Other,
    }
}

/// The members of an object, as raw name (between the quotes) and raw value.
pub(crate) struct Members<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Members<'a> {
    /// `None` if the text is not an object.
    pub fn new(text: &'a str) -> Option<Self> {
        let text = trim(text);
        text.starts_with('{').then_some(Self { text, at: 1 })
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        let start = skip_space(bytes, self.at);
        if bytes.get(start) != Some(&b'"') {
            return None;
        }
        let end = string_end(bytes, start)?;
        let colon = skip_space(bytes, end);
        if bytes.get(colon) != Some(&b':') {
            return None;
        }
        let from = skip_space(bytes, colon + 1);
        let to = value_end(bytes, from)?;
        self.at = after_comma(bytes, to);
        Some((self.text.get(start + 1..end - 1)?, self.text.get(from..to)?))
    }
}

/// The elements of an array, as raw values.
pub(crate) struct Elements<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Elements<'a> {
    /// `None` if the text is not an array.
    pub fn new(text: &'a str) -> Option<Self> {
        let text = trim(text);
        text.starts_with('[').then_some(Self { text, at: 1 })
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        let from = skip_space(bytes, self.at);
        if matches!(bytes.get(from), None | Some(b']')) {
            return None;
        }
        let to = value_end(bytes, from)?;
        self.at = after_comma(bytes, to);
        self.text.get(from..to)
    }
}

fn after_comma(bytes: &[u8], at: usize) -> usize {
    let at = skip_space(bytes, at);
    if bytes.get(at) == Some(&b',') { at + 1 } else { at }
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r'])
}

fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// The index after the closing quote of the string that opens at `start`.
fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        let found = at + memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[found] == b'"' {
            return Some(found + 1);
        }
        at = found + 2;
    }
}

/// The index after the value that begins at `start`.
fn value_end(bytes: &[u8], start: usize) -> Option<usize> {
    match bytes.get(start)? {
        b'"' => string_end(bytes, start),
        b'{' | b'[' => nested_end(bytes, start),
        _ => {
            let rest = bytes.get(start..)?;
            let length = rest
                .iter()
                .position(|b| matches!(b, b',' | b'}' | b']' | b':' | b' ' | b'\t' | b'\n' | b'\r'))
                .unwrap_or(rest.len());
            (length > 0).then_some(start + length)
        }
    }
}

fn nested_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut depth = 0usize;
    let mut at = start;
    loop {
        match bytes.get(at)? {
            b'"' => {
                at = string_end(bytes, at)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// The characters of a string from its raw text between the quotes.
pub(crate) fn unescape(raw: &str) -> Cow<'_, str> {
    let Some(first) = memchr::memchr(b'\\', raw.as_bytes()) else {
        return Cow::Borrowed(raw);
    };
    let mut out = String::with_capacity(raw.len());
    out.push_str(&raw[..first]);
    let mut chars = raw[first..].chars();
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
            Some('u') => out.push(unicode_escape(&mut chars)),
            Some(other) => out.push(other),
            None => {}
        }
    }
    Cow::Owned(out)
}

/// The character of `\uXXXX` (and a second one if it is a surrogate pair) after the `\u`.
fn unicode_escape(chars: &mut std::str::Chars<'_>) -> char {
    let Some(first) = four_hex(chars) else { return char::REPLACEMENT_CHARACTER };
    if !(0xD800..0xDC00).contains(&first) {
        return char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER);
    }
    let mut ahead = chars.clone();
    if ahead.next() == Some('\\') && ahead.next() == Some('u') {
        if let Some(second) = four_hex(&mut ahead).filter(|s| (0xDC00..0xE000).contains(s)) {
            *chars = ahead;
            let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
            return char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        }
    }
    char::REPLACEMENT_CHARACTER
}

fn four_hex(chars: &mut std::str::Chars<'_>) -> Option<u32> {
    (0..4).try_fold(0, |code, _| Some(code * 16 + chars.next()?.to_digit(16)?))
}

/// The characters of a JSON string; `None` for any other value.
pub(crate) fn as_str(raw: &str) -> Option<Cow<'_, str>> {
    raw.strip_prefix('"')?.strip_suffix('"').map(unescape)
}

/// Any value as text: a string without quotes, JSON text otherwise; `None` for `null`.
pub(crate) fn as_text(raw: &str) -> Option<Cow<'_, str>> {
    match raw {
        "null" => None,
        _ if raw.starts_with('"') => as_str(raw),
        _ => Some(Cow::Borrowed(raw)),
    }
}

/// A number without a fraction as an integer, `1.0` and `2e3` included.
pub(crate) fn as_int(raw: &str) -> Option<i64> {
    if let Ok(value) = raw.parse::<i64>() {
        return is_number(raw).then_some(value);
    }
    let value = as_float(raw)?;
    // 2^63 itself does not fit, so the upper bound is exclusive.
    let fits = value.fract() == 0.0
        && (-9.223_372_036_854_775_8e18..9.223_372_036_854_775_8e18).contains(&value);
    #[allow(clippy::cast_possible_truncation)]
    fits.then_some(value as i64)
}

/// An integer that an `int64` column holds: within ±(2^53 - 1).
pub(crate) fn as_exact_int(raw: &str) -> Option<i64> {
    as_int(raw).filter(|value| (-MAX_EXACT..=MAX_EXACT).contains(value))
}

/// A number.
pub(crate) fn as_float(raw: &str) -> Option<f64> {
    if is_number(raw) { raw.parse().ok() } else { None }
}

/// `true` or `false`.
pub(crate) fn as_bool(raw: &str) -> Option<bool> {
    match raw {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn is_number(raw: &str) -> bool {
    raw.as_bytes().first().is_some_and(|b| b.is_ascii_digit() || *b == b'-')
}

/// The number of members or elements; `None` for a scalar.
pub(crate) fn length(raw: &str) -> Option<usize> {
    Members::new(raw).map(Iterator::count).or_else(|| Elements::new(raw).map(Iterator::count))
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
