//! Batches that a compaction lost, doubled, changed or made up.

use super::forge::{Forgery, rewrite};
use super::maker::{Maker, TIME, event};
use super::*;
use crate::ledger::{AddedSegment, Body, Kind, entry_path};
use crate::segment::merge::{Input, Target, merge};
use crate::segment::{BuiltSegment, Origin, SegmentFile, Signer};

/// A trail of four appends: three of one partition, one of another; the first epoch is closed.
fn trail() -> Maker {
    let mut maker = Maker::new();
    let some = |from: u64, n: u64, kind: &str| -> Vec<serde_json::Value> {
        (from..from + n).map(|i| event(i, kind)).collect()
    };
    maker.append(&some(0, 6, "data.file_read"), false);
    maker.append(&some(10, 6, "data.file_read"), true);
    maker.append(&some(20, 6, "data.export"), false);
    maker.append(&some(30, 6, "auth.user_login"), false);
    maker
}

/// Live segments with the entries that added them.
fn segments(maker: &Maker) -> Vec<(u64, AddedSegment)> {
    let adds = |n: u64| {
        let bytes = &maker.objects[&entry_path(n)];
        let entry = crate::ledger::Entry::parse(bytes).unwrap();
        entry.body.adds.into_iter().flatten().map(move |add| (n, add))
    };
    let live = |path: &str| maker.state.segments.iter().any(|s| s.path == path);
    (0..maker.state.size()).flat_map(adds).filter(|(_, add)| live(&add.path)).collect()
}

fn merged(maker: &Maker, inputs: &[(u64, AddedSegment)]) -> (BuiltSegment, Body) {
    let folder = tempfile::tempdir().unwrap();
    let signer = Signer {
        trail: &maker.info.trail_id,
        writer: maker.writer.id(),
        key: crate::keys::key_id(&maker.writer.public()),
        epoch: maker.writer.epoch(),
        hmac: maker.writer.hmac(),
        by_day: false,
        sealing: None,
    };
    let mut opened: Vec<Input<'_>> = inputs
        .iter()
        .map(|(n, add)| {
            let bytes = maker.objects[&add.path].clone().into();
            let file = SegmentFile::open(&add.path, bytes).unwrap();
            Input::new(file, add, Some((*n, 0))).unwrap()
        })
        .collect();
    let mut registry = maker.state.registry.clone();
    let target =
        Target { folder: folder.path(), tag: "t", level: 9, keys: None, watch: &|_| Ok(()) };
    let done = merge(&mut opened, &signer, &mut registry, &target).unwrap();
    let bytes = std::fs::read(done.file.path()).unwrap().into();
    let mut body =
        Body::new(Kind::Compact, maker.writer.id(), maker.writer.epoch(), TIME.to_owned());
    body.removes = Some(inputs.iter().map(|(_, add)| add.path.clone()).collect());
    let columns = registry.since(&maker.state.registry);
    body.columns = (!columns.is_empty()).then_some(columns);
    (BuiltSegment { added: done.added, bytes, roots: Vec::new() }, body)
}

fn put(maker: &mut Maker, segment: BuiltSegment, mut body: Body) {
    maker.objects.insert(segment.added.path.clone(), segment.bytes.to_vec());
    body.adds = Some(vec![segment.added]);
    let (signing, hmac) = (maker.writer.signing().clone(), maker.writer.hmac().clone());
    maker.put(body, &signing, &hmac);
}

/// The data segments of [`trail`] in one, after `edit`.
fn compacted(edit: impl FnOnce(&mut Forgery)) -> Maker {
    let mut maker = trail();
    let (segment, body) = merged(&maker, &segments(&maker)[..3]);
    let segment = rewrite(segment, maker.writer.hmac(), edit);
    put(&mut maker, segment, body);
    maker
}

fn found(maker: &Maker) -> Vec<&'static str> {
    let mut kinds = kinds(&maker.verify(true));
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

#[test]
fn an_honest_compaction_is_verified_with_and_without_the_old_files() {
    let mut maker = trail();
    let old: Vec<String> = segments(&maker)[..3].iter().map(|(_, s)| s.path.clone()).collect();
    let (segment, body) = merged(&maker, &segments(&maker)[..3]);
    put(&mut maker, segment, body);
    for with_files in [true, false] {
        if !with_files {
            old.iter().for_each(|path| drop(maker.objects.remove(path)));
        }
        for (secret, level) in [(true, Level::Deep), (false, Level::Deep), (true, Level::Quick)] {
            let report = maker.verify_as(&maker.trust(secret), level);
            assert_eq!(report.findings, [], "{:#?}", report.findings);
            assert_eq!(report.verdict, Verdict::Verified);
            assert_eq!(report.checked.epoch_seals, u64::from(secret));
            assert_eq!(report.checked.segments, 2);
        }
        assert_eq!(maker.verify(true).checked.records, 24);
    }
    // An unchanged rewrite proves that what follows is found for its own sake.
    assert_eq!(found(&compacted(|_| {})), [""; 0]);
}

#[test]
fn a_dropped_doubled_or_exchanged_row_is_found() {
    let take = |order: Vec<u32>| {
        compacted(|f| {
            let order = arrow::array::UInt32Array::from(order);
            f.rows = arrow::compute::take_record_batch(&f.rows, &order).unwrap();
        })
    };
    let all: Vec<u32> = (0..18).collect();
    let mut doubled = all.clone();
    doubled[7] = 6;
    assert!(found(&take(doubled)).contains(&"batch_root"));
    let mut dropped = all;
    dropped.remove(4);
    let kinds = found(&take(dropped));
    assert!(kinds.contains(&"rows") || kinds.contains(&"batch_root"), "{kinds:?}");
}

#[test]
fn rows_that_change_their_batch_are_found() {
    let maker = compacted(|f| {
        let ordinals = f.rows.column(0).clone();
        let ordinals =
            arrow::array::AsArray::as_primitive::<arrow::datatypes::UInt16Type>(&ordinals);
        let mut changed: Vec<u16> = ordinals.values().to_vec();
        let other = changed.iter().position(|o| *o != changed[0]).unwrap();
        changed.swap(0, other);
        f.set("_batch", Arc::new(arrow::array::UInt16Array::from(changed)));
    });
    let kinds = found(&maker);
    assert!(kinds.contains(&"batch_root"), "{kinds:?}");
}

#[test]
fn a_wrong_origin_is_found() {
    let edits: [fn(&mut Origin); 5] = [
        |o| o.entry = 2,
        |o| o.entry = 99,
        |o| o.add = 1,
        |o| o.index = 1,
        |o| o.path = vec!["00".repeat(32)],
    ];
    for (i, edit) in edits.into_iter().enumerate() {
        let maker = compacted(|f| edit(f.meta.batches[0].origin.as_mut().unwrap()));
        let kinds = found(&maker);
        assert!(kinds.contains(&"origin"), "{i}: {kinds:?}");
    }
    let kinds = found(&compacted(|f| f.meta.batches[0].origin = None));
    assert!(kinds.contains(&"origin"), "{kinds:?}");
}

#[test]
fn a_batch_in_the_place_of_another_is_found() {
    let mut maker = trail();
    let all = segments(&maker);
    // The first segment twice, and the second one nowhere.
    let twice = [all[0].clone(), all[0].clone()];
    let (mut segment, mut body) = merged(&maker, &twice);
    body.removes = Some(vec![all[0].1.path.clone(), all[1].1.path.clone()]);
    segment.added.min = all[0].1.min.min(all[1].1.min);
    segment.added.max = all[0].1.max.max(all[1].1.max);
    put(&mut maker, segment, body);
    let report = maker.verify(true);
    assert!(kinds(&report).contains(&"batch_twice"), "{:#?}", report.findings);
    let missing = report.findings.iter().find(|f| f.kind == "batch_missing").unwrap();
    assert_eq!((&missing.object, missing.verdict), (&all[1].1.path, Verdict::Missing));
}

#[test]
fn a_batch_of_another_partition_is_found() {
    let mut maker = trail();
    let all = segments(&maker);
    let (segment, mut body) = merged(&maker, &all[3..]);
    body.removes = Some(vec![all[0].1.path.clone()]);
    let mut segment = rewrite(segment, maker.writer.hmac(), |f| {
        f.meta.domain = "data".to_owned();
    });
    let name = segment.added.path.rsplit('/').next().unwrap();
    segment.added.path = format!("segments/domain=data/month=2026-02/{name}");
    (segment.added.min, segment.added.max) = (all[0].1.min, all[0].1.max);
    put(&mut maker, segment, body);
    let kinds = found(&maker);
    for kind in ["batch_missing", "batch_twice", "partition"] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
}

#[test]
fn rows_of_nobody_are_found() {
    let mut maker = trail();
    let all = segments(&maker);
    // Made up, and said to be what was there.
    let records: Vec<_> =
        (50..56).map(|i| super::maker::record(&event(i, "data.file_read"))).collect();
    let built = maker.build(&records).pop().unwrap();
    let mut body =
        Body::new(Kind::Compact, maker.writer.id(), maker.writer.epoch(), TIME.to_owned());
    body.removes = Some(vec![all[0].1.path.clone()]);
    let mut built = rewrite(built, maker.writer.hmac(), |f| {
        let origin = Origin { add: 0, entry: 1, index: 0, path: Vec::new() };
        f.meta.batches[0].origin = Some(origin);
    });
    (built.added.min, built.added.max) = (all[0].1.min, all[0].1.max);
    put(&mut maker, built, body);
    let kinds = found(&maker);
    assert!(kinds.contains(&"origin"), "{kinds:?}");
}

#[test]
fn nothing_is_removed_without_a_successor() {
    let mut maker = trail();
    let all = segments(&maker);
    let (segment, mut body) = merged(&maker, &all[..2]);
    body.removes = Some(all[..3].iter().map(|(_, s)| s.path.clone()).collect());
    put(&mut maker, segment, body);
    assert_eq!(found(&maker), ["entry_invalid"]);
}

#[test]
fn a_missing_successor_is_found_although_the_old_files_are_there() {
    let mut maker = trail();
    let (segment, body) = merged(&maker, &segments(&maker)[..3]);
    let path = segment.added.path.clone();
    put(&mut maker, segment, body);
    maker.objects.remove(&path);
    let report = maker.verify(true);
    assert_eq!(kinds(&report), ["segment_missing"]);
    assert_eq!(report.verdict, Verdict::Missing);
}

#[test]
fn files_that_are_said_to_be_gone_are_told_if_they_are_there() {
    let mut maker = trail();
    let old: Vec<String> = segments(&maker)[..3].iter().map(|(_, s)| s.path.clone()).collect();
    let (segment, body) = merged(&maker, &segments(&maker)[..3]);
    put(&mut maker, segment, body);
    let mut body = Body::new(Kind::Sweep, maker.writer.id(), maker.writer.epoch(), TIME.to_owned());
    body.swept = Some(old.clone());
    let (signing, hmac) = (maker.writer.signing().clone(), maker.writer.hmac().clone());
    maker.put(body, &signing, &hmac);
    let report = maker.verify(true);
    assert_eq!(report.verdict, Verdict::Verified);
    let told = report.notes.iter().filter(|note| old.iter().any(|path| note.contains(path)));
    assert_eq!(told.count(), 3, "{:?}", report.notes);
    old.iter().for_each(|path| drop(maker.objects.remove(path)));
    assert_eq!(maker.verify(true).notes, [""; 0]);
}

#[test]
fn an_incremental_verification_follows_batches_to_entries_that_it_did_not_read() {
    let mut maker = trail();
    let verifier = super::pinned::Verifier::new(&maker.objects);
    assert_eq!(verifier.verify(maker.trust(true)).verdict, Verdict::Verified);
    let (segment, body) = merged(&maker, &segments(&maker)[..3]);
    put(&mut maker, segment, body);
    verifier.replace(&maker.objects);
    let pinning = Pinning { since_last: true, ..verifier.pinning() };
    let report = verifier.try_verify(maker.trust(true), &pinning).unwrap();
    assert_eq!(report.findings, [], "{report}");
    assert_eq!((report.verdict, report.checked.records), (Verdict::Verified, 18));
    let full = verifier.verify(maker.trust(true));
    assert_eq!((full.verdict, full.checked.records), (Verdict::Verified, 24));
}
