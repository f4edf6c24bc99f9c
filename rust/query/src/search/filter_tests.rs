#![allow(clippy::unwrap_used)]

use super::{Filter, words};
use crate::search::Window;

fn sql(filter: &Filter) -> String {
    filter.condition().unwrap()
}

#[test]
fn nothing_asked_is_everything() {
    assert_eq!(sql(&Filter::default()), "true");
}

#[test]
fn a_field_covers_its_places() {
    let filter = Filter::default().field("session-id", ["s1"]);
    assert_eq!(sql(&filter), "(\"session_id\" = 's1' OR \"user_context_session_id\" = 's1')");
    let filter = Filter::default().field("status", ["!fail", "ok", "o'k"]);
    assert_eq!(
        sql(&filter),
        "(\"status\" IN ('ok', 'o''k') OR \"result_status\" IN ('ok', 'o''k') \
         OR \"outcome\" IN ('ok', 'o''k')) AND (\"status\" = 'fail' OR \"result_status\" = 'fail' \
         OR \"outcome\" = 'fail') IS NOT TRUE"
    );
    let user = sql(&Filter::default().field("user_id", ["a*"]));
    assert!(user.contains("only_if(domain, 'auth', json_get_str(event, 'grantee')) LIKE 'a%'"));
    assert!(user.contains(
        "any_element(only_if(domain, 'agent', json_get(event, 'delegation_chain')), '', 'a*')"
    ));
}

#[test]
fn event_types_name_their_partitions() {
    let filter = Filter::default().field("event_type", ["data.*", "auth.user_login"]);
    assert!(sql(&filter).ends_with(" AND domain IN ('auth', 'data')"), "{}", sql(&filter));
    let filter = Filter::default().field("event_type", ["data.*", "*.user_login"]);
    assert!(!sql(&filter).contains("domain"));
}

#[test]
fn severities_are_ordered_and_event_types_have_them() {
    let of =
        |least: &str| sql(&Filter { severity_min: Some(least.to_owned()), ..Filter::default() });
    assert!(of("error").starts_with("(severity IN ('error', 'critical') OR severity IS NULL"));
    assert!(of("error").contains("event_type IN ("), "{}", of("error"));
    assert!(of("error").contains("'system.access_violation'"));
    assert!(!of("error").contains("'auth.mfa_failure'"));
    assert!(of("warning").contains("'auth.mfa_failure'"));
    assert!(of("info").ends_with("AND true)"), "{}", of("info"));
    let loud = Filter { severity_min: Some("loud".to_owned()), ..Filter::default() };
    assert!(loud.condition().unwrap_err().to_string().contains("debug, info, warning"));
}

#[test]
fn words_are_separated_by_spaces_outside_of_quotes() {
    assert_eq!(words("a  b").unwrap(), ["a", "b"]);
    assert_eq!(words("\"a b\" c").unwrap(), ["a b", "c"]);
    for wrong in ["", " ", "\"\"", "\"a"] {
        assert!(words(wrong).is_err(), "{wrong}");
    }
    let filter = Filter { text: vec!["it's here".to_owned()], ..Filter::default() };
    assert_eq!(sql(&filter), "record_has(event, 'it''s') AND record_has(event, 'here')");
}

#[test]
fn filters_add_up() {
    let window = |since, until| Filter { window: Window { since, until }, ..Filter::default() };
    let both = window(Some(5), None).and(window(Some(3), Some(9))).unwrap();
    assert_eq!(both.window, Window { since: Some(5), until: Some(9) });
    let user = || Filter::default().field("user_id", ["a"]);
    assert!(user().and(user()).is_err());
    let both = user().condition_of("x = 1").and(Filter::default().condition_of("y = 2")).unwrap();
    assert_eq!(both.conditions, ["x = 1", "y = 2"]);
}

#[test]
fn a_filter_is_the_same_after_a_journey() {
    let filter = Filter {
        severity_min: Some("info".to_owned()),
        text: vec!["x".to_owned()],
        window: Window { since: Some(1), until: None },
        ..Filter::default().field("tool", ["Bash"]).condition_of("a = 1")
    };
    let text = serde_json::to_string(&filter).unwrap();
    assert_eq!(serde_json::from_str::<Filter>(&text).unwrap(), filter);
    assert!(serde_json::from_str::<Filter>("{\"feilds\": {}}").is_err());
}
