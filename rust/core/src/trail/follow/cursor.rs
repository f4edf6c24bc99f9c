//! Where a follower stands, as text.

use std::collections::BTreeMap;

use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};

use super::marks::{MARK, Mark};
use super::{Follower, Log};
use crate::ledger::Ledger;
use crate::trail::Trail;
use crate::{Error, Result};

/// The file of a cursor (FORMAT section 14).
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    follower: String,
    /// Ids of questions that are left out with their outcomes.
    leave_out: Vec<String>,
    /// Base64 of the digests of records that revoked writers' logs gave.
    orphans: String,
    /// Hex root of the ledger's first `size` entries, all of whose records are given out.
    root: String,
    /// Rows of the next entry that are given out, too.
    rows: u64,
    size: u64,
    trail_id: String,
    v: u32,
    writers: BTreeMap<String, Position>,
}

/// How far a log is given out beyond what is committed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Position {
    at: u64,
    /// Base64 of the marks.
    marks: String,
}

pub(super) fn write(follower: &Follower) -> Result<String> {
    let state = follower.ledger.state();
    let (size, root, rows) = match &follower.current {
        Some(commit) => (commit.n, commit.root, commit.taken + commit.skip),
        None => (state.size(), state.root(), 0),
    };
    let position = |(id, log): (&String, &Log)| {
        let committed = state.writers.get(id).map_or(0, |w| w.committed);
        let mut marks = Vec::with_capacity(log.ahead.len() * MARK);
        log.ahead.iter().for_each(|mark| mark.write(&mut marks));
        let position = Position { at: log.at, marks: BASE64.encode(&marks) };
        (log.at > committed || !marks.is_empty()).then(|| (id.clone(), position))
    };
    let cursor = Cursor {
        follower: follower.id.clone(),
        leave_out: follower.left_out.ids.iter().cloned().collect(),
        orphans: BASE64.encode(&follower.orphans.digests().concat()),
        root: HEXLOWER.encode(&root),
        rows,
        size,
        trail_id: follower.trail.info().trail_id.clone(),
        v: 1,
        writers: follower.logs.iter().filter_map(position).collect(),
    };
    let mut text = serde_json::to_string(&cursor).map_err(|e| Error::encoding("cursor", e))?;
    text.push('\n');
    Ok(text)
}

pub(super) async fn restore(trail: &Trail, text: &str) -> Result<Follower> {
    let cursor: Cursor = serde_json::from_str(text)
        .map_err(|e| Error::Usage(format!("this is no cursor of `tail`: {e}")))?;
    if cursor.v != 1 || cursor.trail_id != trail.info().trail_id {
        return Err(Error::Usage(format!(
            "the cursor is of trail {}, not of {}",
            cursor.trail_id,
            trail.info().trail_id
        )));
    }
    let other = || {
        let message = format!(
            "the cursor saw {} entries with root {}, and the ledger does not begin with them: it \
             was rolled back or replaced",
            cursor.size, cursor.root
        );
        Error::integrity(trail.url(), message)
    };
    let ledger = match Ledger::open_at(trail.storage().clone(), cursor.size).await {
        Err(Error::NotFound(_)) => return Err(other()),
        ledger => ledger?,
    };
    if HEXLOWER.encode(&ledger.state().root()) != cursor.root {
        return Err(other());
    }
    let mut follower = Follower::new(trail, cursor.follower.clone(), ledger);
    follower.left_out.ids = cursor.leave_out.iter().cloned().collect();
    for digest in decoded(&cursor.orphans)?.chunks_exact(16) {
        let mut mark = Mark { digest: [0; 16], recorded_at: 0 };
        mark.digest.copy_from_slice(digest);
        follower.orphans.add(&mark);
    }
    for (id, position) in &cursor.writers {
        let bytes = decoded(&position.marks)?;
        let mut log = Log::new(&trail.state_dir().join(id), trail);
        let marks = bytes.chunks_exact(MARK).filter_map(|mark| mark.try_into().ok());
        log.ahead = marks.map(Mark::read).collect();
        log.at = position.at;
        follower.logs.insert(id.clone(), log);
    }
    if cursor.rows > 0 {
        follower.advance().await?;
        follower.current.as_mut().ok_or_else(other)?.skip = cursor.rows;
    }
    Ok(follower)
}

fn decoded(base64: &str) -> Result<Vec<u8>> {
    let bytes = BASE64.decode(base64.as_bytes());
    bytes.map_err(|_| Error::Usage("this is no cursor of `tail`: it is damaged".to_owned()))
}
