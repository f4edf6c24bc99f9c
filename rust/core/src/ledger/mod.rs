//! The ledger: numbered, create-only, signed entries (FORMAT section 7).

mod bounds;
pub(crate) mod cosigned;
mod entry;
mod lifecycle;
mod lifecycle_rules;
mod log;
pub(crate) mod moment;
mod paths;
mod resume;
mod signed;
pub(crate) mod snapshot;
mod state;
mod writes;

#[cfg(test)]
mod tests;

pub use bounds::ColumnBounds;
pub use entry::{
    AddedSegment, Authorization, Body, Bounds, Close, Entry, Kind, Recorded, RecoveredLog,
    Revocation, SnapshotRef, TrailInfo, WalRange,
};
pub(crate) use lifecycle::is_copy;
pub use lifecycle::{
    ActiveHold, Condemned, Erase, Erased, Erasure, Forget, Forgotten, GoneBatch, Hold, JSONL,
    Lifecycle, Orphan, PinnedPolicy, Policy, Release, Retired, Sidecar, Tombstone, is_archive,
    sidecar_path,
};
pub use log::{CHECKPOINT_HINT, HEARTBEAT, Ledger, entry_path};
pub(crate) use log::{FOLDER, entry_number};
pub use moment::Moment;
pub use paths::is_segment_path;
pub(crate) use resume::may_name_snapshot;
pub(crate) use signed::{Read, Signed, Signers};
pub(crate) use snapshot::snapshot_number;
pub use snapshot::snapshot_path;
pub(crate) use state::{DueSnapshot, public_key};
pub use state::{InvalidEntry, State, WriterState};
