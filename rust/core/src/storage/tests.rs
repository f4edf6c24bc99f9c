use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    PutMultipartOptions, PutPayload, PutResult,
};

use super::*;

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

/// Both kinds of storage, each empty.
fn both(name: &str) -> (tempfile::TempDir, [Storage; 2]) {
    let dir = tempfile::tempdir().unwrap();
    let local = Storage::open(dir.path().join("audit").to_str().unwrap()).unwrap();
    let memory = Storage::open(&format!("memory://{name}")).unwrap();
    (dir, [local, memory])
}

#[tokio::test]
async fn objects_are_created_once_read_listed_and_deleted() {
    let (_dir, stores) = both("objects");
    for store in stores {
        assert!(matches!(store.get("ledger/0.json").await, Err(Error::NotFound(_))));
        assert_eq!(store.list("").await.unwrap(), []);
        assert_eq!(
            store.put_create("ledger/0.json", bytes("zero")).await.unwrap(),
            Create::Created
        );
        assert_eq!(store.put_create("ledger/0.json", bytes("none")).await.unwrap(), Create::Exists);
        assert_eq!(
            store.put_create("ledger/0.json", bytes("longer")).await.unwrap(),
            Create::Exists
        );
        // The same bytes again: the reply to the first attempt may have been lost.
        assert_eq!(
            store.put_create("ledger/0.json", bytes("zero")).await.unwrap(),
            Create::Created
        );
        assert_eq!(store.get("ledger/0.json").await.unwrap(), "zero");
        assert_eq!(store.get_range("ledger/0.json", 1..3).await.unwrap(), "er");
        assert_eq!(store.get_range("ledger/0.json", 2..99).await.unwrap(), "ro");
        assert_eq!(store.size("ledger/0.json").await.unwrap(), 4);
        store.put_hint("checkpoint", bytes("old")).await.unwrap();
        store.put_hint("checkpoint", bytes("newer")).await.unwrap();
        store.put_create("segments/domain=data/month=2026-03/x.parquet", bytes("p")).await.unwrap();
        store.put_create("ledger/1.json", bytes("one")).await.unwrap();
        let all = store.list("").await.unwrap();
        let expected = [
            ("checkpoint", 5),
            ("ledger/0.json", 4),
            ("ledger/1.json", 3),
            ("segments/domain=data/month=2026-03/x.parquet", 1),
        ];
        assert_eq!(all, expected.map(|(path, size)| (path.to_owned(), size)));
        assert_eq!(store.list("ledger").await.unwrap(), all[1..3]);
        assert_eq!(store.list("led").await.unwrap(), []);
        store.delete("ledger/1.json").await.unwrap();
        store.delete("ledger/1.json").await.unwrap();
        assert!(matches!(store.size("ledger/1.json").await, Err(Error::NotFound(_))));
    }
}

#[tokio::test]
async fn large_objects_round_trip() {
    let (_dir, stores) = both("large");
    for store in stores {
        let big = Bytes::from(vec![7; 3 * LARGE as usize]);
        assert_eq!(store.put_create("big", big.clone()).await.unwrap(), Create::Created);
        assert_eq!(store.put_create("big", big.clone()).await.unwrap(), Create::Created);
        assert_eq!(store.get("big").await.unwrap(), big);
        assert_eq!(store.get_range("big", 5..LARGE + 9).await.unwrap().len() as u64, LARGE + 4);
    }
}

#[tokio::test]
async fn paths_that_lead_elsewhere_are_refused() {
    let (_dir, stores) = both("paths");
    for store in stores {
        for path in ["../x", "a/../../x", "/etc/passwd", "a//b", "./a", "a/", "a\u{0}b", "a/./b"] {
            let put = store.put_create(path, bytes("x")).await;
            assert!(matches!(put, Err(Error::Integrity { .. })), "{path:?}: {put:?}");
            assert!(matches!(store.get(path).await, Err(Error::Integrity { .. })), "{path:?}");
        }
    }
}

#[tokio::test]
async fn the_readers_view_has_the_trails_root() {
    let (_dir, stores) = both("view");
    for store in stores {
        let missing = store.object_store();
        assert!(store.is_remote() || matches!(missing, Err(Error::Store { .. })));
        store.put_create("segments/s.parquet", bytes("rows")).await.unwrap();
        let view = store.object_store().unwrap();
        let got = view.get(&ObjectPath::from("segments/s.parquet")).await.unwrap();
        assert_eq!(got.bytes().await.unwrap(), "rows");
    }
}

#[tokio::test]
async fn urls_are_normalised() {
    let dir = tempfile::tempdir().unwrap();
    let real = dir.path().canonicalize().unwrap();
    let target = real.join("x/audit");
    let expected = target.to_str().unwrap().to_owned();
    std::os::unix::fs::symlink(&real, real.join("link")).unwrap();
    for url in [
        expected.clone(),
        format!("{expected}/"),
        format!("file://{expected}"),
        format!("{}/./x/audit", real.display()),
        format!("{}/link/x/audit", real.display()),
    ] {
        assert_eq!(Storage::open(&url).unwrap().url(), expected, "{url}");
    }
    std::fs::create_dir_all(&target).unwrap();
    assert_eq!(Storage::open(&format!("{expected}/../audit")).unwrap().url(), expected);
    let store = Storage::open(&expected).unwrap();
    assert_eq!(store.local_root(), Some(target.as_path()));
}

#[test]
fn unusable_urls_are_usage_errors_without_secrets() {
    for url in
        ["", "ftp://host/x", "https://example.com/x", "file://host/x", "s3://", "nonsense://"]
    {
        let error = Storage::open(url).unwrap_err();
        assert!(matches!(error, Error::Usage(_)), "{url}: {error:?}");
    }
    for url in ["s3://user:hunter2@bucket/audit", "s3://bucket/audit?token=hunter2"] {
        let error = Storage::open(url).unwrap_err();
        assert!(matches!(error, Error::Usage(_)), "{error:?}");
    }
    for url in [
        "s3://user:hunter2@bucket/audit",
        "s3://user:pa?hunter2@bucket/audit",
        "s3://bucket/audit?token=hunter2",
        "s3://bucket/audit?token=x@hunter2",
        "s3://bucket/audit#hunter2",
    ] {
        let shown = Storage::open(url).unwrap_err().to_string();
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.starts_with("s3://"), "{shown}");
    }
}

#[test]
fn remote_urls_lose_their_last_slash() {
    let store = Storage::open("gs://bucket/some/audit/").unwrap();
    assert_eq!(store.url(), "gs://bucket/some/audit");
    assert!(store.is_remote());
}

#[tokio::test]
async fn probing_leaves_nothing_behind() {
    let (_dir, stores) = both("probe");
    for store in stores {
        store.probe_create().await.unwrap();
        assert_eq!(store.list("").await.unwrap(), []);
        if let Some(root) = store.local_root() {
            assert_eq!(std::fs::read_dir(root).unwrap().count(), 0);
        }
    }
}

/// How [`Faulty`] treats puts.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    /// Stores the object, but the reply is an error.
    LoseReply,
    /// Stores nothing, and says so.
    Fail,
    /// Ignores that the object must not exist.
    Overwrite,
}

#[derive(Debug)]
struct Faulty {
    inner: InMemory,
    fault: Fault,
    puts: AtomicU32,
}

impl std::fmt::Display for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Faulty")
    }
}

fn broken_pipe() -> object_store::Error {
    object_store::Error::Generic { store: "Faulty", source: "connection reset".into() }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(
        &self,
        location: &ObjectPath,
        payload: PutPayload,
        options: PutOptions,
    ) -> object_store::Result<PutResult> {
        self.puts.fetch_add(1, Ordering::SeqCst);
        match self.fault {
            Fault::LoseReply => {
                self.inner.put_opts(location, payload, options).await?;
                Err(broken_pipe())
            }
            Fault::Fail => Err(broken_pipe()),
            Fault::Overwrite => self.inner.put(location, payload).await,
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &ObjectPath,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(
        &self,
        location: &ObjectPath,
        options: GetOptions,
    ) -> object_store::Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<ObjectPath>>,
    ) -> BoxStream<'static, object_store::Result<ObjectPath>> {
        self.inner.delete_stream(locations)
    }

    fn list(
        &self,
        prefix: Option<&ObjectPath>,
    ) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(
        &self,
        prefix: Option<&ObjectPath>,
    ) -> object_store::Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(
        &self,
        from: &ObjectPath,
        to: &ObjectPath,
        options: CopyOptions,
    ) -> object_store::Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

fn faulty(fault: Fault) -> Storage {
    let store = Faulty { inner: InMemory::new(), fault, puts: AtomicU32::new(0) };
    Storage { url: "faulty://".to_owned(), backend: Backend::Remote(Arc::new(store)), keys: None }
}

#[tokio::test]
async fn a_lost_reply_is_settled_by_reading_the_object() {
    let store = faulty(Fault::LoseReply);
    assert_eq!(store.put_create("e", bytes("mine")).await.unwrap(), Create::Created);
    assert_eq!(store.put_create("e", bytes("mine")).await.unwrap(), Create::Created);
    assert_eq!(store.put_create("e", bytes("else")).await.unwrap(), Create::Exists);
    assert_eq!(store.get("e").await.unwrap(), "mine");
    let store = faulty(Fault::Fail);
    let error = store.put_create("e", bytes("mine")).await.unwrap_err();
    assert!(matches!(&error, Error::Store { path, .. } if path == "e"), "{error:?}");
}

#[tokio::test]
async fn a_store_that_overwrites_is_refused() {
    let error = faulty(Fault::Overwrite).probe_create().await.unwrap_err();
    assert!(matches!(&error, Error::Usage(message) if message.contains("conditional")), "{error}");
    assert!(faulty(Fault::Fail).probe_create().await.is_err());
}
