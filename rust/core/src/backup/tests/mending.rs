//! What is damaged or missing in a copy is put anew from the trail.

use bytes::Bytes;

use super::super::place::sealed_path;
use super::*;
use crate::Error;

/// A small trail with all kinds of objects, and its copy after two runs.
async fn made() -> (Place, Trail) {
    let place = Place::new(false).await;
    let trail = place.open().await;
    place.fill(&trail, 3).await;
    trail.compact(&compacting()).await.unwrap();
    place.back_up(&trail).await;
    place.fill(&trail, 2).await;
    place.back_up(&trail).await;
    (place, trail)
}

async fn mend(place: &Place, trail: &Trail) -> Result<BackupReport> {
    trail.backup(&BackupOptions { repair: true, ..place.how() }).await
}

async fn all(storage: &Storage) -> Vec<(String, Bytes)> {
    let mut all = Vec::new();
    for (path, _) in storage.list("").await.unwrap() {
        all.push((path.clone(), storage.get(&path).await.unwrap()));
    }
    all
}

async fn put_back(storage: &Storage, before: &[(String, Bytes)]) {
    for (path, _) in storage.list("").await.unwrap() {
        storage.delete(&path).await.unwrap();
    }
    for (path, bytes) in before {
        storage.put_create(path, bytes.clone()).await.unwrap();
    }
}

fn objects(list: &[Mended]) -> Vec<&str> {
    list.iter().map(|mended| mended.object.as_str()).collect()
}

#[tokio::test]
async fn each_object_that_is_damaged_or_missing_is_put_anew_and_nothing_else() {
    let (place, trail) = made().await;
    let before = all(&place.copy).await;
    let size = trail.stats().await.unwrap().entries;
    let newest = before.iter().map(|(path, _)| path).filter(|p| p.starts_with("states/")).max();
    let newest = newest.unwrap().clone();
    assert!(before.len() > 20 && before.iter().any(|(p, _)| p.contains("snapshot")));
    for (path, bytes) in &before {
        for how in ["changed", "cut", "emptied", "missing"] {
            let mut bad = bytes.to_vec();
            match how {
                "changed" => bad[bytes.len() / 2] ^= 1,
                "cut" => bad.truncate(bytes.len() - 1),
                "emptied" => bad.clear(),
                _ => {}
            }
            match how {
                "missing" => place.copy.delete(path).await.unwrap(),
                _ => place.copy.put_hint(path, Bytes::from(bad)).await.unwrap(),
            }
            let result = mend(&place, &trail).await;
            if path.starts_with("keys/") {
                let error = result.unwrap_err();
                assert!(matches!(error, Error::Key(_) | Error::Integrity { .. }), "{error}");
                put_back(&place.copy, &before).await;
                continue;
            }
            let report = result.unwrap_or_else(|e| panic!("{how} {path}: {e}"));
            assert_eq!(report.lost, [], "{how} {path}");
            let history = path.starts_with("states/") && (*path != newest || how == "missing");
            // A date in the description that is another says nothing of the copy.
            let date = path == "copy.json" && how == "changed" && report.mended.is_empty();
            if !history && !date {
                assert_eq!(objects(&report.mended), [path.as_str()], "{how}");
            }
            assert_eq!(report.size, size);
            place.copy_holds(size).await;
            for (other, bytes) in &before {
                if other != path && !other.starts_with("states/") {
                    assert_eq!(place.copy.get(other).await.unwrap(), *bytes, "{how} {path}");
                }
            }
            put_back(&place.copy, &before).await;
        }
    }
}

#[tokio::test]
async fn a_whole_copy_is_read_and_left_as_it_is() {
    let (place, trail) = made().await;
    let before = all(&place.copy).await;
    let report = mend(&place, &trail).await.unwrap();
    assert_eq!((report.objects, report.mended, report.lost), (0, vec![], vec![]));
    assert!(report.checked + 5 > before.len() as u64, "{} of {}", report.checked, before.len());
    assert_eq!(all(&place.copy).await, before);
    assert_eq!(place.back_up(&trail).await.checked, 0);
}

#[tokio::test]
async fn what_the_trail_has_not_either_is_lost_and_the_rest_is_mended() {
    for how in ["changed", "missing"] {
        let (place, trail) = made().await;
        let size = place.back_up(&trail).await.size;
        let segments = trail.view().await.unwrap();
        let paths: Vec<String> = segments.segments().iter().map(|s| s.path.clone()).collect();
        for path in &paths {
            place.copy.delete(&sealed_path(path)).await.unwrap();
        }
        let bytes = place.storage.get(&paths[0]).await.unwrap();
        match how {
            "missing" => place.storage.delete(&paths[0]).await.unwrap(),
            _ => place.storage.put_hint(&paths[0], bytes.slice(1..)).await.unwrap(),
        }
        place.fill(&trail, 1).await;
        let report = mend(&place, &trail).await.unwrap();
        assert_eq!(objects(&report.lost), [sealed_path(&paths[0])]);
        let why = report.lost[0].why.as_ref().unwrap();
        assert!(why.contains(if how == "missing" { "lost it" } else { "not what was signed" }));
        assert_eq!(report.mended.len(), paths.len() - 1);
        // What it cannot keep is not said.
        assert_eq!(report.size, size);
        // Once the trail has it again, all is well.
        place.storage.put_hint(&paths[0], bytes).await.unwrap();
        let report = mend(&place, &trail).await.unwrap();
        assert_eq!(
            (objects(&report.mended), report.lost),
            (vec![&*sealed_path(&paths[0])], vec![])
        );
        place.copy_holds(size + 1).await;
    }
}

#[tokio::test]
async fn a_lost_key_of_a_subject_is_told_and_does_not_hold_up_the_copy() {
    let (place, trail) = made().await;
    let keys = place.storage.list("subjects").await.unwrap();
    let key = keys.iter().map(|(path, _)| path).find(|path| !path.ends_with("root.json")).unwrap();
    place.copy.delete(&sealed_path(key)).await.unwrap();
    place.storage.delete(key).await.unwrap();
    let report = mend(&place, &trail).await.unwrap();
    assert_eq!((objects(&report.lost), report.mended), (vec![&*sealed_path(key)], vec![]));
    place.copy_holds(report.size).await;
    assert_eq!(mend(&place, &trail).await.unwrap().lost, []);
}

#[tokio::test]
async fn objects_of_another_copy_are_put_anew() {
    let (place, trail) = made().await;
    let second = Storage::open(&format!("{}-second", place.copy.url())).unwrap();
    trail.backup_to(second.clone(), &place.how()).await.unwrap();
    let mut expected = Vec::new();
    for (path, _) in place.copy.list("objects/ledger").await.unwrap() {
        place.copy.put_hint(&path, second.get(&path).await.unwrap()).await.unwrap();
        expected.push(path);
    }
    let report = mend(&place, &trail).await.unwrap();
    assert_eq!(
        (objects(&report.mended), report.lost),
        (expected.iter().map(|p| &**p).collect(), vec![])
    );
    place.copy_holds(report.size).await;
}

#[tokio::test]
async fn a_damaged_wrapping_of_the_key_does_not_keep_another_from_opening_it() {
    let (place, trail) = made().await;
    let wrapped = place.copy.get("keys/00000000.json").await.unwrap();
    place.copy.put_create("keys/00000001.json", wrapped.slice(..9)).await.unwrap();
    assert_eq!(mend(&place, &trail).await.unwrap().mended, []);
    // Without any, a copy in use gets no other key.
    place.copy.delete("keys/00000000.json").await.unwrap();
    place.copy.delete("keys/00000001.json").await.unwrap();
    for repair in [false, true] {
        let how = BackupOptions { repair, ..place.how() };
        let error = trail.backup(&how).await.unwrap_err();
        assert!(error.to_string().contains("key is missing"), "{error}");
    }
    assert_eq!(place.copy.list("keys").await.unwrap(), []);
}
