use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::keys::Secret;

fn rules() -> Rules {
    Rules {
        limits: Limits::default(),
        max_future: 86_400_000_000,
        defaults: Vec::new(),
        content_key: Arc::new(HmacKey::new(Secret::from_bytes([7; 32]))),
        redactor: None,
        sealer: None,
    }
}

const NOW: i64 = 1_789_373_527_114_000;

fn record(event: &str, strictness: Strictness, rules: &Rules) -> Result<String> {
    let checked = Checker::default().check(event.as_bytes(), rules, strictness)?;
    let stamp = IdSource::new(0)?.stamp(NOW);
    let mut out = Vec::new();
    checked.stamp(&stamp, rules, None, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

fn refused(event: &str, strictness: Strictness) -> (&'static str, String) {
    match record(event, strictness, &rules()) {
        Err(Error::InvalidEvent { reason, path, .. }) => (reason, path),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_recorder_adds_what_it_must_and_nothing_else() {
    let event =
        r#"{"z":1,"event_type":"data.x","audit_id":"a","timestamp":"2026-09-14T10:12:07.5+02:00"}"#;
    assert_eq!(
        record(event, Strictness::Strict, &rules()).unwrap(),
        r#"{"audit_id":"a","event_type":"data.x","recorded_at":"2026-09-14T08:12:07.114Z","schema_version":1,"timestamp":"2026-09-14T08:12:07.500Z","z":1}"#
    );
    let text = record(r#"{"event_type":"data.x"}"#, Strictness::Strict, &rules()).unwrap();
    assert!(text.starts_with(r#"{"audit_id":"audit_evt_"#), "{text}");
    assert!(text.contains(r#""timestamp":"2026-09-14T08:12:07.114Z""#), "{text}");
    let mut with_host = rules();
    with_host.defaults = vec![("host", "h1".to_owned()), ("user_id", "u".to_owned())];
    let text = record(r#"{"event_type":"data.x","user_id":"me"}"#, Strictness::Lenient, &with_host);
    let text = text.unwrap();
    assert!(text.contains(r#""host":"h1","#) && text.contains(r#""user_id":"me""#), "{text}");
}

#[test]
fn inexact_numbers_are_strings_that_the_record_lists() {
    let text = r#"{"event_type":"data.x","a":{"b/c":[1e400,2]},"n":12345678901234567890}"#;
    let text = record(text, Strictness::Lenient, &rules()).unwrap();
    assert!(
        text.starts_with(r#"{"_exact_numbers":["/a/b~1c/0","/n"],"a":{"b/c":["1e400",2]}"#),
        "{text}"
    );
    assert!(text.contains(r#""n":"12345678901234567890""#), "{text}");
}

#[test]
fn refusals_name_the_field() {
    let lenient = Strictness::Lenient;
    assert_eq!(refused("{}", lenient), ("missing_field", "event_type".into()));
    assert_eq!(refused(r#"{"event_type":"foo.x"}"#, lenient).0, "unknown_domain");
    assert_eq!(refused(r#"{"event_type":7}"#, lenient), ("wrong_type", "event_type".into()));
    for name in ["recorded_at", "schema_version", "schema_violations", "_exact_numbers"] {
        let event = format!(r#"{{"event_type":"data.x","{name}":1}}"#);
        assert_eq!(refused(&event, lenient), ("reserved_field", name.into()));
    }
    for id in [r#""""#, r#""a b""#, r#""\u00e9""#, &format!("\"{}\"", "x".repeat(257))] {
        let event = format!(r#"{{"event_type":"data.x","audit_id":{id}}}"#);
        assert_eq!(refused(&event, lenient), ("invalid_id", "audit_id".into()), "{id}");
    }
    let naive = r#"{"event_type":"data.x","timestamp":"2026-09-14T10:12:07"}"#;
    assert_eq!(refused(naive, lenient), ("naive_time", "timestamp".into()));
    let ahead = r#"{"event_type":"data.x","timestamp":"2026-09-15T08:12:08Z"}"#;
    assert_eq!(refused(ahead, lenient), ("future_time", "timestamp".into()));
}

#[test]
fn the_catalogue_refuses_strictly_and_notes_leniently() {
    let event = r#"{"event_type":"data.file_read","resource":{"size_bytes":"big"}}"#;
    assert_eq!(refused(event, Strictness::Strict).0, "catalogue");
    let text = record(event, Strictness::Lenient, &rules()).unwrap();
    assert!(text.contains(r#""schema_violations":[{"path":"resource.path","problem":"missing"},{"path":"resource.size_bytes","problem":"expected integer, found string"}]"#), "{text}");
}

#[test]
fn ids_are_version_7_and_rise() {
    let mut ids = IdSource::new(0).unwrap();
    let mut last = String::new();
    for i in 0..10_000 {
        let id = ids.stamp(NOW + i / 3).audit_id();
        assert!(id > last, "{id} after {last}");
        let uuid = id.strip_prefix("audit_evt_").unwrap();
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "7"), "{id}");
        assert!(matches!(&uuid[19..20], "8" | "9" | "a" | "b"), "{id}");
        last = id;
    }
    let range = ids.reserve(9000, NOW);
    assert!(range.get(0).audit_id() > last);
    let after = ids.stamp(NOW - 1_000_000);
    assert!(after.audit_id() > range.get(8999).audit_id());
    assert!(after.recorded_at >= range.get(8999).recorded_at);
    let mut reopened = IdSource::new(after.recorded_at).unwrap();
    assert!(reopened.stamp(0).audit_id()[..25] > after.audit_id()[..25]);
}

proptest! {
    #[test]
    fn a_record_is_its_event_and_the_recorders_members(
        fields in prop::collection::btree_map("[a-zé_\"]{1,6}", any::<i32>(), 0..12)
    ) {
        let mut event: serde_json::Map<String, serde_json::Value> =
            fields.into_iter().map(|(k, v)| (k, v.into())).collect();
        event.insert("event_type".into(), "system.x".into());
        event.insert("audit_id".into(), "id".into());
        let text = serde_json::Value::Object(event.clone()).to_string();
        let made = record(&text, Strictness::Lenient, &rules()).unwrap();
        let mut back: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&made).unwrap();
        prop_assert_eq!(serde_json_canonicalizer::to_string(&back).unwrap(), made);
        for added in ["recorded_at", "schema_version", "timestamp"] {
            prop_assert!(back.remove(added).is_some());
        }
        back.remove("schema_violations");
        prop_assert_eq!(back, event);
    }
}
