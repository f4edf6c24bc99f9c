//! The golden trails verify, and hold the records that they held when they were made.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealtrail_core::backup;
use sealtrail_core::config::{Config, Home};
use sealtrail_core::encryption::MasterSource;
use sealtrail_core::keys::{MasterKey, OwnerKey, Passphrase};
use sealtrail_core::proof::{Shown, check_any};
use sealtrail_core::segment::SegmentFile;
use sealtrail_core::storage::Storage;
use sealtrail_core::trail::{OpenOptions, Settings, Trail};
use sealtrail_core::verify::{self, Options, Pinning, Trust, Verdict};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/v1")
}

fn owner() -> Arc<OwnerKey> {
    // A checkout does not keep the mode that a key file must have.
    let env = |_: &str| Some(fs::read_to_string(golden().join("owner.json")).unwrap());
    let owner = OwnerKey::from_reference("env:OWNER", &env, &Passphrase::default());
    Arc::new(owner.unwrap())
}

fn verdict(trail: &Path) -> verify::Report {
    let storage = Storage::open(trail.to_str().unwrap()).unwrap();
    let owner = owner();
    let trust = Trust { secret: Some(Arc::clone(&owner)), ..Trust::owner(owner.public()) };
    let (options, cancel) = (Options::default(), Arc::default());
    let run = verify::verify(&storage, &trust, &options, &|_| {}, &cancel);
    sealtrail_core::runtime().unwrap().block_on(run).unwrap()
}

#[test]
fn the_golden_trail_verifies_with_every_seal() {
    let report = verdict(&golden().join("audit"));
    assert_eq!(report.verdict, Verdict::Verified, "{:?}", report.findings);
    assert_eq!((report.checked.entries, report.checked.records), (18, 196));
    assert_eq!((report.checked.epoch_seals, report.checked.snapshots), (4, 4));
    assert_eq!((report.checked.cosigned, report.runs.closed), (1, 2));
    assert_eq!((report.runs.recovered.len(), report.runs.open.len()), (2, 0));
}

#[test]
fn the_golden_records_come_back_byte_for_byte() {
    let root = golden().join("audit");
    let mut found = BTreeMap::new();
    let mut folders = vec![root.join("segments")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            let file = SegmentFile::open(&name, fs::read(&path).unwrap().into()).unwrap();
            let all: Vec<usize> = (0..usize::try_from(file.meta().rows).unwrap()).collect();
            for record in file.records(&all).unwrap() {
                let text = String::from_utf8(record).unwrap();
                let value: serde_json::Value = serde_json::from_str(&text).unwrap();
                found.insert(value["audit_id"].as_str().unwrap().to_owned(), text);
            }
        }
    }
    let expected = fs::read_to_string(golden().join("records.jsonl")).unwrap();
    assert_eq!(found.into_values().collect::<Vec<_>>(), expected.lines().collect::<Vec<_>>());
}

/// The golden proofs hold, and a host without keys makes the same ones today.
#[test]
fn the_golden_proofs_hold_and_are_made_again_byte_for_byte() {
    let vkey = fs::read_to_string(golden().join("owner.vkey")).unwrap();
    let records = fs::read_to_string(golden().join("records.jsonl")).unwrap();
    let empty = tempfile::tempdir().unwrap();
    let url = golden().join("audit").display().to_string();
    let settings = Settings::from_config(&Config::default(), &url);
    let options = OpenOptions::new(Home::at(empty.path()), settings);
    let runtime = sealtrail_core::runtime().unwrap();
    let trail = runtime.block_on(Trail::open(&url, options)).unwrap();
    let (mut of_records, mut of_states, mut of_revoked) = (0, 0, 0);
    for entry in fs::read_dir(golden().join("proofs")).unwrap() {
        let path = entry.unwrap().path();
        let proof = fs::read(&path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let again = match check_any(&proof, &vkey).unwrap() {
            Shown::Record(shown) => {
                of_records += 1;
                // What it committed before it was revoked still holds, and the revocation is told.
                of_revoked += usize::from(shown.signers.iter().any(|s| s.revoked.is_some()));
                assert_eq!(shown.audit_id, name);
                assert!(records.lines().any(|record| record == shown.record), "{name}");
                runtime.block_on(trail.prove(name)).unwrap().unwrap()
            }
            Shown::Consistency(shown) => {
                of_states += 1;
                let (from, to) = (shown.from.size, shown.to.size);
                assert_eq!(name, format!("{from}-{to}"));
                runtime.block_on(trail.prove_consistency(from, Some(to))).unwrap()
            }
        };
        assert_eq!(again.as_bytes(), proof, "{name}");
    }
    assert_eq!((of_records, of_states, of_revoked), (11, 7, 4));
}

/// The golden trail with encryption at rest, its archive, its copy, and the keys of all that.
fn sealed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/v1-encrypted")
}

/// A reference to a key beside it, and what finds it: a checkout does not keep the mode that a key
/// file must have.
fn key_of(name: &'static str) -> (String, impl Fn(&str) -> Option<String>) {
    ("env:KEY".to_owned(), move |_: &str| Some(fs::read_to_string(sealed().join(name)).unwrap()))
}

fn trust() -> Trust {
    let env = |_: &str| Some(fs::read_to_string(sealed().join("owner.json")).unwrap());
    let owner = OwnerKey::from_reference("env:OWNER", &env, &Passphrase::default());
    let owner = Arc::new(owner.unwrap());
    Trust { secret: Some(Arc::clone(&owner)), ..Trust::owner(owner.public()) }
}

/// How to verify it, under this master key or none.
fn opened_by(key: Option<&'static str>) -> Options {
    let master = match key {
        Some(name) => {
            let (reference, env) = key_of(name);
            MasterSource::new(Some(&reference), &env)
        }
        None => MasterSource::default(),
    };
    let cold = sealed().join("cold").display().to_string();
    Options { master, archives: [("archive".to_owned(), cold)].into(), ..Options::default() }
}

fn verdict_of_sealed(key: Option<&'static str>) -> verify::Report {
    let storage = Storage::open(sealed().join("audit").to_str().unwrap()).unwrap();
    let (trust, options, cancel) = (trust(), opened_by(key), Arc::default());
    let run = verify::verify(&storage, &trust, &options, &|_| {}, &cancel);
    sealtrail_core::runtime().unwrap().block_on(run).unwrap()
}

#[test]
fn the_golden_encrypted_trail_verifies_under_each_of_its_master_keys() {
    let report = verdict_of_sealed(Some("master.key"));
    assert_eq!(report.verdict, Verdict::Verified, "{:?}", report.findings);
    assert_eq!((report.checked.segments, report.checked.records), (3, 48));
    // The other one opens what was there when it was added, and no later generation.
    for (key, locked) in [(Some("next.key"), 2), (Some("copy.key"), 3), (None, 3)] {
        let report = verdict_of_sealed(key);
        assert_eq!(report.verdict, Verdict::Locked, "{key:?}: {:?}", report.findings);
        let found = report.findings.iter().filter(|f| f.kind == "segment_locked").count();
        assert_eq!(found, locked, "{key:?}");
    }
}

#[test]
fn the_golden_encrypted_records_come_back_byte_for_byte() {
    let (reference, env) = key_of("master.key");
    let empty = tempfile::tempdir().unwrap();
    let url = sealed().join("audit").display().to_string();
    let mut settings = Settings::from_config(&Config::default(), &url);
    settings.archives.insert("archive".into(), sealed().join("cold").display().to_string());
    let options = OpenOptions {
        master: MasterSource::new(Some(&reference), &env),
        ..OpenOptions::new(Home::at(empty.path()), settings)
    };
    let runtime = sealtrail_core::runtime().unwrap();
    let trail = runtime.block_on(Trail::open(&url, options)).unwrap();
    let answers = fs::read_to_string(sealed().join("answers.jsonl")).unwrap();
    assert_eq!(answers.lines().count(), 48);
    for line in answers.lines() {
        let answer: serde_json::Value = serde_json::from_str(line).unwrap();
        let id = answer["audit_id"].as_str().unwrap();
        let record = runtime.block_on(trail.get(id)).unwrap().unwrap();
        assert_eq!(std::str::from_utf8(&record).unwrap(), answer["event"].as_str().unwrap());
        // A proof of today holds of what was written then.
        let proof = runtime.block_on(trail.prove(id)).unwrap().unwrap();
        let vkey = fs::read_to_string(sealed().join("owner.vkey")).unwrap();
        assert!(matches!(check_any(proof.as_bytes(), &vkey).unwrap(), Shown::Record(_)), "{id}");
    }
}

#[test]
fn the_golden_copy_verifies_and_restores() {
    let (reference, env) = key_of("copy.key");
    let key = Arc::new(MasterKey::open_with(&reference, &env).unwrap());
    let copy = sealed().join("copy").display().to_string();
    let runtime = sealtrail_core::runtime().unwrap();
    let (pinning, cancel) = (Pinning::default(), Arc::default());
    let options = opened_by(Some("master.key"));
    let run = backup::verify(&copy, &key, trust(), options, &pinning, &|_| {}, &cancel);
    let found = runtime.block_on(run).unwrap();
    assert_eq!(found.report.verdict, Verdict::Verified, "{:?}", found.report.findings);
    assert_eq!(found.report.checked.records, 48);
    let to = tempfile::tempdir().unwrap();
    let (audit, cold) = (to.path().join("audit"), to.path().join("cold"));
    let mut how = backup::RestoreOptions::new(&copy, key, audit.to_str().unwrap());
    how.archives.insert("archive".to_owned(), cold.display().to_string());
    assert_eq!(runtime.block_on(backup::restore(&how)).unwrap().records, 48);
    for (restored, golden) in [(audit.join("segments"), "audit/segments"), (cold, "cold")] {
        for path in files(&restored) {
            let there = sealed().join(golden).join(path.strip_prefix(&restored).unwrap());
            assert_eq!(fs::read(&path).unwrap(), fs::read(there).unwrap(), "{}", path.display());
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}
