//! The write-ahead log: where a record is durable before it is acknowledged.
//!
//! A log is a folder of files, each named by its first sequence number and written under the key
//! of one epoch (FORMAT.md section 9). A file counts up to where the next one begins. Files are
//! only ever appended to, replaced whole by recovery, or removed once all in them is committed.
//!
//! - [`Wal`] appends: many threads share one `fdatasync`.
//! - [`recover`] reads a log after whatever happened, with the keys, before a [`Wal`] goes on.
//! - [`WalSnapshot`] reads another process's log, without keys, and [`WalTail`] reads on in it.

mod frame;
mod log;
mod read;
mod recover;
mod scan;
mod tail;

pub use frame::Frame;
pub use log::{LogFile, OpenLog, SyncMode, Wal, WalOptions};
pub use read::WalSnapshot;
pub use recover::{Finding, KeyOf, LogRange, Recovered, recover, recover_with};
pub use tail::WalTail;

use std::path::{Path, PathBuf};

use crate::storage::durable;
use crate::{Error, Result};

/// The file that holds the last sequence number known to be synced.
const SYNCED: &str = "synced";

/// The path of the file that begins with this sequence number.
fn file_path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}.wal"))
}

/// The sequence number in a log file's name; `None` for other files.
fn first_of(name: &Path) -> Option<u64> {
    let digits = name.to_str()?.strip_suffix(".wal")?;
    if digits.len() != 20 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// The first sequence numbers of a log's files, in order.
fn files(dir: &Path) -> Result<Vec<u64>> {
    let mut firsts: Vec<u64> =
        durable::list(dir)?.iter().filter_map(|(name, _)| first_of(name)).collect();
    firsts.sort_unstable();
    Ok(firsts)
}

/// The last sequence number known to be synced; 0 where nothing is known.
fn read_synced(dir: &Path) -> Result<u64> {
    match durable::read(&dir.join(SYNCED)) {
        // Written in place and never synced, so after a crash it may be short.
        Ok(bytes) => Ok(bytes.try_into().map_or(0, u64::from_be_bytes)),
        Err(Error::NotFound(_)) => Ok(0),
        Err(e) => Err(e),
    }
}

/// Where in a log something is wrong.
fn place(path: &Path, offset: usize) -> String {
    format!("{} at byte {offset}", path.display())
}

#[cfg(test)]
mod recover_tests;
#[cfg(test)]
mod simulation_tests;
#[cfg(test)]
mod tail_tests;
#[cfg(test)]
mod tests;
