//! Segments that cannot hold what is asked for are not opened, and no answer changes for it.

use serde_json::{Value, json};

use crate::common::{TestTrail, record};
use crate::footers::Counted;

/// Three segments with ids of their own, ids in common, and columns that only some of them have.
fn records(part: usize) -> Vec<Value> {
    (0..1000)
        .map(|n| {
            let number = part * 1000 + n;
            let mut members = json!({
                "user_id": format!("u{part}-{}", n % 40),
                "agent_id": format!("a{}", n % 7),
                "trace_id": format!("trace-{number}"),
                "list": [format!("l{part}-{}", n % 40), "any"],
                "user_context": {"session_id": format!("s{part}-{}", n % 9)},
            });
            if part == 1 && n % 3 == 0 {
                members["team"] = json!(format!("team {}", n % 5));
            }
            // Too seldom for a column, and once of another type.
            if part == 2 && n == 10 {
                members["team"] = json!("team 3");
            }
            if n == 20 {
                members["email"] = if part == 0 { json!(7) } else { json!(format!("e{part}")) };
            }
            if n == 30 {
                members["session_id"] = json!("");
            }
            record(number, members)
        })
        .collect()
}

/// Conditions, with how many rows meet them and in how many segments some do.
const CONDITIONS: [(&str, i64, usize); 21] = [
    ("user_id = 'u1-3'", 25, 1),
    ("'u1-3' = user_id", 25, 1),
    ("user_id IN ('u0-3', 'u2-3', 'x')", 50, 2),
    ("user_id = 'u1-3' OR user_id = 'u2-4'", 50, 2),
    ("user_id = 'u1-3' AND agent_id = 'a3'", 4, 1),
    ("user_id = 'u1-3' AND agent_id = 'a9'", 0, 0),
    ("user_id = 'u1-3' OR agent_id = 'a9'", 25, 1),
    ("user_id = 'u1-3' AND (agent_id = 'a3' OR trace_id = 'trace-2004')", 4, 1),
    ("user_id = 'nobody'", 0, 0),
    ("trace_id = 'trace-1004'", 1, 1),
    ("session = 's2-4'", 111, 1),
    ("first_present(session_id, user_context_session_id) = 's2-4'", 111, 1),
    ("first_present(only_if(domain, 'workflow', attrs ->> 'x'), agent_id) = 'a9'", 0, 0),
    ("array_has_any(json_get_array(attrs, 'list'), make_array('\"l1-3\"', '\"l2-3\"'))", 50, 2),
    ("actor = 'a9'", 0, 0),
    ("email = 'e1'", 1, 1),
    ("credential_id = 'c'", 0, 0),
    ("attrs ->> 'team' = 'team 3'", 68, 2),
    ("team = 'team 9'", 0, 0),
    ("NOT (user_id = 'u1-3')", 2975, 3),
    ("user_id <> 'u1-3' OR user_id = 'nobody'", 2975, 3),
];

fn sql(condition: &str) -> String {
    // With rows of other columns, so that rows are read and not only counted.
    format!("SELECT count(*) FROM (SELECT event FROM events WHERE {condition}) WHERE event <> ''")
}

#[tokio::test]
async fn conditions_on_texts_find_what_they_say() {
    let mut counted = Counted::of((0..3).map(records)).await;
    for (condition, rows, _) in CONDITIONS {
        counted.ask(&sql(condition), json!(rows)).await;
    }
}

#[tokio::test]
async fn a_segment_without_the_text_is_not_opened_again() {
    let mut counted = Counted::of((0..3).map(records)).await;
    for (condition, rows, segments) in CONDITIONS {
        let sql = sql(condition);
        counted.ask(&sql, json!(rows)).await;
        counted.ask(&sql, json!(rows)).await;
        // What the view computes, or what may be in the rest as well as in a column, is looked
        // for where it may be.
        let anywhere = ["team", "session =", "actor ="].iter().any(|at| condition.contains(at));
        let unknown = if anywhere { 3 } else { segments };
        let touched = counted.touched();
        assert!(segments <= touched && touched <= unknown, "{condition}: {touched}");
    }
}

#[tokio::test]
async fn records_that_are_in_no_segment_are_found_too() {
    let mut trail = TestTrail::new();
    trail.segment(&records(0)).await;
    trail.unflushed(&[record(5000, json!({"user_id": "late"}))]);
    assert_eq!(trail.value("SELECT count(*) FROM events WHERE user_id = 'late'").await, json!(1));
}

#[tokio::test]
async fn row_groups_without_the_text_are_left_out() {
    let mut trail = TestTrail::new();
    let of = |n: usize| record(n % 40_000, json!({"user_id": format!("u{}", n / 1000)}));
    let many: Vec<Value> = (0..140_000)
        .map(|n| {
            let mut record = of(n);
            record["audit_id"] = json!(format!("id_{n:06}"));
            record["timestamp"] = json!(format!(
                "2026-03-{:02}T{:02}:{:02}:00.000Z",
                1 + n / 6000,
                n / 250 % 24,
                n / 5 % 50
            ));
            record
        })
        .collect();
    trail.segment(&many).await;
    for user in ["u0", "u70", "u139", "u140"] {
        let sql = format!("SELECT count(*) FROM events WHERE user_id = '{user}'");
        let expected = if user == "u140" { 0 } else { 1000 };
        assert_eq!(trail.value(&sql).await, json!(expected), "{user}");
    }
}
