//! The threads that wait for stores.

use std::sync::{Mutex, OnceLock, PoisonError};

use tokio::runtime::{Builder, Runtime};

use crate::{Error, Result};

/// The process's one asynchronous runtime, started on first use.
///
/// # Errors
/// `Io` if the system gives no threads.
pub fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    // One that lost the race would be dropped where it may not be: in a task of another runtime.
    static STARTING: Mutex<()> = Mutex::new(());
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .thread_name("sealtrail")
        .build()
        .map_err(|e| Error::io("runtime", e))?;
    Ok(RUNTIME.get_or_init(|| runtime))
}
