use std::fs;

use super::ground::{Ground, login};

fn verified() -> Ground {
    let ground = Ground::with_events(&[login("ana", 1), login("ben", 2)]);
    ground.run(&["verify-integrity"]).exits(0);
    ground
}

/// The newest entry of the ledger, and the hint, go.
fn cut(ground: &Ground) {
    let entries = ground.files("audit/ledger");
    fs::remove_file(entries.last().unwrap()).unwrap();
    fs::remove_file(ground.path("audit/checkpoint")).unwrap();
}

#[test]
fn the_first_verification_warns_and_the_next_ones_compare() {
    let ground = Ground::with_events(&[login("ana", 1)]);
    assert_eq!(ground.run(&["pin"]).exits(1).out, "");
    let first = ground.run(&["verify-integrity"]).exits(0);
    assert!(first.err.contains("warning: UNANCHORED"), "{}", first.err);
    let pin = ground.run(&["pin", "show"]).exits(0).json();
    let report = first.json();
    assert_eq!((&pin["size"], &pin["root"]), (&report["size"], &report["root"]));
    let second = ground.run(&["verify-integrity", "--require-pin"]).exits(0);
    assert_eq!(second.err, "");
    assert_eq!((&second.json()["anchored"], &report["anchored"]), (&true.into(), &false.into()));
}

#[test]
fn a_cut_trail_is_rolled_back_and_a_remade_one_forked() {
    let ground = verified();
    cut(&ground);
    let report = ground.run(&["verify-integrity"]).exits(4).json();
    assert_eq!(report["verdict"], "ROLLED_BACK");
    let unpinned = ground.run(&["verify-integrity", "--no-pin"]).exits(0);
    assert!(unpinned.err.contains("UNANCHORED"), "{}", unpinned.err);
    fs::remove_dir_all(ground.path("audit")).unwrap();
    ground.run(&["init"]).exits(0);
    let report = ground.run(&["verify-integrity"]).exits(4).json();
    assert_eq!(report["verdict"], "FORKED");
    ground.run(&["pin", "clear"]).exits(0);
    ground.run(&["verify-integrity"]).exits(0);
    ground.run(&["verify-integrity", "--require-pin"]).exits(0);
}

#[test]
fn a_pin_may_be_required_and_come_from_a_file_of_ones_own() {
    let mut ground = Ground::with_events(&[login("ana", 1)]);
    let report = ground.run(&["verify-integrity", "--require-pin"]).exits(4).json();
    assert_eq!(report["verdict"], "UNANCHORED");
    ground.run(&["verify-integrity"]).exits(0);
    let kept = ground.files("home/pins").into_iter().find(|f| f.extension().is_some()).unwrap();
    fs::copy(kept, ground.path("mine.json")).unwrap();
    fs::copy(ground.path("audit/checkpoint"), ground.path("note")).unwrap();
    let key = ground.files("home/keys").into_iter().find(|p| p.ends_with("owner.vkey")).unwrap();
    let key = key.to_str().unwrap().to_owned();
    ground.set("SEALTRAIL_HOME", ground.path("elsewhere").to_str().unwrap());
    for file in ["mine.json", "note"] {
        let flags = ["verify-integrity", "--key", &key, "--require-pin", "--pin", file];
        let before = fs::read(ground.path(file)).unwrap();
        let report = ground.run(&flags).exits(0).json();
        assert_eq!(report["verdict"], "VERIFIED");
        assert_eq!(fs::read(ground.path(file)).unwrap(), before, "{file} is only read");
        ground.run(&["pin", "clear"]).exits(0);
    }
    cut(&ground);
    for file in ["mine.json", "note"] {
        let flags = ["verify-integrity", "--key", &key, "--pin", file];
        assert_eq!(ground.run(&flags).exits(4).json()["verdict"], "ROLLED_BACK");
    }
    ground.run(&["verify-integrity", "--key", &key, "--pin", "nowhere"]).exits(3);
    ground.write("mine.json", "{}");
    let damaged = ground.run(&["verify-integrity", "--key", &key, "--pin", "mine.json"]).exits(4);
    assert!(damaged.err.contains("damaged"), "{}", damaged.err);
    for clash in [&["--pin", "note"][..], &["--require-pin"], &["--since-last"]] {
        ground.run(&[&["verify-integrity", "--no-pin"][..], clash].concat()).exits(2);
    }
}

#[test]
fn a_signed_checkpoint_becomes_the_pin() {
    let ground = Ground::with_events(&[login("ana", 1), login("ben", 2)]);
    fs::copy(ground.path("audit/checkpoint"), ground.path("note")).unwrap();
    ground.run(&["pin", "set", "note"]).exits(0);
    ground.run(&["verify-integrity", "--require-pin"]).exits(0);
    let other = Ground::with_events(&[login("ana", 1)]);
    fs::copy(other.path("audit/checkpoint"), ground.path("note")).unwrap();
    let refused = ground.run(&["pin", "set", "note"]).exits(4);
    assert!(refused.err.contains("no signer of this trail"), "{}", refused.err);
    ground.run(&["pin", "set", "nowhere"]).exits(3);
    ground.write("note", "not a note\n");
    ground.run(&["pin", "set", "note"]).exits(4);
    ground.run(&["verify-integrity", "--require-pin"]).exits(0);
}

#[test]
fn a_damaged_pin_is_told_and_never_ignored() {
    let ground = verified();
    let kept = ground.files("home/pins").into_iter().find(|f| f.extension().is_some()).unwrap();
    let mut bytes = fs::read(&kept).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(&kept, bytes).unwrap();
    for command in [&["verify-integrity"][..], &["pin"], &["verify-integrity", "--since-last"]] {
        let damaged = ground.run(command).exits(4);
        assert!(damaged.err.contains("this pin is damaged"), "{}", damaged.err);
    }
    ground.run(&["pin", "clear"]).exits(0);
    ground.run(&["verify-integrity"]).exits(0);
}

#[test]
fn since_last_looks_only_at_what_is_new() {
    let ground = verified();
    ground.feed(&["record"], login("carl", 3).to_string().as_bytes()).exits(0);
    let report = ground.run(&["verify-integrity", "--since-last"]).exits(0).json();
    assert_eq!(
        (&report["verdict"], &report["checked"]["records"]),
        (&"VERIFIED".into(), &1.into())
    );
    assert_eq!(report["since"]["records"], 2);
    let said = report["not_checked"].to_string();
    assert!(said.contains("1 segments with 2 records"), "{said}");
    cut(&ground);
    let report = ground.run(&["verify-integrity", "--since-last"]).exits(4).json();
    assert_eq!(report["verdict"], "ROLLED_BACK");
}
