//! What is searched for.

use std::collections::BTreeMap;

use sealtrail_core::catalogue::catalogue;
use serde::{Deserialize, Serialize};

use crate::error::{QueryError, Result};
use crate::search::condition::{Path, Want, text_literal, time_literal};
use crate::search::expression;
use crate::search::fields::{FieldKind, LogicalField, Place, field};
use crate::search::pattern::{Matcher, Pattern, any_of, either};
use crate::search::times::Window;

/// What is searched for: everything that meets all of this. The default is every record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Values of logical fields ([`FIELDS`](super::FIELDS)) or of dotted paths, by name. A record
    /// meets a field if one of its values matches at one of the field's places, and none of those
    /// with `!` in front at any; a record without a value meets the latter.
    pub fields: BTreeMap<String, Vec<String>>,
    /// The least severity, in the order of the catalogue. A record without one has that of its
    /// event type.
    pub severity_min: Option<String>,
    /// Expressions of SQL over any path of the record, such as `resource.size_bytes > 1e6`.
    #[serde(rename = "where")]
    pub conditions: Vec<String>,
    /// Words that stand somewhere in the values of the record, whatever their case. Quotes keep
    /// words together.
    pub text: Vec<String>,
    /// When it happened.
    pub window: Window,
}

impl Filter {
    /// Adds values of a field: what one of them matches is found.
    #[must_use]
    pub fn field<V: Into<String>>(
        mut self,
        name: &str,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let known = self.fields.entry(name.replace('-', "_")).or_default();
        known.extend(values.into_iter().map(Into::into));
        self
    }

    /// Adds an expression.
    #[must_use]
    pub fn condition_of(mut self, expression: impl Into<String>) -> Self {
        self.conditions.push(expression.into());
        self
    }

    /// Both: what meets this filter and `other`.
    ///
    /// # Errors
    /// `Parameter` if both name values of one field, or a least severity.
    pub fn and(mut self, other: Self) -> Result<Self> {
        for (name, values) in other.fields {
            if self.fields.contains_key(&name) {
                return Err(QueryError::Parameter(format!("{name} is given twice")));
            }
            self.fields.insert(name, values);
        }
        if self.severity_min.is_some() && other.severity_min.is_some() {
            return Err(QueryError::Parameter("severity_min is given twice".to_owned()));
        }
        self.severity_min = self.severity_min.or(other.severity_min);
        self.conditions.extend(other.conditions);
        self.text.extend(other.text);
        self.window.since = self.window.since.max(other.window.since);
        self.window.until = match (self.window.until, other.window.until) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Ok(self)
    }

    /// The condition in SQL over the view `events`; `true` if everything is searched for.
    ///
    /// # Errors
    /// `Parameter` for a value, word or severity that means nothing; `Sql` for an expression that
    /// cannot be read.
    pub fn condition(&self) -> Result<String> {
        let mut all = Vec::new();
        if let Some(since) = self.window.since {
            all.push(format!("\"timestamp\" >= {}", time_literal(since)));
        }
        if let Some(until) = self.window.until {
            all.push(format!("\"timestamp\" < {}", time_literal(until)));
        }
        for (name, values) in &self.fields {
            all.extend(of_field(name, values)?);
        }
        if let Some(least) = &self.severity_min {
            all.push(severity(least)?);
        }
        for expression in &self.conditions {
            all.push(format!("({})", expression::rewrite(expression)?));
        }
        for text in &self.text {
            for word in words(text)? {
                all.push(format!("record_has(event, {})", text_literal(&word)));
            }
        }
        Ok(if all.is_empty() { "true".to_owned() } else { all.join(" AND ") })
    }
}

/// The tests that a field's values make.
fn of_field(name: &str, values: &[String]) -> Result<Vec<String>> {
    let known = field(name);
    let addresses = known.is_some_and(|field| field.kind == FieldKind::Address);
    let patterns = values
        .iter()
        .map(|value| Pattern::parse(name, value, addresses))
        .collect::<Result<Vec<_>>>()?;
    let (without, with): (Vec<&Pattern>, Vec<&Pattern>) =
        patterns.iter().partition(|pattern| pattern.negated);
    let tests_of = |patterns: &[&Pattern]| match known {
        Some(field) => matches(field, patterns),
        None => at_path(name, patterns),
    };
    let mut all = Vec::new();
    if !with.is_empty() {
        all.push(tests_of(&with)?);
        if name == "event_type" {
            all.extend(domains(&with));
        }
    }
    if !without.is_empty() {
        all.push(format!("{} IS NOT TRUE", grouped(tests_of(&without)?)));
    }
    Ok(all)
}

fn grouped(test: String) -> String {
    if test.starts_with('(') { test } else { format!("({test})") }
}

/// A path of the record that is no logical field: as text, whatever it is.
fn at_path(name: &str, patterns: &[&Pattern]) -> Result<String> {
    let path = Path::parse(name)?;
    let matchers: Vec<&Matcher> = patterns.iter().map(|pattern| &pattern.matcher).collect();
    let text = path.fixed().is_some_and(|c| c.kind == sealtrail_core::columns::ColumnType::Utf8);
    Ok(any_of(&path.sql(if text { Want::Text } else { Want::AsText }), &matchers))
}

/// Whether one of the patterns matches at one of the field's places.
fn matches(field: &LogicalField, patterns: &[&Pattern]) -> Result<String> {
    let mut matchers: Vec<Matcher> =
        patterns.iter().map(|pattern| pattern.matcher.clone()).collect();
    if field.kind == FieldKind::Address {
        let other = |matcher: &Matcher| match matcher {
            Matcher::Exact(text) => Pattern::same_address(text).map(Matcher::Exact),
            _ => None,
        };
        let others: Vec<Matcher> = matchers.iter().filter_map(other).collect();
        matchers.extend(others);
    }
    let matchers: Vec<&Matcher> = matchers.iter().collect();
    let tests = field.places.iter().map(|place| at_place(place, &matchers));
    Ok(either(tests.collect::<Result<Vec<_>>>()?))
}

fn at_place(place: &Place, matchers: &[&Matcher]) -> Result<String> {
    let only = |value: String| match place.domain {
        Some(domain) => format!("only_if(domain, {}, {value})", text_literal(domain)),
        None => value,
    };
    let Some((list, member)) = place.path.split_once("[]") else {
        return Ok(any_of(&only(Path::parse(place.path)?.sql(Want::Text)), matchers));
    };
    let list = only(Path::parse(list)?.sql(Want::Json));
    let member = text_literal(member.trim_start_matches('.'));
    let tests = matchers
        .iter()
        .map(|matcher| format!("any_element({list}, {member}, {})", text_literal(&matcher.text())));
    Ok(either(tests.collect()))
}

/// The partitions that hold the event types, if all of the patterns tell.
fn domains(patterns: &[&Pattern]) -> Option<String> {
    let mut names: Vec<&str> =
        patterns.iter().map(|pattern| pattern.domain()).collect::<Option<_>>()?;
    names.sort_unstable();
    names.dedup();
    let names: Vec<String> = names.into_iter().map(text_literal).collect();
    Some(format!("domain IN ({})", names.join(", ")))
}

/// Records of at least this severity.
fn severity(least: &str) -> Result<String> {
    let catalogue = catalogue();
    let all = catalogue.severities();
    let Some(rank) = catalogue.severity_rank(least) else {
        return Err(QueryError::Parameter(format!(
            "{least:?} is no severity; there is, in this order, {}",
            all.join(", ")
        )));
    };
    let named: Vec<String> = all.iter().skip(rank).map(|name| text_literal(name)).collect();
    // Event types that nobody described are as `info`.
    let unknown = catalogue.severity_rank("info").is_some_and(|info| info >= rank);
    let meets =
        |severity: &str| catalogue.severity_rank(severity).is_some_and(|known| known >= rank);
    let odd: Vec<String> = catalogue
        .types()
        .filter(|known| meets(&known.severity) != unknown)
        .map(|known| text_literal(&known.name))
        .collect();
    let (none, odd) = (if unknown { "NOT " } else { "" }, odd.join(", "));
    let unnamed = match odd.is_empty() {
        true => unknown.to_string(),
        false => format!("event_type {none}IN ({odd})"),
    };
    Ok(format!("(severity IN ({}) OR severity IS NULL AND {unnamed})", named.join(", ")))
}

/// The words of a text; those between quotes are one.
fn words(text: &str) -> Result<Vec<String>> {
    let (mut words, mut word, mut inside) = (Vec::new(), String::new(), false);
    for c in text.chars() {
        match c {
            '"' => inside = !inside,
            c if c.is_whitespace() && !inside => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    if inside {
        return Err(QueryError::Parameter(format!(
            "text: {text:?} has a quote that is not closed"
        )));
    }
    if words.is_empty() {
        return Err(QueryError::Parameter("text: no word is given".to_owned()));
    }
    Ok(words)
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
