use std::sync::atomic::{AtomicU64, Ordering};

use crate::Error;
use crate::config::{Config, Home};
use crate::storage::watched::Watched;
use crate::trail::{InitOptions, LoadOptions, OpenOptions, Settings, Trail, init};

const SEGMENTS: usize = 12;
const ROWS: usize = 40;

/// Ids in no order, as callers give them.
fn id(segment: usize, row: usize) -> String {
    format!("{:04}-{segment}-{row}", (segment * ROWS + row) * 7919 % 9973)
}

async fn filled(url: &str, home: &std::path::Path) -> Trail {
    init(url, &InitOptions::new(Home::at(home))).await.unwrap();
    let settings = Settings::from_config(&Config::default(), url);
    let trail = Trail::open(url, OpenOptions::new(Home::at(home), settings)).await.unwrap();
    for segment in 0..SEGMENTS {
        let lines: Vec<String> = (0..ROWS)
            .map(|row| {
                let (id, second) = (id(segment, row), row % 60);
                format!(
                    r#"{{"audit_id":"{id}","event_type":"data.x","timestamp":"2026-03-01T00:00:{second:02}Z"}}"#
                )
            })
            .collect();
        let lines = Box::new(std::io::Cursor::new(lines.join("\n").into_bytes()));
        trail.load(lines, &LoadOptions::default()).await.unwrap();
    }
    trail
}

#[tokio::test]
async fn a_lookup_in_a_store_reads_the_ends_once_and_one_segment_whole() {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let url = format!("memory://narrow-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let dir = tempfile::tempdir().unwrap();
    let trail = filled(&url, dir.path()).await;
    let (watched, storage) = Watched::of(trail.storage());
    let settings = Settings::from_config(&Config::default(), &url);
    let options = OpenOptions::new(Home::at(dir.path()), settings);
    let reader = Trail::open_in(storage, options).await.unwrap();
    let view = reader.view().await.unwrap();
    watched.take_gets();
    for (segment, row) in [(3, 7), (11, 0), (0, 39), (5, 5)] {
        let found = reader.get_in(&view, &id(segment, row)).await.unwrap().unwrap();
        assert!(String::from_utf8(found).unwrap().contains(&id(segment, row)));
        let gets = watched.take_gets().len();
        let ends = if segment == 3 { SEGMENTS } else { 0 };
        // Its segment, and one more where a filter errs.
        assert!((SEGMENTS + 1..=SEGMENTS + 2).contains(&(gets - ends)), "{gets}");
    }
    assert_eq!(reader.get_in(&view, "0000-no").await.unwrap(), None);
    assert!(watched.take_gets().len() <= SEGMENTS);
}

#[tokio::test]
async fn every_record_of_many_files_is_found_and_a_file_that_is_gone_is_missed() {
    let dir = tempfile::tempdir().unwrap();
    let url = dir.path().join("audit").display().to_string();
    let trail = filled(&url, dir.path()).await;
    for segment in 0..SEGMENTS {
        for row in 0..ROWS {
            assert!(trail.get(&id(segment, row)).await.unwrap().is_some());
        }
    }
    assert_eq!(trail.get("5000-no").await.unwrap(), None);
    let settings = Settings::from_config(&Config::default(), &url);
    let options = OpenOptions::new(Home::at(dir.path()), settings);
    let reader = Trail::open(&url, options).await.unwrap();
    let view = reader.view().await.unwrap();
    let newest = view.segments().last().unwrap();
    crate::storage::durable::remove(&dir.path().join("audit").join(&newest.path)).unwrap();
    let missing = reader.get(&id(SEGMENTS - 1, 1)).await.unwrap_err();
    assert!(matches!(missing, Error::Integrity { .. }), "{missing:?}");
}
