use std::fs;

use super::tests::{open, record, scratch};
use super::*;

fn numbers(found: &[(u64, bytes::Bytes)]) -> Vec<u64> {
    for (number, bytes) in found {
        assert_eq!(bytes.as_ref(), record(*number).as_slice());
    }
    found.iter().map(|(number, _)| *number).collect()
}

#[test]
fn a_tail_gives_each_synced_record_once_over_files_that_come_and_go() {
    let dir = scratch();
    let mut tail = WalTail::new(dir.path());
    assert_eq!(tail.synced().unwrap(), 0);
    assert_eq!(tail.read(0, 0).unwrap(), []);
    let wal = open(dir.path(), 0, 1, WalOptions { rotate_bytes: 1, ..WalOptions::default() });
    for n in 1..=3 {
        wal.append(None, &record(n)).unwrap();
    }
    wal.enqueue(None, &record(4)).unwrap();
    assert_eq!(tail.synced().unwrap(), 3);
    assert_eq!(numbers(&tail.read(0, 3).unwrap()), [1, 2, 3]);
    wal.sync().unwrap();
    assert_eq!(numbers(&tail.read(3, 4).unwrap()), [4]);
    // Some of it is committed: a new file begins.
    wal.remove_committed(2).unwrap();
    wal.append(None, &record(5)).unwrap();
    assert_eq!(numbers(&tail.read(4, 5).unwrap()), [5]);
    wal.append(None, &record(6)).unwrap();
    wal.append(None, &record(7)).unwrap();
    // The reader learned elsewhere that 6 is committed.
    assert_eq!(numbers(&tail.read(6, 7).unwrap()), [7]);
    // All before is removed; a reader that begins now finds what is left.
    wal.remove_committed(6).unwrap();
    wal.append(None, &record(8)).unwrap();
    wal.remove_committed(7).unwrap();
    let mut late = WalTail::new(dir.path());
    assert_eq!(numbers(&late.read(0, 8).unwrap()), [8]);
    assert_eq!(numbers(&tail.read(7, 8).unwrap()), [8]);
}

#[test]
fn a_tail_says_where_a_synced_record_is_damaged() {
    let dir = scratch();
    let wal = open(dir.path(), 0, 1, WalOptions::default());
    for n in 1..=3 {
        wal.append(None, &record(n)).unwrap();
    }
    let path = file_path(dir.path(), 1);
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let mut tail = WalTail::new(dir.path());
    let error = tail.read(0, 3).unwrap_err();
    assert!(error.to_string().contains("record 3 was synced, but is damaged"), "{error}");
    assert_eq!(numbers(&tail.read(0, 2).unwrap()), [1, 2]);
}
