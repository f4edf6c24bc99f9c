//! A store for tests that tells what was asked of it, and dies when told to.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    PutMultipartOptions, PutPayload, PutResult,
};

use super::*;

type Reply<T> = object_store::Result<T>;

/// Passes everything on to another store.
#[derive(Debug)]
pub(crate) struct Watched {
    inner: Arc<dyn ObjectStore>,
    /// Paths that were read, in order.
    gets: Mutex<Vec<String>>,
    /// Objects that listings gave.
    listed: Arc<AtomicU64>,
    puts: AtomicU64,
    /// The put with this number is the last one.
    last_put: u64,
    /// Whether that put is done before its reply is lost.
    done: bool,
    dead: AtomicBool,
}

impl Watched {
    /// A view of a storage's objects that lives.
    pub(crate) fn of(storage: &Storage) -> (Arc<Self>, Storage) {
        Self::dying(storage, u64::MAX, false)
    }

    /// One that dies at its `last_put`th put, counted from 0, before it or after it.
    pub(crate) fn dying(storage: &Storage, last_put: u64, done: bool) -> (Arc<Self>, Storage) {
        let watched = Arc::new(Self {
            inner: storage.object_store().unwrap(),
            gets: Mutex::default(),
            listed: Arc::default(),
            puts: AtomicU64::new(0),
            last_put,
            done,
            dead: AtomicBool::new(false),
        });
        let backend = Backend::Remote(watched.clone());
        (watched, Storage { url: storage.url.clone(), backend, keys: None })
    }

    /// A storage's URL with another store behind it.
    pub(crate) fn behind(storage: &Storage, store: Arc<dyn ObjectStore>) -> Storage {
        Storage { url: storage.url.clone(), backend: Backend::Remote(store), keys: None }
    }

    /// Paths that were read since the last call.
    pub(crate) fn take_gets(&self) -> Vec<String> {
        std::mem::take(&mut self.gets.lock().unwrap())
    }

    pub(crate) fn take_listed(&self) -> u64 {
        self.listed.swap(0, Ordering::SeqCst)
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    fn alive(&self) -> Reply<()> {
        if self.is_dead() { Err(gone()) } else { Ok(()) }
    }

    fn count(&self, items: BoxStream<'static, Reply<ObjectMeta>>) -> ListStream {
        if self.is_dead() {
            return futures::stream::once(async { Err(gone()) }).boxed();
        }
        let listed = Arc::clone(&self.listed);
        items
            .inspect(move |_| {
                listed.fetch_add(1, Ordering::SeqCst);
            })
            .boxed()
    }
}

type ListStream = BoxStream<'static, Reply<ObjectMeta>>;

fn gone() -> object_store::Error {
    object_store::Error::Generic { store: "Watched", source: "the power went".into() }
}

impl std::fmt::Display for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watched")
    }
}

#[async_trait]
impl ObjectStore for Watched {
    async fn put_opts(
        &self,
        location: &ObjectPath,
        payload: PutPayload,
        options: PutOptions,
    ) -> Reply<PutResult> {
        self.alive()?;
        if self.puts.fetch_add(1, Ordering::SeqCst) < self.last_put {
            return self.inner.put_opts(location, payload, options).await;
        }
        self.dead.store(true, Ordering::SeqCst);
        if self.done {
            self.inner.put_opts(location, payload, options).await?;
        }
        Err(gone())
    }

    async fn put_multipart_opts(
        &self,
        location: &ObjectPath,
        options: PutMultipartOptions,
    ) -> Reply<Box<dyn MultipartUpload>> {
        self.alive()?;
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &ObjectPath, options: GetOptions) -> Reply<GetResult> {
        self.alive()?;
        self.gets.lock().unwrap().push(location.to_string());
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Reply<ObjectPath>>,
    ) -> BoxStream<'static, Reply<ObjectPath>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&ObjectPath>) -> ListStream {
        self.count(self.inner.list(prefix))
    }

    fn list_with_offset(&self, prefix: Option<&ObjectPath>, offset: &ObjectPath) -> ListStream {
        self.count(self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&ObjectPath>) -> Reply<ListResult> {
        self.alive()?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(
        &self,
        from: &ObjectPath,
        to: &ObjectPath,
        options: CopyOptions,
    ) -> Reply<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
