use std::fs;
use std::path::PathBuf;

use super::ground::{Ground, login};

fn events() -> Ground {
    Ground::with_events(&[login("ana", 1), login("ben", 2)])
}

fn key_file(ground: &Ground, name: &str) -> PathBuf {
    ground.files("home/keys").into_iter().find(|path| path.ends_with(name)).unwrap()
}

fn flip(path: &PathBuf, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_sound_trail_is_verified_with_what_was_checked_and_what_not() {
    let mut ground = events();
    for level in ["deep", "quick"] {
        let report = ground.run(&["verify-integrity", "--level", level]).exits(0).json();
        assert_eq!((&report["verdict"], &report["level"]), (&"VERIFIED".into(), &level.into()));
        assert_eq!(report["findings"], serde_json::json!([]));
        assert_eq!(report["checked"]["records"], if level == "deep" { 2 } else { 0 });
        assert!(report["checked"]["hmacs"].as_u64().unwrap() > 0, "{report}");
    }
    ground.terminal = true;
    let table = ground.run(&["verify-integrity"]).exits(0).out;
    assert!(table.starts_with("VERIFIED  "), "{table}");
    assert!(table.contains("2 records") && table.contains("not checked: "), "{table}");
}

#[test]
fn a_flipped_bit_is_a_finding_that_names_the_segment() {
    let ground = events();
    let segment = ground.files("audit/segments").remove(0);
    flip(&segment, 10);
    let report = ground.run(&["verify-integrity"]).exits(4).json();
    assert_eq!(report["verdict"], "TAMPERED");
    let name = segment.strip_prefix(ground.path("audit")).unwrap();
    let objects: Vec<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["object"].as_str().unwrap())
        .collect();
    assert!(objects.contains(&name.to_str().unwrap()), "{objects:?}");
    let table = ground.run(&["verify-integrity", "-o", "table"]).exits(4).out;
    assert!(table.contains("\nfinding: TAMPERED "), "{table}");
}

#[test]
fn a_missing_segment_is_missing() {
    let ground = events();
    fs::remove_file(ground.files("audit/segments").remove(0)).unwrap();
    let report = ground.run(&["verify-integrity", "--level", "quick"]).exits(4).json();
    assert_eq!(report["verdict"], "MISSING");
}

#[test]
fn every_byte_of_the_description_and_of_the_ledger_counts() {
    let ground = events();
    let mut files = ground.files("audit/ledger");
    files.push(ground.path("audit/trail.json"));
    for file in files {
        let size = fs::metadata(&file).unwrap().len() as usize;
        for at in (0..size).step_by(37) {
            flip(&file, at);
            ground.run(&["verify-integrity", "--level", "quick"]).exits(4);
            flip(&file, at);
        }
    }
    ground.run(&["verify-integrity"]).exits(0);
}

#[test]
fn what_is_not_committed_is_said() {
    let ground = events();
    ground.feed(&["record", "--no-commit"], login("carl", 3).to_string().as_bytes()).exits(0);
    let report = ground.run(&["verify-integrity"]).exits(0).json();
    assert_eq!(report["verdict"], "VERIFIED_TO(2)");
    assert_eq!(report["unsealed"], 1);
}

#[test]
fn without_a_key_nothing_is_believed() {
    let mut ground = events();
    let vkey = fs::read_to_string(key_file(&ground, "owner.vkey")).unwrap();
    fs::copy(key_file(&ground, "owner.vkey"), ground.path("public")).unwrap();
    ground.set("SEALTRAIL_HOME", ground.path("elsewhere").to_str().unwrap());
    let none = ground.run(&["verify-integrity"]).exits(2);
    assert_eq!(none.out, "");
    assert!(none.err.contains("--key"), "{}", none.err);
    for key in [vkey.trim(), "public"] {
        let report = ground.run(&["verify-integrity", "--key", key]).exits(0).json();
        assert_eq!(
            (&report["verdict"], &report["checked"]["hmacs"]),
            (&"VERIFIED".into(), &0.into())
        );
    }
    ground.run(&["verify-integrity", "--key", "no-such-file"]).exits(3);
    ground.run(&["verify-integrity", "--key", &vkey.trim().replace('+', "x")]).exits(3);
}

#[test]
fn the_secret_may_be_named_or_come_from_the_environment() {
    let mut ground = events();
    let owner = key_file(&ground, "owner.json");
    let secret = fs::read_to_string(&owner).unwrap();
    let (vkey, owner) = (key_file(&ground, "owner.vkey"), owner.to_str().unwrap().to_owned());
    let vkey = vkey.to_str().unwrap().to_owned();
    ground.set("SEALTRAIL_HOME", ground.path("elsewhere").to_str().unwrap());
    for flags in [&["--owner-key", &owner][..], &["--owner-key", &owner, "--key", &vkey]] {
        let report = ground.run(&[&["verify-integrity"], flags].concat()).exits(0).json();
        assert!(report["checked"]["hmacs"].as_u64().unwrap() > 0, "{report}");
    }
    ground.set("SEALTRAIL_OWNER_KEY", &secret);
    let report = ground.run(&["verify-integrity"]).exits(0).json();
    assert!(report["checked"]["hmacs"].as_u64().unwrap() > 0, "{report}");
}

#[test]
fn the_key_of_another_trail_does_not_verify() {
    let (ground, other) = (events(), events());
    let key = key_file(&other, "owner.vkey");
    let owner = key_file(&other, "owner.json");
    let report = ground.run(&["verify-integrity", "--key", key.to_str().unwrap()]).exits(4).json();
    assert_eq!(report["verdict"], "TAMPERED");
    let own = key_file(&ground, "owner.vkey");
    let (own, owner) = (own.to_str().unwrap(), owner.to_str().unwrap());
    ground.run(&["verify-integrity", "--key", own, "--owner-key", owner]).exits(2);
}

#[test]
fn threads_are_counted_and_no_trail_is_told() {
    let ground = events();
    ground.run(&["verify-integrity", "--threads", "1"]).exits(0);
    ground.run(&["verify-integrity", "--threads", "0"]).exits(2);
    let none = ground.run(&["verify-integrity", "--trail", "nowhere"]).exits(3);
    assert!(none.err.contains("holds no trail"), "{}", none.err);
}
