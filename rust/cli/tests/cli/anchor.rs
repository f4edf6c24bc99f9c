use std::fs;
use std::process::Command;

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

const AUTHORITY: &str = "
[tsa]
serial = ./serial
crypto_device = builtin
signer_cert = ./tsa.pem
signer_key = ./tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
[req]
distinguished_name = dn
[dn]
[ext]
extendedKeyUsage = critical,timeStamping
";

/// `openssl` in the ground's folder; its success.
fn openssl(ground: &Ground, arguments: &str) -> bool {
    let mut command = Command::new("openssl");
    command.args(arguments.split(' ')).current_dir(ground.path(""));
    let output = command.output().unwrap();
    println!("{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    output.status.success()
}

#[test]
fn a_time_stamp_authority_says_when() {
    if Command::new("openssl").arg("version").output().is_err() {
        println!("no openssl here");
        return;
    }
    let ground = Ground::with_events(&[login("ana", 1)]);
    ground.write("authority.cnf", AUTHORITY);
    ground.write("serial", "01");
    assert!(openssl(
        &ground,
        "req -x509 -newkey rsa:2048 -nodes -keyout tsa.key -out tsa.pem -days 2 -subj /CN=tsa \
         -config authority.cnf -extensions ext"
    ));
    let reply = "ts -reply -config authority.cnf -section tsa -queryfile note.tsq -out note.tsr";
    let verify = "ts -verify -data note.txt -in note.tsr -CAfile tsa.pem";
    ground.run(&["anchor", "stamp", "note.txt", "--request", "note.tsq"]).exits(0);
    assert!(openssl(&ground, reply));
    let stamped = ground.run(&["anchor", "stamp", "note.txt", "--response", "note.tsr"]).exits(0);
    assert!(stamped.err.contains("3 entries"), "{}", stamped.err);
    assert!(openssl(&ground, verify), "anybody can check it");
    // A stamp for another note is none for this one.
    ground.run(&["anchor", "stamp", "other.txt", "--request", "note.tsq"]).exits(0);
    record(&ground, "ben");
    ground.run(&["anchor", "stamp", "newer.txt", "--request", "newer.tsq"]).exits(0);
    ground.run(&["anchor", "stamp", "newer.txt", "--response", "note.tsr"]).exits(4);
    fs::write(ground.path("note.txt"), "changed").unwrap();
    assert!(!openssl(&ground, verify));
    ground.run(&["anchor", "stamp", "note.txt", "--response", "note.tsr"]).exits(4);
    ground.run(&["anchor", "stamp", "newer.txt"]).exits(2);
}
