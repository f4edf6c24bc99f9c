use super::ground::Ground;

const GENERATE: [&str; 6] = ["demo", "--events", "50", "--end", "2026-07-01T00:00:00Z", "--jsonl"];

fn generated(ground: &Ground, more: &[&str]) -> String {
    ground.run(&[&GENERATE[..], &["-"], more].concat()).exits(0).out
}

#[test]
fn the_story_ends_well() {
    let ground = Ground::new();
    let told = ground.run(&["demo", "--events", "3000", "--dir", "demo"]).exits(0);
    let verdicts: Vec<&str> = told
        .out
        .lines()
        .filter_map(|line| line.trim().split("  ").next())
        .filter(|word| ["VERIFIED", "TAMPERED"].contains(word))
        .collect();
    assert_eq!(verdicts, ["VERIFIED", "TAMPERED", "TAMPERED"], "{}", told.out);
    assert!(told.out.contains("3,000 events in "), "{}", told.out);
    assert!(told.out.contains("on_behalf_of") && told.out.contains("usd"), "{}", told.out);
    assert!(!ground.path("home").exists(), "the user's own home is not touched");
}

#[test]
fn the_demo_can_be_gone_on_with() {
    let mut ground = Ground::new();
    ground.run(&["demo", "--events", "500", "--dir", "demo"]).exits(0);
    ground.set("SEALTRAIL_HOME", ground.path("demo/home").to_str().unwrap());
    ground.set("SEALTRAIL_TRAIL", ground.path("demo/audit").to_str().unwrap());
    assert_eq!(ground.run(&["stats"]).exits(0).json()["events"], 500);
    ground.run(&["verify-integrity"]).exits(0);
    ground.run(&["verify-integrity", "--trail", "demo/tampered"]).exits(4);
}

#[test]
fn events_can_be_had_alone_and_again() {
    let ground = Ground::new();
    let first = generated(&ground, &[]);
    assert_eq!(first.lines().count(), 50);
    assert_eq!(generated(&ground, &[]), first);
    assert_ne!(generated(&ground, &["--seed", "2"]), first);
    assert!(!generated(&ground, &["--foreign"]).contains("auth.user_login"));
    let done = ground.run(&[&GENERATE[..], &["events.jsonl"]].concat()).exits(0);
    assert_eq!(done.out, "");
    assert_eq!(std::fs::read_to_string(ground.path("events.jsonl")).unwrap(), first);
    ground.run(&["init"]).exits(0);
    ground.run(&["record", "--strict", "events.jsonl"]).exits(0);
}

#[test]
fn a_folder_in_use_is_left_alone() {
    let ground = Ground::new();
    ground.write("mine/thing", "x");
    ground.run(&["demo", "--dir", "mine"]).exits(2);
    assert_eq!(ground.files("mine").len(), 1);
    ground.run(&["demo", "--events", "0", "--dir", "new"]).exits(2);
    ground.run(&["demo", "--dir", "new", "--jsonl", "-"]).exits(2);
}
