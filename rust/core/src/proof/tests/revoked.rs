//! Proofs that rest on writers who were revoked later.

use super::*;
use crate::keys::OWNER;
use crate::ledger::Revocation;

/// Entries 5 revokes the writer of the records, entry 6 is another writer's.
fn revoked() -> Forge {
    let mut forge = Forge::new();
    let revoke = forge.revoke(1);
    forge.push_owner(revoke);
    let more = forge.append(0, 7, 3);
    forge.push_writer(more, 0);
    forge
}

fn place(forge: &Forge, file: &File) -> (String, String) {
    match check(&forge::bytes(file), &forge.vkey()) {
        Err(Error::Integrity { place, message }) => (place, message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_writer_signed_before_it_was_revoked_still_holds_and_the_revocation_is_told() {
    let forge = revoked();
    for signer in [OWNER, forge.writers[0].id()] {
        let file = forge.proof(1, signer);
        let numbers: Vec<u64> = file.entries.iter().map(|item| item.n).collect();
        assert_eq!(numbers, [0, 1, 2, 5]);
        let checked = check(&forge::bytes(&file), &forge.vkey()).unwrap();
        for signer in &checked.signers {
            let revoked = signer.revoked.as_ref().map(|r| (r.entry, r.reason.as_str()));
            let ours = signer.writer == checked.writer;
            assert_eq!(revoked, ours.then_some((5, "host stolen")));
        }
        let json = serde_json::to_value(&checked).unwrap();
        let at = checked.signers.iter().position(|s| s.writer == checked.writer).unwrap();
        assert_eq!(json["signers"][at]["revoked"]["reason"], "host stolen");
    }
}

#[test]
fn a_revocation_is_told_as_it_is() {
    let forge = revoked();
    let spoilt = |spoil: &dyn Fn(&mut File)| {
        let mut file = forge.proof(1, OWNER);
        spoil(&mut file);
        place(&forge, &file)
    };
    // The entry is there and nothing said of it, the other way round, and another entry is named.
    assert_eq!(spoilt(&|f| f.signers[0].revoked = None).0, "signers");
    assert_eq!(spoilt(&|f| drop(f.entries.pop())).0, "signers");
    for wrong in [0, 1, 2, 6] {
        assert_eq!(spoilt(&|f| f.signers[0].revoked = Some(wrong)).0, "signers", "{wrong}");
    }
    // Without either it is what the prover may say of an earlier state; here the path is not.
    let (step, message) = spoilt(&|f| {
        f.signers[0].revoked = None;
        f.entries.pop();
        f.checkpoint = forge.note(OWNER, 5, forge.root(5));
    });
    assert_eq!((step.as_str(), message.contains("root of the checkpoint")), ("entry 0", true));
}

#[test]
fn what_a_revoked_writer_signed_proves_nothing() {
    let mut forge = Forge::new();
    let revoke = forge.revoke(1);
    forge.push_owner(revoke);
    let late = forge.append(1, 4, 3);
    forge.push_writer(late, 1);
    let (step, message) = place(&forge, &forge.proof_in(6, 0, OWNER));
    assert_eq!((step.as_str(), message.as_str()), ("entry 6", "its writer was revoked before"));
    // A checkpoint that covers the signer's own revocation was signed after it.
    let writer = forge.writers[1].id().to_owned();
    let (step, message) = place(&forge, &forge.proof(0, &writer));
    let expected = "its signer was revoked by entry 5 before";
    assert_eq!((step.as_str(), message.as_str()), ("checkpoint", expected));
    let file = forge.consistency(2, &writer);
    let error = check_consistency(&forge::bytes(&file), &forge.vkey()).unwrap_err();
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn only_the_owner_revokes_and_only_by_such_an_entry() {
    // By a writer, in an entry that authorises nobody.
    let mut forge = Forge::new();
    let mut own = forge.revoke(1);
    own.writer = forge.writers[0].id().to_owned();
    forge.push_writer(own, 0);
    assert_eq!(place(&forge, &forge.proof(0, OWNER)).0, "signers");
    // In the owner's name, with a writer's key.
    let mut forge = Forge::new();
    let forged = forge.revoke(1);
    forge.push_writer(forged, 0);
    assert_eq!(place(&forge, &forge.proof(0, OWNER)).0, "entry 5");
    // One entry that revokes a writer and authorises another.
    let mut forge = Forge::empty();
    let mut init = forge.init();
    init.authorizes = Some(vec![forge.authorization(1)]);
    forge.push_owner(init);
    let append = forge.append(1, 1, 3);
    forge.push_writer(append, 1);
    let mut both = forge.authorize(0);
    let writer = forge.writers[1].id().to_owned();
    both.revokes = Some(vec![Revocation { reason: String::new(), writer }]);
    forge.push_owner(both);
    let file = forge.proof_in(1, 0, forge.writers[0].id());
    let checked = check(&forge::bytes(&file), &forge.vkey()).unwrap();
    let told: Vec<bool> = checked.signers.iter().map(|s| s.revoked.is_some()).collect();
    assert_eq!(told.iter().filter(|told| **told).count(), 1);
    // And nobody keeps silent about it, as the entry is there for the other one.
    let mut silent = file;
    silent.signers.iter_mut().for_each(|s| s.revoked = None);
    let (step, message) = place(&forge, &silent);
    assert_eq!((step.as_str(), message.contains("which they do not tell")), ("signers", true));
}
