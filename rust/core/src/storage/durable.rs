//! Local files that survive a crash: the only place of this crate that makes, renames or removes
//! files (the lint `disallowed_methods` refuses the raw calls elsewhere).
//!
//! A file is whole or absent: its bytes are synced under a temporary name in the same folder
//! before it gets its own, and the folder is synced before the call returns.

#![allow(clippy::disallowed_methods)]

mod unfinished;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

pub use unfinished::{Unfinished, remove_unfinished};

use crate::{Error, Result, keys};

/// Names of unfinished files begin so; whoever lists a folder skips them.
pub const TEMPORARY_PREFIX: &str = ".sealtrail-tmp-";

/// What became of an attempt to create a file or object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Create {
    /// It is there with exactly the given bytes.
    Created,
    /// It was there before, and stays as it was.
    Exists,
}

/// Who may read a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// As the process's umask says.
    Default,
    /// The user alone (mode 0600).
    Private,
}

/// Creates a file that did not exist; never replaces one.
///
/// # Errors
/// `Error::Io`; the file may be there even so, if only syncing its folder failed.
pub fn create_new(path: &Path, bytes: &[u8]) -> Result<Create> {
    create_new_with(path, bytes, Access::Default)
}

/// [`create_new`] with a choice of who may read the file.
///
/// # Errors
/// As [`create_new`].
pub fn create_new_with(path: &Path, bytes: &[u8], access: Access) -> Result<Create> {
    let dir = parent(path);
    ensure_dir(dir)?;
    let temporary = write_temporary(path, bytes, access)?;
    // link(2) fails if the name is taken, where rename(2) would replace what is there.
    let linked = fs::hard_link(&temporary, path);
    let unlinked = fs::remove_file(&temporary);
    match linked {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Ok(Create::Exists),
        Err(e) => return Err(Error::io(path, explain_link(e))),
    }
    unlinked.map_err(|e| Error::io(&temporary, e))?;
    sync_dir(dir)?;
    Ok(Create::Created)
}

fn explain_link(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied => io::Error::new(
            error.kind(),
            format!("{error} (the file system must support hard links and allow them here)"),
        ),
        _ => error,
    }
}

/// Writes a file, replacing what is there at once or not at all.
///
/// # Errors
/// `Error::Io`.
pub fn replace(path: &Path, bytes: &[u8], access: Access) -> Result<()> {
    let dir = parent(path);
    ensure_dir(dir)?;
    let temporary = write_temporary(path, bytes, access)?;
    if let Err(e) = fs::rename(&temporary, path) {
        // The first error is the one to tell; a left-over temporary file does no harm.
        let _ = fs::remove_file(&temporary);
        return Err(Error::io(path, e));
    }
    sync_dir(dir)
}

/// Writes and syncs a file under a fresh temporary name beside `path`.
fn write_temporary(path: &Path, bytes: &[u8], access: Access) -> Result<PathBuf> {
    let name = format!("{TEMPORARY_PREFIX}{}", HEXLOWER.encode(&keys::random::<8>()?));
    let temporary = parent(path).join(name);
    let written = options(access)
        .open(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    match written {
        Ok(()) => Ok(temporary),
        Err(e) => {
            let _ = fs::remove_file(&temporary);
            Err(Error::io(path, e))
        }
    }
}

fn options(access: Access) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if access == Access::Private {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = access;
    options
}

/// Fails where nothing can be added to a folder: its mode or its file system forbids it, or the
/// mode of a file that was made with it. Nothing is written to find out; for the superuser a folder
/// that nobody may write to counts as one, too.
///
/// # Errors
/// `Error::Io`.
pub fn demand_writable(folder: &Path, file: &Path) -> Result<()> {
    let mode = fs::metadata(folder).map_err(|e| Error::io(folder, e))?.permissions();
    if mode.readonly() {
        return Err(Error::io(folder, io::ErrorKind::PermissionDenied.into()));
    }
    match OpenOptions::new().append(true).open(file) {
        Err(e) if e.kind() == io::ErrorKind::ReadOnlyFilesystem => Err(Error::io(folder, e)),
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied && !is_shared(&mode) => {
            Err(Error::io(folder, e))
        }
        _ => Ok(()),
    }
}

/// Whether others than a folder's owner may write to it, whatever they may do to its files.
fn is_shared(mode: &fs::Permissions) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        mode.mode() & 0o022 != 0
    }
    #[cfg(not(unix))]
    {
        let _ = mode;
        false
    }
}

/// Reads a whole file.
///
/// # Errors
/// `Error::NotFound` if there is none, else `Error::Io`.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|e| reading(path, e))
}

/// Reads a range of a file; shorter if the file ends before.
///
/// # Errors
/// As [`read`].
pub fn read_range(path: &Path, range: Range<u64>) -> Result<Vec<u8>> {
    let read = || {
        let mut file = File::open(path)?;
        let end = range.end.min(file.metadata()?.len());
        let length = end.saturating_sub(range.start);
        file.seek(SeekFrom::Start(range.start))?;
        // All of it in one call.
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        file.take(length).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|e| reading(path, e))
}

/// The length of a file in bytes.
///
/// # Errors
/// As [`read`].
pub fn size(path: &Path) -> Result<u64> {
    fs::metadata(path).map(|metadata| metadata.len()).map_err(|e| reading(path, e))
}

fn reading(path: &Path, error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::NotFound {
        Error::NotFound(format!("{}: no such file", path.display()))
    } else {
        Error::io(path, error)
    }
}

/// Removes a file, and makes the removal last. No error if there is none.
///
/// # Errors
/// `Error::Io`.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Ok(()) => sync_dir(parent(path)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(Error::io(path, e)),
    }
}

/// Removes a folder with all that is in it. No error if there is none.
///
/// # Errors
/// `Error::Io`; a part may be gone then.
pub fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Ok(()) => sync_dir(parent(path)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(Error::io(path, e)),
    }
}

/// Makes a folder and those above it that are missing, and makes them last.
///
/// # Errors
/// `Error::Io`.
pub fn ensure_dir(path: &Path) -> Result<()> {
    make_dirs(path, Access::Default)
}

/// [`ensure_dir`], where new folders are open to the user alone (mode 0700).
///
/// # Errors
/// `Error::Io`.
pub fn ensure_private_dir(path: &Path) -> Result<()> {
    make_dirs(path, Access::Private)
}

fn make_dirs(path: &Path, access: Access) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = parent(path);
    make_dirs(above, access)?;
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    if access == Access::Private {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    match builder.create(path) {
        // Another process may have made it just now: its name must last for us as well.
        Ok(()) => sync_dir(above),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => sync_dir(above),
        Err(e) => Err(Error::io(path, e)),
    }
}

/// Makes the names in a folder last.
///
/// # Errors
/// `Error::Io`.
pub fn sync_dir(path: &Path) -> Result<()> {
    // Elsewhere folders cannot be opened as files, and need no sync.
    if cfg!(unix) {
        File::open(path).and_then(|dir| dir.sync_all()).map_err(|e| Error::io(path, e))?;
    }
    Ok(())
}

/// Makes the bytes and the name of an existing file last.
///
/// # Errors
/// `Error::Io`.
pub fn sync_file(path: &Path) -> Result<()> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|e| Error::io(path, e))?;
    sync_dir(parent(path))
}

/// The files below a folder, as paths relative to it with their sizes, in no order.
///
/// Without unfinished files, and without files that vanish meanwhile; empty if there is no
/// such folder. Symbolic links to folders are not followed.
///
/// # Errors
/// `Error::Io`.
pub fn list(root: &Path) -> Result<Vec<(PathBuf, u64)>> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(dir) = open.pop() {
        let full = root.join(&dir);
        let entries = match fs::read_dir(&full) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(Error::io(full, e)),
        };
        for entry in entries {
            let entry = entry.map_err(|e| Error::io(&full, e))?;
            let path = dir.join(entry.file_name());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(path);
            } else if !is_temporary(&path) {
                match size(&root.join(&path)) {
                    Ok(size) => found.push((path, size)),
                    Err(Error::NotFound(_)) => {}
                    Err(e) => return Err(e),
                }
            }
        }
    }
    Ok(found)
}

/// What `pick` makes of the names of the files in a folder, not below it, in no order; empty if
/// there is no such folder.
///
/// Without unfinished files. Their sizes are not asked for, so it is quick in large folders.
///
/// # Errors
/// `Error::Io`.
pub fn pick_names<T>(folder: &Path, mut pick: impl FnMut(&str) -> Option<T>) -> Result<Vec<T>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io(folder, e)),
    };
    let mut picked = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| Error::io(folder, e))?;
        let name = entry.file_name();
        let name = name.to_str().filter(|name| !name.starts_with(TEMPORARY_PREFIX));
        if let Some(found) = name.and_then(&mut pick)
            && !entry.file_type().is_ok_and(|kind| kind.is_dir())
        {
            picked.push(found);
        }
    }
    Ok(picked)
}

fn is_temporary(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(TEMPORARY_PREFIX.as_bytes()))
}

/// Bytes that this user can write to the file system of a folder.
///
/// # Errors
/// `Error::Io`, also where the system does not say.
pub fn free_space(folder: &Path) -> Result<u64> {
    #[cfg(unix)]
    {
        let figures = rustix::fs::statvfs(folder).map_err(|e| Error::io(folder, e.into()))?;
        Ok(figures.f_bavail.saturating_mul(figures.f_frsize))
    }
    #[cfg(not(unix))]
    Err(Error::io(folder, io::ErrorKind::Unsupported.into()))
}

/// A file that one process at a time can hold. Freed when dropped, and when the process ends.
#[derive(Debug)]
pub struct LockFile {
    _file: File,
}

impl LockFile {
    /// Takes the lock, making its file if needed; `None` if another holder has it.
    ///
    /// # Errors
    /// `Error::Io`, also where the file system has no locks.
    pub fn try_lock(path: &Path) -> Result<Option<Self>> {
        ensure_dir(parent(path))?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(|e| Error::io(path, e))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(Error::io(path, e)),
        }
    }

    /// Takes the lock once its holder gives it free, making its file if needed. For locks that are
    /// held for moments.
    ///
    /// # Errors
    /// As [`try_lock`](Self::try_lock).
    pub fn lock(path: &Path) -> Result<Self> {
        ensure_private_dir(parent(path))?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(|e| Error::io(path, e))?;
        file.lock().map_err(|e| Error::io(path, e))?;
        Ok(Self { _file: file })
    }
}

/// An existing file that is written to at its end, and synced when told to.
#[derive(Debug)]
pub struct AppendFile {
    file: File,
}

impl AppendFile {
    /// Opens an existing file.
    ///
    /// # Errors
    /// The operating system's.
    pub fn open(path: &Path) -> io::Result<Self> {
        OpenOptions::new().append(true).open(path).map(|file| Self { file })
    }

    /// Writes all the bytes at the end.
    ///
    /// # Errors
    /// The operating system's; some of the bytes may have been written.
    pub fn append(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.file).write_all(bytes)
    }

    /// Makes what was written last: `fdatasync`.
    ///
    /// # Errors
    /// The operating system's; what was written may be lost even if a later sync succeeds.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// A file of a few bytes that is overwritten in place, for hints that may be lost.
#[derive(Debug)]
pub struct HintFile {
    file: File,
}

impl HintFile {
    /// Opens an existing file.
    ///
    /// # Errors
    /// `Error::Io`.
    pub fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().write(true).open(path).map_err(|e| Error::io(path, e))?;
        Ok(Self { file })
    }

    /// Overwrites the beginning. Not synced.
    ///
    /// # Errors
    /// The operating system's.
    pub fn write(&self, bytes: &[u8]) -> io::Result<()> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::FileExt;
            self.file.write_all_at(bytes, 0)
        }
        #[cfg(not(unix))]
        {
            (&self.file).seek(SeekFrom::Start(0))?;
            (&self.file).write_all(bytes)
        }
    }
}

/// The folder that holds `path`.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        Some(_) => Path::new("."),
        None => path,
    }
}

#[cfg(test)]
#[path = "durable_tests.rs"]
mod tests;
