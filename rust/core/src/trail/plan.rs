//! Entries to be: what they say, and what follows from them.

use bytes::Bytes;
use data_encoding::HEXLOWER;

use super::commit::{Built, Committer};
use super::{now_micros, time_text};
use crate::columns::LogicalColumn;
use crate::ledger::{Body, Close, Kind, Recorded, WalRange};
use crate::merkle::Hash;

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

impl Committer {
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
        Plan { body, columns: Vec::new(), roots: Vec::new(), put: None, counted: false }
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
        body.recovered = (!self.recovered.is_empty()).then(|| self.recovered.clone());
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
