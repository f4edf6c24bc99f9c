//! The ledger as it was.

use std::sync::Arc;

use super::log::{Ledger, entry_path};
use super::state::State;
use crate::storage::Storage;
use crate::{Error, Result, json};

/// A moment of a trail's past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// When the ledger had so many entries.
    Entries(u64),
    /// Before the first valid entry of a later time: microseconds since 1970, UTC.
    Time(i64),
}

impl Moment {
    /// Reads a number of entries, or a time in RFC 3339 with an offset.
    ///
    /// # Errors
    /// `Usage` if it is neither.
    pub fn parse(text: &str) -> Result<Self> {
        if let Ok(entries) = text.parse() {
            return Ok(Self::Entries(entries));
        }
        json::parse_timestamp(text, "").map(Self::Time).map_err(|e| {
            let why = match e {
                Error::InvalidEvent { message, .. } => message,
                other => other.to_string(),
            };
            Error::Usage(format!(
                "no moment: {why}; give a number of ledger entries, or a time with an offset such \
                 as 2026-03-01T12:00:00Z"
            ))
        })
    }
}

/// The state of the trail at `moment`.
///
/// # Errors
/// `Usage` if the ledger had no such moment; as [`Ledger::open`].
pub(crate) async fn state_at(storage: Storage, moment: Moment) -> Result<Arc<State>> {
    let mut ledger = Ledger::empty(storage);
    let objects = ledger.all_objects().await?;
    let size = objects.len() as u64;
    let entries = match moment {
        Moment::Entries(entries) => entries,
        Moment::Time(time) => {
            let mut state = State::default();
            let later = |bytes: &bytes::Bytes| {
                let entry = state.apply_seen(bytes, |_, _| {}).ok()?;
                json::parse_canonical_timestamp(entry.body.time.as_bytes()).filter(|t| *t > time)
            };
            let before = objects.iter().map(later).take_while(Option::is_none).count();
            before as u64
        }
    };
    if entries == 0 || entries > size {
        let url = ledger.storage().url();
        return Err(Error::Usage(match moment {
            Moment::Entries(_) => format!("{url} has 1 to {size} ledger entries, not {entries}"),
            Moment::Time(_) => format!("{url} was made later: see the time in {}", entry_path(0)),
        }));
    }
    ledger.fold(&objects[..usize::try_from(entries).unwrap_or(objects.len())])?;
    Ok(Arc::clone(ledger.state()))
}
