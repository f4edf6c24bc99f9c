//! Bounds as JSON. Derived code for an untagged enum would copy each into a tree first.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use super::entry::Bounds;

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
