//! What the trail is after a number of entries.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::VerifyingKey;

use super::entry::{AddedSegment, Authorization, Body, Entry, Kind, TrailInfo};
use crate::columns::Registry;
use crate::json;
use crate::keys::{self, OWNER, WriterKeys};
use crate::merkle::{self, Accumulator, Hash};
use crate::note::Checkpoint;

/// Why an object in a slot is no valid entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidEntry(pub String);

impl std::fmt::Display for InvalidEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn invalid(what: impl Into<String>) -> InvalidEntry {
    InvalidEntry(what.into())
}

/// A writer as the ledger knows it.
#[derive(Debug, Clone)]
pub struct WriterState {
    /// How the owner authorised it.
    pub authorization: Authorization,
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
    /// Roots of the batches of its current epoch, in ledger order.
    pub roots: u64,
}

/// The trail as folded from the ledger's first `size` objects.
#[derive(Debug, Clone, Default)]
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
    tree: Accumulator,
    paths: HashSet<String>,
}

/// How much of an entry to check when folding it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Structure and preconditions only: later checkpoints vouch for the bytes.
    Structure,
    /// Signatures too.
    Signatures,
}

impl State {
    /// Number of objects folded.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// Root of the tree over them.
    pub fn root(&self) -> Hash {
        self.tree.root()
    }

    /// Folds the next object. Its leaf counts in any case; an invalid one has no other effect.
    ///
    /// # Errors
    /// Why it is invalid.
    pub(crate) fn apply(&mut self, bytes: &[u8], depth: Depth) -> Result<Entry, InvalidEntry> {
        let result = Entry::parse(bytes).map_err(invalid).and_then(|entry| {
            let mut next = Changes::default();
            self.check(&entry, depth, &mut next)?;
            Ok((entry, next))
        });
        self.tree.push(merkle::leaf_hash(bytes));
        let (entry, next) = result?;
        self.commit(&entry.body, next);
        Ok(entry)
    }

    fn check(&self, entry: &Entry, depth: Depth, next: &mut Changes) -> Result<(), InvalidEntry> {
        let body = &entry.body;
        if body.v != 1 {
            return Err(invalid(format!("format version {} is not known", body.v)));
        }
        if body.n != self.size() {
            return Err(invalid(format!("it says it is entry {}", body.n)));
        }
        if body.tree != HEXLOWER.encode(&self.root()) {
            return Err(invalid("its root of the entries before it differs from theirs"));
        }
        let time = json::parse_canonical_timestamp(body.time.as_bytes());
        time.ok_or_else(|| invalid("its time is not in canonical form"))?;
        let public = self.signer(body)?;
        if keys::key_id(&public) != body.key {
            return Err(invalid("its key id is not that of its writer's key"));
        }
        if depth == Depth::Signatures {
            self.check_signatures(entry, &public)?;
        }
        let present = [
            body.trail.is_some() || body.owner.is_some(),
            body.authorizes.is_some(),
            body.wal.is_some() || body.recorded.is_some() || body.adds.is_some(),
            body.load.is_some() || body.columns.is_some(),
            body.close.is_some(),
        ];
        let allowed = match body.kind {
            Kind::Init => [true, true, false, false, false],
            Kind::Authorize => [false, true, false, false, false],
            Kind::Append => [false, false, true, true, true],
            Kind::Close => [false, false, false, false, true],
        };
        if present.iter().zip(allowed).any(|(&present, allowed)| present && !allowed) {
            return Err(invalid("it has members that its kind does not have"));
        }
        match body.kind {
            Kind::Init | Kind::Authorize => self.check_owner_entry(body, next),
            Kind::Append => self.check_append(body, next),
            Kind::Close => self.check_close(body, 0).and_then(|()| {
                if body.close.is_none() { Err(invalid("it closes nothing")) } else { Ok(()) }
            }),
        }
    }

    /// The public key that must have signed.
    fn signer(&self, body: &Body) -> Result<VerifyingKey, InvalidEntry> {
        let owner_kind = matches!(body.kind, Kind::Init | Kind::Authorize);
        if (body.kind == Kind::Init) != (self.size() == 0) {
            return Err(invalid("an `init` entry is the first and only the first"));
        }
        if owner_kind != (body.writer == OWNER) {
            return Err(invalid("its kind is not for this signer"));
        }
        if body.kind == Kind::Init {
            return body
                .owner
                .as_deref()
                .and_then(public_key)
                .ok_or_else(|| invalid("no owner key"));
        }
        if owner_kind {
            return self.owner.ok_or_else(|| invalid("the trail has no owner"));
        }
        match self.writers.get(&body.writer) {
            Some(writer) => Ok(writer.public),
            None => Err(invalid(format!("writer {:?} is not authorised", body.writer))),
        }
    }

    fn check_signatures(&self, entry: &Entry, public: &VerifyingKey) -> Result<(), InvalidEntry> {
        if !entry.signed_by(public) {
            return Err(invalid("its signature does not hold"));
        }
        let body = &entry.body;
        let info = self.info.as_deref().or(body.trail.as_ref());
        let info = info.ok_or_else(|| invalid("it does not describe the trail"))?;
        let name = info.key_name(&body.writer);
        let checkpoint = Checkpoint::verify_sole(&entry.checkpoint, &name, public, &info.origin)
            .map_err(|e| invalid(format!("its checkpoint does not hold: {e}")))?;
        if checkpoint.size != self.size() || checkpoint.root != self.root() {
            return Err(invalid("its checkpoint is not of the entries before it"));
        }
        Ok(())
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
                    public,
                    epoch: authorization.epoch,
                    closed: None,
                    committed: 0,
                    recorded: 0,
                    roots: 0,
                },
            );
        }
        Ok(())
    }

    fn check_append(&self, body: &Body, next: &mut Changes) -> Result<(), InvalidEntry> {
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
            (Some(from), Some(to)) if from <= to && from >= writer.recorded => next.recorded = to,
            _ => return Err(invalid("its `recorded` range is not after the one before")),
        }
        let by_day = self.info.as_ref().is_some_and(|i| i.by_day());
        for (at, add) in adds.iter().enumerate() {
            let again = adds[..at].iter().any(|a| a.path == add.path);
            if add.partition(by_day).is_none() || again || self.paths.contains(&add.path) {
                return Err(invalid(format!("{:?} is taken or no path of a segment", add.path)));
            }
            if add.min > add.max || add.batches == 0 {
                return Err(invalid(format!(
                    "the figures of {:?} contradict each other",
                    add.path
                )));
            }
        }
        let mut registry = self.registry.clone();
        for column in body.columns.iter().flatten() {
            registry.take(column).map_err(|e| invalid(e.to_string()))?;
        }
        if body.columns.as_ref().is_some_and(|list| registry.since(&self.registry) != *list) {
            return Err(invalid("its `columns` are known already or out of order"));
        }
        next.registry = Some(registry);
        self.check_close(body, adds.iter().map(|a| a.batches).sum())
    }

    /// The epoch rules, and `close` if there is one.
    fn check_close(&self, body: &Body, batches: u64) -> Result<(), InvalidEntry> {
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

    fn commit(&mut self, body: &Body, next: Changes) {
        self.time = Some(body.time.clone());
        if body.kind == Kind::Init {
            self.info = body.trail.clone().map(Arc::new);
            self.owner = body.owner.as_deref().and_then(public_key);
        }
        self.writers.extend(next.writers);
        if let Some(registry) = next.registry {
            self.registry = registry;
        }
        let mut batches = 0;
        for add in body.adds.iter().flatten() {
            batches += add.batches;
            self.rows += add.rows;
            self.paths.insert(add.path.clone());
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
            }
            if body.close.is_some() {
                writer.closed = Some(body.epoch);
                writer.roots = 0;
            }
        }
    }
}

#[derive(Debug, Default)]
struct Changes {
    writers: BTreeMap<String, WriterState>,
    recorded: i64,
    registry: Option<Registry>,
}

/// The public key that base64 holds.
pub(crate) fn public_key(base64: &str) -> Option<VerifyingKey> {
    keys::public_key(&BASE64.decode(base64.as_bytes()).ok()?).ok()
}
