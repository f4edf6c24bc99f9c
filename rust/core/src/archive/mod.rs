//! Where the objects of segments are: in the trail's own store, or in archives that have names.

mod parts;
mod restored;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use data_encoding::HEXLOWER;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use sha2::{Digest, Sha256};

use crate::ledger::{AddedSegment, State, is_archive, sidecar_path};
use crate::segment::SegmentFile;
use crate::segment::gone::Gone;
use crate::storage::Storage;
use crate::{Error, Result};
use restored::{Kept, LIMIT, Restored};

/// The member of a retention policy that says where archives are, by name.
const IN_POLICY: &str = "archives";

/// The stores that hold a trail's segments. Cheap to clone.
///
/// The ledger says of a segment in which archive it is, by name. Where that is, the caller says
/// (the configuration, `--archive NAME=URL`), else the newest retention policy of the ledger.
#[derive(Debug, Clone)]
pub struct Archives {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    own: Storage,
    /// Whether the trail's own store has what archives hold, as a copy has.
    together: bool,
    /// URLs by name, as the caller says.
    said: BTreeMap<String, String>,
    /// URLs by name, as the ledger's policy says.
    pinned: Mutex<BTreeMap<String, String>>,
    /// Those that were opened, by URL.
    opened: Mutex<BTreeMap<String, Storage>>,
    /// What was made of compressed lines.
    restored: Restored,
    /// One at a time is restored: it takes all cores.
    restoring: tokio::sync::Mutex<()>,
}

impl Archives {
    /// Those of a trail in `own`; `said` are folders or URLs by the archives' names. What is made
    /// of compressed lines is kept in `folder`.
    pub fn new(own: Storage, said: BTreeMap<String, String>, folder: PathBuf) -> Self {
        Self::with(own, said, folder, false)
    }

    /// Those of a copy, whose own store has everything.
    pub(crate) fn together(own: Storage, folder: PathBuf) -> Self {
        Self::with(own, BTreeMap::new(), folder, true)
    }

    fn with(own: Storage, said: BTreeMap<String, String>, folder: PathBuf, together: bool) -> Self {
        let (pinned, opened) = (Mutex::default(), Mutex::default());
        let (restored, restoring) = (Restored::new(folder, LIMIT), tokio::sync::Mutex::default());
        let shared = Shared { own, together, said, pinned, opened, restored, restoring };
        Self { shared: Arc::new(shared) }
    }

    /// The folders or URLs that the caller named, by the archives' names.
    pub fn said(&self) -> &BTreeMap<String, String> {
        &self.shared.said
    }

    /// Takes over what the policy in force says, as of a state of the ledger.
    pub fn learn(&self, state: &State) {
        let pinned = archives_of(state).collect();
        *self.shared.pinned.lock().unwrap_or_else(PoisonError::into_inner) = pinned;
    }

    /// The trail's own store.
    pub fn own(&self) -> &Storage {
        &self.shared.own
    }

    /// The folder or URL of an archive, if anybody says where it is.
    pub fn url_of(&self, name: &str) -> Option<String> {
        let pinned = self.shared.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.said.get(name).or_else(|| pinned.get(name)).cloned()
    }

    /// Names of the archives that somebody says where they are.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        if self.shared.together {
            return BTreeSet::new();
        }
        let pinned = self.shared.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.said.keys().chain(pinned.keys()).cloned().collect()
    }

    /// The folder or URL of an archive, as the owner's policy says.
    pub(crate) fn pinned(&self, name: &str) -> Option<String> {
        let pinned = self.shared.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        pinned.get(name).cloned()
    }

    /// The store of an archive.
    ///
    /// # Errors
    /// `Usage` if nothing says where it is, or what says so is no place; `Store`.
    pub fn named(&self, name: &str) -> Result<Storage> {
        if self.shared.together {
            return Ok(self.shared.own.clone());
        }
        let Some(url) = self.url_of(name) else { return Err(unknown(name)) };
        self.at(&url)
    }

    /// The store at a folder or URL.
    ///
    /// # Errors
    /// `Usage` if it is no place; `Store`.
    pub(crate) fn at(&self, url: &str) -> Result<Storage> {
        let mut opened = self.shared.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(storage) = opened.get(url) {
            return Ok(storage.clone());
        }
        let mut storage = Storage::open(url)?;
        if let Some(keys) = self.shared.own.keys() {
            storage = storage.with_keys(Arc::clone(keys));
        }
        opened.insert(url.to_owned(), storage.clone());
        Ok(storage)
    }

    /// Puts another store in the place of the one at a folder or URL.
    #[cfg(test)]
    pub(crate) fn replace(&self, url: &str, storage: Storage) {
        self.shared.opened.lock().unwrap().insert(url.to_owned(), storage);
    }

    /// The store that holds a segment's object and its sidecar.
    ///
    /// # Errors
    /// As [`named`](Self::named).
    pub fn store_of(&self, segment: &AddedSegment) -> Result<Storage> {
        match &segment.archive {
            None => Ok(self.shared.own.clone()),
            Some(name) => self.named(name),
        }
    }

    /// Opens a segment; of a local one only what is looked at is read. Compressed lines are made
    /// into a Parquet file first.
    ///
    /// # Errors
    /// `NotFound` if there is no object; `Integrity` if it is no segment; `Io`, `Store`; as
    /// [`named`](Self::named).
    pub(crate) async fn open(&self, segment: &AddedSegment) -> Result<SegmentFile> {
        if segment.is_jsonl() {
            let kept = self.restore(segment).await?;
            return SegmentFile::open_file(&segment.path, &kept.path, None);
        }
        let storage = self.store_of(segment)?;
        match storage.local_root() {
            Some(root) => SegmentFile::open_local(&segment.path, root, storage.keys()),
            None => {
                let bytes = storage.get(&segment.path).await?;
                SegmentFile::open_with(&segment.path, bytes, storage.keys())
            }
        }
    }

    /// The Parquet file of a segment of compressed lines.
    async fn restore(&self, segment: &AddedSegment) -> Result<Kept> {
        let _alone = self.shared.restoring.lock().await;
        if let Some(kept) = self.shared.restored.find(segment)? {
            return Ok(kept);
        }
        let object = self.store_of(segment)?.get(&segment.path).await?;
        let object = self.genuine(segment, object).await?;
        let (shared, segment) = (Arc::clone(&self.shared), segment.clone());
        let place = segment.path.clone();
        let work = move || shared.restored.make(&segment, &object);
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|e| Error::io(place, io::Error::other(e)))?
    }

    /// A segment of an archive as what is read instead of it: a Parquet file of that length.
    ///
    /// # Errors
    /// `Usage` if it is in an archive of which nothing says where it is; `NotFound`, `Integrity`,
    /// `Io` or `Store` if it cannot be made one.
    pub async fn as_parquet(&self, segment: Arc<AddedSegment>) -> Result<Arc<AddedSegment>> {
        if segment.is_jsonl() {
            let kept = self.restore(&segment).await.map_err(|e| self.told(&segment, e))?;
            return Ok(Arc::new(AddedSegment { bytes: kept.bytes, ..(*segment).clone() }));
        }
        self.store_of(&segment)?;
        Ok(segment)
    }

    /// Where the Parquet file of a segment can be read, and under which path there.
    ///
    /// # Errors
    /// As [`as_parquet`](Self::as_parquet).
    pub async fn readable(
        &self,
        segment: &AddedSegment,
    ) -> Result<(Arc<dyn ObjectStore>, ObjectPath)> {
        if segment.is_jsonl() {
            let kept = self.restore(segment).await.map_err(|e| self.told(segment, e))?;
            let failed = |source: Box<dyn std::error::Error + Send + Sync>| {
                Error::io(&kept.path, io::Error::other(source))
            };
            let path = ObjectPath::from_absolute_path(&kept.path).map_err(|e| failed(e.into()))?;
            return Ok((Arc::new(LocalFileSystem::new()), path));
        }
        let path = ObjectPath::from(segment.path.as_str());
        Ok((self.store_of(segment)?.object_store()?, path))
    }

    /// An object that is not there is named with its archive.
    fn told(&self, segment: &AddedSegment, error: Error) -> Error {
        match error {
            Error::NotFound(_) => Error::integrity(&segment.path, self.missing(segment)),
            other => other,
        }
    }

    /// Whether a segment can be opened without fetching or restoring it.
    pub(crate) fn is_here(&self, segment: &AddedSegment) -> bool {
        let local = |storage: Storage| storage.local_root().is_some();
        !segment.is_jsonl() && self.store_of(segment).is_ok_and(local)
    }

    /// Opens a segment that [is here](Self::is_here), on this thread.
    ///
    /// # Errors
    /// As [`open`](Self::open); `NotFound` if it is not here.
    pub(crate) fn open_here(&self, segment: &AddedSegment) -> Result<SegmentFile> {
        let storage = self.store_of(segment)?;
        match storage.local_root() {
            Some(root) => SegmentFile::open_local(&segment.path, root, storage.keys()),
            None => Err(Error::NotFound(segment.path.clone())),
        }
    }

    /// The bytes of a segment's object, which are those that the ledger names.
    ///
    /// # Errors
    /// `Integrity` if it is missing or another one; `Io`, `Store`; as [`named`](Self::named).
    pub(crate) async fn get(&self, segment: &AddedSegment) -> Result<Bytes> {
        let bytes = self.store_of(segment)?.get(&segment.path).await;
        let bytes = bytes.map_err(|e| self.told(segment, e))?;
        self.genuine(segment, bytes).await
    }

    /// The bytes, if they are those that the ledger names.
    async fn genuine(&self, segment: &AddedSegment, bytes: Bytes) -> Result<Bytes> {
        let hashed = bytes.clone();
        let hash = tokio::task::spawn_blocking(move || Sha256::digest(&hashed)).await;
        let hash = hash.map_err(|e| Error::io(&segment.path, io::Error::other(e)))?;
        if bytes.len() as u64 != segment.bytes || HEXLOWER.encode(&hash) != segment.sha256 {
            let message = "it is not the file that the ledger names";
            return Err(Error::integrity(&segment.path, message));
        }
        Ok(bytes)
    }

    /// What the sidecar of a segment says of its removed rows.
    ///
    /// # Errors
    /// `NotFound` if it is not there; `Integrity` if it is another one; as [`open`](Self::open).
    pub(crate) async fn sidecar(&self, segment: &AddedSegment) -> Result<Gone> {
        let Some(named) = &segment.gone else { return Ok(Gone::default()) };
        let path = sidecar_path(&segment.path);
        let bytes = self.store_of(segment)?.get(&path).await?;
        let same = bytes.len() as u64 == named.bytes
            && HEXLOWER.encode(&Sha256::digest(&bytes)) == named.sha256;
        match Gone::parse(&bytes) {
            Ok(gone) if same => Ok(gone),
            Ok(_) => Err(Error::integrity(path, "its bytes are not those that were signed")),
            Err(what) => Err(Error::integrity(path, what)),
        }
    }

    /// What to say of a segment whose object is not there.
    pub(crate) fn missing(&self, segment: &AddedSegment) -> String {
        match &segment.archive {
            None => "the segment is missing".to_owned(),
            Some(name) => {
                let place = self.url_of(name).unwrap_or_default();
                format!("the segment is missing in the archive {name:?} at {place}")
            }
        }
    }
}

/// Names and URLs of archives, as the policy in force of a state says.
pub(crate) fn archives_of(state: &State) -> impl Iterator<Item = (String, String)> {
    let policy = state.lifecycle.policy.as_ref().map(|known| &known.policy);
    let named = policy.and_then(|policy| policy.get(IN_POLICY)?.as_object());
    let named = named.into_iter().flatten().filter(|(name, _)| is_archive(name));
    named.filter_map(|(name, url)| Some((name.clone(), url.as_str()?.to_owned())))
}

fn unknown(name: &str) -> Error {
    Error::Usage(format!(
        "segments are in the archive {name:?}, and nothing says where that is: name it with \
         --archive {name}=URL, in retention.archival of the configuration, or in the policy that \
         the owner pins (`sealtrail retention pin`)"
    ))
}
