#![allow(clippy::unwrap_used)]

use super::rewrite;

#[track_caller]
fn becomes(text: &str, expected: &str) {
    assert_eq!(rewrite(text).unwrap(), expected, "{text}");
}

#[test]
fn what_a_path_is_compared_with_tells_how_it_is_read() {
    becomes("resource.size_bytes > 1e6", "json_get_float(event, 'resource', 'size_bytes') > 1e6");
    becomes("user_id = 'ana'", "\"user_id\" = 'ana'");
    becomes("team.name <> 'o''x'", "json_get_str(event, 'team', 'name') <> 'o''x'");
    becomes("mfa_verified = true", "json_get_bool(event, 'mfa_verified') = true");
    becomes("NOT mfa_verified", "NOT json_get_bool(event, 'mfa_verified')");
    becomes("port IN (22, 23)", "json_get_float(event, 'port') IN (22, 23)");
    becomes("name LIKE 'a%'", "json_get_str(event, 'name') LIKE 'a%'");
    becomes("x BETWEEN -1 AND 2", "json_get_float(event, 'x') BETWEEN -1 AND 2");
    becomes("reason IS NULL", "json_get(event, 'reason') IS NULL");
    becomes(
        "a + b * 2 > c",
        "json_get_float(event, 'a') + json_get_float(event, 'b') * 2 > json_get_float(event, 'c')",
    );
    becomes("lower(Name) = 'x'", "lower(json_as_text(event, 'Name')) = 'x'");
    becomes("abs(d) > 1", "abs(json_get_float(event, 'd')) > 1");
    becomes("x::int = 1", "json_get(event, 'x')::INT = 1");
    becomes("attrs ->> 'x' = '1'", "\"attrs\" ->> 'x' = '1'");
    becomes(
        "actor = 'ana' AND outcome != 'success'",
        "\"actor\" = 'ana' AND \"outcome\" <> 'success'",
    );
    becomes("timestamp > '2026-03-01T00:00:00Z'", "\"timestamp\" > '2026-03-01T00:00:00Z'");
}

#[test]
fn paths_have_positions_quotes_and_reserved_words() {
    becomes(
        "workflow_steps[0].status = 'x'",
        "json_get_str(event, 'workflow_steps', 0, 'status') = 'x'",
    );
    becomes("\"x-y\".\"select\" = 1", "json_get_float(event, 'x-y', 'select') = 1");
    becomes("user.order = 1", "json_get_float(event, 'user', 'order') = 1");
    becomes("\"it's\" = 1", "json_get_float(event, 'it''s') = 1");
}

#[test]
fn two_paths_compare_if_their_values_are_of_one_kind() {
    becomes(
        "a < b",
        "coalesce(json_get_float(event, 'a') < json_get_float(event, 'b'), \
         json_get_str(event, 'a') < json_get_str(event, 'b'), \
         json_get_bool(event, 'a') < json_get_bool(event, 'b'))",
    );
    becomes("recorded_at > timestamp", "\"recorded_at\" > \"timestamp\"");
}

#[test]
fn what_is_no_condition_is_refused() {
    for (wrong, why) in [
        ("x =", "expected"),
        ("x = 1; DROP TABLE events", "one expression"),
        ("x = 1 y", "one expression"),
        ("x IN (SELECT 1)", "no SELECT"),
        ("EXISTS (SELECT 1)", "no SELECT"),
        ("row_number() OVER () = 1", "no meaning"),
        ("x = $1", "no parameters"),
        ("", "expected"),
        ("x = 'a", "nterminated"),
    ] {
        let error = rewrite(wrong).unwrap_err().to_string();
        assert!(error.contains(why), "{wrong}: {error}");
    }
}
