use super::{error, error_with};

#[test]
fn an_unknown_key_is_told_with_its_place_and_the_nearest_name() {
    assert_eq!(
        error("audit:\n  trail:\n    flsh: { max_mb: 1 }\n"),
        "sealtrail.yaml:3:5: audit.trail: unknown key `flsh`; did you mean `flush`?"
    );
    assert_eq!(
        error("audit:\n  trail: { flush: { max-mb: 1 } }\n"),
        "sealtrail.yaml:2:21: audit.trail.flush: unknown key `max-mb`; did you mean `max_mb`?"
    );
    assert_eq!(
        error("audit:\n  retenton: {}\n"),
        "sealtrail.yaml:2:3: audit: unknown key `retenton`; did you mean `retention`?"
    );
    assert_eq!(
        error("audti:\n  trail: {}\n"),
        "sealtrail.yaml:1:1: unknown key `audti`; did you mean `audit`?"
    );
}

#[test]
fn a_key_like_no_other_is_told_with_those_that_are_valid() {
    assert_eq!(
        error("audit:\n  trail:\n    sync:\n      hello: 1\n"),
        "sealtrail.yaml:4:7: audit.trail.sync: unknown key `hello`; valid here: `mode`, `interval_ms`"
    );
    assert_eq!(error("1: 2\n"), "sealtrail.yaml:1:1: unknown key `1`; valid here: `audit`");
}

#[test]
fn a_key_in_the_wrong_section_is_told_with_the_right_one() {
    assert_eq!(
        error("trail:\n  url: ./audit\n"),
        "sealtrail.yaml:1:1: unknown key `trail`; it belongs under `audit`"
    );
    assert_eq!(
        error("audit:\n  trail:\n    url: x\n    max_mb: 1\n"),
        "sealtrail.yaml:4:5: audit.trail: unknown key `max_mb`; it belongs under `audit.trail.flush`"
    );
}

#[test]
fn columns_count_characters() {
    assert_eq!(
        error("audit: { identity: { host: \"ää\", servce: x } }\n"),
        "sealtrail.yaml:1:34: audit.identity: unknown key `servce`; did you mean `service`?"
    );
}

#[test]
fn an_ill_typed_value_is_told_with_its_place_and_what_was_found() {
    let cases = [
        (
            "trail: { flush: { max_mb: big } }",
            31,
            "a whole number, 0 or more, found the text `big`",
        ),
        (
            "trail: { flush: { max_mb: \"64\" } }",
            31,
            "a whole number, 0 or more, found the text `64`",
        ),
        ("trail: { flush: { max_mb: -1 } }", 31, "a whole number, 0 or more, found the number -1"),
        (
            "trail: { flush: { max_mb: 1.5 } }",
            31,
            "a whole number, 0 or more, found the number 1.5",
        ),
        (
            "trail: { flush: { max_mb: 1_0 } }",
            31,
            "a whole number, 0 or more, found the text `1_0`",
        ),
        ("trail: { flush: { max_mb: null } }", 31, "a whole number, 0 or more, found nothing"),
        ("trail: { flush: { max_mb: [1] } }", 31, "a whole number, 0 or more, found a list"),
        ("trail: { flush: 64 }", 21, "a mapping, found the number 64"),
        ("trail: ./audit", 12, "a mapping, found the text `./audit`"),
        ("trail: { url: { a: 1 } }", 19, "text, found a mapping"),
        (
            "identity: { user_id: 1042 }",
            26,
            "text (in quotes if it looks like something else), found the number 1042",
        ),
        (
            "identity: { user_id: true }",
            26,
            "text (in quotes if it looks like something else), found `true`",
        ),
        ("trail: { sync: { mode: [] } }", 28, "`always` or `interval`, found a list"),
        ("trail: { partitioning: 1 }", 28, "`month` or `day`, found the number 1"),
    ];
    for (text, column, message) in cases {
        let found = error(&format!("audit:\n    # a comment\n\n    {text}\n"));
        let (place, rest) = found.split_once(": audit.").expect("the key");
        assert_eq!(place, format!("sealtrail.yaml:4:{column}"), "{found}");
        let (_, rest) = rest.split_once(": expected ").expect("what was expected");
        assert_eq!(rest, message);
    }
    assert_eq!(
        error("audit: yes\n"),
        "sealtrail.yaml:1:8: audit: expected a mapping, found the text `yes`"
    );
    assert_eq!(error("[1]\n"), "sealtrail.yaml:1:1: expected a mapping, found a list");
    assert_eq!(
        error("audit:\n  trail:\n    flush:\n      max_mb: big\n"),
        "sealtrail.yaml:4:15: audit.trail.flush.max_mb: expected a whole number, 0 or more, found the text `big`"
    );
}

#[test]
fn a_value_out_of_its_range_is_told_with_the_range() {
    assert_eq!(
        error("audit:\n  trail:\n    flush:\n      max_mb: 0\n"),
        "sealtrail.yaml:4:15: audit.trail.flush.max_mb: must be between 1 and 4096"
    );
    assert_eq!(
        error("audit: { trail: { flush: { max_age_seconds: 90000 } } }"),
        "sealtrail.yaml:1:45: audit.trail.flush.max_age_seconds: must be between 1 and 86400"
    );
}

#[test]
fn an_unknown_choice_is_told_with_the_nearest_one() {
    assert_eq!(
        error("audit:\n  trail:\n    partitioning: months\n"),
        "sealtrail.yaml:3:19: audit.trail.partitioning: unknown value `months`; did you mean `month`?"
    );
    assert_eq!(
        error("audit:\n  trail:\n    sync: { mode: sometimes }\n"),
        "sealtrail.yaml:3:19: audit.trail.sync.mode: unknown value `sometimes`; valid here: `always`, `interval`"
    );
}

#[test]
fn a_key_given_twice_is_an_error() {
    assert_eq!(
        error("audit:\n  trail: {}\n  identity: {}\n  trail: {}\n"),
        "sealtrail.yaml:4:3: duplicate key `trail`"
    );
    assert_eq!(
        error("audit:\n  alerts:\n    - a: 1\n      a: 2\n"),
        "sealtrail.yaml:4:7: duplicate key `a`"
    );
}

#[test]
fn broken_yaml_is_told_with_its_place() {
    let cases = [
        ("audit:\n  trail: {\n", "2:10: unclosed bracket '{'"),
        ("audit:\n\ttrail: {}\n", "2:2: tabs disallowed within this context (block indentation)"),
        ("audit: \"x\n", "1:8: unclosed quote"),
        ("audit: *nowhere\n", "1:8: reference to unknown value"),
        ("audit: &x [*x]\n", "1:12: Recursive reference not allowed here"),
        (
            "audit: {}\n---\naudit: {}\n",
            "3:1: only single YAML document expected but multiple found",
        ),
        ("audit: { alerts: !include other.yaml }\n", "1:27: unsupported tag `!include`"),
        ("audit: { alerts: .nan }\n", "1:18: value `.nan` is not a finite number"),
        ("? [a, b]\n: 1\n", "1:3: expected string scalar"),
    ];
    for (text, message) in cases {
        assert_eq!(error(text), format!("sealtrail.yaml:{message}"));
    }
}

#[test]
fn a_missing_value_is_told_at_the_colon_of_its_key() {
    assert_eq!(
        error("audit:\n  trail:\n    flush:\n      max_mb: # none\n    sync: {}\n"),
        "sealtrail.yaml:4:13: audit.trail.flush.max_mb: expected a whole number, 0 or more, found nothing"
    );
    assert_eq!(
        error("audit:\n  trail:\n    partitioning:\n  identity:\n    host: x"),
        "sealtrail.yaml:3:17: audit.trail.partitioning: expected `month` or `day`, found nothing"
    );
}

#[test]
fn what_an_alias_stands_for_is_told_where_it_is_defined() {
    assert_eq!(
        error("audit:\n  alerts: &big text\n  trail: { flush: { max_mb: *big } }\n"),
        "sealtrail.yaml:2:16: audit.trail.flush.max_mb: expected a whole number, 0 or more, found the text `text`"
    );
}

#[test]
fn messages_hold_no_control_characters_and_no_values_from_the_environment() {
    let message = error("audit: { trail: { partitioning: \"a\\u001b[31mb\\nc\" } }");
    assert!(!message.contains(char::is_control), "{message:?}");
    assert!(message.contains("\\u{1b}"), "{message}");
    let message = error("\"a\\u001b[31m\": 1\n");
    assert!(!message.contains(char::is_control), "{message:?}");

    let secret = [("SECRET", "hunter2")];
    let settings = [
        "trail: { partitioning: '${SECRET}' }",
        "trail: { sync: { mode: '${SECRET}' } }",
        "trail: { flush: { max_mb: '${SECRET}' } }",
        "trail: { flush: '${SECRET}' }",
        "trail: '${SECRET}'",
    ];
    for setting in settings {
        let message = error_with(&format!("audit: {{ {setting} }}"), &secret);
        assert!(message.contains("found the text of `${SECRET}`"), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
}
