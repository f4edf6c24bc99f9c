#![allow(clippy::unwrap_used)]

use super::{FIELDS, Survey, VALUES};

fn survey(events: &[String]) -> super::Inventory {
    let mut survey = Survey::default();
    events.iter().for_each(|event| survey.add(event));
    survey.finish(2)
}

#[test]
fn fields_are_counted_with_types_and_values() {
    let found = survey(&[
        r#"{"a":{"b":1,"x y":null},"l":[{"k":"v"},{"k":"w"}],"s":"x"}"#.to_owned(),
        r#"{"a":{"b":1.5},"l":[],"s":"y"}"#.to_owned(),
        r#"{"a":7,"s":"y"}"#.to_owned(),
        r#"{"t":true}"#.to_owned(),
    ]);
    assert_eq!(found.events, 4);
    let of = |path: &str| found.fields.iter().find(|field| field.path == path).unwrap();
    let paths: Vec<&str> = found.fields.iter().map(|field| field.path.as_str()).collect();
    assert_eq!(paths, ["a", "a.\"x y\"", "a.b", "l", "l[]", "l[].k", "s", "t"]);
    assert_eq!(of("a").types, ["object", "integer"]);
    assert_eq!(of("a.b").types, ["integer", "number"]);
    assert_eq!((of("a.b").events, of("a.b").fill, of("a.b").distinct), (2, 0.5, 2));
    assert_eq!(of("a.\"x y\"").types, ["null"]);
    assert_eq!((of("l[].k").events, of("l[].k").distinct), (1, 2));
    let top: Vec<(&str, u64)> =
        of("s").top.iter().map(|group| (group.value.as_deref().unwrap(), group.events)).collect();
    assert_eq!(top, [("y", 2), ("x", 1)]);
    assert!(!of("s").more);
}

#[test]
fn what_is_too_much_is_said_to_be_more() {
    let many: Vec<String> = (0..VALUES + 5).map(|n| format!("{{\"id\":{n}}}")).collect();
    let found = survey(&many);
    assert_eq!((found.fields[0].distinct, found.fields[0].more), (VALUES as u64, true));
    let long = [format!("{{\"t\":\"{}\"}}", "x".repeat(300))];
    assert!(survey(&long).fields[0].more);
    let keys: Vec<String> = (0..FIELDS + 3).map(|n| format!("{{\"k{n}\":1}}")).collect();
    let found = survey(&keys);
    assert_eq!((found.fields.len(), found.values_left_out), (FIELDS, 3));
}
