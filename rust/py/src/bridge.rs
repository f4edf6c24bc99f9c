//! The one way from Python into code that waits.
//!
//! Every call goes through [`wait_with`]: it refuses to run in a forked child, gives Python's lock
//! free, drives the work on the calling thread, looks for signals ten times a second, and turns
//! panics into exceptions. Python code (a progress callback, a signal handler) runs between two
//! turns of the work and never inside one, so it may call this library again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pyo3::prelude::*;
use sealtrail_core::Error;
use tokio::runtime::{Handle, Runtime};
use tokio::task::JoinHandle;

use crate::errors::{self, Raise};

/// How long work may go on before signals are looked at.
const TICK: Duration = Duration::from_millis(100);

/// Waits for `work` without holding Python's lock. Ctrl-C drops it and raises `KeyboardInterrupt`.
pub(crate) fn wait<T, E>(
    py: Python<'_>,
    work: impl Future<Output = Result<T, E>> + Send,
) -> PyResult<T>
where
    T: Send,
    E: Raise + Send,
{
    wait_with(py, work, |_| Ok(()))
}

/// As [`wait`]; calls `tick` ten times a second. An error of `tick` drops the work, too.
pub(crate) fn wait_with<T, E>(
    py: Python<'_>,
    work: impl Future<Output = Result<T, E>> + Send,
    mut tick: impl FnMut(Python<'_>) -> PyResult<()>,
) -> PyResult<T>
where
    T: Send,
    E: Raise + Send,
{
    let runtime = runtime()?;
    let mut work = pin!(work);
    loop {
        let turn = py.detach(|| {
            let turn = || runtime.block_on(turn(work.as_mut()));
            catch_unwind(AssertUnwindSafe(turn)).map_err(|panic| errors::panic_text(&*panic))
        });
        match turn {
            Ok(Some(result)) => return result.map_err(|error| error.raise(py)),
            Ok(None) => {
                py.check_signals()?;
                tick(py)?;
            }
            Err(message) => return Err(errors::internal(py, &message)),
        }
    }
}

/// The work's result if it comes before it is time to look for signals.
async fn turn<F: Future>(work: Pin<&mut F>) -> Option<F::Output> {
    tokio::select! {
        biased;
        output = work => Some(output),
        // Without a budget of its own the clock would not be looked at while the work is busy.
        () = tokio::task::unconstrained(tokio::time::sleep(TICK)) => None,
    }
}

/// Work on a thread of its own, for what computes longer than a tick without a pause.
pub(crate) struct Job<T>(JoinHandle<Result<T, Error>>);

/// Starts a job. It goes on when it is dropped; [`Job::wait`] is the way to its end.
pub(crate) fn start<T, F, W>(make: F) -> PyResult<Job<T>>
where
    T: Send + 'static,
    F: FnOnce() -> W + Send + 'static,
    W: Future<Output = Result<T, Error>>,
{
    let job = runtime()?.spawn_blocking(move || Handle::current().block_on(make()));
    Ok(Job(job))
}

impl<T: Send> Job<T> {
    /// Waits for the job; calls `tick` ten times a second. If that fails or Ctrl-C comes, `cancel`
    /// is set and the job's end is awaited, so that nothing goes on behind the caller's back. A
    /// second Ctrl-C does not wait for it.
    pub(crate) fn wait(
        mut self,
        py: Python<'_>,
        cancel: &AtomicBool,
        tick: impl FnMut(Python<'_>) -> PyResult<()>,
    ) -> PyResult<T> {
        let result = wait_with(py, self.result(), tick);
        if !self.0.is_finished() {
            cancel.store(true, Ordering::Relaxed);
            // The error that stopped the waiting is the one to tell.
            let _ = wait(py, self.result());
        }
        result
    }

    async fn result(&mut self) -> Result<T, JobError> {
        match (&mut self.0).await {
            Ok(result) => result.map_err(JobError::Core),
            Err(error) => Err(JobError::Panic(match error.try_into_panic() {
                Ok(panic) => errors::panic_text(&*panic),
                Err(error) => error.to_string(),
            })),
        }
    }
}

/// Why a job has no result.
enum JobError {
    /// It failed.
    Core(Error),
    /// It is wrong.
    Panic(String),
}

impl Raise for JobError {
    fn raise(self, py: Python<'_>) -> PyErr {
        match self {
            Self::Core(error) => error.raise(py),
            Self::Panic(message) => errors::internal(py, &message),
        }
    }
}

/// The runtime. Its threads do not exist in a forked child, where waiting would never end.
/// Does what is left to do when something is dropped. Within the runtime nothing may wait; there
/// the work is dropped, too.
pub(crate) fn finish(work: impl Future<Output = ()>) {
    if Handle::try_current().is_err()
        && let Ok(runtime) = sealtrail_core::runtime()
    {
        runtime.block_on(work);
    }
}

/// Where work goes on that others ask for.
pub(crate) fn handle() -> PyResult<Handle> {
    Ok(runtime()?.handle().clone())
}

fn runtime() -> PyResult<&'static Runtime> {
    static PROCESS: OnceLock<u32> = OnceLock::new();
    let (here, started) = (std::process::id(), *PROCESS.get_or_init(std::process::id));
    if here != started {
        return Err(Python::attach(|py| errors::forked(py, started, here)));
    }
    sealtrail_core::runtime().map_err(|error| Python::attach(|py| error.raise(py)))
}
