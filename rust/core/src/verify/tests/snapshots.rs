//! Snapshots: rebuilt from the entries, never relied on.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::maker::{Maker, event, set, small, store, verify_in};
use super::*;
use crate::columns::{ColumnType, LogicalColumn};
use crate::ledger::{DueSnapshot, SnapshotRef, State, entry_path, snapshot, snapshot_path};
use crate::merkle::{self, Hash};

fn leaves(maker: &Maker) -> Vec<Hash> {
    let entries = (0..maker.state.size()).map(|n| &maker.objects[&entry_path(n)]);
    entries.map(|bytes| merkle::leaf_hash(bytes)).collect()
}

/// Appends an entry that names this file as its snapshot, and returns the snapshot's path.
pub(super) fn name(maker: &mut Maker, file: Vec<u8>) -> String {
    let path = snapshot_path(maker.state.size());
    let sha256 = HEXLOWER.encode(&Sha256::digest(&file));
    maker.snapshot =
        Some(SnapshotRef { authorized: 0, bytes: file.len() as u64, rests_on: None, sha256 });
    maker.objects.insert(path.clone(), file);
    let i = maker.state.size() * 100;
    maker.append(&[event(i, "data.file_read"), event(i + 1, "data.file_read")], false);
    assert_eq!(maker.state.snapshot, Some(maker.state.size() - 1), "the entry is valid");
    path
}

pub(super) fn honest(maker: &Maker) -> Vec<u8> {
    snapshot::write(&maker.state, &leaves(maker), DueSnapshot::Full).unwrap()
}

fn both(maker: &Maker) -> [Report; 2] {
    [Level::Deep, Level::Quick].map(|level| maker.verify_as(&maker.trust(true), level))
}

#[test]
fn honest_snapshots_are_verified() {
    let mut maker = small();
    for n in 1..3 {
        let file = honest(&maker);
        name(&mut maker, file);
        for report in both(&maker) {
            assert_eq!(report.findings, []);
            assert_eq!((report.verdict, report.checked.snapshots), (Verdict::Verified, n));
            assert_eq!(report.notes, [] as [&str; 0]);
        }
    }
}

/// Appends an entry that names a snapshot which continues the newest one.
fn go_on(maker: &mut Maker, file: Vec<u8>) -> String {
    let path = snapshot_path(maker.state.size());
    let sha256 = HEXLOWER.encode(&Sha256::digest(&file));
    let rests_on = maker.state.newest_snapshot.as_ref().map(|newest| newest.n);
    let bytes = file.len() as u64;
    maker.snapshot = Some(SnapshotRef { authorized: 0, bytes, rests_on, sha256 });
    maker.objects.insert(path.clone(), file);
    let i = maker.state.size() * 100;
    maker.append(&[event(i, "data.file_read"), event(i + 1, "data.file_read")], false);
    let newest = maker.state.newest_snapshot.as_ref().map(|newest| newest.n);
    assert_eq!(newest, Some(maker.state.size() - 1), "the entry is valid");
    path
}

#[test]
fn snapshots_that_continue_others_are_verified() {
    let lies: [fn(&mut State, &mut Vec<Hash>); 6] = [
        |_, _| {},
        |_, leaves| leaves.last_mut().unwrap()[0] ^= 1,
        |state, _| state.rows += 1,
        |state, _| writer(state).committed += 1,
        |state, _| drop(state.segments.pop()),
        |state, _| state.newest_snapshot.as_mut().unwrap().bytes += 1,
    ];
    for (i, lie) in lies.into_iter().enumerate() {
        let mut maker = small();
        let file = honest(&maker);
        name(&mut maker, file);
        let file = snapshot::write(&maker.state, &leaves(&maker), DueSnapshot::Continued);
        go_on(&mut maker, file.unwrap());
        let (mut state, mut leaves) = (maker.state.clone(), leaves(&maker));
        lie(&mut state, &mut leaves);
        let file = snapshot::write(&state, &leaves, DueSnapshot::Continued).unwrap();
        let path = go_on(&mut maker, file);
        let [deep, quick] = both(&maker);
        assert_eq!((deep.checked.snapshots, quick.verdict), (3, Verdict::Verified));
        let found: Vec<_> = deep.findings.iter().map(|f| (f.kind, f.object.as_str())).collect();
        let expected = [("snapshot_rows", path.as_str())];
        assert_eq!(found, expected[usize::from(i == 0)..], "lie {i}");
    }
    // What is not the file of a snapshot that continues the newest one, but a full one.
    let mut maker = small();
    let file = honest(&maker);
    name(&mut maker, file);
    let file = honest(&maker);
    go_on(&mut maker, file);
    assert_eq!(kinds(&maker.verify(false)), ["snapshot_rows"]);
}

#[test]
fn every_lie_in_a_snapshot_is_found() {
    type Lie = fn(&mut State, &mut Vec<Hash>);
    let lies: [Lie; 16] = [
        |_, leaves| leaves[2][0] ^= 1,
        |_, leaves| leaves.truncate(3),
        |state, _| state.rows += 1,
        |state, _| state.time = Some("2026-03-01T00:00:00.001Z".to_owned()),
        |state, _| state.snapshot = Some(1),
        |state, _| {
            let mut info = state.info.as_deref().unwrap().clone();
            info.epoch_seconds = 7;
            state.info = Some(Arc::new(info));
        },
        |state, _| state.owner = Some(state.writers.values().next().unwrap().public),
        |state, _| state.writers.clear(),
        |state, _| writer(state).committed += 1,
        |state, _| writer(state).recorded += 1,
        |state, _| writer(state).epoch += 1,
        |state, _| writer(state).roots += 1,
        |state, _| writer(state).closed = None,
        |state, _| {
            let path = vec!["more".to_owned()];
            let kind = ColumnType::Utf8;
            state.registry.take(&LogicalColumn { name: "more".to_owned(), path, kind }).unwrap();
        },
        |state, _| drop(state.segments.pop()),
        |state, _| state.segments.swap(0, 1),
    ];
    for (i, lie) in lies.into_iter().enumerate() {
        let mut maker = small();
        let (mut state, mut leaves) = (maker.state.clone(), leaves(&maker));
        lie(&mut state, &mut leaves);
        let path = name(&mut maker, snapshot::write(&state, &leaves, DueSnapshot::Full).unwrap());
        let [deep, quick] = both(&maker);
        let found: Vec<_> = deep.findings.iter().map(|f| (f.kind, f.object.as_str())).collect();
        assert_eq!(found, [("snapshot_rows", path.as_str())], "lie {i}");
        assert_eq!((deep.verdict, quick.verdict), (Verdict::Tampered, Verdict::Verified));
    }
}

fn writer(state: &mut State) -> &mut crate::ledger::WriterState {
    state.writers.values_mut().next().unwrap()
}

#[test]
fn a_file_that_is_no_snapshot_is_found() {
    for file in [b"rubbish".to_vec(), Vec::from(*b"PAR1\0\0\0\0PAR1")] {
        let mut maker = small();
        name(&mut maker, file);
        assert_eq!(kinds(&maker.verify(false)), ["snapshot_rows"]);
    }
    // A segment is Parquet too.
    let mut maker = small();
    let segment = maker.objects[&maker.path("segments/", 0)].clone();
    name(&mut maker, segment);
    assert_eq!(kinds(&maker.verify(false)), ["snapshot_rows"]);
}

#[test]
fn damage_and_absence_are_found_at_both_levels() {
    let mut maker = small();
    let file = honest(&maker);
    let path = name(&mut maker, file.clone());
    let storage = store(&maker.objects);
    let look = |level| verify_in(&storage, &maker.trust(false), level);
    for at in 0..file.len() {
        let mut bytes = file.clone();
        bytes[at] ^= 1;
        set(&storage, &path, &bytes);
        assert_eq!(kinds(&look(Level::Quick)), ["snapshot_digest"], "byte {at}");
    }
    set(&storage, &path, &file[..file.len() - 1]);
    for level in [Level::Quick, Level::Deep] {
        assert_eq!(kinds(&look(level)), ["snapshot_size"]);
    }
    futures::executor::block_on(storage.delete(&path)).unwrap();
    for level in [Level::Quick, Level::Deep] {
        let report = look(level);
        assert_eq!((report.verdict, report.findings.len()), (Verdict::Missing, 1));
        assert_eq!(report.findings[0].object, path);
    }
}

#[test]
fn a_snapshot_that_nothing_names_is_only_noted() {
    let maker = small();
    let storage = store(&maker.objects);
    set(&storage, &snapshot_path(2), b"rubbish");
    let report = verify_in(&storage, &maker.trust(false), Level::Deep);
    assert_eq!((report.verdict, report.checked.snapshots), (Verdict::Verified, 0));
    assert_eq!(report.notes.len(), 1);
    assert!(report.notes[0].contains(&snapshot_path(2)));
}

#[test]
fn behind_a_gap_only_the_bytes_of_a_snapshot_are_checked() {
    let mut maker = small();
    let file = honest(&maker);
    let path = name(&mut maker, file);
    let storage = store(&maker.objects);
    futures::executor::block_on(storage.delete(&entry_path(2))).unwrap();
    let report = verify_in(&storage, &maker.trust(false), Level::Deep);
    assert_eq!(kinds(&report), ["entry_missing"]);
    assert!(report.not_checked.iter().any(|what| what.contains("the snapshot as of 4")));
    set(&storage, &path, b"rubbish");
    let report = verify_in(&storage, &maker.trust(false), Level::Deep);
    assert_eq!(kinds(&report), ["entry_missing", "snapshot_size"]);
}
