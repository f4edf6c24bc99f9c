//! Deletion: the tombstone first, then the files.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

use super::lost::{items, losses};
use super::shrink::Shrunk;
use crate::ledger::{AddedSegment, GoneBatch, Kind, State, Tombstone};
use crate::retention::{Action, Plan, Step};
use crate::trail::compact::Meter;
use crate::trail::parcel::take_back;
use crate::trail::places::Places;
use crate::trail::{CompactOptions, Trail, owner};
use crate::{Error, Result};

/// Batches that one entry tells of at most.
const BATCHES_AN_ENTRY: usize = 2000;

/// By whose word something is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Who approved it.
    pub approver: String,
    /// Why.
    pub reason: String,
}

/// What a deletion did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Deletion {
    /// Numbers of the entries with its tombstones.
    pub entries: Vec<u64>,
    /// Segments that were deleted whole.
    pub segments: u64,
    /// Segments of which a part was deleted.
    pub parts: u64,
    /// Records that were deleted.
    pub records: u64,
    /// Bytes of the segments that were deleted, or written anew without what was deleted.
    pub bytes: u64,
}

/// A segment that an entry removes, and what that means for its batches.
struct Removal {
    step: Step,
    batches: Vec<GoneBatch>,
    /// What is left of it.
    left: Option<Shrunk>,
}

impl Trail {
    /// Deletes what a plan says is to be deleted, as the trail's owner: one or more entries with
    /// tombstones. From then on the records are no part of the trail; [`sweep`](Self::sweep)
    /// removes the files once readers that began before are done. Every anchor gets each entry
    /// before. Of the options count whom to tell how far it is, and what stops it.
    ///
    /// # Errors
    /// `AlreadyExists` if the trail is no longer as the plan saw it (another hold, another policy,
    /// a segment that was replaced): plan anew; what was deleted by then is in the ledger.
    /// `NotFound` or `Key` if the owner's key cannot be used here; `Integrity` if what is stored
    /// is not what was signed; `Interrupted` if cancelled; `Io` or `Store`.
    pub async fn delete_planned(
        &self,
        plan: &Plan,
        order: &Order,
        options: &CompactOptions,
    ) -> Result<Deletion> {
        let ledger = self.refreshed().await?;
        let mut places = Places::new(self, ledger.clone());
        let live: HashMap<&str, &Arc<AddedSegment>> =
            ledger.state().segments.iter().map(|add| (add.path.as_str(), add)).collect();
        let mut deletion = Deletion::default();
        let mut removals: Vec<Removal> = Vec::new();
        let deletes = |step: &&Step| matches!(step.action, Action::Delete | Action::DeletePart);
        let meter = Meter::new(options);
        meter.announce(plan.steps.iter().filter(deletes).map(work).sum());
        for step in plan.steps.iter().filter(deletes) {
            let add = live.get(step.path.as_str()).copied();
            let removal = match add {
                Some(add) => self.removal(ledger.state(), step, add, (&mut places, &meter)).await,
                None => Err(stale(&step.path)),
            };
            let removal = match removal {
                Ok(removal) => removal,
                // No entry was put for these.
                Err(e) => return self.take_back_all(&removals).await.and(Err(e)),
            };
            let batches: usize = removals.iter().map(|removal| removal.batches.len()).sum();
            if batches > 0 && batches + removal.batches.len() > BATCHES_AN_ENTRY {
                let done = self.remove(plan, order, &removals, (&mut deletion, &meter)).await;
                removals.clear();
                removals.push(removal);
                if let Err(e) = done {
                    return self.take_back_all(&removals).await.and(Err(e));
                }
                continue;
            }
            removals.push(removal);
        }
        if !removals.is_empty() {
            self.remove(plan, order, &removals, (&mut deletion, &meter)).await?;
        }
        Ok(deletion)
    }

    async fn removal(
        &self,
        state: &State,
        step: &Step,
        add: &Arc<AddedSegment>,
        (places, meter): (&mut Places, &Arc<Meter>),
    ) -> Result<Removal> {
        meter.demand_go()?;
        let file = self.segment(add).await?;
        let all = 0..u32::try_from(add.rows).unwrap_or(u32::MAX);
        let whole = step.action == Action::Delete;
        let rows: &[Range<u32>] = if whole { std::slice::from_ref(&all) } else { &step.rows };
        let lost = losses(&file, rows, &|rows| meter.count(rows))?;
        let place = match file.meta().batches.iter().any(|batch| batch.origin.is_none()) {
            true => places.of(add).await.map(|place| Some((place.adding.n, place.index)))?,
            false => None,
        };
        let batches = items(&file, &lost, place)?;
        let left = match step.action {
            Action::DeletePart => {
                Some(self.shrink(state, add, file, step.rows.clone(), (place, meter)).await?)
            }
            _ => None,
        };
        Ok(Removal { step: step.clone(), batches, left })
    }

    /// Puts a tombstone. If it comes to nothing, so do the segments written for it.
    async fn remove(
        &self,
        plan: &Plan,
        order: &Order,
        removals: &[Removal],
        (deletion, meter): (&mut Deletion, &Meter),
    ) -> Result<()> {
        match self.put_tombstone(plan, order, removals).await {
            Ok(entry) => deletion.entries.push(entry),
            Err(e) => {
                // Otherwise it may be that the entry is there.
                if matches!(e, Error::AlreadyExists(_) | Error::Usage(_)) {
                    self.take_back_all(removals).await?;
                }
                return Err(e);
            }
        }
        for Removal { step, batches, left } in removals {
            *if left.is_some() { &mut deletion.parts } else { &mut deletion.segments } += 1;
            deletion.records += batches.iter().map(|batch| batch.gone).sum::<u64>();
            deletion.bytes += step.bytes;
            meter.committed();
        }
        Ok(())
    }

    /// Takes back what was written for an entry that was not put.
    async fn take_back_all(&self, removals: &[Removal]) -> Result<()> {
        for left in removals.iter().filter_map(|removal| removal.left.as_ref()) {
            take_back(&self.store_of(&left.added)?, &left.added).await?;
        }
        Ok(())
    }

    async fn put_tombstone(&self, plan: &Plan, order: &Order, removals: &[Removal]) -> Result<u64> {
        let removes: Vec<String> = removals.iter().map(|r| r.step.path.clone()).collect();
        let batches: Vec<GoneBatch> = removals.iter().flat_map(|r| r.batches.clone()).collect();
        let left = || removals.iter().filter_map(|removal| removal.left.as_ref());
        let adds: Vec<AddedSegment> = left().map(|left| left.added.clone()).collect();
        self.put_owner_entry(|state| {
            demand_unchanged(plan, state, &removes)?;
            if let Some(condemned) = adds.iter().find(|add| state.is_taken(&add.path)) {
                return Err(stale(&condemned.path));
            }
            let mut registry = state.registry.clone();
            for column in left().flat_map(|left| &left.columns) {
                registry.take(column)?;
            }
            let columns = registry.since(&state.registry);
            let mut body = owner::body(Kind::Delete);
            body.removes = Some(removes.clone());
            body.adds = (!adds.is_empty()).then(|| adds.clone());
            body.columns = (!columns.is_empty()).then_some(columns);
            body.tombstone = Some(Tombstone {
                approver: order.approver.clone(),
                batches: batches.clone(),
                holds: plan.holds.clone(),
                policy: plan.policy,
                reason: order.reason.clone(),
            });
            Ok(body)
        })
        .await
    }
}

/// Rows that a deletion looks at: each that goes, and twice each that is written anew.
fn work(step: &Step) -> u64 {
    match step.action {
        Action::DeletePart => step.deletes + 2 * step.records.saturating_sub(step.deletes),
        _ => step.deletes,
    }
}

/// The plan must be of holds, policy and segments as they are.
fn demand_unchanged(plan: &Plan, state: &State, removes: &[String]) -> Result<()> {
    if !state.lifecycle.holds.keys().eq(&plan.holds) {
        return Err(stale("the holds"));
    }
    if state.lifecycle.policy.as_ref().map(|policy| policy.entry) != plan.policy {
        return Err(stale("the policy"));
    }
    let live: HashSet<&str> = state.segments.iter().map(|add| add.path.as_str()).collect();
    match removes.iter().find(|path| !live.contains(path.as_str())) {
        Some(path) => Err(stale(path)),
        None => Ok(()),
    }
}

fn stale(what: &str) -> Error {
    Error::AlreadyExists(format!("{what} changed since the deletion was planned; plan anew"))
}
