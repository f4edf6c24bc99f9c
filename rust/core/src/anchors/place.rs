//! One place that holds copies: what goes there, and what comes back.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use futures::{StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256};

use super::list::{Anchor, AnchorKind};
use crate::note::{self, Checkpoint};
use crate::storage::Storage;
use crate::storage::durable::{self, Access, Create};
use crate::{Error, Result};

/// A place that does not answer must not hold up a writer for long.
const PATIENCE: Duration = Duration::from_secs(10);
const PARALLEL_READS: usize = 8;
/// Checkpoints and entries are a few kilobytes.
const MOST_BYTES: u64 = 1 << 20;
/// The newest checkpoints are kept all.
const KEPT_NEWEST: usize = 8;
/// Older ones so that the distance between two is about this part of their age.
const SPACING: u64 = 8;

/// What a place holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// Where each checkpoint is, and its note.
    pub notes: Vec<(String, String)>,
    /// Where the newest heartbeat is, and its note.
    pub heartbeat: Option<(String, String)>,
    /// Where each announced entry of the owner is, and its bytes.
    pub entries: Vec<(String, Bytes)>,
}

/// The folder of a log's checkpoints in an anchor.
fn folder(origin: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(origin.as_bytes()))[..32].to_owned()
}

fn beat_path(origin: &str) -> String {
    format!("{}/heartbeat", folder(origin))
}

fn note_path(origin: &str, size: u64) -> String {
    format!("{}/{size:020}", folder(origin))
}

impl Anchor {
    /// Puts a copy of a checkpoint there.
    ///
    /// # Errors
    /// `Integrity` if another checkpoint of its size is there: one of the two is of a fork. `Io`
    /// or `Store` if the place cannot be used now.
    pub(crate) async fn publish(
        &self,
        checkpoint: &Checkpoint,
        note: &str,
        thin: bool,
    ) -> Result<()> {
        let work = async {
            match self.kind {
                AnchorKind::Folder => self.put_folder(checkpoint, note, thin).await,
                AnchorKind::File => self.put_file(checkpoint, note),
                AnchorKind::Http => {
                    self.post("text/plain; charset=utf-8", note.to_owned().into()).await
                }
            }
        };
        self.within(work).await
    }

    /// Puts a heartbeat there, in the place of the one before.
    ///
    /// # Errors
    /// `Io` or `Store` if the place cannot be used now.
    pub(super) async fn beat(&self, origin: &str, note: &str) -> Result<()> {
        let note = Bytes::from(note.to_owned());
        let work = async {
            match self.kind {
                AnchorKind::Folder => {
                    Storage::open(&self.url)?.put_hint(&beat_path(origin), note).await
                }
                // It would be a change in the checkout each minute.
                AnchorKind::File => Ok(()),
                AnchorKind::Http => self.post("text/plain; charset=utf-8", note).await,
            }
        };
        self.within(work).await
    }

    /// Puts a copy of an owner's entry there, before it takes effect.
    ///
    /// # Errors
    /// `Io` or `Store` if the place cannot be used now.
    pub(super) async fn announce(&self, origin: &str, n: u64, entry: Bytes) -> Result<()> {
        let digest = HEXLOWER.encode(&Sha256::digest(&entry));
        let path = format!("{}/entries/{n:020}-{}.json", folder(origin), &digest[..16]);
        let work = async {
            match self.kind {
                AnchorKind::Folder => {
                    Storage::open(&self.url)?.put_create(&path, entry).await.map(drop)
                }
                // It holds the newest checkpoint only.
                AnchorKind::File => Ok(()),
                AnchorKind::Http => self.post("application/json", entry).await,
            }
        };
        self.within(work).await
    }

    /// Everything that is there of a log.
    ///
    /// # Errors
    /// `Io` or `Store` if the place cannot be read now.
    pub async fn read(&self, origin: &str) -> Result<Held> {
        let work = async {
            match self.kind {
                AnchorKind::Folder => self.get_folder(origin).await,
                AnchorKind::File => {
                    let found = match durable::read(Path::new(&self.url)) {
                        Err(Error::NotFound(_)) => None,
                        other => Some(Bytes::from(other?)),
                    };
                    self.one(found)
                }
                AnchorKind::Http => self.one(self.fetch().await?),
            }
        };
        self.within(work).await
    }

    async fn within<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let late = |_| {
            let message = format!("{}: no answer within {} s", self.url, PATIENCE.as_secs());
            Err(Error::io(&self.url, std::io::Error::other(message)))
        };
        // Tests drive stores in memory without a runtime, which has no clock.
        if tokio::runtime::Handle::try_current().is_err() {
            return work.await;
        }
        tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(late)
    }

    async fn put_folder(&self, checkpoint: &Checkpoint, note: &str, thin: bool) -> Result<()> {
        let storage = Storage::open(&self.url)?;
        let path = note_path(&checkpoint.origin, checkpoint.size);
        if storage.put_create(&path, Bytes::from(note.to_owned())).await? == Create::Exists {
            let found = storage.get(&path).await?;
            let same =
                std::str::from_utf8(&found).ok().and_then(|text| Checkpoint::parse(text).ok());
            if same.is_none_or(|found| found.checkpoint != *checkpoint) {
                return Err(self.another(checkpoint.size));
            }
        }
        if thin {
            self.thin(&storage, &checkpoint.origin).await;
        }
        Ok(())
    }

    /// Old checkpoints are spaced wider and wider. Where nothing can be deleted, nothing is lost.
    async fn thin(&self, storage: &Storage, origin: &str) {
        let Ok(sizes) = sizes(storage, origin).await else { return };
        for size in superfluous(&sizes) {
            let _ = storage.delete(&note_path(origin, size)).await;
        }
    }

    async fn get_folder(&self, origin: &str) -> Result<Held> {
        let storage = Storage::open(&self.url)?;
        let notes: Vec<String> = sizes(&storage, origin)
            .await?
            .into_iter()
            .map(|size| note_path(origin, size))
            .collect();
        let entries = format!("{}/entries", folder(origin));
        let entries = storage.list(&entries).await?;
        let entries = entries.into_iter().map(|(path, _)| path).filter(|p| p.ends_with(".json"));
        let read = async |paths: Vec<String>| -> Result<Vec<(String, Bytes)>> {
            let reads = paths.into_iter().map(|path| {
                let (storage, place) = (storage.clone(), format!("{}/{path}", self.url));
                async move { storage.get_range(&path, 0..MOST_BYTES).await.map(|b| (place, b)) }
            });
            stream::iter(reads).buffered(PARALLEL_READS).try_collect().await
        };
        let notes = read(notes).await?.into_iter();
        let text = |bytes: Bytes| String::from_utf8_lossy(&bytes).into_owned();
        let heartbeat = match storage.get_range(&beat_path(origin), 0..MOST_BYTES).await {
            Ok(bytes) => Some((format!("{}/{}", self.url, beat_path(origin)), text(bytes))),
            Err(Error::NotFound(_)) => None,
            Err(e) => return Err(e),
        };
        Ok(Held {
            heartbeat,
            notes: notes.map(|(place, bytes)| (place, text(bytes))).collect(),
            entries: read(entries.collect()).await?,
        })
    }

    fn put_file(&self, checkpoint: &Checkpoint, note: &str) -> Result<()> {
        let path = Path::new(&self.url);
        let there = match durable::read(path) {
            Err(Error::NotFound(_)) => None,
            other => Some(other?),
        };
        if let Some(there) = there.filter(|there| !there.is_empty()) {
            let found = std::str::from_utf8(&there).ok().and_then(|t| Checkpoint::parse(t).ok());
            let found = found.ok_or_else(|| {
                Error::integrity(&*self.url, "it holds something else than a checkpoint")
            })?;
            let found = found.checkpoint;
            if found.origin != checkpoint.origin {
                return Err(Error::integrity(&*self.url, "it holds a checkpoint of another log"));
            }
            if found.size == checkpoint.size && found.root != checkpoint.root {
                return Err(self.another(checkpoint.size));
            }
            if found.size >= checkpoint.size {
                return Ok(());
            }
        }
        durable::replace(path, note.as_bytes(), Access::Default)
    }

    fn one(&self, found: Option<Bytes>) -> Result<Held> {
        let text = |bytes: Bytes| (self.url.clone(), String::from_utf8_lossy(&bytes).into_owned());
        let found = found.filter(|bytes| !bytes.is_empty()).map(text);
        // An endpoint gives what it got last.
        let (beat, notes): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|(_, note)| note::is_heartbeat(note));
        Ok(Held { notes, heartbeat: beat.into_iter().next(), ..Held::default() })
    }

    fn another(&self, size: u64) -> Error {
        let message = format!("it holds another checkpoint of {size} entries: one is of a fork");
        Error::integrity(&*self.url, message)
    }

    async fn post(&self, content_type: &str, body: Bytes) -> Result<()> {
        let request = client()?.post(&self.url).header("content-type", content_type).body(body);
        let reply = request.send().await.map_err(|e| self.failed(&e))?;
        if reply.status().is_success() { Ok(()) } else { Err(self.refused(reply.status())) }
    }

    async fn fetch(&self) -> Result<Option<Bytes>> {
        let reply = client()?.get(&self.url).send().await.map_err(|e| self.failed(&e))?;
        if reply.status() == reqwest::StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !reply.status().is_success() {
            return Err(self.refused(reply.status()));
        }
        Ok(Some(self.body(reply).await?.into()))
    }

    async fn body(&self, mut reply: reqwest::Response) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(chunk) = reply.chunk().await.map_err(|e| self.failed(&e))? {
            body.extend_from_slice(&chunk);
            if body.len() as u64 > MOST_BYTES {
                return Err(Error::integrity(&*self.url, "its answer is too long"));
            }
        }
        Ok(body)
    }

    fn failed(&self, error: &reqwest::Error) -> Error {
        let mut text = String::new();
        let mut cause: Option<&dyn std::error::Error> = Some(error);
        while let Some(error) = cause {
            text = if text.is_empty() { error.to_string() } else { format!("{text}: {error}") };
            cause = error.source();
        }
        Error::io(&self.url, std::io::Error::other(text))
    }

    fn refused(&self, status: reqwest::StatusCode) -> Error {
        Error::io(&self.url, std::io::Error::other(format!("it answered {status}")))
    }
}

/// What an endpoint answers to a POST.
pub(super) async fn post_for(url: &str, content_type: &str, body: Vec<u8>) -> Result<Vec<u8>> {
    let anchor = super::list::http(url)?;
    let request = client()?.post(&anchor.url).header("content-type", content_type).body(body);
    let reply = request.send().await.map_err(|e| anchor.failed(&e))?;
    if !reply.status().is_success() {
        return Err(anchor.refused(reply.status()));
    }
    anchor.body(reply).await
}

fn client() -> Result<&'static reqwest::Client> {
    static CLIENT: OnceLock<Option<reqwest::Client>> = OnceLock::new();
    let made = CLIENT.get_or_init(|| reqwest::Client::builder().timeout(PATIENCE).build().ok());
    made.as_ref().ok_or_else(|| Error::Usage("no HTTP client can be made here".to_owned()))
}

/// Sizes of the checkpoints in a folder, ascending.
async fn sizes(storage: &Storage, origin: &str) -> Result<Vec<u64>> {
    let folder = folder(origin);
    let names = storage.names_after(&folder, &folder).await?;
    let digits = |name: &String| {
        let name = name.strip_prefix(folder.as_str())?.strip_prefix('/')?;
        let plain = name.len() == 20 && name.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| name.parse().ok()).flatten()
    };
    let mut sizes: Vec<u64> = names.iter().filter_map(digits).collect();
    sizes.sort_unstable();
    Ok(sizes)
}

/// Which of the checkpoints, ascending, need not be kept: not the newest, not the oldest, and those
/// without which the next older one is still nearer than a part of its age. So about
/// `2 * SPACING * ln(n)` stay.
pub(super) fn superfluous(sizes: &[u64]) -> Vec<u64> {
    let Some(newest) = sizes.last() else { return Vec::new() };
    let mut gone = Vec::new();
    let mut last = *newest;
    for (i, pair) in sizes.windows(2).rev().enumerate() {
        let [older, size] = [pair[0], pair[1]];
        if i < KEPT_NEWEST || last - older > (newest - older) / SPACING {
            last = size;
        } else {
            gone.push(size);
        }
    }
    gone
}
