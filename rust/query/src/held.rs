//! Whether a legal hold keeps records of a data subject.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use object_store::ObjectStore;
use sealtrail_core::retention::Event;
use sealtrail_core::trail::{ReadView, Trail};

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
        let is_subject = is_subject(subject, paths);
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

/// The condition that a record is one of a data subject; of everybody if no path leads to one.
fn is_subject(subject: &str, paths: &[String]) -> String {
    let is = paths.iter().map(|path| {
        let steps: Vec<String> = path.split('.').map(text_literal).collect();
        let value = format!("json_as_text(event, {})", steps.join(", "));
        format!("{value} = {}", text_literal(subject))
    });
    let is = is.collect::<Vec<_>>().join(" OR ");
    if is.is_empty() { "true".to_owned() } else { is }
}

/// Until when (microseconds since 1970, UTC) the floor of a retention rule (`minimum_days`) keeps
/// the youngest record of a data subject; none if no floor does at `now`. An erasure before then
/// needs a reason of its own.
///
/// # Errors
/// Errors of reading the trail.
pub async fn kept_until(
    place: (&Engine, &Trail, &Arc<ReadView>),
    now: i64,
    subject: &str,
    paths: &[String],
) -> Result<Option<i64>> {
    let (engine, trail, view) = place;
    let policy = trail.policy_in_force(&view.state)?;
    let store = trail.storage().object_store()?;
    let place = Place { engine: engine.clone(), view: Arc::clone(view), store };
    let sql = format!(
        "SELECT domain, lower(resource_sensitivity_level) AS level, \
         arrow_cast(max(\"timestamp\"), 'Timestamp(Microsecond, None)') AS t, \
         arrow_cast(max(recorded_at), 'Timestamp(Microsecond, None)') AS r \
         FROM events WHERE {} GROUP BY 1, 2",
        is_subject(subject, paths)
    );
    let mut latest = None;
    for batch in place.sql(&sql).await?.collect().await? {
        let none = || QueryError::Execution("the answer has other columns".to_owned());
        let text = |at: usize| {
            let column = cast(batch.column(at), &DataType::Utf8);
            column.map_err(|e| QueryError::Execution(e.to_string()))
        };
        let (domains, levels) = (text(0)?, text(1)?);
        let (domains, levels) = (domains.as_string::<i32>(), levels.as_string::<i32>());
        let time = |at: usize| {
            let times = batch.column(at).as_primitive_opt::<TimestampMicrosecondType>();
            times.ok_or_else(none)
        };
        let (timestamps, recorded) = (time(2)?, time(3)?);
        for row in 0..batch.num_rows() {
            let event = Event {
                domain: domains.value(row),
                level: levels.is_valid(row).then(|| levels.value(row)),
                timestamp: timestamps.value(row),
                recorded_at: recorded.value(row),
            };
            latest = latest.max(policy.floor(&event));
        }
    }
    Ok(latest.filter(|until| *until > now))
}
