//! Which places hold copies of a trail's checkpoints.

use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

use crate::config::Home;
use crate::segment::canonical;
use crate::storage::Storage;
use crate::storage::durable::{self, Access, LockFile};
use crate::{Error, Result};

/// What kind of place an anchor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnchorKind {
    /// A local folder or a prefix in an object store: keeps a spaced history and the owner's
    /// entries.
    Folder,
    /// One local file that holds the newest checkpoint, for a checkout whose history keeps them.
    File,
    /// An HTTP endpoint: gets every checkpoint by POST, gives the newest one by GET.
    Http,
}

/// A place that gets copies of checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// What kind of place it is.
    pub kind: AnchorKind,
    /// Where it is: a path or a URL.
    pub url: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    anchors: Vec<Anchor>,
    /// The log whose checkpoints they hold. Not what the store says it is, but what it was when
    /// the first anchor was added.
    origin: String,
    url: String,
    v: u32,
}

/// The anchors of one trail, as the user listed them.
#[derive(Debug, Clone)]
pub struct Anchors {
    path: PathBuf,
    url: String,
}

impl Anchors {
    /// The list for the trail at `url` (as [`Storage::url`] gives it) in a user's folders.
    pub fn of(home: &Home, url: &str) -> Self {
        let digest = HEXLOWER.encode(&Sha256::digest(url.as_bytes()));
        let path = home.anchors_dir.join(format!("{}.json", &digest[..32]));
        Self { path, url: url.to_owned() }
    }

    /// The log's name and its anchors; `None` if none was added.
    ///
    /// # Errors
    /// `Integrity` if the list is damaged or of another trail, `Io`.
    pub fn load(&self) -> Result<Option<(String, Vec<Anchor>)>> {
        let bytes = match durable::read(&self.path) {
            Ok(bytes) => bytes,
            Err(Error::NotFound(_)) => return Ok(None),
            Err(e) => return Err(e),
        };
        let bad = |what: String| Error::integrity(self.path.display().to_string(), what);
        let stored: Stored =
            serde_json::from_slice(&bytes).map_err(|e| bad(format!("no list of anchors: {e}")))?;
        if stored.v != 1 || stored.url != self.url {
            return Err(bad(format!("this list of anchors is not of {}", self.url)));
        }
        Ok(Some((stored.origin, stored.anchors)).filter(|(_, anchors)| !anchors.is_empty()))
    }

    /// The anchors, in the order in which they were added.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn list(&self) -> Result<Vec<Anchor>> {
        Ok(self.load()?.map(|(_, anchors)| anchors).unwrap_or_default())
    }

    /// Adds a place for checkpoints of the log `origin`: a folder, an object store's URL, an
    /// `http` or `https` URL, or with `file` a single local file. Touches nothing there.
    ///
    /// # Errors
    /// `Usage` for a place that cannot be one or lies in the trail itself, `AlreadyExists`, and as
    /// [`load`](Self::load).
    pub fn add(&self, origin: &str, target: &str, file: bool) -> Result<Anchor> {
        let anchor = self.anchor(target, file)?;
        self.change(|stored| {
            if stored.origin.is_empty() {
                origin.clone_into(&mut stored.origin);
            }
            if stored.origin != origin {
                return Err(Error::Usage(format!(
                    "the anchors there are hold checkpoints of log {:?}, not {origin:?}; remove \
                     them first",
                    stored.origin
                )));
            }
            if stored.anchors.contains(&anchor) {
                return Err(Error::AlreadyExists(format!("{} is an anchor already", anchor.url)));
            }
            stored.anchors.push(anchor.clone());
            Ok(())
        })?;
        Ok(anchor)
    }

    /// Takes a place off the list. What it holds stays there.
    ///
    /// # Errors
    /// `NotFound` if it is not on the list; as [`load`](Self::load).
    pub fn remove(&self, target: &str) -> Result<()> {
        let normal = [false, true].map(|file| self.anchor(target, file).map(|a| a.url).ok());
        self.change(|stored| {
            let before = stored.anchors.len();
            let named = |url: &String| url == target || normal.iter().flatten().any(|n| n == url);
            stored.anchors.retain(|anchor| !named(&anchor.url));
            if stored.anchors.is_empty() {
                stored.origin.clear();
            }
            match stored.anchors.len() == before {
                true => Err(Error::NotFound(format!("{target} is no anchor of this trail"))),
                false => Ok(()),
            }
        })
    }

    fn change(&self, change: impl FnOnce(&mut Stored) -> Result<()>) -> Result<()> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        let _lock = LockFile::lock(&dir.join("lock"))?;
        let (origin, anchors) = self.load()?.unwrap_or_default();
        let mut stored = Stored { anchors, origin, url: self.url.clone(), v: 1 };
        change(&mut stored)?;
        durable::replace(&self.path, &canonical(&stored)?, Access::Private)
    }

    fn anchor(&self, target: &str, file: bool) -> Result<Anchor> {
        if target.starts_with("http://") || target.starts_with("https://") {
            return http(target);
        }
        let url = Storage::open(target)?.url().to_owned();
        let inside = |outer: &str, inner: &str| {
            inner == outer || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'))
        };
        if inside(&self.url, &url) {
            return Err(Error::Usage(format!(
                "{target} lies in the trail: a copy there protects from nothing"
            )));
        }
        if file && url.contains("://") {
            return Err(Error::Usage(format!("{target}: a single file must be a local one")));
        }
        let kind = if file { AnchorKind::File } else { AnchorKind::Folder };
        Ok(Anchor { kind, url })
    }
}

pub(super) fn http(target: &str) -> Result<Anchor> {
    let url = Url::parse(target).ok().filter(Url::has_host);
    let url = url.ok_or_else(|| Error::Usage("the anchor is no URL of a host".to_owned()))?;
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        let message = "the URL of an anchor must not hold a user, password or fragment";
        return Err(Error::Usage(message.to_owned()));
    }
    Ok(Anchor { kind: AnchorKind::Http, url: url.into() })
}
