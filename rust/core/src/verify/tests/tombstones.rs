//! Tombstones that say of batches what cannot be.

use data_encoding::HEXLOWER;

use super::maker::{Maker, TIME, event};
use super::*;
use crate::ledger::{AddedSegment, Body, GoneBatch, Kind, Tombstone};
use crate::segment::SegmentFile;

/// A trail of two appends; the owner deletes the first one's only segment, after `edit`.
fn deleted(edit: impl Fn(&mut Vec<GoneBatch>)) -> Maker {
    let mut maker = Maker::new();
    for from in [0, 10] {
        let events: Vec<_> = (from..from + 6).map(|i| event(i, "data.file_read")).collect();
        maker.append(&events, false);
    }
    let add = maker.state.segments[0].clone();
    let mut batches = batches_of(&maker, &add, 1);
    edit(&mut batches);
    let mut body = Body::new(Kind::Delete, "owner", 0, TIME.to_owned());
    body.removes = Some(vec![add.path.clone()]);
    body.tombstone = Some(Tombstone {
        approver: "A. Judge".to_owned(),
        batches,
        holds: Vec::new(),
        policy: None,
        reason: "test".to_owned(),
    });
    let owner = maker.owner.clone();
    maker.put(body, owner.signing(), &owner.hmac().unwrap());
    maker.objects.remove(&add.path);
    maker
}

/// What a true tombstone says of a whole segment that entry `n` added.
fn batches_of(maker: &Maker, add: &AddedSegment, n: u64) -> Vec<GoneBatch> {
    let bytes = maker.objects[&add.path].clone().into();
    let file = SegmentFile::open(&add.path, bytes).unwrap();
    let of = |(index, batch): (u64, &crate::segment::BatchMeta)| GoneBatch {
        add: 0,
        entry: n,
        gone: batch.rows,
        index,
        max: add.max,
        min: add.min,
        root: batch.root.clone(),
        rows: batch.rows,
    };
    (0..).zip(&file.meta().batches).map(of).collect()
}

fn told(edit: impl Fn(&mut Vec<GoneBatch>)) -> Vec<String> {
    let report = deleted(edit).verify(true);
    let of_stones = report.findings.iter().filter(|f| f.kind == "tombstone");
    of_stones.map(|f| f.message.clone()).collect()
}

#[test]
fn an_honest_tombstone_is_no_finding() {
    let report = deleted(|_| ()).verify(true);
    assert_eq!(report.findings, [], "{report}");
    assert_eq!(report.verdict, Verdict::Pruned);
}

#[test]
fn a_batch_that_never_was_is_found() {
    for edit in [|b: &mut GoneBatch| b.index = 1, |b: &mut GoneBatch| b.add = 1] {
        let told = told(|batches| edit(&mut batches[0]));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("there is no such batch"), "{told:?}");
    }
    // The owner's entry brought nothing.
    let told = told(|batches| batches[0].entry = 0);
    assert!(told[0].contains("there is no such batch"), "{told:?}");
}

#[test]
fn times_beyond_those_of_the_segment_are_found() {
    for edit in [|b: &mut GoneBatch| b.max += 1, |b: &mut GoneBatch| b.min -= 1] {
        let told = told(|batches| edit(&mut batches[0]));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("records of the times"), "{told:?}");
    }
}

/// A batch of which two tombstones tell: the first deletes `first` of its records.
fn twice(first: u64, edit: impl Fn(&mut GoneBatch)) -> Vec<Finding> {
    use crate::verify::origins::{Appends, Gone};
    let maker = deleted(|_| ());
    let (mut appends, mut gone) = (Appends::default(), Gone::default());
    for n in 0..maker.state.size() {
        let bytes = &maker.objects[&crate::ledger::entry_path(n)];
        let mut body = crate::ledger::Entry::parse(bytes).unwrap().body;
        appends.note(&body);
        for batch in body.tombstone.iter_mut().flat_map(|stone| &mut stone.batches) {
            batch.gone = first;
        }
        gone.note(&body, &appends, false);
        for batch in body.tombstone.iter_mut().flat_map(|stone| &mut stone.batches) {
            batch.gone = batch.rows - first;
            edit(batch);
        }
        gone.note(&body, &appends, false);
    }
    gone.findings()
}

#[test]
fn tombstones_of_one_batch_that_contradict_each_other_are_found() {
    assert_eq!(twice(2, |_| ()), []);
    let messages = |found: Vec<Finding>| -> String {
        found.into_iter().map(|finding| finding.message).collect()
    };
    let other = HEXLOWER.encode(&[7; 32]);
    let found = messages(twice(2, |batch| batch.root.clone_from(&other)));
    assert!(found.contains("an earlier tombstone says something else"), "{found}");
    let found = messages(twice(2, |batch| batch.rows += 1));
    assert!(found.contains("an earlier tombstone says something else"), "{found}");
    let found = messages(twice(2, |batch| batch.gone += 1));
    assert!(found.contains("more records than it had"), "{found}");
}
