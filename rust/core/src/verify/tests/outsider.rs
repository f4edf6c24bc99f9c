//! What somebody without keys can do to the stored objects.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rayon::prelude::*;
use serde_json::Value;

use super::forge::{describe, rewrite};
use super::maker::{Maker, event, record, set, small, store, verify_in};
use crate::keys::{OwnerKey, WriterKeys};
use crate::ledger::{CHECKPOINT_HINT, Entry, entry_path};
use crate::note::Checkpoint;
use crate::storage::Storage;
use crate::verify::{Level, Options, Progress, Report, Trust, Verdict, verify};
use crate::{Error, Result};

fn has(report: &Report, verdict: Verdict, kind: &str, object: &str) -> bool {
    let is = |f: &&crate::verify::Finding| f.kind == kind && f.object == object;
    report.findings.iter().find(is).is_some_and(|f| f.verdict == verdict)
}

fn assert_has(report: &Report, verdict: Verdict, kind: &str, object: &str) {
    assert!(has(report, verdict, kind, object), "{kind} {object}: {:#?}", report.findings);
    assert_eq!(report.verdict.exit_code(), 4);
}

/// A trail with one segment of two records.
fn tiny() -> Maker {
    let mut maker = Maker::new();
    maker.append(&[event(0, "data.export"), event(1, "data.export")], false);
    maker
}

#[test]
fn every_flipped_byte_is_found() {
    let maker = tiny();
    let trust = maker.trust(false);
    for (path, bytes) in &maker.objects {
        let passed: Vec<(usize, u8)> = (0..bytes.len())
            .into_par_iter()
            .map_init(
                || store(&maker.objects),
                |storage, at| {
                    let mut changed = bytes.clone();
                    let missed = [0x01, 0x80, 0xff].into_iter().find(|mask| {
                        changed[at] = bytes[at] ^ mask;
                        set(storage, path, &changed);
                        let report = verify_in(storage, &trust, Level::Deep);
                        let named = report.findings.iter().any(|f| f.object == *path);
                        report.verdict != Verdict::Tampered || !named
                    });
                    set(storage, path, bytes);
                    missed.map(|mask| (at, mask))
                },
            )
            .flatten()
            .collect();
        assert_eq!(passed, [], "{path}");
    }
}

#[test]
fn every_cut_and_every_addition_is_found() {
    let maker = tiny();
    let trust = maker.trust(false);
    for (path, bytes) in &maker.objects {
        let storage = store(&maker.objects);
        let lengths = [0, 1, bytes.len() / 2, bytes.len() - 8, bytes.len() - 1];
        let cut = lengths.into_iter().map(|len| bytes[..len].to_vec());
        let longer = [b"\0".as_slice(), b"\n", bytes].map(|more| [bytes, more].concat());
        for changed in cut.chain(longer) {
            set(&storage, path, &changed);
            let report = verify_in(&storage, &trust, Level::Deep);
            assert_eq!(report.verdict, Verdict::Tampered, "{path} {}", changed.len());
            assert!(report.findings.iter().any(|f| f.object == *path));
            let quick = verify_in(&storage, &trust, Level::Quick);
            assert_eq!(quick.verdict, Verdict::Tampered, "{path} {}", changed.len());
        }
    }
}

/// `small()`, with the records of its first segment replaced by what `edit` makes of them, in a
/// file that is sound in itself but made with other keys.
fn replaced(edit: impl FnOnce(&mut Vec<Value>)) -> (Maker, String) {
    let mut maker = Maker::new();
    let mut values: Vec<Value> = (0..300).map(|i| event(i, "data.file_read")).collect();
    maker.append(&values, false);
    let path = maker.path("segments/", 0);
    edit(&mut values);
    let records: Vec<_> = values.iter().map(record).collect();
    let foreign_owner = OwnerKey::generate(&maker.info.trail_id).unwrap();
    let foreign = WriterKeys::generate(&foreign_owner, "memory://made", 495_000).unwrap();
    let ours = std::mem::replace(&mut maker.writer, foreign);
    let built = maker.build(&records).pop().unwrap();
    maker.writer = ours;
    let file = crate::segment::SegmentFile::open("x", maker.objects[&path].clone().into()).unwrap();
    let (was, writer) = (file.meta().clone(), maker.writer.id().to_owned());
    // As much as the forger can make look right.
    let built = rewrite(built, maker.owner.clone().hmac().as_ref().unwrap(), |f| {
        let batches = std::mem::take(&mut f.meta.batches);
        f.meta = crate::segment::SegmentMeta {
            batches,
            columns: f.meta.columns.clone(),
            rows: f.meta.rows,
            ..was
        };
        f.meta.writer = writer;
        f.meta.batches[0].id = format!("{}:0", f.meta.segment);
    });
    maker.objects.insert(path.clone(), built.bytes.to_vec());
    (maker, path)
}

#[test]
fn a_record_edited_deleted_inserted_or_moved_is_found() {
    type Edit = fn(&mut Vec<Value>);
    let edits: [Edit; 4] = [
        |values| values[200]["user_id"] = "somebody else".into(),
        |values| drop(values.remove(200)),
        |values| {
            let mut copy = values[200].clone();
            copy["audit_id"] = "another".into();
            values.insert(201, copy);
        },
        |values| {
            let time = values[250]["timestamp"].clone();
            values[200]["timestamp"] = time;
        },
    ];
    for edit in edits {
        let (maker, path) = replaced(edit);
        let report = maker.verify(true);
        for kind in ["segment_digest", "batches", "seal"] {
            assert_has(&report, Verdict::Tampered, kind, &path);
        }
        let quick = maker.verify_as(&maker.trust(false), Level::Quick);
        assert_has(&quick, Verdict::Tampered, "segment_digest", &path);
    }
}

#[test]
fn the_changed_rows_are_named_where_the_tree_hashes_are_left() {
    let mut maker = Maker::new();
    let values: Vec<Value> = (0..600).map(|i| event(i % 300, "data.file_read")).collect();
    let values: Vec<Value> = values
        .into_iter()
        .enumerate()
        .map(|(i, mut v)| {
            v["audit_id"] = format!("id{i:05}").into();
            v
        })
        .collect();
    maker.append(&values, false);
    let path = maker.path("segments/", 0);
    let bytes = maker.objects[&path].clone();
    let mut built = {
        let records: Vec<_> = values.iter().map(record).collect();
        maker.build(&records).pop().unwrap()
    };
    built.bytes = bytes.into();
    let forged = rewrite(built, maker.writer.hmac(), |f| f.set_text("user_id", 300, Some("who")));
    maker.objects.insert(path.clone(), forged.bytes.to_vec());
    let report = maker.verify(false);
    assert_has(&report, Verdict::Tampered, "segment_digest", &path);
    let finding = report.findings.iter().find(|f| f.kind == "batch_root").unwrap();
    assert_eq!(finding.rows, [(256, 511)]);
    assert!(finding.batch.as_ref().is_some_and(|id| id.ends_with(":0")));
}

#[test]
fn an_entry_signed_again_with_a_foreign_key_is_found() {
    let mut maker = small();
    let (path, last) = (entry_path(3), maker.path("segments/domain=workflow", 0));
    let foreign_owner = OwnerKey::generate(&maker.info.trail_id).unwrap();
    let foreign = WriterKeys::generate(&foreign_owner, "memory://made", 495_000).unwrap();
    let entry = Entry::parse(&maker.objects[&path]).unwrap();
    let mut body = entry.body;
    let mut add = body.adds.as_ref().unwrap()[0].clone();
    let mut built = crate::segment::BuiltSegment {
        added: add.clone(),
        bytes: maker.objects[&last].clone().into(),
        roots: Vec::new(),
    };
    built = rewrite(built, foreign.hmac(), |f| {
        f.set_text("user_id", 0, Some("nobody"));
        f.rehash();
    });
    describe(&mut built);
    add = built.added;
    maker.objects.insert(last.clone(), built.bytes.to_vec());
    body.adds = Some(vec![add]);
    let tree = data_encoding::HEXLOWER.decode(body.tree.as_bytes()).unwrap().try_into().unwrap();
    let forged = body.sign(3, tree, &maker.info, foreign.signing(), foreign.hmac()).unwrap();
    maker.objects.insert(path.clone(), forged.to_bytes().unwrap());
    let report = maker.verify(false);
    assert_has(&report, Verdict::Tampered, "entry_invalid", &path);
    // What it adds is no part of the trail.
    assert!(report.notes.iter().any(|note| note.contains(&last)));
}

#[test]
fn segments_removed_added_swapped_or_truncated_are_found() {
    let maker = small();
    for i in 0..4 {
        let path = maker.path("segments/", i);
        let mut removed = small_copy(&maker);
        removed.remove(&path);
        let report = verify_in(&store(&removed), &maker.trust(true), Level::Deep);
        assert_eq!(report.verdict, Verdict::Missing, "{:?}", report.findings);
        assert_has(&report, Verdict::Missing, "segment_missing", &path);
        assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
        assert_eq!(report.findings[0].rows[0].0, 0);

        let mut swapped = small_copy(&maker);
        let other = maker.path("segments/", (i + 1) % 4);
        swapped.insert(path.clone(), maker.objects[&other].clone());
        swapped.insert(other.clone(), maker.objects[&path].clone());
        let report = verify_in(&store(&swapped), &maker.trust(false), Level::Deep);
        assert_has(&report, Verdict::Tampered, "segment_digest", &path);
        assert_has(&report, Verdict::Tampered, "segment_digest", &other);
        assert_has(&report, Verdict::Tampered, "metadata", &path);
    }
    let mut added = small_copy(&maker);
    let orphan = "segments/domain=data/month=2026-02/00000000-0000-4000-8000-000000000000.parquet";
    added.insert(orphan.to_owned(), maker.objects[&maker.path("segments/", 0)].clone());
    added.insert("ledger/notes.txt".to_owned(), b"?".to_vec());
    let report = verify_in(&store(&added), &maker.trust(true), Level::Deep);
    assert_eq!(report.verdict, Verdict::Verified, "{:?}", report.findings);
    assert_eq!(report.notes.len(), 2);
    assert!(report.notes[0].contains("ledger/notes.txt") && report.notes[1].contains(orphan));
}

type Objects = std::collections::BTreeMap<String, Vec<u8>>;

fn small_copy(maker: &Maker) -> Objects {
    maker.objects.clone()
}

#[test]
fn entries_removed_edited_or_reordered_are_found() {
    let maker = small();
    let look = |objects: &Objects| verify_in(&store(objects), &maker.trust(true), Level::Deep);
    for n in 0..4 {
        let mut objects = small_copy(&maker);
        objects.remove(&entry_path(n));
        let report = look(&objects);
        let kind = if n == 3 { "entries_cut_off" } else { "entry_missing" };
        assert_has(&report, Verdict::Missing, kind, &entry_path(n));
        assert_eq!(report.verdict, Verdict::Missing, "{n}: {:#?}", report.findings);
        // What is left is still checked.
        assert_eq!(report.checked.segments, [0, 2, 3, 3][n as usize], "{n}");

        let mut objects = small_copy(&maker);
        let text = String::from_utf8(objects[&entry_path(n)].clone()).unwrap();
        let edited = text.replace(super::maker::TIME, "2026-03-01T00:00:00.001Z");
        assert_ne!(edited, text);
        objects.insert(entry_path(n), edited.into_bytes());
        let report = look(&objects);
        assert_has(&report, Verdict::Tampered, "entry_invalid", &entry_path(n));
        if n > 0 && n < 3 {
            assert_has(&report, Verdict::Tampered, "entry_tree", &entry_path(n + 1));
            assert_eq!(report.checked.segments, [0, 2, 3][n as usize], "{n}");
        }
    }
    let mut objects = small_copy(&maker);
    objects.insert(entry_path(2), maker.objects[&entry_path(3)].clone());
    objects.insert(entry_path(3), maker.objects[&entry_path(2)].clone());
    let report = look(&objects);
    assert_has(&report, Verdict::Tampered, "entry_invalid", &entry_path(2));
    assert_has(&report, Verdict::Tampered, "entry_invalid", &entry_path(3));
    let mut objects = small_copy(&maker);
    objects.insert(entry_path(4), maker.objects[&entry_path(3)].clone());
    assert_has(&look(&objects), Verdict::Tampered, "entry_invalid", &entry_path(4));
}

#[test]
fn a_trail_of_others_is_found() {
    let (ours, other) = (small(), small());
    let report = other.verify_as(&Trust::owner(ours.owner.public()), Level::Deep);
    assert_has(&report, Verdict::Tampered, "owner", &entry_path(0));
    assert_eq!(report.checked.segments, 0);
    let secret = Some(other.owner.clone());
    let report = ours.verify_as(&Trust { secret, ..ours.trust(false) }, Level::Deep);
    assert_has(&report, Verdict::Tampered, "owner_secret", &entry_path(0));
    // The objects of another trail in our place.
    let mut objects = small_copy(&ours);
    objects.insert(entry_path(1), other.objects[&entry_path(1)].clone());
    let report = verify_in(&store(&objects), &ours.trust(false), Level::Deep);
    assert_has(&report, Verdict::Tampered, "entry_invalid", &entry_path(1));
    let mut objects = small_copy(&ours);
    objects.insert(CHECKPOINT_HINT.to_owned(), other.objects[CHECKPOINT_HINT].clone());
    let report = verify_in(&store(&objects), &ours.trust(false), Level::Deep);
    assert_has(&report, Verdict::Tampered, "hint", CHECKPOINT_HINT);
    let mut objects = small_copy(&ours);
    objects.insert("trail.json".to_owned(), other.objects["trail.json"].clone());
    let report = verify_in(&store(&objects), &ours.trust(false), Level::Quick);
    assert_has(&report, Verdict::Tampered, "trail_json", "trail.json");
    objects.remove("trail.json");
    let report = verify_in(&store(&objects), &ours.trust(false), Level::Quick);
    assert_has(&report, Verdict::Missing, "trail_json", "trail.json");
}

#[test]
fn garbage_in_a_slot_has_no_effect_but_is_found() {
    let mut maker = tiny();
    let garbage = b"not an entry".to_vec();
    let _ = maker.state.apply(&garbage);
    maker.objects.insert(entry_path(2), garbage);
    maker.append(&[event(2, "data.export")], false);
    let report = maker.verify(true);
    assert_has(&report, Verdict::Tampered, "entry_invalid", &entry_path(2));
    assert_eq!(super::kinds(&report), ["entry_invalid"]);
    assert_eq!((report.checked.segments, report.checked.records, report.size), (2, 3, 4));
}

#[test]
fn pins_notice_rollback_and_forks() {
    let (maker, other) = (small(), small());
    let pin = |maker: &Maker| Checkpoint {
        origin: maker.info.origin.clone(),
        size: maker.state.size(),
        root: maker.state.root(),
    };
    let with = |pins: Vec<Checkpoint>| Trust { pins, ..maker.trust(false) };
    let report = maker.verify_as(&with(vec![pin(&maker)]), Level::Quick);
    assert_eq!((report.verdict, report.checked.pins), (Verdict::Verified, 1));
    let mut objects = small_copy(&maker);
    objects.remove(&entry_path(3));
    objects.remove(CHECKPOINT_HINT);
    let unpinned = verify_in(&store(&objects), &maker.trust(false), Level::Deep);
    assert_eq!(unpinned.verdict, Verdict::Verified);
    assert!(unpinned.not_checked.iter().any(|what| what.contains("cut off the end")));
    assert!(unpinned.not_checked.iter().any(|what| what.contains("pin or anchor")));
    let report = verify_in(&store(&objects), &with(vec![pin(&maker)]), Level::Deep);
    assert_has(&report, Verdict::RolledBack, "pin", CHECKPOINT_HINT);
    let forked = Checkpoint { root: pin(&other).root, ..pin(&maker) };
    let report = maker.verify_as(&with(vec![forked]), Level::Quick);
    assert_has(&report, Verdict::Forked, "pin", CHECKPOINT_HINT);
    let report = maker.verify_as(&with(vec![pin(&other)]), Level::Quick);
    assert_has(&report, Verdict::Forked, "pin", CHECKPOINT_HINT);
}

fn run(storage: &Storage, trust: &Trust, options: &Options, cancel: bool) -> Result<Report> {
    let cancel = Arc::new(AtomicBool::new(cancel));
    futures::executor::block_on(verify(storage, trust, options, &|_| {}, &cancel))
}

#[test]
fn the_caller_can_follow_and_stop_it() {
    let maker = small();
    let (storage, trust) = (store(&maker.objects), maker.trust(false));
    let (deep, unsealed) = (Options::default(), Options { unsealed: 3, ..Options::default() });
    let report = run(&storage, &trust, &unsealed, false).unwrap();
    assert_eq!(report.verdict, Verdict::VerifiedTo(34));
    let (text, code) = (report.verdict.to_string(), report.verdict.exit_code());
    assert_eq!((text.as_str(), code), ("VERIFIED_TO(34)", 0));
    let text = serde_json::to_value(&report).unwrap();
    assert_eq!((&text["verdict"], &text["level"]), (&"VERIFIED_TO(34)".into(), &"deep".into()));
    let stopped = run(&storage, &trust, &deep, true);
    assert!(matches!(stopped, Err(Error::Interrupted)));
    let absent = run(&store(&Objects::new()), &trust, &deep, false);
    assert!(matches!(absent, Err(Error::NotFound(_))));
    let (records, segments) = (AtomicU64::new(0), AtomicU64::new(0));
    let progress = |p: Progress| {
        assert!(p.records <= p.of_records && p.segments <= p.of_segments);
        records.fetch_max(p.records, Ordering::Relaxed);
        segments.fetch_max(p.segments, Ordering::Relaxed);
    };
    let cancel = Arc::new(AtomicBool::new(false));
    let followed = verify(&storage, &trust, &deep, &progress, &cancel);
    futures::executor::block_on(followed).unwrap();
    assert_eq!((records.into_inner(), segments.into_inner()), (34, 4));
}

/// Damage under a good digest, as only a writer could sign it: whatever happens, nothing panics
/// through, and what is called verified reads as before.
#[test]
fn damaged_files_under_good_digests_never_pass_as_other_records() {
    let mut maker = Maker::new();
    let records: Vec<_> = (0..6).map(|i| record(&event(i, "data.export"))).collect();
    let built = maker.build(&records).pop().unwrap();
    let built = rewrite(built, maker.writer.hmac(), |_| {});
    let bad: Vec<(usize, u8)> = (0..built.bytes.len())
        .into_par_iter()
        .flat_map_iter(|at| [(at, 0x01), (at, 0x80), (at, 0xf0)])
        .filter(|(at, mask)| {
            let mut segment = crate::segment::BuiltSegment {
                added: built.added.clone(),
                bytes: built.bytes.clone(),
                roots: built.roots.clone(),
            };
            let mut bytes = built.bytes.to_vec();
            bytes[*at] ^= mask;
            segment.bytes = bytes.into();
            describe(&mut segment);
            let findings = check_alone(&maker, &segment);
            findings == 0 && all_records(&segment.bytes) != Some(records_of(&records))
        })
        .collect();
    assert_eq!(bad, []);
}

fn records_of(records: &[super::maker::Made]) -> Vec<Vec<u8>> {
    let mut sorted = records.to_vec();
    sorted.sort_by(|a, b| (a.timestamp, &a.id).cmp(&(b.timestamp, &b.id)));
    sorted.into_iter().map(|r| r.bytes).collect()
}

fn all_records(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let file = crate::segment::SegmentFile::open("x", bytes.to_vec().into()).ok()?;
    let rows: Vec<usize> = (0..file.meta().rows as usize).collect();
    file.records(&rows).ok()
}

/// The number of findings in one segment that its writer signed.
fn check_alone(maker: &Maker, segment: &crate::segment::BuiltSegment) -> usize {
    use crate::verify::{ledger::Listed, ledger::Signed, segment};
    let columns = crate::segment::SegmentFile::open("x", segment.bytes.clone());
    let listed = |c: &crate::segment::SegmentColumn| {
        let double_since = (c.kind == crate::columns::ColumnType::Float64).then_some(1);
        let (name, path) = (c.name.clone(), c.path.clone());
        let listed = Listed { name, path, since: 1, kind: c.kind, double_since };
        (c.name.to_ascii_lowercase(), listed)
    };
    let columns = columns.map(|f| f.meta().columns.iter().map(listed).collect());
    let signed = Signed {
        n: 1,
        is_new: true,
        writer: maker.writer.id().to_owned(),
        key: crate::keys::key_id(&maker.writer.public()),
        hmac_key: maker.writer.hmac().id(),
        epoch: maker.writer.epoch(),
        recorded: None,
        close: None,
        hmac: None,
    };
    let facts = segment::TrailFacts {
        info: Arc::new(maker.info.clone()),
        columns: columns.unwrap_or_default(),
        level: Level::Deep,
        broken_at: None,
        appends: super::super::origins::Appends::default(),
        since: false,
        keys: None,
    };
    let task = segment::Task {
        facts: Arc::new(facts),
        signed: Arc::new(signed),
        add: Arc::new(segment.added.clone()),
        add_index: Some(0),
        cancel: Arc::new(AtomicBool::new(false)),
    };
    segment::check(&task, segment.bytes.clone(), None).unwrap().findings.len()
}
