//! The ledger: every entry, the tree over them, and what else the trail's root holds.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use ed25519_dalek::VerifyingKey;

use super::anchors::{parse_hint, word_of};
use super::cosigned;
use super::origins::{Appends, Gone};
use super::report::{Finding, Report};
use super::secrets::Chains;
use super::since::new_entries;
use super::{Level, Run};
use crate::columns::ColumnType;
use crate::json;
use crate::keys::{self, HmacKey, OWNER};
use crate::ledger::{
    AddedSegment, Body, CHECKPOINT_HINT, Close, DueSnapshot, Entry, HEARTBEAT, Ledger, Read,
    SnapshotRef, State, TrailInfo, entry_number, entry_path, snapshot,
};
use crate::merkle::Hash;
use crate::note::Checkpoint;
use crate::storage::Storage;
use crate::{Error, Result};

/// Path of the trail's description.
pub(super) const TRAIL_JSON: &str = "trail.json";

/// What the ledger says, as far as its segments need it.
#[derive(Debug, Default)]
pub(super) struct Audit {
    pub(super) info: Option<Arc<TrailInfo>>,
    /// Promoted columns by lower-case name.
    pub(super) columns: HashMap<String, Listed>,
    /// Entries of writers, in ledger order.
    pub(super) entries: Vec<Arc<Signed>>,
    /// Segments in ledger order, each with the position of its entry in `entries`.
    pub(super) segments: Vec<(usize, Arc<AddedSegment>)>,
    /// Paths of segments that entries removed.
    pub(super) removed: HashSet<String>,
    /// Paths of files that entries say are gone.
    pub(super) swept: HashSet<String>,
    /// Paths that entries condemned.
    pub(super) condemned: HashSet<String>,
    /// What `append` entries added.
    pub(super) appends: Appends,
    /// Records that each batch lost by tombstones.
    pub(super) gone: Gone,
    /// Leaves of the ledger's tree.
    pub(super) leaves: Vec<Hash>,
    /// Authorised writers, if their HMAC chains can be checked.
    pub(super) chains: Option<Chains>,
    /// Snapshots that entries name, in ledger order.
    pub(super) snapshots: Vec<Named>,
    /// The first slot from which on entries could only be checked one by one.
    pub(super) broken_at: Option<u64>,
    /// Writers of whose batches an incremental verification knows only a part.
    pub(super) partly_seen: HashSet<String>,
}

/// A snapshot that an entry names.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) n: u64,
    pub(super) said: SnapshotRef,
    /// Digest of the rows that it must have, where that was asked for and can be known.
    pub(super) rows: Option<snapshot::RowsDigest>,
}

/// A promoted column as the ledger lists it.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) path: Vec<String>,
    /// Entry that listed it first.
    pub(super) since: u64,
    /// The type that it had then.
    pub(super) kind: ColumnType,
    /// First entry that listed it as a double.
    pub(super) double_since: Option<u64>,
}

/// What a writer signed.
#[derive(Debug)]
pub(super) struct Signed {
    pub(super) n: u64,
    /// It came after what earlier verifications looked at.
    pub(super) is_new: bool,
    pub(super) writer: String,
    pub(super) key: String,
    pub(super) hmac_key: String,
    pub(super) epoch: u64,
    /// Range of `recorded_at` in microseconds.
    pub(super) recorded: Option<(i64, i64)>,
    pub(super) close: Option<Close>,
    /// The HMAC key of the epoch, if the owner's secret was given and leads there.
    pub(super) hmac: Option<HmacKey>,
}

/// Reads and checks the whole ledger, `trail.json`, the hint and the pins.
pub(super) async fn audit(
    run: &Run<'_>,
    objects: &[(String, u64)],
    report: &mut Report,
) -> Result<Audit> {
    let since = run.options.since.as_ref();
    if objects.is_empty() && since.is_none() {
        let message = format!("{} holds no trail", run.storage.url());
        return Err(Error::NotFound(message));
    }
    // Read before the entries, so that writers at work cannot make it look ahead of them.
    let hint = read_if_there(run, CHECKPOINT_HINT).await?;
    let heartbeat = read_if_there(run, HEARTBEAT).await?;
    let kept = cosigned::read(run, objects).await?;
    let base = match since {
        Some(since) => Ledger::at_snapshot(run.storage, since.size).await,
        None => None,
    };
    let (state, leaves) = base.unwrap_or_default();
    let mut numbers: Vec<u64> = match since {
        Some(_) => new_entries(run, state.size()).await?,
        None => objects.iter().filter_map(|(path, _)| entry_number(path)).collect(),
    };
    numbers.sort_unstable();
    let beat_size = heartbeat.as_deref().and_then(parse_hint).map(|note| note.checkpoint.size);
    let hint_size = hint.as_deref().and_then(parse_hint).map(|note| note.checkpoint.size);
    let sizes = run.trust.sizes().chain(hint_size).chain(beat_size);
    let sizes = sizes.chain(kept.iter().filter_map(cosigned::Kept::size));
    let mut auditor = Auditor {
        run,
        report,
        state,
        leaves,
        snapshot_rows: None,
        audit: Audit::default(),
        marks: sizes.map(|n| (n, None)).collect(),
        writers: HashMap::new(),
        revoked: HashMap::new(),
        paths: HashSet::new(),
        words: HashSet::new(),
        hmac_keys: HashMap::new(),
        elsewhere: Vec::new(),
        expected: snapshot::Expected::default(),
        stopped: false,
    };
    auditor.begin();
    let there = numbers.last().map_or(auditor.state.size(), |n| n + 1);
    auditor.read(&numbers).await?;
    auditor.summarise(&numbers);
    auditor.check_trail_json(read_if_there(run, TRAIL_JSON).await?);
    auditor.check_hint(hint, there);
    auditor.check_heartbeat(heartbeat, there);
    auditor.check_cosigned(kept, there);
    auditor.note_erasures();
    auditor.check_pins();
    run.archives.learn(&auditor.state);
    auditor.audit.leaves = auditor.leaves;
    Ok(auditor.audit)
}

pub(super) async fn read_if_there(run: &Run<'_>, path: &str) -> Result<Option<Bytes>> {
    read_if_in(run.storage, path).await
}

pub(super) async fn read_if_in(storage: &Storage, path: &str) -> Result<Option<Bytes>> {
    match storage.get(path).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(e) => Err(e),
    }
}

pub(super) struct Auditor<'a> {
    pub(super) run: &'a Run<'a>,
    pub(super) report: &'a mut Report,
    pub(super) state: State,
    /// Leaves of the objects that `state` has folded.
    pub(super) leaves: Vec<Hash>,
    /// Digest of the rows of the snapshot that the entry at hand names.
    snapshot_rows: Option<snapshot::RowsDigest>,
    pub(super) audit: Audit,
    /// Sizes whose root somebody asks for.
    pub(super) marks: BTreeMap<u64, Option<Hash>>,
    /// Public keys of writers, those authorised after a break included.
    pub(super) writers: HashMap<String, VerifyingKey>,
    /// The entries that revoked writers.
    pub(super) revoked: HashMap<String, u64>,
    pub(super) paths: HashSet<String>,
    /// What the owner said of the life of records ([`word_of`]).
    pub(super) words: HashSet<Hash>,
    /// Epoch and HMAC key id of each signer's newest entry.
    pub(super) hmac_keys: HashMap<String, (u64, String)>,
    /// Entries that were signed over other earlier entries than those there.
    elsewhere: Vec<u64>,
    /// What the rows of snapshots must be.
    expected: snapshot::Expected,
    /// Nothing more can be checked.
    pub(super) stopped: bool,
}

impl Auditor<'_> {
    pub(super) fn mark(&mut self) {
        if let Some(root) = self.marks.get_mut(&self.state.size()) {
            *root = Some(self.state.root());
        }
    }

    /// Takes the next object, of which `read` says what can be said of it alone.
    pub(super) fn entry(&mut self, n: u64, bytes: &[u8], mut read: Read) {
        self.report.checked.entries += 1;
        let size = self.state.size();
        if n > size {
            if self.audit.broken_at.is_none() {
                self.gap(n);
            }
            self.alone(n, bytes);
            return;
        }
        let past = read.entry.as_ref().ok().filter(|e| e.body.n == n && n > 0);
        let past = past.map(|e| e.body.tree.clone());
        let root = self.state.root();
        let deep = self.run.options.level == Level::Deep && self.is_new(n);
        let (leaf, message) = (read.leaf, std::mem::take(&mut read.message));
        let (leaves, expected, pool) = (&self.leaves, &mut self.expected, &self.run.pool);
        let mut rows = None;
        let applied = self.state.apply_read(read, |state, entry| {
            if let Some(named) = entry.body.snapshot.as_ref().filter(|_| deep) {
                let full = named.rests_on.is_none();
                let due = if full { DueSnapshot::Full } else { DueSnapshot::Continued };
                rows = pool.install(|| expected.rows(state, leaves, due)).ok();
            }
        });
        self.snapshot_rows = rows;
        self.leaves.push(leaf);
        self.mark();
        match applied {
            Ok(entry) => self.valid(entry, &message),
            Err(_) if past.is_some_and(|past| past != HEXLOWER.encode(&root)) => {
                self.audit.broken_at.get_or_insert(n);
                self.elsewhere.push(n);
                self.alone(n, bytes);
            }
            Err(invalid) => {
                let message = format!("no valid entry: {invalid}");
                self.report.findings.push(Finding::tampered(
                    "entry_invalid",
                    entry_path(n),
                    message,
                ));
                self.stopped = n == 0;
            }
        }
    }

    fn gap(&mut self, next: u64) {
        let from = self.state.size();
        self.audit.broken_at = Some(from);
        let message = match next - from {
            1 => format!("entry {from} is missing although later ones exist"),
            gap => format!("{gap} entries, {from} to {}, are missing", next - 1),
        };
        let finding = Finding::missing("entry_missing", entry_path(from), message);
        self.report.findings.push(finding);
    }

    /// Takes over an entry that fits all entries before it.
    fn valid(&mut self, entry: Entry, message: &[u8]) {
        if entry.body.n == 0 && !self.is_owners() {
            return;
        }
        if entry.body.n == 0 {
            self.audit.info = self.state.info.clone();
            self.begin_chains();
        }
        self.take(entry, message);
    }

    pub(super) fn is_owners(&mut self) -> bool {
        if self.state.owner == Some(self.run.trust.owner) {
            return true;
        }
        let theirs = self.state.owner.as_ref().map(keys::key_id).unwrap_or_default();
        let message = format!(
            "the trail's owner has key {theirs}, not {} as given",
            keys::key_id(&self.run.trust.owner)
        );
        self.report.findings.push(Finding::tampered("owner", entry_path(0), message));
        self.stopped = true;
        false
    }

    /// Checks an entry that comes after a gap or was signed over other entries: who signed it.
    fn alone(&mut self, n: u64, bytes: &[u8]) {
        match self.signed(n, bytes) {
            Ok((entry, message)) => self.take(entry, &message),
            Err(message) => {
                let finding = Finding::tampered("entry_invalid", entry_path(n), message);
                self.report.findings.push(finding);
            }
        }
    }

    /// An entry that its writer signed, and what it signed.
    fn signed(&self, n: u64, bytes: &[u8]) -> Result<(Entry, Vec<u8>), String> {
        let entry = Entry::parse(bytes).map_err(|e| format!("no entry: {e}"))?;
        let body = &entry.body;
        if body.n != n {
            return Err(format!("it says it is entry {}", body.n));
        }
        let public = match body.writer.as_str() {
            OWNER => Some(&self.run.trust.owner),
            writer => self.writers.get(writer),
        };
        let public = public.ok_or_else(|| format!("writer {:?} is not known", body.writer))?;
        if let Some(by) = self.revoked.get(&body.writer) {
            return Err(format!("entry {by} revoked writer {:?}", body.writer));
        }
        if keys::key_id(public) != body.key || !entry.signed_by(public) {
            return Err("its signature does not hold".to_owned());
        }
        let info = self.audit.info.as_ref().ok_or("entry 0 does not hold")?;
        let name = info.key_name(&body.writer);
        let checkpoint = Checkpoint::verify_sole(&entry.checkpoint, &name, public, &info.origin);
        match checkpoint {
            Ok(c) if c.size == n && HEXLOWER.encode(&c.root) == body.tree => {}
            _ => return Err("its checkpoint does not hold".to_owned()),
        }
        let message = body.message().map_err(|e| e.to_string())?;
        Ok((entry, message))
    }

    pub(super) fn begin_chains(&mut self) {
        let Some(owner) = self.run.trust.secret.clone() else {
            let what = "HMACs and seals: the owner's secret was not given";
            self.report.not_checked.push(what.to_owned());
            return;
        };
        let trail_id = self.audit.info.as_ref().map(|i| i.trail_id.as_str()).unwrap_or_default();
        match Chains::new(owner, trail_id) {
            Ok(chains) => self.audit.chains = Some(chains),
            Err(e) => {
                let finding = Finding::tampered("owner_secret", entry_path(0), e.to_string());
                self.report.findings.push(finding);
            }
        }
    }

    /// Within an epoch a signer has one HMAC key, and its first is the authorised one.
    fn check_key_id(&mut self, body: &Body) {
        for authorization in body.authorizes.iter().flatten() {
            let first = (authorization.epoch, authorization.hmac_key.clone());
            self.hmac_keys.entry(authorization.writer.clone()).or_insert(first);
        }
        let now = (body.epoch, body.hmac_key.clone());
        let before = self.hmac_keys.insert(body.writer.clone(), now);
        if before.is_some_and(|(epoch, id)| epoch == body.epoch && id != body.hmac_key) {
            let message = "its HMAC key id is not that of its writer's epoch";
            let finding = Finding::tampered("hmac_key", entry_path(body.n), message);
            self.report.findings.push(finding);
        }
    }

    fn take(&mut self, entry: Entry, message: &[u8]) {
        self.check_key_id(&entry.body);
        self.words.extend(word_of(&entry.body));
        self.audit.appends.note(&entry.body);
        let since = self.run.options.since.is_some();
        self.audit.gone.note(&entry.body, &self.audit.appends, since);
        self.audit.swept.extend(entry.body.swept.iter().flatten().cloned());
        let condemned = entry.body.condemned.iter().flatten();
        self.audit.condemned.extend(condemned.map(|orphan| orphan.path.clone()));
        self.count_runs(&entry.body);
        let hmac = match &mut self.audit.chains {
            Some(chains) => chains.entry(&entry, message, self.report),
            None => None,
        };
        let rows = self.snapshot_rows.take();
        self.take_out(entry.body.removes.as_deref().unwrap_or_default());
        let Body { n, writer, key, hmac_key, epoch, recorded, close, adds, columns, .. } =
            entry.body;
        if let Some(said) = entry.body.snapshot.filter(|_| self.is_new(n)) {
            self.audit.snapshots.push(Named { n, said, rows });
        }
        for authorization in entry.body.authorizes.into_iter().flatten() {
            let public = crate::ledger::public_key(&authorization.public);
            self.writers.extend(public.map(|public| (authorization.writer, public)));
        }
        for revocation in entry.body.revokes.into_iter().flatten() {
            self.revoked.insert(revocation.writer, n);
        }
        for column in columns.into_iter().flatten() {
            let double = column.kind == ColumnType::Float64;
            let listed = self.audit.columns.entry(column.name.to_ascii_lowercase());
            let listed = listed.or_insert(Listed {
                name: column.name,
                path: column.path,
                since: n,
                kind: column.kind,
                double_since: None,
            });
            listed.double_since = listed.double_since.or(double.then_some(n));
        }
        if writer == OWNER && adds.is_none() {
            return;
        }
        let time = |text: &str| json::parse_canonical_timestamp(text.as_bytes());
        let recorded = recorded.and_then(|r| Some((time(&r.from)?, time(&r.to)?)));
        let at = self.audit.entries.len();
        let is_new = self.is_new(n);
        let signed = Signed { n, is_new, writer, key, hmac_key, epoch, recorded, close, hmac };
        self.audit.entries.push(Arc::new(signed));
        for add in adds.into_iter().flatten() {
            if !self.paths.insert(add.path.clone()) {
                continue;
            }
            match &mut self.report.since {
                Some(before) if !is_new => before.add(&add),
                _ => self.audit.segments.push((at, Arc::new(add))),
            }
        }
    }

    /// Segments that an entry removes are no longer the trail's.
    fn take_out(&mut self, removes: &[String]) {
        if removes.is_empty() {
            return;
        }
        let removes: HashSet<&str> = removes.iter().map(String::as_str).collect();
        self.audit.segments.retain(|(_, segment)| !removes.contains(segment.path.as_str()));
        self.audit.removed.extend(removes.iter().map(|path| (*path).to_owned()));
    }

    fn summarise(&mut self, numbers: &[u64]) {
        if let (Some(first), Some(last)) = (self.elsewhere.first(), self.elsewhere.last()) {
            // One changed entry makes every later one unfit, which is worth one finding.
            let message = format!(
                "{} entries, up to number {last}, were signed over other earlier entries than \
                 those that are there",
                self.elsewhere.len()
            );
            self.report.findings.push(Finding::tampered("entry_tree", entry_path(*first), message));
        }
        if let (Some(broken), Some(last)) = (self.audit.broken_at, numbers.last()) {
            self.report.not_checked.push(format!(
                "whether entries {broken} to {last} belong together: the ledger is broken at \
                 {broken}; their signatures and segments were checked"
            ));
        }
        self.conclude_since();
        self.open_runs();
        self.report.size = self.state.size();
        self.report.root = HEXLOWER.encode(&self.state.root());
        self.report.committed = self.state.rows;
        self.report.deleted = self.state.lifecycle.deleted;
        if self.report.deleted > 0 {
            self.report.notes.push(format!(
                "{} records were deleted; the tombstones in the ledger name policy, approver and \
                 ranges",
                self.report.deleted
            ));
        }
        self.report.last_entry.clone_from(&self.state.time);
        if let Some(info) = &self.audit.info {
            self.report.trail_id = Some(info.trail_id.clone());
            self.report.origin = Some(info.origin.clone());
        }
    }
}
