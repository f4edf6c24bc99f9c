use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::config::RedactionConfig;
use crate::json::{Canonicalizer, Limits, is_canonical};
use crate::keys::{PrivacyKey, Secret};

const TRAIL: &str = "0198f0c2-7a5e-7d3a-8d5e-0242ac120002";

fn keys() -> Option<RedactionKeys> {
    let key = PrivacyKey::new(Secret::from_bytes([5; 32]));
    Some(RedactionKeys::derive(&key, TRAIL).unwrap())
}

fn canonical(value: &Value) -> Vec<u8> {
    let text = serde_json::to_vec(value).unwrap();
    Canonicalizer::default().object(&text, Limits::default()).unwrap().0.to_vec()
}

fn redactor(config: RedactionConfig) -> Redactor {
    Redactor::from_config(&config, Some(false), keys()).unwrap().unwrap()
}

fn redacted(redactor: &Redactor, value: &Value) -> (Value, Vec<(String, String, String)>) {
    let redacted = redactor.redact(&canonical(value)).unwrap();
    assert!(is_canonical(&redacted.json, Limits { max_bytes: usize::MAX, max_depth: 128 }));
    let list = redacted.list.into_iter().map(|r| (r.path, r.what, r.how)).collect();
    (serde_json::from_slice(&redacted.json).unwrap(), list)
}

fn done(path: &str, what: &str, how: &str) -> (String, String, String) {
    (path.to_owned(), what.to_owned(), how.to_owned())
}

#[test]
fn values_in_text_are_masked_and_told() {
    let event = json!({
        "event_type": "data.call",
        "timestamp": "2026-09-14T08:12:07.114Z",
        "card": 4_111_111_111_111_111_u64,
        "note": "mail mira@example.com or +1 650-253-0000",
        "nested": [{"iban": "DE89370400440532013000"}, "plain"],
        "password": "hunter2",
        "credentials": {"user": "a"},
    });
    let (after, list) = redacted(&Redactor::masking(), &event);
    assert_eq!(
        after,
        json!({
            "event_type": "data.call",
            "timestamp": "2026-09-14T08:12:07.114Z",
            "card": "[redacted:card]",
            "note": "mail [redacted:email] or [redacted:phone]",
            "nested": [{"iban": "[redacted:iban]"}, "plain"],
            "password": "[redacted:secret]",
            "credentials": "[redacted:secret]",
        })
    );
    assert_eq!(
        list,
        [
            done("/card", "card", "mask"),
            done("/credentials", "secret", "mask"),
            done("/nested/0/iban", "iban", "mask"),
            done("/note", "email", "mask"),
            done("/note", "phone", "mask"),
            done("/password", "secret", "mask"),
        ]
    );
}

#[test]
fn fields_are_redacted_whatever_they_hold_each_by_its_own_action() {
    let config = RedactionConfig {
        fields: ["user.*.name", "**.zip", "/a.b", "messages.*.content"].map(String::from).to_vec(),
        detectors: vec![crate::config::Detector::Email],
        actions: BTreeMap::from([
            ("**.zip".to_owned(), RedactionAction::Drop),
            ("email".to_owned(), RedactionAction::Hash),
            ("/a.b".to_owned(), RedactionAction::Encrypt),
        ]),
        ..RedactionConfig::default()
    };
    let redactor = redactor(config);
    let event = json!({
        "a.b": {"deep": [1, "x"]},
        "messages": [{"content": "hello"}, {"content": null}],
        "to": "kim@example.com, kim@example.com",
        "user": {"one": {"name": "Mira", "zip": 8000}, "name": "stays"},
    });
    let (after, list) = redacted(&redactor, &event);
    assert_eq!(after["messages"], json!([{"content": "[redacted:field]"}, {"content": null}]));
    assert_eq!(after["user"], json!({"one": {"name": "[redacted:field]"}, "name": "stays"}));
    let hashes: Vec<&str> = after["to"].as_str().unwrap().split(", ").collect();
    assert!(hashes[0].starts_with("[hash:email:") && hashes[0] == hashes[1]);
    assert_eq!(list.len(), 5, "{list:?}");
    assert!(list.contains(&done("/user/one/zip", "field", "drop")));

    let json = redactor.redact(&canonical(&event)).unwrap().json;
    let (revealed, count) = redactor.reveal(&json).unwrap();
    let revealed: Value = serde_json::from_slice(&revealed).unwrap();
    assert_eq!((&revealed["a.b"], count), (&event["a.b"], 1));
}

#[test]
fn without_the_right_key_nothing_is_hashed_encrypted_or_revealed() {
    let config = RedactionConfig { action: RedactionAction::Encrypt, ..Default::default() };
    assert!(matches!(Redactor::from_config(&config, Some(false), None), Err(crate::Error::Key(_))));
    let event = canonical(&json!({"note": "mira@example.com"}));
    let json = redactor(config.clone()).redact(&event).unwrap().json;
    assert_eq!(redactor(config.clone()).reveal(&json).unwrap(), (event, 1));
    let other = PrivacyKey::new(Secret::from_bytes([6; 32]));
    let other = RedactionKeys::derive(&other, TRAIL).unwrap();
    let other = Redactor::from_config(&config, Some(false), Some(other)).unwrap().unwrap();
    assert!(matches!(other.reveal(&json), Err(crate::Error::Key(_))));
}

#[test]
fn by_default_sensitive_data_is_kept_and_false_masks_all_of_it() {
    let config = RedactionConfig::default();
    assert!(Redactor::from_config(&config, None, None).unwrap().is_none());
    assert!(Redactor::from_config(&config, Some(false), None).unwrap().is_some());
    let actions = BTreeMap::from([("emial".to_owned(), RedactionAction::Drop)]);
    let config = RedactionConfig { actions, ..RedactionConfig::default() };
    let error = Redactor::from_config(&config, Some(false), None).unwrap_err();
    assert!(error.to_string().contains("emial"), "{error}");
}

#[test]
fn names_of_members_are_redacted_too_and_stay_apart() {
    let event = json!({"by": {"a@example.com": 1, "b@example.com": 2, "[redacted:email]": 3}});
    let (after, list) = redacted(&Redactor::masking(), &event);
    let by = after["by"].as_object().unwrap();
    assert_eq!(by.len(), 3);
    assert!(!after.to_string().contains("example.com"), "{after}");
    assert!(!format!("{list:?}").contains("example.com"), "{list:?}");
}

#[test]
fn a_redacted_record_says_so_itself() {
    let before = json!({"how": "drop", "path": "/x", "what": "field"});
    let event = json!({"_redacted": [before], "note": "mira@example.com", "z": 1});
    let record = Redactor::masking().redacted_record(&canonical(&event)).unwrap();
    let done = json!({"how": "mask", "path": "/note", "what": "email"});
    let expected = json!({"_redacted": [before, done], "note": "[redacted:email]", "z": 1});
    assert_eq!(record, canonical(&expected));
    let plain = canonical(&json!({"z": 1}));
    assert_eq!(Redactor::masking().redacted_record(&plain).unwrap(), plain);
}

#[test]
fn pointers_of_exact_numbers_follow() {
    let event = json!({
        "_exact_numbers": ["/card", "/kept", "/k@example.com"],
        "card": "4111111111111111000",
        "kept": "12345678901234567890123",
        "k@example.com": "1.00000000000000000001",
    });
    let config = RedactionConfig { fields: vec!["card".into()], ..Default::default() };
    let (after, _) = redacted(&redactor(config), &event);
    assert_eq!(after["_exact_numbers"], json!(["/kept"]));
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,40}",
        "[a-z@. +()0-9-]{0,40}",
        Just("card 4111 1111 1111 1111".to_owned()),
        Just("DE89 3704 0044 0532 0130 00".to_owned()),
        Just("x4111111111111111kim@example.com4111111111111111".to_owned()),
        Just("ask kim@example.com".to_owned()),
        Just("+49 30 901820+1 650-253-0000".to_owned()),
        Just("536-90-4399".to_owned()),
        Just("api_key = \"q7Xw2Zk9Rv4Tb8Ny1Wc6Hd3Jf5\"".to_owned()),
        "(kim@example\\.com|4111111111111111|[a-z0-9 ]{0,3}|536-90-4399|\\[redacted:email\\]){1,5}",
    ]
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        texts().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        Just(json!(4_111_111_111_111_111_u64)),
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(texts(), inner, 0..4).prop_map(|m| json!(m)),
        ]
    })
}

fn events() -> impl Strategy<Value = Value> {
    let names = prop_oneof!["[a-z_]{1,8}", texts(), Just("api_key".to_owned())];
    prop::collection::btree_map(names, values(), 0..6).prop_map(|members| json!(members))
}

fn actions() -> impl Strategy<Value = RedactionAction> {
    use RedactionAction::{Drop, Encrypt, Hash, Mask};
    prop_oneof![Just(Mask), Just(Drop), Just(Hash), Just(Encrypt)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_that_is_found_remains_and_again_changes_nothing(
        event in events(), action in actions(),
    ) {
        let redactor = redactor(RedactionConfig { action, ..RedactionConfig::default() });
        let once = redactor.redact(&canonical(&event)).unwrap();
        let is_canonical = is_canonical(&once.json, Limits { max_depth: 128, ..Limits::default() });
        prop_assert!(is_canonical);
        let twice = redactor.redact(&once.json).unwrap();
        prop_assert_eq!(String::from_utf8_lossy(&twice.json), String::from_utf8_lossy(&once.json));
        prop_assert!(twice.list.is_empty(), "{:?}", twice.list);
    }

    #[test]
    fn what_is_encrypted_comes_back(event in events()) {
        let action = RedactionAction::Encrypt;
        let redactor = redactor(RedactionConfig { action, ..RedactionConfig::default() });
        let event = canonical(&event);
        let once = redactor.redact(&event).unwrap();
        let suffixed = String::from_utf8_lossy(&once.json).contains("]#");
        if !suffixed {
            let (back, _) = redactor.reveal(&once.json).unwrap();
            prop_assert_eq!(String::from_utf8_lossy(&back), String::from_utf8_lossy(&event));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Redactor::masking().redact(&bytes);
        let object = [b"{\"a\":\"", &bytes[..], b"\"}"].concat();
        let _ = Redactor::masking().redact(&object);
        let _ = redactor(RedactionConfig::default()).reveal(&object);
    }
}
