//! `${NAME}` and `${NAME:-default}` in the text values of the file.

use std::path::Path;

use super::node::{At, Kind, Node, Text, printable};
use crate::Result;

/// A reference that cannot be resolved.
struct Fault<'a> {
    /// The reference as the file has it, to find its column.
    written: &'a str,
    message: String,
}

/// The file that a tree was read from.
pub(super) struct Source<'a> {
    pub(super) text: &'a str,
    pub(super) path: &'a Path,
}

/// Resolves every reference in the text values under `node`.
///
/// Fails with the reference's line and column if a variable is not set and there is no default,
/// or if a reference is malformed.
pub(super) fn resolve(
    node: &mut Node,
    source: &Source<'_>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<()> {
    match &mut node.kind {
        Kind::Text(text) => match substitute(&text.value, env) {
            Ok(None) => Ok(()),
            Ok(Some(value)) => {
                let written = std::mem::take(&mut text.value);
                *text = Text { value, written: Some(written) };
                Ok(())
            }
            Err(fault) => {
                let at = place(source.text, node.span.clone(), fault.written).unwrap_or(node.at);
                Err(at.error(source.path, fault.message))
            }
        },
        Kind::List(nodes) => nodes.iter_mut().try_for_each(|node| resolve(node, source, env)),
        Kind::Map(entries) => {
            entries.iter_mut().try_for_each(|entry| resolve(&mut entry.node, source, env))
        }
        Kind::Null | Kind::Bool(_) | Kind::Number(_) => Ok(()),
    }
}

/// Where `written` stands within `span`; none if escapes hide it there.
fn place(text: &str, span: std::ops::Range<usize>, written: &str) -> Option<At> {
    let offset = text.get(span.clone())?.find(written)?;
    Some(At::of_offset(text, span.start + offset))
}

/// `text` with its references replaced; none if it has none.
fn substitute<'a>(
    text: &'a str,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<String>, Fault<'a>> {
    if !text.contains("${") {
        return Ok(None);
    }
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        // `$${` stands for a literal `${`.
        if rest[..start].ends_with('$') {
            result.push_str(&rest[..start]);
            result.push('{');
            rest = &rest[start + 2..];
            continue;
        }
        result.push_str(&rest[..start]);
        let reference = &rest[start..];
        let Some(end) = reference.find('}') else {
            return Err(fault(reference, "has no closing `}`"));
        };
        result.push_str(&lookup(&reference[..=end], env)?);
        rest = &reference[end + 1..];
    }
    result.push_str(rest);
    Ok(Some(result))
}

/// The value of one `${...}`.
fn lookup<'a>(
    reference: &'a str,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<String, Fault<'a>> {
    let inner = &reference[2..reference.len() - 1];
    let (name, default) = match inner.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inner, None),
    };
    if !is_name(name) {
        return Err(fault(reference, "is not a reference"));
    }
    match (env(name), default) {
        // As in a shell, the default also stands in for an empty variable.
        (Some(value), Some(default)) if value.is_empty() => Ok(default.to_owned()),
        (Some(value), _) => Ok(value),
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(Fault {
            written: reference,
            message: format!(
                "environment variable `{name}` is not set; set it, or give a default as `${{{name}:-default}}`"
            ),
        }),
    }
}

fn is_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn fault<'a>(written: &'a str, problem: &str) -> Fault<'a> {
    let shown = printable(written);
    let message = format!(
        "`{shown}` {problem}; write `${{NAME}}` or `${{NAME:-default}}`, or `$${{` for a literal `${{`"
    );
    Fault { written, message }
}
