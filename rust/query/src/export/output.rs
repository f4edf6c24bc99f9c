//! Files that are whole or have another name: each grows as `<name>.part`.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use sealtrail_core::storage::durable;
use sealtrail_core::{Error, Result};
use sha2::{Digest, Sha256};

const BUFFER: usize = 1 << 18;

/// A file that is being written, its length and its hash.
#[derive(Debug)]
pub(crate) struct Output {
    path: PathBuf,
    part: PathBuf,
    file: BufWriter<File>,
    digest: Sha256,
    bytes: u64,
}

/// A finished file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

/// The file with something added to its name.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

impl Output {
    /// A new file; one that was left unfinished is begun anew.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        Self::open(path, 0)
    }

    /// Goes on after the first `bytes` bytes of a file that was left unfinished.
    pub(crate) fn open(path: &Path, bytes: u64) -> Result<Self> {
        let part = with_suffix(path, ".part");
        let failed = |e: io::Error| Error::io(&part, e);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&part).map_err(failed)?;
        let (mut digest, mut left, mut chunk) = (Sha256::new(), bytes, vec![0; BUFFER]);
        while left > 0 {
            let wanted = chunk.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let piece = chunk.get_mut(..wanted).unwrap_or_default();
            file.read_exact(piece).map_err(failed)?;
            digest.update(&piece);
            left -= wanted as u64;
        }
        file.set_len(bytes).and_then(|()| file.seek(SeekFrom::Start(bytes))).map_err(failed)?;
        let file = BufWriter::with_capacity(BUFFER, file);
        Ok(Self { path: path.to_owned(), part, file, digest, bytes })
    }

    /// The lines that it has by now, without their ends.
    pub(crate) fn lines(&self) -> Result<impl Iterator<Item = Result<Vec<u8>>> + use<>> {
        let file = File::open(&self.part).map_err(|e| Error::io(&self.part, e))?;
        let (part, whole) = (self.part.clone(), BufReader::new(file.take(self.bytes)));
        Ok(whole.split(b'\n').map(move |line| line.map_err(|e| Error::io(&part, e))))
    }

    /// How long it is by now.
    pub(crate) fn len(&self) -> u64 {
        self.bytes
    }

    /// Makes what was written last.
    pub(crate) fn sync(&mut self) -> Result<()> {
        let synced = self.file.flush().and_then(|()| self.file.get_ref().sync_data());
        synced.map_err(|e| Error::io(&self.part, e))
    }

    /// Gives the file its name.
    pub(crate) fn finish(mut self) -> Result<Written> {
        self.sync()?;
        std::fs::rename(&self.part, &self.path).map_err(|e| Error::io(&self.path, e))?;
        durable::sync_file(&self.path)?;
        Ok(Written { bytes: self.bytes, sha256: HEXLOWER.encode(&self.digest.finalize()) })
    }

    /// Writes all of it, with the name of the file in the error.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_all(bytes).map_err(|e| Error::io(&self.part, e))
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.digest.update(bytes.get(..count).unwrap_or_default());
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
