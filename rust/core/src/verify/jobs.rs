//! The trail's segments, several at a time, and what needs all of them.

use std::collections::HashSet;
use std::sync::Arc;

use futures::channel::oneshot;
use futures::{StreamExt, stream};

use super::ledger::Audit;
use super::report::{Finding, Report};
use super::secrets::Seals;
use super::segment::{self, Outcome, Task, TrailFacts};
use super::{Level, Progress, Run};
use crate::ledger::{
    CHECKPOINT_HINT, HEARTBEAT, cosigned, entry_number, entry_path, snapshot_path,
};
use crate::merkle::Hash;
use crate::{Error, Result};

/// Unnamed objects that the report lists one by one.
const LISTED_ORPHANS: usize = 20;

/// Checks all segments, then the seals of epochs and what no entry names.
pub(super) async fn check_segments(
    run: &Run<'_>,
    audit: Audit,
    objects: &[(String, u64)],
    report: &mut Report,
) -> Result<()> {
    note_orphans(&audit, objects, report);
    let Some(info) = audit.info.clone() else { return Ok(()) };
    let (columns, broken_at) = (audit.columns, audit.broken_at);
    let level = run.options.level;
    let facts = Arc::new(TrailFacts { info, columns, level, broken_at });
    let tasks: Vec<Task> = audit
        .segments
        .iter()
        .map(|(entry, add)| Task {
            facts: facts.clone(),
            signed: audit.entries[*entry].clone(),
            add: add.clone(),
            cancel: run.cancel.clone(),
        })
        .collect();
    let outcomes = check_all(run, &tasks, report).await?;
    if level == Level::Quick {
        let what = "the records and all that queries rely on (quick level)";
        report.not_checked.push(what.to_owned());
    }
    let mut by_entry: Vec<Vec<Summary>> = audit.entries.iter().map(|_| Vec::new()).collect();
    for ((entry, _), outcome) in audit.segments.iter().zip(outcomes) {
        by_entry[*entry].extend(outcome);
    }
    let (entries, partly_seen) = (audit.entries, audit.partly_seen);
    let parts = Parts { entries, broken_at: audit.broken_at, partly_seen };
    parts.check_recorded(&by_entry, report);
    if let Some(chains) = &audit.chains {
        parts.check_seals(chains, by_entry, report)?;
    }
    Ok(())
}

/// Checks the segments on all threads; what later checks need of each, in the order of `tasks`.
async fn check_all(
    run: &Run<'_>,
    tasks: &[Task],
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
    // The largest first, so that the threads end together.
    let mut order: Vec<usize> = (0..tasks.len()).collect();
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
        outcomes[i] = Some(Summary { roots: outcome.roots, recorded: outcome.recorded });
        if !outcome.findings.is_empty() {
            findings.push((i, outcome.findings));
        }
    }
    drop(running);
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
    roots: Option<Vec<Hash>>,
    recorded: Option<(i64, i64)>,
}

async fn one(run: &Run<'_>, pool: &rayon::ThreadPool, task: Task) -> Result<Outcome> {
    run.demand_go()?;
    let bytes = match run.storage.get(&task.add.path).await {
        Ok(bytes) => bytes,
        Err(Error::NotFound(_)) => return Ok(Outcome::missing(&task)),
        // A path that no store accepts.
        Err(Error::Integrity { message, .. }) => {
            let finding = Finding::tampered("segment_missing", &task.add.path, message);
            return Ok(Outcome { findings: vec![finding], ..Outcome::default() });
        }
        Err(e) => return Err(e),
    };
    let (send, receive) = oneshot::channel();
    pool.spawn(move || {
        // The receiver is gone only if the whole verification was given up.
        let _ = send.send(segment::check(&task, bytes));
    });
    receive.await.map_err(|_| Error::Interrupted)?
}

struct Parts {
    entries: Vec<Arc<super::ledger::Signed>>,
    broken_at: Option<u64>,
    partly_seen: HashSet<String>,
}

impl Parts {
    /// An entry's range of `recorded_at` is that of its records.
    fn check_recorded(&self, by_entry: &[Vec<Summary>], report: &mut Report) {
        for (signed, parts) in self.entries.iter().zip(by_entry) {
            let Some(stated) = signed.recorded else { continue };
            let ranges: Option<Vec<(i64, i64)>> = parts.iter().map(|p| p.recorded).collect();
            let Some(ranges) = ranges.filter(|ranges| !ranges.is_empty()) else { continue };
            let from = ranges.iter().map(|r| r.0).min();
            let to = ranges.iter().map(|r| r.1).max();
            if (from, to) != (Some(stated.0), Some(stated.1)) {
                let message = "its range of `recorded_at` is not that of its records";
                report.findings.push(Finding::tampered("recorded", entry_path(signed.n), message));
            }
        }
    }

    fn check_seals(
        &self,
        chains: &super::secrets::Chains,
        by_entry: Vec<Vec<Summary>>,
        report: &mut Report,
    ) -> Result<()> {
        let mut seals = Seals::new(chains);
        let broken = self.broken_at.unwrap_or(u64::MAX);
        for (signed, parts) in self.entries.iter().zip(by_entry) {
            let Some(first) = chains.first_epoch(&signed.writer) else { continue };
            let known = !self.partly_seen.contains(&signed.writer);
            if signed.n > broken || !known || !chains.is_whole(&signed.writer) {
                continue;
            }
            let roots: Option<Vec<Vec<Hash>>> = parts.into_iter().map(|p| p.roots).collect();
            seals.entry(signed, first, roots.map(|r| r.concat()), report)?;
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

/// Objects that are no part of the trail: not wrong, but worth knowing.
fn note_orphans(audit: &Audit, objects: &[(String, u64)], report: &mut Report) {
    let live: HashSet<&str> = audit.segments.iter().map(|(_, add)| add.path.as_str()).collect();
    let snapshots: HashSet<String> =
        audit.snapshots.iter().map(|named| snapshot_path(named.n)).collect();
    let known = |path: &str| {
        matches!(path, "trail.json" | CHECKPOINT_HINT | HEARTBEAT)
            || entry_number(path).is_some()
            || cosigned::size_of(path).is_some()
            || live.contains(path)
            || audit.removed.contains(path)
            || snapshots.contains(path)
    };
    let orphans: Vec<&(String, u64)> = objects.iter().filter(|(path, _)| !known(path)).collect();
    for (path, size) in orphans.iter().take(LISTED_ORPHANS) {
        report
            .notes
            .push(format!("{path} ({size} bytes) is no part of the trail: no entry names it"));
    }
    if orphans.len() > LISTED_ORPHANS {
        let more = orphans.len() - LISTED_ORPHANS;
        report.notes.push(format!("{more} further objects are no part of the trail"));
    }
}
