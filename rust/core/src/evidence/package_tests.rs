//! Packages out of real trails, and what is done to them.

use std::path::{Path, PathBuf};

use super::tests::{Place, beside, with};
use super::*;

/// A package of some records of a small trail: its folder.
async fn package(place: &Place) -> PathBuf {
    let exported = place.export("made.jsonl", 0, |line| !line.windows(5).any(|w| w == b"\"n\":4"));
    let exported = exported.await;
    let view = place.trail.view().await.unwrap();
    let attester = place.trail.attest(&view).await.unwrap();
    let signed = std::fs::read(beside(&exported, MANIFEST_SUFFIX)).unwrap();
    let mut manifest = SignedManifest::check(&signed, &place.vkey()).unwrap().manifest;
    manifest.format = ExportFormat::Package;
    let folder = place.dir.path().join("case");
    std::fs::create_dir(&folder).unwrap();
    for file in &mut manifest.files {
        let name = if file.role == FileRole::Proofs { PROOFS } else { RECORDS };
        std::fs::copy(place.dir.path().join(&file.path), folder.join(name)).unwrap();
        file.path = name.to_owned();
    }
    let maker = Maker { attester: &attester, folder: &folder, purpose: Some("a test".to_owned()) };
    maker.finish(&mut manifest).await.unwrap();
    let new = NewHandover { from: Some("ana".to_owned()), to: "court".to_owned(), purpose: None };
    add_handover(&folder, &attester, new).await.unwrap();
    folder
}

fn findings(path: &Path, vkey: &str) -> Vec<String> {
    check(path, vkey).unwrap().findings.iter().map(Finding::to_string).collect()
}

#[tokio::test]
async fn a_package_holds_as_folder_and_zip() {
    let place = Place::filled(9).await;
    let (folder, vkey) = (package(&place).await, place.vkey());
    let zip = place.dir.path().join("case.zip");
    pack(&folder, &zip).unwrap();
    for path in [&folder, &zip] {
        let report = check(path, &vkey).unwrap();
        assert!(report.holds, "{:?}", report.findings);
        assert_eq!((report.proven, report.files, report.custody.len()), (8, 6, 2));
        assert_eq!(claimed_trail(path).unwrap(), place.trail.info().trail_id);
    }
    let view = place.trail.view().await.unwrap();
    let attester = place.trail.attest(&view).await.unwrap();
    let new = NewHandover { from: Some("court".to_owned()), to: "ana".to_owned(), purpose: None };
    let head = add_handover(&zip, &attester, new).await.unwrap();
    let mut report = check(&zip, &vkey).unwrap();
    assert!(report.holds && report.custody_head.as_ref() == Some(&head), "{report:?}");
    report.demand_custody_head(&head);
    assert!(report.holds);
    let mut older = check(&folder, &vkey).unwrap();
    older.demand_custody_head(&head);
    assert!(!older.holds);
}

#[tokio::test]
async fn every_byte_of_a_package_counts() {
    let place = Place::filled(5).await;
    let (folder, vkey) = (package(&place).await, place.vkey());
    for entry in std::fs::read_dir(&folder).unwrap() {
        let file = entry.unwrap().path();
        let bytes = std::fs::read(&file).unwrap();
        // Whose hash the manifest has, one byte stands for others.
        let step = if file.ends_with(CUSTODY) || file.ends_with(MANIFEST) { 1 } else { 29 };
        for at in (0..bytes.len()).step_by(step).chain([bytes.len() - 1]) {
            let mut other = bytes.clone();
            other[at] ^= 1 << (at % 8);
            assert!(!with(&folder, &file, &other, &vkey).is_empty(), "{file:?} byte {at}");
        }
    }
    let zip = place.dir.path().join("case.zip");
    pack(&folder, &zip).unwrap();
    let bytes = std::fs::read(&zip).unwrap();
    for at in 0..bytes.len() {
        let mut other = bytes.clone();
        other[at] ^= 1 << (at % 8);
        assert!(!with(&zip, &zip, &other, &vkey).is_empty(), "zip byte {at}");
    }
}

#[tokio::test]
async fn files_that_are_missing_added_or_of_another_package_are_named() {
    let place = Place::filled(9).await;
    let (folder, vkey) = (package(&place).await, place.vkey());
    let other = Place::filled(9).await;
    let strange = package(&other).await;
    for name in [RECORDS, PROOFS, CHECKPOINT, PROGRAM, SUMMARY_HTML, SUMMARY_PDF, CUSTODY] {
        let file = folder.join(name);
        let bytes = std::fs::read(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert!(findings(&folder, &vkey).contains(&format!("{name}: it is missing")));
        std::fs::write(&file, &bytes).unwrap();
        let theirs = std::fs::read(strange.join(name)).unwrap();
        // The program is the same in all packages.
        assert_eq!(with(&folder, &file, &theirs, &vkey).is_empty(), theirs == bytes, "{name}");
    }
    std::fs::write(folder.join("more.txt"), "x").unwrap();
    assert!(findings(&folder, &vkey)[0].starts_with("more.txt: it was added"));
    std::fs::remove_file(folder.join("more.txt")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", folder.join("link")).unwrap();
    assert!(findings(&folder, &vkey)[0].contains("link to another file"));
    std::fs::remove_file(folder.join("link")).unwrap();
    assert!(findings(&folder, &vkey).is_empty());
    std::fs::remove_file(folder.join(MANIFEST)).unwrap();
    assert!(check(&folder, &vkey).is_err());
    assert!(!findings(&strange, &vkey).is_empty());
}

#[tokio::test]
async fn lines_of_the_custody_log_cannot_be_taken_out_put_in_or_moved() {
    let place = Place::filled(5).await;
    let (folder, vkey) = (package(&place).await, place.vkey());
    let log = folder.join(CUSTODY);
    let text = std::fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let bad = |lines: &[&str]| with(&folder, &log, lines.concat().as_bytes(), &vkey);
    assert!(bad(&lines).is_empty());
    assert!(bad(&lines[1..])[0].contains("custody.jsonl, line 1"));
    assert!(bad(&[lines[1], lines[0]])[0].contains("custody.jsonl, line 1"));
    assert!(bad(&[lines[0], lines[0], lines[1]])[0].contains("custody.jsonl, line 2"));
    assert!(bad(&[])[0].contains("it is empty"));
    // Nobody can see from the log alone that its end was cut off, and the report says so.
    std::fs::write(&log, lines[0]).unwrap();
    let report = check(&folder, &vkey).unwrap();
    assert!(report.holds && report.not_checked.iter().any(|line| line.contains("cut off")));
    let view = place.trail.view().await.unwrap();
    let attester = place.trail.attest(&view).await.unwrap();
    std::fs::write(folder.join(RECORDS), "{}\n").unwrap();
    let refused = add_handover(&folder, &attester, NewHandover::default()).await;
    assert!(refused.is_err(), "what is not whole is not handed on");
}
