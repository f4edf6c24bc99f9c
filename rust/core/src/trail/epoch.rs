//! The end of an HMAC key's life.

use super::commit::Committer;
use super::open::WRITER_FILE;
use super::writer::Writer;
use crate::Result;

impl Writer {
    /// Commits and seals everything; nothing comes in any more.
    pub(super) async fn seal_and_stop(&self) -> Result<()> {
        let mut committer = self.committer.lock().await;
        self.intake().closed = true;
        self.close_epoch(&mut committer).await
    }

    /// Closes the epoch if it is over, for a record that came after its end.
    pub(super) async fn roll_epoch(&self) -> Result<()> {
        let mut committer = self.committer.lock().await;
        if self.intake().closing || self.epoch_now() > committer.keys.epoch() {
            self.close_epoch(&mut committer).await?;
        }
        Ok(())
    }

    /// Commits what was recorded in the epoch, seals it, wipes its key and goes on with the key
    /// of the present epoch. Nothing comes in meanwhile.
    pub(super) async fn close_epoch(&self, c: &mut Committer) -> Result<()> {
        self.intake().closing = true;
        let result = self.turn_key(c).await;
        let mut intake = self.intake();
        // An entry that closes the epoch and may be in the ledger keeps it closed.
        intake.closing = c.unsettled.is_some();
        intake.epoch = self.wal.epoch();
        result
    }

    async fn turn_key(&self, c: &mut Committer) -> Result<()> {
        let ending = c.keys.epoch();
        self.flush_pending(c, true).await?;
        let now = self.epoch_now().max(ending);
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
