//! The golden trails verify, and hold the records that they held when they were made.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealtrail_core::config::{Config, Home};
use sealtrail_core::keys::{OwnerKey, Passphrase};
use sealtrail_core::proof::{Shown, check_any};
use sealtrail_core::segment::SegmentFile;
use sealtrail_core::storage::Storage;
use sealtrail_core::trail::{OpenOptions, Settings, Trail};
use sealtrail_core::verify::{self, Options, Trust, Verdict};

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
