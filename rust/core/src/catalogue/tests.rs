use proptest::prelude::*;
use serde_json::{Value, json};

use super::docs::{example, insert};
use super::*;
use crate::json::{Canonicalizer, Limits};

fn canonical(event: &Value) -> Vec<u8> {
    let mut canonicalizer = Canonicalizer::default();
    let text = event.to_string();
    let (bytes, _) = canonicalizer.object(text.as_bytes(), Limits::default()).unwrap();
    bytes.to_vec()
}

fn check(event: &Value) -> Vec<String> {
    let event_type = event["event_type"].as_str().unwrap();
    let found = catalogue().check(event_type, &canonical(event));
    found.iter().map(ToString::to_string).collect()
}

/// An event of the type with all its own fields, or with the required ones alone.
fn event_of(event_type: &EventType, all: bool) -> Value {
    let mut event = json!({ "event_type": event_type.name });
    for field in event_type.fields.iter().filter(|field| all || field.required) {
        insert(&mut event, &field.path, field.example.clone());
    }
    event
}

/// Takes the value at a path out, and objects that it leaves empty.
fn remove(event: &mut Value, path: &[String]) {
    let (last, parents) = path.split_last().unwrap();
    let parent = parents.iter().fold(&mut *event, |place, name| &mut place[name.as_str()]);
    let object = parent.as_object_mut().unwrap();
    object.remove(last);
    if object.is_empty() {
        remove(event, parents);
    }
}

/// A value of another type than the field's, and what it is.
fn wrong(kind: Kind) -> (Value, &'static str) {
    match kind {
        Kind::String | Kind::Timestamp => (json!(7), "number"),
        Kind::Integer | Kind::Number | Kind::Boolean => (json!("seven"), "string"),
        Kind::Object => (json!([7]), "array"),
        Kind::Array => (json!({"seven": 7}), "object"),
        Kind::Any => unreachable!("any value is right"),
    }
}

const EXAMPLES: &str = include_str!("examples.jsonl");

#[test]
fn the_seven_example_events_pass() {
    let events: Vec<Value> = EXAMPLES.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(events.len(), 7);
    for event in events {
        assert_eq!(check(&event), [""; 0], "{event}");
        assert!(catalogue().event_type(event["event_type"].as_str().unwrap()).is_some());
    }
}

#[test]
fn every_type_of_every_domain_is_there() {
    let mut expected: Vec<String> = [
        (
            "auth",
            "user_login user_logout api_key_created api_key_rotated api_key_revoked sso_attempt \
             sso_callback oauth_attempt oauth_callback temp_credential_issued \
             temp_credential_expired permission_granted permission_revoked mfa_setup \
             mfa_failure mfa_reset",
        ),
        (
            "agent",
            "created config_update tool_permission_change deployed suspended deleted \
             version_changed rolled_back spawned stopped",
        ),
        (
            "data",
            "file_read file_write file_delete db_query api_call export download transform \
             filter batch_job",
        ),
        (
            "workflow",
            "started execution step_completed decision approval override error retry \
             resource_usage state_transition callback completed",
        ),
        (
            "system",
            "config_change audit_access audit_deletion security_alert integration_change \
             credential_rotated backup restore error access_violation",
        ),
    ]
    .iter()
    .flat_map(|(domain, actions)| {
        actions.split_whitespace().map(move |action| format!("{domain}.{action}"))
    })
    .collect();
    let mut found: Vec<String> = catalogue().types().map(|t| t.name.clone()).collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn every_type_passes_with_all_fields_and_with_the_required_ones() {
    for event_type in catalogue().types() {
        assert_eq!(check(&event_of(event_type, true)), [""; 0], "{}", event_type.name);
        assert_eq!(check(&event_of(event_type, false)), [""; 0], "{}", event_type.name);
        assert_eq!(check(&example(event_type)), [""; 0], "{}", event_type.name);
    }
}

#[test]
fn each_missing_required_field_is_named() {
    for event_type in catalogue().types() {
        for field in event_type.fields.iter().filter(|field| field.required) {
            for all in [true, false] {
                let mut event = event_of(event_type, all);
                remove(&mut event, &field.path);
                assert_eq!(check(&event), [format!("{}: missing", field.dotted())]);
                insert(&mut event, &field.path, Value::Null);
                assert_eq!(check(&event), [format!("{}: missing (it is null)", field.dotted())]);
            }
        }
    }
}

#[test]
fn all_missing_fields_of_an_empty_event_are_named() {
    for event_type in catalogue().types() {
        let found = catalogue().check(&event_type.name, b"{}");
        let mut required: Vec<String> =
            event_type.fields.iter().filter(|f| f.required).map(Field::dotted).collect();
        required.sort();
        let named: Vec<String> = found.into_iter().map(|v| v.path).collect();
        assert_eq!(named, required);
    }
}

#[test]
fn each_wrong_type_is_named() {
    for event_type in catalogue().types() {
        let common = catalogue().common_fields();
        for field in event_type.fields.iter().chain(common).filter(|f| f.kind != Kind::Any) {
            let (value, found) = wrong(field.kind);
            let mut event = event_of(event_type, true);
            insert(&mut event, &field.path, value);
            let expected = format!("{}: expected {}, found {found}", field.dotted(), field.kind);
            assert_eq!(check(&event), [expected]);
        }
    }
}

#[test]
fn optional_fields_may_be_null_and_others_may_be_anything() {
    assert_eq!(
        check(&json!({
            "event_type": "workflow.execution", "execution_id": "e", "workflow_steps": null,
            "cost_usd": null, "result": null, "user_context": null, "zebra": [1, {"a": null}],
            "aardvark": {"x": "y"}, "cost": "a lot", "execution_id_2": 7, "exec": 7,
            "a\nb": 1, "user\\context": 1, "é": 1, "\u{1}": 1,
        })),
        [""; 0]
    );
}

#[test]
fn names_that_need_escapes_do_not_hide_fields() {
    let event = json!({"event_type": "auth.user_login", "user_i\n": 1, "user_id": 7, "st\"": 1});
    assert_eq!(check(&event), ["status: missing", "user_id: expected string, found number"]);
    let event =
        json!({"event_type": "auth.user_login", "user_\\": 1, "user_id": "u", "status": "s"});
    assert_eq!(check(&event), [""; 0]);
}

#[test]
fn special_kinds_are_explained() {
    let problem = |name: &str, value: Value| {
        let mut event = json!({"event_type": "data.batch_job", "job_id": "j"});
        insert(&mut event, &name.split('.').map(str::to_owned).collect::<Vec<_>>(), value);
        check(&event).join("; ")
    };
    assert_eq!(
        problem("severity", json!("fatal")),
        "severity: expected one of debug, info, warning, error, critical"
    );
    assert_eq!(problem("severity", json!("error")), "");
    let not_a_time =
        "started_at: expected timestamp, found text that is not RFC 3339 with an offset";
    assert_eq!(problem("started_at", json!("2026-09-14T08:00:00")), not_a_time);
    assert_eq!(problem("started_at", json!("yesterday")), not_a_time);
    assert_eq!(problem("started_at", json!("2026-09-14T08:00:00+02:00")), "");
    assert_eq!(
        problem("input_tokens", json!(1.5)),
        "input_tokens: expected integer, found number with a fraction"
    );
    assert_eq!(problem("operation.record_count", json!(-3)), "");
    assert_eq!(problem("cost_usd", json!(3)), "");
    assert_eq!(problem("operation", json!("read")), "operation: expected object, found string");
    assert_eq!(problem("resource.sensitivity_level", json!("secret")), "");
}

#[test]
fn unknown_actions_are_checked_for_common_fields_only() {
    assert_eq!(check(&json!({"event_type": "agent.sang", "scope": "wide"})), [""; 0]);
    assert_eq!(
        check(&json!({"event_type": "agent.sang", "agent_id": 7})),
        ["agent_id: expected string, found number"]
    );
}

#[test]
fn event_types_are_split_or_refused() {
    let split = |text| catalogue().split_event_type(text);
    assert_eq!(split("data.file_read").unwrap(), ("data", "file_read"));
    assert_eq!(split("system.a.b-2_c").unwrap(), ("system", "a.b-2_c"));
    let longest = format!("agent.{}", "a".repeat(MAX_ACTION_LEN));
    assert!(split(&longest).is_ok());
    let too_long = format!("{longest}a");
    assert!(split(&too_long).is_err());
    for bad in ["data.", "data", "", ".x", "data.1a", "data.Read", "data.a b", "data.é", "Data.x"]
    {
        assert!(split(bad).is_err(), "{bad}");
    }
    assert_eq!(
        split("billing.paid").unwrap_err().to_string(),
        "event_type: unknown domain \"billing\"; the domains are auth, agent, data, workflow, \
         system"
    );
    assert_eq!(
        split("file_read").unwrap_err().to_string(),
        "event_type: \"file_read\" is not of the form `domain.action`; did you mean \
         data.file_read?"
    );
    let long = "x".repeat(100_000);
    assert!(split(&long).unwrap_err().to_string().len() < 200);
}

#[test]
fn misspelt_names_are_recognised() {
    let nearest = |name| catalogue().nearest(name);
    assert_eq!(nearest("data.fileread")[0], "data.file_read");
    assert_eq!(nearest("auth.user_logn")[0], "auth.user_login");
    assert_eq!(nearest("files.file_write"), ["data.file_write"]);
    assert_eq!(nearest("zzz"), [""; 0]);
    assert!(nearest("data.file_rea").len() <= 3);
}

#[test]
fn fixed_columns_are_those_of_the_format() {
    let names: Vec<&str> = catalogue().fixed_columns().iter().map(|c| c.name.as_str()).collect();
    let expected = "timestamp recorded_at audit_id event_type schema_version severity status \
         result_code user_id email agent_id parent_agent_id session_id execution_id \
         parent_execution workflow_id trace_id source_ip user_agent credential_id initiated_by \
         modified_by user_context_initiated_by user_context_session_id resource_type \
         resource_path resource_size_bytes resource_sensitivity_level resource_classification \
         operation_action operation_record_count result_status tool_name tool_use_id model \
         input_tokens output_tokens cache_read_tokens cache_creation_tokens tokens_used cost_usd \
         duration_ms total_duration_ms authorized_by approver owner reason error_message \
         step_name setting endpoint";
    assert_eq!(names, expected.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn severities_are_ordered() {
    let rank = |s| catalogue().severity_rank(s);
    assert!(rank("debug") < rank("info") && rank("info") < rank("warning"));
    assert!(rank("warning") < rank("error") && rank("error") < rank("critical"));
    assert_eq!(rank("fatal"), None);
}

#[test]
fn a_bad_catalogue_is_refused() {
    let text = include_str!("../catalogue.json");
    let parse = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        Catalogue::parse(&text.replacen(from, to, 1)).map(|_| ())
    };
    assert_eq!(parse("\"version\": 1", "\"version\": 1"), Ok(()));
    for (from, to) in [
        ("\"version\": 1", "\"version\": 2"),
        ("\"name\": \"auth.user_login\"", "\"name\": \"billing.paid\""),
        ("\"name\": \"auth.user_login\"", "\"name\": \"auth.user_logout\""),
        ("\"required\": [\"user_id\", \"status\"]", "\"required\": [\"user\"]"),
        ("\"required\": [\"user_id\", \"status\"]", "\"required\": [\"user_id\", \"user_id\"]"),
        ("\"severity\": \"info\", \"desc", "\"severity\": \"loud\", \"desc"),
        ("\"about\": {\"owner\"", "\"about\": {\"user_id\""),
        ("\"setting\": {\"type\"", "\"Setting\": {\"type\""),
        ("\"rule\": {\"type\"", "\"resource.path.rule\": {\"type\""),
        ("{\"name\": \"setting\",", "{\"name\": \"event\","),
        ("[\"cost_usd\"], \"type\": \"float64\"", "[\"cost_usd\"], \"type\": \"utf8\""),
        ("\"values\": \"severities\"", "\"values\": \"colours\""),
    ] {
        assert!(parse(from, to).is_err(), "{from} -> {to}");
    }
}

#[test]
fn the_documentation_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/EVENTS.md");
    if std::env::var_os("SEALTRAIL_UPDATE").is_some() {
        std::fs::write(path, markdown_table()).unwrap();
    }
    let current = std::fs::read_to_string(path).unwrap_or_default() == markdown_table();
    assert!(current, "EVENTS.md is old; run this test with SEALTRAIL_UPDATE=1 and look at it");
}

#[test]
fn types_are_described() {
    let text = describe("data.file_read").unwrap();
    for part in ["A file or object was read.", "resource.path", "required", "session_id", "info"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert_eq!(describe("data.nothing"), None);
    for event_type in catalogue().types() {
        let text = describe(&event_type.name).unwrap();
        assert!(event_type.fields.iter().all(|field| text.contains(&field.dotted())));
    }
}

fn arbitrary_json() -> impl Strategy<Value = Value> {
    let names = prop_oneof![
        Just("resource"),
        Just("path"),
        Just("size_bytes"),
        Just("operation"),
        Just("result"),
        Just("status"),
        Just("user_id"),
        Just("severity"),
        Just("_exact_numbers"),
        Just("a\"b"),
        Just("\u{7f}"),
        Just("user_i\n"),
        Just("𝄞"),
        Just("\u{ffff}"),
        Just(""),
    ];
    let names = prop_oneof![names.prop_map(str::to_owned), any::<String>()];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(names.clone(), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// The check again, the slow and obvious way: the paths that are wrong.
fn obvious_check(event_type: &EventType, event: &Value) -> Vec<String> {
    let own: Vec<&[String]> = event_type.fields.iter().map(|f| f.path.as_slice()).collect();
    let common = catalogue().common_fields();
    let common = common.iter().filter(|f| !own.contains(&f.path.as_slice()));
    let fields = event_type.fields.iter().chain(common);
    let mut found: Vec<String> = fields.filter_map(|f| obvious_problem(f, event)).collect();
    found.sort();
    found.dedup();
    found
}

fn obvious_problem(field: &Field, event: &Value) -> Option<String> {
    let mut place = event;
    for (depth, name) in field.path.iter().enumerate() {
        if !place.is_object() {
            return Some(field.path[..depth].join("."));
        }
        place = match place.get(name) {
            None | Some(Value::Null) => return field.required.then(|| field.dotted()),
            Some(value) => value,
        };
    }
    let fits = match field.kind {
        Kind::String if !field.values.is_empty() => field.values.iter().any(|v| place == v),
        Kind::String => place.is_string(),
        Kind::Integer => place.as_f64().is_some_and(|n| n.fract() == 0.0),
        Kind::Number => place.is_number(),
        Kind::Boolean => place.is_boolean(),
        Kind::Object => place.is_object(),
        Kind::Array => place.is_array(),
        Kind::Timestamp => {
            place.as_str().is_some_and(|text| crate::json::parse_timestamp(text, "").is_ok())
        }
        Kind::Any => true,
    };
    (!fits).then(|| field.dotted())
}

proptest! {
    #[test]
    fn arbitrary_objects_are_checked_without_panic(
        event in prop::collection::btree_map(any::<String>(), arbitrary_json(), 0..6),
        at in 0_usize..58,
    ) {
        let event = Value::Object(event.into_iter().collect());
        let event_type = catalogue().types().nth(at).unwrap();
        let mut canonicalizer = Canonicalizer::default();
        if let Ok((bytes, _)) = canonicalizer.object(event.to_string().as_bytes(), Limits::default()) {
            let first = catalogue().check(&event_type.name, bytes);
            prop_assert_eq!(first, catalogue().check(&event_type.name, bytes));
        }
    }

    #[test]
    fn broken_bytes_are_checked_without_panic(
        mut bytes in prop::collection::vec(any::<u8>(), 0..200),
        text in Just(EXAMPLES.lines().next().unwrap_or_default()),
        cut in any::<prop::sample::Index>(),
    ) {
        let _ = catalogue().check("auth.user_login", &bytes);
        let event = text.as_bytes();
        bytes.splice(0..0, event[..cut.index(event.len())].iter().copied());
        let _ = catalogue().check("auth.user_login", &bytes);
    }

    /// Events of a type with arbitrary fields changed: the walk finds what a plain look finds.
    #[test]
    fn the_check_agrees_with_a_plain_look(
        at in 0_usize..58,
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..3, arbitrary_json()), 0..6),
        extra in prop::collection::btree_map("[\n_a-z\u{80}-\u{10ffff}]{1,10}", arbitrary_json(), 0..4),
    ) {
        let event_type = catalogue().types().nth(at).unwrap();
        let mut event = event_of(event_type, true);
        for (name, value) in extra {
            event[name] = value;
        }
        let common = catalogue().common_fields();
        let fields: Vec<&Field> = event_type.fields.iter().chain(common).collect();
        for (which, how, value) in changes {
            let field = *which.get(&fields);
            let depth = if how == 0 { 1 } else { field.path.len() };
            let reachable = field.path[..depth - 1]
                .iter()
                .try_fold(&event, |place, name| place.get(name).or(Some(&Value::Null)))
                .is_some_and(|place| place.is_object() || place.is_null());
            if reachable {
                insert(&mut event, &field.path[..depth], value);
            }
        }
        let mut canonicalizer = Canonicalizer::default();
        let text = event.to_string();
        let Ok((bytes, exact)) = canonicalizer.object(text.as_bytes(), Limits::default()) else {
            return Ok(());
        };
        prop_assume!(exact.is_empty());
        let found = catalogue().check(&event_type.name, bytes);
        let found: Vec<String> = found.into_iter().map(|v| v.path).collect();
        prop_assert_eq!(found, obvious_check(event_type, &event));
    }
}
