//! A copy read as the trail that it is of: a store for readers that decrypts.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path as ObjectPath;
use object_store::{
    Attributes, CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload,
    PutResult,
};

use super::place::{OBJECTS, Place, sealed_path};
use super::statement::Statement;
use crate::keys::envelope;
use crate::ledger::{entry_number, snapshot_number};
use crate::storage::Storage;
use crate::{Error, Result};

type Reply<T> = object_store::Result<T>;

/// Objects that do not open, and why.
pub(super) type Damage = Arc<Mutex<BTreeMap<String, String>>>;

/// A copy as of one statement. Nothing can be written to it.
pub(super) struct CopyStore {
    place: Place,
    inner: Arc<dyn ObjectStore>,
    statement: Arc<Statement>,
    damage: Damage,
}

impl CopyStore {
    /// The trail as the copy has it, under the copy's URL. An object that does not open reads as
    /// an empty one and is noted in `damage`.
    pub(super) fn storage(
        place: &Place,
        statement: &Arc<Statement>,
        damage: &Damage,
    ) -> Result<Storage> {
        let inner = place.storage.object_store()?;
        let (statement, damage) = (Arc::clone(statement), Arc::clone(damage));
        let store = Self { place: place.clone(), inner, statement, damage };
        Ok(Storage::over(place.storage.url(), Arc::new(store)))
    }

    async fn content(&self, path: &str) -> Reply<Bytes> {
        if let Some(hint) = self.statement.hints.get(path) {
            return Ok(hint.clone());
        }
        if !visible(&self.statement, path) {
            return Err(missing(path));
        }
        let sealed = self.inner.get(&sealed_object(path)?).await?.bytes().await?;
        match self.place.unseal(self.place.aad(path), sealed).await {
            Ok(bytes) => Ok(bytes),
            Err(e) => {
                let why = match e {
                    Error::Integrity { message, .. } => message,
                    other => other.to_string(),
                };
                let mut damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
                damage.insert(sealed_path(path), format!("it does not open: {why}"));
                Ok(Bytes::new())
            }
        }
    }

    fn listed(&self, meta: ObjectMeta) -> Option<ObjectMeta> {
        let path = meta.location.as_ref().strip_prefix(OBJECTS)?.strip_prefix('/')?.to_owned();
        visible(&self.statement, &path).then(|| ObjectMeta {
            location: ObjectPath::from(path),
            size: plain_len(meta.size).unwrap_or(0),
            ..meta
        })
    }

    fn hint(&self, path: &str, bytes: &Bytes) -> ObjectMeta {
        let time = chrono::DateTime::parse_from_rfc3339(&self.statement.head.time);
        ObjectMeta {
            location: ObjectPath::from(path),
            last_modified: time.map(|time| time.to_utc()).unwrap_or_default(),
            size: bytes.len() as u64,
            e_tag: None,
            version: None,
        }
    }

    fn all(
        &self,
        prefix: Option<&ObjectPath>,
        after: &str,
    ) -> BoxStream<'static, Reply<ObjectMeta>> {
        let below = |path: &str| {
            let prefix = prefix.map(AsRef::as_ref).unwrap_or_default();
            let rest = path.strip_prefix(prefix);
            prefix.is_empty() || rest.is_some_and(|rest| rest.starts_with('/'))
        };
        let hints: Vec<Reply<ObjectMeta>> = self
            .statement
            .hints
            .iter()
            .filter(|(path, _)| below(path) && path.as_str() > after)
            .map(|(path, bytes)| Ok(self.hint(path, bytes)))
            .collect();
        let folder = match prefix {
            Some(prefix) => ObjectPath::from(format!("{OBJECTS}/{prefix}")),
            None => ObjectPath::from(OBJECTS),
        };
        let offset = ObjectPath::from(format!("{OBJECTS}/{after}"));
        let (place, inner) = (self.place.clone(), Arc::clone(&self.inner));
        let (statement, damage) = (Arc::clone(&self.statement), Arc::clone(&self.damage));
        let view = Self { place, inner: Arc::clone(&inner), statement, damage };
        let objects = match after {
            "" => inner.list(Some(&folder)),
            _ => inner.list_with_offset(Some(&folder), &offset),
        };
        let objects = objects.try_filter_map(move |meta| {
            let listed = view.listed(meta);
            async move { Ok(listed) }
        });
        stream::iter(hints).chain(objects).boxed()
    }
}

/// Whether the statement counts the object in.
pub(super) fn visible(statement: &Statement, path: &str) -> bool {
    let size = statement.head.size;
    match (entry_number(path), snapshot_number(path)) {
        (Some(n), _) | (_, Some(n)) => n < size,
        _ => path.starts_with("segments/") || statement.loose.contains(path),
    }
}

/// Bytes of the content of an envelope of this length; `None` if no envelope has it.
pub(super) fn plain_len(sealed: u64) -> Option<u64> {
    let chunk = envelope::ENVELOPE_CHUNK as u64;
    let tag = envelope::sealed_len(chunk + 1) - envelope::sealed_len(chunk) - 1;
    let body = sealed.checked_sub(envelope::sealed_len(0) - tag)?;
    let chunks = body.div_ceil(chunk + tag).max(1);
    let plain = body.checked_sub(chunks * tag)?;
    (envelope::sealed_len(plain) == sealed).then_some(plain)
}

fn sealed_object(path: &str) -> Reply<ObjectPath> {
    ObjectPath::parse(sealed_path(path))
        .map_err(|source| object_store::Error::InvalidPath { source })
}

fn missing(path: &str) -> object_store::Error {
    object_store::Error::NotFound { path: path.to_owned(), source: "no part of the copy".into() }
}

fn read_only<T>() -> Reply<T> {
    Err(object_store::Error::NotSupported { source: "a copy is only read".into() })
}

impl fmt::Debug for CopyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CopyStore({})", self.place.storage.url())
    }
}

impl fmt::Display for CopyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[async_trait]
impl ObjectStore for CopyStore {
    async fn get_opts(&self, location: &ObjectPath, options: GetOptions) -> Reply<GetResult> {
        let bytes = self.content(location.as_ref()).await?;
        let meta = self.hint(location.as_ref(), &bytes);
        options.check_preconditions(&meta)?;
        let range = match &options.range {
            Some(range) => range
                .as_range(meta.size)
                .map_err(|e| object_store::Error::Generic { store: "copy", source: Box::new(e) })?,
            None => 0..meta.size,
        };
        let (from, to) = (range.start as usize, range.end as usize);
        let part = if options.head { Bytes::new() } else { bytes.slice(from..to) };
        Ok(GetResult {
            payload: GetResultPayload::Stream(stream::once(async { Ok(part) }).boxed()),
            meta,
            range,
            attributes: Attributes::default(),
        })
    }

    fn list(&self, prefix: Option<&ObjectPath>) -> BoxStream<'static, Reply<ObjectMeta>> {
        self.all(prefix, "")
    }

    fn list_with_offset(
        &self,
        prefix: Option<&ObjectPath>,
        offset: &ObjectPath,
    ) -> BoxStream<'static, Reply<ObjectMeta>> {
        self.all(prefix, offset.as_ref())
    }

    async fn list_with_delimiter(&self, _: Option<&ObjectPath>) -> Reply<ListResult> {
        read_only()
    }

    async fn put_opts(&self, _: &ObjectPath, _: PutPayload, _: PutOptions) -> Reply<PutResult> {
        read_only()
    }

    async fn put_multipart_opts(
        &self,
        _: &ObjectPath,
        _: PutMultipartOptions,
    ) -> Reply<Box<dyn MultipartUpload>> {
        read_only()
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, Reply<ObjectPath>>,
    ) -> BoxStream<'static, Reply<ObjectPath>> {
        stream::once(async { read_only() }).boxed()
    }

    async fn copy_opts(&self, _: &ObjectPath, _: &ObjectPath, _: CopyOptions) -> Reply<()> {
        read_only()
    }
}
