//! The end of an HMAC key's life.

use super::commit::Committer;
use super::open::WRITER_FILE;
use super::plan::Ends;
use super::writer::Writer;
use crate::Result;

impl Writer {
    /// Commits and seals everything; nothing comes in any more.
    pub(super) async fn seal_and_stop(&self) -> Result<()> {
        let mut committer = self.committer.lock().await;
        self.intake().closed = true;
        self.close_epoch(&mut committer, Ends { epoch: true, run: true }).await
    }

    /// Closes the epoch if it is over, for a record that came after its end.
    pub(super) async fn roll_epoch(&self) -> Result<()> {
        let mut committer = self.committer.lock().await;
        // A closed writer may be another process's by now.
        if !self.is_closed() && (self.intake().closing || self.is_over(&committer)) {
            self.close_epoch(&mut committer, Ends::NOTHING).await?;
        }
        Ok(())
    }

    /// Whether the log must go on under another key: the epoch has ended, or it was closed and
    /// the log could not be turned then.
    pub(super) fn is_over(&self, c: &Committer) -> bool {
        self.epoch_now() > c.keys.epoch() || c.keys.epoch() > self.wal.epoch()
    }

    /// Turns the log to the writer's key, where the end of its epoch became known only now or the
    /// log could not be turned then: the key that it was written under is gone, and nothing could
    /// be recovered that came after.
    pub(super) fn turn_log(&self, c: &Committer) -> Result<()> {
        if c.keys.epoch() > self.wal.epoch() {
            self.wal.rotate(c.keys.epoch(), c.keys.hmac().clone())?;
            self.intake().epoch = self.wal.epoch();
        }
        Ok(())
    }

    /// Whether nothing may come into the log: an entry that closes the epoch may be in the ledger,
    /// or is.
    pub(super) fn is_shut(&self, c: &Committer) -> bool {
        c.unsettled.is_some() || c.keys.epoch() > self.wal.epoch()
    }

    /// Commits what was recorded in the epoch, seals it (before its end too, if that is what
    /// `ends` says), wipes its key and goes on with the key
    /// of the present epoch. Nothing comes in meanwhile.
    pub(super) async fn close_epoch(&self, c: &mut Committer, ends: Ends) -> Result<()> {
        self.intake().closing = true;
        let result = self.turn_key(c, ends).await;
        let mut intake = self.intake();
        intake.closing = self.is_shut(c);
        intake.epoch = self.wal.epoch();
        result
    }

    async fn turn_key(&self, c: &mut Committer, ends: Ends) -> Result<()> {
        let ending = c.keys.epoch();
        // Once: an epoch that ends meanwhile is not closed by what is committed here.
        let now = self.epoch_now().max(ending);
        // It is not over where the log is shut for another entry whose outcome is not known.
        let epoch = ends.epoch || now > ending;
        self.flush_pending(c, Ends { epoch, ..ends }).await?;
        if c.keys.epoch() < now {
            c.keys.ratchet_to(now)?;
            c.keys.save(&c.dir.join(WRITER_FILE))?;
            c.roots.clear();
            c.save_position()?;
        }
        self.wal.rotate(c.keys.epoch(), c.keys.hmac().clone())?;
        self.wal.remove_committed(c.committed)?;
        Ok(())
    }
}
