//! What a proof shows, and that no other file shows it.

mod consistency;
mod flips;
mod forge;
mod refused;
mod revoked;

use super::*;
use forge::Forge;

#[test]
fn a_proof_shows_the_record_and_who_signed_for_it() {
    let forge = Forge::new();
    for signer in ["owner", forge.writers[0].id(), forge.writers[1].id()] {
        for record in 0..forge.records.len() {
            let file = forge.proof(record, signer);
            let checked = check(&forge::bytes(&file), &forge.vkey()).unwrap();
            assert_eq!(checked.record, forge.records[record]);
            assert_eq!(checked.audit_id, format!("call-{record}"));
            assert_eq!(checked.entry, 2);
            let signers: Vec<_> = checked.signers.iter().map(|s| s.writer.as_str()).collect();
            let mut expected = vec![forge.writers[1].id()];
            expected.extend((signer == forge.writers[0].id()).then_some(signer));
            expected.sort_unstable();
            assert_eq!(signers, expected);
            for signer in &checked.signers {
                let authorized = u64::from(signer.writer == checked.writer);
                assert_eq!((signer.authorized, &signer.revoked), (authorized, &None));
            }
            assert_eq!(checked.writer, forge.writers[1].id());
            assert_eq!(checked.checkpoint_signer, signer);
            assert_eq!((checked.checkpoint.size, checked.checkpoint.root), (5, forge.root(5)));
            assert_eq!(checked.trail_id, forge.info.trail_id);
        }
    }
}

#[test]
fn one_line_break_may_follow_and_nothing_else() {
    let forge = Forge::new();
    let file = forge.proof(0, "owner");
    let text = forge::bytes(&file);
    assert!(text.ends_with(b"}\n"));
    check(text.strip_suffix(b"\n").unwrap(), &forge.vkey()).unwrap();
    for more in [&b"\n"[..], b" ", b"{}", b"\0"] {
        let error = check(&[&text, more].concat(), &forge.vkey()).unwrap_err();
        assert!(matches!(error, Error::Integrity { place, .. } if place == "proof"));
    }
    for bad in [&b""[..], b"\n", b"null", b"{}", b"[[[[", &[0xff; 9]] {
        assert_eq!(check(bad, &forge.vkey()).unwrap_err().exit_code(), 4);
    }
    let deep = "[".repeat(1 << 20);
    assert_eq!(check(deep.as_bytes(), &forge.vkey()).unwrap_err().exit_code(), 4);
}

#[test]
fn what_is_no_public_key_is_said_without_repeating_it() {
    let forge = Forge::new();
    let text = forge::bytes(&forge.proof(0, "owner"));
    for bad in ["", "secret-seed", "a+b+c"] {
        let error = check(&text, bad).unwrap_err();
        assert!(matches!(&error, Error::Key(_)), "{error}");
        assert!(!error.to_string().contains("secret-seed"));
    }
}

#[test]
fn either_kind_is_checked_as_what_it_is() {
    let forge = Forge::new();
    let (record, grown) =
        (forge::bytes(&forge.proof(0, "owner")), forge::bytes(&forge.consistency(2, "owner")));
    let shown = check_any(&record, &forge.vkey()).unwrap();
    assert_eq!(shown, Shown::Record(Box::new(check(&record, &forge.vkey()).unwrap())));
    assert_eq!(serde_json::to_value(&shown).unwrap()["kind"], "record");
    let shown = check_any(&grown, &forge.vkey()).unwrap();
    assert_eq!(shown, Shown::Consistency(check_consistency(&grown, &forge.vkey()).unwrap()));
    for bad in [&b""[..], b"{}", b"{\"kind\":\"consistency\"}", b"{\"kind\":\"other\"}"] {
        assert_eq!(check_any(bad, &forge.vkey()).unwrap_err().exit_code(), 4);
    }
}
