use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::config::PersonalConfig;
use crate::json::{Canonicalizer, Limits, is_canonical};
use crate::keys::{PrivacySource, Secret};
use crate::storage::Storage;

const TRAIL: &str = "0198f0c2-7a5e-7d3a-8d5e-0242ac120002";

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn storage(&self) -> Storage {
        let folder = self.dir.path().join("trail");
        std::fs::create_dir_all(&folder).unwrap();
        Storage::open(folder.to_str().unwrap()).unwrap()
    }

    /// As another process sees it, with the key of this folder.
    fn vault(&self, home: &str) -> Arc<Vault> {
        self.vault_with(home, PrivacySource::default())
    }

    fn vault_with(&self, home: &str, source: PrivacySource) -> Arc<Vault> {
        let folder = self.dir.path().join(home);
        Arc::new(Vault::new(TRAIL, self.storage(), source, folder))
    }
}

fn config(fields: &[&str]) -> PersonalConfig {
    let fields = fields.iter().map(|field| (*field).to_owned()).collect();
    PersonalConfig { fields, ..PersonalConfig::default() }
}

fn canonical(value: &Value) -> Vec<u8> {
    let text = serde_json::to_vec(value).unwrap();
    Canonicalizer::default().object(&text, Limits::default()).unwrap().0.to_vec()
}

fn record(members: Value) -> Value {
    let mut record = json!({
        "audit_id": "call_1",
        "event_type": "data.call",
        "recorded_at": "2026-09-14T08:12:07.220Z",
        "schema_version": 1,
        "timestamp": "2026-09-14T08:12:07.114Z",
        "user_id": "user_1",
    });
    for (name, value) in members.as_object().unwrap() {
        record[name] = value.clone();
    }
    record
}

async fn sealed(sealer: &Sealer, record: &Value) -> Vec<u8> {
    let bytes = canonical(record);
    let id = record["audit_id"].as_str().unwrap();
    match sealer.key_for(&bytes, &[]).await.unwrap() {
        Some(key) => sealer.seal(&bytes, id, &key).unwrap(),
        None => bytes,
    }
}

fn value(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

#[tokio::test]
async fn personal_fields_are_sealed_and_open_where_the_key_is() {
    let place = Place::new();
    let vault = place.vault("home");
    let sealer = Sealer::new(&config(&["email", "call.*.text", "timestamp"]), vault).unwrap();
    let sealer = sealer.unwrap();
    let plain = record(json!({
        "email": "mira@example.com",
        "call": {"one": {"text": {"deep": [1, null, "x"]}}, "two": {"text": null}},
        "other": "stays",
    }));
    let bytes = sealed(&sealer, &plain).await;
    assert!(is_canonical(&bytes, Limits::default()));
    let shown = value(&bytes);
    for hidden in [&shown["email"], &shown["call"]["one"]["text"]] {
        assert!(hidden.as_str().unwrap().starts_with("sealed:1:"), "{hidden}");
    }
    for same in ["timestamp", "other", "user_id", "audit_id"] {
        assert_eq!(shown[same], plain[same]);
    }
    assert_eq!(shown["call"]["two"], plain["call"]["two"]);

    let reader = place.vault("home");
    assert_eq!(value(&reader.unsealed(bytes.clone()).await.unwrap()), plain);
    let email = shown["email"].as_str().unwrap();
    assert_eq!(reader.shown(email).unwrap(), "mira@example.com");
    let stranger = place.vault("elsewhere");
    assert_eq!(stranger.unsealed(bytes.clone()).await.unwrap(), bytes);
    assert_eq!(stranger.shown(email), None);
    assert!(!place.dir.path().join("elsewhere").exists(), "readers make no keys");
}

#[tokio::test]
async fn hosts_agree_on_the_key_and_another_privacy_key_is_told() {
    let place = Place::new();
    let secret = Secret::from_bytes([9; 32]).to_base64().to_string();
    let source = || PrivacySource::new(None, &|_| Some(secret.clone()));
    let (one, two) = (place.vault_with("a", source()), place.vault_with("b", source()));
    let first = one.key_for_writing("user_1").await.unwrap();
    let second = two.key_for_writing("user_1").await.unwrap();
    let field = first.seal(b"\"x\"", [1; 16], true).unwrap();
    assert_eq!(&**second.open(&field).unwrap(), b"\"x\"");
    let other = two.key_for_writing("user_2").await.unwrap();
    assert!(other.open(&field).is_none());

    let error = place.vault("c").key_for_writing("user_1").await.unwrap_err().to_string();
    assert!(error.contains("privacy key"), "{error}");
    let wrong = Secret::from_bytes([8; 32]).to_base64().to_string();
    let wrong = PrivacySource::new(None, &|_| Some(wrong.clone()));
    let error = place.vault_with("d", wrong).key_for_writing("user_1").await.unwrap_err();
    assert!(error.to_string().contains("the one given is"), "{error}");
}

#[tokio::test]
async fn a_value_opens_nowhere_else() {
    let place = Place::new();
    let vault = place.vault("home");
    let sealer = Sealer::new(&config(&["a", "b"]), Arc::clone(&vault)).unwrap().unwrap();
    let bytes = sealed(&sealer, &record(json!({"a": "secret", "b": "other"}))).await;
    let mut moved = value(&bytes);
    let a = moved["a"].clone();
    moved["b"] = a.clone();
    let shown = value(&vault.unsealed(canonical(&moved)).await.unwrap());
    assert_eq!((&shown["a"], &shown["b"]), (&json!("secret"), &json!(UNREADABLE)));
    let mut copied = record(json!({"a": a}));
    copied["audit_id"] = json!("call_2");
    let shown = value(&vault.unsealed(canonical(&copied)).await.unwrap());
    assert_eq!(shown["a"], json!(UNREADABLE));
    // What was bound anew opens at its new place.
    let bound = sealer.bind(&bytes, "call_3").unwrap();
    assert_eq!(bound.len(), bytes.len());
    let mut bound = value(&bound);
    bound["audit_id"] = json!("call_3");
    assert_eq!(value(&vault.unsealed(canonical(&bound)).await.unwrap())["a"], json!("secret"));
}

#[tokio::test]
async fn any_change_makes_it_unreadable() {
    let place = Place::new();
    let key = place.vault("home").key_for_writing("user_1").await.unwrap();
    let field = key.seal(b"\"mira@example.com\"", [3; 16], true).unwrap();
    let parts: [fn(&mut field::Sealed); 5] = [
        |s| s.bind[0] ^= 1,
        |s| s.salt[0] ^= 1,
        |s| s.commitment[31] ^= 1,
        |s| s.sealed[0] ^= 1,
        |s| *s.sealed.last_mut().unwrap() ^= 1,
    ];
    for change in parts {
        let mut changed = field.clone();
        change(&mut changed);
        assert!(key.open(&changed).is_none());
    }
    assert!(key.open(&field).is_some());
}

#[tokio::test]
async fn equal_values_of_a_subject_are_found_and_no_others() {
    let place = Place::new();
    let vault = place.vault("home");
    for search in [true, false] {
        let config = PersonalConfig { search, ..config(&["email"]) };
        let sealer = Sealer::new(&config, Arc::clone(&vault)).unwrap().unwrap();
        let field = |user: &str, email: &str| record(json!({"user_id": user, "email": email}));
        let mut texts = Vec::new();
        for (user, email) in
            [("u", "a@x.org"), ("u", "a@x.org"), ("u", "b@x.org"), ("v", "a@x.org")]
        {
            let sealed = value(&sealed(&sealer, &field(user, email)).await);
            texts.push(sealed["email"].as_str().unwrap().to_owned());
        }
        assert!(vault.ready(texts.iter().map(String::as_str)).await.unwrap());
        let equal: Vec<bool> = texts.iter().map(|t| vault.is_equal(t, b"\"a@x.org\"")).collect();
        assert_eq!(equal, [true, true, false, true]);
        let index = |text: &str| text.split(':').nth(3).unwrap().to_owned();
        assert_eq!(index(&texts[0]) == index(&texts[2]), !search, "{texts:?}");
        assert_eq!(index(&texts[0]) == index(&texts[3]), !search);
        assert_ne!(texts[0], texts[1]);
    }
}

#[tokio::test]
async fn after_an_erasure_values_read_as_erased_whatever_the_store_holds() {
    let place = Place::new();
    let vault = place.vault("home");
    let sealer = Sealer::new(&config(&["email"]), Arc::clone(&vault)).unwrap().unwrap();
    let plain = record(json!({"email": "mira@example.com"}));
    let before = sealed(&sealer, &plain).await;
    let sid = vault.sid("user_1").await.unwrap().unwrap();
    let folder = place.dir.path().join("trail/subjects");
    let file = folder.join(format!("{sid}-0.json"));
    let backup = std::fs::read(&file).unwrap();

    vault.learn([(sid, 7)]);
    assert_eq!(vault.destroy_erased().await.unwrap(), 1);
    assert!(!file.exists());
    assert_eq!(value(&vault.unsealed(before.clone()).await.unwrap())["email"], json!(ERASED));
    // Whoever does not know of the entry yet finds no key.
    let unaware = place.vault("home");
    let shown = value(&unaware.unsealed(before.clone()).await.unwrap());
    assert_eq!(shown["email"], json!(KEY_MISSING));
    // A backup brings the key back: it counts for nothing, and goes.
    std::fs::write(&file, &backup).unwrap();
    let restored = place.vault("home");
    restored.learn([(sid, 7)]);
    assert_eq!(value(&restored.unsealed(before.clone()).await.unwrap())["email"], json!(ERASED));
    assert_eq!(restored.destroy_erased().await.unwrap(), 1);
    assert!(!file.exists());
    // Later events are sealed under a new key, which is not erased.
    let after = sealed(&sealer, &plain).await;
    assert_eq!(value(&vault.unsealed(after).await.unwrap()), plain);
    assert_eq!(vault.destroy_erased().await.unwrap(), 0);
    assert_eq!(value(&vault.unsealed(before).await.unwrap())["email"], json!(ERASED));
}

#[tokio::test]
async fn another_privacy_key_takes_effect_without_encrypting_anything_anew() {
    let place = Place::new();
    let vault = place.vault("home");
    let sealer = Sealer::new(&config(&["email"]), Arc::clone(&vault)).unwrap().unwrap();
    let plain = record(json!({"email": "mira@example.com"}));
    let bytes = sealed(&sealer, &plain).await;
    let old = vault.privacy_key().await.unwrap();
    let secret = Secret::from_bytes([4; 32]).to_base64().to_string();
    let source = PrivacySource::new(None, &|_| Some(secret.clone()));
    let reader = place.vault_with("home", source);
    assert!(reader.unsealed(bytes.clone()).await.is_err());
    let new = reader.existing_privacy_key().unwrap().unwrap();
    vault.rewrap(&old, &new).await.unwrap();
    assert_eq!(value(&reader.unsealed(bytes).await.unwrap()), plain);
    assert!(place.vault("home").sid("user_1").await.is_err());
}

#[tokio::test]
async fn who_an_event_is_about() {
    let place = Place::new();
    let paths = ["subject", "user_id"].map(str::to_owned).to_vec();
    let config = PersonalConfig { subject: paths, ..config(&["email"]) };
    let vault = place.vault("home");
    let sealer = Sealer::new(&config, Arc::clone(&vault)).unwrap().unwrap();
    let key_of = async |event: Value, defaults: &[(&'static str, String)]| {
        let key = sealer.key_for(&canonical(&event), defaults).await.unwrap();
        key.map(|key| key.holder.sid)
    };
    let sid = async |subject: &str| vault.key_for_writing(subject).await.unwrap().holder.sid;
    let email = json!("x@y.org");
    assert_eq!(key_of(json!({"user_id": "a"}), &[]).await, None);
    let event = json!({"email": email, "user_id": "a", "subject": 7});
    assert_eq!(key_of(event, &[]).await, Some(sid("7").await));
    let event = json!({"email": email, "user_id": "a", "subject": null});
    assert_eq!(key_of(event, &[]).await, Some(sid("a").await));
    let added = [("user_id", "b".to_owned())];
    assert_eq!(key_of(json!({"email": email}), &added).await, Some(sid("b").await));
    assert_eq!(key_of(json!({"email": email}), &[]).await, Some(sid("").await));
}

/// Computed by `tests/python/test_personal.py` from FORMAT section 17 alone, too.
#[test]
fn a_golden_value_opens() {
    let trail = crate::keys::trail_id_bytes(TRAIL).unwrap();
    let holder = Holder::parse("000102030405060708090a0b0c0d0e0f-12").unwrap();
    let key = SubjectKey::new(holder, trail, Secret::from_bytes([0x42; 32])).unwrap();
    let text = include_str!("golden.txt").trim();
    let sealed = field::Sealed::parse(text).unwrap();
    assert_eq!(&**key.open(&sealed).unwrap(), b"\"mira@example.com\"");
    assert_eq!(sealed.bind, keys::place("call_1", "/email"));
    assert_eq!(sealed.index, key.index_of(b"\"mira@example.com\""));
    assert_eq!(sealed.to_string(), text);
}

proptest! {
    #[test]
    fn nothing_that_is_read_makes_it_panic(text in ".{0,80}", tail in "[0-9a-f:=_-]{0,60}") {
        for text in [text.clone(), format!("sealed:1:{tail}"), format!("sealed:1:{text}")] {
            if let Some(sealed) = field::Sealed::parse(&text) {
                prop_assert_eq!(sealed.to_string(), text.clone());
            }
            let _ = field::Sealed::head(&text);
            let _ = Holder::parse(&text);
        }
    }
}
