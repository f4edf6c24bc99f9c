//! Who looked: what every command that answers from a trail does before and after.

use clap::Args;
use sealtrail_core::Result;
use sealtrail_core::access::{
    Access, AccessSettings, Door, PURPOSE_VARIABLE, Question, Reader, Rows,
};
use sealtrail_core::runtime;
use sealtrail_core::trail::Trail;

use crate::failure::Failure;
use crate::session::Session;
use crate::tell;

/// Options of commands whose answers may hold the records of who looked.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Excluding {
    /// Leave out the records of who looked (system.audit_access)
    #[arg(long)]
    pub(crate) exclude_access: bool,
    /// Leave out what is in archives; otherwise they are asked, too
    #[arg(long)]
    pub(crate) exclude_archive: bool,
}

impl Session<'_> {
    /// A question of whoever runs this command, of a view with so many ledger entries.
    pub(crate) fn question(&self, access_type: &'static str, ledger_size: u64) -> Question {
        let reader = self.reader();
        let given = self.global.purpose.clone();
        let purpose = given.or_else(|| self.env(PURPOSE_VARIABLE));
        Question::new(access_type, reader, ledger_size).purpose(purpose)
    }

    /// Who runs the command.
    pub(crate) fn reader(&self) -> Reader {
        let door = if self.job.is_some() { Door::Job } else { Door::Cli };
        Reader::of_process(door, &|name| self.env(name))
    }

    /// Records that the command is about to answer a question. What it counts with the result is
    /// the number of rows; the outcome is recorded when the command ends.
    ///
    /// Comes after the view is taken and before the first row is given.
    pub(crate) fn ask(&mut self, trail: &Trail, question: Question) -> Result<Rows, Failure> {
        let access = self.wait(trail.ask(question))?;
        Ok(self.asked(access))
    }

    /// Keeps a question until the command ends.
    pub(crate) fn asked(&mut self, mut access: Access) -> Rows {
        if let Some(warning) = access.warning() {
            self.note(format_args!("warning: {warning}"));
        }
        let rows = access.rows();
        self.asked.push(access);
        rows
    }

    /// The policy of the configuration and the environment.
    pub(crate) fn access_settings(&self, configured: AccessSettings) -> Result<AccessSettings> {
        configured.with_env(&|name| self.env(name))
    }

    /// Records how the questions of the command ended, once everything is written.
    pub(crate) fn end_asking(&mut self, ended: &Result<u8, Failure>) -> Result<(), Failure> {
        let complete = ended.is_ok() && !self.out.is_broken() && !self.cancel.is_cancelled();
        for mut access in std::mem::take(&mut self.asked) {
            if let Err(failure) = ended
                && !self.out.is_broken()
                && !self.cancel.is_cancelled()
            {
                access.fail(failure.kind());
            }
            let log = access.log();
            let done = runtime()?.block_on(async {
                let done = access.end(complete).await;
                if let Some(log) = log {
                    log.settle_looks().await;
                }
                done
            })?;
            if let Some(warning) = done.warning {
                tell(&mut self.err, format_args!("warning: {warning}"));
            }
        }
        Ok(())
    }
}
