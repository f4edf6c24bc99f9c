//! Incremental verification: deep over what is new, and honest about what is not.

use super::maker::{Maker, TIME, event, set, small};
use super::pinned::Verifier;
use super::snapshots::{honest, name};
use super::*;
use crate::keys::WriterKeys;
use crate::ledger::{Authorization, Body, DueSnapshot, Kind, entry_path};

fn since_last(verifier: &Verifier, maker: &Maker) -> Report {
    let pinning = Pinning { since_last: true, ..verifier.pinning() };
    verifier.try_verify(maker.trust(true), &pinning).unwrap()
}

/// A trail with a snapshot, fully verified, and the verifier.
fn seen(with_snapshot: bool) -> (Maker, Verifier) {
    let mut maker = small();
    if with_snapshot {
        let file = honest(&maker);
        name(&mut maker, file);
    } else {
        maker.append(&[event(400, "data.file_read"), event(401, "data.file_read")], false);
    }
    let verifier = Verifier::new(&maker.objects);
    assert_eq!(verifier.verify(maker.trust(true)).verdict, Verdict::Verified);
    (maker, verifier)
}

#[test]
fn the_first_time_everything_is_looked_at() {
    let maker = small();
    let verifier = Verifier::new(&maker.objects);
    let report = since_last(&verifier, &maker);
    assert_eq!((report.verdict, report.since.is_none()), (Verdict::Verified, true));
    assert_eq!(report.checked.records, 34);
    // After a quick look only, nothing was looked at deeply.
    let verifier = Verifier::new(&maker.objects);
    let (quick, cancel) = (Options { level: Level::Quick, ..Options::default() }, Arc::default());
    let pinning = verifier.pinning();
    let run =
        verify_pinned(&verifier.storage, maker.trust(true), quick, &pinning, &|_| {}, &cancel);
    assert_eq!(futures::executor::block_on(run).unwrap().verdict, Verdict::Verified);
    assert_eq!(since_last(&verifier, &maker).checked.records, 34);
}

#[test]
fn only_what_is_new_is_looked_at_and_the_report_says_so() {
    for with_snapshot in [true, false] {
        let (mut maker, verifier) = seen(with_snapshot);
        let full = verifier.pin().unwrap().deep.unwrap().time;
        for round in 0..3_u64 {
            let i = 500 + round * 30;
            maker.append(&[event(i, "data.export"), event(i + 1, "auth.user_login")], round == 1);
            verifier.replace(&maker.objects);
            let report = since_last(&verifier, &maker);
            assert_eq!(report.findings, [], "{report}");
            assert_eq!((report.verdict, report.anchored), (Verdict::Verified, true));
            assert_eq!((report.checked.records, report.checked.segments), (2, 2));
            let entries = if with_snapshot { 2 } else { 6 };
            assert_eq!(report.checked.entries, entries + round, "from the snapshot on");
            let before = report.since.clone().unwrap();
            assert_eq!((before.entries, before.records), (5 + round, 36 + 2 * round));
            assert_eq!((before.segments, &before.last_full), (5 + 2 * round, &full));
            let said = format!("{} segments with {} records", before.segments, before.records);
            assert!(report.not_checked.iter().any(|what| what.contains(&said)), "{report}");
            assert_eq!(report.committed, 38 + 2 * round);
            let pin = verifier.pin().unwrap();
            assert_eq!((pin.size, pin.deep.unwrap().size), (6 + round, 6 + round));
        }
        let nothing_new = since_last(&verifier, &maker);
        assert_eq!((nothing_new.verdict, nothing_new.checked.segments), (Verdict::Verified, 0));
        assert_eq!(verifier.verify(maker.trust(true)).findings, []);
    }
}

#[test]
fn every_flipped_byte_of_what_is_new_is_found() {
    let (mut maker, verifier) = seen(true);
    let old = maker.objects.clone();
    maker.append(&[event(500, "data.export")], false);
    verifier.replace(&maker.objects);
    for (path, bytes) in maker.objects.iter().filter(|(path, _)| !old.contains_key(*path)) {
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x20;
            set(&verifier.storage, path, &changed);
            let report = since_last(&verifier, &maker);
            assert_eq!(report.verdict, Verdict::Tampered, "{path} {at}");
        }
        set(&verifier.storage, path, bytes);
    }
}

#[test]
fn a_changed_past_of_the_ledger_is_found_where_it_is_read_and_an_old_segment_is_not() {
    let (mut maker, verifier) = seen(true);
    let old = maker.path("segments/domain=data", 0);
    maker.append(&[event(500, "data.export")], false);
    verifier.replace(&maker.objects);
    let segment = maker.objects[&old].clone();
    set(&verifier.storage, &old, b"gone");
    assert_eq!(since_last(&verifier, &maker).findings, [], "and said so");
    set(&verifier.storage, &old, &segment);
    // The entry that names the snapshot, under the pin.
    let naming = entry_path(4);
    let mut changed = maker.objects[&naming].clone();
    let at = changed.len() / 2;
    changed[at] ^= 1;
    set(&verifier.storage, &naming, &changed);
    assert_eq!(since_last(&verifier, &maker).verdict.exit_code(), 4);
}

#[test]
fn rollback_and_forks_show_as_in_a_full_verification() {
    let (mut maker, verifier) = seen(true);
    let state = maker.state.clone();
    let (objects, committed) = (maker.objects.clone(), maker.committed);
    maker.append(&[event(500, "data.export")], false);
    verifier.replace(&maker.objects);
    assert_eq!(since_last(&verifier, &maker).findings, []);
    verifier.replace(&objects);
    assert_eq!(since_last(&verifier, &maker).verdict, Verdict::RolledBack);
    maker.objects = objects;
    maker.state = state;
    maker.committed = committed;
    maker.roots.pop();
    for i in 0..2 {
        maker.append(&[event(600 + i, "data.export")], false);
        verifier.replace(&maker.objects);
        assert_eq!(since_last(&verifier, &maker).verdict, Verdict::Forked, "{i}");
    }
}

#[test]
fn a_new_snapshot_that_lies_is_found_and_never_begun_with() {
    let (mut maker, verifier) = seen(true);
    let mut state = maker.state.clone();
    state.rows += 1;
    let leaves: Vec<_> = (0..maker.state.size())
        .map(|n| crate::merkle::leaf_hash(&maker.objects[&entry_path(n)]))
        .collect();
    let file = crate::ledger::snapshot::write(&state, &leaves, DueSnapshot::Full).unwrap();
    let path = name(&mut maker, file);
    verifier.replace(&maker.objects);
    let report = since_last(&verifier, &maker);
    assert_eq!((report.verdict, kinds(&report)), (Verdict::Tampered, vec!["snapshot_rows"]));
    assert_eq!(report.findings[0].object, path);
}

#[test]
fn without_a_pin_nothing_can_be_left_out() {
    let maker = small();
    let since = Some(Since { size: 2, last_full: super::maker::TIME.to_owned() });
    let options = Options { since, ..Options::default() };
    let (storage, cancel) = (super::maker::store(&maker.objects), Arc::default());
    let trust = maker.trust(true);
    let run = verify(&storage, &trust, &options, &|_| {}, &cancel);
    assert!(matches!(futures::executor::block_on(run), Err(Error::Usage(_))));
}

/// The owner's secret is brought only later: also then it shows that a key is not of its making,
/// though the entry that authorised it is not read any more.
#[test]
fn keys_of_before_are_held_against_the_secret() {
    let mut maker = small();
    let writer = WriterKeys::generate(&maker.owner, "memory://made", 495_000).unwrap();
    let mut body = Body::new(Kind::Authorize, "owner", 0, TIME.to_owned());
    body.authorizes = Some(vec![Authorization {
        epoch: writer.epoch(),
        hmac_key: "0".repeat(16),
        public: data_encoding::BASE64.encode(writer.public().as_bytes()),
        writer: writer.id().to_owned(),
    }]);
    let owner = maker.owner.clone();
    maker.put(body, owner.signing(), &owner.hmac().unwrap());
    let file = honest(&maker);
    name(&mut maker, file);
    let verifier = Verifier::new(&maker.objects);
    assert_eq!(verifier.verify(maker.trust(false)).verdict, Verdict::Verified);
    maker.append(&[event(650, "data.export")], false);
    verifier.replace(&maker.objects);
    let pinning = Pinning { since_last: true, ..verifier.pinning() };
    let report = verifier.try_verify(maker.trust(true), &pinning).unwrap();
    assert_eq!(kinds(&report), ["hmac_key"], "{report}");
    assert_eq!(report.findings[0].object, entry_path(4));
}
