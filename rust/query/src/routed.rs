//! A trail's store in which segments that are in archives are found too.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use sealtrail_core::archive::Archives;
use sealtrail_core::ledger::AddedSegment;
use sealtrail_core::trail::ReadView;

/// Passes what is asked of archived segments on to their archives, and all else to the trail's
/// own store.
#[derive(Debug)]
struct Routed {
    own: Arc<dyn ObjectStore>,
    archives: Archives,
    elsewhere: HashMap<Path, Arc<AddedSegment>>,
}

/// The store for the segments of a view; `own` is that of its trail.
pub(crate) fn routed(view: &ReadView, own: &Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
    let archived = || view.segments().iter().filter(|segment| segment.archive.is_some());
    match &view.archives {
        Some(archives) if archived().next().is_some() => Arc::new(Routed {
            own: Arc::clone(own),
            archives: archives.clone(),
            elsewhere: archived().map(|s| (Path::from(s.path.as_str()), Arc::clone(s))).collect(),
        }),
        _ => Arc::clone(own),
    }
}

impl Routed {
    /// Where an object is, and under which path there.
    async fn place(&self, location: &Path) -> Result<(Arc<dyn ObjectStore>, Path)> {
        let Some(segment) = self.elsewhere.get(location) else {
            return Ok((Arc::clone(&self.own), location.clone()));
        };
        let place = self.archives.readable(segment).await;
        place.map_err(|source| object_store::Error::Generic {
            store: "archive",
            source: Box::new(source),
        })
    }
}

impl std::fmt::Display for Routed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} and archives", self.own)
    }
}

#[async_trait]
impl ObjectStore for Routed {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.own.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.own.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let (store, path) = self.place(location).await?;
        store.get_opts(&path, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let (store, path) = self.place(location).await?;
        store.get_ranges(&path, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.own.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.own.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.own.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.own.copy_opts(from, to, options).await
    }
}
