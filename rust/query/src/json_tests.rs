use super::*;

fn canonical(text: &str) -> String {
    use sealtrail_core::json::{Canonicalizer, Limits};
    let mut canonicalizer = Canonicalizer::default();
    let bytes =
        canonicalizer.object(text.as_bytes(), Limits::default()).map(|(bytes, _)| bytes.to_vec());
    String::from_utf8(bytes.unwrap_or_default()).unwrap()
}

fn path(parts: &[&str]) -> Vec<PathPart> {
    parts
        .iter()
        .map(|p| p.parse().map_or_else(|_| PathPart::Key((*p).to_owned()), PathPart::Index))
        .collect()
}

fn find(text: &str, parts: &[&str]) -> Option<String> {
    let any = get(text, &path(parts), Form::Any).map(str::to_owned);
    if canonical(text) == text {
        assert_eq!(get(text, &path(parts), Form::Canonical).map(str::to_owned), any);
    }
    any
}

#[test]
fn finds_members_and_elements() {
    let text = r#"{"a":{"b":[1,"x,]}",{"c":null}]},"d":-1.5}"#;
    assert_eq!(find(text, &["d"]).unwrap(), "-1.5");
    assert_eq!(find(text, &["a", "b", "0"]).unwrap(), "1");
    assert_eq!(find(text, &["a", "b", "1"]).unwrap(), r#""x,]}""#);
    assert_eq!(find(text, &["a", "b", "-1", "c"]).unwrap(), "null");
    assert_eq!(find(text, &["a", "b", "-3"]).unwrap(), "1");
    assert_eq!(find(text, &["a", "b", "-4"]), None);
    assert_eq!(find(text, &["a", "b", "3"]), None);
    assert_eq!(find(text, &["c"]), None);
    assert_eq!(find(text, &["a", "x"]), None);
    assert_eq!(find(text, &["d", "x"]), None);
}

#[test]
fn reads_json_with_white_space_and_unsorted_members() {
    let text = " { \"z\" : 1 ,\n\t\"a\" : [ 2 , 3 ] , \"m\" : { } } ";
    assert_eq!(find(text, &["a"]).unwrap(), "[ 2 , 3 ]");
    assert_eq!(find(text, &["a", "1"]).unwrap(), "3");
    assert_eq!(find(text, &["m"]).unwrap(), "{ }");
    assert_eq!(find(text, &["z"]).unwrap(), "1");
    assert_eq!(length("[ 2 , 3 ]"), Some(2));
    assert_eq!(length("{ }"), Some(0));
    assert_eq!(length("7"), None);
}

#[test]
fn compares_names_after_unescaping() {
    let text = r#"{"\u005cux":0,"a\"b":1,"a\\b":2,"é":3,"\ud83d\ude00":4}"#;
    assert_eq!(find(text, &["\\ux"]).unwrap(), "0");
    assert_eq!(find(text, &["a\"b"]).unwrap(), "1");
    assert_eq!(find(text, &["a\\b"]).unwrap(), "2");
    assert_eq!(find(text, &["é"]).unwrap(), "3");
    assert_eq!(find(text, &["😀"]).unwrap(), "4");
}

#[test]
fn damaged_text_has_no_values_and_does_not_panic() {
    for text in [
        "",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":\"",
        "{\"a\":[1",
        "[",
        "[1,",
        "{\"a\" 1}",
        "{a:1}",
        "\"",
        "{\"a\":\"\\",
    ] {
        assert_eq!(get(text, &path(&["a"]), Form::Any), None, "{text}");
        let _ = length(text);
    }
}

#[test]
fn converts_values() {
    assert_eq!(as_text("null"), None);
    assert_eq!(as_text("\"a\\n\\u00e9\\ud83d\\ude00\"").unwrap(), "a\né😀");
    assert_eq!(as_text("[1]").unwrap(), "[1]");
    assert_eq!(as_int("12"), Some(12));
    assert_eq!(as_int("2e3"), Some(2000));
    assert_eq!(as_int("1.5"), None);
    assert_eq!(as_int("\"1\""), None);
    assert_eq!(as_int("1e300"), None);
    assert_eq!(as_exact_int("9007199254740992"), None);
    assert_eq!(as_float("1e-7"), Some(1e-7));
    assert_eq!(as_float("nan"), None);
    assert_eq!(as_float("true"), None);
    assert_eq!(as_bool("true"), Some(true));
    assert_eq!(as_bool("\"true\""), None);
}

proptest::proptest! {
    #[test]
    fn agrees_with_serde_json(pairs in proptest::collection::vec(("[a-zA-Zé\"\\\\_]{0,3}", ".*"), 0..8), wanted in "[a-zA-Zé\"\\\\_]{0,3}") {
        let map: serde_json::Map<String, serde_json::Value> =
            pairs.into_iter().map(|(k, v)| (k, serde_json::Value::String(v))).collect();
        let expected = map.get(&wanted).and_then(|v| v.as_str()).map(str::to_owned);
        let text = canonical(&serde_json::Value::Object(map).to_string());
        let found = get(&text, &[PathPart::Key(wanted)], Form::Canonical);
        proptest::prop_assert_eq!(found.and_then(|raw| as_str(raw).map(Cow::into_owned)), expected);
    }
}
