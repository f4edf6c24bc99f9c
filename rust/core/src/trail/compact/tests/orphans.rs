//! What is condemned while somebody is about to commit it.

use super::*;
use crate::Error;

#[tokio::test]
async fn who_comes_too_late_commits_under_other_names() {
    for done in [false, true] {
        for last_put in 0.. {
            let place = Place::new(false).await;
            let mut ids = commit(&place.open().await, &["a"]).await;
            let (watched, storage) = Watched::dying(&place.storage, last_put, done);
            // This one has put segments and perhaps a candidate, and is about to commit them.
            let slow = place.open_in(&storage).await;
            for id in ["slow-data", "slow-auth1"] {
                slow.record(event(id).as_bytes(), Strictness::Lenient).await.unwrap();
                ids.insert(id.to_owned());
            }
            let _ = slow.flush().await;
            let died = watched.is_dead();
            let quick = place.open().await;
            let found = quick.remove_orphans(NOW).await.unwrap();
            assert_eq!(found.removed, found.segments);
            quick.close(true).await.unwrap();
            let _ = slow.close(false).await;
            drop(slow);

            let again = place.open().await;
            again.flush().await.unwrap();
            again.remove_orphans(NOW).await.unwrap();
            again.close(true).await.unwrap();
            place.holds(&ids).await;
            let state = Ledger::open(place.storage.clone()).await.unwrap();
            let there = place.storage.list("segments").await.unwrap();
            assert_eq!(there.len(), state.state().segments.len(), "after {last_put} {done}");
            if !died {
                // Segments and the entry.
                assert!(last_put > 2, "{last_put}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn whoever_races_with_who_clears_up_loses_nothing() {
    let place = Place::new(false).await;
    let (a, b, writer) = (place.open().await, place.open().await, place.open().await);
    let mut ids = BTreeSet::new();
    let how = options(NOW);
    for round in 0..8 {
        let recording = async {
            for part in 0..3 {
                for id in [format!("{round}-{part}-data"), format!("{round}-{part}-auth1")] {
                    writer.record(event(&id).as_bytes(), Strictness::Lenient).await.unwrap();
                    ids.insert(id);
                }
                // Condemned segments are written anew.
                while let Err(e) = writer.flush().await {
                    assert!(matches!(e, Error::AlreadyExists(_)), "{e}");
                }
            }
        };
        let clearing = async {
            for _ in 0..4 {
                b.remove_orphans(NOW).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        let (compacted, (), ()) = tokio::join!(a.compact(&how), recording, clearing);
        compacted.unwrap();
        place.holds(&ids).await;
    }
    b.remove_orphans(NOW).await.unwrap();
    for trail in [a, b, writer] {
        trail.close(true).await.unwrap();
    }
    place.holds(&ids).await;
    let state = Ledger::open(place.storage.clone()).await.unwrap();
    let live = state.state().segments.len() + state.state().lifecycle.retired.len();
    assert_eq!(place.storage.list("segments").await.unwrap().len(), live);
}
