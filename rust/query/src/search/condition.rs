//! Pieces of SQL over the `events` view, made from paths of a record.
//!
//! They are columns wherever that is the same, so that segments, row groups and pages are
//! pruned; otherwise lookups in `event`, which each segment answers from the column that it has
//! for the path. So what is found never depends on what was promoted.

use sealtrail_core::columns::{ColumnType, LogicalColumn, fixed};

use crate::error::{QueryError, Result};
use crate::json::PathPart;
use crate::views::is_meaning;

/// What a value is wanted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// The text of a string; NULL for anything else.
    Text,
    /// Any value as text.
    AsText,
    /// A number; NULL for anything else.
    Number,
    /// `true` or `false`; NULL for anything else.
    Bool,
    /// JSON text; NULL where there is none or `null`.
    Json,
}

/// Text as a literal of SQL.
pub(crate) fn text_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A name of a column.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A moment as a literal.
pub(crate) fn time_literal(micros: i64) -> String {
    format!("arrow_cast({micros}, 'Timestamp(Microsecond, Some(\"UTC\"))')")
}

/// A place in a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path(pub(crate) Vec<PathPart>);

impl Path {
    /// Reads `resource.path`, `"odd.key".x`, `workflow_steps[0].status`.
    ///
    /// # Errors
    /// `Parameter` if it is no path.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let parts = Self::parts(text.trim());
        parts.map(Self).ok_or_else(|| {
            QueryError::Parameter(format!(
                "{text:?} is no path; write resource.path, workflow_steps[0].status or \"odd name\".x"
            ))
        })
    }

    fn parts(text: &str) -> Option<Vec<PathPart>> {
        let (mut parts, mut rest) = (Vec::new(), text);
        loop {
            let (key, after) = key(rest)?;
            parts.push(PathPart::Key(key));
            rest = after;
            while let Some(inside) = rest.strip_prefix('[') {
                let (index, after) = inside.split_once(']')?;
                parts.push(PathPart::Index(index.trim().parse().ok()?));
                rest = after;
            }
            match rest.strip_prefix('.') {
                Some(after) => rest = after,
                None => return rest.is_empty().then_some(parts),
            }
        }
    }

    /// The member names, if there is no position among the steps.
    pub(crate) fn keys(&self) -> Option<Vec<&str>> {
        self.0
            .iter()
            .map(|part| match part {
                PathPart::Key(key) => Some(key.as_str()),
                PathPart::Index(_) => None,
            })
            .collect()
    }

    /// The column of the view that has this name and no path in a record: `actor`, `outcome`...
    pub(crate) fn computed(&self) -> Option<&str> {
        match self.0.as_slice() {
            [PathPart::Key(key)] if is_meaning(key) => Some(key),
            _ => None,
        }
    }

    /// The fixed column at this path, or the one of this name.
    pub(crate) fn fixed(&self) -> Option<&'static LogicalColumn> {
        let keys = self.keys()?;
        let named = |column: &&LogicalColumn| keys.len() == 1 && column.name == keys[0];
        let at = |column: &&LogicalColumn| column.path == keys;
        fixed().iter().find(at).or_else(|| fixed().iter().find(named))
    }

    /// SQL for the value here.
    pub(crate) fn sql(&self, want: Want) -> String {
        if let Some(name) = self.computed() {
            return quoted(name);
        }
        let column = self.fixed();
        let same = column.is_some_and(|column| match column.kind {
            ColumnType::Timestamp => want != Want::Json,
            ColumnType::Utf8 => want == Want::Text,
            ColumnType::Float64 => want == Want::Number,
            ColumnType::Int64 | ColumnType::Boolean => false,
        });
        match column {
            Some(column) if same => quoted(&column.name),
            Some(column) => lookup(want, column.path.iter().map(|key| text_literal(key))),
            None => lookup(
                want,
                self.0.iter().map(|part| match part {
                    PathPart::Key(key) => text_literal(key),
                    PathPart::Index(index) => index.to_string(),
                }),
            ),
        }
    }
}

fn lookup(want: Want, steps: impl Iterator<Item = String>) -> String {
    let function = match want {
        Want::Text => "json_get_str",
        Want::AsText => "json_as_text",
        Want::Number => "json_get_float",
        Want::Bool => "json_get_bool",
        Want::Json => "json_get",
    };
    let steps: Vec<String> = steps.collect();
    format!("{function}(event, {})", steps.join(", "))
}

/// The next name of a path, and what follows it.
fn key(text: &str) -> Option<(String, &str)> {
    let Some(inside) = text.strip_prefix('"') else {
        let end = text.find(['.', '[', ']', '"']).unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let mut out = String::new();
    let mut chars = inside.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' if chars.peek().is_some_and(|(_, next)| *next == '"') => {
                out.push('"');
                chars.next();
            }
            '"' => return Some((out, &inside[at + 1..])),
            _ => out.push(c),
        }
    }
    None
}

#[cfg(test)]
#[path = "condition_tests.rs"]
mod tests;
