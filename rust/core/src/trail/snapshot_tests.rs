//! Snapshots as writers make them, and what crashes on the way leave.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::*;
use crate::config::{Config, Home};
use crate::ledger::{DueSnapshot, State, entry_path, snapshot_path};
use crate::storage::watched::Watched;
use crate::verify::{Options, Trust, Verdict, verify};

/// An empty trail in memory whose snapshots may be three entries apart.
struct Place {
    dir: tempfile::TempDir,
    storage: Storage,
}

impl Place {
    async fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let url = format!("memory://snapshots-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let dir = tempfile::tempdir().unwrap();
        // One epoch, so that no entry comes from the clock.
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

    /// The state now, which must be the same however it is read, and all of which must verify.
    async fn state(&self) -> Arc<State> {
        let opened = Ledger::open(self.storage.clone()).await.unwrap();
        let read = Ledger::read_all(self.storage.clone()).await.unwrap();
        assert_eq!(opened.state(), read.state());
        let owner = self.open().await.owner_key().unwrap();
        let trust = Trust { secret: Some(Arc::clone(&owner)), ..Trust::owner(owner.public()) };
        let options = Options::default();
        let report = verify(&self.storage, &trust, &options, &|_| {}, &Arc::default()).await;
        let report = report.unwrap();
        assert_eq!((report.verdict, &report.findings), (Verdict::Verified, &vec![]));
        Arc::clone(opened.state())
    }
}

async fn record(trail: &Trail, id: &str) {
    let event = format!(r#"{{"event_type":"data.file_read","audit_id":"{id}"}}"#);
    trail.record(event.as_bytes(), Strictness::Lenient).await.unwrap();
}

/// One entry.
async fn commit(trail: &Trail, id: &str) {
    record(trail, id).await;
    trail.flush().await.unwrap();
}

#[tokio::test]
async fn a_writer_makes_snapshots_when_they_are_due_and_reads_nothing_for_them() {
    let place = Place::new().await;
    let (watched, storage) = Watched::of(&place.storage);
    let trail = place.open_in(&storage).await;
    let mut named = Vec::new();
    for n in 0..40 {
        record(&trail, &format!("e{n}")).await;
        watched.take_gets();
        trail.flush().await.unwrap();
        // Two looks for newer entries, and the entry itself.
        assert!(watched.take_gets().len() <= 3, "at {n}");
        let state = &trail.view().await.unwrap().state;
        named.extend(state.newest_snapshot.as_ref().map(|s| (s.n, Some(s.n) == state.snapshot)));
    }
    named.dedup();
    let full: Vec<u64> = named.iter().filter(|(_, full)| *full).map(|(n, _)| *n).collect();
    assert_eq!(full, [3, 6, 9, 12, 15, 19, 25, 33]);
    let continued: Vec<u64> = named.iter().filter(|(_, full)| !full).map(|(n, _)| *n).collect();
    assert_eq!(continued, [18, 22, 28, 31, 36, 39]);
    trail.close(true).await.unwrap();
    let state = place.state().await;
    assert_eq!((state.rows, state.snapshot), (40, Some(33)));
    watched.take_gets();
    let ledger = Ledger::open(storage.clone()).await.unwrap();
    assert_eq!(ledger.state(), &state);
    let gets = watched.take_gets();
    for path in [33, 36, 39].map(snapshot_path) {
        assert!(gets.contains(&path), "{gets:?}");
    }
    assert!(!gets.contains(&entry_path(38)) && !gets.contains(&snapshot_path(31)), "{gets:?}");
}

#[tokio::test]
async fn a_crash_at_any_put_of_a_commit_loses_and_repeats_nothing() {
    for done in [false, true] {
        let mut deaths = Vec::new();
        for last_put in 0..5 {
            let place = Place::new().await;
            let trail = place.open().await;
            record(&trail, "a").await;
            trail.close(true).await.unwrap();
            let (watched, storage) = Watched::dying(&place.storage, last_put, done);
            let trail = place.open_in(&storage).await;
            record(&trail, "b").await;
            let _ = trail.flush().await;
            deaths.push(watched.is_dead());
            trail.close(false).await.unwrap();
            drop(trail);

            let trail = place.open().await;
            for id in ["c", "d"] {
                commit(&trail, id).await;
            }
            for id in ["a", "b", "c", "d"] {
                assert!(trail.get(id).await.unwrap().is_some(), "{id} after {last_put} {done}");
            }
            trail.close(true).await.unwrap();
            let state = place.state().await;
            assert_eq!(state.rows, 4, "after {last_put} {done}");
            assert!(state.snapshot.is_some(), "after {last_put} {done}");
        }
        // Segment, snapshot, entry, hint.
        assert_eq!(deaths, [true, true, true, true, false]);
    }
}

#[tokio::test]
async fn what_stands_under_the_name_of_a_snapshot_does_not_stop_a_commit() {
    for garbage in [false, true] {
        let place = Place::new().await;
        let trail = place.open().await;
        commit(&trail, "a").await;
        let ledger = Ledger::open(place.storage.clone()).await.unwrap();
        assert_eq!(ledger.state().size(), 3);
        let left = match garbage {
            true => Bytes::from_static(b"rubbish"),
            // What a crash before the entry leaves.
            false => ledger.snapshot(DueSnapshot::Full).unwrap(),
        };
        place.storage.put_create(&snapshot_path(3), left).await.unwrap();
        commit(&trail, "b").await;
        let named = if garbage { [None, Some(4)] } else { [Some(3), Some(3)] };
        assert_eq!(place.state().await.snapshot, named[0]);
        commit(&trail, "c").await;
        assert_eq!(place.state().await.snapshot, named[1]);
        trail.close(true).await.unwrap();
    }
}

#[tokio::test]
async fn racing_writers_make_snapshots_that_hold() {
    let place = Place::new().await;
    let (a, b) = (place.open().await, place.open().await);
    for n in 0..25 {
        record(&a, &format!("a{n}")).await;
        record(&b, &format!("b{n}")).await;
        let (x, y) = tokio::join!(a.flush(), b.flush());
        x.unwrap();
        y.unwrap();
    }
    a.close(true).await.unwrap();
    b.close(true).await.unwrap();
    let state = place.state().await;
    assert_eq!(state.rows, 50);
    assert!(state.snapshot.is_some_and(|n| n > 20), "{:?}", state.snapshot);
}

#[tokio::test]
async fn a_writer_still_refuses_a_ledger_that_was_rolled_back() {
    let place = Place::new().await;
    let (early, late) = (place.open().await, place.open().await);
    commit(&early, "early").await;
    early.close(true).await.unwrap();
    for n in 0..12 {
        commit(&late, &format!("late{n}")).await;
    }
    late.close(true).await.unwrap();
    let state = place.state().await;
    assert!(state.snapshot.is_some_and(|n| n > 4), "{:?}", state.snapshot);
    // Both writers are taken over: one has seen much less than the snapshot holds.
    let again = place.open().await;
    commit(&again, "again").await;
    again.close(true).await.unwrap();
    let size = place.state().await.size();
    place.storage.delete(&entry_path(size - 1)).await.unwrap();
    let trail = place.open().await;
    let event = br#"{"event_type":"data.file_read"}"#;
    let error = trail.record(event, Strictness::Lenient).await.unwrap_err();
    assert_eq!(error.kind(), "integrity");
}
