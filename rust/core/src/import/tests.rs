//! Finding files and reading a whole import.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::*;

const SESSION: &str = "11111111-2222-4333-8444-555555555555";

fn put(root: &Path, name: &str, text: &str) -> PathBuf {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path
}

fn names(groups: &[SourceGroup]) -> Vec<Vec<String>> {
    groups.iter().map(|g| g.files.iter().map(|f| f.name.clone()).collect()).collect()
}

fn projects() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    put(root, &format!("p/{SESSION}.jsonl"), "");
    put(root, &format!("p/{SESSION}/subagents/agent-b.jsonl"), "");
    put(root, &format!("p/{SESSION}/subagents/workflows/w1/agent-a.jsonl"), "");
    put(root, &format!("p/{SESSION}/subagents/agent-b.meta.json"), "");
    put(root, &format!("p/{SESSION}/tool-results/x.txt"), "");
    put(root, "p/agent-old.jsonl", &format!("{{\"sessionId\":\"{SESSION}\"}}\n"));
    put(root, "q/22222222-2222-4333-8444-555555555555.jsonl", "");
    dir
}

#[test]
fn a_projects_folder_is_grouped_by_session() {
    let dir = projects();
    let groups = discover(Source::ClaudeCode, &[dir.path().to_owned()]).unwrap();
    let expected = vec![
        vec![
            format!("{SESSION}.jsonl"),
            format!("{SESSION}/subagents/agent-b.jsonl"),
            format!("{SESSION}/subagents/workflows/w1/agent-a.jsonl"),
            "agent-old.jsonl".to_owned(),
        ],
        vec!["22222222-2222-4333-8444-555555555555.jsonl".to_owned()],
    ];
    assert_eq!(names(&groups), expected);
    let twice = [dir.path().join("p"), dir.path().to_owned()];
    assert_eq!(names(&discover(Source::ClaudeCode, &twice).unwrap()), expected);
}

#[test]
fn a_session_brings_its_subagents_and_a_subagent_comes_alone() {
    let dir = projects();
    let session = dir.path().join(format!("p/{SESSION}.jsonl"));
    let groups = discover(Source::ClaudeCode, &[session]).unwrap();
    assert_eq!(groups.len(), 1);
    assert_eq!(groups[0].files.len(), 3);
    let agent = dir.path().join(format!("p/{SESSION}/subagents/agent-b.jsonl"));
    let groups = discover(Source::ClaudeCode, &[agent]).unwrap();
    assert_eq!(names(&groups), [[format!("{SESSION}/subagents/agent-b.jsonl")]]);
}

#[test]
fn cloudtrail_folders_leave_digests_out() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["CloudTrail/eu/a.json.gz", "CloudTrail/eu/b.json", "x.jsonl", "notes.txt"] {
        put(dir.path(), name, "");
    }
    put(dir.path(), "CloudTrail-Digest/eu/d.json.gz", "");
    let groups = discover(Source::CloudTrail, &[dir.path().to_owned()]).unwrap();
    assert_eq!(names(&groups), [["a.json.gz"], ["b.json"], ["x.jsonl"]]);
}

#[test]
fn a_path_that_is_not_there_is_an_error() {
    let error = discover(Source::CloudTrail, &[PathBuf::from("/nonesuch/x")]).unwrap_err();
    assert_eq!(error.kind(), "not_found");
}

fn cloud(id: &str) -> String {
    serde_json::json!({"eventID": id, "eventTime": "2026-03-01T10:00:00Z", "eventName": "GetUser",
        "eventSource": "iam.amazonaws.com", "recipientAccountId": "1"})
    .to_string()
}

#[test]
fn an_import_reads_plain_and_gzip_and_each_event_once() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "a.json", &format!("[{},{}]", cloud("1"), cloud("2")));
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(format!("[{},{}]", cloud("2"), cloud("3")).as_bytes()).unwrap();
    std::fs::write(dir.path().join("b.json.gz"), gz.finish().unwrap()).unwrap();
    std::fs::write(dir.path().join("c.json.gz"), b"\x1f\x8b\x08broken").unwrap();
    let paths = [dir.path().to_owned()];
    let importer = Importer::open(Source::CloudTrail, &paths, ImportOptions::default()).unwrap();
    assert_eq!(importer.remaining().0, 3);
    assert!(importer.remaining().1 > 100);
    let imports: Vec<_> = importer.collect();
    let counts: Vec<_> = imports
        .iter()
        .map(|i| (i.name.as_str(), i.events.len(), i.duplicates, i.skipped.len()))
        .collect();
    assert_eq!(counts, [("a.json", 2, 0, 0), ("b.json.gz", 1, 1, 0), ("c.json.gz", 0, 0, 1)]);
    assert_eq!(imports[2].skipped[0].line, 0);
    assert_eq!(imports[1].path, dir.path().join("b.json.gz"));
}

#[test]
fn content_does_not_depend_on_where_the_files_are() {
    let line = serde_json::json!({"type": "user", "uuid": "u", "sessionId": SESSION,
        "timestamp": "2026-03-01T10:00:00Z", "message": {"role": "user", "content": "hi"}});
    let mut found = Vec::new();
    for folder in ["here", "there/and/deeper"] {
        let dir = tempfile::tempdir().unwrap();
        let path = put(dir.path(), &format!("{folder}/{SESSION}.jsonl"), &format!("{line}\n"));
        for path in [path, dir.path().to_owned()] {
            let options = ImportOptions::default();
            let importer = Importer::open(Source::ClaudeCode, &[path], options).unwrap();
            found.extend(importer.map(|import| import.events));
        }
    }
    assert_eq!(found.len(), 4);
    assert_eq!(found[0].len(), 1);
    assert!(found.iter().all(|events| *events == found[0]));
}
