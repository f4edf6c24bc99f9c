#![allow(clippy::unwrap_used)]

use super::{Cursor, Keys, Order};

fn keys(order: &str, reverse: bool) -> Keys {
    Keys::new(&Order::parse(order).unwrap(), reverse).unwrap()
}

#[test]
fn an_order_is_fields_and_directions() {
    let order = Order::parse("cost_usd DESC, a.b").unwrap();
    assert_eq!((order[0].field.as_str(), order[0].descending), ("cost_usd", true));
    assert_eq!((order[1].field.as_str(), order[1].descending), ("a.b", false));
    assert!(Order::parse("").is_err());
    assert!(Order::parse("a,").is_err());
    assert!(Order::parse("a..b").is_err());
}

#[test]
fn equal_values_are_told_apart_by_time_and_id() {
    let by = |order: &str, reverse| keys(order, reverse).order_by();
    assert_eq!(
        by("timestamp desc", false),
        "__key0 DESC NULLS LAST, __key1 DESC NULLS LAST, __key2 DESC NULLS LAST"
    );
    assert_eq!(keys("timestamp", true), keys("timestamp desc", false));
    assert_eq!(keys("timestamp", false).by_time(), Some(false));
    assert_eq!(keys("cost_usd", false).by_time(), None);
    assert_eq!(Keys::new(&[], true).unwrap().by_time(), Some(true));
    assert_eq!(keys("a.b", false).len(), 5);
    assert!(
        keys("timestamp", false).columns().starts_with("\"timestamp\" AS __key0, \"audit_id\"")
    );
}

#[test]
fn a_cursor_is_of_one_order() {
    let values = vec![Some("1000".to_owned()), Some("it's".to_owned()), Some("2000".to_owned())];
    let keys = keys("timestamp", false);
    let cursor = Cursor { order: keys.signature(), values }.to_text();
    let after = keys.after(&cursor).unwrap();
    assert!(after.starts_with("\"timestamp\" >= arrow_cast(1000"), "{after}");
    assert!(after.contains("\"audit_id\" > 'it''s'"), "{after}");
    let other = self::keys("timestamp", true).after(&cursor).unwrap_err().to_string();
    assert!(other.contains("another order"), "{other}");
    for wrong in ["", "zz", "1", &cursor[2..], &cursor[..cursor.len() - 2], "7b7d", "é"] {
        assert!(keys.after(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn what_is_missing_comes_last_in_both_directions() {
    let keys = keys("tool_name desc", false);
    let cursor = |value: Option<&str>| {
        let rest = ["1", "id", "2"].map(|text| Some(text.to_owned()));
        let values = [value.map(str::to_owned)].into_iter().chain(rest).collect();
        keys.after(&Cursor { order: keys.signature(), values }.to_text()).unwrap()
    };
    let after = cursor(Some("Bash"));
    assert!(after.starts_with("(\"tool_name\" < 'Bash' OR \"tool_name\" IS NULL OR "), "{after}");
    assert!(cursor(None).starts_with("(\"tool_name\" IS NULL AND "), "{}", cursor(None));
}
