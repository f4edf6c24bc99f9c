//! Recording who looked (see [`crate::access`]).

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use tokio::sync::{Notify, OnceCell};
use tokio::task::JoinHandle;

use super::lend::Refusal;
use super::{InitOptions, OpenOptions, Settings, Trail, init};
use crate::access::{self, AccessPolicy, AccessSettings, Outcome, Question, Status};
use crate::config::Home;
use crate::storage::durable;
use crate::{Error, Result};

/// How often making an access trail may meet another process that makes the same one.
const TRIES: usize = 10;

/// What a trail keeps of who looked.
#[derive(Debug, Default)]
pub(super) struct Looks {
    /// The access trail of a reader who cannot write to this one.
    own: OnceCell<Trail>,
    /// Somebody was told that nothing is recorded.
    told: AtomicBool,
    /// Outcomes that are being recorded.
    open: AtomicUsize,
    settled: Notify,
}

/// Rows that were given; clones count together.
#[derive(Debug, Clone, Default)]
pub struct Rows(Arc<AtomicU64>);

impl Rows {
    /// Counts more rows.
    pub fn add(&self, rows: u64) {
        self.0.fetch_add(rows, Ordering::Relaxed);
    }

    /// Sets the number of rows.
    pub fn set(&self, rows: u64) {
        self.0.store(rows, Ordering::Relaxed);
    }

    /// The number of rows.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A question that is being answered. Its outcome is recorded by [`end`](Self::end), else when it
/// is dropped.
#[derive(Debug)]
pub struct Access {
    open: Option<Box<Open>>,
    rows: Rows,
    warning: Option<String>,
}

/// What [`Access::end`] found out.
#[derive(Debug, Default)]
#[must_use]
pub struct Ended {
    /// Why the outcome is not recorded, where the policy leaves it at a warning.
    pub warning: Option<String>,
}

/// A question whose intent is recorded.
#[derive(Debug)]
struct Open {
    /// Where.
    log: Trail,
    intent: String,
    question: Question,
    started: Instant,
    required: bool,
    /// Code of the error that it failed with.
    failure: Option<String>,
    /// The process; a forked child records nothing.
    process: u32,
}

impl Access {
    /// One that is not recorded.
    pub fn unrecorded() -> Self {
        Self::unrecorded_for(None)
    }

    fn unrecorded_for(warning: Option<String>) -> Self {
        Self { open: None, rows: Rows::default(), warning }
    }

    fn of(log: Trail, intent: String, question: Question, policy: AccessPolicy) -> Self {
        let (started, process) = (Instant::now(), std::process::id());
        let required = policy == AccessPolicy::Required;
        let open = Open { log, intent, question, started, required, failure: None, process };
        Self { open: Some(Box::new(open)), rows: Rows::default(), warning: None }
    }

    /// The `audit_id` of the record of the intent, if there is one.
    pub fn intent_id(&self) -> Option<&str> {
        self.open.as_ref().map(|open| open.intent.as_str())
    }

    /// The trail that it is recorded in, if it is: the one that was asked, or an access trail of
    /// the reader's own.
    pub fn log(&self) -> Option<Trail> {
        self.open.as_ref().map(|open| open.log.clone())
    }

    /// Why nothing is recorded, to be told once.
    pub fn warning(&mut self) -> Option<String> {
        self.warning.take()
    }

    /// Counts the rows that are given.
    pub fn rows(&self) -> Rows {
        self.rows.clone()
    }

    /// The answer failed, with an error of this code ([`Error::kind`]).
    pub fn fail(&mut self, code: &str) {
        if let Some(open) = &mut self.open {
            open.failure = Some(code.to_owned());
        }
    }

    fn take(&mut self) -> Option<Box<Open>> {
        self.open.take().filter(|open| open.process == std::process::id())
    }

    /// Records the outcome: all rows were given, or (if not `complete`) whoever asked took no more.
    ///
    /// # Errors
    /// `Access` if it cannot be recorded and the policy requires it. The rows are given all the
    /// same, so that all that is left is to tell.
    pub async fn end(mut self, complete: bool) -> Result<Ended> {
        let Some(open) = self.take() else { return Ok(Ended::default()) };
        let required = open.required;
        // Goes on where nobody waits for it any more.
        let recording = open.start(self.rows.get(), complete)?;
        match recording.await.map_err(|e| outcome_lost(&e)).flatten() {
            Ok(()) => Ok(Ended::default()),
            Err(e) if required => Err(e),
            Err(e) => Ok(Ended { warning: Some(e.to_string()) }),
        }
    }
}

impl Open {
    /// Starts recording the outcome.
    fn start(self: Box<Self>, rows: u64, complete: bool) -> Result<JoinHandle<Result<()>>> {
        let runtime = crate::runtime()?;
        let awaited = Awaited::new(&self.log);
        Ok(runtime.spawn(async move {
            let _awaited = awaited;
            self.record(rows, complete).await
        }))
    }

    async fn record(self: Box<Self>, rows: u64, complete: bool) -> Result<()> {
        let status = match self.failure {
            Some(code) => Status::Failed(code),
            None if complete => Status::Completed,
            None => Status::Partial,
        };
        let outcome = Outcome { intent: self.intent, rows, took: self.started.elapsed(), status };
        let settings = &self.log.shared.options.settings;
        let event = access::outcome(&self.question, &outcome, settings)?;
        let recorded = self.log.record_lent(&event).await;
        recorded.map(drop).map_err(|refusal| outcome_lost(&refusal.error()))
    }
}

/// An outcome that [`Trail::settle_looks`] waits for.
struct Awaited(Trail);

impl Awaited {
    fn new(log: &Trail) -> Self {
        log.shared.looks.open.fetch_add(1, Ordering::SeqCst);
        Self(log.clone())
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        let looks = &self.0.shared.looks;
        if looks.open.fetch_sub(1, Ordering::SeqCst) == 1 {
            looks.settled.notify_waiters();
        }
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        if let Some(open) = self.take() {
            // Nobody is left to be told that it failed.
            let _ = open.start(self.rows.get(), false);
        }
    }
}

fn outcome_lost(why: &dyn std::fmt::Display) -> Error {
    Error::Access(format!("how this question ended could not be recorded: {why}"))
}

impl Refusal {
    fn error(self) -> Error {
        match self {
            Self::NoWriter(e) | Self::Failed(e) => e,
        }
    }
}

impl Trail {
    /// Records that somebody is about to read, as the policy of the settings says. The view that
    /// answers the question must have been taken before.
    ///
    /// # Errors
    /// `Usage` if a purpose is required and none is given; `Access` if it is required that it be
    /// recorded, and that failed.
    pub async fn ask(&self, question: Question) -> Result<Access> {
        let settings = &self.shared.options.settings;
        let Some(policy) = policy_for(&question, settings.access)? else {
            return Ok(Access::unrecorded());
        };
        let about = (Some(self.info().trail_id.as_str()), self.url());
        let event = access::intent(&question, about, settings)?;
        match self.record_look(&event).await {
            Ok((log, intent)) => Ok(Access::of(log, intent, question, policy)),
            Err(why) if policy == AccessPolicy::Required => Err(refused(&why)),
            Err(why) => {
                let first = !self.shared.looks.told.swap(true, Ordering::Relaxed);
                let warning = first.then(|| not_recorded(&why));
                Ok(Access::unrecorded_for(warning))
            }
        }
    }

    /// Waits until the outcomes of answers that were dropped are recorded, and gives a writer free
    /// that was held for them.
    pub async fn settle_looks(&self) {
        let looks = &self.shared.looks;
        if let Some(own) = looks.own.get() {
            Box::pin(own.settle_looks()).await;
        }
        loop {
            let settled = looks.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            if looks.open.load(Ordering::SeqCst) == 0 {
                break;
            }
            settled.await;
        }
        self.give_back().await;
    }

    /// Members that recorded events get where they lack them.
    pub(crate) fn defaults(&self) -> &[(&'static str, String)] {
        &self.shared.options.settings.defaults
    }

    /// Records what was done to the trail as a whole, here or else in the access trail of whoever
    /// did it: where, and its id. That is no question, so no policy about these leaves it out.
    pub(crate) async fn record_doing(&self, event: &[u8]) -> Result<(Self, String)> {
        self.record_look(event).await
    }

    /// Records an intent, here or else in the reader's access trail: where, and its id.
    async fn record_look(&self, event: &[u8]) -> Result<(Self, String)> {
        let cannot = match self.record_lent(event).await {
            Ok(id) => return Ok((self.clone(), id)),
            Err(Refusal::Failed(e)) => return Err(e),
            Err(Refusal::NoWriter(e)) => e,
        };
        let options = &self.shared.options;
        let make = || open_own(&options.home, &options.settings, &self.info().trail_id);
        let recorded = async {
            let own = self.shared.looks.own.get_or_try_init(make).await?;
            let id = own.record_lent(event).await.map_err(Refusal::error)?;
            Ok((own.clone(), id))
        };
        recorded.await.map_err(|e: Error| both(&cannot, &e))
    }
}

/// As [`Trail::ask`], of a trail that may be too damaged to be opened: it is recorded in an access
/// trail of the reader's own.
///
/// # Errors
/// As [`Trail::ask`].
pub async fn ask_apart(
    home: &Home,
    settings: &Settings,
    (trail_id, url): (Option<&str>, &str),
    question: Question,
) -> Result<Access> {
    let Some(policy) = policy_for(&question, settings.access)? else {
        return Ok(Access::unrecorded());
    };
    let event = access::intent(&question, (trail_id, url), settings)?;
    let recorded = record_apart(home, settings, (trail_id, url), &event);
    match recorded.await {
        Ok((own, id)) => Ok(Access::of(own, id, question, policy)),
        Err(why) if policy == AccessPolicy::Required => Err(refused(&why)),
        Err(why) => Ok(Access::unrecorded_for(Some(not_recorded(&why)))),
    }
}

/// Records an event in an access trail of the reader's own: where, and its id.
pub(crate) async fn record_apart(
    home: &Home,
    settings: &Settings,
    (trail_id, url): (Option<&str>, &str),
    event: &[u8],
) -> Result<(Trail, String)> {
    let by_url = || format!("at-{}", &HEXLOWER.encode(&Sha256::digest(url.as_bytes()))[..16]);
    let name = trail_id.map_or_else(by_url, str::to_owned);
    let own = open_own(home, settings, &name).await?;
    let id = own.record_lent(event).await.map_err(Refusal::error)?;
    Ok((own, id))
}

/// The policy for a question; none if it is not to be recorded.
fn policy_for(question: &Question, settings: AccessSettings) -> Result<Option<AccessPolicy>> {
    if settings.policy == AccessPolicy::Off {
        return Ok(None);
    }
    question.demand_purpose(settings)?;
    Ok(Some(settings.policy))
}

/// Opens a reader's own access trail, which is made at first use.
async fn open_own(home: &Home, settings: &Settings, name: &str) -> Result<Trail> {
    durable::ensure_private_dir(&home.access_dir)?;
    let url = home.access_dir.join(Path::new(name)).to_string_lossy().into_owned();
    let mut problem = None;
    for _ in 0..TRIES {
        let mut settings = settings.clone();
        settings.access.policy = AccessPolicy::Off;
        match Trail::open(&url, OpenOptions::new(home.clone(), settings)).await {
            Err(Error::NotFound(e)) => problem = Some(Error::NotFound(e)),
            other => return other,
        }
        // Another process may be making it at the same time.
        match init(&url, &InitOptions::new(home.clone())).await {
            Ok(_) | Err(Error::AlreadyExists(_)) => {}
            Err(e) => return Err(e),
        }
    }
    Err(problem.unwrap_or_else(|| Error::NotFound(url)))
}

fn both(cannot: &Error, own: &Error) -> Error {
    Error::Access(format!(
        "not in the trail ({cannot}), and not in an access trail of your own ({own})"
    ))
}

fn refused(why: &Error) -> Error {
    Error::Access(format!(
        "not answered, because it is required to record who asks (audit.trail.access_audit), and \
         that failed: {why}"
    ))
}

fn not_recorded(why: &Error) -> String {
    format!("it is not recorded that you asked this: {why}")
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
