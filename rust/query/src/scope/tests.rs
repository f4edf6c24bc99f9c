use super::*;

#[test]
fn names_of_tables_are_plain_and_not_taken() {
    for name in ["people", "_x", "ioc_2026"] {
        assert!(check_name(name).is_ok(), "{name}");
    }
    for name in ["", "People", "2x", "a b", "a\"b", "events", "records", "auth_events", "ä"] {
        let error = check_name(name).unwrap_err();
        assert!(error.to_string().contains(&format!("{name:?}")), "{error}");
    }
}
