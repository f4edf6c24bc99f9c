//! Copies of real trails.

mod damage;
mod erasing;
mod forgetting;
mod mending;
mod races;
mod restoring;
mod running;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::verify::verify_in;
use super::*;
use crate::config::{Config, Home};
use crate::keys::Secret;
use crate::pins::Pins;
use crate::record::Strictness;
use crate::trail::{CompactOptions, InitOptions, OpenOptions, Settings, Trail, init};
use crate::verify::{Options, Pinning, Report, Trust, Verdict};

const NOW: Duration = Duration::ZERO;

/// A trail and its copy, in folders or in memory as in a store.
struct Place {
    dir: tempfile::TempDir,
    storage: Storage,
    copy: Storage,
    key: Arc<MasterKey>,
}

fn master(byte: u8) -> Arc<MasterKey> {
    Arc::new(MasterKey::new(Secret::from_bytes([byte; 32]), "the test"))
}

fn nothing() -> Arc<AtomicBool> {
    Arc::default()
}

impl Place {
    async fn new(local: bool) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let dir = tempfile::tempdir().unwrap();
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let url = |name: &str| match local {
            true => dir.path().join(name).display().to_string(),
            false => format!("memory://backup-{n}-{name}"),
        };
        let (storage, copy) =
            (Storage::open(&url("audit")).unwrap(), Storage::open(&url("copy")).unwrap());
        let options =
            InitOptions { epoch_seconds: 1 << 40, ..InitOptions::new(Home::at(dir.path())) };
        init(storage.url(), &options).await.unwrap();
        Self { dir, storage, copy, key: master(1) }
    }

    fn options_of(&self, url: &str, host: &str) -> OpenOptions {
        let mut config = Config::default();
        config.redaction.personal.fields = vec!["email".to_owned()];
        let mut settings = Settings::from_config(&config, url);
        settings.snapshot_spacing = 3;
        let home = match host {
            "" => Home::at(self.dir.path()),
            host => Home {
                state_dir: self.dir.path().join(host).join("state"),
                ..Home::at(self.dir.path())
            },
        };
        OpenOptions::new(home, settings)
    }

    async fn open(&self) -> Trail {
        let options = self.options_of(self.storage.url(), "");
        Trail::open_in(self.storage.clone(), options).await.unwrap()
    }

    /// The trail as another host has it, on which other state is.
    async fn open_at(&self, url: &str, host: &str) -> Trail {
        Trail::open(url, self.options_of(url, host)).await.unwrap()
    }

    fn how(&self) -> BackupOptions {
        BackupOptions::new(self.copy.url(), Arc::clone(&self.key))
    }

    async fn back_up(&self, trail: &Trail) -> BackupReport {
        trail.backup(&self.how()).await.unwrap()
    }

    /// Commits so many entries of some records each; gives the ids.
    async fn fill(&self, trail: &Trail, entries: usize) -> Vec<String> {
        let mut ids = Vec::new();
        for i in 0..entries {
            for j in 0..5 {
                let event = format!(
                    r#"{{"event_type":"data.read","user_id":"u{j}","email":"u{j}@example.com","n":{i}}}"#
                );
                ids.push(trail.record(event.as_bytes(), Strictness::Lenient).await.unwrap());
            }
            trail.flush().await.unwrap();
        }
        ids
    }

    async fn trust(&self) -> Trust {
        let owner = self.open().await.owner_key().unwrap();
        Trust { secret: Some(Arc::clone(&owner)), ..Trust::owner(owner.public()) }
    }

    async fn check_with(&self, trust: Trust, pinning: &Pinning) -> Result<CopyReport> {
        let place = place::Place::open(self.copy.clone(), &self.key).await?;
        verify_in(&place, trust, Options::default(), pinning, &|_| {}, &nothing()).await
    }

    async fn check(&self) -> CopyReport {
        self.check_with(self.trust().await, &Pinning::default()).await.unwrap()
    }

    /// The copy verifies, and reaches so far.
    async fn copy_holds(&self, size: u64) {
        let found = self.check().await;
        assert_eq!(found.report.findings, vec![]);
        assert!(matches!(
            found.report.verdict,
            Verdict::Verified | Verdict::Pruned | Verdict::Erased
        ));
        assert_eq!((found.size, found.report.size), (size, size));
    }

    fn restoring(&self, name: &str) -> RestoreOptions {
        let to = self.dir.path().join(name).display().to_string();
        RestoreOptions::new(self.copy.url(), Arc::clone(&self.key), &to)
    }

    async fn verify(&self, url: &str) -> Report {
        let trust = self.trust().await;
        let storage = Storage::open(url).unwrap();
        let options = Options::default();
        crate::verify::verify(&storage, &trust, &options, &|_| {}, &nothing()).await.unwrap()
    }
}

/// The canonical records of a trail, each once.
async fn records(trail: &Trail) -> BTreeSet<Vec<u8>> {
    let view = trail.view().await.unwrap();
    let mut found = BTreeSet::new();
    for record in &view.unflushed {
        assert!(found.insert(record.to_vec()));
    }
    for segment in view.segments() {
        let bytes = trail.storage().get(&segment.path).await.unwrap();
        let file = crate::segment::SegmentFile::open(&segment.path, bytes).unwrap();
        let rows: Vec<usize> = (0..usize::try_from(file.meta().rows).unwrap()).collect();
        for record in file.records(&rows).unwrap() {
            assert!(found.insert(record));
        }
    }
    found
}

fn compacting() -> CompactOptions {
    CompactOptions { grace: NOW, ..CompactOptions::default() }
}

fn pins(dir: &std::path::Path) -> Pinning {
    Pinning { pins: Some(Pins::of(&Home::at(dir))), ..Pinning::default() }
}
