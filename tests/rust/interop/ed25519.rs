//! Ed25519: RFC 8032 and its edges, as Wycheproof and CCTV collected them.

use sealtrail_core::keys::{public_key, sign, verify_signature};
use serde_json::Value;

use crate::{external, hex, text, valid, wycheproof};

/// As the verifier judges: first the key, then the signature.
fn accepted(public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    public_key(public).is_ok_and(|public| verify_signature(&public, message, signature))
}

#[test]
fn wycheproof_signatures() {
    let mut refused = 0;
    for group in wycheproof("ed25519_test.json", "EDDSA", 151) {
        let public = hex(&group["publicKey"], "pk");
        for test in group["tests"].as_array().unwrap() {
            let holds = accepted(&public, &hex(test, "msg"), &hex(test, "sig"));
            assert_eq!(holds, valid(test), "{test}");
            refused += usize::from(!holds);
        }
    }
    assert_eq!(refused, 63);
}

#[test]
fn rfc_8032_signatures_are_made_byte_for_byte() {
    // RFC 8032 section 7.1, tests 1 and 2.
    let vectors = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
    ];
    for (seed, message, signature) in vectors {
        let decode = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
        let seed: [u8; 32] = decode(seed).try_into().unwrap();
        let key = ed25519_dalek::SigningKey::from_bytes(&seed);
        assert_eq!(sign(&key, &decode(message)).as_slice(), decode(signature));
    }
}

/// Only mixed points may be there, and they must cancel out without help of the cofactor.
fn strict_accepts(flags: &Value) -> bool {
    let flags = flags.as_array().map(Vec::as_slice).unwrap_or_default();
    flags.iter().all(|flag| {
        let flag = flag.as_str().unwrap();
        ["low_order_component_A", "low_order_component_R"].contains(&flag)
    })
}

#[test]
fn points_of_low_order_and_second_encodings_are_refused() {
    let (mut all, mut held) = (0, 0);
    for line in external("cctv/ed25519vectors.jsonl").lines() {
        let vector: Value = serde_json::from_str(line).unwrap();
        let (public, signature) = (hex(&vector, "key"), hex(&vector, "sig"));
        let holds = accepted(&public, text(&vector, "msg").as_bytes(), &signature);
        assert_eq!(holds, strict_accepts(&vector["flags"]), "{vector}");
        all += 1;
        held += usize::from(holds);
    }
    assert!(all == 914 && held > 0, "{held} of {all} held");
}
