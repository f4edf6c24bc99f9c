//! What stands where something was redacted.

use std::ops::Range;
use std::sync::OnceLock;

use regex::Regex;

/// `[redacted:email]`
pub(super) fn masked(what: &str) -> String {
    format!("[redacted:{what}]")
}

/// `[hash:email:<32 letters>]`: letters only, so that nothing in it looks like a number.
pub(super) fn hashed(what: &str, mac: &[u8; 16]) -> String {
    let letters = mac.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let letters: String = letters.map(|nibble| char::from(b'a' + nibble)).collect();
    format!("[hash:{what}:{letters}]")
}

/// `[encrypted:email:<base64url>]`
pub(super) fn encrypted(what: &str, sealed: &[u8]) -> String {
    format!("[encrypted:{what}:{}]", data_encoding::BASE64URL_NOPAD.encode(sealed))
}

/// A marker in a text.
pub(super) struct Mark<'a> {
    pub(super) range: Range<usize>,
    /// The base64url of a value that was encrypted.
    pub(super) sealed: Option<&'a str>,
}

/// The markers in a text, in order.
pub(super) fn marks(text: &str) -> Vec<Mark<'_>> {
    static FORM: OnceLock<Option<Regex>> = OnceLock::new();
    if !text.contains('[') {
        return Vec::new();
    }
    let form = FORM.get_or_init(|| {
        Regex::new(
            r"\[(?:redacted:[a-z_]+|hash:[a-z_]+:[a-p]{32}|encrypted:[a-z_]+:([A-Za-z0-9_-]+))\]",
        )
        .ok()
    });
    let found = form.iter().flat_map(|form| form.captures_iter(text));
    found
        .filter_map(|captures| {
            let range = captures.get(0)?.range();
            Some(Mark { range, sealed: captures.get(1).map(|sealed| sealed.as_str()) })
        })
        .collect()
}

/// The parts of a text outside markers.
pub(super) fn outside(text: &str) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut from = 0;
    for mark in marks(text) {
        parts.push(from..mark.range.start);
        from = mark.range.end;
    }
    parts.push(from..text.len());
    parts.retain(|part| !part.is_empty());
    parts
}
