//! An object store as bad as one may be that creates objects only once.

use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult,
};

use super::rng::Rng;

type Reply<T> = object_store::Result<T>;

#[derive(Debug)]
pub(super) struct Bad {
    pub(super) inner: Arc<InMemory>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rng: Rng,
    /// Share of requests that go wrong, in percent.
    faults: u64,
    /// Requests whose sender was told that they failed, and which are done later.
    late: Vec<(Path, PutPayload, PutOptions)>,
    /// Every object, in the order of creation.
    created: Vec<Path>,
}

/// What becomes of a put.
enum Fate {
    Done,
    FailsBefore,
    FailsAfter,
    Later,
    Twice,
}

fn broken() -> object_store::Error {
    object_store::Error::Generic { store: "Bad", source: "connection reset".into() }
}

impl Bad {
    pub(super) fn new(inner: Arc<InMemory>, seed: u64, faults: u64) -> Arc<Self> {
        let (late, created) = (Vec::new(), Vec::new());
        let state = State { rng: Rng::new(seed), faults, late, created };
        Arc::new(Self { inner, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// From now on nothing goes wrong any more. What was on its way arrives.
    pub(super) async fn calm(&self) {
        self.state().faults = 0;
        while self.deliver().await {}
    }

    /// Does one of the requests that wait.
    async fn deliver(&self) -> bool {
        let late = {
            let mut state = self.state();
            let waiting = state.late.len() as u64;
            if waiting == 0 {
                return false;
            }
            let which = usize::try_from(state.rng.below(waiting)).unwrap();
            state.late.swap_remove(which)
        };
        // Nobody hears what became of it.
        let _ = self.put_now(&late.0, late.1, late.2).await;
        true
    }

    async fn put_now(
        &self,
        path: &Path,
        data: PutPayload,
        options: PutOptions,
    ) -> Reply<PutResult> {
        let result = self.inner.put_opts(path, data, options).await;
        let mut state = self.state();
        if result.is_ok() && !state.created.contains(path) {
            state.created.push(path.clone());
        }
        result
    }

    /// Time passes: others run, and requests of before arrive.
    async fn wait(&self) {
        let (pauses, deliver) = {
            let mut state = self.state();
            (state.rng.below(4), state.rng.percent(30))
        };
        for _ in 0..pauses {
            tokio::task::yield_now().await;
        }
        if deliver {
            self.deliver().await;
        }
    }

    fn fails(&self) -> bool {
        let mut state = self.state();
        let share = state.faults;
        state.rng.percent(share)
    }

    fn fate(&self) -> Fate {
        if !self.fails() {
            return Fate::Done;
        }
        match self.state().rng.below(4) {
            0 => Fate::FailsBefore,
            1 => Fate::FailsAfter,
            2 => Fate::Later,
            _ => Fate::Twice,
        }
    }

    /// Objects that a listing of now does not show yet: the newest ones.
    fn unseen(&self) -> Vec<Path> {
        if !self.fails() {
            return Vec::new();
        }
        let mut state = self.state();
        let count = usize::try_from(state.rng.below(6)).unwrap();
        let seen = state.created.len().saturating_sub(count);
        state.created[seen..].to_vec()
    }

    fn listing(
        &self,
        items: BoxStream<'static, Reply<ObjectMeta>>,
    ) -> BoxStream<'static, Reply<ObjectMeta>> {
        if self.fails() && self.state().rng.percent(50) {
            return futures::stream::once(async { Err(broken()) }).boxed();
        }
        let unseen = self.unseen();
        items.try_filter(move |meta| std::future::ready(!unseen.contains(&meta.location))).boxed()
    }
}

impl std::fmt::Display for Bad {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bad")
    }
}

#[async_trait]
impl ObjectStore for Bad {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Reply<PutResult> {
        self.wait().await;
        let result = match self.fate() {
            Fate::Done => self.put_now(location, payload, options).await,
            Fate::FailsBefore => Err(broken()),
            Fate::FailsAfter => {
                self.put_now(location, payload, options).await?;
                Err(broken())
            }
            Fate::Later => {
                self.state().late.push((location.clone(), payload, options));
                Err(broken())
            }
            // The client repeated a request whose reply was lost.
            Fate::Twice => {
                let _ = self.put_now(location, payload.clone(), options.clone()).await;
                self.put_now(location, payload, options).await
            }
        };
        self.wait().await;
        result
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Reply<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Reply<GetResult> {
        self.wait().await;
        if self.fails() {
            return Err(broken());
        }
        let result = self.inner.get_opts(location, options).await;
        self.wait().await;
        result
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Reply<Path>>,
    ) -> BoxStream<'static, Reply<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Reply<ObjectMeta>> {
        self.listing(self.inner.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Reply<ObjectMeta>> {
        self.listing(self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Reply<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Reply<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
