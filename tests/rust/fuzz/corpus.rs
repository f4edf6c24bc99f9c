//! What is mutated: the golden trail, the examples of events, and a log.

use std::fs;
use std::path::{Path, PathBuf};

use sealtrail_core::segment::SegmentFile;
use sealtrail_core::wal::{Wal, WalOptions, recover};

use crate::targets::log_key;

fn vectors(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/v1").join(name)
}

/// The files below a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for item in fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn lines(text: &str) -> Vec<Vec<u8>> {
    text.lines().map(|line| line.as_bytes().to_vec()).collect()
}

pub(crate) fn records() -> Vec<Vec<u8>> {
    let examples = include_str!("../../../rust/core/src/catalogue/examples.jsonl");
    let mut all = lines(examples);
    all.push(
        br#"{"event_type":"data.x","n":[1e400,-0,1.50,9007199254740993],"t":"\u00e9\ud83d\ude00"}"#
            .to_vec(),
    );
    all
}

/// Log files of a few records, after the number that says how many were synced.
pub(crate) fn logs() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for count in [1_u8, 3, 9] {
        let dir = tempfile::tempdir().unwrap();
        let recovered = recover(dir.path(), &|_| Ok(None), 0).unwrap();
        let wal = Wal::start(dir.path(), &recovered, 5, log_key(), WalOptions::default()).unwrap();
        for n in 1..=count {
            let record = format!(r#"{{"audit_id":"id{n}","pad":"{}"}}"#, "p".repeat(n.into()));
            let sequence = wal.enqueue(Some(&[n; 16]), record.as_bytes()).unwrap();
            wal.wait(sequence).unwrap();
        }
        let file = fs::read(dir.path().join(format!("{:020}.wal", 1))).unwrap();
        for synced in [0, count / 2, count] {
            all.push([&[synced], file.as_slice()].concat());
        }
    }
    all
}

pub(crate) fn entries() -> Vec<Vec<u8>> {
    let all = files(&vectors("audit/ledger"));
    let json = all.iter().filter(|path| path.extension().is_some_and(|end| end == "json"));
    json.map(|path| fs::read(path).unwrap()).collect()
}

pub(crate) fn notes() -> Vec<Vec<u8>> {
    let mut all = vec![
        fs::read(vectors("audit/checkpoint")).unwrap(),
        fs::read(vectors("owner.vkey")).unwrap(),
    ];
    for entry in entries() {
        let entry: serde_json::Value = serde_json::from_slice(&entry).unwrap();
        all.push(entry["checkpoint"].as_str().unwrap().as_bytes().to_vec());
    }
    all
}

pub(crate) fn proofs() -> Vec<Vec<u8>> {
    files(&vectors("proofs")).iter().map(|path| fs::read(path).unwrap()).collect()
}

pub(crate) fn segments() -> Vec<Vec<u8>> {
    files(&vectors("audit/segments")).iter().map(|path| fs::read(path).unwrap()).collect()
}

pub(crate) fn mappings() -> Vec<Vec<u8>> {
    let meta = |bytes: Vec<u8>| {
        let file = SegmentFile::open("corpus", bytes.into()).unwrap();
        serde_json::to_vec(file.meta()).unwrap()
    };
    segments().into_iter().map(meta).collect()
}
