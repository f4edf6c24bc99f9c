use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use data_encoding::HEXLOWER;
use proptest::prelude::*;

use super::frame::{Chain, RawFrame, encode_frame, encode_header};
use super::*;
use crate::keys::{HmacKey, Secret};
use crate::storage::durable::AppendFile;

/// A folder in memory where there is one: these tests know themselves what is synced, and a slow
/// disk adds nothing.
pub(super) fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

pub(super) fn key(epoch: u64) -> HmacKey {
    HmacKey::new(Secret::from_bytes([epoch as u8; 32]))
}

/// Epochs 1 to 9 have a key.
pub(super) fn key_of(epoch: u64) -> Result<Option<HmacKey>> {
    Ok((1..10).contains(&epoch).then(|| key(epoch)))
}

/// Makes chosen file operations fail, and knows what a power failure would leave.
#[derive(Default)]
pub(super) struct Faults {
    /// Counts down to the write (sync) that fails; 0 is never.
    pub(super) fail_write: u32,
    pub(super) fail_sync: u32,
    /// How much of the failing write still reaches the file.
    pub(super) short: usize,
    pub(super) fail_open: bool,
    pub(super) writes: u32,
    pub(super) syncs: u32,
    pub(super) sync_takes: Duration,
    /// Bytes of each file that were synced.
    pub(super) durable: BTreeMap<PathBuf, u64>,
}

pub(super) type SharedFaults = Arc<Mutex<Faults>>;

struct FaultyFile {
    file: AppendFile,
    path: PathBuf,
    faults: SharedFaults,
}

fn counts_down(counter: &mut u32) -> bool {
    *counter = counter.saturating_sub(1);
    *counter == 0
}

impl LogFile for FaultyFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut faults = self.faults.lock().unwrap();
        faults.writes += 1;
        if faults.fail_write > 0 && counts_down(&mut faults.fail_write) {
            self.file.append(&bytes[..faults.short.min(bytes.len())])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        drop(faults);
        self.file.append(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        let mut faults = self.faults.lock().unwrap();
        faults.syncs += 1;
        let takes = faults.sync_takes;
        if faults.fail_sync > 0 && counts_down(&mut faults.fail_sync) {
            return Err(io::Error::other("input/output error"));
        }
        let size = durable::size(&self.path).unwrap();
        faults.durable.insert(self.path.clone(), size);
        drop(faults);
        std::thread::sleep(takes);
        Ok(())
    }
}

pub(super) fn options(faults: &SharedFaults, sync: SyncMode) -> WalOptions {
    let faults = Arc::clone(faults);
    let open = move |path: &Path| -> io::Result<Box<dyn LogFile>> {
        if faults.lock().unwrap().fail_open {
            return Err(io::Error::other("cannot open"));
        }
        let file = AppendFile::open(path)?;
        let size = durable::size(path).unwrap();
        faults.lock().unwrap().durable.insert(path.to_owned(), size);
        Ok(Box::new(FaultyFile { file, path: path.to_owned(), faults: Arc::clone(&faults) }))
    };
    WalOptions { sync, open: Arc::new(open), ..WalOptions::default() }
}

pub(super) fn open(dir: &Path, committed: u64, epoch: u64, options: WalOptions) -> Wal {
    let recovered = recover(dir, &key_of, committed).unwrap();
    Wal::start(dir, &recovered, epoch, key(epoch), options).unwrap()
}

pub(super) fn record(sequence: u64) -> Vec<u8> {
    format!(r#"{{"n":{sequence},"x":"{}"}}"#, "y".repeat(sequence as usize % 7)).into_bytes()
}

/// Demands that these are the records `first..=last`.
pub(super) fn assert_records(frames: &[Frame], first: u64, last: u64) {
    let sequences: Vec<u64> = frames.iter().map(|frame| frame.sequence).collect();
    assert_eq!(sequences, (first..=last).collect::<Vec<_>>());
    for frame in frames {
        assert_eq!(frame.record, record(frame.sequence));
    }
}

fn fill(wal: &Wal, records: std::ops::RangeInclusive<u64>) {
    for sequence in records {
        assert_eq!(wal.append(None, &record(sequence)).unwrap(), sequence);
    }
}

/// Computed with Python's hmac and a CRC-32C table from FORMAT.md section 9.
#[test]
fn bytes_follow_the_format() {
    let (mut bytes, _) = encode_header(&key(3), 3, 258, None).unwrap();
    let mut chain = Chain::start(&key(3), 258);
    encode_frame(&mut bytes, &key(3), &mut chain, (258, 257), None, br#"{"a":1}"#, None).unwrap();
    encode_frame(&mut bytes, &key(3), &mut chain, (259, 257), Some(&[0xcc; 16]), b"{}", None)
        .unwrap();
    assert_eq!(
        HEXLOWER.encode(&bytes),
        "5345414c57414c310000000000000003000000000000010239e95c0e1e0c0b0617b7f12cfd619bc7f2872f7e87deb6ee9e6aee6abb36054c00000018330a076c000000000000010200000000000001017434bd8848dae1901ecbca3e60c51b9700000000000000000000000000000000007b2261223a317d000000133a0c6198000000000000010300000000000001014006e0dd474e5e2f6dc2a3070ff9a0e301cccccccccccccccccccccccccccccccc7b7d"
    );
}

proptest! {
    #[test]
    fn frames_round_trip(
        numbers: (u64, u64),
        hash: Option<[u8; 16]>,
        record in prop::collection::vec(any::<u8>(), 0..200),
        cut in 0_usize..240,
        flip in 0_usize..240,
    ) {
        let (synced, sequence) = (numbers.0.min(numbers.1), numbers.0.max(numbers.1));
        prop_assume!(synced < sequence);
        let mut bytes = Vec::new();
        let mut chain = Chain::start(&key(1), sequence);
        let mac = chain.mac(&key(1), sequence, &[&[u8::from(hash.is_some())], &hash.unwrap_or_default(), &record]);
        encode_frame(&mut bytes, &key(1), &mut chain, (sequence, synced), hash.as_ref(), &record, None)
            .unwrap();
        let raw = RawFrame::parse(&bytes).unwrap();
        prop_assert_eq!((raw.sequence, raw.synced, raw.mac, raw.size()), (sequence, synced, mac, bytes.len()));
        let (found, content) = super::frame::content(&raw.payload.to_vec().into()).unwrap();
        prop_assert_eq!((found, &content[..]), (hash, &record[..]));
        if cut < bytes.len() {
            prop_assert_eq!(RawFrame::parse(&bytes[..cut]), None);
        }
        if flip < bytes.len() {
            bytes[flip] ^= 0x10;
            prop_assert_eq!(RawFrame::parse(&bytes), None);
        }
    }
}

#[test]
fn records_come_back_in_order_with_their_hashes() {
    let dir = scratch();
    let wal = open(dir.path(), 0, 1, WalOptions::default());
    fill(&wal, 1..=3);
    assert_eq!(wal.append(Some(&[7; 16]), &record(4)).unwrap(), 4);
    assert_eq!((wal.synced(), wal.next_sequence(), wal.epoch()), (4, 5, 1));
    let snapshot = WalSnapshot::open(dir.path()).unwrap();
    assert_records(&snapshot.frames(0).unwrap(), 1, 4);
    assert_records(&snapshot.frames(2).unwrap(), 3, 4);
    assert_records(&snapshot.frames(4).unwrap(), 5, 4);
    drop(wal);
    let recovered = recover(dir.path(), &key_of, 1).unwrap();
    assert_records(&recovered.frames, 2, 4);
    assert_eq!(recovered.frames[2].content_hash, Some([7; 16]));
    assert_eq!(recovered.frames[1].content_hash, None);
    assert_eq!((recovered.next, recovered.findings), (5, vec![]));
}

#[test]
fn thirty_two_threads_share_syncs_and_lose_nothing() {
    let dir = scratch();
    let faults = SharedFaults::default();
    faults.lock().unwrap().sync_takes = Duration::from_millis(2);
    let wal = open(dir.path(), 0, 1, options(&faults, SyncMode::Always));
    let seen = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for thread in 0..32 {
            let (wal, seen) = (&wal, &seen);
            scope.spawn(move || {
                for i in 0..20 {
                    let text = format!("{thread} {i}");
                    let sequence = wal.append(None, text.as_bytes()).unwrap();
                    assert!(wal.synced() >= sequence);
                    assert!(seen.lock().unwrap().insert(sequence, text).is_none());
                }
            });
        }
    });
    let syncs = faults.lock().unwrap().syncs;
    assert!(syncs < 320, "{syncs} syncs for 640 records");
    let frames = recover(dir.path(), &key_of, 0).unwrap().frames;
    assert_eq!(frames.len(), 640);
    for (frame, (sequence, text)) in frames.iter().zip(seen.into_inner().unwrap()) {
        assert_eq!((frame.sequence, &frame.record[..]), (sequence, text.as_bytes()));
    }
}

#[test]
fn acknowledged_means_synced() {
    let dir = scratch();
    let faults = SharedFaults::default();
    let wal = open(dir.path(), 0, 1, options(&faults, SyncMode::Always));
    for sequence in 1..=5 {
        wal.append(None, &record(sequence)).unwrap();
        let path = file_path(dir.path(), 1);
        assert_eq!(faults.lock().unwrap().durable[&path], durable::size(&path).unwrap());
    }
}

#[test]
fn enqueued_records_share_one_write() {
    let dir = scratch();
    let faults = SharedFaults::default();
    let wal = open(dir.path(), 0, 1, options(&faults, SyncMode::Always));
    for sequence in 1..=100 {
        wal.enqueue(None, &record(sequence)).unwrap();
    }
    assert_eq!(wal.synced(), 0);
    wal.wait(60).unwrap();
    assert_eq!(wal.synced(), 100);
    wal.wait(100).unwrap();
    assert!(matches!(wal.wait(101), Err(Error::Usage(_))));
    let faults = faults.lock().unwrap();
    assert_eq!((faults.writes, faults.syncs), (1, 1));
}

#[test]
fn interval_mode_syncs_when_due_or_told() {
    let dir = scratch();
    let faults = SharedFaults::default();
    let hour = SyncMode::Interval(Duration::from_secs(3600));
    let wal = open(dir.path(), 0, 1, options(&faults, hour));
    fill(&wal, 1..=10);
    wal.sync_if_due().unwrap();
    assert_eq!((wal.synced(), faults.lock().unwrap().syncs), (0, 0));
    assert_records(&WalSnapshot::open(dir.path()).unwrap().frames(0).unwrap(), 1, 0);
    wal.sync().unwrap();
    assert_eq!((wal.synced(), faults.lock().unwrap().syncs), (10, 1));
    fill(&wal, 11..=12);
    drop(wal);
    // A killed process loses nothing that was written.
    let short = SyncMode::Interval(Duration::from_millis(5));
    let wal = open(dir.path(), 0, 1, options(&faults, short));
    assert_eq!(wal.next_sequence(), 13);
    wal.append(None, &record(13)).unwrap();
    std::thread::sleep(Duration::from_millis(6));
    wal.sync_if_due().unwrap();
    assert_eq!(wal.synced(), 13);
    std::thread::sleep(Duration::from_millis(6));
    fill(&wal, 14..=14);
    assert_eq!(wal.synced(), 14, "an append syncs when the time has passed");
}

#[test]
fn rotation_begins_a_file_and_commits_remove_files() {
    let dir = scratch();
    let wal = open(dir.path(), 0, 1, WalOptions::default());
    assert_eq!(wal.rotate(1, key(1)).unwrap(), 1);
    assert_eq!(wal.rotate(2, key(2)).unwrap(), 1);
    assert_eq!(files(dir.path()).unwrap(), [1]);
    fill(&wal, 1..=3);
    wal.enqueue(None, &record(4)).unwrap();
    assert_eq!(wal.rotate(2, key(2)).unwrap(), 5);
    fill(&wal, 5..=6);
    assert_eq!(wal.rotate(4, key(4)).unwrap(), 7);
    assert!(matches!(wal.rotate(3, key(3)), Err(Error::Usage(_))));
    fill(&wal, 7..=8);
    assert_eq!(files(dir.path()).unwrap(), [1, 5, 7]);
    assert_records(&WalSnapshot::open(dir.path()).unwrap().frames(0).unwrap(), 1, 8);
    assert_eq!(wal.remove_committed(3).unwrap(), 0);
    assert_eq!(wal.remove_committed(5).unwrap(), 1);
    assert_records(&WalSnapshot::open(dir.path()).unwrap().frames(5).unwrap(), 6, 8);
    assert_eq!(wal.remove_committed(8).unwrap(), 1);
    assert_eq!(files(dir.path()).unwrap(), [7]);
    drop(wal);
    let recovered = recover(dir.path(), &key_of, 6).unwrap();
    assert_records(&recovered.frames, 7, 8);
    assert_eq!(recovered.frames[0].epoch, 4);
    assert_eq!(recover(dir.path(), &key_of, 8).unwrap().next, 9);
    assert!(files(dir.path()).unwrap().is_empty());
}

#[test]
fn a_large_file_is_left_behind_once_something_in_it_is_committed() {
    let dir = scratch();
    let wal = open(dir.path(), 0, 1, WalOptions { rotate_bytes: 300, ..WalOptions::default() });
    fill(&wal, 1..=4);
    assert_eq!(wal.remove_committed(4).unwrap(), 0);
    assert_eq!(files(dir.path()).unwrap(), [1], "small files stay");
    fill(&wal, 5..=8);
    assert_eq!(wal.remove_committed(0).unwrap(), 0);
    assert_eq!(files(dir.path()).unwrap(), [1], "nothing in it is committed");
    assert_eq!(wal.remove_committed(6).unwrap(), 0);
    assert_eq!(files(dir.path()).unwrap(), [1, 9]);
    fill(&wal, 9..=16);
    assert_eq!(wal.remove_committed(16).unwrap(), 2);
    assert_eq!(files(dir.path()).unwrap(), [17]);
    fill(&wal, 17..=18);
    drop(wal);
    assert_records(&recover(dir.path(), &key_of, 16).unwrap().frames, 17, 18);
}

#[test]
fn numbers_that_were_used_past_the_log_are_skipped() {
    let dir = scratch();
    let wal = open(dir.path(), 0, 1, WalOptions::default());
    wal.skip_to(10).unwrap();
    assert_eq!(files(dir.path()).unwrap(), [10], "the empty file is gone");
    fill(&wal, 10..=12);
    wal.skip_to(12).unwrap();
    wal.skip_to(13).unwrap();
    assert_eq!(files(dir.path()).unwrap(), [10]);
    wal.skip_to(100).unwrap();
    assert_eq!((wal.next_sequence(), wal.synced()), (100, 99));
    fill(&wal, 100..=101);
    assert_records(&WalSnapshot::open(dir.path()).unwrap().frames(99).unwrap(), 100, 101);
    assert!(WalSnapshot::open(dir.path()).unwrap().frames(11).is_err(), "13 to 99 are nowhere");
    assert_eq!(wal.remove_committed(99).unwrap(), 1);
    drop(wal);
    assert!(matches!(recover(dir.path(), &key_of, 98), Err(Error::Integrity { .. })));
    assert_records(&recover(dir.path(), &key_of, 99).unwrap().frames, 100, 101);
}

fn assert_poisoned(wal: &Wal) {
    let poisoned = |result: Result<u64>| matches!(result, Err(Error::Poisoned(_)));
    assert!(poisoned(wal.append(None, b"{}")));
    assert!(poisoned(wal.enqueue(None, b"{}")));
    assert!(poisoned(wal.rotate(9, key(9))));
    assert!(poisoned(wal.sync().map(|()| 0)));
    assert!(poisoned(wal.sync_if_due().map(|()| 0)));
}

#[test]
fn a_failed_write_or_sync_poisons_the_log_and_loses_nothing() {
    for (fail_write, fail_sync) in [(1, 0), (2, 0), (5, 0), (0, 1), (0, 2), (0, 5)] {
        for short in [0, 1, 39, 40, 57, 60, 1000] {
            let dir = scratch();
            let faults = SharedFaults::default();
            *faults.lock().unwrap() = Faults { fail_write, fail_sync, short, ..Faults::default() };
            let wal = open(dir.path(), 0, 1, options(&faults, SyncMode::Always));
            let mut acknowledged = 0;
            let error = loop {
                match wal.append(None, &record(acknowledged + 1)) {
                    Ok(sequence) => acknowledged = sequence,
                    Err(e) => break e,
                }
            };
            assert!(matches!(&error, Error::Poisoned(why) if why.contains(".wal")), "{error}");
            assert_eq!(acknowledged + 1, u64::from(fail_write + fail_sync));
            assert_poisoned(&wal);
            assert!(wal.wait(acknowledged).is_ok(), "what was synced stays so");
            drop(wal);
            let wal = open(dir.path(), 0, 1, WalOptions::default());
            let next = wal.next_sequence();
            assert!(next == acknowledged + 1 || next == acknowledged + 2, "{next}");
            fill(&wal, next..=next + 2);
            let frames = recover(dir.path(), &key_of, 0).unwrap().frames;
            assert_records(&frames, 1, next + 2);
        }
    }
}

#[test]
fn everybody_who_waits_for_a_failed_sync_is_told() {
    let dir = scratch();
    let faults = SharedFaults::default();
    faults.lock().unwrap().fail_sync = 1;
    let wal = open(dir.path(), 0, 1, options(&faults, SyncMode::Always));
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..16).map(|_| scope.spawn(|| wal.append(None, b"{}").is_err())).collect();
        assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
    });
}

#[test]
fn a_failed_rotation_poisons_the_log_and_loses_nothing() {
    let dir = scratch();
    let faults = SharedFaults::default();
    let wal = open(dir.path(), 0, 1, options(&faults, SyncMode::Always));
    fill(&wal, 1..=3);
    faults.lock().unwrap().fail_open = true;
    assert!(matches!(wal.rotate(2, key(2)), Err(Error::Poisoned(_))));
    assert_poisoned(&wal);
    drop(wal);
    assert_records(&recover(dir.path(), &key_of, 0).unwrap().frames, 1, 3);
}
