//! What a verifier with a memory sees.

use std::collections::BTreeMap;

use tempfile::TempDir;

use super::maker::{Maker, event, set, small, store};
use super::*;
use crate::ledger::{CHECKPOINT_HINT, entry_number, entry_path};
use crate::pins::{Pin, Pins, read_note};
use crate::storage::durable;

pub(super) type Objects = BTreeMap<String, Vec<u8>>;

/// A verifier of one place, with folders of his own.
pub(super) struct Verifier {
    _dir: TempDir,
    pub(super) pins: Pins,
    pub(super) storage: Storage,
}

impl Verifier {
    pub(super) fn new(objects: &Objects) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let pins = Pins::of(&crate::config::Home::at(dir.path()));
        Self { _dir: dir, pins, storage: store(objects) }
    }

    /// Puts other objects where the trail was.
    pub(super) fn replace(&self, objects: &Objects) {
        let there = futures::executor::block_on(self.storage.list("")).unwrap();
        for (path, _) in there.iter().filter(|(path, _)| !objects.contains_key(path)) {
            futures::executor::block_on(self.storage.delete(path)).unwrap();
        }
        for (path, bytes) in objects {
            set(&self.storage, path, bytes);
        }
    }

    pub(super) fn pinning(&self) -> Pinning {
        Pinning { pins: Some(self.pins.clone()), ..Pinning::default() }
    }

    pub(super) fn try_verify(&self, trust: Trust, pinning: &Pinning) -> Result<Report> {
        let (options, cancel) = (Options { threads: 1, ..Options::default() }, Arc::default());
        futures::executor::block_on(verify_pinned(
            &self.storage,
            trust,
            options,
            pinning,
            &|_| {},
            &cancel,
        ))
    }

    pub(super) fn verify(&self, trust: Trust) -> Report {
        self.try_verify(trust, &self.pinning()).unwrap()
    }

    pub(super) fn pin(&self) -> Option<Pin> {
        self.pins.load(self.storage.url()).unwrap()
    }
}

/// The trail as it was when it had `size` entries, with the hint of that time or none.
fn earlier(maker: &Maker, size: u64) -> Objects {
    let kept = |path: &String| entry_number(path).is_none_or(|n| n < size);
    let objects = maker.objects.iter().filter(|(path, _)| kept(path));
    let mut objects: Objects = objects.map(|(p, b)| (p.clone(), b.clone())).collect();
    objects.remove(CHECKPOINT_HINT);
    objects
}

fn long() -> Maker {
    let mut maker = small();
    for i in 0..6 {
        maker.append(&[event(100 + i, "data.export")], i == 3);
    }
    maker
}

#[test]
fn the_first_time_is_told_and_remembered() {
    let maker = small();
    let verifier = Verifier::new(&maker.objects);
    let first = verifier.verify(maker.trust(true));
    assert_eq!((first.verdict, first.anchored), (Verdict::Verified, false));
    assert!(first.not_checked.iter().any(|what| what.contains("pin or anchor")));
    assert!(first.notes.iter().any(|note| note.contains("first verification")), "{first}");
    let pin = verifier.pin().unwrap();
    assert_eq!((pin.size, pin.root.as_str()), (4, first.root.as_str()));
    assert_eq!(pin.deep.unwrap().size, 4);
    let second = verifier.verify(maker.trust(false));
    assert_eq!(
        (second.verdict, second.anchored, second.checked.pins),
        (Verdict::Verified, true, 1)
    );
    assert!(!second.not_checked.iter().any(|what| what.contains("pin or anchor")), "{second}");
}

#[test]
fn the_tail_cut_to_every_earlier_size_is_rolled_back() {
    let maker = long();
    let size = maker.state.size();
    for cut in 0..size {
        let verifier = Verifier::new(&maker.objects);
        assert_eq!(verifier.verify(maker.trust(false)).verdict, Verdict::Verified);
        let pin = verifier.pin();
        verifier.replace(&earlier(&maker, cut));
        let report = verifier.verify(maker.trust(false));
        if cut == 0 {
            assert_eq!(report.verdict, Verdict::Missing, "nothing is left to compare: {report}");
        } else {
            assert_eq!(report.verdict, Verdict::RolledBack, "{cut}: {report}");
            assert_eq!(kinds(&report), ["pin"], "{cut}");
        }
        assert_eq!(verifier.pin(), pin, "what is bad is not remembered");
        verifier.replace(&maker.objects);
        assert_eq!(verifier.verify(maker.trust(false)).verdict, Verdict::Verified);
    }
}

#[test]
fn a_whole_store_put_back_is_rolled_back_even_if_it_goes_on() {
    let mut maker = small();
    let before = maker.objects.clone();
    let state = maker.state.clone();
    maker.append(&[event(50, "data.export")], false);
    let verifier = Verifier::new(&maker.objects);
    verifier.verify(maker.trust(true));
    verifier.replace(&before);
    assert_eq!(verifier.verify(maker.trust(true)).verdict, Verdict::RolledBack);
    // A second history from there, signed with the writer's own keys.
    let committed = maker.committed;
    maker.objects = before;
    maker.state = state;
    maker.committed = committed - 1;
    maker.roots.pop();
    for i in 60..64 {
        maker.append(&[event(i, "data.export")], false);
        verifier.replace(&maker.objects);
        let report = verifier.verify(maker.trust(true));
        assert_eq!((report.verdict, kinds(&report)), (Verdict::Forked, vec!["pin"]), "{report}");
        // To who has seen nothing before it is a sound trail.
        let stranger = Verifier::new(&maker.objects);
        assert_eq!(stranger.verify(maker.trust(true)).verdict, Verdict::Verified);
    }
}

#[test]
fn another_trail_in_its_place_is_forked_whatever_key_is_brought() {
    let (maker, other) = (small(), long());
    let verifier = Verifier::new(&maker.objects);
    verifier.verify(maker.trust(false));
    verifier.replace(&other.objects);
    // With the key that was always brought: not even the owner is right.
    let report = verifier.verify(maker.trust(false));
    assert_eq!((report.verdict, kinds(&report)), (Verdict::Tampered, vec!["owner"]));
    // With the keys that came with the store.
    let report = verifier.verify(other.trust(true));
    assert_eq!((report.verdict, kinds(&report)), (Verdict::Forked, vec!["pin"]), "{report}");
    assert!(report.findings[0].message.contains("is of log"), "{report}");
    assert_eq!(verifier.pin().unwrap().origin, maker.info.origin);
}

#[test]
fn a_gap_is_missing_not_rolled_back() {
    let maker = long();
    let verifier = Verifier::new(&maker.objects);
    verifier.verify(maker.trust(false));
    let mut objects = maker.objects.clone();
    objects.remove(&entry_path(5));
    verifier.replace(&objects);
    let report = verifier.verify(maker.trust(false));
    assert_eq!((report.verdict, kinds(&report)), (Verdict::Missing, vec!["entry_missing"]));
    assert!(report.not_checked.iter().any(|what| what.contains("is broken")), "{report}");
}

#[test]
fn a_pin_can_be_required_and_be_left_out() {
    let maker = small();
    let verifier = Verifier::new(&maker.objects);
    let required = Pinning { require: true, ..verifier.pinning() };
    let report = verifier.try_verify(maker.trust(false), &required).unwrap();
    assert_eq!((report.verdict, report.verdict.exit_code()), (Verdict::Unanchored, 4));
    assert_eq!(verifier.pin(), None);
    let without = verifier.try_verify(maker.trust(false), &Pinning::default()).unwrap();
    assert_eq!((without.verdict, without.anchored), (Verdict::Verified, false));
    assert!(without.not_checked.iter().any(|what| what.starts_with("UNANCHORED")), "{without}");
    assert_eq!(verifier.pin(), None);
    verifier.verify(maker.trust(false));
    let report = verifier.try_verify(maker.trust(false), &required).unwrap();
    assert_eq!(report.verdict, Verdict::Verified);
    verifier.replace(&earlier(&maker, 2));
    let without = verifier.try_verify(maker.trust(false), &Pinning::default()).unwrap();
    assert_eq!(without.verdict, Verdict::Verified, "as nothing says otherwise");
}

#[test]
fn a_damaged_pin_is_an_error_and_stays() {
    let maker = small();
    let verifier = Verifier::new(&maker.objects);
    verifier.verify(maker.trust(false));
    let path = verifier.pins.path(verifier.storage.url());
    let mut bytes = durable::read(&path).unwrap();
    bytes[40] ^= 1;
    durable::replace(&path, &bytes, durable::Access::Private).unwrap();
    let error = verifier.try_verify(maker.trust(false), &verifier.pinning()).unwrap_err();
    assert!(error.to_string().contains("pin clear"), "{error}");
    assert_eq!(durable::read(&path).unwrap(), bytes);
}

fn note(maker: &Maker, by_owner: bool) -> String {
    let checkpoint = Checkpoint {
        origin: maker.info.origin.clone(),
        size: maker.state.size(),
        root: maker.state.root(),
    };
    let (name, key) = match by_owner {
        true => ("owner", maker.owner.signing()),
        false => (maker.writer.id(), maker.writer.signing()),
    };
    checkpoint.sign(&maker.info.key_name(name), key).unwrap()
}

#[test]
fn a_colleagues_signed_checkpoint_counts_as_a_pin() {
    let (maker, other) = (small(), small());
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("note");
    for by_owner in [true, false] {
        std::fs::write(&file, note(&maker, by_owner)).unwrap();
        let verifier = Verifier::new(&maker.objects);
        let brought = Pinning { file: Some(file.clone()), require: true, ..verifier.pinning() };
        let report = verifier.try_verify(maker.trust(false), &brought).unwrap();
        assert_eq!((report.verdict, report.checked.pins), (Verdict::Verified, 1), "{report}");
        let verifier = Verifier::new(&earlier(&maker, 3));
        let report = verifier.try_verify(maker.trust(false), &brought).unwrap();
        assert_eq!(report.verdict, Verdict::RolledBack);
        assert_eq!(report.findings[0].object, file.display().to_string());
    }
    let forged = Checkpoint { origin: maker.info.origin.clone(), size: 4, root: [1; 32] };
    let name = maker.info.key_name("owner");
    let forged = forged.sign(&name, other.owner.signing()).unwrap();
    for bad in [note(&other, true), forged] {
        std::fs::write(&file, bad).unwrap();
        let verifier = Verifier::new(&maker.objects);
        let brought = Pinning { file: Some(file.clone()), ..verifier.pinning() };
        let report = verifier.try_verify(maker.trust(false), &brought).unwrap();
        assert_eq!((report.verdict, kinds(&report)), (Verdict::Unanchored, vec!["pin_note"]));
        assert_eq!((report.verdict.exit_code(), verifier.pin()), (4, None));
    }
}

#[test]
fn only_notes_of_the_trail_become_pins() {
    let (maker, other) = (small(), small());
    let storage = store(&maker.objects);
    let read =
        |note: &str| futures::executor::block_on(read_note(&storage, &maker.owner.public(), note));
    for by_owner in [true, false] {
        assert_eq!(read(&note(&maker, by_owner)).unwrap().size, 4);
        assert!(read(&note(&other, by_owner)).is_err());
    }
    let stranger = other.owner.public();
    let ours = note(&maker, true);
    let not_theirs = read_note(&storage, &stranger, &ours);
    assert!(futures::executor::block_on(not_theirs).is_err());
}

#[test]
fn verifications_at_once_agree() {
    let maker = small();
    let verifier = Verifier::new(&maker.objects);
    std::thread::scope(|scope| {
        let all: Vec<_> =
            (0..8).map(|_| scope.spawn(|| verifier.verify(maker.trust(false)).verdict)).collect();
        for one in all {
            assert_eq!(one.join().unwrap(), Verdict::Verified);
        }
    });
    assert_eq!(verifier.pin().unwrap().size, 4);
}
