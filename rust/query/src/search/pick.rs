//! Which columns a search gives.

use sealtrail_core::columns::{LogicalColumn, fixed};

use crate::error::Result;
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

/// What a person sees first.
const BRIEF: &str = "\"timestamp\", event_type, actor, outcome, source_ip, \
     first_present(resource_path, endpoint, tool_name, step_name, setting, error_message) AS what, \
     audit_id";

/// The columns of a SELECT over the view `events`. Fields whose path has a column in the trail
/// have its type where results are flat.
pub(crate) fn select(fields: &[String], columns: &[LogicalColumn], form: Form) -> Result<String> {
    if fields.is_empty() {
        return Ok(match form {
            Form::Nested => "event".to_owned(),
            Form::Brief => BRIEF.to_owned(),
            Form::Flat => flat(),
        });
    }
    let picked = fields.iter().map(|field| {
        let path = Path::parse(field)?;
        let value = match form {
            Form::Nested => nested(&path),
            Form::Flat | Form::Brief => typed(&path, columns),
        };
        Ok(format!("{value} AS {}", quoted(field.trim())))
    });
    Ok(picked.collect::<Result<Vec<_>>>()?.join(", "))
}

/// The fixed columns in the order of the view, and all the rest as JSON.
fn flat() -> String {
    let leading = ["timestamp", "event_type", "domain", "action", "actor", "session", "outcome"];
    let others = fixed().iter().map(|column| column.name.as_str());
    let others = others.filter(|name| !leading.contains(name));
    let names = leading.into_iter().chain(others).chain(["attrs"]).map(quoted);
    names.collect::<Vec<_>>().join(", ")
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
