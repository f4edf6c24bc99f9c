//! Bounds of a segment's columns, of which a ledger holds very many: small, and quick to read.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::entry::Bounds;
use crate::segment::STATISTICS_COLUMNS;

/// Borrowed for those of which this version tells the bounds.
type Name = Cow<'static, str>;

/// Smallest and largest values of some columns, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnBounds {
    /// In the order of the names' bytes.
    columns: Vec<(Name, Bounds)>,
}

impl ColumnBounds {
    /// Those of a column.
    pub fn get(&self, name: &str) -> Option<&Bounds> {
        self.find(name).ok().map(|at| &self.columns[at].1)
    }

    /// Names of the columns, in the order of their bytes.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(name, _)| name.as_ref())
    }

    /// Sets those of a column, and returns what they were.
    pub fn insert(&mut self, name: String, bounds: Bounds) -> Option<Bounds> {
        match self.find(&name) {
            Ok(at) => Some(std::mem::replace(&mut self.columns[at].1, bounds)),
            Err(at) => {
                self.columns.insert(at, (known(name.into()), bounds));
                None
            }
        }
    }

    /// Takes those of a column away.
    pub fn remove(&mut self, name: &str) -> Option<Bounds> {
        self.find(name).ok().map(|at| self.columns.remove(at).1)
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.columns.binary_search_by(|(other, _)| other.as_ref().cmp(name))
    }
}

fn known(name: Cow<'_, str>) -> Name {
    match STATISTICS_COLUMNS.into_iter().find(|usual| *usual == name) {
        Some(usual) => Cow::Borrowed(usual),
        None => Cow::Owned(name.into_owned()),
    }
}

impl FromIterator<(String, Bounds)> for ColumnBounds {
    fn from_iter<I: IntoIterator<Item = (String, Bounds)>>(columns: I) -> Self {
        let mut all = Self::default();
        for (name, bounds) in columns {
            all.insert(name, bounds);
        }
        all
    }
}

impl<const N: usize> From<[(String, Bounds); N]> for ColumnBounds {
    fn from(columns: [(String, Bounds); N]) -> Self {
        columns.into_iter().collect()
    }
}

impl Serialize for ColumnBounds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.columns.iter().map(|(name, bounds)| (name, bounds)))
    }
}

impl<'de> Deserialize<'de> for ColumnBounds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Columns)
    }
}

struct Columns;

impl<'de> Visitor<'de> for Columns {
    type Value = ColumnBounds;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bounds by column name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<ColumnBounds, A::Error> {
        let mut columns: Vec<(Name, Bounds)> = Vec::with_capacity(STATISTICS_COLUMNS.len());
        let mut sorted = true;
        while let Some(NameText(name)) = items.next_key()? {
            sorted &= columns.last().is_none_or(|(last, _)| *last < name);
            columns.push((name, items.next_value()?));
        }
        if sorted {
            return Ok(ColumnBounds { columns });
        }
        // No writer of ours writes them so. Of two of one name the later one counts.
        Ok(columns.into_iter().map(|(name, bounds)| (name.into_owned(), bounds)).collect())
    }
}

struct NameText(Name);

impl<'de> Deserialize<'de> for NameText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(AName)
    }
}

struct AName;

impl Visitor<'_> for AName {
    type Value = NameText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a column's name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<NameText, E> {
        Ok(NameText(known(name.into())))
    }
}

impl<'de> Deserialize<'de> for Bounds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Pair)
    }
}

struct Pair;

impl<'de> Visitor<'de> for Pair {
    type Value = Bounds;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("two integers or two strings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Bounds, A::Error> {
        let missing = |at| Error::invalid_length(at, &self);
        let least = items.next_element()?.ok_or_else(|| missing(0))?;
        let greatest = items.next_element()?.ok_or_else(|| missing(1))?;
        match (least, greatest) {
            (End::Number(least), End::Number(greatest)) => Ok(Bounds::Number(least, greatest)),
            (End::Text(least), End::Text(greatest)) => Ok(Bounds::Text(least, greatest)),
            _ => Err(Error::custom("bounds of different types")),
        }
    }
}

enum End {
    Number(i64),
    Text(String),
}

impl<'de> Deserialize<'de> for End {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnEnd)
    }
}

struct AnEnd;

impl Visitor<'_> for AnEnd {
    type Value = End;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer or a string")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<End, E> {
        Ok(End::Number(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<End, E> {
        i64::try_from(number).map(End::Number).map_err(E::custom)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<End, E> {
        Ok(End::Text(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<End, E> {
        Ok(End::Text(text))
    }
}
