//! The files of an export or package, wherever they are: beside each other, in a folder, in a zip.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::zip;
use crate::storage::durable;
use crate::{Error, Result};

/// The manifest of a package or of a folder of files.
pub const MANIFEST: &str = "manifest.json";
/// The custody log of a package.
pub const CUSTODY: &str = "custody.jsonl";
/// Added to the name of an exported file for its manifest.
pub const MANIFEST_SUFFIX: &str = ".manifest";
/// Added to the name of an exported file of records for their salts and proofs.
pub const PROOFS_SUFFIX: &str = ".proofs";

/// Bytes that are read at once.
const CHUNK: u64 = 1 << 20;

/// A file, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    path: PathBuf,
    at: u64,
    len: u64,
}

impl Member {
    pub(super) fn new(path: PathBuf, at: u64, len: u64) -> Self {
        Self { path, at, len }
    }

    /// A whole file.
    ///
    /// # Errors
    /// `NotFound` or `Io`.
    pub fn file(path: &Path) -> Result<Self> {
        Ok(Self::new(path.to_owned(), 0, durable::size(path)?))
    }

    /// Its length in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All its bytes, if they are no more than `limit`.
    ///
    /// # Errors
    /// `Integrity` if they are; `Io`.
    pub fn bytes(&self, limit: u64) -> Result<Vec<u8>> {
        if self.len > limit {
            let message = format!("{} bytes are more than such a file has", self.len);
            return Err(Error::integrity(self.path.display().to_string(), message));
        }
        durable::read_range(&self.path, self.at..self.at + self.len)
    }

    /// Reads it from its beginning.
    pub fn reader(&self) -> Reader {
        Reader { member: self.clone(), at: 0, chunk: Vec::new(), used: 0 }
    }
}

/// Reads a [`Member`], a piece at a time.
#[derive(Debug)]
pub struct Reader {
    member: Member,
    at: u64,
    chunk: Vec<u8>,
    used: usize,
}

impl Read for Reader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.used == self.chunk.len() {
            let end = (self.at + CHUNK).min(self.member.len);
            let range = self.member.at + self.at..self.member.at + end;
            self.chunk = durable::read_range(&self.member.path, range).map_err(|e| match e {
                Error::Io { source, .. } => source,
                other => io::Error::other(other.to_string()),
            })?;
            self.used = 0;
            self.at = end;
        }
        let rest = &self.chunk[self.used..];
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        self.used += count;
        Ok(count)
    }
}

/// Where the files of a package are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// An exported file, with others beside it.
    Beside,
    /// A folder.
    Folder,
    /// A zip.
    Zip,
}

/// The files of an export or package, by path.
#[derive(Debug, Clone)]
pub struct Package {
    pub(super) layout: Layout,
    pub(super) members: BTreeMap<String, Member>,
    /// The one file that was named, where the layout is [`Layout::Beside`].
    pub(super) named: String,
}

impl Package {
    /// Finds the files of a package (a folder or a zip) or of an exported file.
    ///
    /// # Errors
    /// `NotFound` if there is no such file, or no manifest belongs to it; `Integrity` for a zip
    /// that is not as sealtrail writes it, and names that lead elsewhere; `Io`.
    pub fn open(path: &Path) -> Result<Self> {
        if path.is_dir() {
            return Self::in_folder(path);
        }
        // By its name, too: a zip whose first bytes were changed is no other file.
        let named_so = path.extension().is_some_and(|extension| extension == "zip");
        let start = durable::read_range(path, 0..4)?;
        if named_so || start == zip::START {
            let (layout, named) = (Layout::Zip, String::new());
            return Ok(Self { layout, members: zip::members(path)?, named });
        }
        Self::beside(path)
    }

    fn in_folder(path: &Path) -> Result<Self> {
        let mut members = BTreeMap::new();
        for (name, len) in durable::list(path)? {
            let file = path.join(&name);
            let text = name.to_str().map(|text| text.replace(std::path::MAIN_SEPARATOR, "/"));
            let Some(text) = text.filter(|text| is_plain(text)) else {
                let place = name.display().to_string();
                return Err(Error::integrity(place, "no file of a package is named so"));
            };
            if file.is_symlink() {
                return Err(Error::integrity(text, "it is a link to another file"));
            }
            members.insert(text, Member::new(file, 0, len));
        }
        if !members.contains_key(MANIFEST) {
            let message = format!("{}: there is no {MANIFEST}", path.display());
            return Err(Error::NotFound(message));
        }
        Ok(Self { layout: Layout::Folder, members, named: String::new() })
    }

    fn beside(path: &Path) -> Result<Self> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let named = name.unwrap_or_default();
        let mut members = BTreeMap::new();
        for suffix in ["", MANIFEST_SUFFIX, PROOFS_SUFFIX] {
            let mut file = path.as_os_str().to_owned();
            file.push(suffix);
            match Member::file(Path::new(&file)) {
                Ok(member) => {
                    members.insert(format!("{named}{suffix}"), member);
                }
                Err(Error::NotFound(_)) if suffix == PROOFS_SUFFIX => {}
                Err(Error::NotFound(_)) => {
                    let message = format!("{}: no such file", Path::new(&file).display());
                    return Err(Error::NotFound(message));
                }
                Err(e) => return Err(e),
            }
        }
        Ok(Self { layout: Layout::Beside, members, named })
    }

    /// How its files are kept.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The path of its manifest among its files.
    pub(super) fn manifest_name(&self) -> String {
        match self.layout {
            Layout::Beside => format!("{}{MANIFEST_SUFFIX}", self.named),
            Layout::Folder | Layout::Zip => MANIFEST.to_owned(),
        }
    }

    /// The file at a path.
    pub fn member(&self, path: &str) -> Option<&Member> {
        self.members.get(path)
    }

    /// The paths of all its files.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }
}

/// Whether a path names a file within a package and nothing else: parts of visible ASCII between
/// `/`, none of them `.` or `..`.
pub(crate) fn is_plain(path: &str) -> bool {
    let part = |part: &str| {
        let known = |b: u8| b.is_ascii_graphic() && !matches!(b, b'\\' | b':' | b'"' | b'*' | b'?');
        !part.is_empty() && part != "." && part != ".." && part.bytes().all(known)
    };
    path.len() <= 1024 && path.split('/').all(part)
}
