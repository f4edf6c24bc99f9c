//! Entries behind a gap, which are checked one by one, and notes beside the ledger: each check
//! alone must tell.

use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::SigningKey;

use super::maker::{Maker, TIME, event, small, store, verify_in};
use super::pinned::Objects;
use super::*;
use crate::keys::{self, HmacKey};
use crate::ledger::{
    Body, CHECKPOINT_HINT, Entry, HEARTBEAT, Kind, Revocation, WalRange, cosigned, entry_path,
};

/// What is found besides the gap at entry 1.
fn behind_a_gap(maker: &Maker, mut objects: Objects) -> Vec<(&'static str, String)> {
    objects.remove(&entry_path(1));
    objects.remove(CHECKPOINT_HINT);
    let report = verify_in(&store(&objects), &maker.trust(false), Level::Quick);
    let found = report.findings.into_iter().map(|f| (f.kind, f.object));
    found.filter(|found| *found != ("entry_missing", entry_path(1))).collect()
}

fn long() -> Maker {
    let mut maker = small();
    for i in 0..2 {
        maker.append(&[event(60 + i, "data.export")], false);
    }
    maker
}

/// Signs what an entry says now.
fn sign(entry: &mut Entry, signing: &SigningKey, hmac: &HmacKey) {
    let message = entry.body.message().unwrap();
    let mac = hmac.mac(&message);
    entry.hmac = HEXLOWER.encode(&mac);
    let signature = keys::sign(signing, &[message.as_slice(), &mac].concat());
    entry.sig = BASE64.encode(&signature);
}

/// Entry 4 with `edit`.
fn signed(maker: &Maker, edit: impl FnOnce(&mut Entry)) -> Objects {
    let mut entry = Entry::parse(&maker.objects[&entry_path(4)]).unwrap();
    edit(&mut entry);
    let mut objects = maker.objects.clone();
    objects.insert(entry_path(4), entry.to_bytes().unwrap());
    objects
}

#[test]
fn what_is_behind_a_gap_is_sound_if_nobody_touched_it() {
    let maker = long();
    assert_eq!(behind_a_gap(&maker, maker.objects.clone()), []);
}

#[test]
fn behind_a_gap_each_entry_needs_its_number_signature_and_checkpoint() {
    let maker = long();
    let invalid = vec![("entry_invalid", entry_path(4))];
    // Another entry's bytes.
    let mut moved = maker.objects.clone();
    moved.insert(entry_path(4), maker.objects[&entry_path(3)].clone());
    let found = behind_a_gap(&maker, moved);
    assert!(found.contains(&invalid[0]), "{found:?}");
    // Changed, and signed by nobody.
    let changed = signed(&maker, |entry| entry.body.time = "2026-03-01T00:00:00.001Z".to_owned());
    assert_eq!(behind_a_gap(&maker, changed), invalid);
    // Signed, under the name of another key, or another number.
    let key = "0".repeat(16);
    let sign = |entry: &mut Entry| sign(entry, maker.writer.signing(), maker.writer.hmac());
    let other = signed(&maker, |entry| {
        entry.body.key = key;
        sign(entry);
    });
    assert_eq!(behind_a_gap(&maker, other), invalid);
    let other = signed(&maker, |entry| {
        entry.body.n = 3;
        sign(entry);
    });
    assert_eq!(behind_a_gap(&maker, other), invalid);
    // With the checkpoint of another tree, and of another size.
    for (size, root) in [(4, [7; 32]), (3, [7; 32])] {
        let other = signed(&maker, |entry| {
            let checkpoint = Checkpoint { origin: maker.info.origin.clone(), size, root };
            let name = maker.info.key_name(maker.writer.id());
            entry.checkpoint = checkpoint.sign(&name, maker.writer.signing()).unwrap();
        });
        assert_eq!(behind_a_gap(&maker, other), invalid);
    }
    // By a writer whom nobody authorised.
    let unknown = signed(&maker, |entry| entry.body.writer = "w-0123456789abcdef".to_owned());
    assert_eq!(behind_a_gap(&maker, unknown), invalid);
}

#[test]
fn behind_a_gap_a_revoked_writer_may_not_sign() {
    let mut maker = small();
    let mut body = Body::new(Kind::Authorize, "owner", 0, TIME.to_owned());
    body.authorizes = Some(Vec::new());
    let writer = maker.writer.id().to_owned();
    body.revokes = Some(vec![Revocation { reason: String::new(), writer }]);
    let owner = maker.owner.clone();
    maker.put(body, owner.signing(), &owner.hmac().unwrap());
    assert_eq!(behind_a_gap(&maker, maker.objects.clone()), []);
    maker.append(&[event(60, "data.export")], false);
    let invalid = vec![("entry_invalid", entry_path(5))];
    assert_eq!(behind_a_gap(&maker, maker.objects.clone()), invalid);
}

/// What is found with a note of the writer in this place.
fn with_note(maker: &Maker, place: &str, note: String) -> Vec<(Verdict, &'static str, String)> {
    let mut objects = maker.objects.clone();
    objects.remove(CHECKPOINT_HINT);
    objects.insert(place.to_owned(), note.into_bytes());
    let report = verify_in(&store(&objects), &maker.trust(true), Level::Quick);
    report.findings.into_iter().map(|f| (f.verdict, f.kind, f.object)).collect()
}

#[test]
fn a_good_signature_over_another_ledger_is_found_in_each_note() {
    let maker = small();
    let (size, root) = (maker.state.size(), maker.state.root());
    let (name, key) = (maker.info.key_name(maker.writer.id()), maker.writer.signing());
    let of = |size: u64, root| Checkpoint { origin: maker.info.origin.clone(), size, root };
    let sign = |c: &Checkpoint| c.sign(&name, key).unwrap();
    let beat = |c: &Checkpoint| c.cosign(&name, key, 1_772_323_200).unwrap();
    let (sound, ahead) = (of(size, root), of(size + 1, [7; 32]));
    assert_eq!(with_note(&maker, CHECKPOINT_HINT, sign(&sound)), []);
    assert_eq!(with_note(&maker, HEARTBEAT, beat(&sound)), []);
    let kept = cosigned::path(size, &sign(&sound));
    assert_eq!(with_note(&maker, &kept, sign(&sound)), []);
    for n in [0, 2, size] {
        let false_root = of(n, [7; 32]);
        for (place, note) in [
            (CHECKPOINT_HINT.to_owned(), sign(&false_root)),
            (HEARTBEAT.to_owned(), beat(&false_root)),
            (cosigned::path(n, &sign(&false_root)), sign(&false_root)),
        ] {
            let found = with_note(&maker, &place, note);
            assert_eq!(found.len(), 1, "{place} {n}: {found:?}");
            assert_eq!((found[0].0, &found[0].2), (Verdict::Tampered, &place));
        }
    }
    let cut = |object: String| vec![(Verdict::Missing, "entries_cut_off", object)];
    let next = entry_path(size);
    assert_eq!(with_note(&maker, CHECKPOINT_HINT, sign(&ahead)), cut(next.clone()));
    assert_eq!(with_note(&maker, HEARTBEAT, beat(&ahead)), cut(next));
    let kept = cosigned::path(size + 1, &sign(&ahead));
    assert_eq!(with_note(&maker, &kept, sign(&ahead)), cut(kept.clone()));
    let elsewhere = cosigned::path(size, "of other bytes");
    assert_eq!(with_note(&maker, &elsewhere, sign(&sound)).len(), 1);
}

/// An entry in an anchor.
fn announced(maker: &Maker, entry: &Entry) -> Vec<(Verdict, &'static str)> {
    let bytes = Bytes::from(entry.to_bytes().unwrap());
    let announced = vec![("announced".to_owned(), bytes)];
    let report = maker.verify_as(&Trust { announced, ..maker.trust(true) }, Level::Quick);
    report.findings.iter().map(|f| (f.verdict, f.kind)).collect()
}

#[test]
fn only_what_the_owner_signed_whole_was_announced() {
    let maker = small();
    let (n, root) = (maker.state.size(), maker.state.root());
    let (owner, hmac) = (&maker.owner, maker.owner.hmac().unwrap());
    let mut body = Body::new(Kind::Authorize, "owner", 0, TIME.to_owned());
    body.authorizes = Some(Vec::new());
    let writer = maker.writer.id().to_owned();
    let revokes = Some(vec![Revocation { reason: String::new(), writer }]);
    let sign = |body: &Body, root| {
        body.clone().sign(n, root, &maker.info, owner.signing(), &hmac).unwrap()
    };
    let sound = sign(&body, root);
    assert_eq!(announced(&maker, &sound), []);
    let forked = [(Verdict::Forked, "anchor")];
    assert_eq!(announced(&maker, &sign(&body, [7; 32])), forked);
    // A revocation that the ledger does not have was withheld.
    let withheld = Body { revokes, ..body.clone() };
    let found = announced(&maker, &sign(&withheld, root));
    assert_eq!(found, [(Verdict::RolledBack, "anchor_withheld")]);
    let refused = [(Verdict::Tampered, "anchor_entry")];
    let genuine = Entry::parse(&maker.objects[&entry_path(1)]).unwrap();
    assert_eq!(announced(&maker, &genuine), refused, "it is a writer's");
    let mut changed = sound.clone();
    changed.body.time = "2026-03-01T00:00:00.001Z".to_owned();
    assert_eq!(announced(&maker, &changed), refused);
    // Signed by the owner, but not as the owner's.
    let mut other = sound.clone();
    other.body.key = "0".repeat(16);
    super::alone::sign(&mut other, owner.signing(), &hmac);
    assert_eq!(announced(&maker, &other), refused);
    for (size, root) in [(n, [7; 32]), (n - 1, root)] {
        let mut other = sound.clone();
        let checkpoint = Checkpoint { origin: maker.info.origin.clone(), size, root };
        let name = maker.info.key_name("owner");
        other.checkpoint = checkpoint.sign(&name, owner.signing()).unwrap();
        assert_eq!(announced(&maker, &other), refused, "{size}");
    }
}

/// An HMAC key of an epoch that is over.
#[test]
fn an_epoch_that_is_over_behind_a_gap_has_no_key() {
    let mut maker = small();
    let before = maker.writer.epoch() - 1;
    let mut body = maker.append_body(&[super::maker::record(&event(70, "data.export"))], vec![]);
    body.epoch = before;
    body.wal = Some(WalRange { from: 40, to: 40 });
    let (signing, hmac) = (maker.writer.signing().clone(), maker.writer.hmac().clone());
    maker.put(body, &signing, &hmac);
    let mut objects = maker.objects.clone();
    objects.remove(&entry_path(1));
    objects.remove(CHECKPOINT_HINT);
    let report = verify_in(&store(&objects), &maker.trust(true), Level::Quick);
    let at = entry_path(4);
    let found: Vec<_> = report.findings.iter().filter(|f| f.object == at).collect();
    assert!(found.iter().any(|f| f.message.contains("has no key for epoch")), "{report}");
}

/// The seal of an epoch is not counted as checked on the word of a file that was changed.
#[test]
fn a_changed_segment_says_nothing_for_the_seal_of_its_epoch() {
    let maker = small();
    let path = maker.path("segments/domain=data", 0);
    let mut objects = maker.objects.clone();
    objects.get_mut(&path).unwrap()[10] ^= 1;
    for level in [Level::Quick, Level::Deep] {
        assert_eq!(maker.verify_as(&maker.trust(true), level).checked.epoch_seals, 1);
        let report = verify_in(&store(&objects), &maker.trust(true), level);
        assert_eq!(report.findings[0].object, path);
        assert_eq!(report.checked.epoch_seals, 0, "{report}");
        let told = |what: &String| what.contains("not all of its segments are sound");
        assert!(report.not_checked.iter().any(told), "{report}");
    }
}
