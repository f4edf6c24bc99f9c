//! Damage of any byte.

use super::*;

const MASKS: [u8; 3] = [0x01, 0x20, 0x80];

fn every_flip(text: &[u8], check: impl Fn(&[u8]) -> Option<Error>) {
    assert!(check(text).is_none());
    for at in 0..text.len() {
        for mask in MASKS {
            let mut wrong = text.to_vec();
            wrong[at] ^= mask;
            let error = check(&wrong).unwrap_or_else(|| panic!("byte {at} with mask {mask}"));
            assert_eq!(error.exit_code(), 4, "byte {at}: {error}");
        }
    }
}

#[test]
fn every_byte_of_a_proof_counts() {
    let forge = Forge::new();
    let text = forge::bytes(&forge.proof(1, forge.writers[0].id()));
    every_flip(&text, |bytes| check(bytes, &forge.vkey()).err());
}

#[test]
fn every_byte_of_a_proof_with_a_revocation_counts() {
    let mut forge = Forge::new();
    let revoke = forge.revoke(1);
    forge.push_owner(revoke);
    let text = forge::bytes(&forge.proof(1, forge.writers[0].id()));
    every_flip(&text, |bytes| check(bytes, &forge.vkey()).err());
}

#[test]
fn every_byte_of_a_proof_of_consistency_counts() {
    let forge = Forge::new();
    for from in 0..=5 {
        let text = forge::bytes(&forge.consistency(from, forge.writers[1].id()));
        every_flip(&text, |bytes| check_consistency(bytes, &forge.vkey()).err());
    }
}

#[test]
fn every_cut_of_a_proof_fails() {
    let forge = Forge::new();
    let text = forge::bytes(&forge.proof(0, "owner"));
    for length in 0..text.len() - 1 {
        assert!(check(&text[..length], &forge.vkey()).is_err(), "{length} bytes");
    }
}

#[test]
fn lines_of_cosigners_change_nothing() {
    let forge = Forge::new();
    let mut file = forge.proof(0, "owner");
    let whole = check(&forge::bytes(&file), &forge.vkey()).unwrap();
    let other = Forge::empty();
    let named =
        crate::note::Checkpoint { origin: forge.info.origin.clone(), size: 5, root: forge.root(5) };
    let witness = named.sign("witness.example/w", other.owner.signing()).unwrap();
    file.checkpoint.note.push_str(witness.rsplit("\n\n").next().unwrap());
    assert_eq!(check(&forge::bytes(&file), &forge.vkey()).unwrap(), whole);
}
