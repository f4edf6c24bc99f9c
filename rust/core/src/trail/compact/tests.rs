//! Compaction of real trails.

mod orphans;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::*;
use crate::config::{Config, Home};
use crate::keys::OWNER;
use crate::ledger::{Kind, Ledger, Moment};
use crate::note;
use crate::proof;
use crate::record::Strictness;
use crate::storage::Storage;
use crate::storage::watched::Watched;
use crate::trail::{InitOptions, OpenOptions, Settings, init};
use crate::verify::{Options, Report, Trust, Verdict, verify};

const NOW: Duration = Duration::ZERO;

struct Place {
    dir: tempfile::TempDir,
    storage: Storage,
}

impl Place {
    /// An empty trail in a folder, or in memory as in a store.
    async fn new(local: bool) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let dir = tempfile::tempdir().unwrap();
        let url = match local {
            true => dir.path().join("audit").display().to_string(),
            false => format!("memory://compaction-{}", NEXT.fetch_add(1, Ordering::Relaxed)),
        };
        let options =
            InitOptions { epoch_seconds: 1 << 40, ..InitOptions::new(Home::at(dir.path())) };
        init(&url, &options).await.unwrap();
        Self { dir, storage: Storage::open(&url).unwrap() }
    }

    async fn open_in(&self, storage: &Storage) -> Trail {
        let mut settings = Settings::from_config(&Config::default(), self.storage.url());
        settings.snapshot_spacing = 3;
        let options = OpenOptions::new(Home::at(self.dir.path()), settings);
        Trail::open_in(storage.clone(), options).await.unwrap()
    }

    async fn open(&self) -> Trail {
        self.open_in(&self.storage).await
    }

    async fn report(&self) -> Report {
        let owner = self.open().await.owner_key().unwrap();
        let trust = Trust { secret: Some(Arc::clone(&owner)), ..Trust::owner(owner.public()) };
        let options = Options::default();
        verify(&self.storage, &trust, &options, &|_| {}, &Arc::default()).await.unwrap()
    }

    /// Everything verifies, and the trail has these records, each once.
    async fn holds(&self, ids: &BTreeSet<String>) {
        let report = self.report().await;
        assert_eq!((report.verdict, &report.findings), (Verdict::Verified, &vec![]));
        let opened = Ledger::open(self.storage.clone()).await.unwrap();
        let read = Ledger::read_all(self.storage.clone()).await.unwrap();
        assert_eq!(opened.state(), read.state());
        let trail = self.open().await;
        assert_eq!(records(&trail, &trail.view().await.unwrap()).await, *ids);
    }
}

/// Ids of a view's records, none of which is there twice.
async fn records(trail: &Trail, view: &crate::trail::ReadView) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut add = |record: &[u8]| {
        let id = crate::trail::lookup::id_of(record).unwrap();
        assert!(found.insert(id.clone()), "{id} is there twice");
    };
    view.unflushed.iter().for_each(|record| add(record));
    for segment in view.segments() {
        let file = trail.segment(segment).await.unwrap();
        let rows: Vec<usize> = (0..usize::try_from(file.meta().rows).unwrap()).collect();
        file.records(&rows).unwrap().iter().for_each(|record| add(record));
    }
    found
}

fn event(id: &str) -> String {
    let n = id.len();
    let domain = ["data", "auth"][n % 2];
    format!(
        r#"{{"audit_id":"{id}","event_type":"{domain}.thing","n":{n},"resource":{{"path":"/{id}"}},"timestamp":"2026-03-03T04:05:06.{:03}Z"}}"#,
        id.bytes().map(u32::from).sum::<u32>() % 1000
    )
}

/// One entry with some records.
async fn commit(trail: &Trail, names: &[&str]) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for name in names {
        for id in [format!("{name}-data"), format!("{name}-auth1")] {
            trail.record(event(&id).as_bytes(), Strictness::Lenient).await.unwrap();
            ids.insert(id);
        }
    }
    trail.flush().await.unwrap();
    ids
}

fn options(grace: Duration) -> CompactOptions {
    CompactOptions { grace, ..CompactOptions::default() }
}

#[tokio::test]
async fn records_proofs_and_followers_outlive_their_files() {
    for local in [true, false] {
        let place = Place::new(local).await;
        let trail = place.open().await;
        let mut ids = commit(&trail, &["a", "b"]).await;
        let (mut behind, _) = trail.follow().await.unwrap();
        behind.next().await.unwrap();
        let start = behind.cursor().unwrap();
        let size = trail.view().await.unwrap().size();
        for name in ["c", "d", "e"] {
            ids.extend(commit(&trail, &[name]).await);
        }
        let plan = trail.plan_compaction(&options(NOW)).await.unwrap();
        assert_eq!(plan.groups.len(), 2);
        assert_eq!(plan.rows(), ids.len() as u64);
        let report = trail.compact(&options(GRACE)).await.unwrap();
        assert_eq!((report.replaced, report.segments, report.swept), (8, 2, 0));
        assert_eq!(report.rows, ids.len() as u64);
        place.holds(&ids).await;
        assert_eq!(trail.compact(&options(NOW)).await.unwrap().swept, 8);
        assert_eq!(trail.compact(&options(NOW)).await.unwrap(), CompactReport::default());
        place.holds(&ids).await;
        assert_eq!(place.storage.list("segments").await.unwrap().len(), 2);

        let vkey = note::vkey(&trail.info().key_name(OWNER), &trail.owner_key().unwrap().public());
        for id in &ids {
            assert!(trail.get(id).await.unwrap().is_some());
            let proof = trail.prove(id).await.unwrap().unwrap();
            let checked = proof::check(proof.as_bytes(), vkey.as_ref().unwrap()).unwrap();
            assert!(checked.entry < size + 3);
        }
        let known: Vec<String> = ids.iter().cloned().chain(["nobody".to_owned()]).collect();
        assert_eq!(trail.contains(&known).await.unwrap().len(), ids.len());
        let past = trail.view_at(Moment::Entries(size)).await.unwrap();
        let then: BTreeSet<String> = ids.iter().filter(|id| id.as_str() < "c").cloned().collect();
        assert_eq!(records(&trail, &past).await, then);
        let mut follower = trail.follow_from(&start).await.unwrap();
        let given = all_of(&mut follower).await;
        assert_eq!(given, ids.difference(&then).cloned().collect());
        let mut first = trail.follow_from_start().await.unwrap();
        assert_eq!(all_of(&mut first).await, ids);
        trail.close(true).await.unwrap();
    }
}

async fn all_of(follower: &mut crate::trail::Follower) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    loop {
        let records: Vec<Bytes> = follower.next().await.unwrap();
        if records.is_empty() {
            return found;
        }
        for record in &records {
            let id = crate::trail::lookup::id_of(record).unwrap();
            assert!(found.insert(id.clone()), "{id} came twice");
        }
    }
}

#[tokio::test]
async fn what_was_compacted_is_compacted_again() {
    let place = Place::new(true).await;
    let trail = place.open().await;
    let mut ids = BTreeSet::new();
    for round in ["a", "b", "c"] {
        for part in 0..4 {
            ids.extend(commit(&trail, &[&format!("{round}{part}")]).await);
        }
        trail.compact(&options(NOW)).await.unwrap();
        place.holds(&ids).await;
    }
    assert_eq!(trail.view().await.unwrap().segments().len(), 2);
    trail.close(true).await.unwrap();
    place.holds(&ids).await;
}

#[tokio::test]
async fn racing_compactors_and_writers_lose_and_repeat_nothing() {
    let place = Place::new(false).await;
    let (a, b, writer) = (place.open().await, place.open().await, place.open().await);
    let mut ids = BTreeSet::new();
    for round in 0..6 {
        for part in 0..3 {
            ids.extend(commit(&writer, &[&format!("{round}-{part}")]).await);
        }
        let name = format!("{round}-late");
        let late = [name.as_str()];
        let how = options(NOW);
        let (x, y, more) = tokio::join!(a.compact(&how), b.compact(&how), commit(&writer, &late));
        let (x, y) = (x.unwrap(), y.unwrap());
        assert!(x.segments + y.segments > 0);
        ids.extend(more);
        place.holds(&ids).await;
    }
    for trail in [a, b, writer] {
        trail.close(true).await.unwrap();
    }
    place.holds(&ids).await;
    // What lost a race left nothing behind that is not named.
    let state = Ledger::open(place.storage.clone()).await.unwrap();
    let live = state.state().segments.len() + state.state().lifecycle.retired.len();
    assert_eq!(place.storage.list("segments").await.unwrap().len(), live);
}

#[tokio::test]
async fn a_crash_at_any_put_is_finished_by_the_next_run() {
    for done in [false, true] {
        for last_put in 0.. {
            let place = Place::new(false).await;
            let trail = place.open().await;
            let mut ids = commit(&trail, &["a"]).await;
            ids.extend(commit(&trail, &["b"]).await);
            trail.close(true).await.unwrap();
            let (watched, storage) = Watched::dying(&place.storage, last_put, done);
            let trail = place.open_in(&storage).await;
            let how = CompactOptions { threads: 1, ..options(NOW) };
            let _ = trail.compact(&how).await;
            let died = watched.is_dead();
            trail.close(false).await.unwrap();
            drop(trail);
            place.holds(&ids).await;

            let trail = place.open().await;
            ids.extend(commit(&trail, &["c"]).await);
            trail.compact(&how).await.unwrap();
            trail.remove_orphans(NOW).await.unwrap();
            trail.close(true).await.unwrap();
            place.holds(&ids).await;
            assert_eq!(place.storage.list("segments").await.unwrap().len(), 2);
            let state = Ledger::open(place.storage.clone()).await.unwrap();
            assert_eq!(state.state().segments.len(), 2, "after {last_put} {done}");
            assert!(state.state().lifecycle.retired.is_empty(), "after {last_put} {done}");
            if !died {
                // Two segments, three entries, and what comes with these.
                assert!(last_put > 5, "{last_put}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn files_stay_for_the_grace_period_and_say_so_afterwards() {
    let place = Place::new(true).await;
    let trail = place.open().await;
    commit(&trail, &["a"]).await;
    commit(&trail, &["b"]).await;
    let old = trail.view().await.unwrap();
    trail.compact(&options(GRACE)).await.unwrap();
    let waiting = trail.sweep(GRACE).await.unwrap();
    assert_eq!(waiting, SweepReport { files: 0, waiting: 4 });
    assert_eq!(records(&trail, &old).await.len(), 4);
    assert_eq!(trail.sweep(NOW).await.unwrap(), SweepReport { files: 4, waiting: 0 });
    let error = trail.segment(&old.segments()[0]).await.unwrap_err();
    assert!(error.to_string().contains("ask again"), "{error}");
    trail.close(true).await.unwrap();
}

#[tokio::test]
async fn an_interrupted_compaction_changes_nothing_and_a_bad_segment_is_named() {
    let place = Place::new(true).await;
    let trail = place.open().await;
    let mut ids = commit(&trail, &["a"]).await;
    ids.extend(commit(&trail, &["b"]).await);
    let how = options(NOW);
    how.cancel.store(true, Ordering::Relaxed);
    assert_eq!(trail.compact(&how).await.unwrap_err().kind(), "interrupted");
    place.holds(&ids).await;
    let segment = Arc::clone(&trail.view().await.unwrap().segments()[0]);
    let path = place.dir.path().join("audit").join(&segment.path);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let error = trail.compact(&options(NOW)).await.unwrap_err();
    assert_eq!(error.kind(), "integrity");
    // The other partition was compacted.
    let state = Ledger::open(place.storage.clone()).await.unwrap();
    assert_eq!(state.state().segments.len(), 3);
    assert!(state.state().segments.iter().any(|live| live.path == segment.path));
    trail.close(true).await.unwrap();
}

#[tokio::test]
async fn maintenance_commits_what_logs_hold() {
    let place = Place::new(true).await;
    let trail = place.open().await;
    let mut ids = commit(&trail, &["a"]).await;
    trail.record(event("left").as_bytes(), Strictness::Lenient).await.unwrap();
    ids.insert("left".to_owned());
    trail.close(false).await.unwrap();
    let trail = place.open().await;
    let report = trail.maintain(&options(NOW)).await.unwrap();
    assert_eq!(report.committed, 1);
    trail.close(true).await.unwrap();
    place.holds(&ids).await;
}

#[tokio::test]
async fn a_compaction_is_no_run_and_no_end_of_one() {
    let place = Place::new(true).await;
    let trail = place.open().await;
    commit(&trail, &["a"]).await;
    commit(&trail, &["b"]).await;
    trail.close(true).await.unwrap();
    let trail = place.open().await;
    trail.compact(&options(NOW)).await.unwrap();
    trail.close(true).await.unwrap();
    let report = place.report().await;
    assert_eq!(report.runs.recovered, []);
    assert_eq!(report.runs.open, []);
    let storage = &place.storage;
    let size = Ledger::open(storage.clone()).await.unwrap().state().size();
    let mut kinds = Vec::new();
    for n in 0..size {
        let bytes = storage.get(&crate::ledger::entry_path(n)).await.unwrap();
        kinds.push(crate::ledger::Entry::parse(&bytes).unwrap().body.kind);
    }
    assert_eq!(kinds[kinds.len() - 3..], [Kind::Compact, Kind::Compact, Kind::Sweep]);
}
