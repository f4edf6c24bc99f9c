#![allow(clippy::unwrap_used)]

use super::{Wanted, parse};

#[test]
fn a_statement_means_the_columns_that_it_names() {
    let wanted = parse(r#"SELECT count(*), 2 * Cost_usd, "Timestamp" FROM events WHERE a.b = 1"#)
        .unwrap()
        .wanted();
    for name in ["cost_usd", "COST_USD", "timestamp", "b"] {
        assert!(wanted.has(name), "{name}");
    }
    assert!(!wanted.has("user_id"));
    for sql in [
        "SELECT count( * ) FROM events",
        "SELECT a * b FROM events",
        "SELECT (a) * 2, $1 * a, b[1] * 2 FROM events",
        "SELECT DISTINCT a * 2 FROM events",
    ] {
        assert_ne!(parse(sql).unwrap().wanted(), Wanted::All, "{sql}");
    }
}

#[test]
fn what_names_no_column_may_mean_all() {
    for sql in [
        "SELECT * FROM events",
        "SELECT ALL * FROM events",
        "SELECT a, * FROM events",
        "SELECT e.* FROM events e",
        "SELECT DISTINCT * FROM events",
        "SELECT DISTINCT ON (a) * FROM events",
        "SELECT a FROM (SELECT * FROM events)",
        "SELECT a FROM events NATURAL JOIN other",
        "FROM events",
        "SELECT a FROM (FROM events)",
        "SELECT a FROM events AS e (a, b)",
        "EXPLAIN SELECT * FROM events",
        "SHOW TABLES",
        "DESCRIBE events",
    ] {
        assert_eq!(parse(sql).unwrap().wanted(), Wanted::All, "{sql}");
    }
}
