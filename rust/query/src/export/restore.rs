//! What was archived, brought back: records of a time, from wherever they are, each checked from
//! its bytes to the ledger.

use std::collections::HashSet;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sealtrail_core::evidence::ExportFormat;
use sealtrail_core::ledger::AddedSegment;
use sealtrail_core::trail::{CheckedSegment, LoadOptions, RefusedLine, Trail};
use sealtrail_core::{Error, json};
use serde::Serialize;

use super::flat::Flat;
use super::output::Output;
use super::progress::State;
use super::{name_of, there_is};
use crate::error::{QueryError, Result};
use crate::search::Window;

/// Bytes of events that are recorded together in another trail.
const FULL: usize = 64 << 20;
/// The members that only a recorder sets.
const RECORDERS: [&[u8]; 5] =
    [b"_exact_numbers", b"_redacted", b"recorded_at", b"schema_version", b"schema_violations"];
/// Where they are in a restored event.
const RESTORED: &str = "restored";

/// Where restored records go.
#[derive(Debug, Clone)]
pub enum Target {
    /// A file of canonical records, one a line.
    Jsonl(PathBuf),
    /// A file of columns, as an export has them.
    Parquet(PathBuf),
    /// Another trail, where they are recorded anew: `restored` has what only a recorder sets (such
    /// as the `recorded_at` that they had) and the id of the trail that they are from.
    Trail(Trail),
}

/// What to restore.
#[derive(Debug, Clone, Default)]
pub struct Restore {
    /// Records with a `timestamp` within.
    pub window: Window,
    /// Whether a file may be replaced.
    pub replace: bool,
    /// Set it to stop.
    pub cancel: Arc<AtomicBool>,
}

/// What was restored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// Records in all.
    pub records: u64,
    /// Those from archives.
    pub from_archive: u64,
    /// Those from hot storage.
    pub from_hot: u64,
    /// Segments that hold some of them, each checked whole.
    pub segments: u64,
    /// Those in archives.
    pub archive_segments: u64,
    /// Records in logs of this host: no entry tells of them, so they are not restored.
    pub unsealed: u64,
    /// Bytes of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Hex SHA-256 of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Records that the other trail took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<u64>,
    /// Records that the other trail had already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeated: Option<u64>,
    /// Records that the other trail refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<RefusedLine>,
}

impl Target {
    /// The file or trail of a name; a trail is opened by `open`.
    ///
    /// # Errors
    /// What `open` says.
    pub fn of<E>(name: &str, open: impl FnOnce(&str) -> Result<Trail, E>) -> Result<Self, E> {
        let path = Path::new(name);
        let remote = name.contains("://");
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("jsonl" | "ndjson") if !remote => Ok(Self::Jsonl(path.to_owned())),
            Some("parquet") if !remote => Ok(Self::Parquet(path.to_owned())),
            _ => open(name).map(Self::Trail),
        }
    }
}

impl Restore {
    /// Restores. `watch` is told of rows that were checked, and of rows in all. A file that is
    /// there with its name is whole.
    ///
    /// # Errors
    /// `AlreadyExists` if the file is there and is not to be replaced; `Usage` if the other trail is
    /// this one, or an archive is one of which nothing says where it is; `Integrity` at the first
    /// record that is not what was signed: then nothing of its segment was restored; `Interrupted`;
    /// `Io`, `Store`.
    pub async fn run(
        &self,
        trail: &Trail,
        target: &Target,
        watch: Arc<dyn Fn(u64, u64) + Send + Sync>,
    ) -> Result<Restored> {
        let view = trail.view().await?;
        let mut segments: Vec<&Arc<AddedSegment>> =
            view.segments().iter().filter(|segment| self.may_have(segment)).collect();
        segments.sort_by(|a, b| (a.min, a.max, &a.path).cmp(&(b.min, b.max, &b.path)));
        let total: u64 = segments.iter().map(|segment| segment.rows).sum();
        let (events, looks) = view.unsealed();
        let mut restored = Restored { unsealed: events + looks, ..Restored::default() };
        let mut sink = self.sink(trail, &view, target).await?;
        let (mut checker, mut before) = (trail.checker().await?, 0);
        for segment in segments {
            self.demand_go()?;
            let (cancel, told) = (Arc::clone(&self.cancel), Arc::clone(&watch));
            let done = std::sync::atomic::AtomicU64::new(before);
            let step = Arc::new(move |rows: u64| match cancel.load(Ordering::Relaxed) {
                true => Err(Error::Interrupted),
                false => {
                    told(done.fetch_add(rows, Ordering::Relaxed) + rows, total);
                    Ok(())
                }
            });
            let checked = checker.check(segment, step).await?;
            before += segment.rows;
            let count = sink.take(&checked, &self.window).await?;
            restored.records += count;
            let (records, of) = match segment.archive {
                Some(_) => (&mut restored.from_archive, u64::from(count > 0)),
                None => (&mut restored.from_hot, 0),
            };
            *records += count;
            restored.archive_segments += of;
            restored.segments += u64::from(count > 0);
        }
        sink.finish(&mut restored).await?;
        Ok(restored)
    }

    fn may_have(&self, segment: &AddedSegment) -> bool {
        self.window.since.is_none_or(|since| since <= segment.max)
            && self.window.until.is_none_or(|until| segment.min < until)
    }

    fn demand_go(&self) -> Result<()> {
        match self.cancel.load(Ordering::Relaxed) {
            true => Err(Error::Interrupted.into()),
            false => Ok(()),
        }
    }

    async fn sink(
        &self,
        trail: &Trail,
        view: &Arc<sealtrail_core::trail::ReadView>,
        target: &Target,
    ) -> Result<Sink> {
        if let Target::Jsonl(path) | Target::Parquet(path) = target {
            name_of(path)?;
            if path.exists() && !self.replace {
                return Err(Error::AlreadyExists(there_is(path)).into());
            }
        }
        match target {
            Target::Jsonl(path) => Ok(Sink::Lines(Output::create(path)?)),
            Target::Parquet(path) => {
                let state = State::begin(String::new(), view.size());
                let table = Flat::new(trail, view, ExportFormat::Parquet, path, &state).await?;
                Ok(Sink::Table(Box::new(table)))
            }
            Target::Trail(other) if other.info().trail_id == trail.info().trail_id => {
                let message = "records are restored to another trail, or to a file: this trail has \
                               them, in its archive";
                Err(Error::Usage(message.to_owned()).into())
            }
            Target::Trail(other) => Ok(Sink::Trail(Box::new(Recording {
                trail: other.clone(),
                from: trail.info().trail_id.clone(),
                cancel: Arc::clone(&self.cancel),
                ids: Vec::new(),
                events: Vec::new(),
                bytes: 0,
                recorded: 0,
                repeated: 0,
                refused: Vec::new(),
            }))),
        }
    }
}

/// Where records go.
enum Sink {
    Lines(Output),
    Table(Box<Flat>),
    Trail(Box<Recording>),
}

impl Sink {
    /// Takes the records of a segment that are of a time; how many they are.
    async fn take(&mut self, segment: &CheckedSegment, window: &Window) -> Result<u64> {
        let times = (window.since, window.until);
        if let Self::Lines(output) = self {
            let put = |record: &[u8]| {
                output.put(record)?;
                output.put(b"\n")
            };
            return Ok(segment.records(times, put)?);
        }
        let mut records = Vec::new();
        let count = segment.records(times, |record| {
            records.push(record.to_vec());
            Ok(())
        })?;
        for record in records {
            match self {
                Self::Lines(_) => {}
                Self::Table(table) => {
                    if table.put(&record) {
                        table.flush().await?;
                    }
                }
                Self::Trail(other) => other.put(&record).await?,
            }
        }
        Ok(count)
    }

    async fn finish(self, restored: &mut Restored) -> Result<()> {
        let written = match self {
            Self::Lines(output) => output.finish()?,
            Self::Table(table) => {
                let (rows, written) = table.finish().await?;
                if rows != restored.records {
                    let message = format!("{rows} rows came of {} records", restored.records);
                    return Err(QueryError::Execution(message));
                }
                written
            }
            Self::Trail(mut other) => {
                other.record().await?;
                restored.recorded = Some(other.recorded);
                restored.repeated = Some(other.repeated);
                restored.refused = other.refused;
                return Ok(());
            }
        };
        (restored.bytes, restored.sha256) = (Some(written.bytes), Some(written.sha256));
        Ok(())
    }
}

/// Records that are recorded anew in another trail.
struct Recording {
    trail: Trail,
    from: String,
    cancel: Arc<AtomicBool>,
    ids: Vec<String>,
    events: Vec<Vec<u8>>,
    bytes: usize,
    recorded: u64,
    repeated: u64,
    refused: Vec<RefusedLine>,
}

impl Recording {
    async fn put(&mut self, record: &[u8]) -> Result<()> {
        let id = json::get(record, &["audit_id"]).and_then(json::string_value);
        let id = id.ok_or_else(|| Error::integrity("record", "it has no audit_id"))?;
        self.ids.push(id.into_owned());
        let event = event_of(record, &self.from);
        self.bytes += event.len();
        self.events.push(event);
        if self.bytes >= FULL { self.record().await } else { Ok(()) }
    }

    /// Records what the other trail does not have yet.
    async fn record(&mut self) -> Result<()> {
        if self.events.is_empty() {
            return Ok(());
        }
        let (ids, events) = (std::mem::take(&mut self.ids), std::mem::take(&mut self.events));
        self.bytes = 0;
        let known: HashSet<String> = self.trail.contains(&ids).await?;
        let mut lines = Vec::new();
        for (id, event) in ids.iter().zip(events) {
            if known.contains(id) {
                self.repeated += 1;
            } else {
                lines.extend(event);
                lines.push(b'\n');
            }
        }
        let options = LoadOptions {
            imported: true,
            name: "restored records".to_owned(),
            cancel: Arc::clone(&self.cancel),
            ..LoadOptions::default()
        };
        let report = self.trail.load(Box::new(Cursor::new(lines)), &options).await?;
        self.recorded += report.recorded;
        self.repeated += report.repeated;
        self.refused.extend(report.problems);
        Ok(())
    }
}

/// A record as an event: what only a recorder sets is in `restored`, unless it was restored before.
fn event_of(record: &[u8], from: &str) -> Vec<u8> {
    let mut event = vec![b'{'];
    let mut set = Vec::new();
    let mut before = false;
    for (name, value) in json::members(record) {
        before |= name == RESTORED.as_bytes();
        let into = if RECORDERS.contains(&name) { &mut set } else { &mut event };
        into.push(b'"');
        into.extend_from_slice(name);
        into.extend_from_slice(b"\":");
        into.extend_from_slice(value);
        into.push(b',');
    }
    if before {
        event.pop();
    } else {
        event.extend_from_slice(format!("\"{RESTORED}\":{{").as_bytes());
        event.extend(set);
        event.extend_from_slice(format!("\"trail\":\"{from}\"}}").as_bytes());
    }
    event.push(b'}');
    event
}

#[cfg(test)]
#[path = "restore_tests.rs"]
mod tests;
