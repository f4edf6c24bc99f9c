//! The threads that wait for stores.

use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};

use crate::{Error, Result};

/// The process's one asynchronous runtime, started on first use.
///
/// # Errors
/// `Io` if the system gives no threads.
pub fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
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
