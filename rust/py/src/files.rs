//! The segments of a trail as rows.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array};
use pyo3::prelude::*;
use sealtrail_core::ledger::AddedSegment;
use sealtrail_core::trail::ReadView;

use crate::errors::internal;
use crate::query::Query;

/// One row for each live segment, in the order of their addition.
pub(crate) fn files(py: Python<'_>, view: &ReadView, root: &str, by_day: bool) -> PyResult<Query> {
    let segments = view.segments();
    let partition = |s: &AddedSegment| {
        let (domain, period) = s.partition(by_day)?;
        Some((domain.to_owned(), period.to_owned()))
    };
    let partitions: Vec<_> = segments.iter().map(|s| partition(s)).collect();
    let text = |values: Vec<Option<String>>| Arc::new(StringArray::from(values)) as ArrayRef;
    let plain = |value: fn(&AddedSegment) -> &String| {
        text(segments.iter().map(|s| Some(value(s).clone())).collect())
    };
    let root_of = |segment: &AddedSegment| match (&segment.archive, &view.archives) {
        (None, _) => Some(root.to_owned()),
        (Some(name), archives) => archives.as_ref()?.url_of(name),
    };
    let location = |s: &AddedSegment| Some(format!("{}/{}", root_of(s)?, s.path));
    let locations = segments.iter().map(|s| location(s)).collect();
    let number = |value: fn(&AddedSegment) -> u64| {
        Arc::new(UInt64Array::from_iter_values(segments.iter().map(|s| value(s)))) as ArrayRef
    };
    let time = |value: fn(&AddedSegment) -> i64| {
        let times = TimestampMicrosecondArray::from_iter_values(segments.iter().map(|s| value(s)));
        Arc::new(times.with_timezone("UTC")) as ArrayRef
    };
    let rows = RecordBatch::try_from_iter([
        ("path", plain(|s| &s.path)),
        ("domain", text(partitions.iter().map(|p| Some(p.as_ref()?.0.clone())).collect())),
        ("period", text(partitions.iter().map(|p| Some(p.as_ref()?.1.clone())).collect())),
        ("rows", number(|s| s.rows)),
        ("batches", number(|s| s.batches)),
        ("bytes", number(|s| s.bytes)),
        ("first", time(|s| s.min)),
        ("last", time(|s| s.max)),
        ("sha256", plain(|s| &s.sha256)),
        ("root", plain(|s| &s.root)),
        ("key", text(segments.iter().map(|s| s.key.clone()).collect())),
        ("location", text(locations)),
        ("archive", text(segments.iter().map(|s| s.archive.clone()).collect())),
        ("format", text(segments.iter().map(|s| Some(format(s).to_owned())).collect())),
    ]);
    Ok(Query::of(rows.map_err(|error| internal(py, &error.to_string()))?))
}

/// How the object of a segment is written.
fn format(segment: &AddedSegment) -> &'static str {
    if segment.is_jsonl() { "jsonl" } else { "parquet" }
}
