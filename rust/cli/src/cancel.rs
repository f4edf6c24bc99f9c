//! Stopping a command from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sealtrail_core::{Error, runtime};
use tokio::sync::Notify;

use crate::failure::{EXIT_INTERRUPTED, Failure};

/// How long a command may take to stop after Ctrl-C before the process ends without it.
const PATIENCE: Duration = Duration::from_secs(5);

/// The wish that a command stop. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    flag: Arc<AtomicBool>,
    notify: Arc<Notify>,
}

impl Cancel {
    /// Asks the command to stop.
    pub fn cancel(&self) {
        self.flag.store(true, Ordering::SeqCst);
        self.notify.notify_waiters();
    }

    /// Whether somebody asked.
    pub fn is_cancelled(&self) -> bool {
        self.flag.load(Ordering::SeqCst)
    }

    /// The flag itself, for code that looks at it from time to time.
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.flag)
    }

    /// Waits for `future`, or until somebody asks.
    pub(crate) fn wait<T, E: Into<Failure>>(
        &self,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failure> {
        runtime()?.block_on(async {
            tokio::select! {
                biased;
                result = future => result.map_err(Into::into),
                () = self.cancelled() => Err(Error::Interrupted.into()),
            }
        })
    }

    /// Returns once somebody asks.
    async fn cancelled(&self) {
        let notified = self.notify.notified();
        tokio::pin!(notified);
        // Listening begins before looking, so that a wish in between is heard.
        notified.as_mut().enable();
        if !self.is_cancelled() {
            notified.await;
        }
    }
}

/// Lets Ctrl-C ask, for the rest of this process.
pub(crate) fn on_ctrl_c(cancel: &Cancel) {
    // Without a runtime the command itself fails and says why; without a handler Ctrl-C ends the
    // process at once, which loses nothing either.
    let Ok(runtime) = runtime() else { return };
    let cancel = cancel.clone();
    runtime.spawn(async move {
        if tokio::signal::ctrl_c().await.is_err() {
            return;
        }
        cancel.cancel();
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            () = tokio::time::sleep(PATIENCE) => {}
        }
        end_process();
    });
}

/// What is acknowledged is durable at any moment, so ending here loses nothing.
#[allow(clippy::exit)]
fn end_process() {
    std::process::exit(i32::from(EXIT_INTERRUPTED));
}
