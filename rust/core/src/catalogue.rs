//! The catalogue of known event types: their fields, default severities and fixed columns.
//!
//! Everything that knows event types (checks, documentation, the typed constructors of the
//! Python package) is made from the one file `catalogue.json`.

mod check;
mod docs;
mod load;
mod suggest;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

pub use check::Violation;
pub use docs::{describe, markdown_table};

use crate::columns::LogicalColumn;
use crate::{Error, Result};
use check::Shape;

/// Longest action (the part of an event type after the domain) in characters.
pub const MAX_ACTION_LEN: usize = 128;

/// Everything that `catalogue.json` says.
#[derive(Debug)]
pub struct Catalogue {
    domains: Vec<Domain>,
    severities: Vec<String>,
    sensitivity_levels: Vec<String>,
    envelope: Vec<Field>,
    common: Vec<Field>,
    types: Vec<EventType>,
    columns: Vec<LogicalColumn>,
    index: HashMap<String, usize>,
    /// One for each of `types`, at the same position.
    shapes: Vec<Shape>,
    common_shape: Shape,
}

/// One of the five domains.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    /// The part of an event type before the dot.
    pub name: String,
    /// What its events tell, one sentence.
    pub description: String,
}

/// A known event type.
#[derive(Debug, Clone, Serialize)]
pub struct EventType {
    /// Full name, `domain.action`.
    pub name: String,
    /// The part before the dot.
    pub domain: String,
    /// What the event tells, one sentence.
    pub description: String,
    /// Severity of an event that names none.
    pub severity: String,
    /// Its own fields, required ones first; the common fields are valid too.
    pub fields: Vec<Field>,
}

/// A field of an event.
#[derive(Debug, Clone, Serialize)]
pub struct Field {
    /// Member names from the event's root.
    pub path: Vec<String>,
    /// Type of its value.
    pub kind: Kind,
    /// Type of the elements, for arrays.
    pub items: Option<Kind>,
    /// Whether an event of this type must have it.
    pub required: bool,
    /// What it says, units included.
    pub description: String,
    /// A believable value.
    pub example: serde_json::Value,
    /// The only values allowed; empty if any is.
    pub values: Vec<String>,
    /// Values with a known meaning; others are allowed.
    pub known: Vec<String>,
}

impl Field {
    /// The path as dotted text.
    pub fn dotted(&self) -> String {
        self.path.join(".")
    }
}

/// Type of a field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Text.
    String,
    /// A number without a fraction.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// An object.
    Object,
    /// An array.
    Array,
    /// Text that is an RFC 3339 time with an offset.
    Timestamp,
    /// Any JSON value.
    Any,
}

impl Kind {
    /// The name that `catalogue.json` uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Object => "object",
            Self::Array => "array",
            Self::Timestamp => "timestamp",
            Self::Any => "any",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The catalogue that this build contains, read on first use.
pub fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| match Catalogue::parse(include_str!("catalogue.json")) {
        Ok(catalogue) => catalogue,
        // The text is part of the program and every test reads it.
        Err(problem) => unreachable!("catalogue.json: {problem}"),
    })
}

impl Catalogue {
    /// The known type of this name.
    pub fn event_type(&self, name: &str) -> Option<&EventType> {
        self.index.get(name).and_then(|&at| self.types.get(at))
    }

    /// All known types, by domain.
    pub fn types(&self) -> impl ExactSizeIterator<Item = &EventType> {
        self.types.iter()
    }

    /// The five domains.
    pub fn domains(&self) -> &[Domain] {
        &self.domains
    }

    /// The severities, least first.
    pub fn severities(&self) -> &[String] {
        &self.severities
    }

    /// Position of a severity in their order (`debug` is 0), `None` if it is none.
    pub fn severity_rank(&self, severity: &str) -> Option<usize> {
        self.severities.iter().position(|known| known == severity)
    }

    /// The sensitivity levels with a known meaning; others are allowed.
    pub fn sensitivity_levels(&self) -> &[String] {
        &self.sensitivity_levels
    }

    /// Fields that every record has and that the recorder itself checks or sets.
    pub fn envelope_fields(&self) -> &[Field] {
        &self.envelope
    }

    /// Fields that an event of any type may have.
    pub fn common_fields(&self) -> &[Field] {
        &self.common
    }

    /// The columns that every trail has, in order.
    pub fn fixed_columns(&self) -> &[LogicalColumn] {
        &self.columns
    }

    /// Domain and action of an event type, known or not.
    ///
    /// # Errors
    /// `InvalidEvent` at `event_type` if the domain is none of the five or the action is not
    /// 1-128 of `a-z 0-9 _ . -` beginning with a letter.
    pub fn split_event_type<'a>(&self, event_type: &'a str) -> Result<(&'a str, &'a str)> {
        let refuse = |reason, message| Err(Error::event(reason, "event_type", message));
        let Some((domain, action)) = event_type.split_once('.') else {
            let message = format!(
                "{:?} is not of the form `domain.action`{}",
                excerpt(event_type),
                self.suggestion(event_type)
            );
            return refuse("invalid_event_type", message);
        };
        if !self.domains.iter().any(|known| known.name == domain) {
            let message = format!(
                "unknown domain {:?}; the domains are {}{}",
                excerpt(domain),
                self.domain_names(),
                self.suggestion(event_type)
            );
            return refuse("unknown_domain", message);
        }
        let allowed = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-');
        let fits = action.len() <= MAX_ACTION_LEN
            && action.bytes().next().is_some_and(|c| c.is_ascii_lowercase())
            && action.bytes().all(allowed);
        if !fits {
            let message = format!(
                "the action {:?} must be 1 to {MAX_ACTION_LEN} characters of a-z 0-9 _ . - \
                 and begin with a letter",
                excerpt(action)
            );
            return refuse("invalid_event_type", message);
        }
        Ok((domain, action))
    }

    /// Known types whose names resemble `name`, the nearest first, at most three.
    pub fn nearest(&self, name: &str) -> Vec<&str> {
        suggest::nearest(name, self.types.iter().map(|t| t.name.as_str()))
    }

    /// What an event lacks against its type: missing required fields and wrong types, sorted by
    /// path. Of an unknown type only the common fields are checked.
    ///
    /// The event must be a canonical object (other bytes give unspecified violations). Numbers
    /// that are kept as strings count as strings here. The fields of the envelope are not
    /// checked. Without violations nothing is allocated.
    pub fn check(&self, event_type: &str, canonical_event: &[u8]) -> Vec<Violation> {
        let shape = self.index.get(event_type).and_then(|&at| self.shapes.get(at));
        shape.unwrap_or(&self.common_shape).check(canonical_event)
    }

    fn domain_names(&self) -> String {
        let names: Vec<&str> = self.domains.iter().map(|d| d.name.as_str()).collect();
        names.join(", ")
    }

    fn suggestion(&self, name: &str) -> String {
        match self.nearest(name).first() {
            Some(nearest) => format!("; did you mean {nearest}?"),
            None => String::new(),
        }
    }
}

/// The beginning of a text from outside, short enough for a message.
fn excerpt(text: &str) -> String {
    let mut chars = text.chars();
    let mut out: String = chars.by_ref().take(80).collect();
    if chars.next().is_some() {
        out.push('…');
    }
    out
}
