use super::{PRIVACY_KEY_FILE, PRIVACY_KEY_VARIABLE, PrivacyKey, PrivacySource};
use crate::keys::Secret;

const TRAIL: &str = "0198f0c2-7a5e-7d3a-8d5e-0242ac120002";

#[test]
fn a_key_comes_from_where_the_configuration_says_else_from_the_variable_else_from_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let key = |byte| Secret::from_bytes([byte; 32]);
    let id = |byte| PrivacyKey::new(key(byte)).id();
    let none = PrivacySource::new(None, &|_| None);
    assert!(none.load(dir.path()).unwrap().is_none());
    let made = none.load_or_create(dir.path()).unwrap().id();
    assert_eq!(none.load(dir.path()).unwrap().unwrap().id(), made);
    assert_eq!(none.load_or_create(dir.path()).unwrap().id(), made);

    let env = |name: &str| match name {
        PRIVACY_KEY_VARIABLE => Some(key(1).to_base64().to_string()),
        "OTHER" => Some(format!("{}\n", *key(2).to_base64())),
        _ => None,
    };
    let of = |reference| PrivacySource::new(reference, &env).load(dir.path());
    assert_eq!(of(None).unwrap().unwrap().id(), id(1));
    assert_eq!(of(Some("env:OTHER")).unwrap().unwrap().id(), id(2));
    let file = dir.path().join(PRIVACY_KEY_FILE).to_string_lossy().into_owned();
    assert_eq!(of(Some(&file)).unwrap().unwrap().id(), made);
    let command = format!("cmd:printf %s '{}'", *key(3).to_base64());
    assert_eq!(of(Some(&command)).unwrap().unwrap().id(), id(3));
    assert!(of(Some("env:NOT_SET")).is_err());
    assert!(of(Some("/no/such/file")).is_err());
}

#[test]
fn what_is_no_key_is_refused_without_telling_what_it_is() {
    let source = PrivacySource::new(None, &|_| Some("hunter2".to_owned()));
    let error = source.load(std::path::Path::new("/nowhere")).unwrap_err().to_string();
    assert!(error.contains("32 bytes") && !error.contains("hunter2"), "{error}");
    assert!(!format!("{source:?}").contains("hunter2"));
}

#[test]
fn derived_keys_differ_by_trail_and_purpose() {
    let key = PrivacyKey::new(Secret::from_bytes([7; 32]));
    let other = "0198f0c2-7a5e-7d3a-8d5e-0242ac120003";
    let derived = [(TRAIL, "a"), (TRAIL, "b"), (other, "a")]
        .map(|(trail, info)| *key.derive(trail, info.as_bytes()).unwrap().secret().expose());
    assert!(derived[0] != derived[1] && derived[0] != derived[2]);
    assert!(key.derive("no trail", b"a").is_err());
}
