//! HMAC-SHA256 and HKDF-SHA256 against Wycheproof.

use hkdf::Hkdf;
use sealtrail_core::keys::{HmacKey, Secret};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{hex, valid, wycheproof};

/// Our keys have 32 bytes. RFC 2104 says which of them is the same as a shorter or a longer key:
/// zeros follow a short one, and one longer than a block is hashed first.
fn hmac_key(bytes: &[u8]) -> HmacKey {
    let mut key = [0; 32];
    if bytes.len() > 64 {
        key = Sha256::digest(bytes).into();
    } else {
        key[..bytes.len()].copy_from_slice(bytes);
    }
    HmacKey::new(Secret::from_bytes(key))
}

#[test]
fn wycheproof_hmacs() {
    let mut refused = 0;
    for group in wycheproof("hmac_sha256_test.json", "HMACSHA256", 174) {
        for test in group["tests"].as_array().unwrap() {
            let (key, message, tag) =
                (hmac_key(&hex(test, "key")), hex(test, "msg"), hex(test, "tag"));
            let (start, end) = message.split_at(message.len() / 2);
            let holds = match tag.len() {
                32 => {
                    assert_eq!(key.mac_parts(&[start, end]).as_slice() == tag, valid(test));
                    key.verify(&message, &tag)
                }
                16 => {
                    assert!(!key.verify(&message, &tag), "a part of an HMAC is none: {test}");
                    key.tag16(&[start, end]).as_slice() == tag
                }
                other => panic!("{other} bytes in {test}"),
            };
            assert_eq!(holds, valid(test), "{test}");
            refused += usize::from(!holds);
        }
    }
    assert_eq!(refused, 108);
}

#[test]
fn wycheproof_derived_keys() {
    let (mut ours, mut refused) = (0, 0);
    for group in wycheproof("hkdf_sha256_test.json", "HKDF-SHA-256", 86) {
        for test in group["tests"].as_array().unwrap() {
            ours += usize::from(derived_by_us(test));
            let mut okm = vec![0; usize::try_from(test["size"].as_u64().unwrap()).unwrap()];
            let hkdf = Hkdf::<Sha256>::new(Some(&hex(test, "salt")), &hex(test, "ikm"));
            let made = hkdf.expand(&hex(test, "info"), &mut okm).is_ok();
            assert_eq!(made, valid(test), "{test}");
            assert!(!made || okm == hex(test, "okm"), "{test}");
            refused += usize::from(!made);
        }
    }
    assert_eq!((ours, refused), (36, 3));
}

/// Whether the test has a 32-byte secret, from which we make 32 bytes: the first of any length.
fn derived_by_us(test: &Value) -> bool {
    let Ok(ikm) = <[u8; 32]>::try_from(hex(test, "ikm")) else { return false };
    if !valid(test) {
        return false;
    }
    let info = hex(test, "info");
    let (start, end) = info.split_at(info.len() / 2);
    let secret = Secret::from_bytes(ikm);
    let derived = HmacKey::derive(&secret, &hex(test, "salt"), &[start, end]).unwrap();
    let okm = hex(test, "okm");
    let both = okm.len().min(32);
    assert_eq!(derived.secret().expose()[..both], okm[..both], "{test}");
    true
}
