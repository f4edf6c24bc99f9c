use super::ground::Ground;

#[test]
fn an_unknown_key_stops_every_command_that_reads_the_file() {
    let ground = Ground::with_trail();
    ground.write("sealtrail.yaml", "audit:\n  trail:\n    urll: x\n");
    for command in
        [&["config", "check"][..], &["stats"], &["record"], &["init", "x", "--origin", "y"]]
    {
        let wrong = ground.run(command).exits(2);
        assert_eq!(wrong.out, "");
        assert!(wrong.err.contains("sealtrail.yaml:3:5: "), "{}", wrong.err);
        assert!(wrong.err.contains("`url`"), "{}", wrong.err);
    }
}

#[test]
fn check_says_what_has_no_effect() {
    let ground = Ground::new();
    let none = ground.run(&["config", "check"]).exits(0);
    assert!(none.out.contains("no configuration file"), "{}", none.out);
    ground.write("sealtrail.yaml", "audit:\n  alerts:\n    - days: 90\n");
    let checked = ground.run(&["config", "check"]).exits(0);
    assert!(checked.err.contains("warning: ") && checked.err.contains("not in force"));
    assert!(checked.out.contains("see the warnings"), "{}", checked.out);
    ground.write("sealtrail.yaml", "audit: {}\n");
    assert!(ground.run(&["config", "check"]).exits(0).out.ends_with(": good\n"));
}

#[test]
fn a_named_file_must_exist() {
    let mut ground = Ground::new();
    ground.run(&["config", "check", "--config", "missing.yaml"]).exits(2);
    ground.set("SEALTRAIL_CONFIG", "missing.yaml");
    ground.run(&["config", "check"]).exits(2);
    ground.write("here.yaml", "audit:\n  trail:\n    url: here\n");
    let got = ground.run(&["config", "get", "trail.url", "--config", "here.yaml"]).exits(0);
    assert_eq!(got.out, "here\n");
}

#[test]
fn settings_have_their_defaults_and_secrets_stay_in_the_environment() {
    let mut ground = Ground::new();
    assert_eq!(ground.run(&["config", "get", "audit.trail.flush.max_mb"]).exits(0).out, "64\n");
    assert_eq!(ground.run(&["config", "get", "trail.url"]).exits(0).out, "./audit\n");
    ground.write("sealtrail.yaml", "audit:\n  trail:\n    url: s3://b/${TOKEN}\n");
    ground.set("TOKEN", "hunter2");
    for command in [&["config", "show"][..], &["config", "get", "trail"]] {
        let shown = ground.run(command).exits(0).out;
        assert!(shown.contains("${TOKEN}") && !shown.contains("hunter2"), "{shown}");
    }
    ground.run(&["config", "get", "trail.urll"]).exits(2);
}

#[test]
fn the_schema_is_the_published_one() {
    let schema = Ground::new().run(&["config", "schema"]).exits(0).json();
    let published = include_str!("../../../core/sealtrail.schema.json");
    assert_eq!(schema, serde_json::from_str::<serde_json::Value>(published).unwrap());
}
