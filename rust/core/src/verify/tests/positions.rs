//! Doubled, left out and swapped at every position: records, batches, segments, entries.

use std::collections::BTreeSet;

use arrow::array::{UInt16Array, UInt32Array};
use arrow::compute::take_record_batch;
use data_encoding::{BASE64, HEXLOWER};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::forge::{Forgery, rewrite};
use super::maker::{Maker, event, filled, record, small, store, verify_in};
use super::pinned::{Objects, Verifier};
use super::*;
use crate::columns::{Assembler, Values};
use crate::ledger::{CHECKPOINT_HINT, entry_path};
use crate::merkle;
use crate::segment::{BatchMeta, BuiltSegment, SegmentFile};

const ROWS: usize = 7;
const BATCHES: usize = 4;

/// Every finding, at both levels, with and without the secret, is in these objects.
fn found_in(objects: &Objects, maker: &Maker, places: &[&str]) -> Report {
    let storage = store(objects);
    let expected: BTreeSet<&str> = places.iter().copied().collect();
    for (level, secret) in [(Level::Quick, false), (Level::Deep, false), (Level::Quick, true)] {
        let report = verify_in(&storage, &maker.trust(secret), level);
        let named: BTreeSet<&str> = report.findings.iter().map(|f| f.object.as_str()).collect();
        assert_eq!((report.verdict, &named), (Verdict::Tampered, &expected), "{report}");
    }
    let report = verify_in(&storage, &maker.trust(true), Level::Deep);
    assert_eq!(report.verdict, Verdict::Tampered);
    report
}

/// The segment at `path` with other rows under the same metadata and seal.
fn edited(maker: &Maker, path: &str, edit: impl FnOnce(&mut Forgery)) -> Objects {
    let bytes = maker.objects[path].clone();
    let add = maker.state.segments.iter().find(|add| add.path == path).unwrap();
    let built = BuiltSegment { added: (**add).clone(), bytes: bytes.into(), roots: Vec::new() };
    let forged = rewrite(built, maker.writer.hmac(), edit);
    let mut objects = maker.objects.clone();
    objects.insert(path.to_owned(), forged.bytes.to_vec());
    objects
}

fn take(f: &mut Forgery, order: &[usize]) {
    let order: Vec<u32> = order.iter().map(|&i| u32::try_from(i).unwrap()).collect();
    f.rows = take_record_batch(&f.rows, &UInt32Array::from(order)).unwrap();
}

/// Every way to double, leave out or swap of `n` things in order.
fn changes(n: usize) -> Vec<Vec<usize>> {
    let whole: Vec<usize> = (0..n).collect();
    let mut changes = Vec::new();
    for i in 0..n {
        let mut doubled = whole.clone();
        doubled.insert(i, i);
        changes.push(doubled);
        let mut less = whole.clone();
        less.remove(i);
        changes.push(less);
        for j in i + 1..n {
            let mut swapped = whole.clone();
            swapped.swap(i, j);
            changes.push(swapped);
        }
    }
    changes
}

#[test]
fn records_within_a_segment() {
    let mut maker = Maker::new();
    let values: Vec<Value> = (0..ROWS as u64).map(|i| event(i, "data.export")).collect();
    maker.append(&values, false);
    let path = maker.path("segments/", 0);
    let changes = changes(ROWS);
    assert_eq!(changes.len(), 2 * ROWS + ROWS * (ROWS - 1) / 2);
    for order in changes {
        let objects = edited(&maker, &path, |f| take(f, &order));
        let report = found_in(&objects, &maker, &[&path]);
        let kinds: BTreeSet<&str> = kinds(&report).into_iter().collect();
        assert!(kinds.contains("segment_digest"), "{order:?}: {report}");
        if order.len() == ROWS {
            // What stands at its place is not what was hashed there.
            let root = report.findings.iter().find(|f| f.kind == "batch_root").unwrap();
            assert_eq!(root.rows, [(0, ROWS as u64 - 1)]);
        } else {
            assert!(kinds.len() > 1, "more than the digest: {order:?}: {report}");
        }
    }
}

/// Makes a segment's rows several batches of two.
fn split(f: &mut Forgery) {
    let columns: Vec<_> = f.meta.columns.iter().map(|c| c.logical()).collect();
    let ordinals: UInt16Array = (0..f.rows.num_rows()).map(|i| Some(i as u16 / 2)).collect();
    f.set("_batch", Arc::new(ordinals));
    let values: Vec<Values<'_>> =
        (0..columns.len()).map(|c| Values::of(f.rows.column(c + 1)).unwrap()).collect();
    let rest = f.rows.column_by_name("_rest").map(arrow::array::AsArray::as_string::<i32>);
    let text = |row: usize| rest.filter(|r| !r.value(row).is_empty()).map(|r| r.value(row));
    let batches = (0..BATCHES).map(|batch| {
        let salt = [batch as u8; 32];
        let leaves: Vec<_> = (0..2)
            .map(|at| {
                let (row, mut out) = (batch * 2 + at, Vec::new());
                let rest = text(row).map(str::as_bytes);
                let _ = Assembler::new(&columns).row(&values, row, rest, &mut out);
                merkle::record_leaf(&merkle::batch_salt_at(&salt, at as u64), &out)
            })
            .collect();
        BatchMeta {
            commitment: HEXLOWER.encode(&Sha256::digest(salt)),
            gone: None,
            origin: None,
            id: format!("{}:{batch}", f.meta.segment),
            root: HEXLOWER.encode(&merkle::root(&leaves)),
            rows: 2,
            salt: Some(BASE64.encode(&salt)),
            tree: Some(BASE64.encode(&merkle::level_hashes(&leaves, 8).concat())),
        }
    });
    f.meta.batches = batches.collect();
}

/// A trail whose one segment has several batches.
fn batched() -> Maker {
    let mut maker = Maker::new();
    let records: Vec<_> =
        (0..2 * BATCHES as u64).map(|i| record(&event(i, "data.export"))).collect();
    let built = maker.build(&records).pop().unwrap();
    let built = rewrite(built, maker.writer.hmac(), split);
    maker.commit(&records, vec![built], false);
    assert_eq!(maker.verify(true).findings, []);
    maker
}

#[test]
fn batches_within_a_segment() {
    let maker = batched();
    let path = maker.path("segments/", 0);
    let seal = {
        let file = SegmentFile::open("x", maker.objects[&path].clone().into()).unwrap();
        HEXLOWER.encode(&maker.writer.hmac().mac(&file.meta().seal_message().unwrap()))
    };
    for order in changes(BATCHES) {
        // The list alone, and the list with the rows.
        for with_rows in [false, true] {
            let objects = edited(&maker, &path, |f| {
                let all = f.meta.batches.clone();
                f.meta.batches = order.iter().map(|&i| all[i].clone()).collect();
                if with_rows {
                    let rows = order.iter().flat_map(|&i| [2 * i, 2 * i + 1]);
                    take(f, &rows.collect::<Vec<_>>());
                    f.meta.rows = f.rows.num_rows() as u64;
                }
                f.seal = Some(Some(seal.clone()));
            });
            let report = found_in(&objects, &maker, &[&path]);
            let kinds: BTreeSet<&str> = kinds(&report).into_iter().collect();
            for kind in ["segment_digest", "batches", "seal"] {
                assert!(kinds.contains(kind), "{kind} {order:?}: {report}");
            }
        }
    }
    // The rows' own word of whose they are.
    for i in 0..2 * BATCHES {
        let objects = edited(&maker, &path, |f| {
            let other = |row: usize| (row / 2 + usize::from(row == i)) % BATCHES;
            let ordinals: UInt16Array =
                (0..2 * BATCHES).map(|row| Some(other(row) as u16)).collect();
            f.set("_batch", Arc::new(ordinals));
        });
        let report = found_in(&objects, &maker, &[&path]);
        assert!(report.findings.iter().any(|f| f.kind != "segment_digest"), "{report}");
    }
}

#[test]
fn segments() {
    let maker = small();
    let paths: Vec<String> = (0..4).map(|i| maker.path("segments/", i)).collect();
    for i in 0..4 {
        for j in (0..4).filter(|j| *j != i) {
            let mut doubled = maker.objects.clone();
            doubled.insert(paths[j].clone(), maker.objects[&paths[i]].clone());
            found_in(&doubled, &maker, &[&paths[j]]);
            let mut swapped = doubled;
            swapped.insert(paths[i].clone(), maker.objects[&paths[j]].clone());
            found_in(&swapped, &maker, &[&paths[i], &paths[j]]);
        }
        // Under a name of its own it is no part of the trail.
        let mut added = maker.objects.clone();
        let name = paths[i].replace("/month=", "/month=9").replace("9202", "202");
        let name = name.replace(".parquet", "0.parquet");
        added.insert(name.clone(), maker.objects[&paths[i]].clone());
        let report = verify_in(&store(&added), &maker.trust(true), Level::Deep);
        assert_eq!((report.verdict, report.committed), (Verdict::Verified, 34));
        assert!(report.notes.iter().any(|note| note.contains(&name)), "{report}");
    }
}

#[test]
fn entries() {
    let mut maker = small();
    for i in 0..3 {
        maker.append(&[event(60 + i, "data.export")], i == 1);
    }
    let size = usize::try_from(maker.state.size()).unwrap();
    let entry = |n: usize| maker.objects[&entry_path(n as u64)].clone();
    let mut tried = 0;
    for order in changes(size) {
        let first = (0..).find(|&i| order.get(i) != Some(&i)).unwrap();
        let mut objects = maker.objects.clone();
        objects.retain(|path, _| !path.starts_with("ledger/"));
        for (slot, &n) in order.iter().enumerate() {
            objects.insert(entry_path(slot as u64), entry(n));
        }
        for (hint, secret) in [(true, true), (true, false), (false, true)] {
            let mut objects = objects.clone();
            if !hint {
                objects.remove(CHECKPOINT_HINT);
            }
            tried += 1;
            let report = verify_in(&store(&objects), &maker.trust(secret), Level::Deep);
            if first == size - 1 && order.len() < size {
                // The last one cut off: only what was signed for it tells.
                let expected = if hint { Verdict::Missing } else { Verdict::Verified };
                assert_eq!(report.verdict, expected, "{order:?}");
                continue;
            }
            assert_eq!(report.verdict, Verdict::Tampered, "{order:?}: {report}");
            let place = report.findings.iter().map(|f| f.object.as_str()).min().unwrap();
            let at = if first == size { size } else { first };
            assert!(place == entry_path(at as u64) || place == CHECKPOINT_HINT, "{order:?}");
            assert!(report.findings.iter().any(|f| f.object == entry_path(at as u64)));
        }
    }
    assert_eq!(tried, 3 * (2 * size + size * (size - 1) / 2));
}

/// The whole store replaced, keys and all: whoever brings the right key, has a pin, or both.
#[test]
fn everything_at_once_with_keys_of_its_own() {
    let mut ours = small();
    let mut stranger = filled(Maker::of(ours.info.trail_id.clone()));
    // Both with a snapshot, which an incremental verification begins with.
    for maker in [&mut ours, &mut stranger] {
        let file = super::snapshots::honest(maker);
        super::snapshots::name(maker, file);
    }
    assert_eq!(stranger.info, ours.info);
    assert_eq!(stranger.verify(true).verdict, Verdict::Verified, "it is sound in itself");
    // With the files of its owner in it, as if it brought the keys along.
    let vkey = crate::note::vkey(&stranger.info.key_name("owner"), &stranger.owner.public());
    stranger.objects.insert("owner.vkey".to_owned(), vkey.unwrap().into_bytes());
    for secret in [false, true] {
        let report = stranger.verify_as(&ours.trust(secret), Level::Deep);
        assert_eq!((report.verdict, kinds(&report)), (Verdict::Tampered, vec!["owner"]));
        assert_eq!(
            (report.findings[0].object.clone(), report.checked.segments),
            (entry_path(0), 0)
        );
    }
    for since_last in [false, true] {
        let verifier = Verifier::new(&ours.objects);
        assert_eq!(verifier.verify(ours.trust(true)).verdict, Verdict::Verified);
        let pin = verifier.pin();
        verifier.replace(&stranger.objects);
        let pinning = Pinning { since_last, ..verifier.pinning() };
        // The key of the store's own, and the right one.
        let report = verifier.try_verify(stranger.trust(true), &pinning).unwrap();
        assert_eq!(report.verdict, Verdict::Forked, "{report}");
        let report = verifier.try_verify(ours.trust(true), &pinning).unwrap();
        assert_eq!(report.verdict, Verdict::Tampered, "{report}");
        assert!(kinds(&report).contains(&"owner"), "{report}");
        assert_eq!(verifier.pin(), pin);
    }
}
