//! Large files that are written bit by bit, and get their names once they are whole.

#![allow(clippy::disallowed_methods)]

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

use super::{
    Access, Create, TEMPORARY_PREFIX, ensure_dir, explain_link, options, parent, sync_dir,
};
use crate::{Error, Result, keys};

/// A file in the making, under a temporary name. Dropped, it is gone.
#[derive(Debug)]
pub struct Unfinished {
    file: File,
    path: PathBuf,
}

impl Unfinished {
    /// Begins a file in `folder`, which must be on the file system where it shall stay. `tag` says
    /// whose it is, for [`remove_unfinished`].
    ///
    /// # Errors
    /// `Error::Io`.
    pub fn create(folder: &Path, tag: &str) -> Result<Self> {
        ensure_dir(folder)?;
        let name = format!("{}{}", prefix(tag), HEXLOWER.encode(&keys::random::<8>()?));
        let path = folder.join(name);
        let file = options(Access::Default).open(&path).map_err(|e| Error::io(&path, e))?;
        Ok(Self { file, path })
    }

    /// Where it is for now.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes its bytes last, and gives it a name that nothing has.
    ///
    /// # Errors
    /// `Error::Io`; the file may be there even so, if only syncing its folder failed.
    pub fn name(&self, path: &Path) -> Result<Create> {
        self.file.sync_all().map_err(|e| Error::io(path, e))?;
        ensure_dir(parent(path))?;
        match fs::hard_link(&self.path, path) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Ok(Create::Exists),
            Err(e) => return Err(Error::io(path, explain_link(e))),
        }
        sync_dir(parent(path))?;
        Ok(Create::Created)
    }
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // What is left is removed by the next one of the same tag.
        let _ = fs::remove_file(&self.path);
    }
}

fn prefix(tag: &str) -> String {
    format!("{TEMPORARY_PREFIX}{tag}-")
}

/// Removes unfinished files of `tag` that a process left that ended before they were whole.
///
/// # Errors
/// `Error::Io`.
pub fn remove_unfinished(folder: &Path, tag: &str) -> Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(Error::io(folder, e)),
    };
    let prefix = prefix(tag);
    for entry in entries {
        let entry = entry.map_err(|e| Error::io(folder, e))?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(&prefix)) {
            let path = entry.path();
            fs::remove_file(&path).map_err(|e| Error::io(&path, e))?;
        }
    }
    Ok(())
}
