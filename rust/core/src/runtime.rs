//! The threads that wait for stores, and those that compute answers.

use std::sync::{Mutex, OnceLock, PoisonError};

use tokio::runtime::{Builder, Runtime};

use crate::{Error, Result};

/// The process's asynchronous runtime, started on first use.
///
/// # Errors
/// `Io` if the system gives no threads.
pub fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: Starting = Starting::new("sealtrail");
    RUNTIME.get()
}

/// Another one for statements, started on first use. A join may compute for a minute without a
/// pause: on the threads of [`runtime`] nobody would see to timers and signals meanwhile.
///
/// # Errors
/// `Io` if the system gives no threads.
pub fn query_runtime() -> Result<&'static Runtime> {
    static RUNTIME: Starting = Starting::new("sealtrail-query");
    RUNTIME.get()
}

/// A runtime that is started when it is needed.
struct Starting {
    name: &'static str,
    runtime: OnceLock<Runtime>,
    // One that lost the race would be dropped where it may not be: in a task of another runtime.
    alone: Mutex<()>,
}

impl Starting {
    const fn new(name: &'static str) -> Self {
        Self { name, runtime: OnceLock::new(), alone: Mutex::new(()) }
    }

    fn get(&self) -> Result<&Runtime> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let _alone = self.alone.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let runtime = Builder::new_multi_thread()
            .enable_all()
            .thread_name(self.name)
            .build()
            .map_err(|e| Error::io("runtime", e))?;
        Ok(self.runtime.get_or_init(|| runtime))
    }
}
