use serde_json::{Value, json};

use super::{Step, get, parse};
use crate::config::Loaded;
use crate::{Error, Result};

fn loaded() -> Result<Loaded> {
    let text = r#"audit:
  trail: { partitioning: day }
  destinations:
    - { type: s3, encrypt_at_rest: true }
    - { type: file, paths: [[a, b], [c]] }
  compliance: { by_type: { "auth.user_login": 30, "a]\"b": 1 } }
"#;
    crate::config::parse(text, "sealtrail.yaml".as_ref(), &|_| None)
}

/// The message of the error that `path` gives.
fn refused(path: &str) -> String {
    match get(&loaded().expect("a good file"), path) {
        Err(Error::Usage(message) | Error::NotFound(message)) => message,
        other => panic!("{path}: {other:?}"),
    }
}

#[test]
fn set_values_defaults_and_sections_are_found_with_and_without_prefix() -> Result<()> {
    let loaded = loaded()?;
    let expect = |path: &str, expected: Value| {
        assert_eq!(get(&loaded, path).expect(path), expected, "{path}");
        let prefixed = format!("audit.{path}");
        assert_eq!(get(&loaded, &prefixed).expect(path), expected, "{prefixed}");
    };
    expect("trail.partitioning", json!("day"));
    expect("trail.flush.max_mb", json!(64));
    expect("trail.sync", json!({ "mode": "always", "interval_ms": 1000 }));
    expect("trail.url", json!("./audit"));
    expect("identity.host", Value::Null);
    expect("destinations[0].encrypt_at_rest", json!(true));
    expect("destinations[1].paths[0][1]", json!("b"));
    expect("compliance.by_type[\"auth.user_login\"]", json!(30));
    expect("compliance.by_type[\"a]\\\"b\"]", json!(1));
    expect("alerts", Value::Null);
    assert_eq!(get(&loaded, "audit")?, loaded.effective()["audit"]);
    Ok(())
}

#[test]
fn an_unknown_name_is_told_with_the_nearest_one() {
    assert_eq!(
        refused("trail.flsh.max_mb"),
        "unknown setting `audit.trail.flsh`; did you mean `flush`?"
    );
    assert_eq!(
        refused("audit.retnetion"),
        "unknown setting `audit.retnetion`; did you mean `retention`?"
    );
    assert_eq!(
        refused("access_contrl"),
        "unknown setting `audit.access_contrl`; did you mean `access_control`?"
    );
    assert_eq!(
        refused("audit.max_mb"),
        "unknown setting `audit.max_mb`; did you mean `audit.trail.flush.max_mb`?"
    );
    assert_eq!(
        refused("destinations[0].encrypt"),
        "unknown setting `audit.destinations[0].encrypt`; valid here: `encrypt_at_rest`, `type`"
    );
}

#[test]
fn a_path_that_leads_nowhere_is_told_why() {
    assert_eq!(refused("alerts[0].rule"), "`audit.alerts` is not set");
    assert_eq!(
        refused("destinations[2]"),
        "there is no `audit.destinations[2]`; `audit.destinations` has 2 elements, counted from 0"
    );
    assert_eq!(
        refused("destinations.type"),
        "`audit.destinations` is a list; write `audit.destinations[0]` for its first element"
    );
    assert_eq!(refused("trail[0]"), "`audit.trail` is a mapping; it has names, not numbers");
    assert_eq!(
        refused("trail.partitioning.step"),
        "there is no `audit.trail.partitioning.step`; `audit.trail.partitioning` is a single value"
    );
}

#[test]
fn malformed_paths_are_refused() {
    let malformed = [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "a[",
        "a[]",
        "a[x]",
        "a[-1]",
        "a[+1]",
        "a[0",
        "a[0]b",
        "a]",
        "a[\"b]",
        "a[\"b\"",
        "a[99999999999999999999]",
        "a\"b",
    ];
    for path in malformed {
        assert!(refused(path).contains("is not a path of a setting"), "{path}");
    }
}

#[test]
fn paths_are_taken_apart() -> Result<()> {
    let key = |name: &str| Step::Key(name.to_owned());
    assert_eq!(
        parse("a.b[0][12].c-d")?,
        [key("a"), key("b"), Step::Index(0), Step::Index(12), key("c-d")]
    );
    assert_eq!(parse("a[\"b.c\"].d")?, [key("a"), key("b.c"), key("d")]);
    Ok(())
}
