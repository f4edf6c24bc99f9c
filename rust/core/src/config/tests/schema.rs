use std::fs;

use serde_json::{Value, json};

use super::{read, read_with, schema_file};
use crate::config::model::{Document, LATER_SECTIONS};
use crate::config::schema::{deref, setting_paths};
use crate::config::{Loaded, get, json_schema};

/// With SEALTRAIL_UPDATE_SCHEMA set, writes the published schema instead of comparing.
#[test]
fn the_published_schema_is_current() {
    let schema = json_schema();
    let path = schema_file();
    if std::env::var_os("SEALTRAIL_UPDATE_SCHEMA").is_some() {
        let text = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
        fs::write(&path, text).expect("written");
    }
    let published = fs::read_to_string(&path).expect("the published schema");
    let published: Value = serde_json::from_str(&published).expect("JSON");
    assert!(
        published == schema,
        "{} is out of date; run this test with SEALTRAIL_UPDATE_SCHEMA=1",
        path.display()
    );
}

/// The definition at the end of a dotted path, and the property as its section has it.
fn property<'a>(root: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(root, |schema, name| &deref(root, schema)["properties"][name])
}

/// A file that sets `path` to `value`.
fn file(path: &str, value: &Value) -> String {
    let nested = path.rsplit('.').fold(value.clone(), |value, name| json!({ name: value }));
    nested.to_string()
}

/// Values that the schema allows for a property, each in its own right.
fn allowed(root: &Value, property: &Value) -> Vec<Value> {
    let schema = deref(root, property);
    if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
        return choices.iter().filter_map(|choice| choice.get("const").cloned()).collect();
    }
    let any = json!(["object", "array", "string", "boolean", "number", "null"]);
    let types = match schema.get("type").unwrap_or(&any) {
        Value::Array(types) => types.clone(),
        one => vec![one.clone()],
    };
    let values = |name: &Value| match name.as_str().expect("a type") {
        "object" => vec![json!({})],
        "array" => vec![json!([])],
        "string" if schema.get("pattern").is_some() => Vec::new(),
        "string" => vec![json!("text")],
        "boolean" => vec![json!(true)],
        "null" => vec![Value::Null],
        "number" => vec![json!(0.5)],
        "integer" => vec![property["minimum"].clone(), property["maximum"].clone()],
        other => panic!("the schema has the type {other}, unknown to this test"),
    };
    types.iter().flat_map(values).collect()
}

/// What a setting that is no text may be taken from, if the schema allows that.
fn reference(root: &Value, property: &Value) -> Option<(String, Value)> {
    let schema = deref(root, property);
    let (pattern, value) = match schema.get("oneOf").and_then(Value::as_array) {
        Some(choices) => (choices.last()?.get("pattern")?, choices[0]["const"].clone()),
        None => (schema.get("pattern")?, property["minimum"].clone()),
    };
    assert_eq!(pattern, r"^\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}$");
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Some((text, value))
}

#[test]
fn numbers_and_choices_may_be_references_and_nothing_else_says_so() {
    let schema = json_schema();
    for path in setting_paths(&schema) {
        let property = property(&schema, &path);
        let is_choice = deref(&schema, property).get("oneOf").is_some();
        let is_number = property.get("minimum").is_some();
        let reference = reference(&schema, property);
        assert_eq!(reference.is_some(), is_choice || is_number, "{path}");
        let Some((text, value)) = reference else { continue };
        for written in ["${VALUE}".to_owned(), format!("${{UNSET:-{text}}}")] {
            let file = file(&path, &json!(written));
            let loaded = read_with(&file, &[("VALUE", &text)]).expect(&file);
            let typed = serde_json::to_value(Document { audit: loaded.config }).expect("JSON");
            let found = path.split('.').fold(&typed, |value, name| &value[name]);
            assert_eq!(*found, value, "{file}");
        }
    }
}

/// Whether it is a mapping with names of the reader's choice.
fn is_map(definition: &Value) -> bool {
    definition["additionalProperties"].is_object()
}

#[test]
fn the_reader_accepts_what_the_schema_allows() {
    let schema = json_schema();
    let paths = setting_paths(&schema);
    assert!(paths.len() > 20, "{paths:?}");
    for path in &paths {
        let values = allowed(&schema, property(&schema, path));
        assert!(!values.is_empty(), "{path}");
        for value in values {
            let text = file(path, &value);
            let loaded = read(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let found = get(&loaded, path).expect(path);
            if !value.is_null() && value != json!({}) {
                assert_eq!(found, value, "{path}");
            }
        }
    }
}

#[test]
fn the_reader_refuses_what_the_schema_forbids() {
    let schema = json_schema();
    for path in setting_paths(&schema) {
        let property = property(&schema, &path);
        let definition = deref(&schema, property);
        let mut forbidden = Vec::new();
        if definition.get("properties").is_some() {
            assert_eq!(definition["additionalProperties"], false, "{path}");
            forbidden.push(json!({ "no_such_key": 1 }));
            forbidden.push(json!("text"));
        }
        if definition.get("oneOf").is_some() {
            forbidden.push(json!("no_such_choice"));
            forbidden.push(Value::Null);
        }
        if is_map(definition) {
            forbidden.push(json!({ "any": { "no_such_key": 1 } }));
            forbidden.push(json!([]));
        }
        if ["array", "boolean", "number"].iter().any(|name| definition["type"] == *name) {
            forbidden.push(json!("text"));
            forbidden.push(json!({}));
        }
        if let (Some(min), Some(max)) = (property["minimum"].as_i64(), property["maximum"].as_i64())
        {
            forbidden.extend([json!(min - 1), json!(max + 1), json!(max.to_string()), json!(1.5)]);
        }
        if [json!(["string", "null"]), json!("string")].contains(&definition["type"]) {
            forbidden.extend([json!(1), json!(true), json!([])]);
        }
        let later = path.strip_prefix("audit.").is_some_and(|n| LATER_SECTIONS.contains(&n));
        assert_eq!(forbidden.is_empty(), later, "{path}");
        for value in forbidden {
            assert!(read(&file(&path, &value)).is_err(), "{path} {value}");
        }
    }
}

#[test]
fn the_schema_knows_exactly_the_settings_there_are() {
    let schema = json_schema();
    let mut paths = setting_paths(&schema);
    let mut settings: Vec<_> =
        LATER_SECTIONS.iter().map(|section| format!("audit.{section}")).collect();
    collect(Loaded::default().effective(), "", &mut settings);
    paths.sort();
    settings.sort();
    assert_eq!(paths, settings);
}

fn collect(value: &Value, prefix: &str, paths: &mut Vec<String>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        paths.push(path.clone());
        collect(value, &path, paths);
    }
}

#[test]
fn every_property_has_a_description_and_every_setting_its_default() {
    let schema = json_schema();
    assert_eq!(schema["title"], "sealtrail.yaml");
    for path in setting_paths(&schema) {
        let property = property(&schema, &path);
        assert!(property["description"].as_str().is_some_and(|text| !text.is_empty()), "{path}");
        let definition = deref(&schema, property);
        let is_section = definition.get("properties").is_some() || is_map(definition);
        let is_later = path.strip_prefix("audit.").is_some_and(|n| LATER_SECTIONS.contains(&n));
        assert_eq!(property.get("default").is_none(), is_section || is_later, "{path}");
        // The default of this one depends on the store.
        if property.get("default").is_some() && path != "audit.trail.flush.max_age_seconds" {
            let effective = get(&Loaded::default(), &path).expect(&path);
            assert_eq!(property["default"], effective, "{path}");
        }
    }
}
