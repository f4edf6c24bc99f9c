//! The files that a moment of the trail consists of.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};

use super::{ReadView, Trail};
use crate::Result;

/// Files read at a time.
const AT_ONCE: usize = 4;

impl Trail {
    /// Reads every segment of a view, and compares its length and SHA-256 with the ledger's.
    ///
    /// # Errors
    /// `Integrity` for a file that is missing or is another one; `Usage` for an archive of which
    /// nothing says where it is; `Io` or `Store`.
    pub async fn check_files(&self, view: &ReadView) -> Result<()> {
        let checks: Vec<_> = view
            .segments()
            .iter()
            .map(|segment| {
                let (archives, segment) = (self.archives().clone(), Arc::clone(segment));
                async move { archives.get(&segment).await.map(drop) }
            })
            .collect();
        futures::stream::iter(checks).buffer_unordered(AT_ONCE).try_collect().await
    }
}
