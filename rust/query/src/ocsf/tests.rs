use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int32Type, Int64Type};
use sealtrail_core::catalogue::catalogue;

use super::*;

fn record(members: &str) -> Vec<u8> {
    let head = r#""audit_id":"e-1","recorded_at":"2026-03-01T10:00:01.000Z","timestamp":"2026-03-01T10:00:00.500Z""#;
    format!("{{{head},{members}}}").into_bytes()
}

#[test]
fn every_event_type_of_the_catalogue_has_a_place() {
    for known in catalogue().types() {
        let found = mapping(&known.name);
        assert!(!found.event_type.ends_with('*'), "{}", known.name);
        assert!(found.class.uid == 0 || (1..=8).contains(&(found.class.uid / 1000)));
    }
    for mapping in MAPPINGS {
        let known = catalogue().types().any(|known| known.name == mapping.event_type);
        assert!(known || mapping.event_type.ends_with('*'), "{}", mapping.event_type);
    }
    assert_eq!(mapping("auth.new_thing").class, AUTHENTICATION);
    assert_eq!(mapping("other.thing").class, BASE);
}

#[test]
fn a_login_is_an_authentication() {
    let login = record(
        r#""event_type":"auth.user_login","mfa":{"used":true},"source_ip":"203.0.113.7","status":"fail","user_id":"u-1""#,
    );
    let event = event(&login, "sealtrail/x").unwrap();
    let value = &event.value;
    assert_eq!(event.class.uid, 3002);
    assert_eq!(value["type_uid"], 300_201);
    assert_eq!(value["time"], 1_772_359_200_500_i64);
    assert_eq!(value["status_id"], 2);
    assert_eq!(value["actor"]["user"]["uid"], "u-1");
    assert_eq!(value["src_endpoint"]["ip"], "203.0.113.7");
    assert_eq!(value["metadata"]["uid"], "e-1");
    assert_eq!(value["metadata"]["event_code"], "auth.user_login");
    assert_eq!(value["unmapped"]["mfa"], r#"{"used":true}"#);
    assert_eq!(value["unmapped"].as_object().unwrap().len(), 1);
}

#[test]
fn what_has_no_place_is_kept() {
    let call = record(
        r#""event_type":"data.api_call","endpoint":"https://x/y","odd":[1,"a"],"resource":{"path":"/p","rows":7},"severity":"error""#,
    );
    let value = event(&call, "o").unwrap().value;
    assert_eq!(value["api"]["operation"], "https://x/y");
    assert_eq!(value["resources"][0]["uid"], "/p");
    assert_eq!(value["severity_id"], 4);
    assert_eq!(value["unmapped"]["resource"], r#"{"rows":7}"#);
    assert_eq!(value["unmapped"]["odd"], r#"[1,"a"]"#);
    assert!(event(b"{}", "o").is_none());
}

#[test]
fn events_of_every_class_become_columns() {
    for Mapping { event_type, class, activity, .. } in MAPPINGS {
        let name = event_type.replace('*', "unheard_of");
        let both = [
            record(&format!(
                r#""event_type":"{name}","resource":{{"path":"/a/b","size_bytes":3}}"#
            )),
            record(&format!(r#""event_type":"{name}","x":1"#)),
        ];
        let values: Vec<_> = both.iter().map(|r| event(r, "o").unwrap().value).collect();
        let batch = decode(class, &values).unwrap();
        assert_eq!(batch.num_rows(), 2);
        let number = |name: &str| batch.column_by_name(name).unwrap().as_primitive::<Int32Type>();
        assert_eq!(i64::from(number("class_uid").value(0)), class.uid);
        assert_eq!(i64::from(number("activity_id").value(1)), activity);
        let types = batch.column_by_name("type_uid").unwrap().as_primitive::<Int64Type>();
        assert_eq!(types.value(0), class.uid * 100 + activity);
        let unmapped = batch.column_by_name("unmapped").unwrap().as_map();
        assert_eq!(unmapped.value(1).len(), 1, "{name}");
        // What an event says stands in a column: nothing is dropped on the way.
        let known = batch.schema();
        for name in values.iter().flat_map(|value| value.as_object().unwrap().keys()) {
            assert!(known.field_with_name(name).is_ok(), "{class:?} has no {name}");
        }
    }
}

#[test]
fn the_document_has_every_mapping() {
    let text = include_str!("../../OCSF.md");
    assert!(text.contains(&markdown_table()), "{}", markdown_table());
}
