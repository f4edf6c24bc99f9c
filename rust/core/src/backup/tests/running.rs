//! Bringing a copy up to date.

use super::super::place::sealed_path;
use super::super::statement;
use super::*;
use crate::Error;
use crate::ledger::{Entry, entry_path};
use crate::storage::watched::Watched;

#[tokio::test]
async fn only_what_is_missing_is_copied_and_nothing_is_readable() {
    for local in [true, false] {
        let place = Place::new(local).await;
        let trail = place.open().await;
        place.fill(&trail, 3).await;
        let first = place.back_up(&trail).await;
        assert!(first.objects > 8, "{first:?}");
        assert_eq!((first.statement, first.size), (0, trail.stats().await.unwrap().entries));
        place.copy_holds(first.size).await;

        let again = place.back_up(&trail).await;
        assert_eq!((again.objects, again.statement, again.size), (0, 0, first.size));

        place.fill(&trail, 1).await;
        let third = place.back_up(&trail).await;
        assert_eq!((third.statement, third.size), (1, first.size + 1));
        assert!((2..6).contains(&third.objects), "{third:?}");
        place.copy_holds(third.size).await;
        for (path, _) in place.copy.list("").await.unwrap() {
            let bytes = place.copy.get(&path).await.unwrap();
            for secret in [&b"data.read"[..], b"u1@example.com", b"append", b"PAR1"] {
                assert!(memchr::memmem::find(&bytes, secret).is_none(), "{path}");
            }
        }
    }
}

#[tokio::test]
async fn the_key_and_the_place_must_be_those_of_the_copy() {
    let place = Place::new(true).await;
    let trail = place.open().await;
    place.fill(&trail, 1).await;
    place.back_up(&trail).await;
    let wrong = BackupOptions { key: master(2), ..place.how() };
    let error = trail.backup(&wrong).await.unwrap_err();
    assert!(matches!(&error, Error::Key(m) if m.contains("master key")), "{error}");
    let other = Place::new(true).await;
    let into = BackupOptions { destination: place.copy.url().to_owned(), ..other.how() };
    let error = other.open().await.backup(&into).await.unwrap_err();
    assert!(error.to_string().contains("another trail"), "{error}");
    let itself = BackupOptions { destination: place.storage.url().to_owned(), ..place.how() };
    let error = trail.backup(&itself).await.unwrap_err();
    assert!(matches!(&error, Error::Usage(m) if m.contains("not empty")), "{error}");

    add_key(place.copy.url(), &place.key, &master(2)).await.unwrap();
    assert_eq!(trail.backup(&wrong).await.unwrap().objects, 0);
    place.copy_holds(3).await;
}

/// A trail with all that can be in one: compacted, snapshots, cosigned, keys, tombstones.
async fn lived() -> (Place, Trail) {
    let place = Place::new(false).await;
    let trail = place.open().await;
    place.fill(&trail, 3).await;
    trail.compact(&compacting()).await.unwrap();
    place.fill(&trail, 3).await;
    (place, trail)
}

#[tokio::test]
async fn a_run_that_ends_at_any_put_is_continued() {
    let (place, trail) = lived().await;
    let whole = place.back_up(&trail).await.objects;
    for done in [false, true] {
        for last_put in 0.. {
            let (place, trail) = lived().await;
            let (watched, dying) = Watched::dying(&place.copy, last_put, done);
            let result = trail.backup_to(dying, &place.how()).await;
            if watched.is_dead() {
                result.unwrap_err();
            }
            let numbers = statement::numbers(&place.copy).await.unwrap();
            if !numbers.is_empty() {
                // What it says, it has.
                assert_eq!(place.check().await.report.findings, []);
            }
            if !watched.is_dead() {
                assert!(last_put > 20);
                break;
            }
            let again = place.back_up(&trail).await;
            // What is there is not copied again.
            assert!(again.objects + last_put <= whole + 4, "{again:?} after {last_put} of {whole}");
            place.fill(&trail, 1).await;
            let size = place.back_up(&trail).await.size;
            place.copy_holds(size).await;
        }
    }
}

#[tokio::test]
async fn a_later_run_that_ends_at_any_put_leaves_the_state_before() {
    for last_put in 0.. {
        let (place, trail) = lived().await;
        let before = place.back_up(&trail).await.size;
        place.fill(&trail, 2).await;
        trail.compact(&compacting()).await.unwrap();
        let (watched, dying) = Watched::dying(&place.copy, last_put, false);
        let result = trail.backup_to(dying, &place.how()).await;
        if !watched.is_dead() {
            place.copy_holds(result.unwrap().size).await;
            assert!(last_put > 5);
            break;
        }
        place.copy_holds(before).await;
        let size = place.back_up(&trail).await.size;
        assert!(size > before);
        place.copy_holds(size).await;
    }
}

#[tokio::test]
async fn what_is_swept_goes_once_the_copy_says_so() {
    let place = Place::new(true).await;
    let trail = place.open().await;
    place.fill(&trail, 3).await;
    place.back_up(&trail).await;
    let old: Vec<String> =
        trail.view().await.unwrap().segments().iter().map(|s| s.path.clone()).collect();
    let keeping = CompactOptions { grace: Duration::from_secs(3600), ..compacting() };
    trail.compact(&keeping).await.unwrap();
    let kept = place.back_up(&trail).await;
    assert_eq!(kept.removed, 0, "retired files stay");
    place.copy_holds(kept.size).await;
    trail.sweep(NOW).await.unwrap();
    let gone = place.back_up(&trail).await;
    assert_eq!(gone.removed, 3);
    for path in old {
        assert!(matches!(place.copy.size(&sealed_path(&path)).await, Err(Error::NotFound(_))));
    }
    place.copy_holds(gone.size).await;
}

#[tokio::test]
async fn another_history_is_not_copied_over_the_copy() {
    let place = Place::new(true).await;
    let trail = place.open().await;
    place.fill(&trail, 1).await;
    let keep = place.dir.path().join("kept");
    copy_folder(std::path::Path::new(place.storage.url()), &keep);
    place.fill(&trail, 1).await;
    place.back_up(&trail).await;
    trail.close(true).await.unwrap();
    std::fs::remove_dir_all(place.storage.url()).unwrap();
    copy_folder(&keep, std::path::Path::new(place.storage.url()));
    let error = place.open().await.backup(&place.how()).await.unwrap_err();
    assert!(error.to_string().contains("rolled back or replaced"), "{error}");
    place.copy_holds(4).await;
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|e| (e.path(), e.file_name())).unwrap();
        match path.is_dir() {
            true => copy_folder(&path, &to.join(name)),
            false => drop(std::fs::copy(&path, to.join(name)).unwrap()),
        }
    }
}

#[tokio::test]
async fn what_a_broken_off_run_left_of_another_history_is_replaced() {
    let (place, trail) = lived().await;
    let before = place.back_up(&trail).await.size;
    // As a run of the lost primary may have left it: an entry that the restored trail has not.
    let left = place::Place::open(place.copy.clone(), &place.key).await.unwrap();
    let path = entry_path(before);
    let sealed = left.seal(left.aad(&path), bytes::Bytes::from_static(b"lost")).await.unwrap();
    place.copy.put_create(&sealed_path(&path), sealed).await.unwrap();
    place.copy_holds(before).await;
    place.fill(&trail, 1).await;
    let size = place.back_up(&trail).await.size;
    place.copy_holds(size).await;
    let now = left.get(&path).await.unwrap();
    assert_eq!(Entry::parse(&now).unwrap().body.n, before);
}

#[tokio::test]
async fn damage_in_the_trail_is_not_copied() {
    let place = Place::new(true).await;
    let trail = place.open().await;
    place.fill(&trail, 1).await;
    let path = trail.view().await.unwrap().segments()[0].path.clone();
    let file = std::path::Path::new(place.storage.url()).join(&path);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let error = trail.backup(&place.how()).await.unwrap_err();
    assert!(error.to_string().contains(&path), "{error}");
    std::fs::remove_file(&file).unwrap();
    let error = trail.backup(&place.how()).await.unwrap_err();
    assert!(error.to_string().contains("has lost it"), "{error}");
    let error = place.check_with(place.trust().await, &Pinning::default()).await.unwrap_err();
    assert!(error.to_string().contains("no run has completed"), "{error}");
}

#[tokio::test]
async fn a_run_can_be_stopped_and_tells_how_far_it_is() {
    let place = Place::new(true).await;
    let trail = place.open().await;
    place.fill(&trail, 2).await;
    let how = place.how();
    how.cancel.store(true, Ordering::Relaxed);
    assert!(matches!(trail.backup(&how).await, Err(Error::Interrupted)));
    let told = Arc::new(std::sync::Mutex::new(BackupProgress::default()));
    let newest = Arc::clone(&told);
    let progress = move |progress| *newest.lock().unwrap() = progress;
    let how = BackupOptions {
        progress: Some(Arc::new(progress)),
        // Less than any object: one at a time.
        memory: 1,
        ..place.how()
    };
    let report = trail.backup(&how).await.unwrap();
    let told = *told.lock().unwrap();
    assert_eq!((told.objects, told.of_objects), (report.objects, report.objects));
    assert_eq!(told.bytes, report.bytes);
}
