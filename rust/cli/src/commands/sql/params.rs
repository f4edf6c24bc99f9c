//! Parameters of a statement, as typed on a command line.

use std::collections::{BTreeMap, HashMap};

use datafusion::scalar::ScalarValue;
use sealtrail_query::Params;
use serde_json::Value;

use crate::failure::Failure;

/// Reads `value` and `name=value` parameters; `2=value` is the second.
pub(super) fn parse(given: &[String]) -> Result<Params, Failure> {
    let parsed: Vec<(Option<&str>, ScalarValue)> = given.iter().map(|text| one(text)).collect();
    if parsed.is_empty() {
        return Ok(Params::None);
    }
    if parsed.iter().all(|(name, _)| name.is_none()) {
        return Ok(Params::List(parsed.into_iter().map(|(_, value)| value).collect()));
    }
    let mut named = HashMap::new();
    for ((name, value), text) in parsed.into_iter().zip(given) {
        let Some(name) = name else {
            return Err(Failure::usage(format!(
                "--param {text}: either all parameters have names or none; write a value that \
                 looks like one as 1={text}"
            )));
        };
        if named.insert(name.to_owned(), value).is_some() {
            return Err(Failure::usage(format!("--param {name}: given twice")));
        }
    }
    if named.keys().any(|name| is_number(name)) {
        numbered(named)
    } else {
        Ok(Params::Named(named))
    }
}

/// Values whose names are their places.
fn numbered(named: HashMap<String, ScalarValue>) -> Result<Params, Failure> {
    let wrong = || Failure::usage("numbered parameters must be 1, 2, 3... without a gap");
    let places: BTreeMap<usize, ScalarValue> = named
        .into_iter()
        .map(|(name, value)| name.parse().map(|place| (place, value)).map_err(|_| wrong()))
        .collect::<Result<_, _>>()?;
    if !places.keys().copied().eq(1..=places.len()) {
        return Err(wrong());
    }
    Ok(Params::List(places.into_values().collect()))
}

fn one(text: &str) -> (Option<&str>, ScalarValue) {
    match text.split_once('=') {
        Some((name, value)) if is_name(name) => (Some(name), typed(value)),
        _ => (None, typed(text)),
    }
}

fn is_name(text: &str) -> bool {
    let word = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let starts = text.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    is_number(text) || word && starts
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// JSON scalars are what they are; everything else is text.
fn typed(text: &str) -> ScalarValue {
    match serde_json::from_str(text) {
        Ok(Value::Null) => ScalarValue::Null,
        Ok(Value::Bool(value)) => ScalarValue::Boolean(Some(value)),
        Ok(Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
            (Some(value), _) => ScalarValue::Int64(Some(value)),
            (None, value) => ScalarValue::Float64(value),
        },
        Ok(Value::String(value)) => ScalarValue::Utf8(Some(value)),
        _ => ScalarValue::Utf8(Some(text.to_owned())),
    }
}

#[cfg(test)]
#[path = "params_tests.rs"]
mod tests;
