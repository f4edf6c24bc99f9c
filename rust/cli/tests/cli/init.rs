use std::fs;

use super::ground::Ground;

#[test]
fn the_keys_lie_outside_of_the_trail_and_only_the_public_one_is_shown() {
    let ground = Ground::new();
    let made = ground.run(&["init", "my-audit"]).exits(0);
    assert!(made.err.contains("Back up the owner key"), "{}", made.err);
    let owner = ground.files("home/keys").into_iter().find(|p| p.ends_with("owner.json")).unwrap();
    assert!(made.out.contains(owner.to_str().unwrap()), "{}", made.out);
    let vkey = fs::read_to_string(owner.with_file_name("owner.vkey")).unwrap();
    assert!(made.out.contains(vkey.trim()), "{}", made.out);
    let secrets: serde_json::Value = serde_json::from_slice(&fs::read(&owner).unwrap()).unwrap();
    for name in ["ed25519_seed", "root_secret"] {
        let secret = secrets[name].as_str().unwrap();
        assert!(!made.out.contains(secret) && !made.err.contains(secret), "{name}");
        for file in ground.files("my-audit") {
            let bytes = fs::read(&file).unwrap();
            let found = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!found, "{name} in {file:?}");
        }
    }
}

#[test]
#[cfg(unix)]
fn nobody_else_can_read_the_owner_key() {
    use std::os::unix::fs::PermissionsExt;

    let ground = Ground::with_trail();
    let owner = ground.files("home/keys").into_iter().find(|p| p.ends_with("owner.json")).unwrap();
    assert_eq!(fs::metadata(owner).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_trail_is_made_once() {
    let ground = Ground::with_trail();
    let before = fs::read(ground.path("audit/trail.json")).unwrap();
    let again = ground.run(&["init"]).exits(3);
    assert!(again.err.contains("already holds a trail"), "{}", again.err);
    assert_eq!(fs::read(ground.path("audit/trail.json")).unwrap(), before);
}

#[test]
fn flags_go_before_the_configuration() {
    let ground = Ground::new();
    ground.write("sealtrail.yaml", "audit:\n  trail:\n    partitioning: day\n    url: from-file\n");
    let made = ground.run(&["init"]).exits(0);
    assert!(made.out.contains("partitioned by  day"), "{}", made.out);
    assert!(ground.path("from-file/trail.json").exists());
    let made = ground.run(&["init", "other", "--partition-by", "month"]).exits(0);
    assert!(made.out.contains("partitioned by  month"), "{}", made.out);
}

#[test]
fn the_flag_goes_before_the_variable() {
    let mut ground = Ground::new();
    ground.set("SEALTRAIL_TRAIL", "from-variable");
    ground.run(&["init"]).exits(0);
    assert!(ground.path("from-variable/trail.json").exists());
    ground.run(&["init", "--trail", "from-flag"]).exits(0);
    assert!(ground.path("from-flag/trail.json").exists());
}

#[test]
fn the_origin_names_the_log() {
    let ground = Ground::new();
    ground.run(&["init", "--origin", "example.com/audit"]).exits(0);
    let trail = fs::read_to_string(ground.path("audit/trail.json")).unwrap();
    assert!(trail.contains("\"origin\":\"example.com/audit\""), "{trail}");
    let refused = ground.run(&["init", "other", "--origin", "two words"]).exits(2);
    assert!(refused.err.starts_with("error: "), "{}", refused.err);
}

#[test]
fn two_names_for_the_trail_are_one_too_many() {
    let ground = Ground::new();
    ground.run(&["init", "a", "--trail", "b"]).exits(2);
    assert!(!ground.path("a").exists() && !ground.path("b").exists());
}

#[test]
fn a_url_with_a_password_is_refused_without_repeating_it() {
    let ground = Ground::new();
    let refused = ground.run(&["init", "s3://me:hunter2@bucket/audit"]).exits(2);
    assert!(!refused.err.contains("hunter2"), "{}", refused.err);
}
