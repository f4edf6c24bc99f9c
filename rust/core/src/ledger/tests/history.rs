//! Ledgers with any history: several writers, epochs, columns, garbage, snapshots.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;
use crate::columns::{ColumnType, LogicalColumn};
use crate::ledger::DueSnapshot;
use crate::ledger::snapshot;
use crate::merkle::{self, Hash};
use crate::storage::Storage;

/// What the next object of a ledger is.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Authorize,
    Append {
        writer: usize,
        segments: u64,
        columns: Vec<(u8, bool)>,
        load: bool,
        close: bool,
    },
    Close {
        writer: usize,
    },
    /// An entry that nobody may have signed.
    Forged {
        writer: usize,
    },
    Garbage,
    /// Some of the first segments become one.
    Compact {
        writer: usize,
        segments: usize,
    },
    /// Some of the retired files are gone.
    Sweep {
        files: usize,
    },
    /// Paths that nobody may use any more.
    Condemn {
        paths: u8,
    },
    /// Some records of the first segments are deleted, or all of them.
    Delete {
        segments: usize,
        whole: bool,
    },
    Policy,
    Hold,
    Release,
    Erase,
    Erased,
    Forget,
}

/// Any step; spoilt objects only if asked for.
pub(super) fn step(spoilt: bool) -> BoxedStrategy<Step> {
    let columns = prop::collection::vec((0..6_u8, any::<bool>()), 0..3);
    let append = (0..3_usize, 1..4_u64, columns, any::<bool>(), prop::bool::weighted(0.2));
    let append = append.prop_map(|(writer, segments, columns, load, close)| Step::Append {
        writer,
        segments,
        columns,
        load,
        close,
    });
    let close = (0..3_usize).prop_map(|writer| Step::Close { writer });
    let compact = (0..3_usize, 1..5_usize);
    let compact = compact.prop_map(|(writer, segments)| Step::Compact { writer, segments });
    let sweep = (1..4_usize).prop_map(|files| Step::Sweep { files });
    let condemn = (1..4_u8).prop_map(|paths| Step::Condemn { paths });
    let delete = (1..3_usize, any::<bool>());
    let delete = delete.prop_map(|(segments, whole)| Step::Delete { segments, whole });
    let word = prop::sample::select(vec![
        Step::Policy,
        Step::Hold,
        Step::Release,
        Step::Erase,
        Step::Erased,
        Step::Forget,
    ]);
    let sound = prop_oneof![
        1 => Just(Step::Authorize),
        8 => append,
        2 => close,
        2 => compact,
        1 => sweep,
        1 => condemn,
        1 => delete,
        2 => word,
    ];
    if !spoilt {
        return sound.boxed();
    }
    let forged = (0..3_usize).prop_map(|writer| Step::Forged { writer });
    prop_oneof![12 => sound, 1 => forged, 1 => Just(Step::Garbage)].boxed()
}

/// A ledger being made, and its objects.
pub(super) struct History {
    pub(super) info: TrailInfo,
    pub(super) owner: OwnerKey,
    pub(super) writers: Vec<WriterKeys>,
    pub(super) state: State,
    pub(super) leaves: Vec<Hash>,
    pub(super) objects: BTreeMap<String, Bytes>,
    /// Fewest entries between two snapshots.
    pub(super) spacing: u64,
    segments: u64,
}

impl History {
    pub(super) fn new(spacing: u64) -> Self {
        let Bench { info, owner, writer, .. } = Bench::new();
        let mut history = Self {
            info,
            owner,
            writers: vec![writer],
            state: State::default(),
            leaves: Vec::new(),
            objects: BTreeMap::new(),
            spacing,
            segments: 0,
        };
        let mut init = Body::new(Kind::Init, OWNER, 0, TIME.into());
        init.owner = Some(BASE64.encode(history.owner.public().as_bytes()));
        init.trail = Some(history.info.clone());
        init.authorizes = Some(vec![authorization(&history.writers[0])]);
        history.by_owner(init);
        history
    }

    pub(super) fn with(spacing: u64, steps: &[Step]) -> Self {
        let mut history = Self::new(spacing);
        steps.iter().for_each(|step| history.go(step));
        history
    }

    /// Puts any bytes into the next slot.
    pub(super) fn put(&mut self, bytes: Vec<u8>) {
        let n = self.state.size();
        let _ = self.state.apply(&bytes);
        self.leaves.push(merkle::leaf_hash(&bytes));
        self.objects.insert(entry_path(n), bytes.into());
    }

    fn by_owner(&mut self, body: Body) {
        let hmac = self.owner.hmac().unwrap();
        let (n, root) = (self.state.size(), self.state.root());
        let entry = body.sign(n, root, &self.info, self.owner.signing(), &hmac).unwrap();
        assert_eq!(self.state.would_take(&entry), Ok(()), "an invalid entry was made");
        self.put(entry.to_bytes().unwrap());
    }

    /// The body of a writer's next entry, in an epoch that it may use.
    pub(super) fn body(&self, kind: Kind, writer: usize) -> (Body, u64) {
        let keys = &self.writers[writer % self.writers.len()];
        let known = &self.state.writers[keys.id()];
        let epoch = known.epoch + u64::from(known.closed == Some(known.epoch)) * 2;
        (Body::new(kind, keys.id(), epoch, TIME.into()), known.committed)
    }

    pub(super) fn signed(&self, body: Body, writer: usize) -> Entry {
        let keys = &self.writers[writer % self.writers.len()];
        let (n, root) = (self.state.size(), self.state.root());
        body.sign(n, root, &self.info, keys.signing(), keys.hmac()).unwrap()
    }

    /// Signs and puts a writer's entry, with a snapshot if one is due.
    pub(super) fn by_writer(&mut self, mut body: Body, writer: usize) {
        if let Some(due) = self.state.snapshot_due(self.spacing) {
            let file = snapshot::write(&self.state, &self.leaves, due).unwrap();
            let mut named = self.name(writer, file);
            if due == DueSnapshot::Continued {
                named.rests_on = self.newest();
            }
            body.snapshot = Some(named);
        }
        let entry = self.signed(body, writer);
        let before = self.state.time.take();
        self.put(entry.to_bytes().unwrap());
        assert!(before.is_some() && self.state.time.is_some(), "an invalid entry was made");
    }

    /// Number of the newest entry that names a snapshot.
    pub(super) fn newest(&self) -> Option<u64> {
        self.state.newest_snapshot.as_ref().map(|newest| newest.n)
    }

    /// Stores the full snapshot that the writer's next entry is to name.
    pub(super) fn name(&mut self, writer: usize, file: Vec<u8>) -> SnapshotRef {
        let keys = &self.writers[writer % self.writers.len()];
        let named = SnapshotRef {
            authorized: self.state.writers[keys.id()].authorized,
            bytes: file.len() as u64,
            rests_on: None,
            sha256: HEXLOWER.encode(&Sha256::digest(&file)),
        };
        self.objects.insert(snapshot_path(self.state.size()), file.into());
        named
    }

    pub(super) fn append(&mut self, writer: usize) {
        let columns = Vec::new();
        self.go(&Step::Append { writer, segments: 1, columns, load: false, close: false });
    }

    pub(super) fn append_body(&mut self, writer: usize, segments: u64) -> Body {
        let (mut body, committed) = self.body(Kind::Append, writer);
        body.wal = Some(WalRange { from: committed + 1, to: committed + segments });
        body.recorded = Some(Recorded { from: TIME.into(), to: TIME.into() });
        let adds = (0..segments).map(|i| {
            let number = self.segments + i;
            AddedSegment {
                archive: None,
                batches: 1,
                bytes: 10,
                format: None,
                gone: None,
                key: None,
                max: 2 + i as i64,
                min: 1,
                path: format!(
                    "segments/domain=data/month=2026-09/00000000-0000-4000-8000-{number:012}.parquet"
                ),
                root: "00".repeat(32),
                rows: 1,
                sha256: HEXLOWER.encode(&Sha256::digest(number.to_be_bytes())),
                stats: [("audit_id".to_owned(), Bounds::Text("ä\n".into(), "z".into()))].into(),
            }
        });
        body.adds = Some(adds.collect());
        self.segments += segments;
        body
    }

    pub(super) fn go(&mut self, step: &Step) {
        match step {
            Step::Authorize => {
                let keys = WriterKeys::generate(&self.owner, "file:///t", 7).unwrap();
                let mut body = Body::new(Kind::Authorize, OWNER, 0, TIME.into());
                body.authorizes = Some(vec![authorization(&keys)]);
                self.by_owner(body);
                self.writers.push(keys);
            }
            Step::Append { writer, segments, columns, load, close } => {
                let mut body = self.append_body(*writer, *segments);
                let mut registry = self.state.registry.clone();
                for (name, double) in columns {
                    let kind = if *double { ColumnType::Float64 } else { ColumnType::Int64 };
                    let path = vec![format!("c{name}"), "x".to_owned()];
                    registry.take(&LogicalColumn { name: path.join("_"), path, kind }).unwrap();
                }
                let new = registry.since(&self.state.registry);
                body.columns = (!new.is_empty()).then_some(new);
                body.load = load.then(|| "a load".to_owned());
                let open = self.state.writers[&body.writer].roots;
                body.close = close.then(|| closing(body.epoch, open + segments));
                self.by_writer(body, *writer);
            }
            Step::Close { writer } => {
                let (mut body, _) = self.body(Kind::Close, *writer);
                let open = self.state.writers[&body.writer].roots;
                body.close = Some(closing(body.epoch, open));
                self.by_writer(body, *writer);
            }
            Step::Forged { writer } => {
                let body = self.append_body(*writer, 1);
                let mut entry = self.signed(body, *writer);
                entry.sig = BASE64.encode(&[7; 64]);
                self.put(entry.to_bytes().unwrap());
            }
            Step::Garbage => self.put(b"garbage".to_vec()),
            Step::Compact { writer, segments } => {
                let (mut body, _) = self.body(Kind::Compact, *writer);
                let removed = self.first(*segments);
                if !removed.is_empty() {
                    body.adds = Some(vec![self.instead_of(&removed, 0)]);
                    body.removes = Some(removed.iter().map(|s| s.path.clone()).collect());
                    self.by_writer(body, *writer);
                }
            }
            Step::Sweep { files } => {
                let (mut body, _) = self.body(Kind::Sweep, 0);
                let swept: Vec<String> =
                    self.state.lifecycle.retired.keys().take(*files).cloned().collect();
                if !swept.is_empty() {
                    body.swept = Some(swept);
                    let entry = self.signed(body, 0);
                    self.put(entry.to_bytes().unwrap());
                }
            }
            Step::Condemn { paths } => self.condemn(*paths),
            Step::Delete { segments, whole } => self.delete(*segments, *whole),
            word => self.word(word),
        }
    }

    fn condemn(&mut self, paths: u8) {
        let (mut body, _) = self.body(Kind::Condemn, 0);
        let orphan = |i: u8| Orphan {
            archive: (i > 1).then(|| "cold".to_owned()),
            path: format!(
                "segments/domain=data/month=2026-09/ffffffff-0000-4000-{i:04}-{:012}.parquet",
                self.state.size()
            ),
        };
        body.condemned = Some((0..paths).map(orphan).collect());
        let entry = self.signed(body, 0);
        self.put(entry.to_bytes().unwrap());
    }

    fn first(&self, segments: usize) -> Vec<Arc<AddedSegment>> {
        self.state.segments.iter().take(segments).cloned().collect()
    }

    /// A segment in the place of others, with so many records less.
    fn instead_of(&mut self, removed: &[Arc<AddedSegment>], gone: u64) -> AddedSegment {
        let body = self.append_body(0, 1);
        let mut add = body.adds.unwrap().remove(0);
        add.rows = removed.iter().map(|s| s.rows).sum::<u64>() - gone;
        add.batches = removed.iter().map(|s| s.batches).sum();
        add.min = removed.iter().map(|s| s.min).min().unwrap();
        add.max = removed.iter().map(|s| s.max).max().unwrap();
        add
    }

    fn delete(&mut self, segments: usize, whole: bool) {
        let removed = self.first(segments);
        let rows: u64 = removed.iter().map(|s| s.rows).sum();
        if rows == 0 || (!whole && rows < 2) {
            return;
        }
        let gone = if whole { rows } else { 1 };
        let mut body = Body::new(Kind::Delete, OWNER, 0, TIME.into());
        body.adds = (!whole).then(|| vec![self.instead_of(&removed, 1)]);
        body.removes = Some(removed.iter().map(|s| s.path.clone()).collect());
        let batch = GoneBatch {
            add: 0,
            entry: 0,
            gone,
            index: 0,
            max: 2,
            min: 1,
            root: "00".repeat(32),
            rows: gone,
        };
        let life = &self.state.lifecycle;
        body.tombstone = Some(Tombstone {
            approver: "a".into(),
            batches: vec![batch],
            holds: life.holds.keys().cloned().collect(),
            policy: life.policy.as_ref().map(|p| p.entry),
            reason: "old".into(),
        });
        self.by_owner(body);
    }

    fn word(&mut self, step: &Step) {
        let kind = match step {
            Step::Policy => Kind::Policy,
            Step::Hold => Kind::Hold,
            Step::Release => Kind::Release,
            Step::Erase => Kind::Erase,
            Step::Forget => Kind::Forget,
            _ => Kind::Erased,
        };
        let mut body = Body::new(kind, OWNER, 0, TIME.into());
        let (by, reason) = ("a".to_owned(), "b".to_owned());
        let n = self.state.size();
        let matching = [("user_id".to_owned(), serde_json::json!([n.to_string()]))];
        match kind {
            Kind::Policy => body.policy = Some(Policy::from_iter(matching)),
            Kind::Hold => {
                let (id, matching) = (format!("h{n}"), Policy::from_iter(matching));
                body.hold = Some(Hold { by, id, matching, reason });
            }
            Kind::Release => {
                let Some(id) = self.state.lifecycle.holds.keys().next().cloned() else { return };
                body.release = Some(Release { by, id, reason });
            }
            Kind::Forget => {
                let holder = format!("copy-{n:016x}");
                body.forget = Some(Forget { approver: by, holder, reason });
            }
            Kind::Erase => {
                body.erase = Some(Erase { approver: by, reason, subject: format!("s{n}") });
            }
            _ => {
                let Some(entry) = self.state.lifecycle.erasures.keys().next() else { return };
                body.erased = Some(Erased { entry: *entry, holder: format!("w{n}") });
            }
        }
        self.by_owner(body);
    }

    /// A store of its own with all objects.
    pub(super) fn store(&self) -> Storage {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = NEXT.fetch_add(1, Ordering::Relaxed);
        let storage = Storage::open(&format!("memory://ledger-{name}")).unwrap();
        for (path, bytes) in &self.objects {
            set(&storage, path, bytes.clone());
        }
        storage
    }
}

fn closing(epoch: u64, batches: u64) -> Close {
    Close { batches, epoch, seal: "00".repeat(32) }
}

fn authorization(keys: &WriterKeys) -> Authorization {
    Authorization {
        epoch: 7,
        hmac_key: keys.hmac().id(),
        public: BASE64.encode(keys.public().as_bytes()),
        writer: keys.id().into(),
    }
}

pub(super) fn set(storage: &Storage, path: &str, bytes: impl Into<Bytes>) {
    futures::executor::block_on(storage.put_hint(path, bytes.into())).unwrap();
}
