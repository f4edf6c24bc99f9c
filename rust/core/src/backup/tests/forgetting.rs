//! Copies that are given up.

use super::*;
use crate::Error;
use crate::trail::ErasureState;

#[tokio::test]
async fn an_erasure_waits_no_more_for_a_copy_that_is_forgotten() {
    let place = Place::new(true).await;
    let trail = place.open().await;
    place.fill(&trail, 1).await;
    let lost = place.back_up(&trail).await.holder;
    let second = place.dir.path().join("second").display().to_string();
    let second = BackupOptions { destination: second, ..place.how() };
    let kept = trail.backup(&second).await.unwrap().holder;
    let order = trail.erase("u1", "request 17", "dpo", &BTreeSet::new()).await.unwrap();
    assert_eq!(order.pending.iter().collect::<BTreeSet<_>>(), BTreeSet::from([&lost, &kept]));
    std::fs::remove_dir_all(place.copy.url()).unwrap();

    // What would follow: the other copy is waited for.
    let size = trail.stats().await.unwrap().entries;
    let plan = trail.plan_forget(place.copy.url()).await.unwrap();
    assert_eq!((plan.copy.holder.as_str(), plan.entry), (lost.as_str(), None));
    assert_eq!((plan.erased, plan.pending), (vec![], vec![(order.entry, vec![kept.clone()])]));
    assert_eq!(trail.stats().await.unwrap().entries, size);
    trail.backup(&second).await.unwrap();
    let plan = trail.plan_forget(&lost).await.unwrap();
    assert_eq!((plan.erased, plan.pending), (vec![order.entry], vec![]));
    assert_eq!(trail.erasures().await.unwrap()[0].state, ErasureState::ErasurePending);

    let done = trail.forget_copy(&lost, "the disk is lost", "ops").await.unwrap();
    assert_eq!((done.copy.forgotten, &done.erased), (done.entry, &vec![order.entry]));
    let status = trail.erasures().await.unwrap().remove(0);
    assert_eq!((status.state, status.pending), (ErasureState::Erased, vec![]));
    assert_eq!(status.forgotten, std::slice::from_ref(&lost));
    assert!(!status.confirmed.contains(&lost), "it never said so");
    let known = trail.copies().await.unwrap();
    assert_eq!(known.iter().filter(|copy| copy.forgotten.is_some()).count(), 1);

    // A later erasure does not wait for it either, and snapshots keep that.
    trail.erase("u2", "request 18", "dpo", &BTreeSet::new()).await.unwrap();
    place.fill(&trail, 4).await;
    trail.backup(&second).await.unwrap();
    trail.close(true).await.unwrap();
    let again = place.open().await;
    let states: Vec<ErasureState> =
        again.erasures().await.unwrap().iter().map(|erasure| erasure.state).collect();
    assert_eq!(states, [ErasureState::Erased; 2]);
    let verified = place.verify(place.storage.url()).await;
    assert_eq!((verified.verdict, verified.findings), (Verdict::Erased, vec![]));
}

#[tokio::test]
async fn a_forgotten_copy_is_brought_up_to_date_no_more() {
    let place = Place::new(true).await;
    let trail = place.open().await;
    place.fill(&trail, 1).await;
    let gone = place.back_up(&trail).await.holder;
    trail.forget_copy(place.copy.url(), "retired", "ops").await.unwrap();
    let error = trail.backup(&place.how()).await.unwrap_err();
    assert!(matches!(&error, Error::Usage(m) if m.contains("was forgotten by entry")), "{error}");
    let twice = trail.forget_copy(&gone, "retired", "ops").await.unwrap_err();
    assert!(twice.to_string().contains("was forgotten by entry"), "{twice}");
    // In the same place another one can be begun, and is known by the place from then on.
    std::fs::remove_dir_all(place.copy.url()).unwrap();
    let next = place.back_up(&trail).await;
    assert_ne!(next.holder, gone);
    assert_eq!(trail.plan_forget(place.copy.url()).await.unwrap().copy.holder, next.holder);
    place.copy_holds(next.size).await;
    // And while none of two at a place is forgotten, the place names none.
    std::fs::remove_dir_all(place.copy.url()).unwrap();
    place.back_up(&trail).await;
    let error = trail.plan_forget(place.copy.url()).await.unwrap_err();
    assert!(error.to_string().contains("several copies"), "{error}");
}

#[tokio::test]
async fn only_the_owner_forgets_a_copy_that_there_is() {
    let place = Place::new(true).await;
    let trail = place.open().await;
    place.fill(&trail, 1).await;
    let copy = place.back_up(&trail).await.holder;
    for (reason, approver) in [("", "ops"), ("lost", " ")] {
        let error = trail.forget_copy(&copy, reason, approver).await.unwrap_err();
        assert!(matches!(error, Error::Usage(_)), "{error}");
    }
    for other in ["copy-0000000000000000", "w-0000000000000000", "/nowhere/else"] {
        let error = trail.forget_copy(other, "lost", "ops").await.unwrap_err();
        assert!(matches!(error, Error::NotFound(_)), "{other}: {error}");
    }
    let keys = place.dir.path().join("keys");
    std::fs::rename(&keys, place.dir.path().join("moved")).unwrap();
    let elsewhere = place.open_at(place.storage.url(), "").await;
    assert!(elsewhere.forget_copy(&copy, "lost", "ops").await.is_err());
    assert_eq!(elsewhere.plan_forget(&copy).await.unwrap().copy.forgotten, None);
}
