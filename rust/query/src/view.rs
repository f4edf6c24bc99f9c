//! What a query sees: the segments and unflushed records of one moment (stand-in until the core crate has it).

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use sealtrail_core::columns::LogicalColumn;

/// The trail at one moment.
#[derive(Debug, Default)]
pub struct ReadView {
    /// Ledger entries seen.
    pub size: u64,
    /// Promoted columns, trail-wide, in order of first use.
    pub columns: Vec<LogicalColumn>,
    /// Live segments.
    pub segments: Vec<Arc<SegmentInfo>>,
    /// Canonical records not yet in a segment.
    pub unflushed: Vec<Bytes>,
}

/// One segment as the ledger describes it.
#[derive(Debug, Clone)]
pub struct SegmentInfo {
    /// Relative to the trail's root.
    pub path: String,
    /// Length of the object.
    pub bytes: u64,
    /// Number of rows.
    pub rows: u64,
    /// Domain of every row.
    pub domain: String,
    /// Month or day of every row.
    pub period: String,
    /// Least timestamp, microseconds UTC.
    pub time_min: i64,
    /// Greatest timestamp, microseconds UTC.
    pub time_max: i64,
    /// Bounds of a few columns.
    pub stats: BTreeMap<String, (Scalar, Scalar)>,
}

/// A bound.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// Text.
    Text(String),
    /// An integer, or microseconds.
    Int(i64),
}
