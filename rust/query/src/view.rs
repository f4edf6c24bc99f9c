//! What a query sees (stand-in until the core crate has it).

use std::sync::Arc;

use bytes::Bytes;
use sealtrail_core::columns::LogicalColumn;
use sealtrail_core::ledger::AddedSegment;

/// The trail at one moment.
#[derive(Debug, Default)]
pub struct ReadView {
    /// Ledger entries seen.
    pub size: u64,
    /// Promoted columns, trail-wide, in order of first use.
    pub columns: Vec<LogicalColumn>,
    /// Live segments.
    pub segments: Vec<Arc<AddedSegment>>,
    /// Canonical records not yet in a segment.
    pub unflushed: Vec<Bytes>,
}
