mod history;
mod lifecycle;
mod opening;
mod snapshots;

use ed25519_dalek::SigningKey;

use super::*;
use crate::keys::{HmacKey, OWNER, OwnerKey, WriterKeys};

const TRAIL: &str = "01234567-89ab-4def-8123-456789abcdef";
const TIME: &str = "2026-09-14T08:12:07.114Z";

struct Bench {
    info: TrailInfo,
    owner: OwnerKey,
    writer: WriterKeys,
    state: State,
}

impl Bench {
    fn new() -> Self {
        let owner = OwnerKey::generate(TRAIL).unwrap();
        let writer = WriterKeys::generate(&owner, "file:///t", 7).unwrap();
        let info = TrailInfo {
            created: TIME.into(),
            epoch_seconds: 3600,
            format: 1,
            origin: format!("sealtrail/{TRAIL}"),
            partitioning: "month".into(),
            trail_id: TRAIL.into(),
        };
        let mut bench = Self { info, owner, writer, state: State::default() };
        let mut init = Body::new(Kind::Init, OWNER, 0, TIME.into());
        init.owner = Some(data_encoding::BASE64.encode(bench.owner.public().as_bytes()));
        init.trail = Some(bench.info.clone());
        init.authorizes = Some(vec![Authorization {
            epoch: 7,
            hmac_key: bench.writer.hmac().id(),
            public: data_encoding::BASE64.encode(bench.writer.public().as_bytes()),
            writer: bench.writer.id().into(),
        }]);
        let entry = bench.owner_signed(init);
        bench.apply(&entry).unwrap();
        bench
    }

    fn sign(&self, body: Body, signing: &SigningKey, hmac: &HmacKey) -> Entry {
        body.sign(self.state.size(), self.state.root(), &self.info, signing, hmac).unwrap()
    }

    fn owner_signed(&self, body: Body) -> Entry {
        self.sign(body, self.owner.signing(), &self.owner.hmac().unwrap())
    }

    fn written(&self, body: Body) -> Entry {
        self.sign(body, self.writer.signing(), self.writer.hmac())
    }

    fn apply(&mut self, entry: &Entry) -> Result<Entry, InvalidEntry> {
        self.state.apply(&entry.to_bytes().unwrap())
    }

    fn append(&self, from: u64, to: u64, n: u32) -> Body {
        let mut body = Body::new(Kind::Append, self.writer.id(), 7, TIME.into());
        body.wal = Some(WalRange { from, to });
        body.recorded = Some(Recorded { from: TIME.into(), to: TIME.into() });
        body.adds = Some(vec![AddedSegment {
            archive: None,
            batches: 1,
            bytes: 10,
            format: None,
            gone: None,
            key: None,
            max: 2,
            min: 1,
            path: format!(
                "segments/domain=data/month=2026-09/00000000-0000-4000-8000-{n:012}.parquet"
            ),
            root: "00".repeat(32),
            rows: to - from + 1,
            sha256: "00".repeat(32),
            stats: Default::default(),
        }]);
        body
    }
}

#[test]
fn valid_entries_fold_and_sizes_count() {
    let mut bench = Bench::new();
    for (from, to, n) in [(1, 3, 1), (4, 4, 2)] {
        let entry = bench.written(bench.append(from, to, n));
        assert_eq!(bench.apply(&entry).unwrap(), entry);
    }
    assert_eq!((bench.state.size(), bench.state.rows, bench.state.segments.len()), (3, 4, 2));
    let bytes = bench.written(bench.append(5, 5, 3)).to_bytes().unwrap();
    assert_eq!(Entry::parse(&bytes).unwrap().to_bytes().unwrap(), bytes);
    assert!(Entry::parse(&[bytes.as_slice(), b" "].concat()).is_err());
}

/// A change to a body that makes it invalid.
type Spoil = fn(&mut Body);

#[test]
fn every_precondition_is_enforced() {
    let cases: [(&str, Spoil); 14] = [
        ("gap", |b| b.wal = Some(WalRange { from: 5, to: 5 })),
        ("overlap", |b| b.wal = Some(WalRange { from: 3, to: 3 })),
        ("rows", |b| b.adds.as_mut().unwrap()[0].rows = 2),
        ("path again", |b| {
            b.adds.as_mut().unwrap()[0].path =
                b.adds.as_ref().unwrap()[0].path.replace("9.parquet", "1.parquet")
        }),
        ("path outside", |b| b.adds.as_mut().unwrap()[0].path = "segments/../x.parquet".into()),
        ("bounds", |b| b.adds.as_mut().unwrap()[0].min = 3),
        ("recorded before", |b| {
            b.recorded.as_mut().unwrap().from = "2026-09-14T08:12:07.113Z".into()
        }),
        ("recorded order", |b| b.recorded.as_mut().unwrap().to = "2026-09-14T08:12:07.113Z".into()),
        ("time", |b| b.time = "2026-09-14T08:12:07Z".into()),
        ("epoch before", |b| b.epoch = 6),
        ("epoch after an open one", |b| b.epoch = 8),
        ("close of another epoch", |b| {
            b.close = Some(Close { batches: 2, epoch: 8, seal: String::new() })
        }),
        ("close miscounts", |b| {
            b.close = Some(Close { batches: 1, epoch: 7, seal: String::new() })
        }),
        ("members of another kind", |b| b.owner = Some(String::new())),
    ];
    for (name, spoil) in cases {
        let mut bench = Bench::new();
        let first = bench.written(bench.append(1, 3, 1));
        bench.apply(&first).unwrap();
        let mut body = bench.append(4, 4, 9);
        spoil(&mut body);
        let (size, entry) = (bench.state.size(), bench.written(body));
        assert!(bench.apply(&entry).is_err(), "{name}");
        assert_eq!((bench.state.size(), bench.state.rows), (size + 1, 3), "{name}");
        let good = bench.written(bench.append(4, 4, 9));
        assert!(bench.apply(&good).is_ok(), "after {name}");
    }
}

#[test]
fn signatures_of_others_do_not_count() {
    let mut bench = Bench::new();
    let stranger = OwnerKey::generate(TRAIL).unwrap();
    let forged = bench.sign(bench.append(1, 1, 1), stranger.signing(), bench.writer.hmac());
    assert!(bench.apply(&forged).is_err());
    let mut swapped = bench.written(bench.append(1, 1, 1));
    swapped.hmac = "00".repeat(32);
    assert!(bench.apply(&swapped).is_err(), "the signature covers the HMAC");
    let other = bench.written(bench.append(1, 2, 1));
    let mut mixed = bench.written(bench.append(1, 1, 1));
    mixed.sig = other.sig;
    assert!(bench.apply(&mixed).is_err());
    let again = bench.owner_signed(Body::new(Kind::Init, OWNER, 0, TIME.into()));
    assert!(bench.apply(&again).is_err(), "a second init");
    let by_writer = bench.written(Body::new(Kind::Authorize, bench.writer.id(), 7, TIME.into()));
    assert!(bench.apply(&by_writer).is_err(), "only the owner authorises");
}

#[test]
fn garbage_has_no_effect_but_counts() {
    let mut bench = Bench::new();
    let before = bench.state.root();
    assert!(bench.state.apply(b"{}").is_err());
    assert_eq!(bench.state.size(), 2);
    assert_ne!(bench.state.root(), before);
    let entry = bench.written(bench.append(1, 1, 1));
    assert!(bench.apply(&entry).is_ok());
}

#[test]
fn an_epoch_ends_once() {
    let mut bench = Bench::new();
    let mut last = bench.append(1, 1, 1);
    last.close = Some(Close { batches: 1, epoch: 7, seal: "00".repeat(32) });
    let last = bench.written(last);
    bench.apply(&last).unwrap();
    let late = bench.written(bench.append(2, 2, 2));
    assert!(bench.apply(&late).is_err());
    let mut next = bench.append(2, 2, 2);
    next.epoch = 9;
    let next = bench.written(next);
    assert!(bench.apply(&next).is_ok());
}
