//! What a crash leaves in an archive.

use super::*;
use crate::ledger::sidecar_path;
use crate::storage::Storage;
use crate::storage::watched::Watched;

const HOUR: Duration = Duration::from_secs(3600);

/// A trail all of whose segments may move to an archive in memory, one that lost records among
/// them, and the archive. `seed` is of this test alone: the archive's name comes from it.
async fn due(seed: u64) -> (World, String, Storage) {
    let mut world = settled_as(seed).await;
    world.delete().await;
    let policy = Policy { default_retention_days: 1, clock: Clock::EventTime, ..Policy::default() };
    world.trail.pin_policy(&policy).await.unwrap();
    world.now += 100 * DAY;
    let plan = world.plan().await;
    assert!(plan.count(Action::Archive).0 > 1, "{plan:?}");
    let url = format!("memory://cold-{seed}");
    let archive = Storage::open(&url).unwrap();
    (world, url, archive)
}

async fn archive(world: &World) -> Result<crate::trail::MoveReport> {
    let options = CompactOptions { threads: 1, ..CompactOptions::default() };
    world.trail.archive_planned(&world.plan().await, &options).await
}

/// Objects that verification says are no part of the trail.
fn strangers(report: &Report) -> usize {
    report.notes.iter().filter(|note| note.contains("is no part of the trail")).count()
}

/// The archive has what live segments need, and nothing else.
async fn demand_clean(world: &World, archive: &Storage) {
    let mut needed = BTreeSet::new();
    for add in world.trail.view().await.unwrap().segments() {
        if add.archive.is_some() {
            needed.insert(add.path.clone());
            needed.extend(add.gone.as_ref().map(|_| sidecar_path(&add.path)));
        }
    }
    let there = archive.list("segments").await.unwrap().into_iter().map(|(path, _)| path);
    assert!(there.eq(needed), "the archive has something else");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_leaves_in_an_archive_goes_with_the_next_run() {
    let mut seed = 1_000_000;
    for format in [1, 3] {
        for done in [false, true] {
            for last_put in 0.. {
                seed += 4;
                let (mut world, url, live) = due(seed + format).await;
                let (watched, dying) = Watched::dying(&live, last_put, done);
                world.trail.archives().replace(&url, dying);
                let moved = archive(&world).await;
                let died = watched.is_dead();
                assert_eq!(moved.is_err(), died, "{moved:?}");
                world.trail.archives().replace(&url, live.clone());

                let report = world.verify().await;
                assert_eq!(report.findings, [], "{report}");
                let left = world.trail.orphans().await.unwrap();
                assert!(left.segments <= strangers(&report) as u64, "{report}");
                assert_eq!(left.segments == 0, strangers(&report) == 0, "{report}");
                let now = world.trail.remove_orphans(HOUR).await.unwrap();
                assert_eq!((now.removed, now.waiting), (0, left.segments));
                let now = world.trail.remove_orphans(Duration::ZERO).await.unwrap();
                assert_eq!((now.removed, now.foreign), (left.segments, 0));
                assert_eq!(world.trail.orphans().await.unwrap(), Default::default());

                archive(&world).await.unwrap();
                demand_clean(&world, &live).await;
                world.check_records().await;
                let report = world.verify().await;
                assert_eq!((&report.findings[..], strangers(&report)), (&[][..], 0), "{report}");
                world.check_whole().await;
                if !died {
                    // Two probes, two segments at least, a sidecar.
                    assert!(last_put > 4, "{last_put}");
                    break;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_somebody_elses_stays() {
    let (world, _, mine) = due(2_000_001).await;
    let (other, _, theirs) = due(2_000_003).await;
    for world in [&world, &other] {
        archive(world).await.unwrap();
    }
    // The other trail's lines and Parquet, and something that is no segment.
    let (also, _, third) = due(2_000_005).await;
    archive(&also).await.unwrap();
    let mut put = 0;
    for from in [&theirs, &third] {
        for (path, _) in from.list("segments").await.unwrap() {
            mine.put_create(&path, from.get(&path).await.unwrap()).await.unwrap();
            put += u64::from(!path.ends_with(".gone"));
        }
    }
    let no_segment =
        "segments/domain=data/month=2026-03/00000000-0000-4000-8000-000000000009.parquet";
    mine.put_create(no_segment, b"no segment".to_vec().into()).await.unwrap();
    let found = world.trail.remove_orphans(Duration::ZERO).await.unwrap();
    assert_eq!((found.segments, found.foreign, found.removed), (put + 1, put + 1, 0));
    assert!(put > 3);
    // In the trail's own store all of it is the trail's.
    let own = world.trail.storage();
    own.put_create(no_segment, b"no segment".to_vec().into()).await.unwrap();
    let found = world.trail.remove_orphans(Duration::ZERO).await.unwrap();
    assert_eq!((found.foreign, found.removed), (put + 1, 1));
    assert!(matches!(own.get(no_segment).await, Err(Error::NotFound(_))));
    let report = world.verify().await;
    assert_eq!(report.findings, [], "{report}");
    assert!(report.notes.iter().any(|note| note.contains("an entry condemned it")), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_cannot_be_reached_holds_nothing_up() {
    let (world, url, live) = due(3_000_001).await;
    archive(&world).await.unwrap();
    let (watched, dying) = Watched::dying(&live, 0, false);
    let _ = dying.put_create("last", Default::default()).await;
    assert!(watched.is_dead());
    world.trail.archives().replace(&url, dying);
    let found = world.trail.remove_orphans(Duration::ZERO).await.unwrap();
    assert_eq!(found.unreachable, ["cold"]);
}
