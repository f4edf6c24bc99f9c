use super::*;
use crate::keys::OwnerKey;

const TRAIL: &str = "0190f0c5-7b1a-7cc2-9d3e-1f2a3b4c5d6e";

fn passphrase(text: &'static str) -> Passphrase {
    Passphrase::new(move |_| Ok(Some(text.to_owned().into())))
}

fn nothing(_: &str) -> Option<String> {
    None
}

#[test]
fn a_locked_key_opens_with_its_passphrase_only() {
    let key = OwnerKey::generate(TRAIL).unwrap();
    let locked = key.to_file(Some("correct horse")).unwrap();
    let opened = OwnerKey::from_bytes(&locked, "f", &passphrase("correct horse")).unwrap();
    assert_eq!(opened.public(), key.public());
    assert_eq!(opened.hmac().unwrap(), key.hmac().unwrap());
    for wrong in ["correct horses", "", "Correct horse"] {
        let env = |_: &str| Some(wrong.to_owned());
        let asked = Passphrase::new(move |_| Ok(Some(wrong.to_owned().into())));
        let error = OwnerKey::from_bytes(&locked, "f", &asked).unwrap_err().to_string();
        assert!(error.contains("passphrase is wrong"), "{error}");
        assert!(wrong.is_empty() || Passphrase::from_env(&env).of("f").is_ok());
    }
    let error = OwnerKey::from_bytes(&locked, "the place", &Passphrase::default()).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("the place") && error.contains("SEALTRAIL_PASSPHRASE"), "{error}");
}

#[test]
fn a_locked_key_tells_nothing_and_no_byte_of_it_can_be_changed() {
    let key = OwnerKey::generate(TRAIL).unwrap();
    let plain = key.to_file(None).unwrap();
    let locked = key.to_file(Some("p")).unwrap();
    assert_ne!(locked, key.to_file(Some("p")).unwrap(), "salt and nonce are fresh");
    let text = String::from_utf8(plain.to_vec()).unwrap();
    for secret in text.split('"').filter(|part| part.len() > 40) {
        assert!(!locked.windows(secret.len()).any(|part| part == secret.as_bytes()));
    }
    // What is no valid JSON, base64 or parameter fails before the slow derivation of the key.
    let positions = (0..locked.len()).step_by(17);
    for at in positions {
        let mut changed = locked.to_vec();
        changed[at] ^= 1;
        assert!(OwnerKey::from_bytes(&changed, "f", &passphrase("p")).is_err(), "byte {at}");
    }
}

#[test]
fn a_locked_key_cannot_exhaust_the_machine() {
    let locked = OwnerKey::generate(TRAIL).unwrap().to_file(Some("p")).unwrap();
    let text = String::from_utf8(locked.to_vec()).unwrap();
    for (from, to) in [
        ("\"memory_kib\":65536", "\"memory_kib\":4294967295"),
        ("\"passes\":3", "\"passes\":4294967295"),
        ("\"lanes\":1", "\"lanes\":16777215"),
        ("\"memory_kib\":65536", "\"memory_kib\":0"),
    ] {
        assert!(text.contains(from), "{text}");
        let error = OwnerKey::from_bytes(text.replace(from, to).as_bytes(), "f", &passphrase("p"));
        assert!(error.unwrap_err().to_string().contains("demands more"), "{to}");
    }
}

#[test]
#[cfg(unix)]
fn keys_come_from_files_variables_and_commands() {
    let folder = tempfile::tempdir().unwrap();
    let key = OwnerKey::generate(TRAIL).unwrap();
    key.save(folder.path(), "example.com/audit").unwrap();
    let file = OwnerKey::path(folder.path(), TRAIL).display().to_string();
    let text = std::fs::read_to_string(&file).unwrap();
    let env = |name: &str| match name {
        "MY_KEY" | KEY_VARIABLE => Some(text.clone()),
        _ => None,
    };
    let command = format!("cmd:cat '{file}'");
    for reference in [file.as_str(), "env:MY_KEY", command.as_str()] {
        let read = OwnerKey::from_reference(reference, &env, &Passphrase::default()).unwrap();
        assert_eq!(read.public(), key.public(), "{reference}");
    }
    let by_command = |name: &str| (name == COMMAND_VARIABLE).then(|| format!("cat '{file}'"));
    for env in [&env as &dyn Fn(&str) -> Option<String>, &by_command] {
        let read = OwnerKey::from_env(env, &Passphrase::default()).unwrap().unwrap();
        assert_eq!(read.public(), key.public());
    }
    assert!(OwnerKey::from_env(&nothing, &Passphrase::default()).unwrap().is_none());
}

#[test]
#[cfg(unix)]
fn a_command_that_fails_is_not_repeated() {
    let from = |reference: &str| {
        OwnerKey::from_reference(reference, &nothing, &Passphrase::default()).unwrap_err()
    };
    for command in ["exit 3 # hunter2", "echo hunter2", "true hunter2"] {
        let error = from(&format!("cmd:{command}"));
        assert_eq!(error.kind(), "key");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    assert_eq!(from("env:NOT_SET").kind(), "not_found");
    assert_eq!(from("/no/such/file").kind(), "not_found");
}
