//! Writers that are held for a moment only, to record who looked.
//!
//! A reader must not keep a recording process from writing, nor add to the ledger by reading. So
//! it holds a writer of this host that is free for a fraction of a second, appends to its log, and
//! commits nothing but what is due by its age.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::open::{self, Holding};
use super::writer::Writer;
use super::{Trail, now_micros};
use crate::keys::Passphrase;
use crate::record::Strictness;
use crate::storage::durable;
use crate::{Error, Result};

/// How long a writer is kept for the next question.
const KEPT: Duration = Duration::from_millis(250);
/// How long to wait for a call that is about to end.
const MOMENT: Duration = Duration::from_millis(1);
/// How long a process that wants to record waits for the only writer of its host.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a writer may be taken away between being lent and being written to.
const TRIES: usize = 5;

/// What a trail holds to write with.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// The process's writer.
    pub(super) writer: Option<Arc<Writer>>,
    /// Else one that is held for a moment.
    lent: Option<Lent>,
}

#[derive(Debug)]
struct Lent {
    writer: Arc<Writer>,
    used: Instant,
    /// Whether it is kept for the next question: only where a process that wants to record in the
    /// meantime can have a writer of its own.
    kept: bool,
}

/// Why a record of who looked was not made.
#[derive(Debug)]
pub(super) enum Refusal {
    /// This reader cannot write to the trail; nothing was written.
    NoWriter(Error),
    /// A writer failed.
    Failed(Error),
}

impl Trail {
    /// Records an event durably without becoming a writer, and gives its id. What is recorded
    /// stays in the log until that is committed for other reasons.
    pub(super) async fn record_lent(&self, event: &[u8]) -> Result<String, Refusal> {
        let mut closed = Error::Poisoned("the trail was closed".to_owned());
        for _ in 0..TRIES {
            let writer = self.borrow_writer().await.map_err(Refusal::NoWriter)?;
            let recorded = writer.record(event, Strictness::Lenient).await;
            let recorded = recorded.and_then(|id| writer.wal.sync().map(|()| id));
            match recorded {
                Ok(id) => {
                    drop(writer);
                    self.give_back_unless_kept().await;
                    return Ok(id);
                }
                // Taken away, or given free by another call, between the two.
                Err(e) if writer.is_closed() => closed = e,
                Err(e) => {
                    self.forget_lent(writer).await;
                    return Err(Refusal::Failed(e));
                }
            }
        }
        Err(Refusal::Failed(closed))
    }

    /// The process's writer, the one that is lent already, or a free one.
    async fn borrow_writer(&self) -> Result<Arc<Writer>> {
        if let Some(writer) = self.current() {
            return Ok(writer);
        }
        let mut slot = self.shared.writer.lock().await;
        if let Some(writer) = &slot.writer {
            return Ok(Arc::clone(writer));
        }
        if let Some(lent) = &mut slot.lent {
            lent.used = Instant::now();
            return Ok(Arc::clone(&lent.writer));
        }
        if let Some(root) = self.storage().local_root() {
            durable::demand_writable(&root.join("ledger"), &root.join(super::TRAIL_FILE))?;
        }
        let writer = self.open_lent().await?;
        let kept = self.owner_at_hand().is_ok();
        slot.lent = Some(Lent { writer: Arc::clone(&writer), used: Instant::now(), kept });
        drop(slot);
        if kept {
            self.give_back_later()?;
        }
        Ok(writer)
    }

    /// Whether the owner's key can be used without asking anybody for a passphrase.
    pub fn has_owner_key(&self) -> bool {
        self.owner_at_hand().is_ok()
    }

    /// Whether a new writer can be authorised. A locked key stays locked: nobody is asked for a
    /// passphrase to be recorded.
    fn owner_at_hand(&self) -> Result<()> {
        let options = &self.shared.options;
        options.owner_key_with(&self.info().trail_id, &Passphrase::default()).map(drop)
    }

    /// A free writer of this host. A new one is authorised only where this host writes to the trail
    /// anyhow, or nobody has yet: reading a copy must not change it.
    async fn open_lent(&self) -> Result<Arc<Writer>> {
        let state_dir = self.state_dir();
        let folders = open::writer_folders(&state_dir)?;
        let mut ledger = self.ledger();
        let options = &self.shared.options;
        if let Some(claim) = open::claim_free(&folders, &ledger)? {
            return open::resume(claim, &mut ledger, options, Holding::Lent).await;
        }
        if folders.is_empty() && !ledger.state().writers.is_empty() {
            let message = "this host has no writer of the trail";
            return Err(Error::Key(message.to_owned()));
        }
        self.owner_at_hand()?;
        open::create(&state_dir, &mut ledger, options, Holding::Lent).await
    }

    /// Gives a lent writer free once it has not been used for a while.
    fn give_back_later(&self) -> Result<()> {
        let shared = Arc::downgrade(&self.shared);
        let runtime = crate::runtime()?;
        runtime.spawn(async move {
            loop {
                tokio::time::sleep(KEPT).await;
                let Some(shared) = shared.upgrade() else { return };
                let trail = Self { shared };
                let mut slot = trail.shared.writer.lock().await;
                let Some(lent) = &slot.lent else { return };
                let in_use = Arc::strong_count(&lent.writer) > 1;
                if !in_use && lent.used.elapsed() >= KEPT {
                    slot.give_back().await;
                    return;
                }
            }
        });
        Ok(())
    }

    async fn give_back_unless_kept(&self) {
        let mut slot = self.shared.writer.lock().await;
        let in_use = |lent: &Lent| lent.kept || Arc::strong_count(&lent.writer) > 1;
        if slot.lent.as_ref().is_some_and(|lent| !in_use(lent)) {
            slot.give_back().await;
        }
    }

    /// This process's own writer. Where another process holds the only one that this host has, it
    /// may be a reader's for a moment.
    pub(super) async fn open_own_writer(&self) -> Result<Arc<Writer>> {
        let (started, state_dir) = (Instant::now(), self.state_dir());
        loop {
            let mut ledger = self.ledger();
            ledger.refresh().await?;
            let options = &self.shared.options;
            match open::open_writer(ledger, options, &state_dir).await {
                Err(Error::Key(_))
                    if started.elapsed() < PATIENCE && open::any_held(&state_dir)? =>
                {
                    tokio::time::sleep(MOMENT).await;
                }
                other => return other,
            }
        }
    }

    /// Gives a lent writer free now, if there is one.
    pub(super) async fn give_back(&self) {
        self.shared.writer.lock().await.give_back().await;
    }

    /// A writer whose log failed is of no use to the next question.
    async fn forget_lent(&self, writer: Arc<Writer>) {
        let mut slot = self.shared.writer.lock().await;
        let is_lent = slot.lent.as_ref().is_some_and(|lent| Arc::ptr_eq(&lent.writer, &writer));
        drop(writer);
        if is_lent {
            slot.give_back().await;
        }
    }
}

impl Slot {
    /// Gives a lent writer free, once nobody uses it. What is due by its age is committed.
    pub(super) async fn give_back(&mut self) {
        let Some(Lent { writer, .. }) = self.lent.take() else { return };
        while Arc::strong_count(&writer) > 1 {
            tokio::time::sleep(MOMENT).await;
        }
        // What cannot be committed now stays in the log.
        let _ = writer.close(is_old(&writer)).await;
    }
}

/// Whether something waits in the log for longer than the settings say, or too much does.
fn is_old(writer: &Writer) -> bool {
    let oldest = writer.intake().pending.first().map(|pending| pending.recorded_at);
    let most = i64::try_from(writer.settings.max_age.as_micros()).unwrap_or(i64::MAX);
    oldest.is_some_and(|oldest| now_micros().saturating_sub(oldest) >= most) || writer.is_due()
}
