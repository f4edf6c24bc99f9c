use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::*;
use crate::config::{Config, Home};
use crate::ledger::{Entry, entry_path};
use crate::storage::watched::Watched;
use crate::verify::{Options, Trust, Verdict, verify};

const EVENT: &[u8] = br#"{"event_type":"data.read"}"#;

struct Place {
    dir: tempfile::TempDir,
    storage: Storage,
}

impl Place {
    async fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let dir = tempfile::tempdir().unwrap();
        let url = format!("memory://pressure-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let options =
            InitOptions { epoch_seconds: 1 << 40, ..InitOptions::new(Home::at(dir.path())) };
        init(&url, &options).await.unwrap();
        Self { dir, storage: Storage::open(&url).unwrap() }
    }

    fn settings(&self) -> Settings {
        Settings::from_config(&Config::default(), self.storage.url())
    }

    async fn open_in(&self, storage: &Storage, settings: Settings) -> Trail {
        let options = OpenOptions::new(Home::at(self.dir.path()), settings);
        Trail::open_in(storage.clone(), options).await.unwrap()
    }

    /// The ranges of `recorded_at` and numbers of rows of all `append` entries.
    async fn appends(&self, trail: &Trail) -> Vec<(String, String, u64)> {
        let mut all = Vec::new();
        for n in 0..trail.view().await.unwrap().size() {
            let entry = Entry::parse(&self.storage.get(&entry_path(n)).await.unwrap()).unwrap();
            if let Some(recorded) = entry.body.recorded {
                let rows = entry.body.adds.iter().flatten().map(|add| add.rows).sum();
                all.push((recorded.from, recorded.to, rows));
            }
        }
        all
    }
}

#[tokio::test]
async fn a_commit_comes_with_so_many_records() {
    let place = Place::new().await;
    let mut settings = place.settings();
    settings.max_records = 3;
    let trail = place.open_in(&place.storage, settings).await;
    for _ in 0..7 {
        trail.record(EVENT, Strictness::Strict).await.unwrap();
    }
    let rows: Vec<u64> = place.appends(&trail).await.iter().map(|a| a.2).collect();
    assert_eq!(rows, [3, 3]);
    assert_eq!(trail.stats().await.unwrap().writer.unwrap().log_records, 1);
}

#[tokio::test]
async fn a_flush_never_mixes_days() {
    let place = Place::new().await;
    let trail = place.open_in(&place.storage, place.settings()).await;
    trail.record(EVENT, Strictness::Strict).await.unwrap();
    let writer = trail.current().unwrap();
    writer.flush().await.unwrap();
    let day = 86_400_000_000;
    for _ in 0..6 {
        trail.record(EVENT, Strictness::Strict).await.unwrap();
    }
    {
        // As if midnight had been twice meanwhile.
        let mut intake = writer.intake();
        for (i, pending) in intake.pending.iter_mut().enumerate() {
            pending.recorded_at += day * [0, 0, 1, 1, 1, 2][i];
        }
    }
    // Verification holds entries against records, so only what is put counts here.
    trail.flush().await.unwrap();
    let appends = place.appends(&trail).await;
    let rows: Vec<u64> = appends.iter().map(|a| a.2).collect();
    assert_eq!(rows, [1, 2, 3, 1]);
    for (from, to, _) in appends {
        assert_eq!(from[..10], to[..10]);
    }
    assert_eq!(trail.view().await.unwrap().unflushed.len(), 0);
}

#[tokio::test]
async fn what_waits_since_another_day_is_due() {
    let place = Place::new().await;
    let trail = place.open_in(&place.storage, place.settings()).await;
    trail.record(EVENT, Strictness::Strict).await.unwrap();
    let writer = trail.current().unwrap();
    writer.intake().pending[0].recorded_at -= 86_400_000_000;
    assert!(writer.is_due());
}

#[tokio::test]
async fn recording_waits_for_a_full_log_and_is_refused_when_the_store_stays_away() {
    let place = Place::new().await;
    let mut settings = place.settings();
    settings.pressure.max_log_bytes = 2000;
    settings.pressure.max_wait = Duration::from_millis(200);
    // A writer first, so that only commits are put later.
    let first = place.open_in(&place.storage, settings.clone()).await;
    first.record(EVENT, Strictness::Strict).await.unwrap();
    first.close(true).await.unwrap();
    let (watched, dying) = Watched::dying(&place.storage, 0, false);
    let trail = place.open_in(&dying, settings.clone()).await;
    let mut acknowledged = 1;
    let error = loop {
        match trail.record(EVENT, Strictness::Strict).await {
            Ok(_) => acknowledged += 1,
            Err(e) => break e,
        }
        assert!(acknowledged < 50, "the log is not limited");
    };
    assert!(watched.is_dead());
    let message = error.to_string();
    for part in ["not recorded", "the power went", "durable"] {
        assert!(message.contains(part), "{message}");
    }
    assert!(acknowledged > 3, "{acknowledged}");
    let stats = trail.current().unwrap().stats();
    assert!(stats.log_bytes >= 2000 && stats.log_limit == 2000, "{stats:?}");
    assert_eq!((stats.waiting, stats.waited, stats.refused), (0, 1, 1));
    assert!(stats.failed_commits > 1 && stats.failing_since.is_some(), "{stats:?}");
    assert!(stats.last_error.unwrap().contains("the power went"));
    drop(trail);

    // Nothing that was acknowledged is lost, and nothing else came in.
    let trail = place.open_in(&place.storage, settings).await;
    trail.recover().await.unwrap();
    trail.record(EVENT, Strictness::Strict).await.unwrap();
    let stats = trail.current().unwrap().stats();
    assert_eq!((stats.refused, stats.failing_since), (0, None));
    trail.close(true).await.unwrap();
    assert_eq!(trail.stats().await.unwrap().events, acknowledged + 1);
    let trust = Trust::owner(trail.owner_key().unwrap().public());
    let (options, go_on) = (Options::default(), Arc::default());
    let report = verify(&place.storage, &trust, &options, &|_| {}, &go_on).await.unwrap();
    assert_eq!((report.verdict, report.findings), (Verdict::Verified, vec![]));
}

#[tokio::test]
async fn a_store_that_comes_back_lets_the_waiting_go_on() {
    let place = Place::new().await;
    let mut settings = place.settings();
    settings.pressure.max_log_bytes = 1;
    let trail = place.open_in(&place.storage, settings).await;
    for _ in 0..5 {
        trail.record(EVENT, Strictness::Strict).await.unwrap();
    }
    // Each waited for the commit of the one before.
    assert_eq!(place.appends(&trail).await.len(), 4);
    assert_eq!(trail.current().unwrap().stats().waited, 4);
}

#[tokio::test]
async fn a_disk_that_is_getting_full_is_told_of_once_and_again_after_it_had_room() {
    let place = Place::new().await;
    let free = Arc::new(AtomicU64::new(5000));
    let figure = Arc::clone(&free);
    let mut settings = place.settings();
    settings.pressure.min_free_bytes = 1000;
    settings.pressure.free_space = FreeSpace::new(move |_| Ok(figure.load(Ordering::Relaxed)));
    let trail = place.open_in(&place.storage, settings).await;
    trail.record(EVENT, Strictness::Strict).await.unwrap();
    let writer = trail.current().unwrap();
    let warnings = async || {
        let view = trail.view().await.unwrap();
        let warned = |r: &&bytes::Bytes| memchr::memmem::find(r, b"disk_low").is_some();
        view.unflushed.iter().filter(warned).map(|r| r.to_vec()).collect::<Vec<_>>()
    };
    writer.look_at_disks().await.unwrap();
    assert!(warnings().await.is_empty());
    assert!(!trail.stats().await.unwrap().disks[0].low);
    // (free bytes, warnings so far)
    for (now, count) in [(999, 1), (10, 1), (1050, 1), (900, 1), (1125, 1), (900, 2)] {
        free.store(now, Ordering::Relaxed);
        writer.look_at_disks().await.unwrap();
        assert_eq!(warnings().await.len(), count, "{now}");
    }
    let stats = trail.stats().await.unwrap().disks;
    // The trail is in memory.
    assert_eq!((stats.len(), stats[0].what, stats[0].free_bytes), (1, "state", Some(900)));
    assert!(stats[0].low);
    let warning: serde_json::Value = serde_json::from_slice(&warnings().await[0]).unwrap();
    assert_eq!((&warning["severity"], &warning["component"]), (&"warning".into(), &"state".into()));
    assert_eq!(warning.get("schema_violations"), None, "{warning}");
}

#[test]
fn the_system_says_how_much_is_free() {
    let dir = tempfile::tempdir().unwrap();
    assert!(crate::storage::durable::free_space(dir.path()).unwrap() > 0);
    assert!(crate::storage::durable::free_space(&dir.path().join("none")).is_err());
}
