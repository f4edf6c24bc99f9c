//! What the trail is after a number of entries.

use std::collections::BTreeMap;
use std::sync::Arc;

use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::VerifyingKey;

use super::entry::{
    AddedSegment, Authorization, Body, Entry, Kind, Revocation, SignedBy, SnapshotRef, TrailInfo,
};
use super::lifecycle::Lifecycle;
use super::paths::Paths;
use super::signed::{Read, Signed};
use crate::columns::Registry;
use crate::json;
use crate::keys::{self, OWNER, WriterKeys};
use crate::merkle::{Accumulator, Hash};
use crate::note::LogSigner;

/// A writer makes a full snapshot once this part of the ledger came after the last one, and one
/// that continues another once that part came after it.
const FULL_PART: u64 = 4;
const CONTINUED_PART: u64 = 64;
/// Nobody may make one before this part of the ledger came.
const FULL_LEAST_PART: u64 = 16;
const CONTINUED_LEAST_PART: u64 = 256;

/// Why an object in a slot is no valid entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidEntry(pub String);

impl std::fmt::Display for InvalidEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

pub(super) fn invalid(what: impl Into<String>) -> InvalidEntry {
    InvalidEntry(what.into())
}

/// A writer as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriterState {
    /// How the owner authorised it.
    pub authorization: Authorization,
    /// Number of the entry that did.
    pub authorized: u64,
    /// Number of the entry that revoked it.
    pub revoked: Option<u64>,
    /// Its public key.
    pub public: VerifyingKey,
    /// Epoch of its newest entry.
    pub epoch: u64,
    /// The newest epoch that it closed.
    pub closed: Option<u64>,
    /// Last sequence number that it committed.
    pub committed: u64,
    /// Latest `recorded_at` that it committed, in microseconds.
    pub recorded: i64,
    /// Number of batches of its current epoch; 0 once that is closed.
    pub roots: u64,
    /// Whether its last run is closed.
    pub ended: bool,
}

impl WriterState {
    /// Whether it has a run that is not closed.
    pub fn is_running(&self) -> bool {
        self.committed > 0 && !self.ended
    }
}

/// A snapshot that an entry names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedSnapshot {
    /// Number of the entry.
    pub(crate) n: u64,
    /// Size of the file, and hex SHA-256.
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    /// How many of the segments that were live before the entry are still.
    pub(crate) segments: usize,
    /// Paths of the others, in the order of their removal.
    pub(crate) removed: Vec<String>,
}

/// Which snapshot the next entry should name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DueSnapshot {
    /// One of everything.
    Full,
    /// One of what came since the newest.
    Continued,
}

/// The trail as folded from the ledger's first `size` objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// What entry 0 says of the trail.
    pub info: Option<Arc<TrailInfo>>,
    /// The owner's public key, as entry 0 claims.
    pub owner: Option<VerifyingKey>,
    /// Writers by id.
    pub writers: BTreeMap<String, WriterState>,
    /// Live segments, in the order of their addition.
    pub segments: Vec<Arc<AddedSegment>>,
    /// Promoted columns.
    pub registry: Registry,
    /// Rows of the live segments.
    pub rows: u64,
    /// Time of the newest valid entry.
    pub time: Option<String>,
    /// Number of the newest entry that names a full snapshot.
    pub snapshot: Option<u64>,
    /// The newest snapshot, full or not; unknown where `self` was read from a full one.
    pub(crate) newest_snapshot: Option<NamedSnapshot>,
    /// What became of records after they were written.
    pub lifecycle: Lifecycle,
    pub(super) tree: Accumulator,
    pub(super) paths: Paths,
}

impl State {
    /// Number of objects folded.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The trail and its columns, without any segment.
    pub(crate) fn without_segments(&self) -> Self {
        Self {
            info: self.info.clone(),
            owner: self.owner,
            registry: self.registry.clone(),
            ..Self::default()
        }
    }

    /// Who signs checkpoints as `owner` or under a writer's id.
    pub fn log_signer(&self, signer: &str) -> Option<LogSigner> {
        if signer == OWNER {
            return self.owner.map(|public| LogSigner { public, revoked: None });
        }
        let WriterState { public, revoked, .. } = self.writers.get(signer)?;
        Some(LogSigner { public: *public, revoked: *revoked })
    }

    /// Root of the tree over them.
    pub fn root(&self) -> Hash {
        self.tree.root()
    }

    /// Whether so many entries have come since the last snapshots that the next one should name
    /// another: at least `spacing`, and a quarter of all for a full one.
    pub(crate) fn snapshot_due(&self, spacing: u64) -> Option<DueSnapshot> {
        let n = self.size();
        let due = |last: u64, part: u64| n - last >= spacing.max(n / part).max(1);
        if due(self.snapshot.unwrap_or(0), FULL_PART) {
            return Some(DueSnapshot::Full);
        }
        let newest = self.newest_snapshot.as_ref();
        newest.filter(|newest| due(newest.n, CONTINUED_PART)).map(|_| DueSnapshot::Continued)
    }

    /// [`apply_seen`](Self::apply_seen), seen by nobody.
    #[cfg(test)]
    pub(crate) fn apply(&mut self, bytes: &[u8]) -> Result<Entry, InvalidEntry> {
        self.apply_seen(bytes, |_, _| {})
    }

    /// Folds the next object. Its leaf counts in any case; an invalid one has no other effect.
    /// `seen` is shown a valid entry and the state before it.
    ///
    /// # Errors
    /// Why it is invalid.
    pub(crate) fn apply_seen(
        &mut self,
        bytes: &[u8],
        seen: impl FnOnce(&Self, &Entry),
    ) -> Result<Entry, InvalidEntry> {
        self.apply_read(Read::of(bytes), seen)
    }

    /// As [`apply_seen`](Self::apply_seen), for an object whose signatures may be checked already.
    pub(crate) fn apply_read(
        &mut self,
        read: Read,
        seen: impl FnOnce(&Self, &Entry),
    ) -> Result<Entry, InvalidEntry> {
        let Read { leaf, entry, signed, .. } = read;
        let result = entry.map_err(invalid).and_then(|entry| {
            let mut next = Changes::default();
            self.check(&entry, signed, &mut next)?;
            Ok((entry, next))
        });
        if let Ok((entry, _)) = &result {
            seen(self, entry);
        }
        self.tree.push(leaf);
        let (entry, next) = result?;
        self.commit(&entry.body, next);
        Ok(entry)
    }

    /// Whether an entry of ours would have effect as the next object.
    ///
    /// # Errors
    /// Why it would not.
    pub(crate) fn would_take(&self, entry: &Entry) -> Result<(), InvalidEntry> {
        self.check(entry, None, &mut Changes::default())
    }

    fn check(
        &self,
        entry: &Entry,
        signed: Option<Signed>,
        next: &mut Changes,
    ) -> Result<(), InvalidEntry> {
        let body = &entry.body;
        if body.v != 1 {
            return Err(invalid(format!("format version {} is not known", body.v)));
        }
        if body.n != self.size() {
            return Err(invalid(format!("it says it is entry {}", body.n)));
        }
        let root = self.root();
        if body.tree != HEXLOWER.encode(&root) {
            return Err(invalid("its root of the entries before it differs from theirs"));
        }
        let time = json::parse_canonical_timestamp(body.time.as_bytes());
        time.ok_or_else(|| invalid("its time is not in canonical form"))?;
        let public = self.signer(body)?;
        if keys::key_id(&public) != body.key {
            return Err(invalid("its key id is not that of its writer's key"));
        }
        self.check_signatures(entry, &public, root, signed)?;
        check_members(body)?;
        self.check_snapshot(body)?;
        match body.kind {
            Kind::Init | Kind::Authorize => self.check_owner_entry(body, next),
            Kind::Append => self.check_append(body, next),
            Kind::Close => self.check_run(body, 0).and_then(|()| self.check_close(body, 0)),
            _ => self.check_lifecycle(body).and_then(|()| self.learn_columns(body, next)),
        }
    }

    /// The public key that must have signed.
    fn signer(&self, body: &Body) -> Result<VerifyingKey, InvalidEntry> {
        let by_owner = body.writer == OWNER;
        if (body.kind == Kind::Init) != (self.size() == 0) {
            return Err(invalid("an `init` entry is the first and only the first"));
        }
        let fits = match body.kind.signed_by() {
            SignedBy::Owner => by_owner,
            SignedBy::Writer => !by_owner,
            SignedBy::Either => true,
        };
        if !fits {
            return Err(invalid("its kind is not for this signer"));
        }
        if body.kind == Kind::Init {
            return body
                .owner
                .as_deref()
                .and_then(public_key)
                .ok_or_else(|| invalid("no owner key"));
        }
        if by_owner {
            return self.owner.ok_or_else(|| invalid("the trail has no owner"));
        }
        match self.writers.get(&body.writer) {
            Some(WriterState { revoked: Some(n), .. }) => {
                Err(invalid(format!("entry {n} revoked writer {:?}", body.writer)))
            }
            Some(writer) => Ok(writer.public),
            None => Err(invalid(format!("writer {:?} is not authorised", body.writer))),
        }
    }

    fn check_signatures(
        &self,
        entry: &Entry,
        public: &VerifyingKey,
        root: Hash,
        signed: Option<Signed>,
    ) -> Result<(), InvalidEntry> {
        let info = self.info.as_deref().or(entry.body.trail.as_ref());
        let info = info.ok_or_else(|| invalid("it does not describe the trail"))?;
        let signed = match signed.filter(|s| s.public == *public && s.origin == info.origin) {
            Some(signed) => signed,
            None => Signed::check(entry, public, &info.origin).map_err(invalid)?,
        };
        if signed.checkpoint.size != self.size() || signed.checkpoint.root != root {
            return Err(invalid("its checkpoint is not of the entries before it"));
        }
        Ok(())
    }

    /// The rules of the snapshot that an entry names. What it holds is for `verify` to say.
    fn check_snapshot(&self, body: &Body) -> Result<(), InvalidEntry> {
        let Some(snapshot) = &body.snapshot else { return Ok(()) };
        let (last, part) = match snapshot.rests_on {
            None => (self.snapshot.unwrap_or(0), FULL_LEAST_PART),
            Some(on) if self.newest_snapshot.as_ref().is_some_and(|newest| newest.n == on) => {
                (on, CONTINUED_LEAST_PART)
            }
            Some(_) => return Err(invalid("its snapshot does not rest on the newest one")),
        };
        if self.size() - last < (self.size() / part).max(1) {
            return Err(invalid("it names a snapshot too soon after the last one"));
        }
        let by = self.writers.get(&body.writer).map(|w| w.authorized);
        if by != Some(snapshot.authorized) {
            return Err(invalid(
                "its snapshot names another entry than its writer's authorisation",
            ));
        }
        let digest = HEXLOWER.decode(snapshot.sha256.as_bytes());
        if snapshot.bytes > 0 && digest.is_ok_and(|d| d.len() == 32) {
            return Ok(());
        }
        Err(invalid("its snapshot has no length or no SHA-256"))
    }

    fn check_owner_entry(&self, body: &Body, next: &mut Changes) -> Result<(), InvalidEntry> {
        if body.epoch != 0 {
            return Err(invalid("the owner's epoch is 0"));
        }
        if body.kind == Kind::Init {
            let info =
                body.trail.as_ref().ok_or_else(|| invalid("it does not describe the trail"))?;
            let known = info.format == 1
                && matches!(info.partitioning.as_str(), "month" | "day")
                && info.epoch_seconds > 0;
            if !known {
                return Err(invalid("it describes a trail that this version does not know"));
            }
        }
        let list = body.authorizes.as_ref().ok_or_else(|| invalid("it authorises nobody"))?;
        for authorization in list {
            let id = &authorization.writer;
            let known = self.writers.contains_key(id) || next.writers.contains_key(id);
            if known || !WriterKeys::is_id(id) {
                return Err(invalid(format!("writer id {id:?} is taken or malformed")));
            }
            let public = public_key(&authorization.public)
                .ok_or_else(|| invalid(format!("the public key of {id} is malformed")))?;
            next.writers.insert(
                id.clone(),
                WriterState {
                    authorization: authorization.clone(),
                    authorized: body.n,
                    revoked: None,
                    public,
                    epoch: authorization.epoch,
                    closed: None,
                    committed: 0,
                    recorded: 0,
                    roots: 0,
                    ended: false,
                },
            );
        }
        self.check_revocations(body, next)?;
        if body.kind == Kind::Authorize && next.writers.is_empty() && next.revoked.is_empty() {
            return Err(invalid("it authorises and revokes nobody"));
        }
        Ok(())
    }

    fn check_revocations(&self, body: &Body, next: &mut Changes) -> Result<(), InvalidEntry> {
        for Revocation { writer, .. } in body.revokes.iter().flatten() {
            let known = self.writers.get(writer).is_some_and(|w| w.revoked.is_none());
            if !known || next.revoked.contains(writer) {
                return Err(invalid(format!("there is no writer {writer:?} to revoke")));
            }
            next.revoked.push(writer.clone());
        }
        Ok(())
    }

    fn commit(&mut self, body: &Body, next: Changes) {
        self.time = Some(body.time.clone());
        if let Some(SnapshotRef { bytes, sha256, rests_on, .. }) = &body.snapshot {
            if rests_on.is_none() {
                self.snapshot = Some(body.n);
            }
            self.newest_snapshot = Some(NamedSnapshot {
                n: body.n,
                bytes: *bytes,
                sha256: sha256.clone(),
                segments: self.segments.len(),
                removed: Vec::new(),
            });
        }
        if body.kind == Kind::Init {
            self.info = body.trail.clone().map(Arc::new);
            self.owner = body.owner.as_deref().and_then(public_key);
        }
        self.writers.extend(next.writers);
        for id in next.revoked {
            self.writers.entry(id).and_modify(|writer| writer.revoked = Some(body.n));
        }
        if let Some(registry) = next.registry {
            self.registry = registry;
        }
        self.commit_lifecycle(body);
        let mut batches = 0;
        for add in body.adds.iter().flatten() {
            // Those that move belong to the epoch that they came in.
            batches += if body.kind == Kind::Append { add.batches } else { 0 };
            self.rows += add.rows;
            self.paths.insert(&add.path);
            self.segments.push(Arc::new(add.clone()));
        }
        if let Some(writer) = self.writers.get_mut(&body.writer) {
            if body.epoch > writer.epoch {
                writer.roots = 0;
            }
            writer.epoch = body.epoch;
            writer.roots += batches;
            if let Some(wal) = body.wal {
                writer.committed = wal.to;
                writer.recorded = next.recorded;
                writer.ended = false;
            }
            writer.ended |= body.closed.is_some();
            if body.close.is_some() {
                writer.closed = Some(body.epoch);
                writer.roots = 0;
            }
        }
    }
}

/// Whether a body has only members that its kind has.
fn check_members(body: &Body) -> Result<(), InvalidEntry> {
    let members: [(bool, &[Kind]); 15] = [
        (body.trail.is_some() || body.owner.is_some(), &[Kind::Init]),
        (body.authorizes.is_some(), &[Kind::Init, Kind::Authorize]),
        (body.revokes.is_some(), &[Kind::Authorize]),
        (body.wal.is_some() || body.recorded.is_some() || body.load.is_some(), &[Kind::Append]),
        (body.adds.is_some(), &[Kind::Append, Kind::Compact, Kind::Delete]),
        (body.columns.is_some(), &[Kind::Append, Kind::Compact, Kind::Delete]),
        (body.removes.is_some(), &[Kind::Compact, Kind::Delete]),
        (body.close.is_some() || body.closed.is_some(), &[Kind::Append, Kind::Close]),
        (body.recovered.is_some(), &[Kind::Append, Kind::Close]),
        (body.snapshot.is_some(), &[Kind::Append, Kind::Close, Kind::Compact]),
        (body.swept.is_some(), &[Kind::Sweep]),
        (body.condemned.is_some(), &[Kind::Condemn]),
        (body.policy.is_some(), &[Kind::Policy]),
        (body.hold.is_some() || body.release.is_some(), &[Kind::Hold, Kind::Release]),
        (body.tombstone.is_some(), &[Kind::Delete]),
    ];
    let erase = body.erase.is_some() && body.kind != Kind::Erase;
    let erased = body.erased.is_some() && body.kind != Kind::Erased;
    let forget = body.forget.is_some() && body.kind != Kind::Forget;
    let both = body.hold.is_some() && body.release.is_some();
    let one = erase || erased || forget;
    if one || both || members.iter().any(|(is, of)| *is && !of.contains(&body.kind)) {
        return Err(invalid("it has members that its kind does not have"));
    }
    Ok(())
}

/// What an entry changes, as far as checking it gives that.
#[derive(Debug, Default)]
pub(super) struct Changes {
    writers: BTreeMap<String, WriterState>,
    revoked: Vec<String>,
    pub(super) recorded: i64,
    pub(super) registry: Option<Registry>,
}

/// The public key that base64 holds.
pub(crate) fn public_key(base64: &str) -> Option<VerifyingKey> {
    keys::public_key(&BASE64.decode(base64.as_bytes()).ok()?).ok()
}
