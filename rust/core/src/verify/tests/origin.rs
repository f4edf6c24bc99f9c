//! The log's name, wrong in each place where it stands.

use bytes::Bytes;

use super::maker::{Maker, TIME, event};
use super::*;
use crate::keys::WriterKeys;
use crate::ledger::{Authorization, Body, CHECKPOINT_HINT, HEARTBEAT, Kind, TrailInfo, entry_path};
use crate::segment::canonical;

const WRONG: &str = "sealtrail/another";

fn tiny() -> Maker {
    let mut maker = Maker::new();
    maker.append(&[event(0, "data.export"), event(1, "data.export")], false);
    maker
}

fn checkpoint(maker: &Maker, origin: &str) -> Checkpoint {
    let (size, root) = (maker.state.size(), maker.state.root());
    Checkpoint { origin: origin.to_owned(), size, root }
}

/// Notes of the whole ledger where the text, or the signer's name, or both are of another log.
/// Whoever makes them has the writer's key.
fn notes(maker: &Maker) -> Vec<String> {
    let (signing, origin) = (maker.writer.signing(), maker.info.origin.as_str());
    [(WRONG, origin), (origin, WRONG), (WRONG, WRONG)]
        .iter()
        .map(|(text, log)| {
            let name = format!("{log}/{}", maker.writer.id());
            checkpoint(maker, text).sign(&name, signing).unwrap()
        })
        .collect()
}

fn beats(maker: &Maker) -> Vec<String> {
    let (signing, origin) = (maker.writer.signing(), maker.info.origin.as_str());
    [(WRONG, origin), (origin, WRONG), (WRONG, WRONG)]
        .iter()
        .map(|(text, log)| {
            let name = format!("{log}/{}", maker.writer.id());
            checkpoint(maker, text).cosign(&name, signing, 1_772_323_200).unwrap()
        })
        .collect()
}

fn only(report: &Report, verdict: Verdict, kind: &str, place: &str) {
    let found: Vec<_> = report.findings.iter().map(|f| (f.kind, f.object.as_str())).collect();
    assert_eq!(found, [(kind, place)], "{report}");
    assert_eq!(report.verdict, verdict);
}

#[test]
fn in_the_notes_of_the_trail() {
    let mut maker = tiny();
    for note in notes(&maker) {
        maker.objects.insert(CHECKPOINT_HINT.to_owned(), note.into_bytes());
        only(&maker.verify(true), Verdict::Tampered, "hint", CHECKPOINT_HINT);
    }
    maker.objects.remove(CHECKPOINT_HINT);
    for beat in beats(&maker) {
        maker.objects.insert(HEARTBEAT.to_owned(), beat.into_bytes());
        only(&maker.verify(true), Verdict::Tampered, "heartbeat", HEARTBEAT);
    }
    maker.objects.remove(HEARTBEAT);
    for note in notes(&maker) {
        let path = crate::ledger::cosigned::path(maker.state.size(), &note);
        maker.objects.insert(path.clone(), note.into_bytes());
        only(&maker.verify(false), Verdict::Tampered, "cosigned", &path);
        maker.objects.remove(&path);
    }
    assert_eq!(maker.verify(true).verdict, Verdict::Verified);
}

#[test]
fn in_an_entrys_checkpoint() {
    for (text, log) in [(true, false), (false, true), (true, true)] {
        let mut maker = tiny();
        let right = maker.info.origin.clone();
        let records = [super::maker::record(&event(2, "data.export"))];
        let built = maker.build(&records).pop().unwrap();
        maker.objects.insert(built.added.path.clone(), built.bytes.to_vec());
        let body = maker.append_body(&records, vec![built.added]);
        let (n, root) = (maker.state.size(), maker.state.root());
        let (signing, hmac) = (maker.writer.signing().clone(), maker.writer.hmac().clone());
        let mut entry = body.sign(n, root, &maker.info, &signing, &hmac).unwrap();
        let of = |wrong: bool| if wrong { WRONG } else { right.as_str() };
        let name = format!("{}/{}", of(log), maker.writer.id());
        entry.checkpoint = checkpoint(&maker, of(text)).sign(&name, &signing).unwrap();
        maker.put_entry(&entry);
        only(&maker.verify(true), Verdict::Tampered, "entry_invalid", &entry_path(n));
    }
}

#[test]
fn in_the_first_entry_and_the_description() {
    let maker = tiny();
    let other = TrailInfo { origin: WRONG.to_owned(), ..maker.info.clone() };
    let mut objects = maker.objects.clone();
    objects.insert("trail.json".to_owned(), canonical(&other).unwrap());
    let report =
        super::maker::verify_in(&super::maker::store(&objects), &maker.trust(true), Level::Deep);
    only(&report, Verdict::Tampered, "trail_json", "trail.json");
    // The owner signed another name: then everything else is of another log.
    let mut body = Body::new(Kind::Init, "owner", 0, TIME.to_owned());
    body.trail = Some(other.clone());
    body.owner = Some(data_encoding::BASE64.encode(maker.owner.public().as_bytes()));
    body.authorizes = Some(Vec::new());
    let owner = &maker.owner;
    for info in [&other, &maker.info] {
        let empty = crate::merkle::empty_root();
        let hmac = owner.hmac().unwrap();
        let entry = body.clone().sign(0, empty, info, owner.signing(), &hmac).unwrap();
        objects = maker.objects.clone();
        objects.insert(entry_path(0), entry.to_bytes().unwrap());
        let storage = super::maker::store(&objects);
        let report = super::maker::verify_in(&storage, &maker.trust(true), Level::Deep);
        assert_eq!(report.verdict, Verdict::Tampered);
        let place = report.findings.iter().map(|f| f.object.as_str());
        let first = if info.origin == WRONG { entry_path(1) } else { entry_path(0) };
        assert!(place.into_iter().any(|object| object == first), "{report}");
    }
}

#[test]
fn in_what_the_verifier_brings() {
    let maker = tiny();
    let pin = checkpoint(&maker, WRONG);
    let trust = Trust { pins: vec![pin], ..maker.trust(true) };
    let report = maker.verify_as(&trust, Level::Quick);
    only(&report, Verdict::Forked, "pin", CHECKPOINT_HINT);
    let brought = |note: String, kind: NoteKind| {
        let place = "elsewhere".to_owned();
        let notes = vec![BroughtNote { place, note, kind }];
        maker.verify_as(&Trust { notes, ..maker.trust(true) }, Level::Quick)
    };
    for note in notes(&maker) {
        let report = brought(note.clone(), NoteKind::Anchor);
        only(&report, Verdict::Tampered, "anchor_note", "elsewhere");
        only(&brought(note, NoteKind::Pin), Verdict::Unanchored, "pin_note", "elsewhere");
    }
    for beat in beats(&maker) {
        let report = brought(beat, NoteKind::Heartbeat);
        only(&report, Verdict::Tampered, "anchor_note", "elsewhere");
    }
}

#[test]
fn in_an_entry_that_the_owner_announced() {
    let maker = tiny();
    let owner = &maker.owner;
    let other = TrailInfo { origin: WRONG.to_owned(), ..maker.info.clone() };
    let writer = WriterKeys::generate(owner, "memory://made", 495_000).unwrap();
    let mut body = Body::new(Kind::Authorize, "owner", 0, TIME.to_owned());
    body.authorizes = Some(vec![Authorization {
        epoch: writer.epoch(),
        hmac_key: writer.hmac().id(),
        public: data_encoding::BASE64.encode(writer.public().as_bytes()),
        writer: writer.id().to_owned(),
    }]);
    let (n, root) = (maker.state.size(), maker.state.root());
    for (info, findings) in [(&maker.info, 0), (&other, 1)] {
        let hmac = owner.hmac().unwrap();
        let entry = body.clone().sign(n, root, info, owner.signing(), &hmac).unwrap();
        let bytes = Bytes::from(entry.to_bytes().unwrap());
        let announced = vec![("announced".to_owned(), bytes)];
        let report = maker.verify_as(&Trust { announced, ..maker.trust(true) }, Level::Quick);
        assert_eq!(report.findings.len(), findings, "{report}");
        if findings > 0 {
            only(&report, Verdict::Tampered, "anchor_entry", "announced");
        }
    }
}
