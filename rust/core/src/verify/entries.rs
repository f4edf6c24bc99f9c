//! The ledger's entries in order: reading them from the store, checking their signatures on all
//! threads, and folding them go on at the same time.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use bytes::Bytes;
use futures::channel::oneshot;
use futures::{StreamExt, stream};

use super::ledger::Auditor;
use super::report::Finding;
use super::{Progress, Run};
use crate::ledger::{Read, Signers, entry_path};
use crate::{Error, Result};

/// A store's answer takes tens of milliseconds, and there are many to wait for.
const PARALLEL_READS: usize = 64;
/// The trails of tests are short, and have several such parts too.
const CHECKED_AT_ONCE: usize = if cfg!(test) { 8 } else { 1024 };
const PROGRESS_EVERY: u64 = 256;

/// Objects by number.
type Objects = Vec<(u64, Bytes)>;
/// The signers known after some objects, and these with what can be said of each alone.
type Checked = (Signers, Vec<(u64, Bytes, Read)>);

impl Auditor<'_> {
    /// Reads and checks the entries with these numbers, which ascend.
    pub(super) async fn read(&mut self, numbers: &[u64]) -> Result<()> {
        self.mark();
        if self.stopped {
            self.stop(numbers.len());
            return Ok(());
        }
        if self.state.size() == 0 && numbers.first() != Some(&0) {
            let finding = Finding::missing("entry_missing", entry_path(0), "the entry is missing");
            self.report.findings.push(finding);
            self.stop(numbers.len());
            return Ok(());
        }
        let run = self.run;
        let mut checking = None;
        for some in numbers.chunks(CHECKED_AT_ONCE) {
            let next = fetch(run, some).await?;
            let (signers, objects) = match checking.take() {
                Some(before) => done(before).await?,
                None => (Signers::of(&self.state), Vec::new()),
            };
            checking = Some(check(run, signers, next));
            self.fold(objects, numbers.len())?;
            if self.stopped {
                return Ok(());
            }
        }
        match checking {
            Some(last) => self.fold(done(last).await?.1, numbers.len()),
            None => Ok(()),
        }
    }

    fn fold(&mut self, objects: Vec<(u64, Bytes, Read)>, of: usize) -> Result<()> {
        for (n, bytes, read) in objects {
            self.run.demand_go()?;
            let entries = self.report.checked.entries;
            if n % PROGRESS_EVERY == 0 {
                let of_entries = of as u64;
                (self.run.progress)(Progress { entries, of_entries, ..Progress::default() });
            }
            self.entry(n, &bytes, read);
            if self.stopped {
                self.stop(of - 1);
                return Ok(());
            }
        }
        Ok(())
    }

    fn stop(&mut self, unread: usize) {
        self.stopped = true;
        let what = format!("{unread} further entries and all segments: entry 0 does not hold");
        self.report.not_checked.push(what);
    }
}

async fn fetch(run: &Run<'_>, numbers: &[u64]) -> Result<Objects> {
    let gets = numbers.iter().map(|&n| async move { (n, run.storage.get(&entry_path(n)).await) });
    let mut answers = stream::iter(gets).buffered(PARALLEL_READS);
    let mut objects = Vec::with_capacity(numbers.len());
    while let Some((n, answer)) = answers.next().await {
        run.demand_go()?;
        match answer {
            Ok(bytes) => objects.push((n, bytes)),
            // It was listed a moment ago: as good as never there.
            Err(Error::NotFound(_)) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(objects)
}

/// Begins to check objects that come after those that `signers` knows.
fn check(
    run: &Run<'_>,
    mut signers: Signers,
    objects: Objects,
) -> oneshot::Receiver<std::thread::Result<Checked>> {
    let (send, receive) = oneshot::channel();
    run.pool.spawn(move || {
        let checked = catch_unwind(AssertUnwindSafe(|| {
            let (numbers, bytes): (Vec<u64>, Vec<Bytes>) = objects.into_iter().unzip();
            let reads = signers.read(&bytes);
            let all = numbers.into_iter().zip(bytes).zip(reads);
            (signers, all.map(|((n, bytes), read)| (n, bytes, read)).collect())
        }));
        // The receiver is gone only if the whole verification was given up.
        drop(send.send(checked));
    });
    receive
}

async fn done(checking: oneshot::Receiver<std::thread::Result<Checked>>) -> Result<Checked> {
    match checking.await.map_err(|_| Error::Interrupted)? {
        Ok(checked) => Ok(checked),
        Err(panic) => resume_unwind(panic),
    }
}
