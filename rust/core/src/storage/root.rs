//! From a root URL to a place: a folder of this machine or a prefix in an object store.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::memory::InMemory;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreScheme};
use url::Url;

use crate::{Error, Result};

/// Where the objects of a trail are.
#[derive(Debug, Clone)]
pub(super) enum Backend {
    Local(PathBuf),
    Remote(Arc<dyn ObjectStore>),
}

/// The normalised URL and the place behind it.
pub(super) fn open(url: &str) -> Result<(String, Backend)> {
    match url.split_once("://") {
        None => local(Path::new(url)),
        Some(("file", _)) => {
            let path = Url::parse(url)
                .ok()
                .and_then(|url| url.to_file_path().ok())
                .ok_or_else(|| Error::Usage(format!("{url}: not a URL of a local folder")))?;
            local(&path)
        }
        Some(("memory", name)) => Ok((url.to_owned(), Backend::Remote(memory(name)))),
        Some(_) => remote(url),
    }
}

/// A local folder by its absolute path. Links are resolved as far as the path exists, so that a
/// folder has one name however it was reached.
fn local(path: &Path) -> Result<(String, Backend)> {
    if path.as_os_str().is_empty() {
        return Err(Error::Usage("the trail's path is empty".to_owned()));
    }
    let absolute = std::path::absolute(path).map_err(|e| Error::io(path, e))?;
    let absolute = resolve(&absolute)?;
    let url = absolute
        .to_str()
        .ok_or_else(|| Error::Usage(format!("{}: not UTF-8", absolute.display())))?
        .to_owned();
    Ok((url, Backend::Local(absolute)))
}

fn resolve(path: &Path) -> Result<PathBuf> {
    match std::fs::canonicalize(path) {
        Ok(path) => Ok(path),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            match (path.parent(), path.file_name()) {
                (Some(dir), Some(name)) => Ok(resolve(dir)?.join(name)),
                // `absolute` keeps `..`, which says nothing below a folder that is missing.
                _ => Err(Error::Usage(format!("{}: no such folder", path.display()))),
            }
        }
        Err(e) => Err(Error::io(path, e)),
    }
}

/// Stores in this process's memory, for tests: one for each name, for as long as it runs.
fn memory(name: &str) -> Arc<dyn ObjectStore> {
    static STORES: OnceLock<Mutex<BTreeMap<String, Arc<InMemory>>>> = OnceLock::new();
    let mut stores =
        STORES.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    stores.entry(name.to_owned()).or_default().clone()
}

/// A URL that is refused, without what may be a password, a signed query or a fragment.
fn without_secrets(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let open = &rest[..rest.find(['?', '#']).unwrap_or(rest.len())];
    if rest[open.len()..].contains('@') {
        return format!("{scheme}://...");
    }
    format!("{scheme}://{}", open.rsplit('@').next().unwrap_or_default())
}

/// The store's client takes variables as they are into HTTP headers, and panics where that fails.
fn printable_environment() -> Result<()> {
    let ours = |name: &str| ["AWS_", "GOOGLE_", "AZURE_"].iter().any(|p| name.starts_with(p));
    let odd = |value: &str| !value.bytes().all(|b| (b' '..=b'~').contains(&b));
    for (name, value) in std::env::vars_os() {
        let (Some(name), value) = (name.to_str(), value.to_str()) else { continue };
        if ours(name) && value.is_none_or(odd) {
            return Err(Error::Usage(format!(
                "the environment variable {name} holds a line break or another character that \
                 is not printable ASCII"
            )));
        }
    }
    Ok(())
}

/// An object store; credentials and endpoint come from the environment, never from the URL.
fn remote(url: &str) -> Result<(String, Backend)> {
    let shown = without_secrets(url);
    let parsed = Url::parse(url).map_err(|e| Error::Usage(format!("{shown}: {e}")))?;
    if parsed.password().is_some() || parsed.query().is_some() || parsed.fragment().is_some() {
        return Err(Error::Usage(format!(
            "{shown}: the URL of a trail must not hold a password, query or fragment; \
             credentials come from the environment"
        )));
    }
    printable_environment()?;
    let normal = parsed.as_str().trim_end_matches('/').to_owned();
    let unknown = || {
        Error::Usage(format!("{normal}: use a local path, s3://, gs://, az:// or abfss:// instead"))
    };
    let (scheme, prefix) = ObjectStoreScheme::parse(&parsed).map_err(|_| unknown())?;
    let failed = |source| Error::Store { path: normal.clone(), source };
    let store: Arc<dyn ObjectStore> = match scheme {
        ObjectStoreScheme::AmazonS3 => {
            Arc::new(AmazonS3Builder::from_env().with_url(normal.as_str()).build().map_err(failed)?)
        }
        ObjectStoreScheme::GoogleCloudStorage => Arc::new(
            GoogleCloudStorageBuilder::from_env()
                .with_url(normal.as_str())
                .build()
                .map_err(failed)?,
        ),
        ObjectStoreScheme::MicrosoftAzure => Arc::new(
            MicrosoftAzureBuilder::from_env().with_url(normal.as_str()).build().map_err(failed)?,
        ),
        _ => return Err(unknown()),
    };
    let store =
        if prefix.as_ref().is_empty() { store } else { Arc::new(PrefixStore::new(store, prefix)) };
    Ok((normal, Backend::Remote(store)))
}
