//! Which columns a search gives.

use sealtrail_core::columns::{LogicalColumn, fixed};

use crate::error::{QueryError, Result};
use crate::search::condition::{Path, Want, quoted, text_literal};

/// The form of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Records as JSON: the column `event`, or for each field a column with its JSON text.
    Nested,
    /// Columns: those of the view `events` that every trail has and `attrs` with all else, or the
    /// fields, each of the type of its column or text.
    Flat,
    /// The few columns that a person sees first, or the fields.
    Brief,
}

/// A column of a SELECT: its SQL and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) sql: String,
    pub(crate) name: String,
}

impl Column {
    /// A column of the view.
    fn of(name: &str) -> Self {
        Self { sql: quoted(name), name: name.to_owned() }
    }
}

/// The columns as a SELECT lists them.
pub(crate) fn list(columns: &[Column]) -> String {
    let columns = columns.iter().map(|c| format!("{} AS {}", c.sql, quoted(&c.name)));
    columns.collect::<Vec<_>>().join(", ")
}

/// What a person sees first.
const BRIEF: [&str; 5] = ["timestamp", "event_type", "actor", "outcome", "source_ip"];
const WHAT: &str =
    "first_present(resource_path, endpoint, tool_name, step_name, setting, error_message)";

/// The columns of a SELECT over the view `events`. Fields whose path has a column in the trail
/// have its type where results are flat.
///
/// # Errors
/// `Parameter` if a field is no path, or is named twice.
pub(crate) fn select(
    fields: &[String],
    columns: &[LogicalColumn],
    form: Form,
) -> Result<Vec<Column>> {
    if fields.is_empty() {
        return Ok(match form {
            Form::Nested => vec![Column::of("event")],
            Form::Brief => {
                let what = Column { sql: WHAT.to_owned(), name: "what".to_owned() };
                let first = BRIEF.iter().map(|name| Column::of(name));
                first.chain([what, Column::of("audit_id")]).collect()
            }
            Form::Flat => flat(),
        });
    }
    let mut picked: Vec<Column> = Vec::with_capacity(fields.len());
    for field in fields {
        let path = Path::parse(field)?;
        let sql = match form {
            Form::Nested => nested(&path),
            Form::Flat | Form::Brief => typed(&path, columns),
        };
        let name = field.trim().to_owned();
        if picked.iter().any(|known| known.name == name) {
            return Err(QueryError::Parameter(format!("the field {name} is named twice")));
        }
        picked.push(Column { sql, name });
    }
    Ok(picked)
}

/// The fixed columns in the order of the view, and all the rest as JSON.
fn flat() -> Vec<Column> {
    let leading = ["timestamp", "event_type", "domain", "action", "actor", "session", "outcome"];
    let others = fixed().iter().map(|column| column.name.as_str());
    let others = others.filter(|name| !leading.contains(name));
    leading.into_iter().chain(others).chain(["attrs"]).map(Column::of).collect()
}

/// JSON text of a field, with its `null`; plain text for a column that is no path of a record.
fn nested(path: &Path) -> String {
    match path.computed() {
        Some(name) => quoted(name),
        None => {
            let steps = path.0.iter().map(|part| match part {
                crate::json::PathPart::Key(key) => text_literal(key),
                crate::json::PathPart::Index(index) => index.to_string(),
            });
            let fixed = path
                .fixed()
                .map(|column| column.path.iter().map(|key| text_literal(key)).collect::<Vec<_>>());
            let steps = fixed.unwrap_or_else(|| steps.collect());
            format!("json_get_json(event, {})", steps.join(", "))
        }
    }
}

fn typed(path: &Path, columns: &[LogicalColumn]) -> String {
    if let Some(column) = path.fixed() {
        return quoted(&column.name);
    }
    let keys = path.keys().unwrap_or_default();
    match columns.iter().find(|column| column.path == keys) {
        Some(column) if path.computed().is_none() => quoted(&column.name),
        _ => path.sql(Want::AsText),
    }
}
