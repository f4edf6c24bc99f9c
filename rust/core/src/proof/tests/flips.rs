//! Damage of any byte.

use super::*;

/// Every byte with three masks: the file fails, or shows exactly what it showed.
#[test]
fn every_byte_of_a_proof_counts() {
    let forge = Forge::new();
    let signer = forge.writers[0].id();
    let text = forge::bytes(&forge.proof(1, signer));
    let whole = check(&text, &forge.vkey()).unwrap();
    let mut harmless = 0;
    for at in 0..text.len() {
        for mask in [0x01, 0x20, 0x80] {
            let mut wrong = text.clone();
            wrong[at] ^= mask;
            match check(&wrong, &forge.vkey()) {
                Err(error) => assert_eq!(error.exit_code(), 4, "byte {at}: {error}"),
                Ok(checked) => {
                    harmless += 1;
                    assert_eq!(checked, whole, "byte {at} with mask {mask}");
                }
            }
        }
    }
    assert_eq!(harmless, 0, "nothing in it is unsigned");
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
