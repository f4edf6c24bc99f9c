//! What somebody does to a copy is named.

use bytes::Bytes;

use super::super::place::sealed_path;
use super::super::statement::{numbers, path_of};
use super::super::{inspect::inspect_in, restore::restore_in};
use super::*;
use crate::Error;
use crate::verify::Level;

async fn made() -> (Place, Trail) {
    let place = Place::new(false).await;
    let trail = place.open().await;
    place.fill(&trail, 4).await;
    place.back_up(&trail).await;
    (place, trail)
}

/// Every object of the copy but what describes it and its keys.
async fn objects(place: &Place) -> Vec<String> {
    let all = place.copy.list("").await.unwrap().into_iter().map(|(path, _)| path);
    all.filter(|path| path.starts_with("objects/") || path.starts_with("states/")).collect()
}

fn names(error: &Error, path: &str) -> bool {
    error.to_string().contains(path.trim_start_matches("objects/"))
}

/// The copy does not verify, and who reads the findings, or the error, learns where.
async fn is_told(place: &Place, path: &str, what: &str) {
    let plain = path.trim_start_matches("objects/");
    match place.check_with(place.trust().await, &Pinning::default()).await {
        Ok(found) => {
            assert_eq!(found.report.verdict.exit_code(), 4, "{what} {path}");
            let named =
                |f: &crate::verify::Finding| f.object.trim_start_matches("objects/") == plain;
            assert!(
                found.report.findings.iter().any(named),
                "{what} {path}: {:?}",
                found.report.findings
            );
        }
        Err(e) => assert!(names(&e, path), "{what} {path}: {e}"),
    }
}

#[tokio::test]
async fn each_object_that_is_changed_cut_or_missing_is_named() {
    let (place, _) = made().await;
    let paths = objects(&place).await;
    assert!(paths.len() > 12);
    for path in paths {
        let bytes = place.copy.get(&path).await.unwrap();
        for at in [0, 20, bytes.len() / 2, bytes.len() - 1] {
            let mut changed = bytes.to_vec();
            changed[at] ^= 1;
            place.copy.put_hint(&path, Bytes::from(changed)).await.unwrap();
            is_told(&place, &path, "changed").await;
        }
        place.copy.put_hint(&path, bytes.slice(..bytes.len() - 1)).await.unwrap();
        is_told(&place, &path, "cut").await;
        place.copy.delete(&path).await.unwrap();
        // Without its only statement it is a copy that no run completed.
        if !path.starts_with("states/") {
            is_told(&place, &path, "missing").await;
        }
        place.copy.put_hint(&path, bytes).await.unwrap();
    }
    place.copy_holds(6).await;
}

#[tokio::test]
async fn swapped_objects_are_named() {
    let (place, _) = made().await;
    let paths: Vec<String> =
        objects(&place).await.into_iter().filter(|p| p.starts_with("objects/")).collect();
    for pair in paths.windows(2) {
        let (a, b) =
            (place.copy.get(&pair[0]).await.unwrap(), place.copy.get(&pair[1]).await.unwrap());
        place.copy.put_hint(&pair[0], b.clone()).await.unwrap();
        place.copy.put_hint(&pair[1], a.clone()).await.unwrap();
        is_told(&place, &pair[0], "swapped").await;
        is_told(&place, &pair[1], "swapped").await;
        place.copy.put_hint(&pair[0], a).await.unwrap();
        place.copy.put_hint(&pair[1], b).await.unwrap();
    }
}

#[tokio::test]
async fn objects_of_another_copy_of_the_trail_do_not_pass() {
    let (place, trail) = made().await;
    let second = Storage::open(&format!("{}-second", place.copy.url())).unwrap();
    trail.backup_to(second.clone(), &place.how()).await.unwrap();
    let path = sealed_path("ledger/00000000000000000001.json");
    place.copy.put_hint(&path, second.get(&path).await.unwrap()).await.unwrap();
    is_told(&place, &path, "another copy's").await;
}

#[tokio::test]
async fn nothing_damaged_is_restored() {
    let (place, _) = made().await;
    for (i, path) in objects(&place).await.into_iter().enumerate() {
        let bytes = place.copy.get(&path).await.unwrap();
        let mut changed = bytes.to_vec();
        changed[bytes.len() - 1] ^= 1;
        place.copy.put_hint(&path, Bytes::from(changed)).await.unwrap();
        let options = place.restoring(&format!("restored-{i}"));
        let copy = place::Place::open(place.copy.clone(), &place.key).await.unwrap();
        let to = Storage::open(&options.destination).unwrap();
        let error = restore_in(copy, to.clone(), &options).await.unwrap_err();
        assert!(names(&error, &path), "{path}: {error}");
        assert!(Trail::open(to.url(), place.options_of(to.url(), "")).await.is_err(), "{path}");
        place.copy.put_hint(&path, bytes).await.unwrap();
    }
}

#[tokio::test]
async fn an_older_state_is_told_with_a_pin() {
    let (place, trail) = made().await;
    let old: Vec<(String, Bytes)> = {
        let mut old = Vec::new();
        for (path, _) in place.copy.list("").await.unwrap() {
            old.push((path.clone(), place.copy.get(&path).await.unwrap()));
        }
        old
    };
    place.fill(&trail, 2).await;
    place.back_up(&trail).await;
    let pinning = pins(&place.dir.path().join("verifier"));
    let trust = place.trust().await;
    let seen = place.check_with(trust.clone(), &pinning).await.unwrap();
    assert_eq!((seen.report.verdict, seen.size), (Verdict::Verified, 8));
    for (path, _) in place.copy.list("").await.unwrap() {
        place.copy.delete(&path).await.unwrap();
    }
    for (path, bytes) in old {
        place.copy.put_create(&path, bytes).await.unwrap();
    }
    place.copy_holds(6).await;
    let seen = place.check_with(trust, &pinning).await.unwrap();
    assert_eq!(seen.report.verdict, Verdict::RolledBack, "{:?}", seen.report.findings);
    // The trail notices too, and goes on: the copy's state is one that it extends.
    assert_eq!(place.back_up(&trail).await.size, 8);
}

#[tokio::test]
async fn a_newest_statement_that_does_not_hold_is_told_and_the_one_before_counts() {
    let (place, trail) = made().await;
    place.fill(&trail, 1).await;
    place.back_up(&trail).await;
    let newest = path_of(*numbers(&place.copy).await.unwrap().last().unwrap());
    let bytes = place.copy.get(&newest).await.unwrap();
    let text = String::from_utf8_lossy(&bytes[..40]).into_owned();
    assert!(text.starts_with(r#"{"bytes":"#), "{text}");
    let mut changed = bytes.to_vec();
    changed[10] = if changed[10] == b'9' { b'8' } else { b'9' };
    place.copy.put_hint(&newest, Bytes::from(changed)).await.unwrap();
    let found = place.check().await;
    assert_eq!((found.size, found.statement), (6, 0));
    assert_eq!(found.report.findings[0].object, newest);
    assert!(trail.backup(&place.how()).await.is_err());
}

#[tokio::test]
async fn without_the_key_it_is_known_what_should_be_there() {
    let (place, _) = made().await;
    let seen = inspect_in(&place.copy).await.unwrap();
    assert_eq!((seen.size, seen.records, seen.segments), (6, 20, 4));
    assert_eq!((seen.statement, &seen.problems), (Some(0), &vec![]));
    place.copy.delete(&sealed_path("ledger/00000000000000000002.json")).await.unwrap();
    let segment = objects(&place).await.into_iter().find(|p| p.contains("segments")).unwrap();
    place.copy.delete(&segment).await.unwrap();
    let file = sealed_path("trail.json");
    place.copy.put_hint(&file, Bytes::from_static(b"short")).await.unwrap();
    let problems = inspect_in(&place.copy).await.unwrap().problems.join("\n");
    for part in ["00002.json is missing", "1 segments are missing", "trail.json: no envelope"] {
        assert!(problems.contains(part), "{problems}");
    }
}

#[tokio::test]
async fn quick_verification_reads_no_record() {
    let (place, _) = made().await;
    let copy = place::Place::open(place.copy.clone(), &place.key).await.unwrap();
    let options = Options { level: Level::Quick, ..Options::default() };
    let (trust, pinning) = (place.trust().await, Pinning::default());
    let found = verify_in(&copy, trust, options, &pinning, &|_| {}, &nothing()).await.unwrap();
    assert_eq!((found.report.checked.records, found.report.findings), (0, vec![]));
}
