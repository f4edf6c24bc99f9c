//! Words in the values of a record, whatever their case.

use std::borrow::Cow;

use memchr::{memchr, memchr2_iter};
use sealtrail_core::columns::ColumnType;

use crate::json::{self, Elements, Form, Members};

/// A word that is looked for. Letters of ASCII match in either case; where the word has others,
/// so do those.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Word {
    /// In lower case.
    lower: String,
    /// Where in it the byte stands that is the least common in texts.
    rare: usize,
}

/// Bytes of lower case texts, the most common first; all others are rarer.
const COMMON: &[u8] = b"etaoinsrhldcumfpgwybvk _-/.0123456789";

impl Word {
    pub(crate) fn new(word: &str) -> Self {
        let lower = word.to_lowercase();
        let rank = |byte: u8| COMMON.iter().position(|c| *c == byte).unwrap_or(COMMON.len());
        let places = lower.bytes().enumerate();
        let rare = places.max_by_key(|(_, byte)| rank(*byte)).map_or(0, |(at, _)| at);
        Self { lower, rare }
    }

    /// Whether a text contains it.
    pub(crate) fn in_text(&self, text: &str) -> bool {
        if self.lower.is_ascii() {
            return self.in_bytes(text.as_bytes());
        }
        text.to_lowercase().contains(&self.lower)
    }

    fn in_bytes(&self, text: &[u8]) -> bool {
        let word = self.lower.as_bytes();
        let Some(byte) = word.get(self.rare) else { return true };
        let Some(last) = text.len().checked_sub(word.len()) else { return false };
        let region = &text[self.rare..=self.rare + last];
        memchr2_iter(*byte, byte.to_ascii_uppercase(), region)
            .any(|start| text[start..start + word.len()].eq_ignore_ascii_case(word))
    }

    /// Whether a value in JSON text contains it.
    pub(crate) fn in_json(&self, text: &str, form: Form) -> bool {
        if self.shows_in_raw(text, form) && !self.in_text(text) {
            return false;
        }
        self.in_value(text.trim_matches([' ', '\t', '\n', '\r']))
    }

    /// Whether the word would stand in the raw text just as it is.
    fn shows_in_raw(&self, text: &str, form: Form) -> bool {
        let escaped = |c: char| c == '"' || c == '\\' || c.is_control();
        // Canonical text escapes nothing else.
        !self.lower.contains(escaped)
            && (form == Form::Canonical || memchr(b'\\', text.as_bytes()).is_none())
    }

    fn in_value(&self, raw: &str) -> bool {
        match raw.as_bytes().first() {
            Some(b'{') => Members::new(raw)
                .is_some_and(|mut members| members.any(|(_, value)| self.in_value(value))),
            Some(b'[') => Elements::new(raw)
                .is_some_and(|mut elements| elements.any(|value| self.in_value(value))),
            Some(b'"') => match json::as_str(raw) {
                Some(Cow::Borrowed(text)) => self.in_text(text),
                Some(Cow::Owned(text)) => self.in_text(&text),
                None => false,
            },
            _ => raw != "null" && self.in_text(raw),
        }
    }

    /// Whether a value of a column of this type can contain it at all.
    pub(crate) fn fits(&self, kind: ColumnType) -> bool {
        let of = |allowed: &str| self.lower.chars().all(|c| allowed.contains(c));
        match kind {
            ColumnType::Utf8 => true,
            ColumnType::Int64 => of("-0123456789"),
            ColumnType::Float64 => of("-+.0123456789e"),
            ColumnType::Boolean => ["true", "false"].iter().any(|t| t.contains(&self.lower)),
            ColumnType::Timestamp => of("-:.0123456789tz"),
        }
    }
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
