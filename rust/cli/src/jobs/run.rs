//! The process of a job.

use std::fs::File;
use std::io::{BufWriter, Cursor, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::Utc;
use sealtrail_core::storage::durable::{self, LockFile};

use super::model::{JobInfo, JobProgress, State};
use super::start::open_log;
use super::{Jobs, result_name, rows_of, time_text, write_json};
use crate::failure::{EXIT_INTERRUPTED, Failure};
use crate::session::Session;
use crate::{Context, command_of};

const TICK: Duration = Duration::from_millis(100);
/// How often progress is written.
const EVERY: Duration = Duration::from_secs(1);
/// How long the command may take to stop.
const PATIENCE: Duration = Duration::from_secs(5);
/// Whoever looks whether the process lives holds the lock for a moment.
const TRIES: u32 = 50;

/// The job that this process runs.
#[derive(Debug, Clone)]
pub(crate) struct Current {
    folder: PathBuf,
    progress: Arc<Progress>,
}

/// How far it is.
#[derive(Debug, Default)]
struct Progress {
    bytes: AtomicU64,
    rows: AtomicU64,
    of_rows: AtomicU64,
}

impl Current {
    /// Where queries put what does not fit into memory.
    pub(crate) fn spill_folder(&self) -> PathBuf {
        self.folder.join("spill")
    }

    /// Rows of the result came.
    pub(crate) fn add_rows(&self, rows: usize) {
        self.progress.rows.fetch_add(rows as u64, Ordering::Relaxed);
    }

    /// So many of so many records are verified.
    pub(crate) fn set_rows(&self, rows: u64, of_rows: u64) {
        self.progress.rows.store(rows, Ordering::Relaxed);
        self.progress.of_rows.store(of_rows, Ordering::Relaxed);
    }

    fn progress(&self) -> JobProgress {
        JobProgress {
            bytes: self.progress.bytes.load(Ordering::Relaxed),
            rows: self.progress.rows.load(Ordering::Relaxed),
            of_rows: self.progress.of_rows.load(Ordering::Relaxed),
        }
    }
}

/// Runs a submitted job to its end.
pub(crate) fn run(session: &mut Session<'_>, id: &str) -> Result<u8, Failure> {
    let jobs = Jobs::of(&session.home()?);
    let folder = jobs.folder(id);
    jobs.read(id)?;
    let _lock = lock(&folder)?;
    let mut info = jobs.read(id)?;
    if info.state != State::Submitted {
        return Err(Failure::usage(format!("job {id} is {}", info.state.name())));
    }
    info.state = State::Running;
    info.attempts += 1;
    info.pid = Some(std::process::id());
    info.started = Some(time_text(Utc::now()));
    jobs.save(&info)?;
    let current = Current { folder: folder.clone(), progress: Arc::default() };
    std::fs::create_dir_all(current.spill_folder())
        .map_err(|e| Failure::io(current.spill_folder(), e))?;
    let watched = Watch::begin(session, &jobs, &info, &current);
    let outcome = execute(session, &info, &current);
    watched.end();
    finish(session, &jobs, info, &current, outcome)
}

fn lock(folder: &Path) -> Result<LockFile, Failure> {
    for _ in 0..TRIES {
        if let Some(lock) = LockFile::try_lock(&folder.join("lock"))? {
            return Ok(lock);
        }
        std::thread::sleep(TICK);
    }
    Err(Failure::usage("another process runs this job"))
}

/// Runs the command with its output into a file.
fn execute(session: &Session<'_>, info: &JobInfo, current: &Current) -> Result<u8, Failure> {
    let part = part(current, info);
    let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&part);
    let file = file.map_err(|e| Failure::io(&part, e))?;
    let kept = file.try_clone().map_err(|e| Failure::io(&part, e))?;
    let progress = Arc::clone(&current.progress);
    let log = open_log(&current.folder).map_err(|e| Failure::io(&current.folder, e))?;
    let context = Context {
        stdout: Box::new(BufWriter::new(Counted { inner: file, progress })),
        stderr: Box::new(log),
        stdin: Box::new(Cursor::new(info.stdin.clone().unwrap_or_default().into_bytes())),
        env: session.environment(),
        cwd: PathBuf::from(&info.cwd),
        stdout_is_terminal: false,
        stderr_is_terminal: false,
        cancel: session.cancel.clone(),
    };
    let mut inner = Session::new(context);
    inner.job = Some(current.clone());
    let command = command_of(&info.args).map_err(|e| Failure::usage(e.to_string()))?;
    let ran = command.run_on(&mut inner, &info.trail, info.config.as_deref());
    let written = inner.out.finish();
    let ran = ran.and_then(|code| written.map(|()| code).map_err(Failure::from));
    let recorded = inner.end_asking(&ran);
    let code = ran.and_then(|code| recorded.map(|()| code))?;
    kept.sync_all().map_err(|e| Failure::io(part, e))?;
    Ok(code)
}

/// Writes down what became of the job.
fn finish(
    session: &Session<'_>,
    jobs: &Jobs,
    mut info: JobInfo,
    current: &Current,
    outcome: Result<u8, Failure>,
) -> Result<u8, Failure> {
    let (part, result) = (part(current, &info), current.folder.join(result_name(&info.command)));
    // The result comes before the word that there is one.
    let outcome = outcome.and_then(|code| {
        std::fs::rename(&part, &result).map_err(|e| Failure::io(&result, e))?;
        durable::sync_dir(&current.folder)?;
        Ok(code)
    });
    let _ = std::fs::remove_dir_all(current.spill_folder());
    let code = match &outcome {
        Ok(code) => {
            info.rows = rows_of(&result);
            if let Some(rows) = info.rows {
                current.set_rows(rows, 0);
            }
            info.state = State::Done;
            *code
        }
        Err(_) if session.cancel.is_cancelled() => {
            info.state = State::Cancelled;
            EXIT_INTERRUPTED
        }
        Err(failure) => {
            info.state = State::Failed;
            info.error = Some(failure.to_string());
            failure.exit_code()
        }
    };
    if outcome.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    info.exit_code = Some(code);
    info.finished = Some(time_text(Utc::now()));
    let _ = write_json(&current.folder.join("progress.json"), &current.progress());
    jobs.save(&info)?;
    Ok(code)
}

fn part(current: &Current, info: &JobInfo) -> PathBuf {
    current.folder.join(format!("{}.part", result_name(&info.command)))
}

/// A thread that looks whether the job is to stop, and tells how far it is.
struct Watch {
    over: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Watch {
    fn begin(session: &Session<'_>, jobs: &Jobs, info: &JobInfo, current: &Current) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (ends, cancel) = (Arc::clone(&over), session.cancel.clone());
        let (jobs, info, current) = (jobs.clone(), info.clone(), current.clone());
        let thread = std::thread::spawn(move || {
            let (mut told, mut written) = (JobProgress::default(), Instant::now());
            let mut asked: Option<Instant> = None;
            while !ends.load(Ordering::Relaxed) {
                std::thread::sleep(TICK);
                if asked.is_none() && jobs.cancel_file(&info.id).exists() {
                    cancel.cancel();
                    asked = Some(Instant::now());
                }
                if asked.is_some_and(|asked| asked.elapsed() >= PATIENCE) {
                    give_up(&jobs, info, &current);
                }
                let now = current.progress();
                if now != told && written.elapsed() >= EVERY {
                    // Nothing depends on it.
                    let _ = write_json(&current.folder.join("progress.json"), &now);
                    (told, written) = (now, Instant::now());
                }
            }
        });
        Self { over, thread }
    }

    fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.thread.join();
    }
}

/// Ends the process of a command that does not stop.
#[allow(clippy::exit)]
fn give_up(jobs: &Jobs, mut info: JobInfo, current: &Current) -> ! {
    info.state = State::Cancelled;
    info.exit_code = Some(EXIT_INTERRUPTED);
    info.finished = Some(time_text(Utc::now()));
    let _ = std::fs::remove_dir_all(current.spill_folder());
    let _ = std::fs::remove_file(part(current, &info));
    let _ = jobs.save(&info);
    std::process::exit(i32::from(EXIT_INTERRUPTED));
}

/// Counts the bytes that go through.
struct Counted {
    inner: File,
    progress: Arc<Progress>,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.progress.bytes.fetch_add(written as u64, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}
