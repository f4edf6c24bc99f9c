//! From the tree to the typed structs, keeping the place of whatever does not fit.

use std::fmt;
use std::path::Path;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::nearest;
use super::node::{At, Entry, Kind, Node, Text, printable};
use super::schema;
use crate::Result;

/// The typed value of a tree. Fails with the place of the first key or value that does not fit.
pub(super) fn typed<T: DeserializeOwned>(node: &Node, path: &Path) -> Result<T> {
    T::deserialize(node).map_err(|misfit| {
        let misfit = misfit.at(node.at);
        let keys: Vec<_> = misfit.keys.iter().rev().map(String::as_str).collect();
        let message = if keys.is_empty() {
            misfit.message
        } else {
            format!("{}: {}", keys.join("."), misfit.message)
        };
        misfit.at.unwrap_or(node.at).error(path, message)
    })
}

/// A key or value that does not fit.
#[derive(Debug)]
pub(super) struct Misfit {
    at: Option<At>,
    /// The keys that lead to it, innermost first.
    keys: Vec<String>,
    message: String,
}

impl Misfit {
    fn new(at: At, message: String) -> Self {
        Self { at: Some(at), keys: Vec::new(), message }
    }

    /// Places a misfit that has no place yet.
    fn at(mut self, at: At) -> Self {
        self.at.get_or_insert(at);
        self
    }

    fn under(mut self, key: &str) -> Self {
        self.keys.push(key.to_owned());
        self
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { at: None, keys: Vec::new(), message: message.to_string() }
    }
}

impl Node {
    fn expected(&self, what: &str) -> Misfit {
        Misfit::new(self.at, format!("expected {what}, found {}", self.describe()))
    }

    /// A whole number, written as one or taken from the environment.
    fn whole_number(&self) -> Result<u64, Misfit> {
        let number = match &self.kind {
            Kind::Number(number) => number.as_u64(),
            Kind::Text(Text { value, written: Some(_) }) => value.trim().parse().ok(),
            _ => None,
        };
        number.ok_or_else(|| self.expected("a whole number, 0 or more"))
    }
}

impl<'de> de::Deserializer<'de> for &'de Node {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.kind {
            Kind::Null => visitor.visit_unit(),
            Kind::Bool(value) => visitor.visit_bool(*value),
            Kind::Number(number) => number.deserialize_any(visitor).map_err(de::Error::custom),
            Kind::Text(text) => visitor.visit_str(&text.value),
            Kind::List(nodes) => visitor.visit_seq(Nodes(nodes.iter())),
            Kind::Map(entries) => visitor.visit_map(Entries::new(entries)),
        }
        .map_err(|misfit: Misfit| misfit.at(self.at))
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_u64(self.whole_number()?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.kind {
            Kind::Text(text) => visitor.visit_str(&text.value),
            Kind::Bool(_) | Kind::Number(_) => {
                Err(self.expected("text (in quotes if it looks like something else)"))
            }
            _ => Err(self.expected("text")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.kind {
            Kind::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    /// A section whose keys are all commented out is an empty section.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        if !matches!(self.kind, Kind::Map(_) | Kind::Null) {
            return Err(self.expected("a mapping"));
        }
        let entries = self.entries();
        if let Some(unknown) = entries.iter().find(|e| !fields.contains(&e.key.as_str())) {
            return Err(Misfit::new(unknown.key_at, unknown_key(&unknown.key, fields)));
        }
        visitor.visit_map(Entries::new(entries))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let Kind::Text(text) = &self.kind else {
            return Err(self.expected(&one_of(variants)));
        };
        if variants.contains(&text.value.as_str()) {
            return visitor.visit_enum(text.value.as_str().into_deserializer());
        }
        // A guess would tell what the variable holds.
        if text.written.is_some() {
            return Err(self.expected(&one_of(variants)));
        }
        let value = printable(&text.value);
        let hint = nearest::hint(&text.value, variants.iter().copied());
        Err(Misfit::new(self.at, format!("unknown value `{value}`{hint}")))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u128 f32 f64 char bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map identifier ignored_any
    }
}

fn unknown_key(key: &str, fields: &[&str]) -> String {
    let shown = printable(key);
    match schema::section_of(key) {
        Some(section) => format!("unknown key `{shown}`; it belongs under `{section}`"),
        None => {
            format!("unknown key `{shown}`{}", nearest::hint(key, fields.iter().copied()))
        }
    }
}

fn one_of(variants: &[&str]) -> String {
    let variants: Vec<_> = variants.iter().map(|variant| format!("`{variant}`")).collect();
    variants.join(" or ")
}

struct Nodes<'de>(std::slice::Iter<'de, Node>);

impl<'de> de::SeqAccess<'de> for Nodes<'de> {
    type Error = Misfit;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Misfit> {
        self.0.next().map(|node| seed.deserialize(node)).transpose()
    }
}

struct Entries<'de> {
    rest: std::slice::Iter<'de, Entry>,
    current: Option<&'de Entry>,
}

impl<'de> Entries<'de> {
    fn new(entries: &'de [Entry]) -> Self {
        Self { rest: entries.iter(), current: None }
    }
}

impl<'de> de::MapAccess<'de> for Entries<'de> {
    type Error = Misfit;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Misfit> {
        self.current = self.rest.next();
        let Some(entry) = self.current else { return Ok(None) };
        let key = StrDeserializer::<Misfit>::new(&entry.key);
        seed.deserialize(key).map(Some).map_err(|misfit| misfit.at(entry.key_at))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Misfit> {
        let Some(entry) = self.current else {
            return Err(de::Error::custom("a value was asked for before its key"));
        };
        seed.deserialize(&entry.node).map_err(|misfit| misfit.at(entry.node.at).under(&entry.key))
    }
}
