//! The trail's segments, several at a time, and what needs all of them.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use futures::channel::oneshot;
use futures::{StreamExt, stream};

use super::archives;
use super::ledger::Audit;
use super::origins::{self, Appends, Introduced, Seen, Unproven, Whereabouts};
use super::orphans;
use super::report::{Finding, Report};
use super::secrets::Seals;
use super::segment::{self, Outcome, Task, TrailFacts};
use super::{Level, Progress, Run};
use crate::config::EncryptionConfig;
use crate::encryption::Keyring;
use crate::ledger::{AddedSegment, entry_path, sidecar_path};
use crate::{Error, Result};

/// Checks all segments, then the seals of epochs and what no entry names.
pub(super) async fn check_segments(
    run: &Run<'_>,
    mut audit: Audit,
    objects: &[(String, u64)],
    report: &mut Report,
) -> Result<()> {
    orphans::note(run, &audit, objects, report).await;
    let Some(info) = audit.info.clone() else { return Ok(()) };
    if audit.broken_at.is_none() {
        report.findings.extend(audit.gone.findings());
    }
    let (columns, broken_at) = (audit.columns, audit.broken_at);
    let level = run.options.level;
    let (appends, since) = (audit.appends, run.options.since.is_some());
    let (source, config) = (run.options.master.clone(), EncryptionConfig::default());
    let keyring = Keyring::new(&info.trail_id, run.storage.clone(), source, config);
    let keys = Some(Arc::new(keyring));
    let facts = Arc::new(TrailFacts { info, columns, level, broken_at, appends, since, keys });
    let tasks: Vec<Task> = audit
        .segments
        .iter()
        .map(|(entry, add)| Task {
            facts: facts.clone(),
            signed: audit.entries[*entry].clone(),
            add: add.clone(),
            add_index: facts.appends.index_of(audit.entries[*entry].n, &add.path),
            cancel: run.cancel.clone(),
        })
        .collect();
    let out_of_reach = archives::check(run, &tasks, report);
    let outcomes = check_all(run, &tasks, &out_of_reach, report).await?;
    if level == Level::Quick {
        let what = "the records and all that queries rely on (quick level)";
        report.not_checked.push(what.to_owned());
    }
    let mut whereabouts = Whereabouts::default();
    let (mut unproven, mut unknown) = (Vec::new(), false);
    for (task, summary) in tasks.iter().zip(outcomes) {
        // What an unreadable segment holds is not known, and its own finding tells so.
        let Some(summary) = summary.filter(|summary| summary.listed) else {
            unknown = true;
            continue;
        };
        unknown |= summary.seen.iter().any(Option::is_none);
        whereabouts.add(&task.add.path, summary.seen.into_iter().flatten().collect(), report);
        unproven.extend(summary.unproven);
    }
    audit.gone.whole().for_each(|seen| whereabouts.add_gone(seen));
    // An incremental verification does not know the tombstones of earlier entries.
    if !facts.since && broken_at.is_none() {
        report.findings.extend(audit.gone.contradicted(whereabouts.live()));
    }
    origins::check_unproven(run, &unproven, &audit.leaves, report).await?;
    let (entries, partly_seen) = (audit.entries, audit.partly_seen);
    let appends = &facts.appends;
    let parts = Parts { entries, broken_at: audit.broken_at, partly_seen, whereabouts, appends };
    parts.check_all_there(unknown, report);
    parts.check_recorded(report);
    if let Some(chains) = &audit.chains {
        parts.check_seals(chains, report)?;
    }
    Ok(())
}

/// Checks the segments on all threads; what later checks need of each, in the order of `tasks`.
async fn check_all(
    run: &Run<'_>,
    tasks: &[Task],
    out_of_reach: &BTreeSet<String>,
    report: &mut Report,
) -> Result<Vec<Option<Summary>>> {
    let mut progress = Progress {
        entries: report.checked.entries,
        of_entries: report.checked.entries,
        of_segments: tasks.len() as u64,
        of_records: tasks.iter().map(|t| t.add.rows).sum(),
        ..Progress::default()
    };
    (run.progress)(progress);
    let mut outcomes: Vec<Option<Summary>> = tasks.iter().map(|_| None).collect();
    let mut findings: Vec<(usize, Vec<Finding>)> = Vec::new();
    let mut locked = 0;
    // The largest first, so that the threads end together.
    let lost = |add: &AddedSegment| add.archive.as_ref().is_some_and(|a| out_of_reach.contains(a));
    let mut order: Vec<usize> = (0..tasks.len()).filter(|&i| !lost(&tasks[i].add)).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(tasks[i].add.bytes));
    let pool = &run.pool;
    let mut running = stream::iter(order)
        .map(|i| {
            let task = tasks[i].clone();
            async move { (i, one(run, pool, task).await) }
        })
        // One more than there are threads, so that a store's answer is there when one is free.
        .buffer_unordered(pool.current_num_threads() + 1);
    while let Some((i, outcome)) = running.next().await {
        let outcome = outcome?;
        run.demand_go()?;
        let checked = &mut report.checked;
        checked.segments += u64::from(outcome.present);
        checked.bytes += outcome.bytes;
        checked.batches += outcome.batches;
        checked.records += outcome.rows;
        checked.hmacs += outcome.hmacs;
        checked.bloom_filters += outcome.bloom_filters;
        progress.segments += 1;
        progress.records += tasks[i].add.rows;
        (run.progress)(progress);
        locked += u64::from(outcome.locked);
        let Outcome { listed, seen, unproven, findings: more, .. } = outcome;
        if !more.is_empty() {
            findings.push((i, more));
        }
        outcomes[i] = Some(Summary { listed, seen, unproven });
    }
    drop(running);
    if locked > 0 {
        let under: BTreeSet<&str> = tasks.iter().filter_map(|t| t.add.key.as_deref()).collect();
        report.not_checked.push(format!(
            "what is in {locked} encrypted segments, whose bytes are those that were signed: the \
             master key of the keyring's generations {} is not at hand",
            Vec::from_iter(under).join(", ")
        ));
    }
    findings.sort_by_key(|(i, _)| *i);
    report.findings.extend(findings.into_iter().flat_map(|(_, findings)| findings));
    Ok(outcomes)
}

/// So many threads, or as many as there are cores.
pub(super) fn threads(wanted: usize) -> Result<rayon::ThreadPool> {
    let count = match wanted {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        wanted => wanted,
    };
    rayon::ThreadPoolBuilder::new()
        .num_threads(count)
        .thread_name(|i| format!("sealtrail-verify-{i}"))
        .build()
        .map_err(|e| Error::Usage(format!("cannot start {count} threads: {e}")))
}

/// What later checks need of a segment.
struct Summary {
    listed: bool,
    seen: Vec<Option<Seen>>,
    unproven: Vec<Unproven>,
}

async fn one(run: &Run<'_>, pool: &rayon::ThreadPool, task: Task) -> Result<Outcome> {
    run.demand_go()?;
    let storage = run.archives.store_of(&task.add)?;
    let bytes = match storage.get(&task.add.path).await {
        Ok(bytes) => bytes,
        Err(Error::NotFound(_)) => return Ok(Outcome::missing(&task)),
        // A path that no store accepts.
        Err(Error::Integrity { message, .. }) => {
            let finding = Finding::tampered("segment_missing", &task.add.path, message);
            return Ok(Outcome { findings: vec![finding], ..Outcome::default() });
        }
        Err(e) => return Err(e),
    };
    let sidecar = match &task.add.gone {
        Some(_) => super::ledger::read_if_in(&storage, &sidecar_path(&task.add.path)).await?,
        None => None,
    };
    let (send, receive) = oneshot::channel();
    pool.spawn(move || {
        // The receiver is gone only if the whole verification was given up.
        let _ = send.send(segment::check(&task, bytes, sidecar));
    });
    receive.await.map_err(|_| Error::Interrupted)?
}

struct Parts<'a> {
    entries: Vec<Arc<super::ledger::Signed>>,
    broken_at: Option<u64>,
    partly_seen: HashSet<String>,
    whereabouts: Whereabouts,
    appends: &'a Appends,
}

impl Parts<'_> {
    /// The batches that an entry introduced, wherever they are, if all of them are known.
    fn batches_of(&self, signed: &super::ledger::Signed) -> Option<Vec<&Seen>> {
        let adds = self.appends.of(signed.n).unwrap_or_default();
        let count: u64 = adds.iter().map(Introduced::batches).sum();
        let seen: Vec<&Seen> = self.whereabouts.of_entry(signed.n).collect();
        (seen.len() as u64 == count).then_some(seen)
    }

    /// Every batch that an entry introduced is in a live segment, unless it was deleted.
    fn check_all_there(&self, unknown: bool, report: &mut Report) {
        if unknown {
            let what = "whether every batch is in a live segment: not all of these are sound";
            report.not_checked.push(what.to_owned());
            return;
        }
        for signed in self.entries.iter().filter(|signed| signed.is_new) {
            let adds = self.appends.of(signed.n).unwrap_or_default();
            report.findings.extend(self.whereabouts.missing(signed.n, adds));
        }
    }

    /// An entry's range of `recorded_at` is that of its records.
    fn check_recorded(&self, report: &mut Report) {
        for signed in &self.entries {
            let Some(stated) = signed.recorded else { continue };
            let Some(batches) = self.batches_of(signed) else { continue };
            let ranges: Option<Vec<(i64, i64)>> = batches.iter().map(|b| b.recorded).collect();
            let Some(ranges) = ranges.filter(|ranges| !ranges.is_empty()) else { continue };
            let from = ranges.iter().map(|r| r.0).min();
            let to = ranges.iter().map(|r| r.1).max();
            if (from, to) != (Some(stated.0), Some(stated.1)) {
                let message = "its range of `recorded_at` is not that of its records";
                report.findings.push(Finding::tampered("recorded", entry_path(signed.n), message));
            }
        }
    }

    fn check_seals(&self, chains: &super::secrets::Chains, report: &mut Report) -> Result<()> {
        let mut seals = Seals::new(chains);
        let broken = self.broken_at.unwrap_or(u64::MAX);
        for signed in &self.entries {
            let Some(first) = chains.first_epoch(&signed.writer) else { continue };
            let known = !self.partly_seen.contains(&signed.writer);
            if signed.n > broken || !known || !chains.is_whole(&signed.writer) {
                continue;
            }
            let batches = self.batches_of(signed);
            let roots = batches.map(|batches| batches.iter().map(|b| b.root).collect());
            seals.entry(signed, first, roots, report)?;
        }
        if self.broken_at.is_some() {
            let what = format!("the seals of epochs closed from entry {broken} on");
            report.not_checked.push(what);
        }
        report
            .not_checked
            .extend(seals.open().map(|epoch| format!("the seal of {epoch}: it is still open")));
        Ok(())
    }
}
