//! `config get`: one setting by its path.

use serde_json::Value;

use super::model::LATER_SECTIONS;
use super::node::printable;
use super::{Loaded, nearest, schema};
use crate::{Error, Result};

/// One step of a path.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

/// The setting at `path`, such as `audit.trail.flush.max_mb`, `trail.url` or
/// `audit.destinations[0].encrypt_at_rest`; the prefix `audit.` may be left out. A key that holds
/// dots is written `["like.this"]`. `audit` alone is everything.
///
/// What is not set has its default. As with [`show`](super::show), values that come from the
/// environment are given as the file has them (`${NAME}`).
///
/// # Errors
/// [`Error::Usage`] if the path is malformed or no setting has that name (the message has the
/// nearest one); [`Error::NotFound`] if the path leads into a section or list that is not set.
pub fn get(loaded: &Loaded, path: &str) -> Result<Value> {
    let mut steps = parse(path)?;
    if steps.first() == Some(&Step::Key("audit".to_owned())) {
        steps.remove(0);
    }
    let mut value = loaded.audit();
    let mut at = "audit".to_owned();
    for (position, step) in steps.iter().enumerate() {
        let next = match step {
            Step::Key(key) => value.get(key),
            Step::Index(index) => value.get(index),
        };
        let Some(next) = next else {
            if position == 0 && is_later(step) {
                return match steps.len() {
                    1 => Ok(Value::Null),
                    _ => Err(Error::NotFound(format!("`{}` is not set", extend(&at, step)))),
                };
            }
            return Err(missing(value, &at, step));
        };
        value = next;
        at = extend(&at, step);
    }
    Ok(value.clone())
}

fn is_later(step: &Step) -> bool {
    matches!(step, Step::Key(key) if LATER_SECTIONS.contains(&key.as_str()))
}

/// `path` one step further.
fn extend(path: &str, step: &Step) -> String {
    match step {
        Step::Key(key) if is_plain(key) => format!("{path}.{key}"),
        Step::Key(key) => format!("{path}[{}]", Value::from(key.as_str())),
        Step::Index(index) => format!("{path}[{index}]"),
    }
}

/// Why `value`, found at `at`, has no `step`.
fn missing(value: &Value, at: &str, step: &Step) -> Error {
    let wanted = extend(at, step);
    match (value, step) {
        (Value::Object(map), Step::Key(key)) => {
            if let Some(section) = schema::section_of(key) {
                return Error::Usage(format!(
                    "unknown setting `{wanted}`; did you mean `{section}.{key}`?"
                ));
            }
            let later = LATER_SECTIONS.iter().copied().filter(|_| at == "audit");
            let mut valid: Vec<_> = map.keys().map(String::as_str).chain(later).collect();
            valid.sort_unstable();
            let hint = nearest::hint(key, valid.iter().copied());
            Error::Usage(format!("unknown setting `{wanted}`{hint}"))
        }
        (Value::Array(list), Step::Index(_)) => Error::NotFound(format!(
            "there is no `{wanted}`; `{at}` has {} elements, counted from 0",
            list.len()
        )),
        (Value::Array(_), Step::Key(_)) => {
            Error::Usage(format!("`{at}` is a list; write `{at}[0]` for its first element"))
        }
        (Value::Object(_), Step::Index(_)) => {
            Error::Usage(format!("`{at}` is a mapping; it has names, not numbers"))
        }
        _ => Error::Usage(format!("there is no `{wanted}`; `{at}` is a single value")),
    }
}

fn is_plain(key: &str) -> bool {
    !key.is_empty() && !key.contains(['.', '[', ']', '"'])
}

fn parse(path: &str) -> Result<Vec<Step>> {
    let malformed = || {
        Error::Usage(format!(
            "`{}` is not a path of a setting; write it like `audit.destinations[0].type`",
            printable(path)
        ))
    };
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (step, after) = bracket(inner).ok_or_else(malformed)?;
            steps.push(step);
            rest = after;
        } else {
            let key = if steps.is_empty() { Some(rest) } else { rest.strip_prefix('.') };
            let key = key.ok_or_else(malformed)?;
            let end = key.find(['.', '[']).unwrap_or(key.len());
            if !is_plain(&key[..end]) {
                return Err(malformed());
            }
            steps.push(Step::Key(key[..end].to_owned()));
            rest = &key[end..];
        }
    }
    if steps.is_empty() { Err(malformed()) } else { Ok(steps) }
}

/// What stands in brackets, and what follows them.
fn bracket(inner: &str) -> Option<(Step, &str)> {
    if inner.starts_with('"') {
        let mut values = serde_json::Deserializer::from_str(inner).into_iter::<String>();
        let key = values.next()?.ok()?;
        let after = inner[values.byte_offset()..].strip_prefix(']')?;
        return Some((Step::Key(key), after));
    }
    let (index, after) = inner.split_once(']')?;
    let digits = index.chars().all(|c| c.is_ascii_digit());
    digits.then(|| index.parse().ok())?.map(|index| (Step::Index(index), after))
}

#[cfg(test)]
#[path = "tests/lookup.rs"]
mod tests;
