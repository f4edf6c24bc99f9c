use std::sync::Mutex;

use super::*;
use crate::config::{Config, Home};
use crate::trail::{InitOptions, OpenOptions, Settings, init};

const TRANSCRIPT: &str = concat!(
    r#"{"type":"user","uuid":"u1","sessionId":"s1","timestamp":"2026-03-01T10:00:00.000Z","message":{"role":"user","content":"hi"}}"#,
    "\n",
    r#"{"type":"assistant","uuid":"a1","parentUuid":"u1","sessionId":"s1","timestamp":"2026-03-01T10:00:01.000Z","message":{"id":"m1","role":"assistant","model":"m","stop_reason":"end_turn","content":[{"type":"text","text":"ho"}],"usage":{"input_tokens":3,"output_tokens":5}}}"#,
    "\n",
    r#"{"type":"user","uuid":"u2","parentUuid":"a1","sessionId":"s1","timestamp":"2026-03-01T10:00:02.000Z","message":{"role":"user","content":"more"}}"#,
    "\n",
    "not JSON\n",
);

async fn trail(dir: &std::path::Path) -> Trail {
    let (url, home) = (dir.join("audit").display().to_string(), Home::at(&dir.join("home")));
    init(&url, &InitOptions::new(home.clone())).await.unwrap();
    let settings = Settings::from_config(&Config::default(), &url);
    Trail::open(&url, OpenOptions::new(home, settings)).await.unwrap()
}

#[tokio::test]
async fn importing_again_adds_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let trail = trail(dir.path()).await;
    let log = dir.path().join("s1.jsonl");
    std::fs::write(&log, TRANSCRIPT).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let said = Arc::clone(&told);
    let run = ImportRun {
        progress: Some(Arc::new(move |progress| said.lock().unwrap().push(progress))),
        ..ImportRun::default()
    };
    let options = ImportOptions::default();
    let paths = [log.clone()];
    let first = trail.import(Source::ClaudeCode, &paths, &options, &run).await.unwrap();
    assert!(first.recorded > 0);
    assert_eq!((first.files, first.known, first.refused), (1, 0, 0));
    assert_eq!((first.skipped, first.problems[0].line), (1, 4));
    assert_eq!(first.problems[0].file, log.display().to_string());
    assert_eq!(trail.stats().await.unwrap().events, first.recorded);
    let last = told.lock().unwrap().last().copied().unwrap();
    assert_eq!((last.files, last.of_files, last.recorded), (1, 1, first.recorded));

    trail.close(true).await.unwrap();
    let again = trail.import(Source::ClaudeCode, &paths, &options, &run).await.unwrap();
    assert_eq!((again.recorded, again.known), (0, first.recorded));
    assert_eq!(trail.stats().await.unwrap().events, first.recorded);
}

#[tokio::test]
async fn a_stopped_import_is_an_interruption() {
    let dir = tempfile::tempdir().unwrap();
    let trail = trail(dir.path()).await;
    let log = dir.path().join("s1.jsonl");
    std::fs::write(&log, TRANSCRIPT).unwrap();
    let run = ImportRun::default();
    run.cancel.store(true, Ordering::Relaxed);
    let result = trail.import(Source::ClaudeCode, &[log], &ImportOptions::default(), &run).await;
    assert!(matches!(result, Err(Error::Interrupted)));
    assert_eq!(trail.stats().await.unwrap().events, 0);
}
