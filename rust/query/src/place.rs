//! From an error to a place in the text of a statement.

use datafusion::common::{Diagnostic, SchemaError, Span};
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::{QueryError, SqlProblem, plain};

/// A problem with `message` at a 1-based line and column of `sql`.
pub(crate) fn problem(sql: &str, message: String, line: u64, column: u64) -> SqlProblem {
    let (line, column) = (usize::try_from(line).unwrap_or(0), usize::try_from(column).unwrap_or(0));
    let text = line.checked_sub(1).and_then(|index| sql.lines().nth(index));
    let Some(text) = text.filter(|_| column > 0) else {
        return SqlProblem { message, line: 0, column: 0, excerpt: String::new() };
    };
    // Tabs stay tabs, so that the mark stands under its character.
    let indent: String =
        text.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    let word =
        text.chars().skip(column - 1).take_while(|c| c.is_alphanumeric() || *c == '_').count();
    let excerpt = format!("{text}\n{indent}{}", "^".repeat(word.max(1)));
    SqlProblem { message, line, column, excerpt }
}

/// From an error of the parser.
pub(crate) fn syntax(sql: &str, error: &ParserError) -> QueryError {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.as_str(),
        ParserError::RecursionLimitExceeded => "the statement is nested too deeply",
    };
    let (message, line, column) = split_location(text);
    let message = message
        .replace("Expected: ", "expected ")
        .replace("Expected", "expected")
        .replace(", found: ", ", found ");
    let message = message.replace("found EOF", "found the end");
    // At the end of the text the parser knows no place.
    let (line, column) = if line == 0 { end_of(sql) } else { (line, column) };
    QueryError::Sql(problem(sql, message, line, column))
}

/// Takes ` at Line: 1, Column: 8` off a message.
fn split_location(text: &str) -> (&str, u64, u64) {
    let parse = || {
        let (message, place) = text.rsplit_once(" at Line: ")?;
        let (line, column) = place.split_once(", Column: ")?;
        Some((message, line.trim().parse().ok()?, column.trim().parse().ok()?))
    };
    parse().unwrap_or((text, 0, 0))
}

fn end_of(sql: &str) -> (u64, u64) {
    let trimmed = sql.trim_end();
    let line = trimmed.lines().count().max(1);
    let column = trimmed.lines().last().map_or(0, |last| last.chars().count()) + 1;
    (line as u64, column as u64)
}

/// From an error of planning the statement.
pub(crate) fn planning(sql: &str, tokens: &[TokenWithSpan], error: &DataFusionError) -> QueryError {
    let first = error.iter().next().unwrap_or(error);
    if let DataFusionError::ResourcesExhausted(_) | DataFusionError::ObjectStore(_) =
        first.find_root()
    {
        return QueryError::running(first);
    }
    let message = message(first);
    let span = first.diagnostic().and_then(|diagnostic: &Diagnostic| diagnostic.span);
    if let Some(Span { start, .. }) = span {
        return QueryError::Sql(problem(sql, message, start.line, start.column));
    }
    match locate(tokens, &subject(first, &message)) {
        Some((line, column)) => QueryError::Sql(problem(sql, message, line, column)),
        None => QueryError::Sql(problem(sql, message, 0, 0)),
    }
}

/// What is wrong, in words that speak of the trail's columns and not of the library.
fn message(error: &DataFusionError) -> String {
    let root = error.find_root();
    if let DataFusionError::SchemaError(schema, _) = root {
        return match schema.as_ref() {
            SchemaError::FieldNotFound { field, valid_fields } => {
                let names: Vec<&str> =
                    valid_fields.iter().map(|column| column.name.as_str()).collect();
                let meant = nearest(&field.name, &names);
                let hint = match meant {
                    Some(name) => format!("did you mean {}?", quoted(name)),
                    None if names.contains(&"attrs") => {
                        let key = field.name.replace('\'', "''");
                        format!("fields without a column are read as attrs ->> '{key}'")
                    }
                    None => format!("there is {}", names.join(", ")),
                };
                format!("there is no column {}; {hint}", quoted(&field.name))
            }
            SchemaError::AmbiguousReference { field } => {
                format!(
                    "{} is in more than one of the tables; write table.{}",
                    field.name, field.name
                )
            }
            other => other.to_string(),
        };
    }
    let text = plain(root);
    match text.strip_prefix("table '").and_then(|rest| rest.strip_suffix("' not found")) {
        Some(table) => {
            let name = table.rsplit('.').next().unwrap_or(table);
            let names: Vec<&str> =
                crate::views::NAMES.into_iter().chain([crate::views::RECORDS]).collect();
            match nearest(name, &names) {
                Some(meant) => format!("there is no table {name}; did you mean {meant}?"),
                None => format!("there is no table {name}; there is {}", names.join(", ")),
            }
        }
        None => text.strip_prefix("Error during planning: ").unwrap_or(&text).to_owned(),
    }
}

fn quoted(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain { name.to_owned() } else { format!("\"{name}\"") }
}

/// The name that the error is about: a column, or the first that the message quotes.
fn subject(error: &DataFusionError, message: &str) -> String {
    if let DataFusionError::SchemaError(schema, _) = error.find_root() {
        if let SchemaError::FieldNotFound { field, .. }
        | SchemaError::AmbiguousReference { field } = schema.as_ref()
        {
            return field.name.clone();
        }
    }
    if let Some(rest) = message.strip_prefix("there is no table ") {
        return rest.split(';').next().unwrap_or_default().to_owned();
    }
    message.split('\'').nth(1).unwrap_or_default().to_owned()
}

fn locate(tokens: &[TokenWithSpan], name: &str) -> Option<(u64, u64)> {
    let found = tokens.iter().find(|token| match &token.token {
        Token::Word(word) => word.value.eq_ignore_ascii_case(name),
        _ => false,
    })?;
    Some((found.span.start.line, found.span.start.column))
}

/// The name closest to a misspelt one, if one is close enough to be meant.
pub(crate) fn nearest<'a>(name: &str, names: &[&'a str]) -> Option<&'a str> {
    let name = name.to_lowercase();
    let allowed = (name.chars().count() / 3).max(1);
    let best = names
        .iter()
        .map(|candidate| (distance(&name, &candidate.to_lowercase()), *candidate))
        .min()?;
    (best.0 <= allowed).then_some(best.1)
}

/// Edits (insert, delete, replace, swap neighbours) from one word to another.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut current = vec![i];
        for j in 1..=b.len() {
            let replace = previous[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut cost = replace.min(previous[j] + 1).min(current[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                cost = cost.min(before[j - 2] + 1);
            }
            current.push(cost);
        }
        before = std::mem::replace(&mut previous, current);
    }
    previous[b.len()]
}
