//! One history, and what must be true at its end.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use object_store::memory::InMemory;

use super::clock::Mortal;
use super::host::Host;
use super::rng::Rng;
use super::store::Bad;
use crate::config::Home;
use crate::keys::OwnerKey;
use crate::ledger::Ledger;
use crate::segment::SegmentFile;
use crate::storage::Storage;
use crate::storage::watched::Watched;
use crate::trail::init::init_in;
use crate::trail::{InitOptions, ReadView};
use crate::verify::{Options, Trust, Verdict, verify};

/// 2100-01-01, and later than any clock that is not simulated.
const START: i64 = 4_102_444_800_000_000;

/// The records of segments, by tag with the ids, read without any fault.
pub(super) struct Tags {
    storage: Storage,
    known: RefCell<BTreeMap<String, Vec<(String, String)>>>,
}

impl Tags {
    pub(super) async fn of_view(&self, view: &ReadView) -> Vec<(String, String)> {
        let mut all: Vec<_> = view.unflushed.iter().map(|record| tag_and_id(record)).collect();
        for segment in view.segments() {
            all.extend(self.of_segment(&segment.path).await);
        }
        all
    }

    async fn of_segment(&self, path: &str) -> Vec<(String, String)> {
        if let Some(known) = self.known.borrow().get(path) {
            return known.clone();
        }
        let file = SegmentFile::open(path, self.storage.get(path).await.unwrap()).unwrap();
        let rows: Vec<usize> = (0..usize::try_from(file.meta().rows).unwrap()).collect();
        let records = file.records(&rows).unwrap();
        let found: Vec<_> = records.iter().map(|record| tag_and_id(record)).collect();
        self.known.borrow_mut().insert(path.to_owned(), found.clone());
        found
    }
}

fn tag_and_id(record: &[u8]) -> (String, String) {
    let member = |name: &str| {
        let value = crate::json::get(record, &[name]).unwrap();
        crate::json::string_value(value).unwrap().into_owned()
    };
    (member("tag"), member("audit_id"))
}

/// By tag; none may be there twice.
pub(super) fn one_of_each(all: Vec<(String, String)>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (tag, id) in all {
        let before = found.insert(tag.clone(), id);
        assert!(before.is_none(), "{tag} is there twice");
    }
    found
}

pub(super) fn run(seed: u64) {
    let trace = Rc::new(RefCell::new(Vec::new()));
    let told = Told { seed, trace: Rc::clone(&trace) };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(history(seed, trace));
    drop(told);
}

/// Prints the history of a seed that fails.
struct Told {
    seed: u64,
    trace: Rc<RefCell<Vec<String>>>,
}

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {} failed after\n  {}", self.seed, self.trace.borrow().join("\n  "));
        }
    }
}

async fn history(seed: u64, trace: Rc<RefCell<Vec<String>>>) {
    // Memory where there is such a folder: nothing here is about disks.
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let dir = dir.unwrap();
    let mut rng = Rng::new(seed);
    let named = Storage::open(&format!("memory://simulation-{seed}")).unwrap();
    let inner = Arc::new(InMemory::new());
    let good = Watched::behind(&named, inner.clone());
    let faults = [0, 5, 15, 40][usize::try_from(rng.below(4)).unwrap()];
    let bad = Bad::new(inner, rng.next(), faults);
    let storage = Watched::behind(&named, bad.clone());

    let options = InitOptions::new(Home::at(&dir.path().join("owner")));
    let making = Box::pin(init_in(&good, &options));
    let info = Mortal { work: making, now: START, life: u64::MAX }.await.unwrap().unwrap();
    let owner = Arc::new(
        OwnerKey::load(&options.home.keys_dir, &info.trail_id, &options.passphrase).unwrap(),
    );
    let tags = Tags { storage: good.clone(), known: RefCell::default() };

    let mut hosts: Vec<Host> = (0..1 + usize::try_from(rng.below(3)).unwrap())
        .map(|name| {
            let home = Home::at(&dir.path().join(format!("home{name}")));
            let (rng, clock) = (Rng::new(rng.next()), START);
            let (owner, trace) = (Arc::clone(&owner), Rc::clone(&trace));
            Host::new(name, rng, home, owner, storage.clone(), clock, trace)
        })
        .collect();
    let steps = 5 + rng.below(12);
    futures::future::join_all(hosts.iter_mut().map(|host| host.live(steps, &tags))).await;

    bad.calm().await;
    for host in &mut hosts {
        host.catch_up().await;
    }
    promised(&good, &hosts, &tags).await;
    for host in &mut hosts {
        host.settle(&tags).await;
    }
    check(&good, &hosts, &tags, owner).await;
}

/// Before anything is recovered: what a flush said is in the ledger is there.
async fn promised(good: &Storage, hosts: &[Host], tags: &Tags) {
    let state = Arc::clone(Ledger::read_all(good.clone()).await.unwrap().state());
    let found = one_of_each(
        tags.of_view(&ReadView {
            state,
            unflushed: Vec::new(),
            without_access: false,
            vault: None,
            archives: None,
            keys: None,
        })
        .await,
    );
    for tag in hosts.iter().flat_map(|host| &host.committed) {
        assert!(found.contains_key(tag), "{tag} was committed");
    }
}

async fn check(good: &Storage, hosts: &[Host], tags: &Tags, owner: Arc<OwnerKey>) {
    let read = Ledger::read_all(good.clone()).await.unwrap();
    assert_eq!(read.state(), Ledger::open(good.clone()).await.unwrap().state());
    let view = ReadView {
        state: Arc::clone(read.state()),
        unflushed: Vec::new(),
        without_access: false,
        vault: None,
        archives: None,
        keys: None,
    };
    let found = one_of_each(tags.of_view(&view).await);
    for host in hosts {
        for (tag, id) in &host.acknowledged {
            let stored = found.get(tag).unwrap_or_else(|| panic!("{tag} is lost"));
            assert!(id.as_ref().is_none_or(|id| id == stored), "{tag} has the id {stored}");
        }
    }
    for tag in found.keys() {
        assert!(hosts.iter().any(|host| host.tried.contains(tag)), "{tag} is invented");
    }
    let trust = Trust { secret: Some(Arc::clone(&owner)), ..Trust::owner(owner.public()) };
    let options = Options { threads: 1, ..Options::default() };
    let report = verify(good, &trust, &options, &|_| {}, &Arc::default()).await.unwrap();
    assert_eq!((report.verdict, &report.findings), (Verdict::Verified, &vec![]));
    assert_eq!(report.committed, found.len() as u64);
    // Nobody is said to have broken off who did not.
    if hosts.iter().all(|host| !host.broke_off) {
        assert_eq!(report.runs.recovered, []);
    }
}
