//! What a question sees: one moment of the trail.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::Trail;
use super::open::writer_folders;
use crate::access::EVENT_TYPE;
use crate::archive::Archives;
use crate::columns::LogicalColumn;
use crate::encryption::Keyring;
use crate::ledger::{AddedSegment, Moment, State, moment};
use crate::subjects::Vault;
use crate::wal::WalSnapshot;
use crate::{Result, json};

/// One moment of a trail: the ledger's segments, and what this host's logs hold beyond them.
#[derive(Debug, Clone)]
pub struct ReadView {
    /// The ledger's state.
    pub state: Arc<State>,
    /// Canonical records that are durable and not in a segment yet.
    pub unflushed: Vec<Bytes>,
    /// Whether answers leave out the records of who looked.
    pub without_access: bool,
    /// The keys of data subjects, to show personal fields with; none for sealed ones.
    pub vault: Option<Arc<Vault>>,
    /// The stores of its segments; none if all are in the trail's own.
    pub archives: Option<Archives>,
    /// What opens encrypted segments.
    pub keys: Option<Arc<Keyring>>,
}

impl ReadView {
    pub(super) fn new(state: Arc<State>, unflushed: Vec<Bytes>, trail: &Trail) -> Arc<Self> {
        let (vault, archives) = (Some(Arc::clone(trail.vault())), Some(trail.archives().clone()));
        let keys = trail.storage().keys().cloned();
        Arc::new(Self { state, unflushed, without_access: false, vault, archives, keys })
    }

    /// The same moment, whose answers leave out the records of who looked if `exclude` says so.
    #[must_use]
    pub fn excluding_access(self: Arc<Self>, exclude: bool) -> Arc<Self> {
        if !exclude {
            return self;
        }
        let events = self.unflushed.iter().filter(|record| !is_look(record));
        let unflushed = events.cloned().collect();
        Arc::new(Self { unflushed, without_access: true, ..Self::clone(&self) })
    }

    /// The same moment, whose answers leave out what is in archives if `exclude` says so.
    #[must_use]
    pub fn excluding_archive(self: Arc<Self>, exclude: bool) -> Arc<Self> {
        if !exclude || self.segments().iter().all(|segment| segment.archive.is_none()) {
            return self;
        }
        let mut state = State::clone(&self.state);
        state.segments.retain(|segment| segment.archive.is_none());
        state.rows = state.segments.iter().map(|segment| segment.rows).sum();
        Arc::new(Self { state: Arc::new(state), ..Self::clone(&self) })
    }

    /// The same moment with these of its segments only, and nothing that is in no segment yet.
    #[must_use]
    pub fn only(&self, segments: Vec<Arc<AddedSegment>>) -> Arc<Self> {
        let mut state = self.state.without_segments();
        state.rows = segments.iter().map(|segment| segment.rows).sum();
        state.segments = segments;
        self.with(state, Vec::new())
    }

    /// How many records are durable and in no segment yet: first those of events, then those of
    /// who looked.
    pub fn unsealed(&self) -> (u64, u64) {
        let looks = self.unflushed.iter().filter(|record| is_look(record)).count() as u64;
        (self.unflushed.len() as u64 - looks, looks)
    }

    /// Number of ledger entries.
    pub fn size(&self) -> u64 {
        self.state.size()
    }

    /// One of its segments alone.
    pub fn of_segment(&self, segment: &Arc<AddedSegment>) -> Arc<Self> {
        let mut state = self.state.without_segments();
        state.segments.push(Arc::clone(segment));
        self.with(state, Vec::new())
    }

    /// The same moment, whose answers leave personal fields sealed.
    #[must_use]
    pub fn leaving_sealed(self: Arc<Self>) -> Arc<Self> {
        Arc::new(Self { vault: None, ..Self::clone(&self) })
    }

    /// These canonical records alone, with the columns that the trail had at this moment.
    pub fn of_records(&self, records: Vec<Bytes>) -> Arc<Self> {
        self.with(self.state.without_segments(), records)
    }

    /// Other contents, asked about in the same way.
    fn with(&self, state: State, unflushed: Vec<Bytes>) -> Arc<Self> {
        let (state, unflushed) = (Arc::new(state), unflushed);
        Arc::new(Self { state, unflushed, ..self.clone() })
    }

    /// Promoted columns, in order of first use.
    pub fn columns(&self) -> &[LogicalColumn] {
        self.state.registry.columns()
    }

    /// Fixed and promoted columns.
    pub fn logical_columns(&self) -> impl Iterator<Item = &LogicalColumn> {
        crate::columns::fixed().iter().chain(self.columns())
    }

    /// Live segments, in the order of their addition.
    pub fn segments(&self) -> &[Arc<AddedSegment>] {
        &self.state.segments
    }
}

impl Trail {
    /// The trail as of now. Other processes' records on this host are included once they are
    /// durable; those of other hosts once they are committed.
    ///
    /// # Errors
    /// `Io` or `Store` if ledger or logs cannot be read, `Integrity` if they do not hold.
    pub async fn view(&self) -> Result<Arc<ReadView>> {
        // Logs first: what they lose afterwards is in the ledger that is read next.
        let mut logs: BTreeMap<String, Log> = BTreeMap::new();
        let own = self.current();
        for dir in writer_folders(&self.state_dir())? {
            let id = dir.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            if own.as_ref().is_none_or(|writer| writer.id != id) {
                logs.insert(
                    id,
                    Log::Other(
                        WalSnapshot::open(&dir.join("wal"))?
                            .with_keys(self.storage().keys().cloned()),
                    ),
                );
            }
        }
        if let Some(writer) = own {
            logs.insert(writer.id.clone(), Log::Own(writer.unflushed()));
        }
        let state = Arc::clone(self.refreshed().await?.state());
        let mut unflushed = Vec::new();
        for (id, log) in logs {
            let committed = state.writers.get(&id).map_or(0, |w| w.committed);
            match log {
                Log::Own(records) => {
                    let rest = records.into_iter().filter(|(sequence, _)| *sequence > committed);
                    unflushed.extend(rest.map(|(_, record)| record));
                }
                Log::Other(snapshot) => {
                    unflushed.extend(snapshot.frames(committed)?.into_iter().map(|f| f.record));
                }
            }
        }
        Ok(ReadView::new(state, unflushed, self))
    }
}

impl Trail {
    /// The trail as it was, without what was not committed then. Reads every entry of the ledger.
    ///
    /// # Errors
    /// `Usage` if there was no such moment; as [`view`](Self::view).
    pub async fn view_at(&self, moment: Moment) -> Result<Arc<ReadView>> {
        // Who was erased since is erased then, too.
        self.refreshed().await?;
        let state = moment::state_at(self.storage().clone(), moment).await?;
        self.view_of_past(state).await
    }
}

/// Whether a record tells of who looked.
pub(crate) fn is_look(record: &[u8]) -> bool {
    let event_type = json::get(record, &["event_type"]).and_then(json::string_value);
    event_type.is_some_and(|name| name == EVENT_TYPE)
}

enum Log {
    Own(Vec<(u64, Bytes)>),
    Other(WalSnapshot),
}
