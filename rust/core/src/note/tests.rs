use proptest::prelude::*;

use super::*;
use crate::merkle::leaf_hash;

const ORIGIN: &str = "sealtrail/0190f0c5-7b1a-7cc2-9d3e-5f6a7b8c9d0e";
const NAME: &str = "sealtrail/0190f0c5-7b1a-7cc2-9d3e-5f6a7b8c9d0e/w-0123456789abcdef";

fn key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32])
}

fn checkpoint() -> Checkpoint {
    Checkpoint { origin: ORIGIN.to_owned(), size: 42, root: leaf_hash(b"x") }
}

fn refused(note: &str) -> bool {
    let parsed = Checkpoint::parse(note);
    let verified = Checkpoint::verify(note, NAME, &key(1).verifying_key(), ORIGIN);
    assert!(verified.is_err() || parsed.is_ok(), "verified but not parsed: {note:?}");
    matches!(verified, Err(Error::Integrity { .. }))
}

#[test]
fn c2sp_example_note_and_key() {
    // The example of c2sp.org/signed-note and golang.org/x/mod/sumdb/note.
    let vkey_text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let (name, public) = parse_vkey(vkey_text).unwrap();
    assert_eq!(name, "PeterNeumann");
    assert_eq!(vkey(&name, &public).unwrap(), vkey_text);
    let note = "If you think cryptography is the answer to your problem,\n\
                then you don't know what your problem is.\n\
                \n\
                — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    let known = VerifierList::new(vec![Box::new(Verifier::new(&name, &public))]);
    let parsed = Note::from_bytes(note.as_bytes()).unwrap();
    let (ours, others) = parsed.verify(&known).unwrap();
    assert_eq!((ours.len(), others.len()), (1, 0));
    assert!(Checkpoint::parse(note).is_err(), "a note, but no checkpoint");
}

#[test]
fn checkpoints_round_trip() {
    let note = checkpoint().sign(NAME, &key(1)).unwrap();
    assert!(note.starts_with(&format!("{ORIGIN}\n42\n")), "{note}");
    let public = key(1).verifying_key();
    assert_eq!(Checkpoint::verify(&note, NAME, &public, ORIGIN).unwrap(), checkpoint());
    assert_eq!(Checkpoint::verify_sole(&note, NAME, &public, ORIGIN).unwrap(), checkpoint());
    let parsed = Checkpoint::parse(&note).unwrap();
    assert_eq!(parsed.checkpoint, checkpoint());
    assert_eq!(parsed.signatures, [(NAME.to_owned(), note_key_id(NAME, &public))]);
    let standard = signed_note::StandardVerifier::new(&vkey(NAME, &public).unwrap()).unwrap();
    let parsed = Note::from_bytes(note.as_bytes()).unwrap();
    parsed.verify(&VerifierList::new(vec![Box::new(standard)])).unwrap();
}

#[test]
fn other_keys_names_and_logs_are_refused() {
    let note = checkpoint().sign(NAME, &key(1)).unwrap();
    let public = key(1).verifying_key();
    assert!(Checkpoint::verify(&note, NAME, &key(2).verifying_key(), ORIGIN).is_err());
    assert!(Checkpoint::verify(&note, "other/name", &public, ORIGIN).is_err());
    assert!(Checkpoint::verify(&note, NAME, &public, "other/log").is_err());
}

#[test]
fn any_changed_byte_is_refused() {
    let note = checkpoint().sign(NAME, &key(1)).unwrap();
    for i in 0..note.len() {
        for mask in [0x01, 0x10, 0x80] {
            let mut bytes = note.clone().into_bytes();
            bytes[i] ^= mask;
            if let Ok(text) = String::from_utf8(bytes) {
                assert!(refused(&text), "byte {i} with mask {mask:#x}: {text:?}");
            }
        }
        let mut shorter = note.clone().into_bytes();
        shorter.remove(i);
        assert!(
            String::from_utf8(shorter).is_ok_and(|text| refused(&text))
                || !note.is_char_boundary(i)
                || !note.is_char_boundary(i + 1)
        );
    }
}

#[test]
fn one_text_for_one_statement() {
    let resigned = |text: &str| {
        let mut note = Note::new(text.as_bytes(), &[]).unwrap();
        note.add_sigs(&[&Signer { name: NAME, key: &key(1) }]).unwrap();
        String::from_utf8(note.to_bytes()).unwrap()
    };
    let text = checkpoint().text();
    assert!(!refused(&resigned(&text)));
    let root = BASE64.encode(&checkpoint().root);
    for other in [
        text.replace("\n42\n", "\n042\n"),
        text.replace("\n42\n", "\n+42\n"),
        text.replace("\n42\n", "\n-42\n"),
        text.replace("\n42\n", "\n18446744073709551616\n"),
        text.replace("\n42\n", "\n\n"),
        format!("{text}extension\n"),
        format!("{text}\n"),
        text.replace(&root, root.trim_end_matches('=')),
        text.replace(&root, &BASE64.encode(&[0; 31])),
        text.replace(ORIGIN, ""),
        format!("{ORIGIN}\n42\n"),
    ] {
        assert!(refused(&resigned(&other)), "{other:?}");
    }
}

#[test]
fn cosignatures_may_follow_but_ours_stands_once() {
    let note = checkpoint().sign(NAME, &key(1)).unwrap();
    let mut cosigned = Note::from_bytes(note.as_bytes()).unwrap();
    cosigned.add_sigs(&[&Signer { name: "witness", key: &key(9) }]).unwrap();
    let cosigned = String::from_utf8(cosigned.to_bytes()).unwrap();
    let public = key(1).verifying_key();
    assert_eq!(Checkpoint::verify(&cosigned, NAME, &public, ORIGIN).unwrap(), checkpoint());
    assert_eq!(Checkpoint::parse(&cosigned).unwrap().signatures.len(), 2);
    assert!(Checkpoint::verify_sole(&cosigned, NAME, &public, ORIGIN).is_err());
    let line = note.lines().last().unwrap();
    assert!(refused(&format!("{note}{line}\n")), "our line twice");
    let forged = line.replace(&line[line.len() - 12..], "AAAAAAAAAAA=");
    assert!(refused(&format!("{note}{forged}\n")), "our line twice, once forged");
    assert!(refused(&note.replace(line, &forged)));
    assert!(refused(&note.replace(&format!("{line}\n"), "")), "no signature");
}

#[test]
fn names_that_cannot_stand_in_a_note_are_refused() {
    for bad in ["", "a b", "a+b", "a\nb", "a\u{a0}b", "a\u{7}b"] {
        assert!(vkey(bad, &key(1).verifying_key()).is_err(), "{bad:?}");
        let named = Checkpoint { origin: bad.to_owned(), ..checkpoint() };
        assert!(named.sign(NAME, &key(1)).is_err(), "{bad:?}");
    }
    assert!(checkpoint().sign("a b", &key(1)).is_err());
}

#[test]
fn malformed_vkeys_are_refused() {
    let good = vkey("name", &key(1).verifying_key()).unwrap();
    assert!(parse_vkey(&format!(" {good}\n")).is_ok());
    let weak = VerifyingKey::from_bytes(&{
        let mut neutral = [0; 32];
        neutral[0] = 1;
        neutral
    });
    let weak = signed_note::new_ed25519_verifier_key("name", &weak.unwrap());
    let other_id = good.replacen(&good[5..13], "00000000", 1);
    for bad in
        ["", "name", "name+00", &weak, &other_id, &good[..good.len() - 4], &good.to_uppercase()]
    {
        assert!(matches!(parse_vkey(bad), Err(Error::Key(_))), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn sizes_and_roots_round_trip(size: u64, root: [u8; 32], seed: [u8; 32]) {
        let key = SigningKey::from_bytes(&seed);
        let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size, root };
        let note = checkpoint.sign(NAME, &key).unwrap();
        let back = Checkpoint::verify(&note, NAME, &key.verifying_key(), ORIGIN).unwrap();
        prop_assert_eq!(back, checkpoint);
    }
}

#[test]
fn heartbeats_tell_who_and_when_and_every_byte_counts() {
    let key = SigningKey::from_bytes(&[5; 32]);
    let public = key.verifying_key();
    let checkpoint = Checkpoint { origin: "example.org/log".into(), size: 12, root: [8; 32] };
    let note = checkpoint.cosign("example.org/log/w-1", &key, 1_700_000_000).unwrap();
    let signer = LogSigner { public, revoked: None };
    let key_of = |name: &str| (name == "w-1").then_some(signer);
    let read = heartbeat(&note, "example.org/log", key_of).unwrap();
    assert_eq!(read, (checkpoint.clone(), "w-1".to_owned(), 1_700_000_000));
    assert!(is_heartbeat(&note));
    for at in 0..note.len() {
        let mut bytes = note.clone().into_bytes();
        bytes[at] ^= 1;
        let Ok(changed) = String::from_utf8(bytes) else { continue };
        assert!(heartbeat(&changed, "example.org/log", key_of).is_err(), "{at}");
    }
    // A plain signature is no heartbeat, and the other way round.
    let plain = checkpoint.sign("example.org/log/w-1", &key).unwrap();
    assert!(heartbeat(&plain, "example.org/log", key_of).is_err() && !is_heartbeat(&plain));
    assert!(signed_checkpoint(&note, "example.org/log", key_of).is_err());
    assert!(heartbeat(&note, "example.org/other", key_of).is_err());
    // What covers the entry that revoked its signer is not its.
    for (revoked, right) in [(12, true), (11, false)] {
        let signer_of = |_: &str| Some(LogSigner { public, revoked: Some(revoked) });
        assert_eq!(heartbeat(&note, "example.org/log", signer_of).is_ok(), right);
        assert_eq!(signed_checkpoint(&plain, "example.org/log", signer_of).is_ok(), right);
    }
    // Cosignatures of others beside ours are allowed where ours is wanted.
    let line = note.lines().last().unwrap();
    let both = format!("{plain}{line}\n");
    let others = format!("{plain}{}\n", line.replace("example.org/log/w-1", "witness.example"));
    for note in [both, others] {
        assert_eq!(signed_checkpoint(&note, "example.org/log", key_of).unwrap(), checkpoint);
    }
}
