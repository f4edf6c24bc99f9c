//! What is told of a deletion or a move while it goes on, and what stops it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use super::*;
use crate::trail::CompactProgress;

/// Options that write down what they are told.
fn watched() -> (CompactOptions, Arc<Mutex<Vec<CompactProgress>>>) {
    let told: Arc<Mutex<Vec<CompactProgress>>> = Arc::default();
    let into = Arc::clone(&told);
    let progress = move |progress| into.lock().unwrap().push(progress);
    (CompactOptions { progress: Some(Arc::new(progress)), ..CompactOptions::default() }, told)
}

async fn objects(world: &World) -> usize {
    world.trail.storage().list("segments").await.unwrap().len()
}

fn order() -> Order {
    Order { approver: "officer".to_owned(), reason: "old".to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions_and_moves_tell_how_far_they_are() {
    let world = settled().await;
    let plan = world.plan().await;
    let ((whole, _), (part, _)) = (plan.count(Action::Delete), plan.count(Action::DeletePart));
    assert!(part > 0, "{plan:?}");
    let (options, told) = watched();
    let deletion = world.trail.delete_planned(&plan, &order(), &options).await.unwrap();
    let told = std::mem::take(&mut *told.lock().unwrap());
    let last = *told.last().unwrap();
    assert!(told.len() > 2 && told.windows(2).all(|two| two[0].rows <= two[1].rows), "{told:?}");
    assert_eq!((last.rows, last.segments), (last.of_rows, whole + part), "{told:?}");
    assert!(last.rows > deletion.records);

    // To Parquet and to compressed lines.
    for seed in [1, 3] {
        let mut world = World::new(seed).await;
        world.record().await;
        world.now = START + 10_000 * DAY;
        let plan = world.plan().await;
        let (options, told) = watched();
        let moved = world.trail.archive_planned(&plan, &options).await.unwrap();
        let last = *told.lock().unwrap().last().unwrap();
        assert_eq!((last.rows, last.of_rows), (2 * moved.rows, 2 * moved.rows));
        assert_eq!(last.segments, moved.segments);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_deletion_leaves_the_trail_as_it_was() {
    let world = settled().await;
    let plan = world.plan().await;
    let (before, size) = (objects(&world).await, world.trail.view().await.unwrap().size());
    let (options, told) = watched();
    // At each thing that it tells, in turn.
    let mut stopped = 0;
    loop {
        told.lock().unwrap().clear();
        let (cancel, into) = (Arc::clone(&options.cancel), Arc::clone(&told));
        cancel.store(stopped == 0, Ordering::Relaxed);
        let stopping = Arc::clone(&cancel);
        let progress = move |progress| {
            let mut told = into.lock().unwrap();
            told.push(progress);
            stopping.store(told.len() >= stopped, Ordering::Relaxed);
        };
        let options = CompactOptions { progress: Some(Arc::new(progress)), ..options.clone() };
        match world.trail.delete_planned(&plan, &order(), &options).await {
            Err(e) => assert_eq!(e.kind(), "interrupted"),
            Ok(deletion) => {
                assert!(deletion.records > 0);
                break;
            }
        }
        assert_eq!(world.trail.view().await.unwrap().size(), size, "at {stopped}");
        assert_eq!(objects(&world).await, before, "at {stopped}");
        stopped += 1;
    }
    assert!(stopped > 2, "{stopped}");
}
