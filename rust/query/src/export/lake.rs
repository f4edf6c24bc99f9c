//! OCSF events in the layout of a security lake:
//! `ext/<source>/region=<region>/accountId=<account>/eventDay=<YYYYMMDD>/<class>-<number>.parquet`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use sealtrail_core::evidence::{FileItem, FileRole};

use super::output::Output;
use super::progress::State;
use crate::error::{QueryError, Result};
use crate::ocsf::{Class, Event, decode, event};

/// Events that are held until their file is written.
const MOST: usize = 200_000;
/// Events after which all are written, to go on from there after a crash.
const SYNCED: u64 = 1 << 20;
const DAY: i64 = 86_400_000_000;

/// Where events are put: parts of the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lake {
    /// Name of the source.
    pub source: String,
    /// The region.
    pub region: String,
    /// The account.
    pub account: String,
}

impl Default for Lake {
    fn default() -> Self {
        let (source, region, account) = ("sealtrail", "local", "000000000000");
        Self { source: source.to_owned(), region: region.to_owned(), account: account.to_owned() }
    }
}

impl Lake {
    /// Whether its parts can be parts of a path.
    pub(super) fn check(&self) -> Result<()> {
        let plain = |part: &String| {
            let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
            !part.is_empty()
                && part.len() <= 64
                && part.bytes().all(known)
                && !part.starts_with('.')
        };
        match [&self.source, &self.region, &self.account].into_iter().find(|part| !plain(part)) {
            None => Ok(()),
            Some(part) => Err(QueryError::Parameter(format!(
                "{part:?} cannot be part of a path: letters, digits, - _ . are"
            ))),
        }
    }

    fn folder(&self, day: i64) -> String {
        let Self { source, region, account } = self;
        let date: String =
            crate::search::times::text(day * DAY).chars().take(10).filter(|c| *c != '-').collect();
        format!("ext/{source}/region={region}/accountId={account}/eventDay={date}")
    }
}

/// Writes events by class and day, each file in the order of time.
pub(super) struct LakeWriter {
    lake: Lake,
    root: PathBuf,
    origin: String,
    waiting: BTreeMap<(i64, Class), Vec<Event>>,
    held: usize,
    /// Events since files were last noted to go on from.
    unsynced: u64,
    /// The first entry of an export that goes on where another ended: files of a series have
    /// different names, so that they can be put into one lake.
    since: Option<u64>,
    files: Vec<FileItem>,
}

impl LakeWriter {
    /// `files` are whole since an earlier run, which was cut short.
    pub(super) fn new(
        lake: Lake,
        root: &Path,
        origin: String,
        since: Option<u64>,
        files: Vec<FileItem>,
    ) -> Self {
        Self {
            lake,
            root: root.to_owned(),
            origin,
            waiting: BTreeMap::new(),
            held: 0,
            unsynced: 0,
            since,
            files,
        }
    }

    pub(super) fn put(&mut self, record: &[u8]) -> Result<()> {
        let Some(event) = event(record, &self.origin) else {
            return Err(QueryError::Execution("a record is no event".to_owned()));
        };
        self.waiting.entry((event.time.div_euclid(DAY), event.class)).or_default().push(event);
        self.held += 1;
        self.unsynced += 1;
        while self.held > MOST {
            let largest = self.waiting.iter().max_by_key(|(_, events)| events.len());
            let Some(key) = largest.map(|(key, _)| *key) else { break };
            self.write(key)?;
        }
        Ok(())
    }

    fn write(&mut self, key: (i64, Class)) -> Result<()> {
        let Some(mut events) = self.waiting.remove(&key) else { return Ok(()) };
        self.held -= events.len();
        events.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
        let (day, class) = key;
        let path = self.free(day, class);
        let records = events.len() as u64;
        let values: Vec<_> = events.into_iter().map(|event| event.value).collect();
        let batch = decode(class, &values)?;
        let failed = |e: parquet::errors::ParquetError| QueryError::Output(e.to_string());
        let file = self.root.join(&path);
        if let Some(folder) = file.parent() {
            sealtrail_core::storage::durable::ensure_dir(folder)?;
        }
        let compression = Compression::ZSTD(ZstdLevel::default());
        let properties = WriterProperties::builder().set_compression(compression).build();
        let output = Output::create(&file)?;
        let mut writer =
            ArrowWriter::try_new(output, batch.schema(), Some(properties)).map_err(failed)?;
        writer.write(&batch).map_err(failed)?;
        let written = writer.into_inner().map_err(failed)?.finish()?;
        self.files.push(FileItem {
            bytes: written.bytes,
            path,
            records: Some(records),
            role: FileRole::Records,
            sha256: written.sha256,
        });
        Ok(())
    }

    /// The path of the next file of a day and class.
    fn free(&self, day: i64, class: Class) -> String {
        let since = self.since.map(|since| format!("{since:012}-")).unwrap_or_default();
        let begin = format!("{}/{}-{since}", self.lake.folder(day), class.uid);
        let number = self.files.iter().filter(|file| file.path.starts_with(&begin)).count();
        format!("{begin}{number:06}.parquet")
    }

    fn write_all(&mut self) -> Result<()> {
        let keys: Vec<_> = self.waiting.keys().copied().collect();
        keys.into_iter().try_for_each(|key| self.write(key))
    }

    /// Writes what is held, and notes what is whole; `false` where it is little yet.
    pub(super) fn sync(&mut self, state: &mut State) -> Result<bool> {
        // Tests cut exports short after any segment.
        if !cfg!(test) && self.unsynced < SYNCED {
            return Ok(false);
        }
        self.write_all()?;
        self.unsynced = 0;
        state.files.clone_from(&self.files);
        Ok(true)
    }

    /// Writes what is left; gives all files.
    pub(super) fn finish(mut self) -> Result<Vec<FileItem>> {
        self.write_all()?;
        self.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(self.files)
    }
}
