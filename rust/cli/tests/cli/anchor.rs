use std::fs;

use super::ground::{Ground, login};

fn cut(ground: &Ground, entries: usize) {
    for entry in ground.files("audit/ledger").iter().rev().take(entries) {
        fs::remove_file(entry).unwrap();
    }
    fs::remove_file(ground.path("audit/checkpoint")).unwrap();
}

fn record(ground: &Ground, user: &str) {
    ground.feed(&["record"], login(user, 5).to_string().as_bytes()).exits(0);
}

#[test]
fn anchors_get_checkpoints_and_tell_of_a_cut() {
    let mut ground = Ground::with_events(&[login("ana", 1)]);
    ground.run(&["verify-integrity", "--anchors"]).exits(2);
    let added = ground.run(&["anchor", "add", "anchor"]).exits(0);
    assert!(added.err.contains("holds the checkpoint of 3 entries"), "{}", added.err);
    ground.run(&["anchor", "add", "checkout.txt", "--file"]).exits(0);
    record(&ground, "ben");
    let list = ground.run(&["anchor", "list"]).exits(0).json();
    assert_eq!(list.as_array().unwrap().len(), 2);
    for anchor in list.as_array().unwrap() {
        assert_eq!((&anchor["published"], anchor["error"].is_null()), (&4.into(), true), "{list}");
    }
    let stats = ground.run(&["stats"]).exits(0).json();
    assert_eq!(stats["anchors"].as_object().unwrap().len(), 2);
    assert_eq!(ground.files("anchor").len(), 2, "one for each size");
    // Somebody who has seen nothing before.
    let check = ["verify-integrity", "--no-pin", "--anchors"];
    let sound = ground.run(&check).exits(0);
    assert_eq!((&sound.json()["anchored"], sound.err.as_str()), (&true.into(), ""));
    cut(&ground, 1);
    let report = ground.run(&check).exits(4).json();
    assert_eq!(report["verdict"], "ROLLED_BACK");
    let unanchored = ground.run(&["verify-integrity", "--no-pin"]).exits(0);
    assert!(unanchored.err.contains("UNANCHORED"), "{}", unanchored.err);
    ground.terminal = true;
    let table = ground.run(&["anchor", "list"]).exits(0).out;
    assert!(table.contains("folder") && table.contains("file"), "{table}");
    assert!(ground.run(&["stats"]).exits(0).out.contains("last sent"));
}

#[test]
fn anchors_can_be_taken_off_the_list() {
    let ground = Ground::with_events(&[login("ana", 1)]);
    for (target, flags) in [("anchor", &[][..]), ("checkout.txt", &["--file"])] {
        ground.run(&[&["anchor", "add", target][..], flags].concat()).exits(0);
        ground.run(&[&["anchor", "add", target][..], flags].concat()).exits(3);
        ground.run(&["anchor", "remove", target]).exits(0);
        ground.run(&["anchor", "remove", target]).exits(3);
        assert!(fs::exists(ground.path(target)).unwrap(), "what it holds stays");
    }
    assert_eq!(ground.run(&["anchor", "list"]).exits(0).json(), serde_json::json!([]));
    for bad in ["audit", "audit/ledger", "https://user:secret@example.com/"] {
        let refused = ground.run(&["anchor", "add", bad]).exits(2);
        assert!(!refused.err.contains("secret"), "{}", refused.err);
    }
}

#[test]
fn an_anchor_out_of_reach_is_told_and_fails_no_commit() {
    let ground = Ground::with_events(&[login("ana", 1)]);
    ground.run(&["anchor", "add", "anchor"]).exits(0);
    fs::remove_dir_all(ground.path("anchor")).unwrap();
    ground.write("anchor", "in the way");
    record(&ground, "ben");
    let list = ground.run(&["anchor", "list"]).exits(0).json();
    assert!(list[0]["error"].as_str().unwrap().contains("anchor"), "{list}");
    let report = ground.run(&["verify-integrity", "--anchors"]).exits(4).json();
    assert_eq!(report["verdict"], "UNANCHORED");
    fs::remove_file(ground.path("anchor")).unwrap();
    record(&ground, "carl");
    ground.run(&["verify-integrity", "--anchors", "--require-pin"]).exits(0);
}
