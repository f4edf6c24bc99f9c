//! Where a segment's bytes come from: memory, or a local file of which only parts are read.

use std::io::Read;
use std::path::{Path, PathBuf};

use bytes::{Buf, Bytes};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};

use crate::Result;
use crate::encryption::is_encrypted;
use crate::storage::durable;

#[derive(Debug, Clone)]
pub(super) enum Source {
    Memory(Bytes),
    File {
        path: PathBuf,
        size: u64,
    },
    /// Parts of an object of a store, each with its place in it.
    Parts {
        size: u64,
        parts: Vec<(u64, Bytes)>,
    },
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self> {
        Ok(Self::File { path: path.to_owned(), size: durable::size(path)? })
    }

    /// Whether it ends as an encrypted segment does.
    pub(super) fn is_encrypted(&self) -> bool {
        let from = self.len().saturating_sub(4);
        self.get_bytes(from, 4).is_ok_and(|end| is_encrypted(&end))
    }
}

impl Length for Source {
    fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { size, .. } | Self::Parts { size, .. } => *size,
        }
    }
}

impl ChunkReader for Source {
    type T = Box<dyn Read + Send>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        let rest = usize::try_from(self.len().saturating_sub(start)).unwrap_or(usize::MAX);
        match self {
            Self::Memory(bytes) => Ok(Box::new(bytes.get_read(start)?)),
            // Page headers are read one by one where there is no page index.
            Self::File { .. } => Ok(Box::new(self.get_bytes(start, rest)?.reader())),
            Self::Parts { parts, .. } => match part_at(parts, start) {
                Some(part) => Ok(Box::new(part.reader())),
                None => Err(absent(start)),
            },
        }
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        match self {
            Self::Memory(bytes) => bytes.get_bytes(start, length),
            Self::Parts { parts, .. } => {
                let part = part_at(parts, start).filter(|part| part.len() >= length);
                part.map(|part| part.slice(..length)).ok_or_else(|| absent(start))
            }
            Self::File { path, .. } => {
                let bytes = durable::read_range(path, start..start.saturating_add(length as u64))
                    .map_err(|e| ParquetError::External(Box::new(e)))?;
                if bytes.len() == length {
                    Ok(Bytes::from(bytes))
                } else {
                    Err(ParquetError::EOF(format!("{} bytes at {start} expected", length)))
                }
            }
        }
    }
}

/// What is there from a place on.
fn part_at(parts: &[(u64, Bytes)], start: u64) -> Option<Bytes> {
    parts.iter().find_map(|(from, bytes)| {
        let skipped = usize::try_from(start.checked_sub(*from)?).ok()?;
        (skipped < bytes.len()).then(|| bytes.slice(skipped..))
    })
}

fn absent(start: u64) -> ParquetError {
    ParquetError::General(format!("the bytes at {start} were not fetched"))
}
