//! Whether a legal hold keeps records of a data subject.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use object_store::ObjectStore;
use sealtrail_core::trail::ReadView;

use crate::engine::Engine;
use crate::error::{QueryError, Result};
use crate::holds::filter_of;
use crate::search::condition::text_literal;
use crate::search::run::Place;

/// The active holds, by id, that keep a record of a data subject: `paths` are those of the
/// subject's id. A hold that matches everything keeps everybody's.
///
/// # Errors
/// `Parameter` if what a hold matches means nothing, so that nobody is erased against it; errors
/// of reading the trail.
pub async fn held_by(
    engine: &Engine,
    view: &Arc<ReadView>,
    store: Arc<dyn ObjectStore>,
    subject: &str,
    paths: &[String],
) -> Result<Vec<String>> {
    let place = Place { engine: engine.clone(), view: Arc::clone(view), store };
    let mut held = Vec::new();
    for (id, active) in &view.state.lifecycle.holds {
        let matching = serde_json::Value::Object(active.hold.matching.clone());
        if active.hold.matching.is_empty() {
            held.push(id.clone());
            continue;
        }
        let condition = filter_of(&matching, 0)?.condition()?;
        let is_subject = paths.iter().map(|path| {
            let steps: Vec<String> = path.split('.').map(text_literal).collect();
            let value = format!("json_as_text(event, {})", steps.join(", "));
            format!("{value} = {}", text_literal(subject))
        });
        let is_subject = is_subject.collect::<Vec<_>>().join(" OR ");
        let is_subject = if is_subject.is_empty() { "true" } else { &is_subject };
        let sql =
            format!("SELECT count(*) AS n FROM events WHERE ({condition}) AND ({is_subject})");
        let batches = place.sql(&sql).await?.collect().await?;
        let count = batches.first().filter(|batch| batch.num_rows() == 1);
        let count = count.and_then(|batch| batch.column(0).as_primitive_opt::<Int64Type>());
        let none = || QueryError::Execution("the answer has no count".to_owned());
        if count.ok_or_else(none)?.value(0) > 0 {
            held.push(id.clone());
        }
    }
    Ok(held)
}
