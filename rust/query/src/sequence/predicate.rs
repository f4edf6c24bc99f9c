//! From the parts of a sequence to SQL over the view `events`.

use sealtrail_core::columns::ColumnType;
use sealtrail_core::json::parse_timestamp;

use super::parser::wrong_at;
use super::parts::{Comparison, EventTest, FieldPath, Literal, Predicate, TestKind};
use crate::error::Result;
use crate::json::PathPart;
use crate::search::condition::{Path, Want, text_literal, time_literal};
use crate::search::{FieldKind, Filter, LogicalField, field};

/// The condition that an event of a part meets.
///
/// # Errors
/// `Sequence` or `Parameter` for a value that means nothing to its field.
pub(super) fn condition(event: &EventTest, text: &str) -> Result<String> {
    let mut all = Vec::new();
    if event.event_type != "*" {
        all.push(
            Filter::default()
                .field("event_type", [literally('!', &event.event_type)])
                .condition()?,
        );
    }
    for predicate in &event.predicates {
        all.push(of_predicate(predicate, text)?);
    }
    Ok(if all.is_empty() { "true".to_owned() } else { all.join(" AND ") })
}

/// The domain of all events of a part, if its type tells.
pub(super) fn domain(event: &EventTest) -> Option<&str> {
    let (domain, _) = event.event_type.split_once('.')?;
    (!domain.contains(['*', '?'])).then_some(domain)
}

/// The text that ties events together: that of a logical field at the first of its places that
/// has one.
pub(super) fn key(path: &FieldPath) -> String {
    let Some(field) = logical(path) else {
        let path = path_of(path);
        let text = path.fixed().is_some_and(|column| column.kind == ColumnType::Utf8);
        return format!(
            "first_present({})",
            path.sql(if text { Want::Text } else { Want::AsText })
        );
    };
    let places = field.places.iter().filter(|place| !place.path.contains("[]"));
    let values = places.map(|place| {
        let keys = place.path.split('.').map(|key| PathPart::Key(key.to_owned()));
        let value = Path(keys.collect()).sql(Want::Text);
        match place.domain {
            Some(domain) => format!("only_if(domain, {}, {value})", text_literal(domain)),
            None => value,
        }
    });
    format!("first_present({})", values.collect::<Vec<_>>().join(", "))
}

fn logical(path: &FieldPath) -> Option<&'static LogicalField> {
    match path.parts.as_slice() {
        [PathPart::Key(name)] if path.may_be_logical => field(name),
        _ => None,
    }
}

fn path_of(path: &FieldPath) -> Path {
    Path(path.parts.clone())
}

fn of_predicate(predicate: &Predicate, text: &str) -> Result<String> {
    let Predicate { path, test } = predicate;
    let values = Values { text, path: path_of(path) };
    let sql = match (&test.kind, logical(path)) {
        (TestKind::AnyOf(wanted), Some(field)) if !wanted.iter().any(is_null) => {
            matches(field.name, wanted.iter().map(|value| of_field(field, value)).collect())?
        }
        (TestKind::Like(glob), Some(field)) => matches(field.name, vec![literally('!', glob)])?,
        (TestKind::AnyOf(wanted), _) => {
            let tests = wanted.iter().map(|value| values.equal(value));
            tests.collect::<Result<Vec<_>>>()?.join(" OR ")
        }
        (TestKind::Like(glob), None) => matches(&spelt(path), vec![literally('!', glob)])?,
        (TestKind::Compare(comparison, value), _) => values.compare(*comparison, value)?,
    };
    Ok(if test.negated { format!("({sql}) IS NOT TRUE") } else { format!("({sql})") })
}

/// A value of a logical field as the search reads it: a network stays one, all else is itself.
fn of_field(field: &LogicalField, value: &Literal) -> String {
    let network = field.kind == FieldKind::Address && value.text.contains('/');
    if network { value.text.clone() } else { literally_all(&value.text) }
}

/// As the search has it for values of a field.
fn matches(name: &str, values: Vec<String>) -> Result<String> {
    Filter::default().field(name, values).condition()
}

/// The path as the search reads it, with every name quoted.
fn spelt(path: &FieldPath) -> String {
    let mut out = String::new();
    for part in &path.parts {
        match part {
            PathPart::Key(key) => {
                let dot = if out.is_empty() { "" } else { "." };
                out.push_str(&format!("{dot}\"{}\"", key.replace('"', "\"\"")));
            }
            PathPart::Index(index) => out.push_str(&format!("[{index}]")),
        }
    }
    out
}

/// A pattern of the search in which a first `special` is that character.
fn literally(special: char, pattern: &str) -> String {
    let escape = if pattern.starts_with(special) { "\\" } else { "" };
    format!("{escape}{pattern}")
}

/// The pattern of the search that matches this text only.
fn literally_all(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '\\' | '!') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn is_null(value: &Literal) -> bool {
    !value.quoted && value.text == "null"
}

/// The number that an unquoted value is, as a literal of SQL.
fn number(value: &Literal) -> Option<String> {
    let starts = |c: char| c.is_ascii_digit() || c == '-';
    if value.quoted || !value.text.starts_with(starts) {
        return None;
    }
    let number: f64 = value.text.parse().ok().filter(|number: &f64| number.is_finite())?;
    Some(format!("CAST({} AS DOUBLE)", text_literal(&format!("{number:?}"))))
}

/// The SQL of comparisons, which names what is wrong with a value in the text of the sequence.
struct Values<'a> {
    text: &'a str,
    path: Path,
}

impl Values<'_> {
    fn of_every_record(&self) -> bool {
        self.path.fixed().is_some_and(|column| column.kind == ColumnType::Timestamp)
    }

    /// The moment that the value is, as a literal; it must be one if the field is a time.
    fn time(&self, value: &Literal) -> Result<Option<String>> {
        let time = parse_timestamp(&value.text, "").ok().map(time_literal);
        if time.is_none() && self.of_every_record() {
            let why = "a time is wanted, such as 2026-03-01T12:00:00Z";
            return Err(wrong_at(self.text, value.at, why));
        }
        Ok(time)
    }

    fn equal(&self, value: &Literal) -> Result<String> {
        if is_null(value) {
            return Ok(format!("{} IS NULL", self.path.sql(Want::AsText)));
        }
        if self.of_every_record()
            && let Some(time) = self.time(value)?
        {
            return Ok(format!("{} = {time}", self.path.sql(Want::AsText)));
        }
        let text = format!("{} = {}", self.path.sql(Want::Text), text_literal(&value.text));
        if self.path.computed().is_some() {
            return Ok(text);
        }
        Ok(match value.text.as_str() {
            truth @ ("true" | "false") if !value.quoted => {
                format!("{text} OR {} = {truth}", self.path.sql(Want::Bool))
            }
            _ => match number(value) {
                Some(number) => format!("{text} OR {} = {number}", self.path.sql(Want::Number)),
                None => text,
            },
        })
    }

    fn compare(&self, comparison: Comparison, value: &Literal) -> Result<String> {
        let sign = match comparison {
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        };
        let computed = self.path.computed().is_some();
        let (found, value) = match (self.time(value)?, number(value)) {
            (Some(time), _) if !computed => (self.found_time(), time),
            (_, Some(number)) if !computed => (self.path.sql(Want::Number), number),
            _ => (self.path.sql(Want::Text), text_literal(&value.text)),
        };
        Ok(format!("{found} {sign} {value}"))
    }

    fn found_time(&self) -> String {
        if self.of_every_record() {
            return self.path.sql(Want::AsText);
        }
        let steps = self.path.0.iter().map(|part| match part {
            PathPart::Key(key) => text_literal(key),
            PathPart::Index(index) => index.to_string(),
        });
        format!("json_get_timestamp(event, {})", steps.collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
#[path = "predicate_tests.rs"]
mod tests;
