//! Figures of a trail.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use serde::Serialize;

use super::disk::{Disk, Disks};
use super::pressure::WriterStats;
use super::{Trail, time_text};
use crate::Result;
use crate::anchors::AnchorState;

/// Figures of one domain; unflushed records are counted apart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DomainStats {
    /// Records in segments.
    pub events: u64,
    /// Segments.
    pub segments: u64,
    /// Bytes of the segments.
    pub bytes: u64,
}

/// Figures of a trail. Times are RFC 3339 in UTC.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stats {
    /// The trail's id.
    pub trail_id: String,
    /// Its root URL.
    pub url: String,
    /// All records, those in the logs of this host included.
    pub events: u64,
    /// By domain, those in segments only.
    pub domains: BTreeMap<String, DomainStats>,
    /// Earliest `timestamp` in a segment.
    pub first: Option<String>,
    /// Latest `timestamp` in a segment.
    pub last: Option<String>,
    /// Live segments.
    pub segments: u64,
    /// Bytes of segments and ledger.
    pub bytes: u64,
    /// Bytes divided by the records in segments.
    pub bytes_per_event: Option<f64>,
    /// Records that are durable in a log of this host and not in the ledger.
    pub unsealed: u64,
    /// Promoted columns.
    pub promoted_columns: u64,
    /// Writers that were authorised.
    pub writers: u64,
    /// Number of ledger entries.
    pub entries: u64,
    /// Hex root of the ledger's tree.
    pub root: String,
    /// Time of the newest entry.
    pub last_commit: Option<String>,
    /// How sending checkpoints from this host to its anchors went last, by their URLs.
    pub anchors: BTreeMap<String, AnchorState>,
    /// How the log of this process's writer is filling up; none if it has no writer.
    pub writer: Option<WriterStats>,
    /// Free space where this host's state, and a local trail, are.
    pub disks: Vec<Disk>,
}

impl Trail {
    /// The trail's figures as of now.
    ///
    /// # Errors
    /// As [`view`](Self::view).
    pub async fn stats(&self) -> Result<Stats> {
        let view = self.view().await?;
        let state = &view.state;
        let by_day = self.info().by_day();
        let mut domains: BTreeMap<String, DomainStats> = BTreeMap::new();
        for segment in view.segments() {
            let domain = segment.partition(by_day).map_or("", |(domain, _)| domain);
            let stats = domains.entry(domain.to_owned()).or_default();
            stats.events += segment.rows;
            stats.segments += 1;
            stats.bytes += segment.bytes;
        }
        let ledger: u64 = self.storage().list("ledger").await?.iter().map(|(_, size)| size).sum();
        let bytes = ledger + domains.values().map(|d| d.bytes).sum::<u64>();
        let unsealed = view.unflushed.len() as u64;
        Ok(Stats {
            trail_id: self.info().trail_id.clone(),
            url: self.url().to_owned(),
            events: state.rows + unsealed,
            first: view.segments().iter().map(|s| s.min).min().map(time_text),
            last: view.segments().iter().map(|s| s.max).max().map(time_text),
            segments: view.segments().len() as u64,
            bytes,
            bytes_per_event: (state.rows > 0).then(|| bytes as f64 / state.rows as f64),
            unsealed,
            promoted_columns: view.columns().len() as u64,
            writers: state.writers.len() as u64,
            entries: state.size(),
            root: HEXLOWER.encode(&state.root()),
            last_commit: state.time.clone(),
            domains,
            anchors: self.anchor_states()?,
            writer: self.current().map(|writer| writer.stats()),
            disks: Disks::new(&self.state_dir(), self.storage(), &self.shared.options.settings)
                .look(),
        })
    }
}
