//! Where the objects of a trail are kept: a local folder, written durably by our own calls, or
//! an object store.
//!
//! Ledger entries and segments go through [`Storage::put_create`], which never overwrites.

pub mod durable;
mod root;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use futures::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};

use durable::Access;
pub use durable::Create;
use root::Backend;

use crate::encryption::Keyring;
use crate::{Error, Result, keys};

/// Local files above this size are read and written on a thread that may block.
const LARGE: u64 = 256 * 1024;

/// The objects of one trail. Cheap to clone. Paths are relative to the trail's root, with `/`;
/// such that lead out of it are refused.
#[derive(Debug, Clone)]
pub struct Storage {
    url: String,
    backend: Backend,
    keys: Option<Arc<Keyring>>,
}

impl Storage {
    /// Opens the place that a root URL names: a path or `file://` URL, or `s3://`, `gs://`,
    /// `az://`, `abfss://` with credentials from the environment, or `memory://name` for tests.
    /// Touches nothing there, and need not exist yet.
    ///
    /// # Errors
    /// `Error::Usage` for a URL that cannot be one, `Error::Store` where the store's client
    /// cannot be set up.
    pub fn open(url: &str) -> Result<Self> {
        let (url, backend) = root::open(url)?;
        Ok(Self { url, backend, keys: None })
    }

    /// A storage under a URL with another store behind it.
    pub(crate) fn over(url: &str, store: Arc<dyn ObjectStore>) -> Self {
        Self { url: url.to_owned(), backend: Backend::Remote(store), keys: None }
    }

    /// The normalised URL: an absolute path without links, or the store's URL without a slash at
    /// its end. State and keys are bound to it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The same with the keyring that opens its encrypted objects.
    #[must_use]
    pub fn with_keys(self, keys: Arc<Keyring>) -> Self {
        Self { keys: Some(keys), ..self }
    }

    /// The keyring that opens its encrypted objects, if it was given one.
    pub fn keys(&self) -> Option<&Arc<Keyring>> {
        self.keys.as_ref()
    }

    /// Whether the objects are in an object store rather than in a local folder.
    pub fn is_remote(&self) -> bool {
        self.local_root().is_none()
    }

    /// The local folder, if it is one.
    pub fn local_root(&self) -> Option<&Path> {
        match &self.backend {
            Backend::Local(root) => Some(root),
            Backend::Remote(_) => None,
        }
    }

    /// Creates an object that did not exist; never replaces one.
    ///
    /// `Created` means that the object is there, durably, with exactly these bytes. That includes
    /// an object that held them before: the reply to an earlier attempt may have been lost.
    ///
    /// # Errors
    /// `Error::Io` or `Error::Store`. The outcome is unknown then: read the object, or repeat.
    pub async fn put_create(&self, path: &str, bytes: Bytes) -> Result<Create> {
        let object = parse(path)?;
        match &self.backend {
            Backend::Local(root) => {
                let file = file(root, &object);
                blocking(bytes.len() as u64, move || create_local(&file, &bytes)).await
            }
            Backend::Remote(store) => create_remote(store, &object, bytes).await,
        }
    }

    /// Creates an object out of a local file, which must be on the trail's file system where that is
    /// a local folder. An object store's client holds all of it in memory meanwhile.
    ///
    /// # Errors
    /// As [`put_create`](Self::put_create); `Error::Integrity` if the name is taken.
    pub(crate) async fn put_file(&self, path: &str, from: &durable::Unfinished) -> Result<()> {
        let object = parse(path)?;
        let created = match &self.backend {
            Backend::Local(root) => from.name(&file(root, &object))?,
            Backend::Remote(store) => {
                create_remote(store, &object, durable::read(from.path())?.into()).await?
            }
        };
        match created {
            Create::Created => Ok(()),
            Create::Exists => Err(Error::integrity(path, "a fresh segment name is taken")),
        }
    }

    /// Writes an object that may be lost or old without harm, replacing what is there.
    ///
    /// # Errors
    /// `Error::Io` or `Error::Store`.
    pub async fn put_hint(&self, path: &str, bytes: Bytes) -> Result<()> {
        let object = parse(path)?;
        match &self.backend {
            Backend::Local(root) => {
                let file = file(root, &object);
                blocking(bytes.len() as u64, move || {
                    durable::replace(&file, &bytes, Access::Default)
                })
                .await
            }
            Backend::Remote(store) => {
                store.put(&object, bytes.into()).await.map_err(|e| told(&object, e))?;
                Ok(())
            }
        }
    }

    /// The whole object.
    ///
    /// # Errors
    /// `Error::NotFound` if there is none, else `Error::Io` or `Error::Store`.
    pub async fn get(&self, path: &str) -> Result<Bytes> {
        let object = parse(path)?;
        match &self.backend {
            Backend::Local(root) => {
                let file = file(root, &object);
                let size = durable::size(&file)?;
                blocking(size, move || durable::read(&file).map(Bytes::from)).await
            }
            Backend::Remote(store) => get_remote(store, &object).await,
        }
    }

    /// A range of an object's bytes; shorter if the object ends before.
    ///
    /// # Errors
    /// As [`get`](Self::get); some stores refuse a range that begins after the end.
    pub async fn get_range(&self, path: &str, range: Range<u64>) -> Result<Bytes> {
        let object = parse(path)?;
        match &self.backend {
            Backend::Local(root) => {
                let file = file(root, &object);
                let size = range.end.saturating_sub(range.start);
                blocking(size, move || durable::read_range(&file, range).map(Bytes::from)).await
            }
            Backend::Remote(store) => {
                store.get_range(&object, range).await.map_err(|e| told(&object, e))
            }
        }
    }

    /// The size of an object in bytes.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn size(&self, path: &str) -> Result<u64> {
        let object = parse(path)?;
        match &self.backend {
            Backend::Local(root) => durable::size(&file(root, &object)),
            Backend::Remote(store) => {
                store.head(&object).await.map(|meta| meta.size).map_err(|e| told(&object, e))
            }
        }
    }

    /// All objects below a folder (`""` for all of the trail) with their sizes, sorted by path.
    ///
    /// # Errors
    /// `Error::Io` or `Error::Store`.
    pub async fn list(&self, folder: &str) -> Result<Vec<(String, u64)>> {
        let prefix = parse(folder)?;
        let mut found = match &self.backend {
            Backend::Local(root) => {
                let root = root.clone();
                blocking(LARGE, move || list_local(&root, &prefix)).await?
            }
            Backend::Remote(store) => {
                let metas =
                    store.list(Some(&prefix)).map_ok(|meta| (meta.location.to_string(), meta.size));
                metas.try_collect().await.map_err(|source| match folder {
                    "" => Error::Store { path: self.url.clone(), source },
                    _ => told(&prefix, source),
                })?
            }
        };
        found.sort();
        Ok(found)
    }

    /// All objects below a folder with their sizes and when they were put, in microseconds since
    /// 1970 by the store's clock, in no order.
    ///
    /// # Errors
    /// `Error::Io` or `Error::Store`.
    pub(crate) async fn list_timed(&self, folder: &str) -> Result<Vec<(String, u64, i64)>> {
        let prefix = parse(folder)?;
        let metas = self.object_store()?;
        let metas = metas.list(Some(&prefix)).map_ok(|meta| {
            (meta.location.to_string(), meta.size, meta.last_modified.timestamp_micros())
        });
        metas.try_collect().await.map_err(|e| told(&prefix, e))
    }

    /// The paths in a folder that sort after `after`, sorted. Object stores look only there, so it
    /// costs little where many objects are before.
    ///
    /// # Errors
    /// `Error::Io` or `Error::Store`.
    pub async fn names_after(&self, folder: &str, after: &str) -> Result<Vec<String>> {
        let mut found = self.pick_after(folder, after, |path| Some(path.to_owned())).await?;
        found.sort();
        Ok(found)
    }

    /// What `pick` makes of the paths in a folder that sort after `after`, in no order: of very
    /// many paths a caller keeps what it needs.
    ///
    /// # Errors
    /// `Error::Io` or `Error::Store`.
    pub(crate) async fn pick_after<T: Send + 'static>(
        &self,
        folder: &str,
        after: &str,
        pick: fn(&str) -> Option<T>,
    ) -> Result<Vec<T>> {
        let (prefix, offset) = (parse(folder)?, parse(after)?);
        match &self.backend {
            Backend::Local(root) => {
                let dir = file(root, &prefix);
                let (mut path, after) = (format!("{folder}/"), after.to_owned());
                let length = path.len();
                let pick_name = move |name: &str| {
                    path.truncate(length);
                    path.push_str(name);
                    if path > after { pick(&path) } else { None }
                };
                blocking(LARGE, move || durable::pick_names(&dir, pick_name)).await
            }
            Backend::Remote(store) => {
                let metas = store.list_with_offset(Some(&prefix), &offset);
                let paths = metas.map_ok(|meta| meta.location.to_string());
                let picked = paths.try_filter_map(|path| async move {
                    Ok(if path.as_str() > after { pick(&path) } else { None })
                });
                picked.try_collect().await.map_err(|e| told(&prefix, e))
            }
        }
    }

    /// Deletes an object. No error if there is none.
    ///
    /// # Errors
    /// `Error::Io` or `Error::Store`.
    pub async fn delete(&self, path: &str) -> Result<()> {
        let object = parse(path)?;
        match &self.backend {
            Backend::Local(root) => durable::remove(&file(root, &object)),
            Backend::Remote(store) => match store.delete(&object).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(e) => Err(told(&object, e)),
            },
        }
    }

    /// The trail as an object store whose root is the trail's, for readers. Writers must not use
    /// it: on a local folder it does not sync.
    ///
    /// # Errors
    /// `Error::Store` if a local folder does not exist.
    pub fn object_store(&self) -> Result<Arc<dyn ObjectStore>> {
        match &self.backend {
            Backend::Remote(store) => Ok(store.clone()),
            Backend::Local(root) => LocalFileSystem::new_with_prefix(root)
                .map(|store| Arc::new(store) as Arc<dyn ObjectStore>)
                .map_err(|source| Error::Store { path: self.url.clone(), source }),
        }
    }

    /// Checks that the store refuses to create an object twice: without that, two writers could
    /// overwrite each other's entries.
    ///
    /// # Errors
    /// `Error::Usage` if it does not refuse, `Error::Io` or `Error::Store` if it cannot be used.
    pub async fn probe_create(&self) -> Result<()> {
        let path = format!(
            "{}probe-{}",
            durable::TEMPORARY_PREFIX,
            HEXLOWER.encode(&keys::random::<8>()?)
        );
        let first = self.put_create(&path, Bytes::from_static(b"first")).await?;
        let second = self.put_create(&path, Bytes::from_static(b"second")).await;
        self.delete(&path).await?;
        if (first, second?) == (Create::Created, Create::Exists) {
            return Ok(());
        }
        Err(Error::Usage(format!(
            "{}: this store overwrites objects that it was told to create only; \
             a trail needs conditional puts",
            self.url
        )))
    }
}

/// The path of an object. Paths come from ledger entries too, so `..` and the like are refused.
fn parse(path: &str) -> Result<ObjectPath> {
    let refused = || Error::integrity(path, "no path of an object within the trail");
    let object = ObjectPath::parse(path).map_err(|_| refused())?;
    // Object stores ignore slashes at either end; we write one form.
    if object.as_ref() == path { Ok(object) } else { Err(refused()) }
}

fn file(root: &Path, object: &ObjectPath) -> PathBuf {
    object.parts().fold(root.to_path_buf(), |path, part| path.join(part.as_ref()))
}

/// A store's error with the object's path.
fn told(object: &ObjectPath, source: object_store::Error) -> Error {
    match source {
        object_store::Error::NotFound { .. } => {
            Error::NotFound(format!("{object}: no such object"))
        }
        source => Error::Store { path: object.to_string(), source },
    }
}

/// Runs local file work: small work here, large work where it holds up nobody.
async fn blocking<T: Send + 'static>(
    bytes: u64,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) if bytes >= LARGE => runtime
            .spawn_blocking(work)
            .await
            .map_err(|e| Error::io("file operation", std::io::Error::other(e)))?,
        _ => work(),
    }
}

fn create_local(file: &Path, bytes: &[u8]) -> Result<Create> {
    match durable::create_new(file, bytes)? {
        Create::Created => Ok(Create::Created),
        Create::Exists => {
            if durable::size(file)? != bytes.len() as u64 || durable::read(file)? != bytes {
                return Ok(Create::Exists);
            }
            // An earlier attempt may have failed between linking and syncing.
            durable::sync_file(file)?;
            Ok(Create::Created)
        }
    }
}

fn list_local(root: &Path, prefix: &ObjectPath) -> Result<Vec<(String, u64)>> {
    let files = durable::list(&file(root, prefix))?;
    let full = files.into_iter().map(|(path, size)| {
        let parts = prefix.parts().map(|part| part.as_ref().to_owned());
        let below = path.iter().map(|part| part.to_string_lossy().into_owned());
        (parts.chain(below).collect::<Vec<_>>().join("/"), size)
    });
    Ok(full.collect())
}

async fn get_remote(store: &Arc<dyn ObjectStore>, object: &ObjectPath) -> Result<Bytes> {
    let reply = store.get(object).await.map_err(|e| told(object, e))?;
    reply.bytes().await.map_err(|e| told(object, e))
}

async fn create_remote(
    store: &Arc<dyn ObjectStore>,
    object: &ObjectPath,
    bytes: Bytes,
) -> Result<Create> {
    let only_new = PutOptions::from(PutMode::Create);
    let Err(error) = store.put_opts(object, bytes.clone().into(), only_new).await else {
        return Ok(Create::Created);
    };
    // Whatever the error says, the object tells: a reply may be lost, and the client's own
    // second try then reports the object of its first as existing.
    match store.head(object).await {
        Ok(meta) if meta.size != bytes.len() as u64 => return Ok(Create::Exists),
        Ok(_) => {}
        Err(_) => return Err(told(object, error)),
    }
    match get_remote(store, object).await {
        Ok(found) if found == bytes => Ok(Create::Created),
        Ok(_) => Ok(Create::Exists),
        Err(_) => Err(told(object, error)),
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) mod watched;
