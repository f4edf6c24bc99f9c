//! Following a trail.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use sealtrail_core::trail::{Follower, Records};
use sealtrail_query::QueryError;
use sealtrail_query::follow::{Passed, Sieve};
use tokio::sync::Notify;

use crate::access::{Counts, Looking};
use crate::errors::Raise;
use crate::search::Wanted;
use crate::{access, bridge, trail};

/// The records of a trail as they come.
#[pyclass(frozen, module = "sealtrail._native")]
pub(crate) struct Tail {
    state: tokio::sync::Mutex<State>,
    /// The cursor after the records that were given.
    cursor: Mutex<String>,
    follow: bool,
    over: Notify,
    /// The record of who looked.
    looking: Mutex<Option<Looking>>,
    rows: Counts,
}

struct State {
    follower: Follower,
    sieve: Sieve,
    /// Records that came and are not sifted: Ctrl-C may stop the sifting.
    raw: Records,
    ready: VecDeque<Passed>,
    /// The cursor after those that are ready.
    after: String,
    over: bool,
    exclude_access: bool,
}

impl Tail {
    /// Begins after `cursor`, or with the last `number` records (all if `None`).
    pub(crate) fn begin(
        py: Python<'_>,
        trail: &trail::Trail,
        follow: bool,
        number: Option<u64>,
        cursor: Option<&str>,
        wanted: &Wanted,
    ) -> PyResult<Self> {
        let store = trail.store().map_err(|error| error.raise(py))?;
        let sieve = Sieve::new(&wanted.search.filter, store).map_err(|error| error.raise(py))?;
        let (mut follower, view) = bridge::wait(py, async {
            let Some(cursor) = cursor else {
                let (follower, view) = trail.inner().follow().await?;
                return Ok::<_, QueryError>((follower, Some(view)));
            };
            Ok((trail.inner().follow_from(cursor).await?, None))
        })?;
        let size = view.as_ref().map_or(0, |view| view.size());
        let looking = access::ask(py, trail.inner(), wanted.question("tail", size))?;
        let rows = looking.rows();
        if let Some(own) = looking.intent_id() {
            follower.leave_out(&own);
        }
        let last = match (view, number) {
            (None, _) | (_, Some(0)) => Vec::new(),
            (Some(view), number) => {
                let view = wanted.view(view);
                bridge::wait(py, sieve.last(view, number))?
            }
        };
        let after = follower.cursor().map_err(|error| error.raise(py))?;
        let ready = last.into();
        let (raw, over) = (Vec::new(), false);
        let exclude_access = wanted.exclude_access;
        let state =
            State { follower, sieve, raw, ready, after: after.clone(), over, exclude_access };
        Ok(Self {
            state: state.into(),
            cursor: after.into(),
            follow,
            over: Notify::new(),
            looking: Mutex::new(Some(looking)),
            rows,
        })
    }

    fn set_cursor(&self, cursor: &str) {
        let mut known = self.cursor.lock().unwrap_or_else(PoisonError::into_inner);
        cursor.clone_into(&mut known);
    }
}

impl State {
    /// Waits for the next records, of which some may be ready then; false at the end.
    async fn more(&mut self, follow: bool) -> Result<bool, QueryError> {
        if self.raw.is_empty() {
            self.raw = match follow {
                true => self.follower.wait().await?,
                false => self.follower.next().await?,
            };
        }
        if self.raw.is_empty() {
            return Ok(false);
        }
        let view = self.follower.view_of(self.raw.clone()).excluding_access(self.exclude_access);
        self.ready = self.sieve.sift(view).await?.into();
        self.raw.clear();
        self.after = self.follower.cursor()?;
        Ok(true)
    }
}

#[pymethods]
impl Tail {
    /// The next record; `None` at the end.
    fn next(&self, py: Python<'_>) -> PyResult<Option<String>> {
        bridge::wait(py, async {
            let mut state = self.state.lock().await;
            loop {
                if state.over {
                    let looking =
                        self.looking.lock().unwrap_or_else(PoisonError::into_inner).take();
                    if let Some(mut looking) = looking {
                        looking.complete().await?;
                    }
                    return Ok::<_, QueryError>(None);
                }
                if let Some(passed) = state.ready.pop_front() {
                    if state.ready.is_empty() {
                        self.set_cursor(&state.after);
                    }
                    self.rows.add(1);
                    return Ok(Some(passed.record));
                }
                let more = tokio::select! {
                    biased;
                    () = self.over.notified() => false,
                    more = state.more(self.follow) => more?,
                };
                state.over = !more;
                if state.ready.is_empty() {
                    self.set_cursor(&state.after);
                }
            }
        })
    }

    /// Where to go on after the records that were given.
    fn cursor(&self) -> String {
        self.cursor.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends it, also for a thread that waits.
    fn close(&self) {
        self.over.notify_one();
    }
}
