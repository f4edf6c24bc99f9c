#![allow(clippy::unwrap_used)]

use super::{Path, Want};

#[test]
fn a_path_is_read_with_names_quotes_and_positions() {
    let sql = |text: &str| Path::parse(text).unwrap().sql(Want::AsText);
    assert_eq!(sql("a.b"), "json_as_text(event, 'a', 'b')");
    assert_eq!(sql("a[0].b[-1]"), "json_as_text(event, 'a', 0, 'b', -1)");
    assert_eq!(sql(r#""a.b"."it's ""x""""#), r#"json_as_text(event, 'a.b', 'it''s "x"')"#);
    assert_eq!(sql("tool-use.x y"), "json_as_text(event, 'tool-use', 'x y')");
    for wrong in ["", ".", "a.", ".a", "a..b", "a[", "a[x]", "[0]", "\"a", "\"a\"b"] {
        assert!(Path::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn columns_stand_in_where_they_are_the_same() {
    let sql = |text: &str, want| Path::parse(text).unwrap().sql(want);
    assert_eq!(sql("user_id", Want::Text), "\"user_id\"");
    assert_eq!(sql("user_id", Want::AsText), "json_as_text(event, 'user_id')");
    assert_eq!(sql("resource.path", Want::Text), "\"resource_path\"");
    assert_eq!(sql("resource_path", Want::Text), "\"resource_path\"");
    assert_eq!(
        sql("resource_size_bytes", Want::Number),
        "json_get_float(event, 'resource', 'size_bytes')"
    );
    assert_eq!(sql("cost_usd", Want::Number), "\"cost_usd\"");
    assert_eq!(sql("timestamp", Want::Text), "\"timestamp\"");
    assert_eq!(sql("actor", Want::Text), "\"actor\"");
    assert_eq!(sql("event", Want::Json), "\"event\"");
}
