//! Exports: records that leave the trail, with a signed manifest of what they are.
//!
//! What was asked for is looked for segment by segment, in the order of their times, so that an
//! export of any size needs the memory of one segment's hashes, and one that was cut short goes on
//! with the segment that it stood at. Only what the ledger holds is exported: only that is proven.

mod find;
mod flat;
mod lake;
mod output;
mod parts;
mod progress;
pub mod restore;
mod series;
mod sink;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::HEXLOWER;
use futures::StreamExt;
use sealtrail_core::access::Rows;
use sealtrail_core::evidence::{
    AskedBy, Collector, ExportFormat, FileItem, MANIFEST, MANIFEST_SUFFIX, Maker, Manifest,
    PolicyInForce, Position, SignedManifest, Since, TimeWindow, pack,
};
use sealtrail_core::ledger::{AddedSegment, Moment};
use sealtrail_core::redact::Redactor;
use sealtrail_core::storage::durable::{self, Access};
use sealtrail_core::trail::{Attester, ReadView, Trail};
use sealtrail_core::{Error, json};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::error::{QueryError, Result};
use crate::search::Filter;
use crate::search::times;
use find::Finder;
pub use lake::Lake;
use output::with_suffix;
use progress::{Kept, State};
pub use series::Next;
use sink::Sink;

/// Rows that are taken before others get their turn.
const TURN: u64 = 4096;

/// What is exported, in what form, for whom.
#[derive(Debug, Clone)]
pub struct Export {
    /// What is exported.
    pub filter: Filter,
    /// The same as it was asked for: what the manifest says.
    pub asked: Map<String, Value>,
    /// Without the records of who looked.
    pub exclude_access: bool,
    /// In what form.
    pub format: ExportFormat,
    /// Where events of OCSF are put.
    pub lake: Lake,
    /// What for.
    pub purpose: Option<String>,
    /// Who asks.
    pub asked_by: AskedBy,
    /// From which entry on; from the first one if `None`.
    pub since: Option<Since>,
    /// Replace what is there.
    pub replace: bool,
    /// What is sensitive is redacted, and personal fields stay sealed. Only where records become
    /// columns or other events: those in `jsonl` and packages are as they were signed.
    pub redactor: Option<Arc<Redactor>>,
}

/// What became of an export.
#[derive(Debug, Clone)]
pub struct Exported {
    /// The file or folder.
    pub path: PathBuf,
    /// The file of the manifest.
    pub manifest_path: PathBuf,
    /// What it says.
    pub manifest: Manifest,
    /// Hex SHA-256 of that file.
    pub manifest_sha256: String,
    /// Records that an earlier run, which was cut short, had written already.
    pub resumed: u64,
}

/// Tells how far an export is: rows of segments that were looked at, and of how many.
pub type Watch<'a> = &'a (dyn Fn(u64, u64) + Send + Sync);

impl Export {
    /// Everything of the trail, in this form.
    pub fn new(format: ExportFormat, asked_by: AskedBy) -> Self {
        Self {
            filter: Filter::default(),
            asked: Map::new(),
            exclude_access: false,
            format,
            lake: Lake::default(),
            purpose: None,
            asked_by,
            since: None,
            replace: false,
            redactor: None,
        }
    }

    fn demand_redactable(&self) -> Result<()> {
        let signed = matches!(self.format, ExportFormat::Jsonl | ExportFormat::Package);
        if !signed || self.redactor.is_none() {
            return Ok(());
        }
        let message = "sensitive data is not to leave, and records in this format are as they were \
                       signed: take another one, or include sensitive data";
        Err(QueryError::Core(Error::Usage(message.to_owned())))
    }

    /// Exports what the ledger holds at the moment of `view` to `path`: a file with its manifest
    /// beside it (and the proofs of records, where the format has them), or a folder. What an
    /// earlier run of the same question left unfinished there is gone on with, as of its moment.
    ///
    /// # Errors
    /// `AlreadyExists` if there is something and it is not to be replaced; `Usage` if this host
    /// has no key to sign the manifest with; `Integrity` if what is stored proves nothing; what a
    /// search fails with; `Io`, `Store`.
    pub async fn run(
        &self,
        trail: &Trail,
        view: &Arc<ReadView>,
        path: &Path,
        rows: &Rows,
        watch: Watch<'_>,
    ) -> Result<Exported> {
        self.demand_redactable()?;
        let manifest_path = self.manifest_path(path);
        self.demand_free(path, &manifest_path)?;
        let kept = Kept::of(path);
        let asked = self.fingerprint(trail)?;
        let found = kept.load(&asked)?;
        let (unsealed, _) = view.unsealed();
        let view = match &found {
            Some(state) if state.size != view.size() => {
                let then = trail.view_at(Moment::Entries(state.size)).await?;
                then.excluding_access(self.exclude_access)
            }
            _ => Arc::clone(view).excluding_access(self.exclude_access),
        };
        let attester = trail.attest(&view).await?;
        let mut run = Run::begin(self, trail, &view, path, attester, found, asked).await?;
        let resumed = run.state.records;
        rows.add(resumed);
        run.segments(&kept, rows, watch).await?;
        let (attester, files, state) = run.finish(self.format).await?;
        let mut manifest = Manifest {
            asked_by: self.asked_by.clone(),
            counts: state.counts,
            created: times::text(now()),
            files,
            filters: self.asked.clone(),
            format: self.format,
            ledger: Position::new(attester.size(), &attester.root()),
            origin: trail.info().origin.clone(),
            policy: view.state.lifecycle.policy.as_ref().map(|pinned| PolicyInForce {
                entry: pinned.entry,
                policy: pinned.policy.clone().into(),
            }),
            purpose: self.purpose.clone(),
            records: state.records,
            since: self.since.clone(),
            trail_id: trail.info().trail_id.clone(),
            unsealed,
            v: 1,
            window: self.window(),
        };
        let bytes = if self.format == ExportFormat::Package {
            let purpose = self.purpose.clone();
            Maker { attester: &attester, folder: path, purpose }.finish(&mut manifest).await?
        } else {
            let bytes = manifest.sign(&attester).await?;
            durable::replace(&manifest_path, &bytes, Access::Default)?;
            bytes
        };
        kept.remove()?;
        let manifest_sha256 = HEXLOWER.encode(&Sha256::digest(&bytes));
        let path = path.to_owned();
        Ok(Exported { path, manifest_path, manifest, manifest_sha256, resumed })
    }

    /// As [`run`](Self::run), as an evidence package: a zip if `path` ends so, else a folder.
    ///
    /// # Errors
    /// As [`run`](Self::run); `Usage` if it is too large for a zip.
    pub async fn package(
        &self,
        trail: &Trail,
        view: &Arc<ReadView>,
        path: &Path,
        rows: &Rows,
        watch: Watch<'_>,
    ) -> Result<Exported> {
        let is_zip =
            path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip"));
        let export = Self { format: ExportFormat::Package, ..self.clone() };
        if !is_zip {
            if !path.exists() || self.replace || with_suffix(path, ".progress").exists() {
                durable::ensure_dir(path)?;
            } else if std::fs::read_dir(path).map_err(|e| Error::io(path, e))?.next().is_some() {
                return Err(Error::AlreadyExists(there_is(path)).into());
            }
            return export.run(trail, view, path, rows, watch).await;
        }
        if path.exists() && !self.replace {
            return Err(Error::AlreadyExists(there_is(path)).into());
        }
        let folder = with_suffix(path, ".unpacked");
        durable::ensure_dir(&folder)?;
        let export = Self { replace: true, ..export };
        let done = export.run(trail, view, &folder, rows, watch).await?;
        pack(&folder, path)?;
        durable::remove_folder(&folder)?;
        let path = path.to_owned();
        Ok(Exported { manifest_path: path.clone(), path, ..done })
    }

    fn manifest_path(&self, path: &Path) -> PathBuf {
        match self.format {
            ExportFormat::Ocsf | ExportFormat::Package => path.join(MANIFEST),
            _ => with_suffix(path, MANIFEST_SUFFIX),
        }
    }

    /// Whether the export's name is free, or may be taken.
    fn demand_free(&self, path: &Path, manifest: &Path) -> Result<()> {
        if self.replace {
            // Without its manifest nothing half new counts for whole.
            return Ok(durable::remove(manifest)?);
        }
        match [path, manifest].into_iter().find(|path| path.is_file()) {
            None => Ok(()),
            Some(there) => Err(Error::AlreadyExists(there_is(there)).into()),
        }
    }

    fn window(&self) -> TimeWindow {
        let window = self.filter.window;
        TimeWindow { since: window.since.map(times::text), until: window.until.map(times::text) }
    }

    /// Tells this question from others.
    fn fingerprint(&self, trail: &Trail) -> Result<String> {
        let Lake { source, region, account } = &self.lake;
        let redacted = self.redactor.as_ref().map(|redactor| format!("{redactor:?}"));
        let asked = (
            (&self.filter, self.exclude_access, self.format, &self.since, redacted),
            (&trail.info().trail_id, &self.purpose, [source, region, account]),
        );
        let bytes = serde_json::to_vec(&asked).map_err(|e| Error::encoding("question", e))?;
        Ok(HEXLOWER.encode(&Sha256::digest(&bytes)))
    }
}

/// What of a filter's JSON says something: what manifests tell of what was asked for. Times are as
/// people wrote them, and not the moments that they meant.
pub fn asked(filter: Value) -> Map<String, Value> {
    let Value::Object(members) = filter else { return Map::new() };
    let said = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(values) => !values.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => true,
    };
    members.into_iter().filter(|(name, value)| name != "window" && said(value)).collect()
}

fn there_is(path: &Path) -> String {
    format!("{} is there already; replace it, or take another name", path.display())
}

/// From where an export goes on whose predecessor has this manifest: after what that one held.
///
/// # Errors
/// `Integrity` if it is no manifest of the trail, or the ledger does not begin as it says.
pub fn since_manifest(attester: &Attester, bytes: &[u8]) -> Result<(Manifest, Since)> {
    let manifest = SignedManifest::check(bytes, &attester.vkey()?)?.manifest;
    let Position { root, size } = manifest.ledger.clone();
    if attester.root_at(size).map(|root| HEXLOWER.encode(&root)) != Some(root.clone()) {
        let message = format!(
            "the export before saw {size} entries with root {root}, and the ledger does not begin \
             with them: it was rolled back or replaced"
        );
        return Err(Error::integrity("ledger", message).into());
    }
    let digest = HEXLOWER.encode(&Sha256::digest(bytes));
    Ok((manifest, Since { manifest: Some(digest), root, size }))
}

fn now() -> i64 {
    use std::time::{SystemTime, UNIX_EPOCH};

    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// An export under way.
struct Run<'a> {
    since: u64,
    path: &'a Path,
    segments: Vec<Arc<AddedSegment>>,
    finder: Finder,
    attester: Attester,
    sink: Sink,
    redactor: Option<Arc<Redactor>>,
    state: State,
    line: Vec<u8>,
    turn: u64,
}

impl<'a> Run<'a> {
    async fn begin(
        export: &Export,
        trail: &Trail,
        view: &Arc<ReadView>,
        path: &'a Path,
        mut attester: Attester,
        found: Option<State>,
        asked: String,
    ) -> Result<Self> {
        let finder = Finder::new(trail, Arc::clone(view), &export.filter)?;
        let mut segments = view.segments().to_vec();
        segments.sort_by(|a, b| (a.min, a.max, &a.path).cmp(&(b.min, b.max, &b.path)));
        let state = found.unwrap_or_else(|| State::begin(asked, view.size()));
        let redactor = export.redactor.clone();
        let shown = match redactor {
            Some(_) => Arc::clone(view).leaving_sealed(),
            None => Arc::clone(view),
        };
        let sink = Sink::open(export, trail, &shown, path, &state, &mut attester).await?;
        let since = export.since.as_ref().map_or(0, |since| since.size);
        let line = Vec::new();
        Ok(Self { since, path, segments, finder, attester, sink, redactor, state, line, turn: 0 })
    }

    async fn segments(&mut self, kept: &Kept, rows: &Rows, watch: Watch<'_>) -> Result<()> {
        let mut kept = Kept::clone(kept);
        let total = self.segments.iter().map(|segment| segment.rows).sum();
        let mut seen: u64 = 0;
        for at in 0..self.segments.len() {
            let segment = Arc::clone(&self.segments[at]);
            if at >= self.state.done {
                self.segment(&segment, rows).await?;
                self.state.done = at + 1;
                if kept.is_due() && self.sink.sync(&mut self.state).await? {
                    kept.save(&self.state)?;
                }
            }
            seen += segment.rows;
            watch(seen, total);
        }
        Ok(())
    }

    async fn segment(&mut self, segment: &Arc<AddedSegment>, rows: &Rows) -> Result<()> {
        if !self.finder.may_have(segment) {
            return Ok(());
        }
        let from = self.state.records;
        let collector = if self.finder.wants_all() {
            self.whole(segment, rows).await?
        } else {
            self.found(segment, rows).await?
        };
        let Some(collector) = collector else { return Ok(()) };
        let part = self.attester.finish(collector, from).await?;
        self.sink.end_segment(part.as_deref()).await
    }

    async fn whole(&mut self, segment: &AddedSegment, rows: &Rows) -> Result<Option<Collector>> {
        let Some(mut collector) = self.attester.collector(segment, self.since).await? else {
            return Ok(None);
        };
        while collector.take_next(self.since, &mut self.line)? {
            self.record(rows).await?;
        }
        Ok(Some(collector))
    }

    async fn found(
        &mut self,
        segment: &Arc<AddedSegment>,
        rows: &Rows,
    ) -> Result<Option<Collector>> {
        let mut collector: Option<Collector> = None;
        let mut found = self.finder.keys(segment).await?;
        while let Some(keys) = found.next().await.transpose()? {
            for key in keys.iter() {
                if collector.is_none() {
                    collector = self.attester.collector(segment, self.since).await?;
                }
                let Some(collector) = &mut collector else { return Ok(None) };
                if collector.take(&key, self.since, &mut self.line)? {
                    self.record(rows).await?;
                }
            }
        }
        Ok(collector)
    }

    /// Writes the record that was taken.
    async fn record(&mut self, rows: &Rows) -> Result<()> {
        let name = json::get(&self.line, &["event_type"]).and_then(json::string_value);
        let name = name.unwrap_or_default();
        match self.state.counts.get_mut(name.as_ref()) {
            Some(count) => *count += 1,
            None => {
                self.state.counts.insert(name.into_owned(), 1);
            }
        }
        self.state.records += 1;
        rows.add(1);
        match &self.redactor {
            Some(redactor) => self.sink.record(&redactor.redacted_record(&self.line)?).await?,
            None => self.sink.record(&self.line).await?,
        }
        self.line.clear();
        self.turn += 1;
        if self.turn.is_multiple_of(TURN) {
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    async fn finish(self, format: ExportFormat) -> Result<(Attester, Vec<FileItem>, State)> {
        let Self { path, attester, sink, state, .. } = self;
        let files = sink.finish(path, format, &attester, state.records).await?;
        Ok((attester, files, state))
    }
}

/// The name of a file, as manifests have it.
fn name_of(path: &Path) -> Result<String> {
    let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    name.ok_or_else(|| {
        QueryError::Parameter(format!("{}: a file name in text is wanted", path.display()))
    })
}

#[cfg(test)]
mod tests;
