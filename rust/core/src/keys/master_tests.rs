use super::*;
use crate::runtime;

fn master(byte: u8) -> MasterKey {
    MasterKey::new(Secret::from_bytes([byte; 32]), "a test")
}

fn wrap_now(master: &MasterKey, key: &[u8; 32], context: &str) -> Wrapped {
    runtime().unwrap().block_on(master.wrap(key, context)).unwrap()
}

fn unwrapped(master: &MasterKey, wrapped: &Wrapped, context: &str) -> Result<Secret> {
    runtime().unwrap().block_on(master.unwrap(wrapped, context))
}

fn variables<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
    |name| pairs.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
}

#[test]
fn a_wrapped_key_comes_back() {
    let wrapped = wrap_now(&master(1), &[7; 32], "generation 1");
    assert_eq!(unwrapped(&master(1), &wrapped, "generation 1").unwrap().expose(), &[7; 32]);
    assert_ne!(wrapped, wrap_now(&master(1), &[7; 32], "generation 1"), "salts are fresh");
    let text = serde_json::to_string(&wrapped).unwrap();
    assert_eq!(serde_json::from_str::<Wrapped>(&text).unwrap(), wrapped);
    assert!(text.starts_with("{\"key\":\"local:"), "{text}");
}

#[test]
fn the_bytes_are_those_of_the_format() {
    let key = Secret::from_bytes([1; 32]);
    let sealed = super::wrap(&key, INFO, &[2; 32], &[7; 32], b"ctx").unwrap();
    let mut okm = [0; 64];
    let hkdf = hkdf::Hkdf::<sha2::Sha256>::new(Some(&[2; 32]), &[1; 32]);
    hkdf.expand(b"sealtrail master wrap v1", &mut okm).unwrap();
    assert_eq!(&sealed[..32], &[2; 32]);
    assert_eq!(&sealed[32..64], &okm[32..]);
    assert_eq!(BASE64.encode(&sealed), GOLDEN);
    assert_eq!(master(1).name(), NAME);
}

const GOLDEN: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgKGxcn5O1wrC8CH1b4TSeorEtMyRqDH3eWEL+Dx43\
    I94FJWQ4lnxDyVEo3B8EuGQwtsTB2/qKB/wIoK6stiECtKwjREYzQlt8i8PoloGKwtcA==";
const NAME: &str = "local:e7063e2c6a53f408";

#[test]
fn another_master_key_is_named_in_the_error() {
    let wrapped = wrap_now(&master(1), &[7; 32], "generation 1");
    let error = unwrapped(&master(2), &wrapped, "generation 1").unwrap_err();
    assert!(matches!(error, Error::Key(_)));
    let error = error.to_string();
    for part in ["generation 1", master(1).name(), master(2).name(), "a test"] {
        assert!(error.contains(part), "{part} in {error}");
    }
}

#[test]
fn no_byte_and_no_context_can_be_changed() {
    let wrapped = wrap_now(&master(1), &[7; 32], "generation 1");
    let bytes = BASE64.decode(wrapped.sealed.as_bytes()).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let changed = Wrapped { sealed: BASE64.encode(&changed), ..wrapped.clone() };
        let error = unwrapped(&master(1), &changed, "generation 1");
        assert!(matches!(error, Err(Error::Integrity { .. })), "byte {at}");
    }
    for length in 0..bytes.len() {
        let cut = Wrapped { sealed: BASE64.encode(&bytes[..length]), ..wrapped.clone() };
        assert!(unwrapped(&master(1), &cut, "generation 1").is_err(), "{length} bytes");
    }
    assert!(unwrapped(&master(1), &wrapped, "generation 2").is_err());
}

#[test]
fn keys_come_from_files_variables_and_commands() {
    let folder = tempfile::tempdir().unwrap();
    let text = Secret::from_bytes([9; 32]).to_base64().to_string();
    let file = folder.path().join("master.key");
    let reference = format!("file:{}", file.display());
    assert!(matches!(MasterKey::open(&reference), Err(Error::NotFound(_))));
    std::fs::write(&file, format!("{text}\n")).unwrap();
    chmod(&file, 0o644);
    let error = MasterKey::open(&reference).unwrap_err().to_string();
    assert!(error.contains("others may access"), "{error}");
    chmod(&file, 0o600);
    let from_file = MasterKey::open(&reference).unwrap();
    assert_eq!(from_file.name(), master(9).name());
    assert_eq!(from_file.place(), file.display().to_string());
    let env = [("MASTER", text.as_str()), ("BAD", "c2hvcnQ=")];
    let from_env = MasterKey::open_with("env:MASTER", &variables(&env)).unwrap();
    assert_eq!((from_env.name(), from_env.place()), (master(9).name(), "MASTER"));
    for command in ["command", "cmd"] {
        let reference = format!("{command}:echo {text}");
        let from_command = MasterKey::open(&reference).unwrap();
        assert_eq!(from_command.name(), master(9).name());
        assert!(!format!("{from_command:?} {}", from_command.place()).contains(&text));
    }
    let error = MasterKey::open_with("env:BAD", &variables(&env)).unwrap_err().to_string();
    assert!(error.contains("BAD") && !error.contains("c2hvcnQ"), "{error}");
    assert!(matches!(MasterKey::open_with("env:NONE", &variables(&env)), Err(Error::NotFound(_))));
}

#[test]
fn a_reference_of_no_kind_is_refused_and_not_repeated() {
    let text = Secret::from_bytes([9; 32]).to_base64().to_string();
    for reference in ["", "vault:x", "/etc/master.key", text.as_str()] {
        let error = MasterKey::open(reference).unwrap_err();
        assert!(matches!(error, Error::Usage(_)), "{reference}");
        assert!(!error.to_string().contains(&text));
    }
}

#[cfg(unix)]
fn chmod(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
fn chmod(_path: &Path, _mode: u32) {}
