//! After the primary is lost.

use super::super::restore::restore_in;
use super::*;
use crate::Error;
use crate::storage::watched::Watched;

#[tokio::test]
async fn the_trail_is_as_it_was_and_goes_on() {
    for local in [true, false] {
        let place = Place::new(local).await;
        let trail = place.open().await;
        place.fill(&trail, 3).await;
        trail.compact(&compacting()).await.unwrap();
        let ids = place.fill(&trail, 2).await;
        let (before, size) = (records(&trail).await, place.back_up(&trail).await.size);
        let one = trail.get(&ids[0]).await.unwrap();
        assert!(one.is_some());
        trail.close(true).await.unwrap();
        let trust = place.trust().await;
        for (path, _) in place.storage.list("").await.unwrap() {
            place.storage.delete(&path).await.unwrap();
        }
        let options = place.restoring("restored");
        let report = restore(&options).await.unwrap();
        assert_eq!((report.size, report.records, report.left_out), (size, 25, 0));
        let storage = Storage::open(&report.url).unwrap();
        let how = Options::default();
        let verified =
            crate::verify::verify(&storage, &trust, &how, &|_| {}, &nothing()).await.unwrap();
        assert_eq!((verified.verdict, verified.findings), (Verdict::Verified, vec![]));
        let here = place.open_at(&report.url, "").await;
        assert_eq!(records(&here).await, before);
        assert_eq!(here.get(&ids[0]).await.unwrap(), one);

        // A new writer, and the copy goes on with the trail.
        place.fill(&here, 2).await;
        here.compact(&compacting()).await.unwrap();
        here.close(true).await.unwrap();
        let verified =
            crate::verify::verify(&storage, &trust, &how, &|_| {}, &nothing()).await.unwrap();
        assert_eq!((verified.verdict, verified.findings), (Verdict::Verified, vec![]));
        let next = here.backup(&place.how()).await.unwrap();
        assert!(next.size > size);
        let copy = place::Place::open(place.copy.clone(), &place.key).await.unwrap();
        let (pinning, go_on) = (Pinning::default(), nothing());
        let found = verify_in(&copy, trust, how, &pinning, &|_| {}, &go_on).await.unwrap();
        assert_eq!(found.report.findings, vec![]);
    }
}

#[tokio::test]
async fn a_restore_that_ends_at_any_put_is_no_trail_and_is_continued() {
    let place = Place::new(false).await;
    let trail = place.open().await;
    place.fill(&trail, 4).await;
    let size = place.back_up(&trail).await.size;
    for last_put in 0.. {
        let options = place.restoring("unused");
        let url = format!("{}-restored-{last_put}", place.storage.url());
        let to = Storage::open(&url).unwrap();
        let (watched, dying) = Watched::dying(&to, last_put, false);
        let copy = || place::Place::open(place.copy.clone(), &place.key);
        let result = restore_in(copy().await.unwrap(), dying, &options).await;
        if !watched.is_dead() {
            result.unwrap();
            let error = restore_in(copy().await.unwrap(), to, &options).await.unwrap_err();
            assert!(matches!(error, Error::AlreadyExists(_)), "{error}");
            assert!(last_put > 10);
            break;
        }
        result.unwrap_err();
        assert!(Trail::open(&url, place.options_of(&url, "")).await.is_err());
        let report = restore_in(copy().await.unwrap(), to, &options).await.unwrap();
        assert_eq!(report.size, size);
        let verified = place.verify(&url).await;
        assert_eq!((verified.verdict, verified.findings), (Verdict::Verified, vec![]));
    }
}

#[tokio::test]
async fn only_an_empty_place_is_restored_to() {
    let place = Place::new(true).await;
    let trail = place.open().await;
    place.fill(&trail, 1).await;
    place.back_up(&trail).await;
    let taken =
        RestoreOptions { destination: place.storage.url().to_owned(), ..place.restoring("unused") };
    assert!(matches!(restore(&taken).await, Err(Error::AlreadyExists(_))));
    let options = place.restoring("files");
    std::fs::create_dir_all(&options.destination).unwrap();
    std::fs::write(format!("{}/notes.txt", options.destination), "mine").unwrap();
    let error = restore(&options).await.unwrap_err();
    assert!(matches!(&error, Error::Usage(m) if m.contains("notes.txt")), "{error}");
    let wrong = RestoreOptions { key: master(9), ..place.restoring("other") };
    assert!(matches!(restore(&wrong).await, Err(Error::Key(_))));
    let none = RestoreOptions { copy: options.destination.clone(), ..place.restoring("other") };
    assert!(matches!(restore(&none).await, Err(Error::NotFound(_))));
}

/// A host whose writers know more of the ledger than the copy had.
#[tokio::test]
async fn at_the_same_place_writers_that_know_more_do_not_go_on_unseen() {
    let place = Place::new(true).await;
    let trail = place.open().await;
    place.fill(&trail, 1).await;
    let size = place.back_up(&trail).await.size;
    place.fill(&trail, 1).await;
    trail.close(true).await.unwrap();
    drop(trail);
    let trust = place.trust().await;
    std::fs::remove_dir_all(place.storage.url()).unwrap();
    let options =
        RestoreOptions { destination: place.storage.url().to_owned(), ..place.restoring("unused") };
    assert_eq!(restore(&options).await.unwrap().size, size);
    let event = br#"{"event_type":"data.read"}"#;
    let here = place.open().await;
    let error = here.record(event, Strictness::Lenient).await.unwrap_err();
    assert!(error.to_string().contains("rolled back or replaced"), "{error}");
    // Another host has nothing to lose.
    let other = place.open_at(place.storage.url(), "b").await;
    other.record(event, Strictness::Lenient).await.unwrap();
    other.close(true).await.unwrap();
    let storage = Storage::open(place.storage.url()).unwrap();
    let how = Options::default();
    let verified =
        crate::verify::verify(&storage, &trust, &how, &|_| {}, &nothing()).await.unwrap();
    assert_eq!((verified.verdict, verified.findings), (Verdict::Verified, vec![]));
}
