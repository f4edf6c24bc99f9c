//! A trail: made, opened, written to, read.

mod access;
mod adopt;
mod anchoring;
mod attest;
mod checked;
mod checkpoint;
mod clock;
mod commit;
mod compact;
mod configured;
mod cosigned;
mod disk;
mod encrypted;
mod epoch;
mod erase;
mod files;
mod follow;
mod import;
mod init;
mod lend;
mod load;
mod lookup;
mod moved;
mod narrow;
mod open;
mod opened;
mod owner;
mod parcel;
mod past;
mod places;
mod plan;
mod position;
mod pressure;
mod privacy;
mod prove;
mod retention;
mod seen;
mod settings;
mod stats;
mod view;
mod writer;
mod writers;

#[cfg(test)]
mod configured_tests;
#[cfg(test)]
mod cosigned_tests;
#[cfg(test)]
mod pressure_tests;
#[cfg(test)]
mod privacy_tests;
#[cfg(test)]
mod prove_tests;
#[cfg(test)]
mod runs_tests;
#[cfg(test)]
mod simulation_tests;
#[cfg(test)]
mod snapshot_tests;
#[cfg(test)]
mod tests;

pub(crate) use access::record_apart;
pub use access::{Access, Ended, Rows, ask_apart};
pub use attest::Attester;
pub use checked::{CheckedSegment, Checker};
pub use compact::{
    CompactOptions, CompactPlan, CompactProgress, CompactReport, GRACE, Group, MaintainReport,
    MoveReport, Orphans, SweepReport, TARGET_BYTES,
};
pub use cosigned::Cosigned;
pub use disk::{Disk, FreeSpace};
pub use encrypted::{KeyStatus, KeysStatus};
pub use erase::{ErasureState, ErasureStatus, STORE};
pub use follow::{Follower, Records};
pub use import::{ImportProblem, ImportProgress, ImportReport, ImportRun};
pub use init::{InitOptions, TRAIL_FILE, init};
pub use load::{LoadOptions, LoadProgress, LoadReport, RefusedLine};
pub(crate) use owner::body as owner_body;
pub use pressure::{Pressure, WriterStats};
pub use retention::{Deletion, Order};
pub use settings::{Destination, OpenOptions, Settings};
pub use stats::{DomainStats, Stats};
pub use view::ReadView;
pub use writers::{Rotation, WriterInfo};

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::archive::Archives;
use crate::keys::OwnerKey;
use crate::ledger::{AddedSegment, Ledger, TrailInfo};
use crate::record::Strictness;
use crate::storage::Storage;
use crate::subjects::Vault;
use crate::{Error, Result};
use writer::Writer;

/// An open trail. Cheap to clone; shared freely among threads.
///
/// Reading needs no keys and no lock. The first record makes the process a writer: it takes over
/// a writer of this host that no process holds, or has the owner's key authorise a new one.
#[derive(Debug, Clone)]
pub struct Trail {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    storage: Storage,
    /// The stores of its segments.
    archives: Archives,
    /// The keys of data subjects.
    vault: Arc<Vault>,
    info: Arc<TrailInfo>,
    options: OpenOptions,
    /// The newest ledger that reading has seen.
    ledger: Mutex<Ledger>,
    writer: tokio::sync::Mutex<lend::Slot>,
    /// The same writer again, for calls that must not wait.
    current: Mutex<Option<Arc<Writer>>>,
    /// Who looked, as far as that is recorded apart or later.
    looks: access::Looks,
    /// Segments that records were looked up in.
    opened: opened::Opened,
}

impl Trail {
    /// Opens the trail at a root URL: a path, `file://`, `s3://`, `gs://` or `az://`.
    ///
    /// # Errors
    /// `NotFound` if there is none, `Integrity` if its ledger does not hold, `Io` or `Store`.
    pub async fn open(url: &str, options: OpenOptions) -> Result<Self> {
        Self::open_in(Storage::open(url)?, options).await
    }

    pub(crate) async fn open_in(storage: Storage, mut options: OpenOptions) -> Result<Self> {
        let ledger = Ledger::open(storage.clone()).await?;
        let info = ledger.state().info.clone();
        let info = info.ok_or_else(|| Error::integrity("ledger", "no trail is described"))?;
        let vault = privacy::vault(&info.trail_id, &storage, &options);
        vault.learn(erase::erased(ledger.state()));
        options.settings.vault = Some(Arc::clone(&vault));
        let keyring = encrypted::keyring(&info.trail_id, &storage, &options);
        options.settings.keyring = Some(Arc::clone(&keyring));
        let storage = storage.with_keys(keyring);
        let folder = position::state_name(&info.trail_id, storage.url());
        let folder = options.home.state_dir.join(folder).join("restored");
        let archives = Archives::new(storage.clone(), options.settings.archives.clone(), folder);
        archives.learn(ledger.state());
        let shared = Shared {
            vault,
            archives,
            storage,
            info,
            options,
            ledger: Mutex::new(ledger),
            writer: tokio::sync::Mutex::default(),
            current: Mutex::new(None),
            looks: access::Looks::default(),
            opened: opened::Opened::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The normalised root URL.
    pub fn url(&self) -> &str {
        self.shared.storage.url()
    }

    /// What the trail is.
    pub fn info(&self) -> &Arc<TrailInfo> {
        &self.shared.info
    }

    /// Where its objects are.
    pub fn storage(&self) -> &Storage {
        &self.shared.storage
    }

    /// Where its segments are: there, or in archives.
    pub fn archives(&self) -> &Archives {
        &self.shared.archives
    }

    /// The store that holds a segment's object and its sidecar.
    ///
    /// # Errors
    /// `Usage` if it is in an archive of which nothing says where it is; `Store`.
    pub fn store_of(&self, segment: &AddedSegment) -> Result<Storage> {
        self.shared.archives.store_of(segment)
    }

    /// Records one event (a JSON object) and returns its `audit_id`. Durable when it returns,
    /// unless the settings say otherwise.
    ///
    /// # Errors
    /// `InvalidEvent` (nothing was stored), `Conflict`, `UnknownOutcome` (repeat it with the id
    /// that the error names), `Poisoned`, `Key` if this host may not write.
    pub async fn record(&self, event: &[u8], strictness: Strictness) -> Result<String> {
        let writer = match self.current() {
            Some(writer) => writer,
            None => self.writer().await?,
        };
        writer.record(event, strictness).await
    }

    /// Records several events as [`record`](Self::record) does, with one wait for the disk: what
    /// became of each, in order.
    ///
    /// # Errors
    /// Those of [`record`](Self::record) that are not one event's own. `UnknownOutcome` then
    /// concerns all of them.
    pub async fn record_batch(
        &self,
        events: &[Vec<u8>],
        strictness: Strictness,
    ) -> Result<Vec<Result<String>>> {
        let writer = match self.current() {
            Some(writer) => writer,
            None => self.writer().await?,
        };
        writer.record_batch(events, strictness).await
    }

    /// Commits every record of this process that is not in the ledger yet.
    ///
    /// # Errors
    /// `Io` or `Store` if it cannot be committed now; the records stay in the log.
    pub async fn flush(&self) -> Result<()> {
        match self.current() {
            Some(writer) => writer.flush().await,
            None => Ok(()),
        }
    }

    /// Commits what dead processes of this host left in their logs.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub async fn recover(&self) -> Result<()> {
        self.writer().await?.flush().await
    }

    /// Stops writing: commits what is not committed (unless `commit` is false, which leaves it in
    /// the log for the next writer) and gives the writer free. The trail can still be read.
    ///
    /// # Errors
    /// As [`flush`](Self::flush); the writer is given free all the same.
    pub async fn close(&self, commit: bool) -> Result<()> {
        self.settle_looks().await;
        let mut slot = self.shared.writer.lock().await;
        let writer = slot.writer.take();
        self.set_current(None);
        match writer {
            Some(writer) => writer.close(commit).await,
            None => Ok(()),
        }
    }

    /// The owner's key: the one given on opening, else the one in the keys folder.
    ///
    /// # Errors
    /// `NotFound` if it is not on this host, `Key` if it cannot be used.
    pub fn owner_key(&self) -> Result<Arc<OwnerKey>> {
        self.shared.options.owner_key(&self.shared.info.trail_id)
    }

    /// Folder of this trail's writers on this host.
    pub fn state_dir(&self) -> PathBuf {
        let home = &self.shared.options.home;
        home.state_dir.join(position::state_name(&self.shared.info.trail_id, self.url()))
    }

    fn current(&self) -> Option<Arc<Writer>> {
        self.shared.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_current(&self, writer: Option<Arc<Writer>>) {
        *self.shared.current.lock().unwrap_or_else(PoisonError::into_inner) = writer;
    }

    /// This process's writer, opened if need be.
    async fn writer(&self) -> Result<Arc<Writer>> {
        let mut slot = self.shared.writer.lock().await;
        if let Some(writer) = &slot.writer {
            return Ok(Arc::clone(writer));
        }
        // A writer that is lent is the first that can be had.
        slot.give_back().await;
        self.ready_to_encrypt().await?;
        let writer = self.open_own_writer().await?;
        if let Some(settings) = &self.shared.options.settings.in_force {
            configured::tell_of_changes(&writer, &self.state_dir(), settings).await?;
        }
        slot.writer = Some(Arc::clone(&writer));
        self.set_current(Some(Arc::clone(&writer)));
        Ok(writer)
    }

    fn ledger(&self) -> Ledger {
        self.shared.ledger.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The ledger as of now.
    pub(crate) async fn refreshed(&self) -> Result<Ledger> {
        let mut ledger = self.ledger();
        ledger.refresh().await?;
        self.shared.vault.learn(erase::erased(ledger.state()));
        self.shared.archives.learn(ledger.state());
        let mut newest = self.shared.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.state().size() < ledger.state().size() {
            *newest = ledger.clone();
        }
        Ok(ledger)
    }
}

/// Microseconds since 1970 by this host's clock.
pub(crate) fn now_micros() -> i64 {
    #[cfg(test)]
    if let Some(now) = simulation_tests::clock::now() {
        return now;
    }
    chrono::Utc::now().timestamp_micros()
}

/// `micros` in the form that records and entries use.
pub(crate) fn time_text(micros: i64) -> String {
    let mut out = Vec::with_capacity(27);
    crate::json::format_timestamp(micros, &mut out);
    String::from_utf8(out).unwrap_or_default()
}
