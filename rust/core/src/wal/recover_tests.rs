use std::fs;

use super::frame::{FILE_HEADER, RawFrame};
use super::tests::{assert_records, key, key_of, open, record, scratch};
use super::*;

/// A log of one file: records 1 to 5 synced one by one, 6 to 8 written by one call and synced.
/// Returns the folder and the file's bytes.
fn eight_records() -> (tempfile::TempDir, Vec<u8>) {
    let dir = scratch();
    let wal = open(dir.path(), 0, 1, WalOptions::default());
    for sequence in 1..=5 {
        wal.append(None, &record(sequence)).unwrap();
    }
    for sequence in 6..=8 {
        wal.enqueue(Some(&[1; 16]), &record(sequence)).unwrap();
    }
    wal.sync().unwrap();
    let bytes = fs::read(file_path(dir.path(), 1)).unwrap();
    (dir, bytes)
}

/// Where each frame begins, and where the last one ends.
fn offsets(bytes: &[u8]) -> Vec<usize> {
    let mut offsets = vec![FILE_HEADER];
    while let Some(raw) = RawFrame::parse(&bytes[offsets[offsets.len() - 1]..]) {
        offsets.push(offsets[offsets.len() - 1] + raw.size());
    }
    offsets
}

/// A folder with this one file, and this as the last known synced number.
fn log_with(bytes: &[u8], synced: u64) -> tempfile::TempDir {
    let dir = scratch();
    fs::write(file_path(dir.path(), 1), bytes).unwrap();
    fs::write(dir.path().join(SYNCED), synced.to_be_bytes()).unwrap();
    dir
}

fn integrity(result: Result<Recovered>) -> String {
    match result {
        Err(Error::Integrity { place, message }) => format!("{place}: {message}"),
        other => panic!("expected an integrity error, got {other:?}"),
    }
}

#[test]
fn cut_at_every_byte_a_log_keeps_every_whole_record_that_may_be_cut() {
    let (_dir, bytes) = eight_records();
    let offsets = offsets(&bytes);
    assert_eq!((offsets.len(), *offsets.last().unwrap()), (9, bytes.len()));
    for cut in FILE_HEADER..=bytes.len() {
        let whole = offsets.iter().filter(|end| **end <= cut).count() as u64 - 1;
        // Nothing is known but what the frames themselves say, then 5, then 8 records.
        for synced in [0, 5, 8] {
            let dir = log_with(&bytes[..cut], synced);
            let result = recover(dir.path(), &key_of, 0);
            if whole < synced {
                let error = integrity(result);
                assert!(error.contains("0001.wal at byte"), "{error}");
                assert!(error.contains(&format!("record {} was synced", whole + 1)), "{error}");
                continue;
            }
            let recovered = result.unwrap();
            assert_records(&recovered.frames, 1, whole);
            let torn = cut - offsets[whole as usize];
            assert_eq!(recovered.findings.len(), usize::from(torn > 0), "cut at {cut}");
            goes_on(dir.path(), whole);
        }
    }
}

/// After recovery the log takes records, and comes back whole again and again.
fn goes_on(dir: &Path, last: u64) {
    let wal = open(dir, 0, 1, WalOptions::default());
    assert_eq!(wal.append(None, &record(last + 1)).unwrap(), last + 1);
    assert_records(&WalSnapshot::open(dir).unwrap().frames(0).unwrap(), 1, last + 1);
    drop(wal);
    for _ in 0..2 {
        let again = recover(dir, &key_of, 0).unwrap();
        assert_records(&again.frames, 1, last + 1);
        assert_eq!(again.findings, []);
    }
}

#[test]
fn any_flipped_byte_below_synced_is_an_error_naming_the_place() {
    let (_dir, bytes) = eight_records();
    for i in 0..bytes.len() {
        for mask in [0x01, 0x10, 0x80] {
            let mut bad = bytes.clone();
            bad[i] ^= mask;
            let dir = log_with(&bad, 8);
            match recover(dir.path(), &key_of, 0) {
                Err(Error::Integrity { place, .. }) => assert!(place.contains("0001.wal at byte")),
                // The epoch in the header names a key that is not there, or not the right one.
                Err(Error::Key(message)) => assert!((8..16).contains(&i), "byte {i}: {message}"),
                other => panic!("byte {i} mask {mask}: {other:?}"),
            }
            let snapshot = WalSnapshot::open(dir.path()).unwrap();
            // Without the key, the header's epoch and chain start cannot be checked.
            let unseen = (8..16).contains(&i) || (24..FILE_HEADER).contains(&i);
            assert_eq!(snapshot.frames(0).is_ok(), unseen, "byte {i} mask {mask}");
            assert_eq!(fs::read(file_path(dir.path(), 1)).unwrap(), bad, "evidence is kept");
        }
    }
}

#[test]
fn any_flipped_byte_above_synced_cuts_there() {
    let (_dir, bytes) = eight_records();
    let offsets = offsets(&bytes);
    for i in offsets[5]..bytes.len() {
        for mask in [0x01, 0x10, 0x80] {
            let mut bad = bytes.clone();
            bad[i] ^= mask;
            let dir = log_with(&bad, 5);
            let whole = offsets.iter().filter(|start| **start <= i).count() as u64 - 1;
            let recovered = recover(dir.path(), &key_of, 0).unwrap();
            assert_records(&recovered.frames, 1, whole);
            let [Finding::TornTail { path, offset, bytes: torn, sequence }] =
                &recovered.findings[..]
            else {
                panic!("byte {i}: {:?}", recovered.findings)
            };
            assert_eq!(*path, file_path(dir.path(), 1));
            assert_eq!((*offset, *sequence), (offsets[whole as usize], whole + 1));
            assert_eq!(offset + torn, bad.len());
        }
    }
}

#[test]
fn frames_behind_damage_tell_what_was_synced() {
    let (_dir, bytes) = eight_records();
    let offsets = offsets(&bytes);
    // The file `synced` was lost; frame 6 says that 5 was synced, so damage in 1 to 5 is none of
    // a crash, wherever it is: in the length, the checksum or the payload.
    for frame in 0..5 {
        for byte in [0, 3, 5, 30, 45] {
            let mut bad = bytes.clone();
            bad[offsets[frame] + byte] ^= 0x40;
            let dir = log_with(&bad, 0);
            fs::remove_file(dir.path().join(SYNCED)).unwrap();
            let error = integrity(recover(dir.path(), &key_of, 0));
            assert!(error.contains(&format!("at byte {}", offsets[frame])), "{error}");
        }
    }
}

#[test]
fn a_right_checksum_with_a_wrong_mac_or_number_is_never_a_torn_tail() {
    let (_dir, bytes) = eight_records();
    let offsets = offsets(&bytes);
    let (start, end) = (offsets[7], offsets[8]);
    let resealed = |change: usize| {
        let mut bad = bytes.clone();
        bad[start + change] ^= 1;
        let checksum = crc32c::crc32c(&bad[start + 8..end]);
        bad[start + 4..start + 8].copy_from_slice(&checksum.to_be_bytes());
        bad
    };
    for (change, what) in [(15, "another number"), (24, "MAC"), (40, "MAC"), (60, "MAC")] {
        let error = integrity(recover(log_with(&resealed(change), 5).path(), &key_of, 0));
        assert!(error.contains(what) && error.contains(&format!("byte {start}")), "{error}");
    }
    let wrong_key = |_| Ok(Some(key(7)));
    let error = integrity(recover(log_with(&bytes, 0).path(), &wrong_key, 0));
    assert!(error.contains("another key"), "{error}");
}

#[test]
fn missing_files_are_an_error() {
    for missing in [1, 4, 6] {
        let dir = scratch();
        let wal = open(dir.path(), 0, 1, WalOptions::default());
        for sequence in 1..=8 {
            wal.append(None, &record(sequence)).unwrap();
            if sequence == 3 || sequence == 5 {
                wal.rotate(1, key(1)).unwrap();
            }
        }
        drop(wal);
        fs::remove_file(file_path(dir.path(), missing)).unwrap();
        let error = integrity(recover(dir.path(), &key_of, 0));
        assert!(error.contains(&format!("{missing}")), "{error}");
        assert!(WalSnapshot::open(dir.path()).unwrap().frames(0).is_err());
    }
    let empty = scratch();
    fs::write(empty.path().join(SYNCED), 3_u64.to_be_bytes()).unwrap();
    assert!(integrity(recover(empty.path(), &key_of, 2)).contains("records 3 to 3"));
    assert_eq!(recover(empty.path(), &key_of, 3).unwrap().next, 4);
}

#[test]
fn what_is_committed_is_not_needed_from_the_log() {
    let (_dir, bytes) = eight_records();
    let mut bad = bytes.clone();
    bad[FILE_HEADER + 45] ^= 1;
    // Damaged below what is committed, with records above that only the log has.
    let error = integrity(recover(log_with(&bad, 8).path(), &key_of, 4));
    assert!(error.contains("record 1 was synced"), "{error}");
    // The same with all of it committed.
    let dir = log_with(&bad, 8);
    let recovered = recover(dir.path(), &key_of, 8).unwrap();
    assert_eq!((recovered.frames.len(), recovered.next), (0, 9));
    assert!(matches!(
        recovered.findings[..],
        [Finding::CommittedDamage { offset: FILE_HEADER, .. }]
    ));
    assert!(files(dir.path()).unwrap().is_empty());
    // The ledger is ahead of what the log knew, and the log is gone altogether.
    let none = scratch();
    assert_eq!(recover(&none.path().join("wal"), &key_of, 7).unwrap().next, 8);
}

#[test]
fn epochs_come_back_under_their_keys() {
    let dir = scratch();
    let wal = open(dir.path(), 0, 1, WalOptions::default());
    for sequence in 1..=6 {
        wal.append(None, &record(sequence)).unwrap();
        if sequence % 2 == 0 {
            wal.rotate(sequence, key(sequence)).unwrap();
        }
    }
    drop(wal);
    let epochs = |committed, keys: &KeyOf<'_>| {
        let recovered = recover(dir.path(), keys, committed)?;
        Ok::<_, Error>(recovered.frames.iter().map(|frame| frame.epoch).collect::<Vec<_>>())
    };
    assert_eq!(epochs(0, &key_of).unwrap(), [1, 1, 2, 2, 4, 4]);
    let only_4 = |epoch| Ok((epoch == 4).then(|| key(4)));
    let error = epochs(0, &only_4).unwrap_err();
    assert!(matches!(&error, Error::Key(message) if message.contains("epoch 1")), "{error:?}");
    let error = epochs(3, &only_4).unwrap_err();
    assert!(matches!(&error, Error::Key(message) if message.contains("epoch 2")), "{error:?}");
    assert_eq!(epochs(4, &only_4).unwrap(), [4, 4]);
    assert!(epochs(6, &|_| Ok(None)).unwrap().is_empty());
}

#[test]
fn headers_are_checked() {
    let (_dir, bytes) = eight_records();
    for cut in 0..FILE_HEADER {
        let error = integrity(recover(log_with(&bytes[..cut], 0).path(), &key_of, 0));
        assert!(error.contains("header"), "{error}");
    }
    let dir = log_with(&bytes, 8);
    fs::rename(file_path(dir.path(), 1), file_path(dir.path(), 2)).unwrap();
    assert!(integrity(recover(dir.path(), &key_of, 1)).contains("another log file"));
    assert!(integrity(recover(dir.path(), &key_of, 0)).contains("missing"));
    fs::write(dir.path().join("notes.wal"), b"not a log file").unwrap();
    fs::rename(file_path(dir.path(), 2), file_path(dir.path(), 1)).unwrap();
    assert_eq!(recover(dir.path(), &key_of, 0).unwrap().next, 9);
}

#[test]
fn a_reader_beside_a_running_writer_sees_neither_gaps_nor_doubles() {
    let dir = scratch();
    let wal = open(dir.path(), 0, 1, WalOptions::default());
    let committed = std::sync::atomic::AtomicU64::new(0);
    let done = std::sync::atomic::AtomicBool::new(false);
    let order = std::sync::atomic::Ordering::SeqCst;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for sequence in 1..=400 {
                wal.append(None, &record(sequence)).unwrap();
                if sequence % 7 == 0 {
                    wal.rotate(1, key(1)).unwrap();
                    committed.store(sequence, order);
                    wal.remove_committed(sequence).unwrap();
                }
            }
            done.store(true, order);
        });
        while !done.load(order) {
            let snapshot = WalSnapshot::open(dir.path()).unwrap();
            // What the ledger holds, read after the snapshot was taken.
            let ledger = committed.load(order);
            let frames = snapshot.frames(ledger).unwrap();
            assert_records(&frames, ledger + 1, snapshot.synced().max(ledger));
            assert_eq!(snapshot.frames(ledger).unwrap(), frames, "it can be asked again");
        }
    });
}
