//! A copy while the trail is written, compacted and swept.

use super::*;

#[tokio::test]
async fn a_copy_that_races_with_writers_compaction_and_sweeps_always_holds() {
    for local in [true, false] {
        let place = Arc::new(Place::new(local).await);
        let trail = place.open().await;
        place.fill(&trail, 2).await;
        let writing = {
            let (place, trail) = (Arc::clone(&place), trail.clone());
            std::thread::spawn(move || {
                crate::runtime().unwrap().block_on(async {
                    for round in 0..8 {
                        place.fill(&trail, 2).await;
                        if round % 2 == 1 {
                            trail.compact(&compacting()).await.unwrap();
                        }
                    }
                });
            })
        };
        let mut sizes = Vec::new();
        while !writing.is_finished() {
            let size = place.back_up(&trail).await.size;
            sizes.push(size);
            place.copy_holds(size).await;
        }
        writing.join().unwrap();
        let last = place.back_up(&trail).await;
        place.copy_holds(last.size).await;
        assert!(sizes.is_sorted(), "{sizes:?}");
        assert_eq!(last.size, trail.stats().await.unwrap().entries);
    }
}
