use std::fs;

use serde_json::Value;

use super::ground::{Ground, jsonl, login};

fn owner(ground: &Ground) -> std::path::PathBuf {
    ground.files("home/keys").into_iter().find(|p| p.ends_with("owner.json")).unwrap()
}

fn record(ground: &Ground, user: &str) {
    ground.feed(&["record"], jsonl(&[login(user, 1)]).as_bytes()).exits(0);
}

fn writers(ground: &Ground) -> Vec<Value> {
    let listed = ground.run(&["keys", "list", "-o", "json"]).exits(0).json();
    assert!(listed["owner"].as_str().unwrap().starts_with("sealtrail/"), "{listed}");
    listed["writers"].as_array().unwrap().clone()
}

fn id(text: &str) -> &str {
    let id = text.trim();
    assert!(id.starts_with("w-") && id.len() == 18, "{text:?}");
    id
}

#[test]
fn a_writer_is_brought_to_a_host_without_the_owners_key() {
    let mut ground = Ground::with_trail();
    let made = ground.run(&["keys", "authorize-writer", "-o", "writer.key"]).exits(0);
    let writer = id(&made.out).to_owned();
    ground.run(&["keys", "authorize-writer", "-o", "writer.key"]).exits(3);
    assert_eq!(writers(&ground).len(), 1, "a file that exists authorises nobody");
    let owners_home = ground.path("home").to_str().unwrap().to_owned();
    ground.set("SEALTRAIL_HOME", ground.path("elsewhere").to_str().unwrap());
    let refused = ground.feed(&["record"], jsonl(&[login("a", 1)]).as_bytes()).exits(3);
    assert!(refused.err.contains("owner's key is not here"), "{}", refused.err);
    let installed = ground.run(&["keys", "install", "writer.key"]).exits(0);
    assert_eq!(id(&installed.out), writer);
    assert!(!ground.path("writer.key").exists());
    record(&ground, "a");
    let listed = writers(&ground);
    assert_eq!((&listed[0]["records"], &listed[0]["here"]), (&1.into(), &true.into()));
    ground.run(&["keys", "revoke", &writer, "--reason", "mine"]).exits(3);
    ground.set("SEALTRAIL_HOME", &owners_home);
    ground.run(&["keys", "revoke", &writer, "--reason", "host lost"]).exits(0);
    ground.run(&["keys", "revoke", &writer, "--reason", "again"]).exits(2);
    assert!(writers(&ground)[0]["revoked"].is_u64());
    ground.run(&["verify-integrity"]).exits(0);
}

#[test]
#[cfg(unix)]
fn secret_files_are_for_their_user_alone() {
    use std::os::unix::fs::PermissionsExt;

    let ground = Ground::with_trail();
    ground.run(&["keys", "authorize-writer", "-o", "writer.key"]).exits(0);
    ground.run(&["keys", "init", "-o", "other.json"]).exits(0);
    for file in ["writer.key", "other.json"] {
        let mode = |p| fs::metadata(p).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(ground.path(file)), 0o600, "{file}");
    }
    fs::set_permissions(ground.path("writer.key"), fs::Permissions::from_mode(0o640)).unwrap();
    let refused = ground.run(&["keys", "install", "writer.key"]).exits(3);
    assert!(refused.err.contains("chmod 600"), "{}", refused.err);
    assert!(ground.path("writer.key").exists());
}

#[test]
fn rotation_gives_a_writer_new_keys() {
    let ground = Ground::with_trail();
    record(&ground, "a");
    let first = writers(&ground)[0]["writer"].as_str().unwrap().to_owned();
    let rotated = ground.run(&["keys", "rotate"]).exits(0);
    assert!(rotated.err.contains(&first), "{}", rotated.err);
    record(&ground, "b");
    let listed = writers(&ground);
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[1]["writer"], id(&rotated.out));
    assert_eq!((&listed[0]["here"], &listed[1]["here"]), (&false.into(), &true.into()));
    assert_eq!((&listed[0]["records"], &listed[1]["records"]), (&1.into(), &1.into()));
    let table = ground.run(&["keys", "list", "-o", "table"]).exits(0);
    assert!(table.out.contains(&first) && table.out.contains("entry 4"), "{}", table.out);
    ground.run(&["verify-integrity"]).exits(0);
}

#[test]
fn a_locked_owners_key_needs_its_passphrase() {
    let mut ground = Ground::with_trail();
    ground.run(&["keys", "lock"]).exits(2);
    ground.set("SEALTRAIL_PASSPHRASE", "correct horse");
    ground.run(&["keys", "lock"]).exits(0);
    assert!(fs::read_to_string(owner(&ground)).unwrap().starts_with("{\"aead\""));
    record(&ground, "a");
    ground.run(&["verify-integrity"]).exits(0);
    for wrong in ["", "wrong horse"] {
        ground.set("SEALTRAIL_PASSPHRASE", wrong);
        let refused = ground.run(&["keys", "rotate"]).exits(3);
        assert!(refused.err.contains("passphrase"), "{}", refused.err);
    }
    // The writer is there; recording asks for nothing.
    record(&ground, "b");
    ground.set("SEALTRAIL_PASSPHRASE", "correct horse");
    ground.run(&["keys", "unlock"]).exits(0);
    ground.set("SEALTRAIL_PASSPHRASE", "");
    ground.run(&["keys", "rotate"]).exits(0);
    ground.run(&["verify-integrity"]).exits(0);
}

#[test]
fn the_owners_key_may_stay_elsewhere() {
    let mut ground = Ground::new();
    ground.set("SEALTRAIL_PASSPHRASE", "p");
    let made = ground.run(&["keys", "init", "--passphrase", "-o", "owner.json"]).exits(0);
    ground.run(&["keys", "init", "-o", "owner.json"]).exits(3);
    let made_trail = ground.run(&["init", "--owner-key", "owner.json"]).exits(0);
    assert!(made_trail.out.contains(made.out.trim()), "{}", made_trail.out);
    assert!(!ground.files("home/keys").iter().any(|p| p.ends_with("owner.json")));
    let refused = ground.feed(&["record"], jsonl(&[login("a", 1)]).as_bytes()).exits(3);
    assert!(refused.err.contains("owner's key is not here"), "{}", refused.err);
    let command = format!("cat '{}'", ground.path("owner.json").display());
    ground.set("SEALTRAIL_OWNER_KEY_COMMAND", &command);
    record(&ground, "a");
    ground.set("SEALTRAIL_OWNER_KEY_COMMAND", "");
    record(&ground, "b");
    let report = ground.run(&["verify-integrity", "-o", "json"]).exits(0).json();
    assert_eq!((&report["verdict"], &report["checked"]["hmacs"]), (&"VERIFIED".into(), &0.into()));
    let with_key = ["verify-integrity", "-o", "json", "--owner-key"];
    for key in ["owner.json", &format!("cmd:{command}")] {
        let report = ground.run(&[&with_key[..], &[key]].concat()).exits(0).json();
        assert_eq!(report["checked"]["hmacs"], 6, "{report}");
    }
}

#[test]
fn the_public_key_is_exported() {
    let mut ground = Ground::with_trail();
    let printed = ground.run(&["keys", "export-public"]).exits(0);
    let kept = fs::read_to_string(owner(&ground).with_file_name("owner.vkey")).unwrap();
    assert_eq!((printed.out.as_str(), printed.err.as_str()), (kept.as_str(), ""));
    ground.run(&["keys", "export-public", "-o", "copy.vkey"]).exits(0);
    assert_eq!(fs::read_to_string(ground.path("copy.vkey")).unwrap(), kept);
    ground.set("SEALTRAIL_HOME", ground.path("elsewhere").to_str().unwrap());
    let printed = ground.run(&["keys", "export-public"]).exits(0);
    assert!(printed.err.contains("what the trail says of itself"), "{}", printed.err);
    ground.run(&["verify-integrity", "--key", "copy.vkey"]).exits(0);
}
