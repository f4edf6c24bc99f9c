//! A ledger made entry by entry with real keys, so that every part of it can be falsified.

use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::SigningKey;

use crate::keys::{HmacKey, OWNER, OwnerKey, WriterKeys};
use crate::ledger::{
    AddedSegment, Authorization, Body, Entry, Kind, Recorded, Revocation, TrailInfo, WalRange,
};
use crate::merkle::{self, Hash};
use crate::note::{self, Checkpoint};
use crate::proof::{
    self, BatchItem, ConsistencyFile, File, Hex, Item, Note, RecordItem, SegmentItem, SignerItem,
    StateItem, hex,
};
use crate::segment::{batch_leaf, canonical};

pub(super) const TRAIL: &str = "01234567-89ab-4def-8123-456789abcdef";
const TIME: &str = "2026-09-14T08:12:07.114Z";
const SALT: [u8; 32] = [7; 32];

/// Entry 0 authorises the first writer, entry 1 the second, entry 2 adds the records, entries 3
/// and 4 add others.
pub(super) struct Forge {
    pub(super) info: TrailInfo,
    pub(super) owner: OwnerKey,
    pub(super) writers: [WriterKeys; 2],
    pub(super) objects: Vec<Vec<u8>>,
    pub(super) records: Vec<String>,
}

/// A file's bytes.
pub(super) fn bytes(file: &impl serde::Serialize) -> Vec<u8> {
    [canonical(file).unwrap(), b"\n".to_vec()].concat()
}

impl Forge {
    pub(super) fn new() -> Self {
        let mut forge = Self::empty();
        let first = forge.init();
        forge.push_owner(first);
        let second = forge.authorize(1);
        forge.push_owner(second);
        let records = forge.append(1, 1, 3);
        forge.push_writer(records, 1);
        for wal in [1, 4] {
            let more = forge.append(0, wal, 3);
            forge.push_writer(more, 0);
        }
        forge
    }

    pub(super) fn empty() -> Self {
        let owner = OwnerKey::generate(TRAIL).unwrap();
        let writer = || WriterKeys::generate(&owner, "file:///t", 7).unwrap();
        let record = |n: usize| {
            format!(
                r#"{{"audit_id":"call-{n}","event_type":"data.file_read","recorded_at":"{TIME}","schema_version":1,"text":"é\"\\ 😀","timestamp":"{TIME}"}}"#
            )
        };
        Self {
            info: TrailInfo {
                created: TIME.into(),
                epoch_seconds: 3600,
                format: 1,
                origin: format!("sealtrail/{TRAIL}"),
                partitioning: "month".into(),
                trail_id: TRAIL.into(),
            },
            writers: [writer(), writer()],
            owner,
            objects: Vec::new(),
            records: (0..3).map(record).collect(),
        }
    }

    pub(super) fn vkey(&self) -> String {
        note::vkey(&self.info.key_name(OWNER), &self.owner.public()).unwrap()
    }

    pub(super) fn authorization(&self, writer: usize) -> Authorization {
        let keys = &self.writers[writer];
        Authorization {
            epoch: 7,
            hmac_key: keys.hmac().id(),
            public: BASE64.encode(keys.public().as_bytes()),
            writer: keys.id().into(),
        }
    }

    pub(super) fn init(&self) -> Body {
        let mut body = Body::new(Kind::Init, OWNER, 0, TIME.into());
        body.owner = Some(BASE64.encode(self.owner.public().as_bytes()));
        body.trail = Some(self.info.clone());
        body.authorizes = Some(vec![self.authorization(0)]);
        body
    }

    pub(super) fn authorize(&self, writer: usize) -> Body {
        let mut body = Body::new(Kind::Authorize, OWNER, 0, TIME.into());
        body.authorizes = Some(vec![self.authorization(writer)]);
        body
    }

    /// The owner authorises nobody and revokes a writer.
    pub(super) fn revoke(&self, writer: usize) -> Body {
        let mut body = Body::new(Kind::Authorize, OWNER, 0, TIME.into());
        body.authorizes = Some(Vec::new());
        let writer = self.writers[writer].id().to_owned();
        body.revokes = Some(vec![Revocation { reason: "host stolen".into(), writer }]);
        body
    }

    /// An entry that adds two segments; the second one has our records in the last of its batches.
    pub(super) fn append(&self, writer: usize, from: u64, rows: u64) -> Body {
        let mut body = Body::new(Kind::Append, self.writers[writer].id(), 7, TIME.into());
        body.wal = Some(WalRange { from, to: from + rows - 1 });
        body.recorded = Some(Recorded { from: TIME.into(), to: TIME.into() });
        let segment = |n: u64, root: Hash, batches| AddedSegment {
            archive: None,
            batches,
            bytes: 10,
            format: None,
            gone: None,
            key: None,
            max: 2,
            min: 1,
            path: format!(
                "segments/domain=data/month=2026-09/00000000-0000-4000-8000-{n:012}.parquet"
            ),
            root: HEXLOWER.encode(&root),
            rows,
            sha256: "00".repeat(32),
            stats: Default::default(),
        };
        let list = merkle::root(&self.list());
        body.adds = Some(vec![segment(from * 2, [1; 32], 1), segment(from * 2 + 1, list, 3)]);
        body
    }

    fn leaves(&self) -> Vec<Hash> {
        let leaf = |(i, record): (usize, &String)| {
            merkle::record_leaf(&merkle::batch_salt_at(&SALT, i as u64), record.as_bytes())
        };
        self.records.iter().enumerate().map(leaf).collect()
    }

    /// The leaves of the batch list; the last is of the batch with our records.
    fn list(&self) -> Vec<Hash> {
        let leaf = |n: u64, root| batch_leaf(&[3; 32], &format!("b:{n}"), &root, 3).unwrap();
        vec![leaf(0, [4; 32]), leaf(1, [5; 32]), leaf(2, merkle::root(&self.leaves()))]
    }

    pub(super) fn root(&self, size: usize) -> Hash {
        merkle::root(&self.entry_leaves(size))
    }

    fn entry_leaves(&self, size: usize) -> Vec<Hash> {
        self.objects[..size].iter().map(|bytes| merkle::leaf_hash(bytes)).collect()
    }

    pub(super) fn push_owner(&mut self, body: Body) {
        let (signing, hmac) = (self.owner.signing().clone(), self.owner.hmac().unwrap());
        self.push(body, &signing, &hmac, self.root(self.objects.len()));
    }

    pub(super) fn push_writer(&mut self, body: Body, writer: usize) {
        let keys = &self.writers[writer];
        let (signing, hmac) = (keys.signing().clone(), keys.hmac().clone());
        self.push(body, &signing, &hmac, self.root(self.objects.len()));
    }

    pub(super) fn push(&mut self, body: Body, signing: &SigningKey, hmac: &HmacKey, tree: Hash) {
        let n = self.objects.len() as u64;
        let entry = body.sign(n, tree, &self.info, signing, hmac).unwrap();
        self.objects.push(entry.to_bytes().unwrap());
    }

    pub(super) fn signing(&self, signer: &str) -> &SigningKey {
        let writer = self.writers.iter().find(|keys| keys.id() == signer);
        writer.map_or(self.owner.signing(), |keys| keys.signing())
    }

    /// A checkpoint of these figures.
    pub(super) fn note(&self, signer: &str, size: u64, root: Hash) -> Note {
        let checkpoint = Checkpoint { origin: self.info.origin.clone(), size, root };
        let note = checkpoint.sign(&self.info.key_name(signer), self.signing(signer)).unwrap();
        Note { note, signer: signer.to_owned() }
    }

    pub(super) fn item(&self, n: u64) -> Item {
        let leaves = self.entry_leaves(self.objects.len());
        let path = merkle::inclusion_proof(&leaves, n as usize).unwrap();
        let bytes = String::from_utf8(self.objects[n as usize].clone()).unwrap();
        Item { bytes, n, path: hex(&path) }
    }

    /// The proof of one of our records in entry 2, under a checkpoint of all entries.
    pub(super) fn proof(&self, record: usize, signer: &str) -> File {
        self.proof_in(2, record, signer)
    }

    pub(super) fn proof_in(&self, entry: u64, record: usize, signer: &str) -> File {
        let (checkpoint, entries, signers) = self.evidence(Some(entry), signer);
        let (leaves, list) = (self.leaves(), self.list());
        let record = RecordItem {
            bytes: self.records[record].clone(),
            index: record as u64,
            path: hex(&merkle::inclusion_proof(&leaves, record).unwrap()),
            salt: Hex(merkle::batch_salt_at(&SALT, record as u64)),
        };
        let batch = BatchItem {
            commitment: Hex([3; 32]),
            id: "b:2".into(),
            index: 2,
            path: hex(&merkle::inclusion_proof(&list, 2).unwrap()),
            root: Hex(merkle::root(&leaves)),
            rows: 3,
        };
        let segment = SegmentItem { entry, index: 1 };
        File::new(record, batch, segment, entries, checkpoint, signers)
    }

    /// The proof that all entries begin with the first `from`.
    pub(super) fn consistency(&self, from: usize, signer: &str) -> ConsistencyFile {
        let (checkpoint, entries, signers) = self.evidence(None, signer);
        let leaves = self.entry_leaves(self.objects.len());
        ConsistencyFile {
            checkpoint,
            entries,
            from: StateItem { root: Hex(self.root(from)), size: from as u64 },
            kind: proof::Kind::Consistency,
            path: hex(&merkle::consistency_proof(&leaves, from).unwrap()),
            signers,
            v: 1,
        }
    }

    fn evidence(&self, subject: Option<u64>, signer: &str) -> (Note, Vec<Item>, Vec<SignerItem>) {
        let bodies: Vec<Body> =
            self.objects.iter().map(|bytes| Entry::parse(bytes).unwrap().body).collect();
        let mut needed: Vec<&str> =
            subject.iter().map(|&n| bodies[n as usize].writer.as_str()).collect();
        needed.push(signer);
        needed.retain(|signer| *signer != OWNER);
        needed.sort_unstable();
        needed.dedup();
        let first = |named: &dyn Fn(&Body) -> bool| bodies.iter().position(named).map(|n| n as u64);
        let signer_of = |writer: &str| SignerItem {
            authorized: first(&|b| b.authorizes.iter().flatten().any(|a| a.writer == writer))
                .unwrap_or(0),
            revoked: first(&|b| b.revokes.iter().flatten().any(|r| r.writer == writer)),
            writer: writer.to_owned(),
        };
        let signers: Vec<SignerItem> = needed.into_iter().map(signer_of).collect();
        let mut numbers: Vec<u64> = signers.iter().map(|s| s.authorized).collect();
        numbers.extend(signers.iter().filter_map(|s| s.revoked));
        numbers.extend(subject.into_iter().chain([0]));
        numbers.sort_unstable();
        numbers.dedup();
        let entries = numbers.into_iter().map(|n| self.item(n)).collect();
        let size = self.objects.len();
        (self.note(signer, size as u64, self.root(size)), entries, signers)
    }
}
