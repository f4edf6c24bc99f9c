//! Small trails, made with the crate's own parts and real keys, and ways to falsify them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

use crate::columns::Registry;
use crate::json::{Canonicalizer, Limits, parse_canonical_timestamp};
use crate::keys::{HmacKey, OwnerKey, WriterKeys};
use crate::ledger::{
    AddedSegment, Authorization, Body, CHECKPOINT_HINT, Close, Entry, Kind, Recorded, SnapshotRef,
    State, TrailInfo, WalRange, entry_path,
};
use crate::merkle::Hash;
use crate::note::Checkpoint;
use crate::segment::{BuiltSegment, Row, Signer, build_segments, canonical};
use crate::storage::Storage;
use crate::verify::{Level, Options, Report, Trust, verify};

pub(super) const TIME: &str = "2026-03-01T00:00:00.000Z";
const FIRST_EPOCH: u64 = 495_000;

/// All objects of a trail, and the keys that made them.
#[derive(Debug)]
pub(super) struct Maker {
    pub(super) objects: BTreeMap<String, Vec<u8>>,
    pub(super) owner: Arc<OwnerKey>,
    pub(super) writer: WriterKeys,
    pub(super) info: TrailInfo,
    pub(super) state: State,
    registry: Registry,
    pub(super) committed: u64,
    pub(super) roots: Vec<Hash>,
    /// The snapshot that the next entry names.
    pub(super) snapshot: Option<SnapshotRef>,
}

/// A record's canonical bytes with what a segment needs to know of it.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) bytes: Vec<u8>,
    pub(super) timestamp: i64,
    pub(super) id: String,
    pub(super) domain: u8,
}

pub(super) fn record(value: &Value) -> Made {
    let mut canonicalizer = Canonicalizer::default();
    let limits = Limits { max_bytes: 1 << 25, max_depth: 100 };
    let bytes = canonicalizer.object(value.to_string().as_bytes(), limits).unwrap().0.to_vec();
    let domain = value["event_type"].as_str().unwrap().split('.').next().unwrap();
    let domains = crate::catalogue::catalogue().domains();
    Made {
        timestamp: parse_canonical_timestamp(value["timestamp"].as_str().unwrap().as_bytes())
            .unwrap(),
        id: value["audit_id"].as_str().unwrap().to_owned(),
        domain: domains.iter().position(|d| d.name == domain).unwrap() as u8,
        bytes,
    }
}

/// Event number `i` of a believable kind.
pub(super) fn event(i: u64, event_type: &str) -> Value {
    let second = |s: u64| format!("2026-02-{:02}T{:02}:00:{:02}.000Z", 1 + i / 24 % 28, i % 24, s);
    json!({
        "event_type": event_type, "timestamp": second(i % 50), "recorded_at": second(i % 50 + 1),
        "audit_id": format!("e{:04}", i * 7919 % 10_000), "schema_version": 1,
        "user_id": format!("u{}", i % 3), "session_id": format!("s{}", i % 5),
        "cost_usd": i as f64 / 8.0, "tool": {"name": "grep", "exit": i, "odd": if i.is_multiple_of(4) { json!("x") } else { json!(i) }},
        "note": format!("line {i}\n\"quoted\""), "list": [i, {"a": null}], "ok": i.is_multiple_of(2),
    })
}

impl Maker {
    pub(super) fn new() -> Self {
        Self::of(crate::segment::new_uuid().unwrap())
    }

    /// A trail of this id, with keys of its own.
    pub(super) fn of(trail_id: String) -> Self {
        let owner = Arc::new(OwnerKey::generate(&trail_id).unwrap());
        let writer = WriterKeys::generate(&owner, "memory://made", FIRST_EPOCH).unwrap();
        let info = TrailInfo {
            created: TIME.to_owned(),
            epoch_seconds: 3600,
            format: 1,
            origin: format!("sealtrail/{trail_id}"),
            partitioning: "month".to_owned(),
            trail_id,
        };
        let mut maker = Self {
            objects: BTreeMap::new(),
            owner,
            writer,
            info,
            state: State::default(),
            registry: Registry::default(),
            committed: 0,
            roots: Vec::new(),
            snapshot: None,
        };
        maker.init();
        maker
    }

    fn init(&mut self) {
        let mut body = Body::new(Kind::Init, "owner", 0, TIME.to_owned());
        body.trail = Some(self.info.clone());
        body.owner = Some(BASE64.encode(self.owner.public().as_bytes()));
        body.authorizes = Some(vec![Authorization {
            epoch: FIRST_EPOCH,
            hmac_key: self.writer.hmac().id(),
            public: BASE64.encode(self.writer.public().as_bytes()),
            writer: self.writer.id().to_owned(),
        }]);
        self.objects.insert("trail.json".to_owned(), canonical(&self.info).unwrap());
        let owner = self.owner.clone();
        self.put(body, owner.signing(), &owner.hmac().unwrap());
    }

    /// Signs a body as the next entry and puts it.
    pub(super) fn put(&mut self, mut body: Body, signing: &SigningKey, hmac: &HmacKey) {
        body.snapshot = self.snapshot.take();
        let n = self.state.size();
        let writer = body.writer.clone();
        let entry = body.sign(n, self.state.root(), &self.info, signing, hmac).unwrap();
        self.put_entry(&entry);
        let checkpoint = Checkpoint {
            origin: self.info.origin.clone(),
            size: self.state.size(),
            root: self.state.root(),
        };
        let hint = checkpoint.sign(&self.info.key_name(&writer), signing).unwrap();
        self.objects.insert(CHECKPOINT_HINT.to_owned(), hint.into_bytes());
    }

    pub(super) fn put_entry(&mut self, entry: &Entry) {
        let bytes = entry.to_bytes().unwrap();
        let _ = self.state.apply(&bytes);
        self.objects.insert(entry_path(self.state.size() - 1), bytes);
    }

    pub(super) fn build(&mut self, records: &[Made]) -> Vec<BuiltSegment> {
        let rows = records
            .iter()
            .map(|r| Row {
                record: &r.bytes,
                timestamp: r.timestamp,
                audit_id: &r.id,
                domain: r.domain,
            })
            .collect();
        let signer = Signer {
            trail: &self.info.trail_id,
            writer: self.writer.id(),
            key: crate::keys::key_id(&self.writer.public()),
            epoch: self.writer.epoch(),
            hmac: self.writer.hmac(),
            by_day: false,
            sealing: None,
        };
        build_segments(rows, &signer, &mut self.registry).unwrap()
    }

    /// The body of an append of these segments.
    pub(super) fn append_body(&mut self, records: &[Made], adds: Vec<AddedSegment>) -> Body {
        let epoch = self.writer.epoch();
        let mut body = Body::new(Kind::Append, self.writer.id(), epoch, TIME.to_owned());
        let to = self.committed + records.len() as u64;
        body.wal = Some(WalRange { from: self.committed + 1, to });
        let recorded = |r: &Made| {
            let raw = crate::json::get(&r.bytes, &["recorded_at"]).unwrap();
            crate::json::string_value(raw).unwrap().into_owned()
        };
        let key = |t: &String| parse_canonical_timestamp(t.as_bytes());
        body.recorded = Some(Recorded {
            from: records.iter().map(recorded).min_by_key(key).unwrap(),
            to: records.iter().map(recorded).max_by_key(key).unwrap(),
        });
        let columns = self.registry.since(&self.state.registry);
        body.columns = (!columns.is_empty()).then_some(columns);
        body.adds = Some(adds);
        body
    }

    /// Appends records; with `close` ends the epoch.
    pub(super) fn append(&mut self, values: &[Value], close: bool) {
        let records: Vec<Made> = values.iter().map(record).collect();
        let built = self.build(&records);
        self.commit(&records, built, close);
    }

    pub(super) fn commit(&mut self, records: &[Made], built: Vec<BuiltSegment>, close: bool) {
        let mut adds = Vec::new();
        for segment in built {
            self.roots.extend(&segment.roots);
            self.objects.insert(segment.added.path.clone(), segment.bytes.to_vec());
            adds.push(segment.added);
        }
        let mut body = self.append_body(records, adds);
        self.committed += records.len() as u64;
        if close {
            body.close = Some(Close {
                batches: self.roots.len() as u64,
                epoch: self.writer.epoch(),
                seal: HEXLOWER.encode(&self.writer.close(self.roots.iter())),
            });
        }
        let (signing, hmac) = (self.writer.signing().clone(), self.writer.hmac().clone());
        self.put(body, &signing, &hmac);
        if close {
            let seal = self.writer.close(self.roots.iter());
            self.writer.advance(seal).unwrap();
            self.roots.clear();
        }
    }

    /// The path of the `i`th object below a folder.
    pub(super) fn path(&self, folder: &str, i: usize) -> String {
        self.objects.keys().filter(|p| p.starts_with(folder)).nth(i).unwrap().clone()
    }

    pub(super) fn trust(&self, with_secret: bool) -> Trust {
        let secret = with_secret.then(|| self.owner.clone());
        Trust { secret, ..Trust::owner(self.owner.public()) }
    }

    pub(super) fn verify(&self, with_secret: bool) -> Report {
        self.verify_as(&self.trust(with_secret), Level::Deep)
    }

    pub(super) fn verify_as(&self, trust: &Trust, level: Level) -> Report {
        let storage = store(&self.objects);
        verify_in(&storage, trust, level)
    }
}

/// A trail with an init entry and three appends in two epochs, the first one closed.
pub(super) fn small() -> Maker {
    filled(Maker::new())
}

/// What [`small`] has, in a trail that has nothing yet.
pub(super) fn filled(mut maker: Maker) -> Maker {
    let some = |from: u64, n: u64, kind: &str| -> Vec<Value> {
        (from..from + n).map(|i| event(i, kind)).collect()
    };
    maker.append(&[some(0, 12, "data.file_read"), some(0, 3, "auth.user_login")].concat(), false);
    maker.append(&some(20, 9, "data.file_read"), true);
    maker.append(&some(30, 10, "workflow.decision"), false);
    maker
}

/// A store of its own with these objects.
pub(super) fn store(objects: &BTreeMap<String, Vec<u8>>) -> Storage {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = NEXT.fetch_add(1, Ordering::Relaxed);
    let storage = Storage::open(&format!("memory://verify-{name}")).unwrap();
    for (path, bytes) in objects {
        set(&storage, path, bytes);
    }
    storage
}

pub(super) fn set(storage: &Storage, path: &str, bytes: &[u8]) {
    futures::executor::block_on(storage.put_hint(path, Bytes::copy_from_slice(bytes))).unwrap();
}

pub(super) fn verify_in(storage: &Storage, trust: &Trust, level: Level) -> Report {
    let options = Options { level, threads: 1, ..Options::default() };
    let cancel = Arc::new(AtomicBool::new(false));
    futures::executor::block_on(verify(storage, trust, &options, &|_| {}, &cancel)).unwrap()
}
