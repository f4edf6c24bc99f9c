use std::fs;
use std::path::Path;

use data_encoding::HEXLOWER;
use ed25519_dalek::SigningKey;
use hkdf::Hkdf;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;

const TRAIL: &str = "0190f0c5-7b1a-7cc2-9d3e-5f6a7b8c9d0e";
const URL: &str = "/srv/audit";

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap()
}

fn key(byte: u8) -> HmacKey {
    HmacKey::new(Secret::from_bytes([byte; 32]))
}

/// A key of up to 32 bytes; HMAC pads it with zeros, so this is the short key.
fn short_key(bytes: &[u8]) -> HmacKey {
    let mut padded = [0; 32];
    padded[..bytes.len()].copy_from_slice(bytes);
    HmacKey::new(Secret::from_bytes(padded))
}

#[test]
fn rfc_4231_hmac_vectors() {
    // Test cases 1 to 4: those whose key fits into 32 bytes.
    let cases: [(&[u8], &[u8], &str); 4] = [
        (
            &[0x0b; 20],
            b"Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            &[0xaa; 20],
            &[0xdd; 50],
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        ),
        (
            &hex("0102030405060708090a0b0c0d0e0f10111213141516171819"),
            &[0xcd; 50],
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
        ),
    ];
    for (key, message, mac) in cases {
        let key = short_key(key);
        assert_eq!(HEXLOWER.encode(&key.mac(message)), mac);
        assert!(key.verify(message, &hex(mac)));
        assert!(!key.verify(message, &hex(mac)[..31]));
        let (head, tail) = message.split_at(3);
        assert_eq!(key.tag16(&[head, tail])[..], hex(mac)[..16]);
    }
}

#[test]
fn rfc_5869_hkdf_vector() {
    // Test case 3 (no salt, no info) is the one with a key of a length near ours; its key is
    // shorter than 32 bytes, so the vector is checked through the crate and our derivation
    // against the crate.
    let mut okm = [0; 42];
    Hkdf::<Sha256>::new(Some(&[]), &[0x0b; 22]).expand(&[], &mut okm).unwrap();
    assert_eq!(
        HEXLOWER.encode(&okm),
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    );
    let mut okm = [0; 42];
    let (salt, info) = (hex("000102030405060708090a0b0c"), hex("f0f1f2f3f4f5f6f7f8f9"));
    Hkdf::<Sha256>::new(Some(&salt), &[0x0b; 22]).expand(&info, &mut okm).unwrap();
    assert_eq!(
        HEXLOWER.encode(&okm),
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    );
}

proptest! {
    #[test]
    fn derive_is_hkdf(ikm: [u8; 32], salt: Vec<u8>, a: Vec<u8>, b: Vec<u8>) {
        let mut expected = [0; 32];
        Hkdf::<Sha256>::new(Some(&salt), &ikm).expand(&[&a[..], &b].concat(), &mut expected).unwrap();
        let derived = HmacKey::derive(&Secret::from_bytes(ikm), &salt, &[&a, &b]).unwrap();
        prop_assert_eq!(derived.secret().expose(), &expected);
    }
}

#[test]
fn rfc_8032_ed25519_vectors() {
    // Section 7.1, tests 1 and 3.
    let cases = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ];
    for (seed, public, message, signature) in cases {
        let signing = SigningKey::from_bytes(&hex(seed).try_into().unwrap());
        let (message, signature) = (hex(message), hex(signature));
        assert_eq!(public_key(&hex(public)).unwrap(), signing.verifying_key());
        assert_eq!(sign(&signing, &message)[..], signature);
        assert!(verify_signature(&signing.verifying_key(), &message, &signature));
        for i in 0..signature.len() {
            let mut wrong = signature.clone();
            wrong[i] ^= 1;
            assert!(!verify_signature(&signing.verifying_key(), &message, &wrong), "byte {i}");
        }
        assert!(!verify_signature(&signing.verifying_key(), &message, &signature[..63]));
    }
}

#[test]
fn keys_of_small_order_are_refused() {
    let neutral = hex("0100000000000000000000000000000000000000000000000000000000000000");
    assert!(matches!(public_key(&neutral), Err(Error::Key(_))));
    assert!(matches!(public_key(&neutral[..31]), Err(Error::Key(_))));
}

#[test]
fn secrets_are_not_printed() {
    let shown = format!("{:?} {:?}", Secret::from_bytes([0xab; 32]), key(0xab));
    assert_eq!(shown, "Secret(..) HmacKey(Secret(..))");
    let owner = OwnerKey::generate(TRAIL).unwrap();
    let shown = format!("{owner:?}");
    assert!(!shown.contains(&*Secret::from_bytes(owner.signing().to_bytes()).to_base64()));
    assert!(shown.contains("root: Secret(..)"), "{shown}");
    let message = Secret::from_base64("c2hvcnQgc2VjcmV0").unwrap_err().to_string();
    assert!(!message.contains("c2hvcnQ"), "{message}");
}

#[test]
fn secrets_round_trip_through_strict_base64() {
    let secret = Secret::generate().unwrap();
    assert_eq!(Secret::from_base64(&secret.to_base64()).unwrap(), secret);
    assert_ne!(Secret::generate().unwrap(), secret);
    for bad in ["", "AAAA", &secret.to_base64()[..43], &format!("{}\n", *secret.to_base64())] {
        assert!(Secret::from_base64(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn trail_ids_are_lower_case_uuids() {
    assert_eq!(HEXLOWER.encode(&trail_id_bytes(TRAIL).unwrap()), TRAIL.replace('-', ""));
    for bad in ["", "x", &TRAIL.to_uppercase(), &TRAIL.replace('-', ""), &TRAIL[1..]] {
        assert!(trail_id_bytes(bad).is_err(), "{bad:?}");
    }
}

/// Values computed with Python's hmac and hashlib from FORMAT.md section 8.
#[test]
fn derivations_follow_the_format() {
    let json = format!(
        r#"{{"ed25519_seed":"{}","root_secret":"{}","trail_id":"{TRAIL}","v":1}}"#,
        *Secret::from_bytes([1; 32]).to_base64(),
        *Secret::from_bytes([2; 32]).to_base64(),
    );
    let owner = OwnerKey::from_bytes(json.as_bytes(), "test", &Passphrase::default()).unwrap();
    assert_eq!(key_id(&owner.public()), "1376bdc266a3f8e4");
    assert_eq!(owner.hmac().unwrap().id(), "981a5dd8c72075d7");
    let first = owner.writer_hmac("w-0123456789abcdef", 495_000).unwrap();
    assert_eq!(first.id(), "b5615955f923fa79");
    let chain = EpochChain::new(495_000, first);
    let seal = chain.seal_with([[3; 32], [4; 32]].iter());
    assert_eq!(
        HEXLOWER.encode(&seal),
        "d08c39df515a1f713b0e00d7668ea7ad274011ea1a067c63967bc26aa7553c44"
    );
    let chain = chain.advance(seal).unwrap();
    assert_eq!(chain.hmac().id(), "6be85c3cf451594c");
    let chain = chain.ratchet_to(495_003).unwrap();
    assert_eq!(
        HEXLOWER.encode(chain.previous_seal()),
        "c6aa82f288a8303523559c0dc19145abb1892b76672f1e9508d2969414956c09"
    );
}

#[test]
fn ratcheting_equals_closing_empty_epochs_and_never_goes_back() {
    let mut chain = EpochChain::new(7, key(9));
    for _ in 0..5 {
        let seal = chain.seal_with([].iter());
        chain = chain.advance(seal).unwrap();
    }
    let jumped = EpochChain::new(7, key(9)).ratchet_to(12).unwrap();
    assert_eq!(jumped, chain);
    assert_eq!(jumped.clone().ratchet_to(12).unwrap(), chain);
    assert!(matches!(jumped.ratchet_to(11), Err(Error::Key(_))));
    let full = EpochChain::new(u64::MAX, key(1));
    assert!(matches!(full.advance([0; 32]), Err(Error::Key(_))));
}

#[test]
fn seals_depend_on_everything_they_cover() {
    let seal = |epoch, batches, digest| key(1).epoch_seal(&[0; 32], epoch, batches, &digest);
    let base = seal(1, 2, [3; 32]);
    assert_ne!(base, seal(2, 2, [3; 32]));
    assert_ne!(base, seal(1, 3, [3; 32]));
    assert_ne!(base, seal(1, 2, [4; 32]));
    assert_ne!(base, key(2).epoch_seal(&[0; 32], 1, 2, &[3; 32]));
    assert_ne!(base, key(1).epoch_seal(&[1; 32], 1, 2, &[3; 32]));
    assert_eq!(roots_digest([].iter()), <[u8; 32]>::from(Sha256::digest([])));
}

#[test]
fn owner_keys_round_trip_and_are_never_replaced() {
    let home = tempfile::tempdir().unwrap();
    let owner = OwnerKey::generate(TRAIL).unwrap();
    owner.save(home.path(), "sealtrail/x").unwrap();
    let loaded = OwnerKey::load(home.path(), TRAIL, &Passphrase::default()).unwrap();
    assert_eq!(loaded.public(), owner.public());
    assert_eq!(loaded.hmac().unwrap(), owner.hmac().unwrap());
    assert_eq!(loaded.trail_id(), TRAIL);
    let again = OwnerKey::generate(TRAIL).unwrap().save(home.path(), "sealtrail/x");
    assert!(matches!(again, Err(Error::AlreadyExists(_))));

    let vkey = fs::read_to_string(OwnerKey::vkey_path(home.path(), TRAIL)).unwrap();
    let (name, public) = crate::note::parse_vkey(&vkey).unwrap();
    assert_eq!((name.as_str(), public), ("sealtrail/x/owner", owner.public()));

    let text = fs::read_to_string(OwnerKey::path(home.path(), TRAIL)).unwrap();
    let from_env = OwnerKey::from_bytes(
        format!("{text}\n").as_bytes(),
        "SOME_VARIABLE",
        &Passphrase::default(),
    )
    .unwrap();
    assert_eq!(from_env.public(), owner.public());
    let missing =
        OwnerKey::load(home.path(), "0190f0c5-7b1a-7cc2-9d3e-000000000000", &Passphrase::default());
    assert!(matches!(missing, Err(Error::NotFound(_))));
}

#[test]
fn owner_keys_of_another_form_version_or_trail_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let owner = OwnerKey::generate(TRAIL).unwrap();
    owner.save(home.path(), "sealtrail/x").unwrap();
    let text = fs::read_to_string(OwnerKey::path(home.path(), TRAIL)).unwrap();
    let seed = Secret::from_bytes(owner.signing().to_bytes()).to_base64();
    for bad in [
        String::new(),
        text.replace("\"v\":1", "\"v\":2"),
        text.replace("\"v\":1", "\"v\":1,\"x\":1"),
        text.replace(':', ": "),
        text.replace(TRAIL, "x"),
        text.replacen(&*seed, "AAAA", 1),
    ] {
        let error = OwnerKey::from_bytes(bad.as_bytes(), "SOME_VARIABLE", &Passphrase::default())
            .unwrap_err();
        assert!(matches!(&error, Error::Key(_)), "{error}");
        assert!(!error.to_string().contains(&**seed), "{error}");
    }
    let other = "0190f0c5-7b1a-7cc2-9d3e-000000000001";
    fs::rename(home.path().join(TRAIL), home.path().join(other)).unwrap();
    let error = OwnerKey::load(home.path(), other, &Passphrase::default()).unwrap_err().to_string();
    assert!(error.contains(TRAIL) && error.contains(other), "{error}");
}

#[cfg(unix)]
fn chmod(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(unix)]
#[test]
fn key_files_are_private_and_refused_when_others_can_read_them() {
    use std::os::unix::fs::PermissionsExt;

    let home = tempfile::tempdir().unwrap();
    OwnerKey::generate(TRAIL).unwrap().save(home.path(), "sealtrail/x").unwrap();
    let path = OwnerKey::path(home.path(), TRAIL);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let dir = fs::metadata(home.path().join(TRAIL)).unwrap();
    assert_eq!(dir.permissions().mode() & 0o777, 0o700);
    for mode in [0o640, 0o604, 0o644, 0o660] {
        chmod(&path, mode);
        let error = OwnerKey::load(home.path(), TRAIL, &Passphrase::default()).unwrap_err();
        assert!(error.to_string().contains(&format!("mode {mode:04o}")), "{error}");
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
    chmod(&path, 0o400);
    OwnerKey::load(home.path(), TRAIL, &Passphrase::default()).unwrap();
}

#[test]
fn writer_keys_round_trip_with_their_epoch() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("w/writer.json");
    let owner = OwnerKey::generate(TRAIL).unwrap();
    let mut keys = WriterKeys::generate(&owner, URL, 100).unwrap();
    assert!(WriterKeys::is_id(keys.id()), "{}", keys.id());
    assert_eq!(*keys.hmac(), owner.writer_hmac(keys.id(), 100).unwrap());
    keys.save(&path).unwrap();
    let seal = keys.close([[5; 32]].iter());
    let ahead = keys.hmac_at(103, 110).unwrap().unwrap();
    assert!(keys.hmac_at(103, 102).unwrap().is_none());
    keys.advance(seal).unwrap();
    keys.ratchet_to(103).unwrap();
    assert_eq!(*keys.hmac(), ahead);
    assert!(keys.hmac_at(102, 110).unwrap().is_none());
    assert!(matches!(keys.ratchet_to(102), Err(Error::Key(_))));
    keys.save(&path).unwrap();

    let loaded = WriterKeys::load(&path, TRAIL, URL).unwrap();
    assert_eq!((loaded.id(), loaded.epoch(), loaded.public()), (keys.id(), 103, keys.public()));
    assert_eq!(loaded.chain(), keys.chain());
    let owners = EpochChain::new(100, owner.writer_hmac(keys.id(), 100).unwrap());
    let owners = owners.advance(seal).unwrap().ratchet_to(103).unwrap();
    assert_eq!(&owners, loaded.chain());
}

#[test]
fn writer_keys_are_bound_to_trail_and_url() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("writer.json");
    let owner = OwnerKey::generate(TRAIL).unwrap();
    WriterKeys::generate(&owner, URL, 1).unwrap().save(&path).unwrap();
    let elsewhere = WriterKeys::load(&path, TRAIL, "/copy/audit").unwrap_err();
    assert!(elsewhere.to_string().contains("/copy/audit"), "{elsewhere}");
    let other = "0190f0c5-7b1a-7cc2-9d3e-000000000001";
    assert!(matches!(WriterKeys::load(&path, other, URL), Err(Error::Key(_))));
    for bad in ["w-", "w-0123456789ABCDEF", "0123456789abcdef", "w-0123456789abcdef0", "owner"] {
        assert!(!WriterKeys::is_id(bad), "{bad}");
    }
}

#[test]
fn secret_files_are_made_once() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("state/seen.key");
    assert!(matches!(load_secret(&path), Err(Error::NotFound(_))));
    let secret = load_or_create_secret(&path).unwrap();
    assert_eq!(load_or_create_secret(&path).unwrap(), secret);
    assert_eq!(load_secret(&path).unwrap(), secret);
    fs::write(&path, [1; 31]).unwrap();
    assert!(matches!(load_or_create_secret(&path), Err(Error::Key(_))));
}
