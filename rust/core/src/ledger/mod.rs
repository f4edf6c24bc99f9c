//! The ledger: numbered, create-only, signed entries (FORMAT section 7).

mod entry;
mod log;
mod state;

#[cfg(test)]
mod tests;

pub use entry::{
    AddedSegment, Authorization, Body, Bounds, Close, Entry, Kind, Recorded, TrailInfo, WalRange,
};
pub(crate) use log::entry_number;
pub use log::{CHECKPOINT_HINT, Ledger, entry_path};
pub(crate) use state::{Depth, public_key};
pub use state::{InvalidEntry, State, WriterState};
