use super::super::parser::Sequence;
use super::*;
use crate::error::QueryError;

/// The SQL of the predicates of one event.
fn sql(predicates: &str) -> String {
    let text = format!("data.*[{predicates}]");
    let sequence = Sequence::parse(&text).unwrap();
    let sql = condition(&sequence.parts[0].event, &text).unwrap();
    let (start, rest) = sql.split_once("' AND ").unwrap();
    assert!(
        start.starts_with("event_type LIKE") || start.starts_with("\"event_type\" LIKE"),
        "{sql}"
    );
    rest.trim_start_matches("domain IN ('data') AND ").to_owned()
}

#[test]
fn a_logical_field_means_what_it_means_in_the_search() {
    let search = |value: &str| Filter::default().field("user_id", [value]).condition().unwrap();
    assert_eq!(sql("user_id=mira"), format!("({})", search("mira")));
    assert_eq!(sql("user_id~m*"), format!("({})", search("m*")));
    assert_eq!(sql("user_id!='m*'"), format!("({}) IS NOT TRUE", search("m\\*")));
    assert_eq!(sql("\"user_id\"=mira"), "(\"user_id\" = 'mira')");
    assert!(sql("source_ip=203.0.113.0/24").contains("ip_in("));
}

#[test]
fn values_compare_as_what_they_are() {
    assert_eq!(sql("x.y='5'"), "(json_get_str(event, 'x', 'y') = '5')");
    assert_eq!(
        sql("x=5"),
        "(json_get_str(event, 'x') = '5' OR json_get_float(event, 'x') = CAST('5.0' AS DOUBLE))"
    );
    assert_eq!(
        sql("x in (a, true)"),
        "(json_get_str(event, 'x') = 'a' OR json_get_str(event, 'x') = 'true' \
         OR json_get_bool(event, 'x') = true)"
    );
    assert_eq!(sql("steps[0].x=null"), "(json_as_text(event, 'steps', 0, 'x') IS NULL)");
    assert_eq!(sql("x>=1e6"), "(json_get_float(event, 'x') >= CAST('1000000.0' AS DOUBLE))");
    assert_eq!(sql("x<b"), "(json_get_str(event, 'x') < 'b')");
    assert!(
        sql("x<2026-03-01T00:00:00Z").starts_with("(json_get_timestamp(event, 'x') < arrow_cast(")
    );
    assert!(sql("timestamp<2026-03-01T00:00:00Z").starts_with("(\"timestamp\" < arrow_cast("));
    assert_eq!(sql("actor=5"), "(\"actor\" = '5')");
}

#[test]
fn a_time_must_be_one() {
    let text = "data.*[timestamp > yesterday]";
    let sequence = Sequence::parse(text).unwrap();
    match condition(&sequence.parts[0].event, text) {
        Err(QueryError::Sequence(problem)) => assert_eq!(problem.column, 20),
        other => panic!("{other:?}"),
    }
}

#[test]
fn keys_are_the_first_present_of_their_places() {
    let key_of = |name: &str| key(&super::super::parser::field_path(name).unwrap());
    assert_eq!(key_of("session_id"), "first_present(\"session_id\", \"user_context_session_id\")");
    assert_eq!(key_of("actor"), "first_present(\"actor\")");
    assert!(key_of("credential_id").contains("only_if(domain, 'auth', "));
}
