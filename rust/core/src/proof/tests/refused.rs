//! Proofs of what is not so: each fails, and says at which step.

use super::*;
use crate::keys::OWNER;
use crate::ledger::Kind;
use crate::note;

/// Checks a falsified proof; gives step and message of its failure.
fn refused(forge: &Forge, spoil: impl FnOnce(&mut File)) -> (String, String) {
    let mut file = forge.proof(1, forge.writers[0].id());
    spoil(&mut file);
    refused_file(forge, &file)
}

fn refused_file(forge: &Forge, file: &File) -> (String, String) {
    match check(&forge::bytes(file), &forge.vkey()) {
        Err(Error::Integrity { place, message }) => (place, message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn another_record_is_not_proven() {
    let forge = Forge::new();
    let other = forge.proof(2, OWNER).record;
    let cases: [fn(&mut File, RecordItem); 6] = [
        |f, other| f.record.bytes = other.bytes,
        |f, _| f.record.bytes = f.record.bytes.replace("call-1", "call-9"),
        |f, other| f.record.salt = other.salt,
        |f, other| f.record.index = other.index,
        |f, _| f.record.index = 3,
        |f, _| f.batch.root = Hex([9; 32]),
    ];
    for (at, spoil) in cases.into_iter().enumerate() {
        let (step, message) = refused(&forge, |f| spoil(f, other.clone()));
        let expected = if at == 5 { "batch" } else { "record" };
        assert_eq!(step, expected, "{at}");
        assert!(message.contains("does not lead to the root of the"), "{message}");
    }
}

#[test]
fn paths_are_of_their_one_length() {
    let forge = Forge::new();
    fn of(file: &mut File, which: usize) -> &mut Vec<Hex<32>> {
        match which {
            0 => &mut file.record.path,
            1 => &mut file.batch.path,
            n => &mut file.entries[n - 2].path,
        }
    }
    let steps = ["record", "batch", "entry 0", "entry 1", "entry 2"];
    for (which, expected) in steps.into_iter().enumerate() {
        let edits: [fn(&mut Vec<Hex<32>>); 5] = [
            |p| p.truncate(p.len() - 1),
            |p| *p = p.split_off(1),
            |p| p.push(Hex([0; 32])),
            |p| p.insert(0, Hex([0; 32])),
            |p| p.extend(vec![Hex([0; 32]); 300]),
        ];
        for (at, edit) in edits.into_iter().enumerate() {
            let (step, message) = refused(&forge, |f| edit(of(f, which)));
            assert_eq!(step, expected, "edit {at}: {message}");
            assert!(message.contains("its path does not lead"), "{message}");
        }
    }
}

#[test]
fn another_owner_proves_nothing() {
    let (forge, other) = (Forge::new(), Forge::empty());
    let text = forge::bytes(&forge.proof(0, OWNER));
    let name = forge.info.key_name(OWNER);
    let keys = [
        other.vkey(),
        note::vkey(&name, &other.owner.public()).unwrap(),
        note::vkey(&name, &forge.writers[0].public()).unwrap(),
        note::vkey("sealtrail/elsewhere/owner", &forge.owner.public()).unwrap(),
    ];
    for key in keys {
        let error = check(&text, &key).unwrap_err();
        assert!(matches!(&error, Error::Integrity { place, .. } if place == "key"), "{error}");
    }
}

#[test]
fn the_checkpoint_must_be_of_this_history_and_of_one_of_us() {
    let forge = Forge::new();
    let writer = forge.writers[0].id().to_owned();
    let fork = |size, root| forge.note(&writer, size, root);
    let (step, message) = refused(&forge, |f| f.checkpoint = fork(5, [8; 32]));
    assert_eq!((step.as_str(), message.contains("root of the checkpoint")), ("entry 0", true));
    let (step, _) = refused(&forge, |f| {
        f.checkpoint = fork(4, forge.root(4));
    });
    assert_eq!(step, "entry 0", "the paths are those of another size");
    let stranger = Forge::empty();
    let mut note = stranger.note(OWNER, 5, forge.root(5));
    note.signer.clone_from(&writer);
    let (step, _) = refused(&forge, |f| f.checkpoint = note);
    assert_eq!(step, "checkpoint");
    // Signed with the right key, in another's name.
    let checkpoint =
        note::Checkpoint { origin: forge.info.origin.clone(), size: 5, root: forge.root(5) };
    let name = forge.info.key_name(&writer);
    let swapped = checkpoint.sign(&name, forge.writers[1].signing()).unwrap();
    let (step, _) = refused(&forge, |f| f.checkpoint.note = swapped);
    assert_eq!(step, "checkpoint");
    let elsewhere = note::Checkpoint { origin: "elsewhere".into(), ..checkpoint };
    let elsewhere = elsewhere.sign(&name, forge.writers[0].signing()).unwrap();
    let (step, message) = refused(&forge, |f| f.checkpoint.note = elsewhere);
    assert_eq!((step.as_str(), message.contains("elsewhere")), ("checkpoint", true));
    let (step, _) = refused(&forge, |f| f.checkpoint.signer = "w-0000000000000000".into());
    assert_eq!(step, "signers");
}

#[test]
fn signers_are_those_that_are_needed_and_no_others() {
    let forge = Forge::new();
    let cases: [fn(&mut File); 8] = [
        |f| drop(f.signers.pop()),
        |f| f.signers.clear(),
        |f| f.signers.reverse(),
        |f| f.signers.push(f.signers[0].clone()),
        |f| f.signers[0].revoked = Some(1),
        |f| f.signers[1].revoked = Some(6),
        |f| f.signers.iter_mut().for_each(|s| s.authorized = 1 - s.authorized),
        |f| f.signers[0].authorized = 2,
    ];
    for (at, spoil) in cases.into_iter().enumerate() {
        assert_eq!(refused(&forge, spoil).0, "signers", "{at}");
    }
}

#[test]
fn entries_are_those_that_are_needed_and_no_others() {
    let forge = Forge::new();
    let (step, message) = refused(&forge, |f| f.entries.push(forge.item(4)));
    assert_eq!((step.as_str(), message.contains("does not need")), ("proof", true));
    let cases: [(fn(&mut File), &str); 8] = [
        (|f| drop(f.entries.remove(0)), "proof"),
        (|f| drop(f.entries.remove(2)), "proof"),
        (|f| f.entries.clear(), "proof"),
        (|f| f.entries.swap(1, 2), "proof"),
        (|f| drop(f.entries.remove(1)), "signers"),
        (|f| f.entries[2].n = 3, "entry 3"),
        (|f| f.segment.entry = 3, "proof"),
        (|f| f.segment.entry = 1, "signers"),
    ];
    for (at, (spoil, expected)) in cases.into_iter().enumerate() {
        assert_eq!(refused(&forge, spoil).0, expected, "{at}");
    }
    for index in [0, 2, u64::MAX >> 12] {
        let (step, _) = refused(&forge, |f| f.segment.index = index);
        assert_eq!(step, if index == 0 { "batch" } else { "entry 2" });
    }
    // The entry of another add of the same batches: its rows are named by the wrong entry.
    let (step, _) = refused(&forge, |f| f.entries[2].bytes = forge.item(3).bytes);
    assert_eq!(step, "entry 2");
}

#[test]
fn batches_are_items_of_their_list() {
    let forge = Forge::new();
    let cases: [fn(&mut File); 5] = [
        |f| f.batch.index = 1,
        |f| f.batch.index = 3,
        |f| f.batch.rows = 4,
        |f| f.batch.id.push('x'),
        |f| f.batch.commitment = Hex([0; 32]),
    ];
    for (at, spoil) in cases.into_iter().enumerate() {
        assert_eq!(refused(&forge, spoil).0, "batch", "{at}");
    }
}

#[test]
fn a_writer_that_nobody_authorised_adds_nothing() {
    let mut forge = Forge::empty();
    let mut init = forge.init();
    init.authorizes = Some(Vec::new());
    forge.push_owner(init);
    // A writer authorises itself, and an entry of the owner's is signed by the writer.
    let mut own = forge.authorize(1);
    own.writer = forge.writers[1].id().to_owned();
    forge.push_writer(own, 1);
    let append = forge.append(1, 1, 3);
    forge.push_writer(append, 1);
    assert_eq!(refused_file(&forge, &forge.proof(0, OWNER)).0, "signers");
    let mut forge = Forge::empty();
    forge.push_owner(forge.init());
    let forged = forge.authorize(1);
    forge.push_writer(forged, 0);
    let append = forge.append(1, 1, 3);
    forge.push_writer(append, 1);
    let (step, message) = refused_file(&forge, &forge.proof(0, OWNER));
    assert_eq!(
        (step.as_str(), message.as_str()),
        ("entry 1", "its key id is not that of its signer's key")
    );
}

#[test]
fn only_the_owner_begins_a_trail() {
    let mut forge = Forge::empty();
    let mut init = forge.init();
    init.writer = forge.writers[0].id().to_owned();
    forge.push_writer(init, 0);
    let authorize = forge.authorize(1);
    forge.push_owner(authorize);
    let append = forge.append(1, 1, 3);
    forge.push_writer(append, 1);
    let (step, message) = refused_file(&forge, &forge.proof(0, OWNER));
    let expected = "it is not the beginning of a trail";
    assert_eq!((step.as_str(), message.as_str()), ("entry 0", expected));
}

/// Members of proofs that hold, exchanged in all ways.
#[test]
fn proofs_do_not_mix() {
    let mut forge = Forge::new();
    let value = |forge: &Forge, record| -> serde_json::Value {
        let file = forge.proof(record, forge.writers[0].id());
        serde_json::from_slice(&forge::bytes(&file)).unwrap()
    };
    let (ours, neighbour) = (value(&forge, 0), value(&forge, 1));
    let more = forge.append(0, 7, 3);
    forge.push_writer(more, 0);
    let later = value(&forge, 0);
    let stranger = value(&Forge::new(), 0);
    let holds = |proof: &serde_json::Value| {
        check(&crate::segment::canonical(proof).unwrap(), &forge.vkey()).is_ok()
    };
    let names: Vec<String> = ours.as_object().unwrap().keys().cloned().collect();
    let mut refused = 0;
    for (theirs, of_us) in [(neighbour, true), (later, true), (stranger, false)] {
        for some in 0_u32..1 << names.len() {
            let mut mixed = ours.clone();
            for (at, name) in names.iter().enumerate() {
                if some >> at & 1 == 1 {
                    mixed[name] = theirs[name].clone();
                }
            }
            let whole = mixed == ours || (of_us && mixed == theirs);
            assert_eq!(holds(&mixed), whole, "{some:b}");
            refused += u32::from(!whole);
        }
    }
    assert!(refused > 300, "{refused}");
}

#[test]
fn a_writer_is_authorised_before_it_writes_and_from_its_epoch_on() {
    let mut forge = Forge::empty();
    forge.push_owner(forge.init());
    let append = forge.append(1, 1, 3);
    forge.push_writer(append, 1);
    let late = forge.authorize(1);
    forge.push_owner(late);
    let file = forge.proof_in(1, 0, OWNER);
    let (step, message) = refused_file(&forge, &file);
    assert_eq!((step.as_str(), message.as_str()), ("entry 1", "its writer was authorised later"));

    let mut forge = Forge::empty();
    forge.push_owner(forge.init());
    let authorize = forge.authorize(1);
    forge.push_owner(authorize);
    let mut early = forge.append(1, 1, 3);
    early.epoch = 6;
    forge.push_writer(early, 1);
    assert_eq!(refused_file(&forge, &forge.proof(0, OWNER)).0, "entry 2");
}

#[test]
fn an_entry_signed_over_another_history_proves_nothing_here() {
    for wrong in ["tree", "key", "signature", "kind"] {
        let mut forge = Forge::empty();
        forge.push_owner(forge.init());
        let authorize = forge.authorize(1);
        forge.push_owner(authorize);
        let mut body = forge.append(1, 1, 3);
        let keys = &forge.writers[1];
        let (signing, hmac) = (keys.signing().clone(), keys.hmac().clone());
        let tree = if wrong == "tree" { [6; 32] } else { forge.root(2) };
        let signing = if wrong == "key" { forge.owner.signing().clone() } else { signing };
        if wrong == "kind" {
            body.kind = Kind::Close;
        }
        forge.push(body, &signing, &hmac, tree);
        if wrong == "signature" {
            let text = String::from_utf8(forge.objects[2].clone()).unwrap();
            forge.objects[2] = text.replace("\"to\":3", "\"to\":4").into_bytes();
        }
        let (step, message) = refused_file(&forge, &forge.proof(0, OWNER));
        let expected = match wrong {
            "tree" => "it was signed over other entries than those before it",
            "key" => "its key id is not that of its signer's key",
            "signature" => "its signature does not hold",
            _ => "it does not add records",
        };
        assert_eq!((step.as_str(), message.as_str()), ("entry 2", expected));
    }
}

#[test]
fn a_record_that_is_no_record_is_not_shown() {
    for (bad, why) in [
        (r#"{"audit_id": "spaced"}"#, "it is not canonical JSON"),
        (r#"[1]"#, "it is not canonical JSON"),
        (r#"{"audit_id":"x"}"#, "it has no \"event_type\""),
    ] {
        let mut forge = Forge::empty();
        forge.records[1] = bad.to_owned();
        forge.push_owner(forge.init());
        let authorize = forge.authorize(1);
        forge.push_owner(authorize);
        let append = forge.append(1, 1, 3);
        forge.push_writer(append, 1);
        let (step, message) = refused_file(&forge, &forge.proof(1, OWNER));
        assert_eq!((step.as_str(), message.as_str()), ("record", why));
    }
}

#[test]
fn only_this_kind_and_version_are_known() {
    let forge = Forge::new();
    assert_eq!(refused(&forge, |f| f.v = 2), ("proof".into(), "version 2 is not known".into()));
    let text = String::from_utf8(forge::bytes(&forge.proof(0, OWNER))).unwrap();
    let other = text.replace("\"kind\":\"record\"", "\"kind\":\"consistency\"");
    assert!(check(other.as_bytes(), &forge.vkey()).is_err());
    let more = text.replacen('{', "{\"a\":1,", 1);
    assert!(
        check(more.as_bytes(), &forge.vkey()).unwrap_err().to_string().contains("unknown field")
    );
}
