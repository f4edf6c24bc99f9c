use super::Word;
use crate::json::Form;

fn has(text: &str, word: &str) -> bool {
    Word::new(word).in_json(text, Form::Canonical)
}

#[test]
fn values_are_searched_and_names_are_not() {
    let record = r#"{"a":{"b":["Quarterly REVIEW",null,{"c":-12.5}]},"d":true,"user_id":"Änne"}"#;
    for word in ["review", "QUART", "y r", "12.5", "tru", "änNE", "nne"] {
        assert!(has(record, word), "{word}");
    }
    for word in ["user", "a", "null", "reviews", "quarterly,", "\"", "[", "}"] {
        assert_eq!(has(record, word), word == "a", "{word}");
    }
}

#[test]
fn escapes_are_understood() {
    let record = r#"{"a":"say \"hi\"\n\\x","b":"n"}"#;
    for word in ["\"hi\"", "\n", "\\x", "\"\n\\"] {
        assert!(has(record, word), "{word:?}");
    }
    assert!(!has(record, "\\n"));
    assert!(!has(r#"{"a":"x\ny"}"#, "ny"));
    assert!(Word::new("é").in_json("{\"a\":\"caf\\u00c9\"}", Form::Any));
}

#[test]
fn the_end_and_the_beginning_count() {
    assert!(has(r#""abc""#, "abc"));
    assert!(has(r#""xab""#, "AB"));
    assert!(!has(r#""ab""#, "abc"));
    assert!(!has(r#""""#, "a"));
}
