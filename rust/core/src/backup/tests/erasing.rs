//! Erased subjects stay erased.

use super::super::place::sealed_path;
use super::*;
use crate::subjects::{ERASED, KEYS_FOLDER};
use crate::trail::ErasureState;

async fn keys_of(storage: &Storage, folder: &str) -> usize {
    let all = storage.list(folder).await.unwrap();
    all.iter().filter(|(path, _)| !path.ends_with("root.json")).count()
}

async fn emails(trail: &Trail) -> Vec<String> {
    let mut all = Vec::new();
    for record in records(trail).await {
        let shown = trail.unsealed(record).await.unwrap();
        let shown: serde_json::Value = serde_json::from_slice(&shown).unwrap();
        all.extend(shown["email"].as_str().map(str::to_owned));
    }
    all.sort();
    all.dedup();
    all
}

#[tokio::test]
async fn an_erasure_is_pending_until_the_copy_has_destroyed_the_key() {
    let place = Place::new(true).await;
    let trail = place.open().await;
    place.fill(&trail, 1).await;
    let copy = place.back_up(&trail).await;
    assert_eq!(keys_of(&place.copy, &sealed_path(KEYS_FOLDER)).await, 5);
    let status = trail.erase("u1", "request 17", "dpo", &BTreeSet::new()).await.unwrap();
    assert_eq!(status.state, ErasureState::ErasurePending);
    assert_eq!(status.pending, vec![copy.holder.clone()]);
    let run = place.back_up(&trail).await;
    assert_eq!((run.destroyed, run.confirmed, run.unconfirmed), (1, 1, 0));
    assert_eq!(keys_of(&place.copy, &sealed_path(KEYS_FOLDER)).await, 4);
    let status = trail.erasures().await.unwrap().remove(0);
    assert_eq!((status.state, status.pending), (ErasureState::Erased, vec![]));
    assert!(status.confirmed.contains(&copy.holder));
    let last = place.back_up(&trail).await;
    assert_eq!((last.destroyed, last.confirmed), (0, 0));
    place.copy_holds(last.size).await;

    // A copy that is begun later never has the key.
    let second = Storage::open(&place.dir.path().join("second").display().to_string()).unwrap();
    let begun = trail.backup_to(second, &place.how()).await.unwrap();
    assert_eq!((begun.destroyed, begun.confirmed), (0, 0));
    assert_eq!(trail.erasures().await.unwrap()[0].state, ErasureState::Erased);
}

#[tokio::test]
async fn what_was_erased_is_not_restored() {
    let place = Place::new(true).await;
    let trail = place.open().await;
    place.fill(&trail, 1).await;
    place.back_up(&trail).await;
    let shown = ["u0@example.com", "u1@example.com", "u2@example.com", "u3@example.com"];
    assert_eq!(emails(&trail).await[..4], shown);
    trail.erase("u1", "request 17", "dpo", &BTreeSet::new()).await.unwrap();
    let run = place.back_up(&trail).await;
    // As a store that keeps what was deleted could bring it back.
    let left = place::Place::open(place.copy.clone(), &place.key).await.unwrap();
    assert_eq!(run.destroyed, 1);
    drop((trail, left));
    let trust = place.trust().await;
    std::fs::remove_dir_all(place.storage.url()).unwrap();
    let report = restore(&place.restoring("restored")).await.unwrap();
    let storage = Storage::open(&report.url).unwrap();
    assert_eq!(keys_of(&storage, KEYS_FOLDER).await, 4);
    let here = place.open_at(&report.url, "").await;
    let left: Vec<String> = emails(&here).await;
    assert!(left.contains(&ERASED.to_owned()) && !left.contains(&shown[1].to_owned()), "{left:?}");
    assert!(left.contains(&shown[2].to_owned()));
    let how = Options::default();
    let verified =
        crate::verify::verify(&storage, &trust, &how, &|_| {}, &nothing()).await.unwrap();
    assert_eq!((verified.verdict, verified.findings), (Verdict::Erased, vec![]));
}

/// The erasure came after the copy's newest statement but one that was restored from before.
#[tokio::test]
async fn a_restore_that_goes_on_after_an_erasure_destroys_what_it_brought() {
    let place = Place::new(true).await;
    let trail = place.open().await;
    place.fill(&trail, 1).await;
    place.back_up(&trail).await;
    let options = place.restoring("restored");
    restore(&options).await.unwrap();
    let to = Storage::open(&options.destination).unwrap();
    assert_eq!(keys_of(&to, KEYS_FOLDER).await, 5);
    // As if it had been broken off before its end.
    to.delete("ledger/00000000000000000000.json").await.unwrap();
    trail.erase("u2", "request 18", "dpo", &BTreeSet::new()).await.unwrap();
    place.back_up(&trail).await;
    restore(&options).await.unwrap();
    assert_eq!(keys_of(&to, KEYS_FOLDER).await, 4);
}

#[tokio::test]
async fn a_key_that_the_trail_lost_without_an_erasure_is_in_the_copy_still() {
    let place = Place::new(true).await;
    let trail = place.open().await;
    place.fill(&trail, 1).await;
    place.back_up(&trail).await;
    let keys = place.storage.list(KEYS_FOLDER).await.unwrap();
    for (path, _) in &keys {
        place.storage.delete(path).await.unwrap();
    }
    place.fill(&trail, 1).await;
    let run = place.back_up(&trail).await;
    place.copy_holds(run.size).await;
    let report = restore(&place.restoring("restored")).await.unwrap();
    let storage = Storage::open(&report.url).unwrap();
    assert_eq!(storage.list(KEYS_FOLDER).await.unwrap(), keys);
}
