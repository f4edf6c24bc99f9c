//! The clock of the host that is running, and hosts that die.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

thread_local! {
    static NOW: Cell<Option<i64>> = const { Cell::new(None) };
}

/// The present moment on the host that this thread simulates, in microseconds since 1970.
pub(in crate::trail) fn now() -> Option<i64> {
    NOW.get()
}

/// Work under a host's clock, which is dropped when it was resumed `life` times.
pub(super) struct Mortal<'a, T> {
    pub(super) work: Pin<Box<dyn Future<Output = T> + 'a>>,
    pub(super) now: i64,
    pub(super) life: u64,
}

impl<T> Future for Mortal<'_, T> {
    /// `None` if it did not come to its end.
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        if self.life == 0 {
            return Poll::Ready(None);
        }
        self.life -= 1;
        let before = NOW.replace(Some(self.now));
        let polled = self.work.as_mut().poll(context);
        NOW.set(before);
        polled.map(Some)
    }
}
