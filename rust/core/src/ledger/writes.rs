//! What the entries of writers must keep to (FORMAT section 7).

use std::collections::HashSet;

use super::entry::{Body, Kind, RecoveredLog};
use super::lifecycle::key_fits;
use super::state::{Changes, InvalidEntry, State, WriterState, invalid};
use crate::json;

impl State {
    /// From when on the records of an entry may be: not before those of the writer's entries so
    /// far. A load's lines get their times while other records are committed, so they may be
    /// of any time of the entry's epoch.
    fn earliest(&self, writer: &WriterState, body: &Body) -> i64 {
        let epoch = self.info.as_ref().filter(|_| body.load.is_some());
        let epoch = epoch.map(|info| info.epoch_start(body.epoch));
        epoch.map_or(writer.recorded, |start| start.min(writer.recorded))
    }

    pub(super) fn check_append(&self, body: &Body, next: &mut Changes) -> Result<(), InvalidEntry> {
        let (Some(wal), Some(recorded), Some(adds)) = (body.wal, &body.recorded, &body.adds) else {
            return Err(invalid("`wal`, `recorded` or `adds` is missing"));
        };
        let writer = &self.writers[&body.writer];
        if wal.from != writer.committed + 1 || wal.to < wal.from {
            return Err(invalid(format!(
                "it commits {}..{} after {}",
                wal.from, wal.to, writer.committed
            )));
        }
        let rows: u64 = adds.iter().map(|a| a.rows).sum();
        if rows != wal.to - wal.from + 1 || adds.iter().any(|a| a.rows == 0) {
            return Err(invalid("its rows are not those of its range"));
        }
        let time = |text: &str| json::parse_canonical_timestamp(text.as_bytes());
        match (time(&recorded.from), time(&recorded.to)) {
            (Some(from), Some(to)) if from <= to && from >= self.earliest(writer, body) => {
                next.recorded = to.max(writer.recorded);
            }
            _ => return Err(invalid("its `recorded` range is not after the one before")),
        }
        let by_day = self.info.as_ref().is_some_and(|i| i.by_day());
        for (at, add) in adds.iter().enumerate() {
            let again = adds[..at].iter().any(|a| a.path == add.path);
            let taken = again || self.is_taken(&add.path);
            if taken || add.partition(by_day).is_none() {
                return Err(invalid(format!("{:?} is taken or no path of a segment", add.path)));
            }
            let plain = add.archive.is_none() && add.format.is_none() && add.gone.is_none();
            if add.min > add.max || add.batches == 0 || !plain || !key_fits(add) {
                return Err(invalid(format!(
                    "the figures of {:?} contradict each other",
                    add.path
                )));
            }
        }
        self.learn_columns(body, next)?;
        self.check_run(body, rows)?;
        self.check_close(body, adds.iter().map(|a| a.batches).sum())
    }

    /// The columns that the entry's segments promote first.
    pub(super) fn learn_columns(
        &self,
        body: &Body,
        next: &mut Changes,
    ) -> Result<(), InvalidEntry> {
        let Some(columns) = &body.columns else { return Ok(()) };
        let mut registry = self.registry.clone();
        for column in columns {
            registry.take(column).map_err(|e| invalid(e.to_string()))?;
        }
        if registry.since(&self.registry) != *columns {
            return Err(invalid("its `columns` are known already or out of order"));
        }
        next.registry = Some(registry);
        Ok(())
    }

    /// What an entry that brings so many records says of its writer's runs.
    pub(super) fn check_run(&self, body: &Body, rows: u64) -> Result<(), InvalidEntry> {
        if body.closed == Some(false) {
            return Err(invalid("its `closed` is not `true`"));
        }
        if let Some(recovered) = &body.recovered {
            self.check_recovered(body, recovered, rows)?;
        }
        if body.kind != Kind::Close {
            return Ok(());
        }
        match body.closed {
            Some(_) if !self.writers[&body.writer].is_running() => {
                Err(invalid("its writer has no run to close"))
            }
            None if body.close.is_none() => Err(invalid("it closes nothing")),
            _ => Ok(()),
        }
    }

    fn check_recovered(
        &self,
        body: &Body,
        recovered: &[RecoveredLog],
        rows: u64,
    ) -> Result<(), InvalidEntry> {
        let mut writers = HashSet::new();
        for log in recovered {
            let revoked = self.writers.get(&log.writer).is_some_and(|w| w.revoked.is_some());
            if (log.writer != body.writer && !revoked) || !writers.insert(&log.writer) {
                return Err(invalid(format!("it recovers a log of {:?}", log.writer)));
            }
        }
        let total = recovered.iter().try_fold(0_u64, |sum, log| sum.checked_add(log.records));
        if recovered.is_empty() || total.is_none_or(|total| total > rows) {
            return Err(invalid("it recovers nothing, or more records than it has"));
        }
        Ok(())
    }

    /// The epoch rules, and `close` if there is one.
    pub(super) fn check_close(&self, body: &Body, batches: u64) -> Result<(), InvalidEntry> {
        let writer = &self.writers[&body.writer];
        if body.epoch < writer.epoch || writer.closed.is_some_and(|closed| body.epoch <= closed) {
            return Err(invalid(format!("epoch {} of its writer is over", body.epoch)));
        }
        let open = if body.epoch == writer.epoch { writer.roots } else { 0 };
        if body.epoch > writer.epoch && writer.roots > 0 {
            return Err(invalid(format!("epoch {} of its writer was not closed", writer.epoch)));
        }
        match &body.close {
            Some(close) if close.epoch != body.epoch || close.batches != open + batches => {
                Err(invalid("its `close` is of another epoch or number of batches"))
            }
            _ => Ok(()),
        }
    }
}
