//! Loads whose lines come while other records are committed.

use std::io::Read;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;
use crate::config::{Config, Home};
use crate::trail::{InitOptions, OpenOptions, Settings, init};

/// Gives the first part of a text, says so, and the second when told.
struct Paused {
    parts: Vec<Vec<u8>>,
    given: Sender<()>,
    go_on: Receiver<()>,
}

impl Read for Paused {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let Some(part) = self.parts.first_mut() else { return Ok(0) };
        if part.is_empty() {
            self.parts.remove(0);
            if !self.parts.is_empty() {
                self.given.send(()).unwrap();
                self.go_on.recv().unwrap();
            }
            return self.read(out);
        }
        let count = out.len().min(part.len());
        out[..count].copy_from_slice(&part[..count]);
        part.drain(..count);
        Ok(count)
    }
}

fn lines(name: &str, bytes: usize) -> Vec<u8> {
    let pad = "p".repeat(500);
    let line = |n| {
        let id = if n % 2 == 0 { format!("\"audit_id\":\"{name}-{n}\",") } else { String::new() };
        format!("{{{id}\"event_type\":\"data.filter\",\"n\":{n},\"pad\":\"{pad}\"}}\n")
    };
    (0..bytes / 540).flat_map(|n| line(n).into_bytes()).collect()
}

async fn trail_of(folder: &std::path::Path, epoch_seconds: u64) -> Trail {
    let url = folder.join("audit").display().to_string();
    let home = Home::at(&folder.join("home"));
    let _ = init(&url, &InitOptions { epoch_seconds, ..InitOptions::new(home.clone()) }).await;
    let settings = Settings::from_config(&Config::default(), &url);
    Trail::open(&url, OpenOptions::new(home, settings)).await.unwrap()
}

/// Loads a text; after its first lines are stamped `meanwhile` happens.
async fn load_around(trail: &Trail, meanwhile: impl AsyncFnOnce()) -> LoadReport {
    let (given, was_given) = channel();
    let (tell, go_on) = channel();
    // The first part is more than a chunk, so its lines are stamped before the second is read.
    let parts = vec![lines("a", 9 << 20), lines("b", 2 << 20)];
    let input = Box::new(Paused { parts, given, go_on });
    let loading = trail.clone();
    let task =
        tokio::spawn(async move { loading.load(input, &LoadOptions::default()).await.unwrap() });
    tokio::task::spawn_blocking(move || was_given.recv().unwrap()).await.unwrap();
    meanwhile().await;
    tell.send(()).unwrap();
    drop(tell);
    task.await.unwrap()
}

async fn record(trail: &Trail) {
    trail.record(br#"{"event_type":"data.filter"}"#, Strictness::Lenient).await.unwrap();
    trail.flush().await.unwrap();
}

async fn nothing_is_lost(folder: &std::path::Path, trail: Trail, expected: u64) {
    trail.close(true).await.unwrap();
    let trail = trail_of(folder, 1).await;
    let stats = trail.stats().await.unwrap();
    assert_eq!((stats.events, stats.unsealed), (expected, 0));
    let ids = vec!["a-0".to_owned(), "b-0".to_owned()];
    assert_eq!(trail.contains(&ids).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_are_committed_during_a_load_do_not_invalidate_it() {
    let dir = tempfile::tempdir().unwrap();
    let trail = trail_of(dir.path(), 1 << 30).await;
    let report = load_around(&trail, async || record(&trail).await).await;
    assert_eq!(report.refused, 0);
    nothing_is_lost(dir.path(), trail, report.recorded + 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_outlives_its_epoch_is_stamped_anew() {
    let dir = tempfile::tempdir().unwrap();
    let trail = trail_of(dir.path(), 1).await;
    let state = async || Arc::clone(&trail.view().await.unwrap().state);
    let report = load_around(&trail, async || {
        record(&trail).await;
        let before = state().await.writers.values().next().unwrap().epoch;
        while state().await.writers.values().next().unwrap().epoch == before {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            record(&trail).await;
        }
    })
    .await;
    let events = trail.stats().await.unwrap().events;
    let epoch = state().await.writers.values().next().unwrap().epoch;
    for id in ["a-0", "a-2"] {
        let record = trail.get(id).await.unwrap().unwrap();
        let time = crate::json::get(&record, &["recorded_at"]).unwrap();
        let time = crate::json::parse_canonical_timestamp(&time[1..time.len() - 1]).unwrap();
        assert!(time >= trail.info().epoch_start(epoch), "dated back to a closed epoch");
    }
    assert!(events > report.recorded);
    nothing_is_lost(dir.path(), trail, events).await;
}

#[test]
fn a_new_stamp_replaces_time_and_generated_id() {
    let mut ids = crate::record::IdSource::new(0).unwrap();
    let secret = crate::keys::Secret::from_bytes([7; 32]);
    let rules = Rules {
        limits: crate::json::Limits::default(),
        max_future: 86_400_000_000,
        defaults: Vec::new(),
        content_key: Arc::new(crate::keys::HmacKey::new(secret)),
        redactor: None,
        sealer: None,
    };
    let mut part = Part::default();
    let mut arena = b"before".to_vec();
    for text in [
        &br#"{"event_type":"data.filter","recorded_by":"x"}"#[..],
        br#"{"event_type":"data.filter","audit_id":"mine","timestamp":"2023-03-01T00:00:00Z"}"#,
    ] {
        let checked = Checker::default().check(text, &rules, Strictness::Lenient).unwrap();
        let stamp = ids.reserve(1, 1_700_000_000_000_000).get(0);
        let content = checked.given(&rules).map(|(_, content)| content);
        let from = arena.len();
        let facts = checked.stamp(&stamp, &rules, content, &mut arena).unwrap();
        let (to, recorded_at) = (arena.len(), stamp.recorded_at);
        part.items.push(Item { chunk: 0, from, to, line: 1, recorded_at, facts });
    }
    part.arenas.push(arena);
    let old = part.arenas[0].clone();
    let stamps = ids.reserve(2, 1_800_000_000_000_000);
    part.restamp(stamps, None).unwrap();
    let text = |n: usize| {
        let item = &part.items[n];
        String::from_utf8(part.arenas[0][item.from..item.to].to_vec()).unwrap()
    };
    assert_eq!(part.first_recorded(), 1_800_000_000_000_000);
    assert!(text(0).contains(r#""recorded_at":"2027-01-15T08:00:00.000Z""#), "{}", text(0));
    assert!(text(0).contains(&stamps.get(0).audit_id()), "{}", text(0));
    assert_eq!(part.items[0].facts.audit_id, stamps.get(0).audit_id());
    assert!(text(1).contains(r#""audit_id":"mine""#) && text(1).contains("2023-03-01"));
    assert_eq!(part.arenas[0].len(), old.len());
}

/// Fails after its text.
struct Failing(std::io::Cursor<Vec<u8>>);

impl Read for Failing {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(out)? {
            0 => Err(std::io::Error::other("the line is dead")),
            count => Ok(count),
        }
    }
}

#[tokio::test]
async fn what_came_before_an_unreadable_place_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let trail = trail_of(dir.path(), 1 << 30).await;
    let mut text = lines("a", 1 << 20);
    text.extend_from_slice(br#"{"event_type":"data.filter","audit_id":"cut"}"#);
    let whole = text.iter().filter(|byte| **byte == b'\n').count() as u64;
    let input = Box::new(Failing(std::io::Cursor::new(text.clone())));
    let options = LoadOptions { name: "log.jsonl".to_owned(), ..LoadOptions::default() };
    let error = trail.load(input, &options).await.unwrap_err().to_string();
    assert!(error.contains("log.jsonl") && error.contains("the line is dead"), "{error}");
    assert_eq!(trail.stats().await.unwrap().events, whole);
    assert_eq!(trail.get("cut").await.unwrap(), None);

    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &lines("z", 1 << 20)).unwrap();
    let mut packed = packed.finish().unwrap();
    packed.truncate(packed.len() / 2);
    let input = Box::new(std::io::Cursor::new(packed));
    let error = trail.load(input, &options).await.unwrap_err().to_string();
    assert!(error.contains("log.jsonl"), "{error}");
    assert!(trail.stats().await.unwrap().events > whole + 100);
}
