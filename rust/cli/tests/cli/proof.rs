use std::fs;

use serde_json::Value;

use super::ground::{Ground, login};

/// A trail of three commits, and the owner's public key beside it.
fn events() -> Ground {
    let ground = Ground::with_events(&[login("ana", 1), login("ben", 2)]);
    for (user, minute) in [("carl", 3), ("dora", 4)] {
        ground.feed(&["record", "-"], login(user, minute).to_string().as_bytes()).exits(0);
    }
    let vkey = ground.files("home/keys").into_iter().find(|path| path.ends_with("owner.vkey"));
    fs::copy(vkey.unwrap(), ground.path("owner.vkey")).unwrap();
    ground
}

/// The same folder seen by somebody who has neither trail nor keys.
fn elsewhere(mut ground: Ground) -> Ground {
    fs::remove_dir_all(ground.path("audit")).unwrap();
    ground.set("SEALTRAIL_HOME", "/nonexistent");
    ground
}

fn size_of(note: &str) -> u64 {
    note.lines().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_record_is_proven_to_who_has_nothing_but_the_public_key() {
    let ground = events();
    let record = ground.run(&["get", "login-ana-1"]).exits(0).out;
    let printed = ground.run(&["prove", "login-ana-1"]).exits(0).out;
    ground.run(&["prove", "login-ana-1", "-o", "ana.proof"]).exits(0);
    let ground = elsewhere(ground);
    for arguments in [
        &["check-proof", "ana.proof", "--key", "owner.vkey"][..],
        &["check-proof", "-", "--key", "owner.vkey", "-o", "json"],
    ] {
        let shown = ground.feed(arguments, printed.as_bytes()).exits(0).json();
        assert_eq!(shown["kind"], "record");
        assert_eq!(shown["audit_id"], "login-ana-1");
        assert_eq!(shown["record"], record.trim());
        let signers = shown["signers"].as_array().unwrap();
        let writer = signers.iter().find(|signer| signer["writer"] == shown["writer"]).unwrap();
        assert!(writer["authorized"].as_u64() < shown["entry"].as_u64(), "{shown}");
        assert_eq!(writer["revoked"], Value::Null);
        assert!(shown["checkpoint"]["size"].as_u64() > shown["entry"].as_u64(), "{shown}");
    }
    let vkey = fs::read_to_string(ground.path("owner.vkey")).unwrap();
    let table = ground.run(&["check-proof", "ana.proof", "--key", vkey.trim(), "-o", "table"]);
    let table = table.exits(0).out;
    assert!(table.starts_with("HOLDS  record login-ana-1\n"), "{table}");
    for part in ["authorised by the owner in entry", "checkpoint", "not shown: ", record.trim()] {
        assert!(table.contains(part), "{part} in {table}");
    }
}

#[test]
fn what_was_changed_does_not_hold() {
    let ground = events();
    let proof = ground.run(&["prove", "login-ben-2"]).exits(0).out;
    for (from, to) in [("ben", "bob"), ("\"kind\":\"record\"", "\"kind\":\"consistency\"")] {
        ground.write("changed", proof.replace(from, to));
        let failed = ground.run(&["check-proof", "changed", "--key", "owner.vkey"]).exits(4);
        assert_eq!(failed.out, "");
        assert!(failed.err.starts_with("error: "), "{}", failed.err);
    }
    // Another trail's owner.
    let other = events();
    fs::copy(other.path("owner.vkey"), ground.path("other.vkey")).unwrap();
    ground.write("proof", proof);
    let failed = ground.run(&["check-proof", "proof", "--key", "other.vkey"]).exits(4);
    assert!(failed.err.contains("key"), "{}", failed.err);
}

#[test]
fn usage_and_files_that_cannot_be_read_are_told_apart() {
    let ground = events();
    ground.run(&["prove", "login-ana-1", "-o", "ana.proof"]).exits(0);
    ground.run(&["check-proof", "ana.proof"]).exits(2);
    ground.run(&["check-proof", "--key", "owner.vkey"]).exits(2);
    ground.run(&["prove"]).exits(2);
    ground.run(&["prove", "login-ana-1", "--from", "1"]).exits(2);
    ground.run(&["prove", "--to", "2"]).exits(2);
    ground.run(&["prove", "--from", "3", "--to", "2"]).exits(2);
    ground.run(&["prove", "--from", "3", "--to", "99"]).exits(2);
    ground.run(&["check-proof", "nothing", "--key", "owner.vkey"]).exits(3);
    ground.run(&["check-proof", "ana.proof", "--key", "no-such-file"]).exits(3);
    ground.run(&["check-proof", "ana.proof", "--key", "ana.proof"]).exits(3);
    ground.run(&["prove", "login-ana-1", "-o", "ana.proof/inside"]).exits(3);
    let none = ground.run(&["prove", "nobody"]).exits(1);
    assert_eq!((none.out.as_str(), none.err.contains("nobody")), ("", true));
}

#[test]
fn what_is_only_in_the_log_is_not_proven() {
    let ground = events();
    ground.feed(&["record", "--no-commit"], login("eve", 5).to_string().as_bytes()).exits(0);
    let failed = ground.run(&["prove", "login-eve-5"]).exits(2);
    assert!(failed.err.contains("flush"), "{}", failed.err);
}

#[test]
fn a_ledger_is_shown_to_extend_a_checkpoint_that_was_kept() {
    let ground = events();
    ground.run(&["checkpoint", "-o", "old.checkpoint"]).exits(0);
    let old = fs::read_to_string(ground.path("old.checkpoint")).unwrap();
    assert_eq!(ground.run(&["checkpoint"]).exits(0).out, old);
    ground.feed(&["record", "-"], login("eve", 5).to_string().as_bytes()).exits(0);
    let size = size_of(&old);
    let from = size.to_string();
    ground.run(&["prove", "--from", &from, "-o", "grown"]).exits(0);
    ground.run(&["prove", "--from", "1", "--to", &from, "-o", "before"]).exits(0);
    ground.run(&["prove", "login-ana-1", "-o", "ana.proof"]).exits(0);
    // The same number of entries, another history.
    let other = events();
    let note = other.run(&["checkpoint"]).exits(0).out;
    let root = note.lines().nth(2).unwrap();
    let origin = old.lines().next().unwrap();
    let signature = old.split_once("\n\n").unwrap().1;
    ground.write("fork", format!("{origin}\n{size}\n{root}\n\n{signature}"));
    ground.write("other", note);
    let ground = elsewhere(ground);
    let check = |proof: &str, kept: &str| {
        ground.run(&["check-proof", proof, "--key", "owner.vkey", "--checkpoint", kept])
    };
    for proof in ["grown", "before"] {
        let shown = check(proof, "old.checkpoint").exits(0).json();
        assert_eq!(shown["kind"], "consistency");
        let (at, grew) = if proof == "grown" { ("from", true) } else { ("to", false) };
        assert_eq!(shown[at]["size"], size);
        assert_eq!(shown["to"]["size"].as_u64().unwrap() > size, grew);
        assert!(check(proof, "fork").exits(4).err.contains("forked"));
        check(proof, "other").exits(4);
    }
    let table = ground.run(&["check-proof", "grown", "--key", "owner.vkey", "-o", "table"]);
    assert!(table.exits(0).out.starts_with("HOLDS  "));
    let later = check("ana.proof", "old.checkpoint").exits(2);
    assert!(later.err.contains(&format!("prove --from {size}")), "{}", later.err);
    check("grown", "nothing").exits(3);
    check("grown", "grown").exits(4);
}
