//! Opening from files and from large snapshots, and the parts that make it quick.

use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use futures::executor::block_on;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;

use super::history::{History, set};
use super::*;
use crate::ledger::paths::Paths;
use crate::ledger::snapshot::Part;
use crate::ledger::{DueSnapshot, resume, snapshot};
use crate::merkle::{self, Accumulator};
use crate::note::Checkpoint;
use crate::storage::Storage;

/// The ledger in a folder, whose names are read but once.
fn folder(history: &History) -> (tempfile::TempDir, Storage) {
    let dir = tempfile::tempdir().unwrap();
    let storage = Storage::open(&dir.path().display().to_string()).unwrap();
    for (path, bytes) in &history.objects {
        set(&storage, path, bytes.clone());
    }
    (dir, storage)
}

/// Snapshots as of 4, 8 and so on to 40, and two entries after the one that names the last.
fn some() -> History {
    let mut history = History::new(4);
    (0..42).for_each(|_| history.append(0));
    history
}

#[test]
fn a_folder_opens_like_a_store() {
    let history = some();
    let (_dir, storage) = folder(&history);
    for n in [100, 500, u64::MAX] {
        set(&storage, &snapshot_path(n), b"rubbish".to_vec());
    }
    let opened = block_on(resume::newest(&storage)).unwrap();
    assert_eq!(**opened.state(), history.state);
    for size in 0..=history.state.size() {
        let root = usize::try_from(size).ok().map(|size| merkle::root(&history.leaves[..size]));
        assert_eq!(opened.root_at(size), root);
    }
    assert_eq!(opened.root_at(history.state.size() + 1), None);
}

/// Puts the checkpoint of the first `size` entries there.
fn hint(history: &History, storage: &Storage, size: u64) {
    let root = Accumulator::of(&history.leaves[..usize::try_from(size).unwrap()]).root();
    let checkpoint = Checkpoint { origin: history.info.origin.clone(), size, root };
    let name = history.info.key_name(history.writers[0].id());
    let note = checkpoint.sign(&name, history.writers[0].signing()).unwrap();
    set(storage, CHECKPOINT_HINT, note);
}

#[test]
fn a_published_checkpoint_leads_to_the_snapshot_however_old_it_is() {
    let history = some();
    let size = history.state.size();
    let (_dir, storage) = folder(&history);
    assert!(block_on(resume::by_hint(&storage)).is_none(), "nothing is published");
    let mut led = 0;
    for hinted in 1..=size {
        hint(&history, &storage, hinted);
        if let Some(ledger) = block_on(resume::by_hint(&storage)) {
            assert_eq!(ledger.state().size(), hinted);
            led += 1;
        }
        let opened = block_on(Ledger::open(storage.clone())).unwrap();
        assert_eq!(**opened.state(), history.state);
    }
    assert_eq!(led, size - 4, "all but those before entry 4, the first that names a snapshot");
}

#[test]
fn a_checkpoint_that_leads_astray_is_passed_over() {
    let history = some();
    let size = history.state.size();
    let newest = history.newest().unwrap();
    let opens = |storage: &Storage| {
        let opened = block_on(Ledger::open(storage.clone())).unwrap();
        assert_eq!(**opened.state(), history.state);
        block_on(resume::by_hint(storage)).is_some()
    };
    let (_dir, storage) = folder(&history);
    let text = |size: u64| format!("x\n{size}\n{}\n\n\u{2014} x AAAAAGFi\n", "A".repeat(43) + "=");
    assert!(Checkpoint::parse(&text(7)).is_ok());
    for astray in ["".into(), "rubbish".into(), text(0), text(size + 1), text(u64::MAX)] {
        set(&storage, CHECKPOINT_HINT, astray.clone());
        assert!(!opens(&storage), "{astray:?}");
    }
    hint(&history, &storage, size);
    assert!(opens(&storage));
    // The newest snapshot is gone or another: an older one is the way.
    set(&storage, &snapshot_path(newest), b"rubbish".to_vec());
    assert!(!opens(&storage));
    block_on(storage.delete(&snapshot_path(newest))).unwrap();
    assert!(!opens(&storage));
}

#[test]
fn a_checkpoint_that_is_very_old_is_passed_over() {
    let mut history = some();
    hint_is_used(&history, 30, true);
    (0..300).for_each(|_| history.append(0));
    hint_is_used(&history, 30, false);
    hint_is_used(&history, 330, true);
}

fn hint_is_used(history: &History, size: u64, used: bool) {
    let (_dir, storage) = folder(history);
    hint(history, &storage, size);
    assert_eq!(block_on(resume::by_hint(&storage)).is_some(), used);
    assert_eq!(**block_on(Ledger::open(storage)).unwrap().state(), history.state);
}

#[test]
fn a_missing_entry_before_a_published_checkpoint_is_told() {
    let history = some();
    let (_dir, storage) = folder(&history);
    hint(&history, &storage, history.state.size());
    let missing = history.newest().unwrap() + 1;
    assert!(missing + 1 < history.state.size(), "later ones are there");
    block_on(storage.delete(&entry_path(missing))).unwrap();
    let error = block_on(Ledger::open(storage)).unwrap_err().to_string();
    assert!(error.contains(&entry_path(missing)), "{error}");
}

#[test]
fn a_gap_in_a_folder_is_told() {
    let history = some();
    let newest = history.newest().unwrap();
    let (_dir, storage) = folder(&history);
    let (size, rubbish) = (history.state.size(), b"rubbish".to_vec());
    assert!(size > newest + 1, "an entry is there to be taken away");
    for n in [size + 1, size + 100, size + 1_000_000, u64::MAX] {
        set(&storage, &entry_path(n), rubbish.clone());
        assert!(block_on(resume::newest(&storage)).is_none(), "{n}");
        let error = block_on(Ledger::open(storage.clone())).unwrap_err().to_string();
        assert!(error.contains(&entry_path(size)), "{error}");
        block_on(storage.delete(&entry_path(n))).unwrap();
    }
    assert!(block_on(resume::newest(&storage)).is_some());
}

/// A state with so many segments, which no entries brought.
fn swollen(history: &History, segments: u64) -> State {
    let mut state = history.state.clone();
    let sample = Arc::clone(&state.segments[0]);
    for n in 0..segments {
        let path = format!("segments/domain=data/month=2026-09/{:036}.parquet", n + 1_000_000);
        state.paths.insert(&path);
        state.segments.push(Arc::new(AddedSegment { path, ..(*sample).clone() }));
    }
    state
}

#[test]
fn a_snapshot_of_several_row_groups_keeps_its_order() {
    let history = some();
    let state = swollen(&history, 20_000);
    for due in [DueSnapshot::Full, DueSnapshot::Continued] {
        let file = snapshot::write(&state, &history.leaves, due).unwrap();
        let rows = snapshot::found(file.clone().into()).unwrap();
        let mut expected = snapshot::Expected::default();
        assert_eq!(rows, expected.rows(&state, &history.leaves, due).unwrap());
        let part = Part::read(state.size(), file.into()).unwrap();
        if due == DueSnapshot::Full {
            let (mut found, leaves) = snapshot::assemble(vec![part]).unwrap();
            found.newest_snapshot.clone_from(&state.newest_snapshot);
            assert_eq!(found, state);
            assert_eq!(leaves, history.leaves);
        }
    }
}

#[test]
fn what_is_expected_of_later_snapshots_does_not_depend_on_earlier_ones() {
    let mut history = some();
    let mut kept = snapshot::Expected::default();
    for _ in 0..6 {
        for due in [DueSnapshot::Full, DueSnapshot::Continued, DueSnapshot::Full] {
            let file = snapshot::write(&history.state, &history.leaves, due).unwrap();
            let found = snapshot::found(file.into()).unwrap();
            assert_eq!(kept.rows(&history.state, &history.leaves, due).unwrap(), found);
        }
        (0..5).for_each(|_| history.append(0));
    }
}

#[test]
fn accumulators_are_alike_however_they_are_made() {
    let leaves: Vec<_> = (0..20_000_u32).map(|n| merkle::leaf_hash(&n.to_be_bytes())).collect();
    let mut pushed = Accumulator::new();
    for (size, leaf) in leaves.iter().enumerate() {
        if size < 40 || size % 4_095 < 3 {
            assert_eq!(Accumulator::of(&leaves[..size]), pushed, "{size}");
        }
        pushed.push(*leaf);
    }
    assert_eq!(Accumulator::of(&leaves), pushed);
}

#[test]
fn a_path_is_taken_once_it_is_a_segments() {
    let history = some();
    let segments = &history.state.segments;
    let hashes = segments.iter().map(|s| crate::ledger::paths::hash(&s.path));
    let paths = Paths::of(hashes.collect::<Vec<_>>().into_iter());
    assert_eq!(paths, history.state.paths);
    assert!(segments.iter().all(|s| paths.contains(&s.path, segments)));
    assert!(!paths.contains("segments/domain=data/month=2026-09/other.parquet", segments));
    // A hash alone, which another path may have too, takes nothing.
    assert!(!paths.contains(&segments[0].path, &segments[1..]));
}

#[test]
fn bounds_are_two_integers_or_two_strings() {
    for good in [r#"[-1,9007199254740991]"#, r#"["a\n","\u00e4"]"#, r#"["",""]"#] {
        let bounds: Bounds = serde_json::from_str(good).unwrap();
        let again = serde_json::to_string(&bounds).unwrap();
        assert_eq!(serde_json::from_str::<Bounds>(&again).unwrap(), bounds);
    }
    let columns = r#"{"audit_id":["a","b"],"recorded_at":[1,2],"zz":["",""]}"#;
    let read: ColumnBounds = serde_json::from_str(columns).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), columns);
    assert_eq!(read.keys().collect::<Vec<_>>(), ["audit_id", "recorded_at", "zz"]);
    let shuffled =
        r#"{"zz":["",""],"recorded_at":[1,2],"audit_id":["c","d"],"audit_id":["a","b"]}"#;
    let mut other: ColumnBounds = serde_json::from_str(shuffled).unwrap();
    assert_eq!(other, read);
    assert_eq!(other.remove("recorded_at"), Some(Bounds::Number(1, 2)));
    assert_eq!(other.get("recorded_at"), None);
    assert_eq!(other.insert("recorded_at".to_owned(), Bounds::Number(1, 3)), None);
    assert_eq!(other.get("recorded_at"), Some(&Bounds::Number(1, 3)));
    let bad = ["[]", "[1]", "[1,2,3]", r#"[1,"a"]"#, "[1.5,2]", "[1,18446744073709551615]", "{}"];
    for bad in bad {
        assert!(serde_json::from_str::<Bounds>(bad).is_err(), "{bad}");
    }
}

fn file_of(rows: &[&str]) -> Vec<u8> {
    let schema = Arc::new(Schema::new(vec![Field::new("item", DataType::Utf8, false)]));
    let options = ArrowWriterOptions::new().with_skip_arrow_metadata(true);
    let mut writer =
        ArrowWriter::try_new_with_options(Vec::new(), schema.clone(), options).unwrap();
    let column = Arc::new(StringArray::from_iter_values(rows));
    writer.write(&RecordBatch::try_new(schema, vec![column]).unwrap()).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn rows_that_would_hash_like_others_are_refused() {
    let found = |rows: &[&str]| snapshot::found(file_of(rows).into());
    let sound = found(&["a", "b", "{\"segment\":1}", "{\"segment\":2}"]).unwrap();
    assert_ne!(sound, found(&["a", "b", "{\"segment\":2}", "{\"segment\":1}"]).unwrap());
    assert_ne!(sound, found(&["b", "a", "{\"segment\":1}", "{\"segment\":2}"]).unwrap());
    assert!(found(&["a\nb", "{\"segment\":1}", "{\"segment\":2}"]).is_err());
    assert!(found(&["a", "b", "{\"segment\":1}\n{\"segment\":2}"]).is_err());
    assert!(found(&["a", "{\"segment\":1}", "b", "{\"segment\":2}"]).is_err());
}
