//! Sending checkpoints to all anchors of a trail, without holding up who records.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use serde::{Deserialize, Serialize};

use super::list::{Anchor, Anchors};
use crate::note::Checkpoint;
use crate::segment::canonical;
use crate::storage::durable::{self, Access};
use crate::trail::{now_micros, time_text};
use crate::{Error, Result};

/// Old checkpoints are thinned out each time that so many were published.
const THIN_EVERY: u64 = 16;
/// A writer that is given free waits so long for its last checkpoint to arrive.
const LAST_WAIT: Duration = Duration::from_secs(15);

/// How publishing to an anchor went last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnchorState {
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// Size of the newest checkpoint that arrived there from this host.
    pub published: Option<u64>,
    /// When the last attempt was; RFC 3339, UTC.
    pub time: String,
}

/// Publishes a writer's checkpoints, one after the other, in the background. Of several that wait
/// only the newest is sent: it says all that the others say.
#[derive(Debug)]
pub(crate) struct Publisher {
    anchors: Anchors,
    state_file: PathBuf,
    slot: Mutex<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    next: Option<(Checkpoint, String)>,
    beat: Option<String>,
    running: bool,
    sent: u64,
}

impl Publisher {
    /// File of the states in a trail's state folder.
    pub(crate) const STATE_FILE: &str = "anchors.json";

    pub(crate) fn new(anchors: Anchors, state_dir: &Path) -> Arc<Self> {
        let state_file = state_dir.join(Self::STATE_FILE);
        Arc::new(Self { anchors, state_file, slot: Mutex::default() })
    }

    /// Sends a checkpoint as soon as the one before it is sent. Errors are for
    /// [`states`](Self::states) to tell: a commit must not fail for them.
    pub(crate) fn publish(self: &Arc<Self>, checkpoint: Checkpoint, note: String) {
        // A list that cannot be read is told by whoever asks for the states.
        if self.anchors.load().ok().flatten().is_none() {
            return;
        }
        let mut slot = self.slot();
        slot.next = Some((checkpoint, note));
        self.start(slot);
    }

    /// Sends a heartbeat.
    pub(crate) fn beat(self: &Arc<Self>, note: String) {
        if self.anchors.load().ok().flatten().is_none() {
            return;
        }
        let mut slot = self.slot();
        slot.beat = Some(note);
        self.start(slot);
    }

    fn start(self: &Arc<Self>, mut slot: MutexGuard<'_, Slot>) {
        if slot.running {
            return;
        }
        let Ok(runtime) = crate::runtime() else { return };
        slot.running = true;
        let publisher = Arc::clone(self);
        runtime.spawn(async move { publisher.run().await });
    }

    async fn run(self: Arc<Self>) {
        loop {
            let (next, beat, thin) = {
                let mut slot = self.slot();
                let (next, beat) = (slot.next.take(), slot.beat.take());
                if next.is_none() && beat.is_none() {
                    slot.running = false;
                    return;
                }
                slot.sent += u64::from(next.is_some());
                (next, beat, slot.sent % THIN_EVERY == 1)
            };
            let Ok(Some((origin, anchors))) = self.anchors.load() else { continue };
            if let Some(beat) = beat {
                // The next one tries again, and its absence shows by its age.
                join_all(anchors.iter().map(|anchor| anchor.beat(&origin, &beat))).await;
            }
            let Some((checkpoint, note)) = next else { continue };
            let sends = anchors.iter().map(|anchor| async {
                let sent = match origin == checkpoint.origin {
                    true => anchor.publish(&checkpoint, &note, thin).await,
                    false => Err(Error::Usage(format!("it is for log {origin:?}"))),
                };
                (anchor.url.clone(), sent)
            });
            let sent = join_all(sends).await;
            self.remember(&anchors, checkpoint.size, sent);
        }
    }

    /// Waits until everything was sent, or a while.
    pub(crate) async fn drain(&self) {
        let until = tokio::time::Instant::now() + LAST_WAIT;
        while self.slot().running && tokio::time::Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How publishing from this host went last, by the anchors' URLs.
    pub(crate) fn states(state_dir: &Path) -> BTreeMap<String, AnchorState> {
        let found = durable::read(&state_dir.join(Self::STATE_FILE)).ok();
        found.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// A hint: writers of this host replace each other's.
    fn remember(&self, anchors: &[Anchor], size: u64, sent: Vec<(String, Result<()>)>) {
        let dir = self.state_file.parent().unwrap_or(Path::new("."));
        let mut states = Self::states(dir);
        states.retain(|url, _| anchors.iter().any(|anchor| anchor.url == *url));
        let time = time_text(now_micros());
        for (url, sent) in sent {
            let state = states.entry(url).or_default();
            state.time.clone_from(&time);
            state.error = sent.as_ref().err().map(ToString::to_string);
            if sent.is_ok() {
                state.published = Some(state.published.unwrap_or(0).max(size));
            }
        }
        if let Ok(bytes) = canonical(&states) {
            let _ = durable::replace(&self.state_file, &bytes, Access::Private);
        }
    }
}

/// Mirrors an entry of the owner to all anchors, before it is put into slot `n` and takes effect.
/// Entries that revoke, delete, erase, hold or change policy must not be put if this fails; one
/// that only authorises a writer may be.
///
/// # Errors
/// The first anchor's that did not take it; the others have it then. As for reading the list.
pub async fn publish_intent(anchors: &Anchors, n: u64, entry: &Bytes) -> Result<()> {
    let Some((origin, anchors)) = anchors.load()? else { return Ok(()) };
    let sends = anchors.iter().map(|anchor| anchor.announce(&origin, n, entry.clone()));
    join_all(sends).await.into_iter().collect()
}
