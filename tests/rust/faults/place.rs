//! A trail, and what must be true of it after faults.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealtrail_core::config::{Config, Home};
use sealtrail_core::record::Strictness;
use sealtrail_core::segment::SegmentFile;
use sealtrail_core::trail::{InitOptions, LoadOptions, LoadReport, OpenOptions, Settings, Trail};
use sealtrail_core::verify::{Options, Trust, Verdict, verify};
use sealtrail_core::{Result, runtime};

/// The folder of a trail at `audit` and of its keys and state at `home`.
#[derive(Debug, Clone)]
pub(crate) struct Place(pub(crate) PathBuf);

pub(crate) fn wait<T>(work: impl Future<Output = T>) -> T {
    runtime().unwrap().block_on(work)
}

pub(crate) fn record(trail: &Trail, id: &str, pad: usize) -> Result<String> {
    let event = event(id, pad);
    wait(trail.record(event.as_bytes(), Strictness::Lenient))
}

pub(crate) fn event(id: &str, pad: usize) -> String {
    format!(r#"{{"event_type":"data.thing","audit_id":"{id}","pad":"{}"}}"#, "p".repeat(pad))
}

pub(crate) fn load(trail: &Trail, ids: &[&str]) -> Result<LoadReport> {
    let lines: Vec<String> = ids.iter().map(|id| event(id, 0)).collect();
    let input = Box::new(std::io::Cursor::new(lines.join("\n").into_bytes()));
    wait(trail.load(input, &LoadOptions::default()))
}

impl Place {
    fn url(&self) -> String {
        self.0.join("audit").to_str().unwrap().to_owned()
    }

    fn home(&self) -> Home {
        Home::at(&self.0.join("home"))
    }

    pub(crate) fn init(&self) {
        wait(sealtrail_core::trail::init(&self.url(), &InitOptions::new(self.home()))).unwrap();
    }

    pub(crate) fn open(&self) -> Result<Trail> {
        let mut settings = Settings::from_config(&Config::default(), &self.url());
        settings.snapshot_spacing = 3;
        wait(Trail::open(&self.url(), OpenOptions::new(self.home(), settings)))
    }

    /// Recovers without faults, tries again what was not acknowledged, and checks everything.
    pub(crate) fn check(&self, tried: &BTreeMap<String, usize>, acknowledged: &BTreeSet<String>) {
        let trail = self.open().unwrap();
        wait(trail.recover()).unwrap();
        let found = self.ids(&trail);
        for id in acknowledged {
            assert!(found.contains(id), "{id} is lost");
        }
        for id in &found {
            assert!(tried.contains_key(id), "{id} is invented");
        }
        for (id, pad) in tried {
            assert_eq!(&record(&trail, id, *pad).unwrap(), id);
        }
        wait(trail.close(true)).unwrap();
        let trail = self.open().unwrap();
        assert_eq!(self.ids(&trail), tried.keys().cloned().collect());
        let owner = trail.owner_key().unwrap();
        let trust = Trust { secret: Some(Arc::clone(&owner)), ..Trust::owner(owner.public()) };
        let (options, storage) = (Options::default(), trail.storage());
        let report = wait(verify(storage, &trust, &options, &|_| {}, &Arc::default())).unwrap();
        assert_eq!((report.verdict, &report.findings), (Verdict::Verified, &vec![]));
    }

    /// The ids of all committed records, none of which may be there twice.
    fn ids(&self, trail: &Trail) -> BTreeSet<String> {
        let view = wait(trail.view()).unwrap();
        assert!(view.unflushed.is_empty());
        let mut ids = BTreeSet::new();
        for segment in view.segments() {
            let file =
                SegmentFile::open_local(&segment.path, Path::new(&self.url()), None).unwrap();
            let rows: Vec<usize> = (0..usize::try_from(segment.rows).unwrap()).collect();
            for record in file.records(&rows).unwrap() {
                let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
                let id = record["audit_id"].as_str().unwrap().to_owned();
                assert!(ids.insert(id.clone()), "{id} is there twice");
            }
        }
        ids
    }

    /// Puts a copy of all its files into another folder, or back.
    pub(crate) fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let target = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                Self::copy(&entry.path(), &target);
            } else {
                fs::copy(entry.path(), target).unwrap();
            }
        }
    }
}
