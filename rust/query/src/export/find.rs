//! Which rows of a segment meet a filter, in the order of its rows.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStore;
use sealtrail_core::evidence::RecordKey;
use sealtrail_core::ledger::AddedSegment;
use sealtrail_core::trail::{ReadView, Trail};

use crate::engine::{Engine, EngineOptions};
use crate::error::{QueryError, Result};
use crate::scope::Scope;
use crate::search::Filter;
use crate::sql::Params;

/// Finds rows of one segment after the other.
#[derive(Debug)]
pub(super) struct Finder {
    engine: Engine,
    store: Arc<dyn ObjectStore>,
    view: Arc<ReadView>,
    filter: Filter,
    /// `None` if every row meets it.
    condition: Option<String>,
}

/// The keys of some rows.
pub(super) struct Keys {
    timestamps: TimestampMicrosecondArray,
    ids: StringArray,
    recorded: TimestampMicrosecondArray,
}

impl Keys {
    fn of(batch: &RecordBatch) -> Result<Self> {
        let failed = |e: arrow::error::ArrowError| QueryError::Execution(e.to_string());
        let micros = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let times = |at: usize| -> Result<TimestampMicrosecondArray> {
            let times = cast(batch.column(at), &micros).map_err(failed)?;
            Ok(times.as_primitive::<TimestampMicrosecondType>().clone())
        };
        let ids = cast(batch.column(1), &DataType::Utf8).map_err(failed)?;
        Ok(Self { timestamps: times(0)?, ids: ids.as_string().clone(), recorded: times(2)? })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = RecordKey<'_>> {
        (0..self.ids.len()).map(|row| RecordKey {
            timestamp: self.timestamps.value(row),
            audit_id: self.ids.value(row),
            recorded_at: self.recorded.value(row),
        })
    }
}

impl Finder {
    pub(super) fn new(trail: &Trail, view: Arc<ReadView>, filter: &Filter) -> Result<Self> {
        // One part, so that rows come out in the order of the file.
        let options = EngineOptions { target_partitions: 1, ..EngineOptions::default() };
        let everything = *filter == Filter::default() && !view.without_access;
        let condition = filter.condition()?;
        Ok(Self {
            engine: Engine::new(&options)?,
            store: trail.storage().object_store()?,
            view,
            filter: filter.clone(),
            condition: (!everything).then_some(condition),
        })
    }

    /// Whether every row of every segment is wanted.
    pub(super) fn wants_all(&self) -> bool {
        self.condition.is_none()
    }

    /// Whether a row of the segment can be within the time that is asked for.
    pub(super) fn may_have(&self, segment: &AddedSegment) -> bool {
        let window = self.filter.window;
        window.since.is_none_or(|since| since <= segment.max)
            && window.until.is_none_or(|until| segment.min < until)
    }

    /// The keys of the rows of a segment that meet the filter.
    pub(super) async fn keys(
        &self,
        segment: &Arc<AddedSegment>,
    ) -> Result<BoxStream<'static, Result<Keys>>> {
        let condition = self.condition.as_deref().unwrap_or("true");
        let sql =
            format!("SELECT \"timestamp\", audit_id, recorded_at FROM events WHERE {condition}");
        let scope = Scope::of(self.view.of_segment(segment), Arc::clone(&self.store));
        let found = self.engine.ask_eagerly(&scope, &sql, Params::None).await?;
        Ok(found.batches().and_then(|batch| async move { Keys::of(&batch) }).boxed())
    }
}
