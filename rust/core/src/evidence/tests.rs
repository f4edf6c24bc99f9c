//! Exports out of real trails, and what is done to them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::*;
use crate::config::{Config, Home};
use crate::json;
use crate::keys::OWNER;
use crate::note;
use crate::record::Strictness;
use crate::trail::{InitOptions, OpenOptions, Settings, Trail, init};

pub(super) struct Place {
    pub(super) dir: tempfile::TempDir,
    pub(super) trail: Trail,
}

impl Place {
    pub(super) async fn new() -> Self {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let home = Home::at(&dir.path().join("home"));
        let url = dir.path().join("audit").display().to_string();
        let options = InitOptions { epoch_seconds: 1 << 40, ..InitOptions::new(home.clone()) };
        init(&url, &options).await.unwrap();
        let settings = Settings::from_config(&Config::default(), &url);
        let trail = Trail::open(&url, OpenOptions::new(home, settings)).await.unwrap();
        Self { dir, trail }
    }

    /// A trail of some segments, in two domains.
    pub(super) async fn filled(records: u32) -> Self {
        let place = Self::new().await;
        place.fill(records).await;
        place
    }

    pub(super) async fn fill(&self, records: u32) {
        for n in 0..records {
            let kind = ["data.file_read", "auth.user_login"][n as usize % 2];
            let event = format!(
                r#"{{"audit_id":"e-{n:05}-{:05}","event_type":"{kind}","n":{n},"timestamp":"2026-02-{:02}T10:00:{:02}Z"}}"#,
                self.trail.view().await.unwrap().size(),
                28 - n % 28,
                n % 60
            );
            self.trail.record(event.as_bytes(), Strictness::Lenient).await.unwrap();
            if n % 7 == 6 {
                self.trail.flush().await.unwrap();
            }
        }
        self.trail.flush().await.unwrap();
    }

    pub(super) fn vkey(&self) -> String {
        let name = self.trail.info().key_name(OWNER);
        note::vkey(&name, &self.trail.owner_key().unwrap().public()).unwrap()
    }

    /// Exports the records that `wanted` chooses, of entries from `since` on.
    pub(super) async fn export(
        &self,
        name: &str,
        since: u64,
        wanted: impl Fn(&[u8]) -> bool,
    ) -> PathBuf {
        let view = self.trail.view().await.unwrap();
        let mut attester = self.trail.attest(&view).await.unwrap();
        let (mut records, mut proofs, mut counts) = (Vec::new(), Vec::new(), BTreeMap::new());
        let mut count = 0;
        for segment in view.segments() {
            let Some(mut all) = attester.collector(segment, since).await.unwrap() else {
                continue;
            };
            let mut some = attester.collector(segment, since).await.unwrap().unwrap();
            let (from, mut line) = (count, Vec::new());
            while all.take_next(since, &mut line).unwrap() {
                if wanted(&line) {
                    let text = |name: &str| {
                        let raw = json::get(&line, &[name]).unwrap();
                        json::string_value(raw).unwrap().into_owned()
                    };
                    let time = |name: &str| {
                        json::parse_canonical_timestamp(text(name).as_bytes()).unwrap()
                    };
                    let id = text("audit_id");
                    let key = RecordKey {
                        timestamp: time("timestamp"),
                        audit_id: &id,
                        recorded_at: time("recorded_at"),
                    };
                    let mut again = Vec::new();
                    assert!(some.take(&key, since, &mut again).unwrap());
                    assert_eq!(again, line);
                    *counts.entry(text("event_type")).or_insert(0) += 1;
                    records.extend_from_slice(&line);
                    records.push(b'\n');
                    count += 1;
                }
                line.clear();
            }
            if let Some(part) = attester.finish(some, from).await.unwrap() {
                proofs.extend_from_slice(&part);
                proofs.push(b'\n');
            }
        }
        proofs.extend(attester.shared(count).await.unwrap());
        proofs.push(b'\n');
        let item = |path: String, role, bytes: &[u8]| FileItem {
            bytes: bytes.len() as u64,
            path,
            records: (role == FileRole::Records).then_some(count),
            role,
            sha256: data_encoding::HEXLOWER.encode(&Sha256::digest(bytes)),
        };
        let manifest = Manifest {
            asked_by: AskedBy { door: "cli".to_owned(), ..AskedBy::default() },
            counts,
            created: manifest::now(),
            files: vec![
                item(name.to_owned(), FileRole::Records, &records),
                item(format!("{name}{PROOFS_SUFFIX}"), FileRole::Proofs, &proofs),
            ],
            filters: serde_json::Map::new(),
            format: ExportFormat::Jsonl,
            ledger: Position::new(attester.size(), &attester.root()),
            origin: self.trail.info().origin.clone(),
            policy: None,
            purpose: Some("a test".to_owned()),
            records: count,
            since: None,
            trail_id: self.trail.info().trail_id.clone(),
            unsealed: 0,
            v: 1,
            window: TimeWindow::default(),
        };
        let path = self.dir.path().join(name);
        std::fs::write(&path, records).unwrap();
        std::fs::write(beside(&path, PROOFS_SUFFIX), proofs).unwrap();
        let manifest = manifest.sign(&attester).await.unwrap();
        std::fs::write(beside(&path, MANIFEST_SUFFIX), manifest).unwrap();
        path
    }
}

pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

/// What is found once the file has these bytes; the file is as before afterwards.
pub(super) fn with(path: &Path, file: &Path, bytes: &[u8], vkey: &str) -> Vec<String> {
    let before = std::fs::read(file).unwrap();
    std::fs::write(file, bytes).unwrap();
    let report = check(path, vkey).unwrap();
    std::fs::write(file, before).unwrap();
    assert_eq!(report.holds, report.findings.is_empty());
    assert_eq!(report.exit_code(), if report.holds { 0 } else { 4 });
    report.findings.iter().map(Finding::to_string).collect()
}

fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

#[tokio::test]
async fn all_or_some_of_a_trail_hold() {
    let place = Place::filled(60).await;
    let vkey = place.vkey();
    for every in [1, 2, 3, 7, 59] {
        let chosen = |line: &[u8]| {
            let n = std::str::from_utf8(json::get(line, &["n"]).unwrap()).unwrap();
            n.parse::<u64>().unwrap().is_multiple_of(every)
        };
        let path = place.export(&format!("e{every}.jsonl"), 0, chosen).await;
        let report = check(&path, &vkey).unwrap();
        assert!(report.holds, "{:?}", report.findings);
        assert_eq!(report.proven, 60_u64.div_ceil(every));
        assert_eq!(report.files, 2);
        assert_eq!(report.manifest.unwrap().records, report.proven);
    }
}

#[tokio::test]
async fn nothing_can_be_exported_too() {
    let place = Place::filled(10).await;
    let path = place.export("none.jsonl", 0, |_| false).await;
    let report = check(&path, &place.vkey()).unwrap();
    assert!(report.holds, "{:?}", report.findings);
    assert_eq!(report.proven, 0);
}

#[tokio::test]
async fn exports_that_go_on_share_no_record_and_leave_none_out() {
    let place = Place::filled(20).await;
    let first = place.export("a.jsonl", 0, |_| true).await;
    let size = place.trail.view().await.unwrap().size();
    place.fill(15).await;
    let second = place.export("b.jsonl", size, |_| true).await;
    let all = place.export("c.jsonl", 0, |_| true).await;
    let read = |path: &Path| lines(&std::fs::read(path).unwrap());
    let mut parts = [read(&first), read(&second)].concat();
    let mut whole = read(&all);
    parts.sort_unstable();
    whole.sort_unstable();
    assert_eq!(parts, whole);
    assert!(check(&second, &place.vkey()).unwrap().holds);
}

#[tokio::test]
async fn every_byte_counts() {
    let place = Place::filled(9).await;
    let vkey = place.vkey();
    let path =
        place.export("small.jsonl", 0, |line| !line.windows(5).any(|w| w == b"\"n\":4")).await;
    assert!(check(&path, &vkey).unwrap().holds);
    for suffix in ["", PROOFS_SUFFIX, MANIFEST_SUFFIX] {
        let file = beside(&path, suffix);
        let bytes = std::fs::read(&file).unwrap();
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1 << (at % 8);
            assert!(!with(&path, &file, &other, &vkey).is_empty(), "{suffix} byte {at}");
        }
        for at in (0..bytes.len()).step_by(97).chain([bytes.len() - 1]) {
            assert!(!with(&path, &file, &bytes[..at], &vkey).is_empty(), "{suffix} cut to {at}");
        }
        assert!(!with(&path, &file, &[&bytes[..], b"\n"].concat(), &vkey).is_empty());
    }
}

#[tokio::test]
async fn changed_lines_are_named() {
    let place = Place::filled(40).await;
    let vkey = place.vkey();
    let path = place.export("named.jsonl", 0, |_| true).await;
    let good = lines(&std::fs::read(&path).unwrap());
    let found = |lines: &[Vec<u8>]| with(&path, &path, &lines.concat(), &vkey);
    let has = |found: &[String], text: &str| {
        assert!(found.iter().any(|line| line.contains(text)), "{text}: {found:?}");
    };
    let mut edited = good.clone();
    // Every line has the year.
    edited[12] = edited[12].iter().map(|b| if *b == b'2' { b'3' } else { *b }).collect();
    has(&found(&edited), "named.jsonl, line 13: it was changed");
    let mut shorter = good.clone();
    shorter.remove(20);
    has(&found(&shorter), "what was line 21 is missing");
    let mut longer = good.clone();
    longer.insert(3, good[30].clone());
    has(&found(&longer), "line 4: it was added");
    let mut other = good.clone();
    other.insert(3, b"{\"a\":1}\n".to_vec());
    has(&found(&other), "line 4: it was added");
    let mut swapped = good.clone();
    swapped.swap(5, 9);
    has(&found(&swapped), "line 6: it holds what was line 10");
    has(&found(&swapped), "line 10: it holds what was line 6");
    has(&found(&good[..39]), "what was line 40 is missing");
    let empty: [Vec<u8>; 0] = [];
    has(&found(&empty), "what was line 1 is missing");
}

#[tokio::test]
async fn proofs_and_manifests_of_others_are_refused() {
    let place = Place::filled(30).await;
    let vkey = place.vkey();
    let even = |line: &[u8]| line.windows(9).any(|w| w == b"file_read");
    let a = place.export("a.jsonl", 0, even).await;
    let b = place.export("b.jsonl", 0, |_| true).await;
    for suffix in [PROOFS_SUFFIX, MANIFEST_SUFFIX, ""] {
        let other = std::fs::read(beside(&b, suffix)).unwrap();
        assert!(!with(&a, &beside(&a, suffix), &other, &vkey).is_empty(), "{suffix}");
    }
    let stranger = Place::filled(30).await;
    let report = check(&a, &stranger.vkey()).unwrap();
    assert!(!report.holds && report.manifest.is_none() && report.proven == 0);
    assert!(report.findings[0].to_string().contains("the trail's owner is"), "{report:?}");
    assert!(check(&a, "no key").is_err());
    let theirs = stranger.export("c.jsonl", 0, |_| true).await;
    assert!(!check(&theirs, &vkey).unwrap().holds);
}

#[tokio::test]
async fn lines_of_proofs_cannot_be_taken_out_put_in_or_moved() {
    let place = Place::filled(30).await;
    let vkey = place.vkey();
    let path = place.export("p.jsonl", 0, |_| true).await;
    let file = beside(&path, PROOFS_SUFFIX);
    let good = lines(&std::fs::read(&file).unwrap());
    assert!(good.len() > 4);
    for at in 0..good.len() {
        let mut other = good.clone();
        other.remove(at);
        assert!(!with(&path, &file, &other.concat(), &vkey).is_empty());
        let mut other = good.clone();
        other.insert(at, good[0].clone());
        assert!(!with(&path, &file, &other.concat(), &vkey).is_empty());
        let mut other = good.clone();
        other.swap(at, (at + 1) % good.len());
        assert!(!with(&path, &file, &other.concat(), &vkey).is_empty());
    }
}

#[tokio::test]
async fn files_that_were_renamed_together_hold_with_a_note() {
    let place = Place::filled(5).await;
    let path = place.export("old.jsonl", 0, |_| true).await;
    let new = place.dir.path().join("new.jsonl");
    for suffix in ["", PROOFS_SUFFIX, MANIFEST_SUFFIX] {
        std::fs::rename(beside(&path, suffix), beside(&new, suffix)).unwrap();
    }
    let report = check(&new, &place.vkey()).unwrap();
    assert!(report.holds, "{:?}", report.findings);
    assert!(report.notes[0].contains("exported as old.jsonl"));
    std::fs::remove_file(beside(&new, PROOFS_SUFFIX)).unwrap();
    let report = check(&new, &place.vkey()).unwrap();
    assert_eq!(report.findings[0].to_string(), "new.jsonl.proofs: it is missing");
    assert!(check(&path, &place.vkey()).is_err());
}
