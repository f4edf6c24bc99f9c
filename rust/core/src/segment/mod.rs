//! Segments: immutable Parquet files that prove their own rows (FORMAT section 5).

mod build;
mod find;
pub(crate) mod gone;
pub(crate) mod jsonl;
pub(crate) mod merge;
mod meta;
mod probe;
mod project;
mod read;
mod run;
mod sample;
mod source;
mod tried;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use build::new_uuid;
pub use build::{BuiltSegment, Partition, Row, Signer, build_segments};
pub use meta::{BatchMeta, Origin, SegmentColumn, SegmentMeta, batch_list_root};
pub(crate) use meta::{batch_leaf, batch_list_leaves, canonical};
pub(crate) use probe::{Filters, TAIL_BYTES, Told};
pub(crate) use project::GroupBounds;
pub use read::{BatchRows, Keys, RowReader, SegmentFile};
pub(crate) use run::Run;
pub use write::{BLOOM_COLUMNS, STATISTICS_COLUMNS};
pub(crate) use write::{MAX_BOUND, REQUIRED, TEXT_STATISTICS};

/// Most records of a batch.
pub const MAX_BATCH_ROWS: usize = 65_536;
/// Levels between the leaves and the stored tree hashes of a batch: runs of 256 leaves.
pub const TREE_LEVELS: u32 = 8;
/// Leaves of such a run.
pub(crate) const RUN_LEAVES: usize = 1 << TREE_LEVELS;
