//! Opening from snapshots gives what opening from entry 0 gives, whatever stands there.

use data_encoding::BASE64;
use futures::executor::block_on;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::history::{History, Step, set, step};
use super::*;
use crate::ledger::snapshot::Part;
use crate::ledger::{DueSnapshot, resume, snapshot};
use crate::merkle;
use crate::storage::Storage;
use crate::storage::watched::Watched;

/// Opens both ways and demands that a reader sees the same; tells whether a snapshot was used.
fn same(storage: &Storage) -> bool {
    let opened = block_on(Ledger::open(storage.clone())).unwrap();
    let read = block_on(Ledger::read_all(storage.clone())).unwrap();
    assert_eq!(opened.state(), read.state());
    for size in 0..=read.state().size() {
        assert_eq!(opened.root_at(size), read.root_at(size));
    }
    block_on(resume::newest(storage)).is_some()
}

/// Which snapshot a reader begins with.
fn begins_with(storage: &Storage) -> Option<u64> {
    let (watched, storage) = Watched::of(storage);
    let ledger = block_on(resume::newest(&storage))?;
    let number = |path: &String| path.strip_prefix("ledger/snapshot-")?[..20].parse().ok();
    assert!(ledger.state().size() > 0);
    // Every try looks at entry 0 first, and at the newest of its snapshots before the others.
    let gets = watched.take_gets();
    let last = gets.iter().rposition(|path| *path == entry_path(0)).unwrap();
    gets[last..].iter().filter_map(number).next()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_history_opens_alike_with_and_without_snapshots(
        spacing in 1..6_u64,
        steps in prop::collection::vec(step(true), 1..40),
    ) {
        let history = History::with(spacing, &steps);
        same(&history.store());
    }

    #[test]
    fn sound_histories_are_opened_from_the_newest_snapshot_that_is_named(
        spacing in 1..6_u64,
        steps in prop::collection::vec(step(false), 1..40),
    ) {
        let history = History::with(spacing, &steps);
        let storage = history.store();
        prop_assert_eq!(same(&storage), history.newest().is_some());
        prop_assert_eq!(begins_with(&storage), history.newest());
    }

    #[test]
    fn a_snapshot_is_the_state_that_it_was_made_of(
        steps in prop::collection::vec(step(true), 0..30),
    ) {
        let history = History::with(3, &steps);
        let (state, leaves, n) = (&history.state, &history.leaves, history.state.size());
        for due in [DueSnapshot::Full, DueSnapshot::Continued] {
            let file = snapshot::write(state, leaves, due).unwrap();
            prop_assert_eq!(&file, &snapshot::write(state, leaves, due).unwrap());
            let rows = snapshot::found(file.clone().into()).unwrap();
            prop_assert_eq!(rows, snapshot::Expected::default().rows(state, leaves, due).unwrap());
            let part = Part::read(n, file.clone().into()).unwrap();
            prop_assert!(Part::read(n + 1, file.into()).is_err());
            let rests_on = part.rests_on().map(|(on, ..)| on);
            if due == DueSnapshot::Continued && history.newest().is_some() {
                prop_assert_eq!(rests_on, history.newest());
                prop_assert!(snapshot::assemble(vec![part]).is_err());
            } else {
                prop_assert_eq!(rests_on, None);
                let (mut found, found_leaves) = snapshot::assemble(vec![part]).unwrap();
                found.newest_snapshot.clone_from(&state.newest_snapshot);
                prop_assert_eq!(&found, state);
                prop_assert_eq!(&found_leaves, leaves);
            }
        }
    }
}

#[test]
fn what_opening_reads_is_bounded_by_the_spacing() {
    let mut history = History::new(64);
    let (watched, storage) = Watched::of(&history.store());
    let mut snapshots = 0;
    while history.state.size() < 2_000 {
        let n = history.state.size();
        history.append(0);
        for path in [entry_path(n), snapshot_path(n)] {
            if let Some(bytes) = history.objects.get(&path) {
                set(&storage, &path, bytes.clone());
                snapshots += u64::from(path.ends_with("parquet"));
            }
        }
        if !n.is_multiple_of(97) && n != 1_999 {
            continue;
        }
        watched.take_listed();
        let ledger = block_on(Ledger::open(storage.clone())).unwrap();
        assert_eq!(*ledger.state().as_ref(), history.state);
        // One full snapshot, up to eight that continue it, and what came since.
        let most = 64 + 9 + 8;
        assert!(watched.take_gets().len() as u64 <= most, "at {n}");
        assert!(watched.take_listed() <= most + 2 * snapshots, "at {n}");
    }
    assert!((25..40).contains(&snapshots), "{snapshots} snapshots of 2,000 entries");
    let sizes: usize = history.objects.iter().filter(|(p, _)| p.ends_with("t")).count();
    assert_eq!(sizes as u64, snapshots);
}

/// Eleven entries, and snapshots as of 4 and 8 that entries 4 and 8 name.
fn eleven() -> History {
    let mut history = History::new(4);
    history.append(0);
    history.go(&Step::Authorize);
    while history.state.size() < 11 {
        history.append(1);
    }
    assert_eq!(history.state.snapshot, Some(8));
    history
}

#[test]
fn a_snapshot_that_is_missing_or_garbage_is_passed_over() {
    let history = eleven();
    let (older, newer) = (snapshot_path(4), snapshot_path(8));
    let good = history.objects[&newer].clone();
    let flipped = |at: usize| {
        let mut bytes = good.to_vec();
        bytes[at] ^= 1;
        bytes
    };
    let mut cases = vec![
        Vec::new(),
        b"rubbish".to_vec(),
        good[..good.len() - 1].to_vec(),
        [good.as_ref(), b"\n"].concat(),
        history.objects[&older].to_vec(),
    ];
    cases.extend((0..good.len()).step_by(97).map(flipped));
    for bytes in cases {
        let storage = history.store();
        set(&storage, &newer, bytes);
        assert!(same(&storage));
        assert_eq!(begins_with(&storage), Some(4));
    }
    let storage = history.store();
    block_on(storage.delete(&newer)).unwrap();
    assert!(same(&storage));
    assert_eq!(begins_with(&storage), Some(4));
    block_on(storage.delete(&older)).unwrap();
    assert!(!same(&storage));
}

/// Snapshots as of 33 (full), 36 and 39 (which continue it), and entries up to 40.
fn continued() -> History {
    let mut history = History::new(3);
    while history.state.size() < 41 {
        history.append(0);
    }
    assert_eq!((history.state.snapshot, history.newest()), (Some(33), Some(39)));
    history
}

#[test]
fn a_snapshot_counts_with_all_that_it_continues() {
    let history = continued();
    assert!(same(&history.store()));
    assert_eq!(begins_with(&history.store()), Some(39));
    let full = history.objects[&snapshot_path(33)].clone();
    for (spoilt, left) in [(39, Some(36)), (36, Some(33)), (33, Some(31))] {
        let path = snapshot_path(spoilt);
        for bytes in [b"rubbish".to_vec(), full.to_vec(), history.objects[&path][1..].to_vec()] {
            if bytes == history.objects[&path] {
                continue;
            }
            let storage = history.store();
            set(&storage, &path, bytes);
            assert!(same(&storage));
            assert_eq!(begins_with(&storage), left, "without {spoilt}");
        }
        let storage = history.store();
        block_on(storage.delete(&path)).unwrap();
        assert!(same(&storage));
        assert_eq!(begins_with(&storage), left, "without {spoilt}");
    }
}

#[test]
fn a_snapshot_continues_the_newest_one_only() {
    for rests_on in [Some(33), Some(36), Some(38), Some(40), Some(41), Some(u64::MAX)] {
        let mut history = continued();
        let mut body = history.append_body(0, 1);
        let mut named = history.name(0, b"anything".to_vec());
        named.rests_on = rests_on;
        body.snapshot = Some(named);
        let entry = history.signed(body, 0);
        history.put(entry.to_bytes().unwrap());
        assert_eq!(history.newest(), Some(39), "{rests_on:?}");
    }
    let mut history = History::new(u64::MAX);
    history.append(0);
    let mut body = history.append_body(0, 1);
    let mut named = history.name(0, b"anything".to_vec());
    named.rests_on = Some(0);
    body.snapshot = Some(named);
    let entry = history.signed(body, 0);
    history.put(entry.to_bytes().unwrap());
    assert_eq!(history.newest(), None, "there is none to continue");
}

#[test]
fn names_that_mean_nothing_are_passed_over() {
    let history = eleven();
    let storage = history.store();
    for n in [9, 10, 11, 12, 500, u64::MAX] {
        set(&storage, &snapshot_path(n), history.objects[&snapshot_path(8)].clone());
    }
    for name in ["snapshot-x.parquet", "snapshot-8.parquet", "snapshot-", "zz", "snapshots/8"] {
        set(&storage, &format!("ledger/{name}"), b"rubbish".to_vec());
    }
    assert!(same(&storage));
    assert_eq!(begins_with(&storage), Some(8));
    for n in 100..200 {
        set(&storage, &snapshot_path(n), b"rubbish".to_vec());
    }
    assert!(!same(&storage), "more of them than anybody looks at");
}

#[test]
fn spoilt_entries_after_a_snapshot_are_read_from_the_beginning() {
    for spoilt in [Step::Garbage, Step::Forged { writer: 0 }] {
        let mut history = eleven();
        history.go(&spoilt);
        assert!(!same(&history.store()));
        history.append(1);
        history.append(0);
        assert_eq!(history.state.snapshot, Some(12), "made by who knew");
        assert!(same(&history.store()));
    }
    let storage = eleven().store();
    block_on(storage.delete(&entry_path(9))).unwrap();
    let error = block_on(Ledger::open(storage.clone())).unwrap_err();
    assert_eq!(error.to_string(), block_on(Ledger::read_all(storage)).unwrap_err().to_string());
}

/// Replaces entry `n` and its snapshot by a stranger's: in the snapshot the writer's key is his.
fn take_over(history: &mut History, n: u64, edit: impl FnOnce(&mut Body)) -> WriterKeys {
    let stranger = WriterKeys::generate(&OwnerKey::generate(TRAIL).unwrap(), "x", 7).unwrap();
    let mut state = State::default();
    for i in 0..n {
        let _ = state.apply(&history.objects[&entry_path(i)]);
    }
    let (root, leaves) = (state.root(), history.leaves[..n as usize].to_vec());
    let honest = Entry::parse(&history.objects[&entry_path(n)]).unwrap();
    let known = state.writers.get_mut(&honest.body.writer).unwrap();
    known.public = stranger.public();
    known.authorization.public = BASE64.encode(stranger.public().as_bytes());
    state.rows += 1_000;
    let file = snapshot::write(&state, &leaves, DueSnapshot::Full).unwrap();
    let mut body = honest.body;
    let named = body.snapshot.as_mut().unwrap();
    named.bytes = file.len() as u64;
    named.sha256 = data_encoding::HEXLOWER.encode(&Sha256::digest(&file));
    edit(&mut body);
    let entry = body.sign(n, root, &history.info, stranger.signing(), stranger.hmac()).unwrap();
    history.objects.insert(snapshot_path(n), file.into());
    history.objects.insert(entry_path(n), entry.to_bytes().unwrap().into());
    stranger
}

#[test]
fn nobody_without_a_writers_keys_makes_a_snapshot_count() {
    // The newest entry, so that no later one tells of the change.
    let until = |size: u64| {
        let mut history = eleven();
        for n in size..11 {
            history.objects.remove(&entry_path(n));
        }
        history
    };
    let edits: [fn(&mut Body); 3] = [
        |_| {},
        // He may name the entry of somebody else's authorisation, or none at all.
        |body| body.snapshot.as_mut().unwrap().authorized = 0,
        |body| body.snapshot.as_mut().unwrap().authorized = 5,
    ];
    for edit in edits {
        let mut history = until(9);
        take_over(&mut history, 8, edit);
        let storage = history.store();
        assert!(!same(&storage), "an invalid entry follows the older snapshot too");
    }
    // With an authorisation that he makes himself, the owner's signature fails.
    let mut history = until(9);
    let stranger = take_over(&mut history, 8, |_| {});
    let mut by = Entry::parse(&history.objects[&entry_path(2)]).unwrap();
    let entry = Entry::parse(&history.objects[&entry_path(8)]).unwrap();
    by.body.authorizes.as_mut().unwrap()[0].public = BASE64.encode(stranger.public().as_bytes());
    history.objects.insert(entry_path(2), by.to_bytes().unwrap().into());
    assert_eq!(entry.body.snapshot.unwrap().authorized, 2);
    assert_eq!(begins_with(&history.store()), None);
}

#[test]
fn snapshots_of_another_trail_are_passed_over() {
    let (history, other) = (eleven(), eleven());
    for paths in [vec![snapshot_path(8)], vec![snapshot_path(8), entry_path(8)]] {
        let storage = history.store();
        for path in &paths {
            set(&storage, path, other.objects[path].clone());
        }
        same(&storage);
        assert_ne!(begins_with(&storage), Some(8), "{paths:?}");
    }
    // All of it but the beginning.
    let storage = other.store();
    set(&storage, &entry_path(0), history.objects[&entry_path(0)].clone());
    assert_eq!(begins_with(&storage), None);
}

#[test]
fn a_writer_may_lie_in_a_snapshot_but_not_about_the_entries() {
    let mut history = eleven();
    let (mut state, mut leaves) = (history.state.clone(), history.leaves.clone());
    leaves[3] = merkle::leaf_hash(b"another");
    state.tree = merkle::Accumulator::of(&leaves);
    let file = snapshot::write(&state, &leaves, DueSnapshot::Full).unwrap();
    let mut body = history.append_body(1, 1);
    body.snapshot = Some(history.name(1, file));
    let entry = history.signed(body, 1);
    history.put(entry.to_bytes().unwrap());
    assert_eq!(history.state.snapshot, Some(11), "the entry itself is valid");
    same(&history.store());
}

#[test]
fn a_file_that_its_writer_made_to_crash_readers_is_passed_over() {
    let good = eleven().objects[&snapshot_path(8)].clone();
    // Damage that the entry names as it is: nothing but reading it tells.
    let mut files = vec![b"rubbish".to_vec(), Vec::from(*b"PAR1\0\0\0\0PAR1")];
    files.extend((4..good.len()).step_by(11).map(|at| {
        let mut bytes = good.to_vec();
        bytes[at] = !bytes[at];
        bytes
    }));
    let mut passed_over = 0;
    for file in files {
        let mut history = eleven();
        let mut body = history.append_body(1, 1);
        body.snapshot = Some(history.name(1, file));
        let entry = history.signed(body, 1);
        history.put(entry.to_bytes().unwrap());
        assert_eq!(history.state.snapshot, Some(11));
        let ledger = block_on(Ledger::open(history.store())).unwrap();
        assert_eq!(ledger.state().size(), 12);
        passed_over += u32::from(begins_with(&history.store()) != Some(11));
    }
    assert!(passed_over > 20, "{passed_over}");
}

#[test]
fn entries_name_snapshots_by_the_rules() {
    type Spoil = fn(&mut SnapshotRef);
    let spoils: [Spoil; 5] = [
        |s| s.authorized = 0,
        |s| s.authorized = 9,
        |s| s.bytes = 0,
        |s| s.sha256 = String::new(),
        |s| s.sha256 = "0G".repeat(32),
    ];
    for spoil in spoils {
        let mut history = eleven();
        let mut body = history.append_body(1, 1);
        let mut named = history.name(1, b"anything".to_vec());
        spoil(&mut named);
        body.snapshot = Some(named);
        let entry = history.signed(body, 1);
        history.put(entry.to_bytes().unwrap());
        assert_eq!(history.state.snapshot, Some(8));
        assert_eq!(history.state.segments.len(), 9, "it has no effect at all");
    }
    let mut history = History::new(u64::MAX);
    for _ in 0..48 {
        history.append(0);
    }
    // Entries 49 to 53: three apart from 48 on.
    for named in [true, false, false, true, false] {
        let mut body = history.append_body(0, 1);
        body.snapshot = Some(history.name(0, b"anything".to_vec()));
        let entry = history.signed(body, 0);
        let n = history.state.size();
        history.put(entry.to_bytes().unwrap());
        assert_eq!(history.state.snapshot == Some(n), named, "at {n}");
    }
    let mut by_owner = Body::new(Kind::Authorize, OWNER, 0, TIME.into());
    by_owner.authorizes = Some(Vec::new());
    by_owner.snapshot =
        Some(SnapshotRef { authorized: 0, bytes: 1, rests_on: None, sha256: "00".repeat(32) });
    let (n, root) = (history.state.size(), history.state.root());
    let hmac = history.owner.hmac().unwrap();
    let entry = by_owner.sign(n, root, &history.info, history.owner.signing(), &hmac).unwrap();
    assert!(history.state.apply(&entry.to_bytes().unwrap()).is_err());
}
