//! Legal holds: which records a hold's `matching` means.
//!
//! `matching` is an object of search filters: the names are those of the search flags (`-` and `_`
//! are the same), `where`, `text`, `severity_min`, `since` and `until`, or dotted paths of a
//! record; the values are texts or lists of texts, as search takes them. Times are absolute.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use futures::StreamExt;
use object_store::ObjectStore;
use sealtrail_core::ledger::AddedSegment;
use sealtrail_core::retention::Held;
use sealtrail_core::trail::ReadView;
use serde_json::{Map, Value};

use crate::engine::Engine;
use crate::error::{QueryError, Result};
use crate::scope::Scope;
use crate::search::times::{moment, text};
use crate::search::{Filter, Window};
use crate::sql::Params;

/// The filter that `matching` means. `now` (microseconds since 1970, UTC) is what times such as
/// `yesterday` count from.
///
/// # Errors
/// `Parameter` if a name or a value means nothing; `Sql` for an expression that cannot be read.
pub fn filter_of(matching: &Value, now: i64) -> Result<Filter> {
    let bad = |message: String| QueryError::Parameter(format!("matching: {message}"));
    let Value::Object(members) = matching else {
        return Err(bad("it is no object of search filters".to_owned()));
    };
    let mut filter = Filter::default();
    for (name, value) in members {
        let values = texts(value).ok_or_else(|| bad(format!("{name} has no text")))?;
        let one = || match values.as_slice() {
            [one] => Ok(one.clone()),
            _ => Err(bad(format!("{name} can have one value only"))),
        };
        match name.replace('-', "_").as_str() {
            "since" => filter.window.since = Some(moment(&one()?, now)?),
            "until" => filter.window.until = Some(moment(&one()?, now)?),
            "severity_min" => filter.severity_min = Some(one()?),
            "where" => filter.conditions = values,
            "text" => filter.text = values,
            "status_not" => {
                filter = filter.field("status", values.iter().map(|value| format!("!{value}")));
            }
            known if crate::search::field(known).is_some() || name.contains('.') => {
                filter = filter.field(name, values);
            }
            _ => return Err(bad(format!("{name:?} is no search filter"))),
        }
    }
    if let Window { since: Some(since), until: Some(until) } = filter.window
        && since >= until
    {
        return Err(bad("nothing lies between since and until".to_owned()));
    }
    filter.condition()?;
    Ok(filter)
}

fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(items) if !items.is_empty() => {
            items.iter().map(|item| item.as_str().map(str::to_owned)).collect()
        }
        _ => None,
    }
}

/// A filter as the `matching` of a hold: the inverse of [`filter_of`].
pub fn matching_of(filter: &Filter) -> Value {
    let mut members = Map::new();
    for (name, values) in &filter.fields {
        members.insert(name.clone(), values.clone().into());
    }
    if let Some(severity) = &filter.severity_min {
        members.insert("severity_min".to_owned(), severity.clone().into());
    }
    for (name, values) in [("where", &filter.conditions), ("text", &filter.text)] {
        if !values.is_empty() {
            members.insert(name.to_owned(), values.clone().into());
        }
    }
    for (name, time) in [("since", filter.window.since), ("until", filter.window.until)] {
        if let Some(time) = time {
            members.insert(name.to_owned(), text(time).into());
        }
    }
    Value::Object(members)
}

/// The records of `segments` that the given holds (id and `matching`) hold.
///
/// # Errors
/// As [`filter_of`] and [`Engine::ask`].
pub async fn held(
    engine: &Engine,
    view: &ReadView,
    store: &Arc<dyn ObjectStore>,
    segments: Vec<Arc<AddedSegment>>,
    holds: impl IntoIterator<Item = (&String, &Value)>,
) -> Result<Held> {
    let mut held = Held::default();
    if segments.is_empty() {
        return Ok(held);
    }
    let scope = Scope::of(view.only(segments), Arc::clone(store));
    for (id, matching) in holds {
        let condition = filter_of(matching, 0)?.condition()?;
        let sql = format!("SELECT audit_id FROM events WHERE {condition}");
        let mut batches = std::pin::pin!(engine.ask(&scope, &sql, Params::None).await?.batches());
        while let Some(batch) = batches.next().await {
            let batch = batch?;
            let ids = cast(batch.column(0), &DataType::Utf8)
                .map_err(|e| QueryError::Execution(e.to_string()))?;
            ids.as_string::<i32>().iter().flatten().for_each(|audit_id| held.add(id, audit_id));
        }
    }
    Ok(held)
}

#[cfg(test)]
#[path = "holds_tests.rs"]
mod tests;
