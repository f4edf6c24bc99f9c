//! Files of events: plain, gzip or zstd, told apart by their first bytes.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use crate::Cancel;
use crate::failure::Failure;
use crate::session::Session;

/// The name that stands for standard input.
const DASH: &str = "-";
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Something to read events from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// What `-` means.
    Stdin,
    /// A local file, and how the user named it.
    File { path: PathBuf, name: String },
}

impl Source {
    /// The sources that the user named: standard input if none or `-`.
    ///
    /// # Errors
    /// If a file does not exist or is a folder, so that nothing is recorded of a list in which
    /// one name is wrong; or if `-` comes twice.
    pub(crate) fn all(session: &Session<'_>, paths: &[PathBuf]) -> Result<Vec<Self>, Failure> {
        if paths.is_empty() {
            return Ok(vec![Self::Stdin]);
        }
        let sources: Vec<Self> =
            paths.iter().map(|path| Self::named(session, path)).collect::<Result<_, _>>()?;
        if sources.iter().filter(|source| **source == Self::Stdin).count() > 1 {
            return Err(Failure::usage("`-` (standard input) can be read only once"));
        }
        Ok(sources)
    }

    fn named(session: &Session<'_>, path: &Path) -> Result<Self, Failure> {
        if path == Path::new(DASH) {
            return Ok(Self::Stdin);
        }
        let name = path.display().to_string();
        let path = session.file(path);
        let metadata = path.metadata().map_err(|error| Failure::io(&path, error))?;
        if metadata.is_dir() {
            let message = format!("{name}: a folder; name the files in it");
            return Err(Failure::usage(message));
        }
        Ok(Self::File { path, name })
    }

    /// How messages call it.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Stdin => DASH,
            Self::File { name, .. } => name,
        }
    }

    /// Its size on disk, if it has one.
    pub(crate) fn size(&self) -> Option<u64> {
        match self {
            Self::Stdin => None,
            Self::File { path, .. } => {
                path.metadata().ok().filter(|data| data.is_file()).map(|data| data.len())
            }
        }
    }

    /// Opens it, packed as it may be. `read` counts its bytes.
    pub(crate) fn open_packed(
        &self,
        session: &mut Session<'_>,
        read: &Arc<AtomicU64>,
    ) -> Result<Box<dyn Read + Send>, Failure> {
        let inner: Box<dyn Read + Send> = match self {
            Self::Stdin => {
                let stdin = session.stdin.take().unwrap_or_else(|| Box::new(io::empty()));
                Box::new(Patient::new(stdin, session.cancel.clone()))
            }
            Self::File { path, .. } => {
                Box::new(File::open(path).map_err(|error| Failure::io(path, error))?)
            }
        };
        Ok(Box::new(Counted { inner, read: Arc::clone(read) }))
    }

    /// Opens it and unpacks what comes. `read` counts its bytes, still packed.
    pub(crate) fn open(
        &self,
        session: &mut Session<'_>,
        read: &Arc<AtomicU64>,
    ) -> Result<Box<dyn Read + Send>, Failure> {
        let packed = self.open_packed(session, read)?;
        unpacked(packed).map_err(|error| Failure::io(self.name(), error))
    }
}

/// The plain bytes behind `raw`.
fn unpacked(mut raw: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    let mut head = Vec::with_capacity(ZSTD.len());
    raw.by_ref().take(ZSTD.len() as u64).read_to_end(&mut head)?;
    let (gzip, zstd) = (head.starts_with(GZIP), head.starts_with(ZSTD));
    let whole = Cursor::new(head).chain(raw);
    Ok(if gzip {
        Box::new(flate2::read::MultiGzDecoder::new(io::BufReader::with_capacity(1 << 16, whole)))
    } else if zstd {
        Box::new(zstd::stream::read::Decoder::new(whole)?)
    } else {
        Box::new(whole)
    })
}

/// Counts what goes through it.
struct Counted {
    inner: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.read.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}

/// Waits for a stream that may stay silent for ever, but not longer than the user wants to.
struct Patient {
    chunks: Receiver<io::Result<Vec<u8>>>,
    current: Cursor<Vec<u8>>,
    cancel: Cancel,
}

impl Patient {
    fn new(mut inner: Box<dyn Read + Send>, cancel: Cancel) -> Self {
        let (sender, chunks) = sync_channel(4);
        // Ends when the stream does, or when nobody listens any more; a read that never returns
        // ends with the process.
        std::thread::spawn(move || {
            loop {
                let mut chunk = vec![0; 1 << 16];
                let result = inner.read(&mut chunk);
                let last = !matches!(result, Ok(length) if length > 0);
                let chunk = result.map(|length| {
                    chunk.truncate(length);
                    chunk
                });
                if sender.send(chunk).is_err() || last {
                    return;
                }
            }
        });
        Self { chunks, current: Cursor::default(), cancel }
    }
}

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let length = self.current.read(buffer)?;
            if length > 0 || buffer.is_empty() {
                return Ok(length);
            }
            match self.chunks.recv_timeout(Duration::from_millis(50)) {
                Ok(chunk) => {
                    let chunk = chunk?;
                    if chunk.is_empty() {
                        return Ok(0);
                    }
                    self.current = Cursor::new(chunk);
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
                Err(RecvTimeoutError::Timeout) if self.cancel.is_cancelled() => {
                    return Err(io::Error::other("interrupted"));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}
