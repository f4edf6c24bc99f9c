use std::collections::BTreeSet;
use std::io::Cursor;
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::config::{Config, Home};
use crate::keys::{PRIVACY_KEY_FILE, Secret};
use crate::subjects::{ERASED, Sealer};
use crate::verify::{Options, Trust, Verdict, verify};

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn url(&self) -> String {
        self.dir.path().join("audit").display().to_string()
    }

    fn home(&self, host: &str) -> Home {
        Home::at(&self.dir.path().join(host))
    }

    /// Email addresses and prompts are personal.
    fn options(&self, host: &str) -> OpenOptions {
        let mut config = Config::default();
        config.redaction.personal.fields = vec!["email".to_owned(), "input.prompt".to_owned()];
        config.redaction.personal.holders = vec!["backup".to_owned()];
        OpenOptions::new(self.home(host), Settings::from_config(&config, &self.url()))
    }

    async fn init(&self) -> Trail {
        init(&self.url(), &InitOptions::new(self.home("a"))).await.unwrap();
        self.open("a").await
    }

    async fn open(&self, host: &str) -> Trail {
        Trail::open(&self.url(), self.options(host)).await.unwrap()
    }

    async fn verdict(&self) -> Verdict {
        let trail = self.open("a").await;
        let owner = trail.owner_key().unwrap();
        let trust = Trust { secret: Some(owner.clone()), ..Trust::owner(owner.public()) };
        let (options, go_on) = (Options::default(), Arc::default());
        let report = verify(trail.storage(), &trust, &options, &|_| {}, &go_on).await.unwrap();
        assert!(report.findings.is_empty(), "{report:?}");
        report.verdict
    }
}

fn event(user: &str, email: &str) -> Vec<u8> {
    let event = json!({
        "event_type": "auth.user_login",
        "user_id": user,
        "email": email,
        "input": {"prompt": {"text": email, "n": 12345678901234567890_u64}, "m": 12345678901234567890_u64},
        "status": "success",
    });
    serde_json::to_vec(&event).unwrap()
}

/// The record as it was signed, and as it is shown.
async fn both(trail: &Trail, id: &str) -> (Value, Value) {
    let record = trail.get(id).await.unwrap().unwrap();
    let shown = trail.unsealed(record.clone()).await.unwrap();
    let value = |bytes: &[u8]| serde_json::from_slice(bytes).unwrap();
    (value(&record), value(&shown))
}

fn files_have(folder: &std::path::Path, needle: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return files_have(&path, needle);
        }
        let bytes = std::fs::read(&path).unwrap();
        memchr::memmem::find(&bytes, needle.as_bytes()).is_some()
    })
}

#[tokio::test]
async fn personal_fields_reach_no_file_and_are_shown_with_the_key() {
    let place = Place::new();
    let trail = place.init().await;
    let one = trail.record(&event("u1", "mira@example.com"), Strictness::Strict).await.unwrap();
    assert!(!files_have(place.dir.path(), "mira@example.com"), "in the log");
    let (sealed, shown) = both(&trail, &one).await;
    assert!(sealed["email"].as_str().unwrap().starts_with("sealed:1:"));
    assert_eq!(shown["email"], json!("mira@example.com"));
    let prompt = json!({"text": "mira@example.com", "n": "12345678901234567890"});
    assert_eq!(shown["input"]["prompt"], prompt);
    assert_eq!(sealed["_exact_numbers"], json!(["/input/m"]));
    assert_eq!(sealed["schema_violations"], Value::Null);
    trail.flush().await.unwrap();
    assert_eq!(both(&trail, &one).await, (sealed.clone(), shown.clone()));
    let lines = [event("u1", "kim@example.com"), event("u2", "kim@example.com")].join(&b"\n"[..]);
    let report = trail.load(Box::new(Cursor::new(lines)), &LoadOptions::default()).await.unwrap();
    assert_eq!((report.recorded, report.refused), (2, 0));
    trail.close(true).await.unwrap();
    assert!(!files_have(place.dir.path(), "kim@example.com"));
    assert!(!files_have(place.dir.path(), "mira@example.com"));
    assert_eq!(place.verdict().await, Verdict::Verified);

    let reader = place.open("a").await;
    assert_eq!(both(&reader, &one).await, (sealed.clone(), shown));
    let stranger = place.open("b").await;
    assert_eq!(both(&stranger, &one).await, (sealed.clone(), sealed));
}

#[tokio::test]
async fn repeated_ids_are_known_although_what_is_sealed_differs() {
    let place = Place::new();
    let trail = place.init().await;
    let mut event: Value = serde_json::from_slice(&event("u1", "mira@example.com")).unwrap();
    event["audit_id"] = json!("mine");
    let bytes = serde_json::to_vec(&event).unwrap();
    for _ in 0..2 {
        assert_eq!(trail.record(&bytes, Strictness::Strict).await.unwrap(), "mine");
    }
    event["email"] = json!("other@example.com");
    let other = serde_json::to_vec(&event).unwrap();
    let conflict = trail.record(&other, Strictness::Strict).await.unwrap_err();
    assert!(matches!(conflict, Error::Conflict { .. }));
    assert_eq!(trail.stats().await.unwrap().unsealed, 1);
}

#[tokio::test]
async fn a_host_without_the_privacy_key_records_nothing_personal() {
    let place = Place::new();
    let trail = place.init().await;
    let id = trail.record(&event("u1", "mira@example.com"), Strictness::Strict).await.unwrap();
    trail.close(true).await.unwrap();
    let file = place.home("a").keys_dir.join(&trail.info().trail_id).join(PRIVACY_KEY_FILE);
    let key = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let trail = place.open("a").await;
    let refused = trail.record(&event("u2", "kim@example.com"), Strictness::Strict).await;
    let error = refused.unwrap_err();
    assert!(matches!(&error, Error::Key(_)) && error.to_string().contains(PRIVACY_KEY_FILE));
    assert!(!file.exists(), "another key would be no good");
    trail.record(br#"{"event_type":"data.filter"}"#, Strictness::Lenient).await.unwrap();
    // As a variable it opens what the file did.
    let mut options = place.options("c");
    let secret = Secret::from_bytes(key.try_into().unwrap()).to_base64().to_string();
    options.privacy = crate::keys::PrivacySource::new(None, &|_| Some(secret.clone()));
    let reader = Trail::open(&place.url(), options).await.unwrap();
    assert_eq!(both(&reader, &id).await.1["email"], json!("mira@example.com"));
}

#[tokio::test]
async fn an_erasure_is_pending_until_every_holder_confirmed_and_restores_change_nothing() {
    let place = Place::new();
    let trail = place.init().await;
    let one = trail.record(&event("u1", "mira@example.com"), Strictness::Strict).await.unwrap();
    let two = trail.record(&event("u2", "kim@example.com"), Strictness::Strict).await.unwrap();
    trail.flush().await.unwrap();
    let other = trail.authorize_writer(|_| Ok(())).await.unwrap();
    let backup = place.dir.path().join("copy");
    let subjects = place.dir.path().join("audit/subjects");
    copy(&subjects, &backup);

    let none = BTreeSet::new();
    for (subject, reason, approver) in [("nobody", "r", "a"), ("u1", " ", "a"), ("u1", "r", "")] {
        assert!(trail.erase(subject, reason, approver, &none).await.is_err(), "{subject}");
    }
    assert!(trail.erasures().await.unwrap().is_empty());
    let status = trail.erase("u1", "request 17", "dpo", &none).await.unwrap();
    assert_eq!(status.state, ErasureState::ErasurePending);
    assert_eq!(status.pending, [other.clone(), "backup".to_owned()]);
    assert!(status.confirmed.contains(&STORE.to_owned()), "{status:?}");
    assert!(!status.subject.contains("u1"));
    for (id, email) in [(&one, json!(ERASED)), (&two, json!("kim@example.com"))] {
        assert_eq!(both(&trail, id).await.1["email"], email);
    }
    let earlier = trail.view_at(crate::ledger::Moment::Entries(2)).await.unwrap();
    let vault = earlier.vault.clone().unwrap();
    let record = trail.get(&one).await.unwrap().unwrap();
    let shown: Value = serde_json::from_slice(&vault.unsealed(record).await.unwrap()).unwrap();
    assert_eq!(shown["input"]["prompt"], json!(ERASED));

    // What comes later is the subject's new data, under a new key.
    let three = trail.record(&event("u1", "new@example.com"), Strictness::Strict).await.unwrap();
    assert_eq!(both(&trail, &three).await.1["email"], json!("new@example.com"));
    trail.close(true).await.unwrap();

    copy(&backup, &subjects);
    let trail = place.open("a").await;
    assert_eq!(both(&trail, &one).await.1["email"], json!(ERASED));
    assert_eq!(trail.resume_erasures().await.unwrap(), 1);
    assert_eq!(both(&trail, &three).await.1["email"], json!("new@example.com"));
    for holder in [other.as_str(), "backup"] {
        trail.confirm_erasure(status.entry, holder).await.unwrap();
    }
    assert!(trail.confirm_erasure(status.entry, "backup").await.is_err(), "once each");
    assert_eq!(trail.erasures().await.unwrap()[0].state, ErasureState::Erased);
    assert_eq!(place.verdict().await, Verdict::Erased);
}

#[tokio::test]
async fn an_active_hold_forbids_erasure_unless_it_was_cleared() {
    let place = Place::new();
    let trail = place.init().await;
    trail.record(&event("u1", "mira@example.com"), Strictness::Strict).await.unwrap();
    let hold = crate::ledger::Hold {
        by: "counsel".to_owned(),
        id: "case-9".to_owned(),
        matching: serde_json::Map::new(),
        reason: "litigation".to_owned(),
    };
    let put = trail.put_owner_entry(|_| {
        let mut body = super::owner::body(crate::ledger::Kind::Hold);
        body.hold = Some(hold.clone());
        Ok(body)
    });
    put.await.unwrap();
    let held = trail.erase("u1", "request", "dpo", &BTreeSet::new()).await.unwrap_err();
    assert!(held.to_string().contains("case-9"), "{held}");
    let cleared = BTreeSet::from(["case-9".to_owned()]);
    trail.erase("u1", "request", "dpo", &cleared).await.unwrap();
}

#[tokio::test]
async fn events_are_redacted_before_they_are_recorded_where_that_is_asked_for() {
    let place = Place::new();
    init(&place.url(), &InitOptions::new(place.home("a"))).await.unwrap();
    let mut config = Config::default();
    config.redaction.include_sensitive_data = false;
    config.redaction.apply = crate::config::RedactionPlace::Record;
    config.redaction.action = crate::config::RedactionAction::Encrypt;
    let settings = Settings::from_config(&config, &place.url());
    let options = OpenOptions::new(place.home("a"), settings);
    let trail = Trail::open(&place.url(), options).await.unwrap();
    let event = json!({
        "event_type": "data.call",
        "audit_id": "mine",
        "note": "card 4111 1111 1111 1111",
        "big": 4_111_111_111_111_111_000_u64,
    });
    let bytes = serde_json::to_vec(&event).unwrap();
    for _ in 0..2 {
        trail.record(&bytes, Strictness::Lenient).await.unwrap();
    }
    let record = trail.get("mine").await.unwrap().unwrap();
    assert!(!files_have(place.dir.path(), "4111 1111 1111 1111"));
    let shown: Value = serde_json::from_slice(&record).unwrap();
    assert_eq!(shown["_redacted"], json!([{"how": "encrypt", "path": "/note", "what": "card"}]));
    assert_eq!(shown["_exact_numbers"], json!(["/big"]));
    let (revealed, count) = trail.revealer().unwrap().reveal(&record).unwrap();
    let revealed: Value = serde_json::from_slice(&revealed).unwrap();
    assert_eq!((&revealed["note"], count), (&event["note"], 1));
    let reserved = br#"{"event_type":"data.call","_redacted":[]}"#;
    assert!(trail.record(reserved, Strictness::Lenient).await.is_err());
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn no_personal_fields_no_sealer() {
    let place = Place::new();
    let options =
        OpenOptions::new(place.home("a"), Settings::from_config(&Config::default(), &place.url()));
    let storage = Storage::open(&place.url()).unwrap();
    let vault = privacy::vault("0198f0c2-7a5e-7d3a-8d5e-0242ac120002", &storage, &options);
    let personal = &Config::default().redaction.personal;
    assert!(Sealer::new(personal, vault).unwrap().is_none());
}
