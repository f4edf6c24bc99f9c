//! Where an incremental verification begins: behind what earlier ones looked at.

use super::Run;
use super::ledger::{Auditor, Listed};
use super::report::{Before, Finding};
use crate::columns::ColumnType;
use crate::ledger::{AddedSegment, FOLDER, WriterState, entry_number, entry_path};
use crate::merkle::Accumulator;
use crate::{Error, Result};

/// Numbers of the entries from `from` on. Object stores list only those.
pub(super) async fn new_entries(run: &Run<'_>, from: u64) -> Result<Vec<u64>> {
    let after = from.checked_sub(1).map_or_else(|| FOLDER.to_owned(), entry_path);
    let numbers = run.storage.pick_after(FOLDER, &after, entry_number).await?;
    if numbers.is_empty() && from == 0 {
        let message = format!("{} holds no trail", run.storage.url());
        return Err(Error::NotFound(message));
    }
    Ok(numbers)
}

impl Before {
    /// Counts a segment that earlier verifications looked at.
    pub(super) fn add(&mut self, segment: &AddedSegment) {
        self.segments += 1;
        self.records += segment.rows;
    }
}

impl Auditor<'_> {
    /// Whether entry `n` came after what earlier verifications looked at.
    pub(super) fn is_new(&self, n: u64) -> bool {
        self.run.options.since.as_ref().is_none_or(|since| n >= since.size)
    }

    /// Takes over what an earlier verification looked at: the state of a snapshot that it rebuilt.
    /// That these are the same entries is for the pin to say.
    pub(super) fn begin(&mut self) {
        let Some(since) = &self.run.options.since else { return };
        self.report.since = Some(Before {
            entries: since.size,
            segments: self.state.segments.len() as u64,
            records: self.state.rows,
            last_full: since.last_full.clone(),
        });
        self.report.not_checked.push(
            "the seals of epochs that began before, and objects that no entry names (the \
             verification is incremental)"
                .to_owned(),
        );
        if self.state.size() == 0 || !self.is_owners() {
            return;
        }
        self.audit.info = self.state.info.clone();
        self.begin_chains();
        let writers: Vec<(String, WriterState)> =
            self.state.writers.iter().map(|(id, writer)| (id.clone(), writer.clone())).collect();
        for (id, writer) in writers {
            self.begin_writer(id, writer);
        }
        for column in self.state.registry.columns() {
            let listed = Listed {
                name: column.name.clone(),
                path: column.path.clone(),
                since: 0,
                kind: column.kind,
                double_since: (column.kind == ColumnType::Float64).then_some(0),
            };
            self.audit.columns.insert(column.name.to_ascii_lowercase(), listed);
        }
        self.paths.extend(self.state.segments.iter().map(|segment| segment.path.clone()));
        for (size, root) in &mut self.marks {
            let known = usize::try_from(*size).ok().and_then(|size| self.leaves.get(..size));
            *root = known.map(|leaves| Accumulator::of(leaves).root());
        }
    }

    fn begin_writer(&mut self, id: String, writer: WriterState) {
        let authorization = &writer.authorization;
        if let Some(chains) = &mut self.audit.chains
            && !chains.begin(authorization)
        {
            let message =
                format!("the first HMAC key of {id} is not the one that the owner's secret gives");
            let place = entry_path(writer.authorized);
            self.report.findings.push(Finding::tampered("hmac_key", place, message));
        }
        if writer.epoch == authorization.epoch {
            let first = (authorization.epoch, authorization.hmac_key.clone());
            self.hmac_keys.insert(id.clone(), first);
        }
        if let Some(by) = writer.revoked {
            self.revoked.insert(id.clone(), by);
        }
        self.writers.insert(id, writer.public);
    }

    /// What remains unchecked of the time before, once all entries are read.
    pub(super) fn conclude_since(&mut self) {
        let Some(since) = &self.run.options.since else { return };
        let old = self.state.writers.iter().filter(|(_, writer)| writer.authorized < since.size);
        self.audit.partly_seen = old.map(|(id, _)| id.clone()).collect();
        if let Some(Before { entries, segments, records, last_full }) = &self.report.since {
            let what = format!(
                "{segments} segments with {records} records of the first {entries} entries: \
                 earlier verifications looked at them, the last one of all of them on {last_full}"
            );
            self.report.not_checked.push(what);
        }
    }
}
