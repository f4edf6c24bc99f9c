//! The file as a tree in which every key and value knows its place.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};
use serde_saphyr::{Location, MessageFormatter, Spanned, UserMessageFormatter};

use crate::{Error, Result};

/// A place in the file; line and column count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl At {
    /// The first character of the file.
    pub(super) const START: Self = Self { line: 1, column: 1 };

    fn of(location: Location) -> Self {
        let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        Self { line: number(location.line()), column: number(location.column()) }
    }

    /// The place of byte `offset` of `text`.
    pub(super) fn of_offset(text: &str, offset: usize) -> Self {
        let before = &text[..text.floor_char_boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// A configuration error at this place of `path`.
    pub(super) fn error(self, path: &Path, message: String) -> Error {
        Error::Config {
            path: path.display().to_string(),
            line: self.line,
            column: self.column,
            message,
        }
    }
}

/// A value of the file.
pub(super) struct Node {
    pub(super) at: At,
    /// Where the value stands in the file, in bytes.
    pub(super) span: Range<usize>,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    Null,
    Bool(bool),
    Number(Number),
    Text(Text),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// Text, and what the file says where that differs because of `${NAME}` references.
pub(super) struct Text {
    pub(super) value: String,
    pub(super) written: Option<String>,
}

pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_at: At,
    pub(super) node: Node,
}

impl Node {
    /// The tree of a file's text. An empty file is an empty tree.
    pub(super) fn parse(text: &str, path: &Path) -> Result<Self> {
        let options = serde_saphyr::options! {
            duplicate_keys: serde_saphyr::DuplicateKeyPolicy::Error,
            strict_booleans: true,
            leading_zero_numbers_as_strings: true,
            underscored_numbers_as_strings: true,
            reject_unsupported_tags: true,
            with_snippet: false,
        };
        match serde_saphyr::from_str_with_options(text, options) {
            Ok(node) => Ok(node),
            Err(serde_saphyr::Error::Eof { .. }) if is_blank(text) => {
                Ok(Self { at: At::START, span: 0..0, kind: Kind::Null })
            }
            Err(error) => Err(yaml_error(&error, path)),
        }
    }

    /// The setting at a dotted path under `audit`, if the file has it; case does not matter.
    pub(super) fn entry(&self, setting: &str) -> Option<&Entry> {
        let mut entries = self.child("audit")?.entries();
        let (above, last) = setting.rsplit_once('.').unwrap_or(("", setting));
        for key in above.split('.').filter(|key| !key.is_empty()) {
            entries = entries.iter().find(|e| e.key.eq_ignore_ascii_case(key))?.node.entries();
        }
        entries.iter().find(|entry| entry.key.eq_ignore_ascii_case(last))
    }

    /// Whether it is not there, for all that it says.
    pub(super) fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// The value of `key`, if this is a mapping that has it.
    pub(super) fn child(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    /// The entries of a mapping; none for anything else.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// What this is, for messages. Text from the environment is not shown.
    pub(super) fn describe(&self) -> String {
        match &self.kind {
            Kind::Null => "nothing".to_owned(),
            Kind::Bool(value) => format!("`{value}`"),
            Kind::Number(number) => format!("the number {number}"),
            Kind::Text(Text { written: Some(written), .. }) => format!("the text of `{written}`"),
            Kind::Text(Text { value, .. }) => format!("the text `{}`", printable(value)),
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a mapping".to_owned(),
        }
    }

    /// Puts what the file says in place of what came from the environment, in a value that has
    /// the shape of this tree.
    pub(super) fn restore_references(&self, value: &mut Value) {
        match &self.kind {
            Kind::Text(Text { written: Some(written), .. }) => {
                *value = Value::String(written.clone());
            }
            Kind::List(nodes) => {
                for (index, node) in nodes.iter().enumerate() {
                    value.get_mut(index).into_iter().for_each(|v| node.restore_references(v));
                }
            }
            Kind::Map(entries) => {
                for Entry { key, node, .. } in entries {
                    value.get_mut(key).into_iter().for_each(|v| node.restore_references(v));
                }
            }
            _ => {}
        }
    }
}

/// Whether a file holds nothing but white space and comments.
fn is_blank(text: &str) -> bool {
    text.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with('#'))
}

/// `text` without control characters, which a file could use to write over a terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut printable, c| {
        if c.is_control() {
            printable.extend(c.escape_debug())
        } else {
            printable.push(c)
        }
        printable
    })
}

fn yaml_error(error: &serde_saphyr::Error, path: &Path) -> Error {
    let at = error.location().map_or(At::START, At::of);
    let message = match error {
        serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("duplicate key `{}`", printable(key))
        }
        _ => printable(&UserMessageFormatter.format_message(error)),
    };
    at.error(path, message)
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, defined, .. } = Spanned::<Kind>::deserialize(deserializer)?;
        let number = |n: Option<u64>| n.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        let start = number(defined.span().byte_offset());
        let end = start + number(defined.span().byte_len());
        Ok(Self { at: At::of(defined), span: start..end, kind: value })
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KindVisitor)
    }
}

struct KindVisitor;

impl<'de> Visitor<'de> for KindVisitor {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping, a list, text, a number, true, false or nothing")
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Kind, E> {
        Ok(Kind::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Kind, E> {
        Ok(Kind::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Kind, E> {
        Ok(Kind::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Kind, E> {
        Number::from_f64(value).map(Kind::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Kind, E> {
        Ok(Kind::Text(Text { value: value.to_owned(), written: None }))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Kind, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = seq.next_element()? {
            nodes.push(node);
        }
        Ok(Kind::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kind, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let node = map.next_value()?;
            entries.push(Entry { key: key.value, key_at: At::of(key.referenced), node });
        }
        Ok(Kind::Map(entries))
    }
}
