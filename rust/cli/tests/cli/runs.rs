use super::ground::{Ground, login};

fn record(ground: &Ground, user: &str) {
    ground.feed(&["record"], login(user, 5).to_string().as_bytes()).exits(0);
}

/// Base64 of the 76 bytes that a cosignature has.
fn line() -> String {
    format!("\u{2014} witness.example/w {}AA==\n", "A".repeat(100))
}

#[test]
fn one_shot_commands_end_their_runs_by_the_entry_that_they_write_anyway() {
    let mut ground = Ground::with_events(&[login("ana", 1)]);
    let before = ground.files("audit/ledger").len();
    record(&ground, "ben");
    record(&ground, "carl");
    assert_eq!(ground.files("audit/ledger").len(), before + 2);
    ground.feed(&["record", "--no-commit"], login("dora", 6).to_string().as_bytes()).exits(0);
    let runs = ground.run(&["verify-integrity"]).exits(0).json()["runs"].clone();
    assert_eq!(runs, serde_json::json!({"closed": 3, "open": [], "recovered": []}));
    // What was left in the log in order is no crash.
    record(&ground, "emil");
    let runs = ground.run(&["verify-integrity"]).exits(0).json()["runs"].clone();
    assert_eq!(
        (&runs["recovered"], &runs["open"]),
        (&serde_json::json!([]), &serde_json::json!([]))
    );
    ground.terminal = true;
    let table = ground.run(&["verify-integrity"]).exits(0).out;
    assert!(table.contains("runs ended in order"), "{table}");
}

#[test]
fn a_checkpoint_that_somebody_else_signed_too_is_kept() {
    let ground = Ground::with_events(&[login("ana", 1)]);
    ground.run(&["checkpoint", "--cosigned"]).exits(3);
    let note = ground.run(&["checkpoint"]).exits(0).out;
    ground.write("own", &note);
    ground.run(&["checkpoint", "--keep", "own"]).exits(2);
    ground.write("forged", &(note.replacen("\n3\n", "\n2\n", 1) + &line()));
    ground.run(&["checkpoint", "--keep", "forged"]).exits(4);
    let witnessed = note + &line();
    ground.write("witnessed", &witnessed);
    let kept = ground.run(&["checkpoint", "--keep", "witnessed"]).exits(0);
    assert!(kept.err.contains("3 entries, signed by witness.example/w"), "{}", kept.err);
    ground.run(&["checkpoint", "--keep", "witnessed"]).exits(0);
    record(&ground, "ben");
    assert_eq!(ground.run(&["checkpoint", "--cosigned"]).exits(0).out, witnessed);
    let report = ground.run(&["verify-integrity"]).exits(0).json();
    assert_eq!(report["checked"]["cosigned"], 1);
}
