//! Jobs: commands that go on without their terminal (FORMAT section 15).
//!
//! A job is the command line that it runs, executed anew by a process of its own
//! (`sealtrail jobs run ID`) in a session of its own. The process holds a lock as long as it lives,
//! so whoever looks knows whether it does.

mod model;
mod run;
mod start;

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use datafusion::arrow::array::{RecordBatch, RecordBatchReader};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sealtrail_core::config::Home;
use sealtrail_core::storage::durable::{self, Access, LockFile};
use sealtrail_core::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use model::{JobInfo, JobProgress, Request, State};
pub(crate) use run::{Current, run};
pub use start::{Starter, set_program};

/// A job that was submitted longer ago and that no process holds will not start any more.
const STARTS_WITHIN: i64 = 60;
/// Job ids that are tried in one second.
const MOST_TRIED: u32 = 1 << 16;

/// The jobs of a user.
#[derive(Debug, Clone)]
pub struct Jobs {
    root: PathBuf,
}

impl Jobs {
    /// Those in the folder of this home.
    pub fn of(home: &Home) -> Self {
        Self { root: home.jobs_dir.clone() }
    }

    /// Keeps a request as a job and starts it. The job is running, or over, when this returns.
    ///
    /// # Errors
    /// `Io` if its folder cannot be made, or its process not be started.
    pub fn submit(&self, request: Request, starter: &Starter) -> Result<JobInfo> {
        let now = Utc::now();
        let id = self.make_folder(now)?;
        let info = JobInfo {
            args: request.args,
            attempts: 0,
            command: request.command,
            config: request.config,
            created: time_text(now),
            cwd: request.cwd,
            error: None,
            exit_code: None,
            finished: None,
            id,
            pid: None,
            rows: None,
            started: None,
            state: State::Submitted,
            stdin: request.stdin,
            trail: request.trail,
            v: 1,
        };
        self.save(&info)?;
        self.start(info, starter)
    }

    /// Starts a job that failed, was cancelled or lost once more, from its beginning.
    ///
    /// # Errors
    /// `NotFound`, `Usage` if it is done or goes on, as [`submit`](Self::submit).
    pub fn resume(&self, id: &str, starter: &Starter) -> Result<JobInfo> {
        let mut info = self.get(id)?;
        if !matches!(info.state, State::Failed | State::Cancelled | State::Lost) {
            return Err(Error::Usage(format!("job {id} is {}", info.state.name())));
        }
        durable::remove(&self.cancel_file(id))?;
        (info.state, info.error, info.exit_code) = (State::Submitted, None, None);
        (info.finished, info.rows, info.pid) = (None, None, None);
        info.created = time_text(Utc::now());
        self.save(&info)?;
        self.start(info, starter)
    }

    fn start(&self, mut info: JobInfo, starter: &Starter) -> Result<JobInfo> {
        let id = info.id.clone();
        let started = starter
            .start(&self.folder(&id), &info, || Ok(self.read(&id)?.state != State::Submitted));
        if let Err(e) = started {
            info.state = State::Failed;
            info.error = Some(e.to_string());
            info.finished = Some(time_text(Utc::now()));
            self.save(&info)?;
            return Err(e);
        }
        self.get(&id)
    }

    /// A fresh folder; gives the job's id.
    fn make_folder(&self, now: DateTime<Utc>) -> Result<String> {
        durable::ensure_private_dir(&self.root)?;
        let first = now.timestamp_subsec_nanos() ^ std::process::id();
        for n in 0..MOST_TRIED {
            let last = first.wrapping_add(n) % MOST_TRIED;
            let id = format!("{}-{last:04x}", now.format("%Y%m%d-%H%M%S"));
            let folder = self.folder(&id);
            match std::fs::DirBuilder::new().mode(0o700).create(&folder) {
                Ok(()) => return Ok(id),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(Error::io(folder, e)),
            }
        }
        Err(Error::AlreadyExists(format!("{}: too many jobs at once", self.root.display())))
    }

    /// All jobs, the oldest first.
    ///
    /// # Errors
    /// `Io`; `Integrity` if the file of one is damaged.
    pub fn list(&self) -> Result<Vec<JobInfo>> {
        let entries = match std::fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(Error::io(&self.root, e)),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let name = entry.map_err(|e| Error::io(&self.root, e))?.file_name();
            ids.extend(name.to_str().filter(|name| is_id(name)).map(str::to_owned));
        }
        ids.sort_unstable();
        // One may be removed, or have no file yet.
        let known = ids.iter().map(|id| self.get(id));
        known.filter(|info| !matches!(info, Err(Error::NotFound(_)))).collect()
    }

    /// A job as it is now.
    ///
    /// # Errors
    /// `NotFound`, `Io`, `Integrity` if its file is damaged.
    pub fn get(&self, id: &str) -> Result<JobInfo> {
        let mut info = self.read(id)?;
        let late = DateTime::parse_from_rfc3339(&info.created)
            .is_ok_and(|created| (Utc::now() - created.to_utc()).num_seconds() > STARTS_WITHIN);
        let may_be_lost = info.state == State::Running || info.state == State::Submitted && late;
        if may_be_lost && LockFile::try_lock(&self.folder(id).join("lock"))?.is_some() {
            // It may have ended just now.
            info = self.read(id)?;
            if !info.state.is_over() {
                info.state = State::Lost;
                info.error = Some("the process ended without a result".to_owned());
            }
        }
        Ok(info)
    }

    fn read(&self, id: &str) -> Result<JobInfo> {
        let unknown = || Error::NotFound(format!("there is no job {id}"));
        if !is_id(id) {
            return Err(unknown());
        }
        let path = self.folder(id).join("job.json");
        match read_json(&path) {
            Err(Error::NotFound(_)) => Err(unknown()),
            info => info,
        }
    }

    fn save(&self, info: &JobInfo) -> Result<()> {
        write_json(&self.folder(&info.id).join("job.json"), info)
    }

    /// How far a job is, or came.
    pub fn progress(&self, id: &str) -> JobProgress {
        // Nothing depends on it.
        read_json(&self.folder(id).join("progress.json")).unwrap_or_default()
    }

    /// Tells a job to stop.
    ///
    /// # Errors
    /// `NotFound`, `Usage` if it is over.
    pub fn cancel(&self, id: &str) -> Result<()> {
        let info = self.get(id)?;
        if info.state.is_over() {
            return Err(Error::Usage(format!("job {id} is {}", info.state.name())));
        }
        durable::replace(&self.cancel_file(id), b"", Access::Private)
    }

    /// Removes a job that is over, with its result.
    ///
    /// # Errors
    /// `NotFound`, `Usage` if it is not over, `Io`.
    pub fn remove(&self, id: &str) -> Result<()> {
        let info = self.get(id)?;
        if !info.state.is_over() {
            return Err(Error::Usage(format!(
                "job {id} is {}; cancel it first",
                info.state.name()
            )));
        }
        let folder = self.folder(id);
        std::fs::remove_dir_all(&folder).map_err(|e| Error::io(folder, e))
    }

    /// Removes all jobs that have been over for so long, and gives their ids.
    ///
    /// # Errors
    /// `Io`.
    pub fn clean(&self, older_than: Duration) -> Result<Vec<String>> {
        let mut removed = Vec::new();
        for info in self.list()?.into_iter().filter(|info| info.state.is_over()) {
            let since = info.finished.as_ref().or(info.started.as_ref()).unwrap_or(&info.created);
            let since = DateTime::parse_from_rfc3339(since).map(|time| time.to_utc());
            let age = since.ok().and_then(|since| (Utc::now() - since).to_std().ok());
            if age.unwrap_or_default() >= older_than {
                self.remove(&info.id)?;
                removed.push(info.id);
            }
        }
        Ok(removed)
    }

    /// The file of a job's result.
    ///
    /// # Errors
    /// `NotFound` if there is no such job, or no result: the message says why.
    pub fn result(&self, id: &str) -> Result<PathBuf> {
        let info = self.get(id)?;
        match info.state {
            State::Done => Ok(self.folder(id).join(result_name(&info.command))),
            state => {
                let why = info.error.map(|error| format!(": {error}")).unwrap_or_default();
                Err(Error::NotFound(format!("job {id} is {}{why}", state.name())))
            }
        }
    }

    /// The folder of a job.
    pub fn folder(&self, id: &str) -> PathBuf {
        self.root.join(id)
    }

    fn cancel_file(&self, id: &str) -> PathBuf {
        self.folder(id).join("cancel")
    }
}

/// The rows of a result, read as they are asked for.
///
/// # Errors
/// `Io`; `Integrity` if the file is damaged.
pub fn read_rows(
    path: &Path,
) -> Result<(SchemaRef, impl Iterator<Item = Result<RecordBatch>> + Send + use<>)> {
    let place = path.display().to_string();
    let file = std::fs::File::open(path).map_err(|e| Error::io(path, e))?;
    let rows = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|rows| rows.build());
    let rows = rows.map_err(|e| Error::integrity(&place, e.to_string()))?;
    let schema = rows.schema();
    let rows = rows.map(move |rows| rows.map_err(|e| Error::integrity(&place, e.to_string())));
    Ok((schema, rows))
}

/// How many rows a result has; none if it is no table.
fn rows_of(path: &Path) -> Option<u64> {
    let file = std::fs::File::open(path).ok()?;
    let rows = ParquetRecordBatchReaderBuilder::try_new(file).ok()?;
    u64::try_from(rows.metadata().file_metadata().num_rows()).ok()
}

/// The file of a command's result: rows, or a report.
fn result_name(command: &str) -> &'static str {
    if matches!(command, "sql" | "search") { "result.parquet" } else { "report.json" }
}

/// Whether this is the form of an id, and so the name of one folder.
fn is_id(text: &str) -> bool {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 6, 4]) && parts.into_iter().all(digits)
}

/// A time as in records.
fn time_text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = durable::read(path)?;
    serde_json::from_slice(&bytes)
        .map_err(|e| Error::integrity(path.display().to_string(), e.to_string()))
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_vec(value).map_err(|e| Error::encoding("job", e))?;
    text.push(b'\n');
    durable::replace(path, &text, Access::Private)
}
