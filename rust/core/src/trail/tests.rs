use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::config::{Config, Home};
use crate::json::{Canonicalizer, Limits};

const EVENTS: &str = include_str!("../catalogue/examples.jsonl");

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn url(&self) -> String {
        self.dir.path().join("audit").display().to_string()
    }

    fn home(&self) -> Home {
        Home::at(&self.dir.path().join("home"))
    }

    fn options(&self) -> OpenOptions {
        let settings = Settings::from_config(&Config::default(), &self.url());
        OpenOptions::new(self.home(), settings)
    }

    async fn init(&self) -> Trail {
        init(&self.url(), &InitOptions::new(self.home())).await.unwrap();
        self.open().await
    }

    async fn open(&self) -> Trail {
        Trail::open(&self.url(), self.options()).await.unwrap()
    }
}

fn event(id: &str, n: u64) -> Vec<u8> {
    format!(
        r#"{{"event_type":"data.file_read","audit_id":"{id}","n":{n},"resource":{{"path":"/p"}}}}"#
    )
    .into_bytes()
}

async fn load(trail: &Trail, text: &str) -> LoadReport {
    let input = Box::new(std::io::Cursor::new(text.to_owned().into_bytes()));
    trail.load(input, &LoadOptions::default()).await.unwrap()
}

fn member(record: &[u8], name: &str) -> String {
    crate::json::string_value(crate::json::get(record, &[name]).unwrap()).unwrap().into_owned()
}

#[tokio::test]
async fn what_is_recorded_is_read_before_and_after_the_commit() {
    let place = Place::new();
    let trail = place.init().await;
    let mut ids = Vec::new();
    for line in EVENTS.lines() {
        ids.push(trail.record(line.as_bytes(), Strictness::Strict).await.unwrap());
    }
    let generated = br#"{"event_type":"auth.user_login","user_id":"u","status":"success"}"#;
    ids.push(trail.record(generated, Strictness::Lenient).await.unwrap());
    assert_eq!(trail.view().await.unwrap().unflushed.len(), 8);
    assert_eq!(trail.stats().await.unwrap().unsealed, 8);
    let before: Vec<_> = {
        let mut all = Vec::new();
        for id in &ids {
            all.push(trail.get(id).await.unwrap().unwrap());
        }
        all
    };
    trail.flush().await.unwrap();
    assert!(trail.view().await.unwrap().unflushed.is_empty());
    for (id, record) in ids.iter().zip(&before) {
        assert_eq!(trail.get(id).await.unwrap().as_ref(), Some(record), "{id}");
        let mut canonical = Canonicalizer::default();
        assert_eq!(canonical.object(record, Limits::default()).unwrap().0, record);
        assert_eq!(&member(record, "audit_id"), id);
    }
    let stats = trail.stats().await.unwrap();
    assert_eq!((stats.events, stats.unsealed, stats.writers), (8, 0, 1));
    assert_eq!(trail.get("audit_evt_none").await.unwrap(), None);
    let asked = vec![ids[3].clone(), "no".to_owned()];
    assert_eq!(
        trail.contains(&asked).await.unwrap().into_iter().collect::<Vec<_>>(),
        [ids[3].clone()]
    );
}

#[tokio::test]
async fn a_dead_process_loses_nothing_and_repeats_nothing() {
    let place = Place::new();
    let trail = place.init().await;
    for n in 0..5 {
        trail.record(&event(&format!("id{n}"), n), Strictness::Lenient).await.unwrap();
    }
    trail.close(false).await.unwrap();
    let again = place.open().await;
    assert_eq!(again.view().await.unwrap().unflushed.len(), 5);
    assert_eq!(again.record(&event("id3", 3), Strictness::Lenient).await.unwrap(), "id3");
    let conflict = again.record(&event("id3", 4), Strictness::Lenient).await.unwrap_err();
    assert_eq!(conflict.kind(), "conflict");
    again.flush().await.unwrap();
    assert_eq!(again.record(&event("id3", 3), Strictness::Lenient).await.unwrap(), "id3");
    let stats = again.stats().await.unwrap();
    assert_eq!((stats.events, stats.unsealed, stats.writers), (5, 0, 1));
    let report = load(&again, std::str::from_utf8(&event("id3", 3)).unwrap()).await;
    assert_eq!((report.recorded, report.repeated), (0, 1));
}

#[tokio::test]
async fn a_batch_tells_what_became_of_each_event() {
    let place = Place::new();
    let trail = place.init().await;
    let events = [
        event("b1", 1),
        b"rubbish".to_vec(),
        event("b2", 2),
        event("b1", 1),
        event("b1", 3),
        br#"{"event_type":"auth.x"}"#.to_vec(),
    ];
    let results = trail.record_batch(&events, Strictness::Lenient).await.unwrap();
    let kinds: Vec<_> = results
        .iter()
        .map(|r| r.as_ref().map_or_else(|e| e.kind(), |id| if id.len() > 9 { "new" } else { id }))
        .collect();
    assert_eq!(kinds, ["b1", "invalid_event", "b2", "b1", "conflict", "new"]);
    trail.close(false).await.unwrap();
    assert_eq!(place.open().await.view().await.unwrap().unflushed.len(), 3);
    assert!(trail.record_batch(&[], Strictness::Strict).await.unwrap().is_empty());
}

#[tokio::test]
async fn loads_and_single_records_share_one_sequence() {
    let place = Place::new();
    let trail = place.init().await;
    for round in 0..3_u64 {
        trail.record(&event(&format!("r{round}"), round), Strictness::Lenient).await.unwrap();
        let mut text = String::from("\n  \n");
        for i in 0..100 {
            text.push_str(&format!(
                "{{\"event_type\":\"workflow.step\",\"i\":{i},\"round\":{round}}}\n"
            ));
        }
        text.push_str("{\"event_type\":\"nope.x\"}\n{\"a\":1}\nrubbish");
        let report = load(&trail, &text).await;
        assert_eq!((report.lines, report.recorded, report.refused), (103, 100, 3));
        let lines: Vec<_> = report.problems.iter().map(|p| (p.line, p.path.as_str())).collect();
        assert_eq!(lines, [(103, "event_type"), (104, "event_type"), (105, "")]);
    }
    trail.record(&event("last", 9), Strictness::Lenient).await.unwrap();
    trail.close(true).await.unwrap();
    let stats = place.open().await.stats().await.unwrap();
    assert_eq!((stats.events, stats.unsealed), (304, 0));
}

#[tokio::test]
async fn two_writers_meet_in_one_ledger() {
    let place = Place::new();
    let (a, b) = (place.init().await, place.open().await);
    for n in 0..10_u64 {
        a.record(&event(&format!("a{n}"), n), Strictness::Lenient).await.unwrap();
        b.record(&event(&format!("b{n}"), n), Strictness::Lenient).await.unwrap();
        let (x, y) = tokio::join!(a.flush(), b.flush());
        x.unwrap();
        y.unwrap();
    }
    let stats = a.stats().await.unwrap();
    assert_eq!((stats.events, stats.unsealed, stats.writers), (20, 0, 2));
    assert_eq!(b.stats().await.unwrap().root, stats.root);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_threads_record_at_once_across_epochs() {
    let place = Place::new();
    let options = InitOptions { epoch_seconds: 1, ..InitOptions::new(place.home()) };
    init(&place.url(), &options).await.unwrap();
    let trail = place.open().await;
    let threads: Vec<_> = (0..8)
        .map(|t| {
            let trail = trail.clone();
            tokio::spawn(async move {
                for n in 0..40 {
                    let id = format!("t{t}-{n}");
                    trail.record(&event(&id, n), Strictness::Lenient).await.unwrap();
                    tokio::time::sleep(Duration::from_millis(60)).await;
                }
            })
        })
        .collect();
    for thread in threads {
        thread.await.unwrap();
    }
    trail.close(true).await.unwrap();
    let trail = place.open().await;
    let stats = trail.stats().await.unwrap();
    assert_eq!((stats.events, stats.unsealed), (320, 0));
    let state = Arc::clone(&trail.view().await.unwrap().state);
    let writer = state.writers.values().next().unwrap();
    assert!(writer.closed.is_some(), "epochs were closed on the way");
}

#[tokio::test]
async fn a_rolled_back_store_is_not_written_to() {
    let place = Place::new();
    let trail = place.init().await;
    trail.record(&event("one", 1), Strictness::Lenient).await.unwrap();
    trail.close(true).await.unwrap();
    let newest = place.dir.path().join("audit/ledger/00000000000000000002.json");
    std::fs::remove_file(newest).unwrap();
    let error = place.open().await.record(&event("two", 2), Strictness::Lenient).await.unwrap_err();
    assert_eq!(error.kind(), "integrity");
}
