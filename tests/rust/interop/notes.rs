//! Signed notes, verifier keys and checkpoints as C2SP prints them.

use data_encoding::{BASE64, HEXLOWER};
use sealtrail_core::keys::verify_signature;
use sealtrail_core::note::{Checkpoint, parse_vkey, vkey};

/// The example of c2sp.org/signed-note.
const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const TEXT: &str = "This is an example message.\n";
const SIGNATURE: &str =
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=";

/// The example of c2sp.org/tlog-checkpoint, and that of c2sp.org/tlog-cosignature.
const CHECKPOINT: &str = "\
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
";
const COSIGNATURE: &str = "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

#[test]
fn the_example_note_holds_under_its_key() {
    let (name, public) = parse_vkey(VKEY).unwrap();
    assert_eq!((name.as_str(), vkey(&name, &public).unwrap().as_str()), ("example.com/foo", VKEY));
    let blob = BASE64.decode(SIGNATURE.as_bytes()).unwrap();
    let (id, signature) = blob.split_at(4);
    assert_eq!(HEXLOWER.encode(id), VKEY.split('+').nth(1).unwrap());
    assert!(verify_signature(&public, TEXT.as_bytes(), signature));
    assert!(!verify_signature(&public, TEXT.trim_end().as_bytes(), signature));
    let note = format!("{TEXT}\n— {name} {SIGNATURE}\n");
    assert!(Checkpoint::parse(&note).is_err(), "a note, but no checkpoint");
}

#[test]
fn no_part_and_no_neighbour_of_a_key_is_one() {
    for start in 0..=VKEY.len() {
        for end in start + 1..=VKEY.len() {
            assert!((start, end) == (0, VKEY.len()) || parse_vkey(&VKEY[start..end]).is_err());
        }
    }
    for i in 0..VKEY.len() {
        let mut bytes = VKEY.as_bytes().to_vec();
        bytes[i] += 1;
        let text = String::from_utf8(bytes).unwrap();
        assert!(parse_vkey(&text).is_err(), "{text}");
    }
}

#[test]
fn the_example_checkpoint_is_read_and_written_the_same() {
    let parsed = Checkpoint::parse(CHECKPOINT).unwrap();
    assert_eq!(parsed.checkpoint.origin, "example.com/behind-the-sofa");
    assert_eq!(parsed.checkpoint.size, 20_852_163);
    assert!(CHECKPOINT.starts_with(&(parsed.checkpoint.text() + "\n")));
    assert_eq!(parsed.signatures, [("example.com/behind-the-sofa".to_owned(), 0x033d_e0ae)]);
    let cosigned = Checkpoint::parse(&format!("{CHECKPOINT}{COSIGNATURE}")).unwrap();
    assert_eq!(cosigned.checkpoint, parsed.checkpoint);
    assert_eq!(cosigned.signatures[1], ("witness.example.com/w1".to_owned(), 0x8d66_cf3f));
}
