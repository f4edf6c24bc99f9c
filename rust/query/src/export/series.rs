//! Exports that go on where the one before ended: a folder with one file, or folder, for each.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::HEXLOWER;
use sealtrail_core::Error;
use sealtrail_core::evidence::{ExportFormat, MANIFEST, MANIFEST_SUFFIX, Since};
use sealtrail_core::storage::durable;
use sealtrail_core::trail::{ReadView, Trail};
use sha2::{Digest, Sha256};

use super::{Export, since_manifest};
use crate::error::{QueryError, Result};

/// The next export of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// From where it goes on.
    pub since: Since,
    /// Its file.
    pub path: PathBuf,
}

impl Export {
    /// What comes next in a folder of exports of this question: the records of the entries that
    /// came since the newest of its manifests, which says so in what is signed. `None` if none
    /// came.
    ///
    /// # Errors
    /// `Integrity` if a manifest there does not hold, or the ledger does not begin as it says;
    /// `Usage` if this host has no key to sign with; `Io`, `Store`.
    pub async fn next(
        &self,
        trail: &Trail,
        view: &Arc<ReadView>,
        folder: &Path,
    ) -> Result<Option<Next>> {
        if self.format == ExportFormat::Package {
            let message = "there is no series of packages: export jsonl, csv, parquet or ocsf";
            return Err(QueryError::Parameter(message.to_owned()));
        }
        let attester = trail.attest(view).await?;
        let manifests = match self.format {
            ExportFormat::Ocsf => in_folders(folder)?,
            _ => durable::pick_names(folder, |name| {
                name.ends_with(MANIFEST_SUFFIX).then(|| folder.join(name))
            })?,
        };
        let mut newest: Option<Since> = None;
        for path in manifests {
            let bytes = durable::read(&path)?;
            let (manifest, since) = since_manifest(&attester, &bytes)?;
            let ours = manifest.filters == self.asked && manifest.format == self.format;
            // One that was made apart is no part of the series.
            if ours && manifest.since.is_some() {
                newest = newest.into_iter().chain([since]).max_by_key(|since| since.size);
            }
        }
        let since = newest.unwrap_or_else(|| Since {
            manifest: None,
            root: HEXLOWER.encode(&sealtrail_core::merkle::empty_root()),
            size: 0,
        });
        if since.size == view.size() {
            return Ok(None);
        }
        // Series of several questions may share a folder.
        let asked = serde_json::to_vec(&self.asked).map_err(|e| Error::encoding("question", e))?;
        let series: String = HEXLOWER.encode(&Sha256::digest(&asked)).chars().take(8).collect();
        let name = format!("{series}-{:012}.{}", since.size, self.format.name());
        let path = folder.join(name);
        Ok(Some(Next { since, path }))
    }
}

/// The manifests of exports that are folders, in a folder.
fn in_folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let inside = match std::fs::read_dir(folder) {
        Ok(inside) => inside,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io(folder, e).into()),
    };
    let mut found = Vec::new();
    for item in inside {
        let manifest = item.map_err(|e| Error::io(folder, e))?.path().join(MANIFEST);
        found.extend(manifest.is_file().then_some(manifest));
    }
    Ok(found)
}
