//! Entries to be: what they say, and what follows from them.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use data_encoding::HEXLOWER;

use super::commit::{Built, Committer};
use super::{now_micros, time_text};
use crate::columns::LogicalColumn;
use crate::ledger::{AddedSegment, Body, Close, Erased, Kind, Orphan, Recorded, State, WalRange};
use crate::merkle::Hash;

/// Whether all of these are paths of live segments.
pub(super) fn all_live<'a>(state: &State, paths: impl Iterator<Item = &'a String>) -> bool {
    let wanted: HashSet<&str> = paths.map(String::as_str).collect();
    let live = |segment: &&Arc<AddedSegment>| wanted.contains(segment.path.as_str());
    wanted.is_empty() || state.segments.iter().filter(live).count() == wanted.len()
}

/// What an entry ends, besides bringing records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) epoch: bool,
    /// The process takes nothing more.
    pub(super) run: bool,
}

impl Ends {
    pub(super) const NOTHING: Self = Self { epoch: false, run: false };
    pub(super) const RUN: Self = Self { epoch: false, run: true };
}

/// An entry to be, and what follows from it.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) body: Body,
    /// Columns that its segments promote.
    pub(super) columns: Vec<LogicalColumn>,
    /// Roots of its batches.
    pub(super) roots: Vec<Hash>,
    /// Number and bytes under which it was last put.
    pub(super) put: Option<(u64, Bytes)>,
    /// Its effect is in the committer's figures already.
    pub(super) counted: bool,
}

impl Plan {
    /// Whether what the entry replaces, sweeps or condemns is there for that, its columns' names are
    /// free, and nobody condemned what it adds.
    pub(super) fn applies(&self, state: &State) -> bool {
        let removes = self.body.removes.iter().flatten();
        let mut swept = self.body.swept.iter().flatten();
        let known = match self.body.kind {
            Kind::Compact => {
                let mut registry = state.registry.clone();
                self.columns.iter().all(|column| registry.take(column).is_ok())
            }
            Kind::Erased => self.body.erased.as_ref().is_some_and(|word| {
                let erasure = state.lifecycle.erasures.get(&word.entry);
                erasure.is_some_and(|erasure| !erasure.holders.contains(&word.holder))
            }),
            _ => true,
        };
        let added = self.body.adds.iter().flatten().map(|add| &add.path);
        let mut put = added.chain(self.body.condemned.iter().flatten().map(|o| &o.path));
        known
            && put.all(|path| !state.is_taken(path))
            && all_live(state, removes)
            && swept.all(|path| state.lifecycle.retired.contains_key(path))
    }

    /// Whether the entry is one that begins, goes on with or ends a run.
    pub(super) fn tells_of_runs(&self) -> bool {
        matches!(self.body.kind, Kind::Append | Kind::Close)
    }

    pub(super) fn may_name_snapshot(&self) -> bool {
        !matches!(self.body.kind, Kind::Sweep | Kind::Condemn | Kind::Erased)
    }

    /// An entry that brings no records.
    fn without_records(body: Body, columns: Vec<LogicalColumn>) -> Self {
        Self { body, columns, roots: Vec::new(), put: None, counted: false }
    }
}

impl Committer {
    /// Segments replaced by others that hold the same batches.
    pub(super) fn compact_plan(
        &self,
        removes: Vec<String>,
        adds: Vec<AddedSegment>,
        columns: Vec<LogicalColumn>,
    ) -> Plan {
        let mut body = self.body(Kind::Compact);
        body.removes = Some(removes);
        body.adds = Some(adds);
        Plan::without_records(body, columns)
    }

    /// Files of removed segments that are gone.
    pub(super) fn sweep_plan(&self, swept: Vec<String>) -> Plan {
        let mut body = self.body(Kind::Sweep);
        body.swept = Some(swept);
        Plan::without_records(body, Vec::new())
    }

    /// Paths that no entry may add any more.
    pub(super) fn condemn_plan(&self, condemned: Vec<Orphan>) -> Plan {
        let mut body = self.body(Kind::Condemn);
        body.condemned = Some(condemned);
        Plan::without_records(body, Vec::new())
    }

    /// This writer's word that a holder has destroyed the key which entry `entry` is about.
    pub(super) fn erased_plan(&self, entry: u64, holder: &str) -> Plan {
        let mut body = self.body(Kind::Erased);
        body.erased = Some(Erased { entry, holder: holder.to_owned() });
        Plan::without_records(body, Vec::new())
    }

    pub(super) fn append_plan(
        &self,
        built: Built,
        wal: Option<WalRange>,
        load: Option<String>,
        ends: Ends,
    ) -> Plan {
        let mut body = self.body(Kind::Append);
        let roots: Vec<Hash> = built.segments.iter().flat_map(|s| s.roots.clone()).collect();
        body.wal = wal;
        body.load = load;
        body.recorded =
            Some(Recorded { from: time_text(built.recorded.0), to: time_text(built.recorded.1) });
        body.adds = Some(built.segments.into_iter().map(|s| s.added).collect());
        body.close = ends.epoch.then(|| self.closing(&roots));
        body.closed = ends.run.then_some(true);
        Plan { body, columns: built.columns, roots, put: None, counted: false }
    }

    /// An entry without records, where [`has_to_end`](Self::has_to_end) says that there is one.
    pub(super) fn close_plan(&self, ends: Ends) -> Plan {
        let mut body = self.body(Kind::Close);
        body.close = (ends.epoch && !self.roots.is_empty()).then(|| self.closing(&[]));
        body.closed = (ends.run && self.is_running()).then_some(true);
        Plan::without_records(body, Vec::new())
    }

    /// Whether something ends without a record to commit. A process that committed nothing ends no
    /// run: a quiet trail does not grow.
    pub(super) fn has_to_end(&self, ends: Ends) -> bool {
        let run = ends.run && self.active && self.is_running();
        run || (ends.epoch && !self.roots.is_empty())
    }

    /// Whether the ledger has a run of this writer that it could close.
    fn is_running(&self) -> bool {
        let writer = self.ledger.state().writers.get(self.keys.id());
        writer.is_some_and(|w| w.is_running() && w.revoked.is_none())
    }

    fn body(&self, kind: Kind) -> Body {
        let time = time_text(now_micros());
        let mut body = Body::new(kind, self.keys.id(), self.keys.epoch(), time);
        let tells = matches!(kind, Kind::Append | Kind::Close) && !self.recovered.is_empty();
        body.recovered = tells.then(|| self.recovered.clone());
        body
    }

    fn closing(&self, more: &[Hash]) -> Close {
        let roots: Vec<&Hash> = self.roots.iter().chain(more).collect();
        Close {
            batches: roots.len() as u64,
            epoch: self.keys.epoch(),
            seal: HEXLOWER.encode(&self.keys.close(roots.into_iter())),
        }
    }
}
