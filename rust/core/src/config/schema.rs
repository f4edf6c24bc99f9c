//! The JSON Schema of `sealtrail.yaml`, made from the structs.

use serde_json::{Value, json};

use super::model::Document;

/// The JSON Schema (draft 2020-12) of `sealtrail.yaml`, with descriptions, defaults and ranges.
/// `rust/core/sealtrail.schema.json` is the published copy.
pub fn json_schema() -> Value {
    let mut schema = schemars::schema_for!(Document).to_value();
    adapt(&mut schema);
    schema
}

/// What stands for an environment variable where a number or a choice is wanted.
const REFERENCE: &str = r"^\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}$";

/// Says what the structs cannot say: numbers and choices may come from the environment, and the
/// default of a section is that of its settings.
fn adapt(schema: &mut Value) {
    if schema.get("default").is_some_and(Value::is_object) {
        schema.as_object_mut().and_then(|schema| schema.remove("default"));
    }
    if let Some(Value::Array(choices)) = schema.get_mut("oneOf") {
        choices.push(json!({
            "description": "A choice that comes from the environment.",
            "type": "string",
            "pattern": REFERENCE,
        }));
    }
    match schema.get_mut("type") {
        Some(Value::Array(types)) if types.contains(&json!("integer")) => {
            types.push(json!("string"));
            schema["pattern"] = json!(REFERENCE);
        }
        Some(name) if *name == "integer" => {
            *name = json!(["integer", "string"]);
            schema["pattern"] = json!(REFERENCE);
        }
        _ => {}
    }
    for part in ["$defs", "properties"] {
        let parts = schema.get_mut(part).and_then(Value::as_object_mut);
        parts.into_iter().flatten().for_each(|(_, schema)| adapt(schema));
    }
}

/// The section that has a setting called `name`, such as `audit.trail.flush` for `max_mb`.
/// None if there is no such setting, or more than one.
pub(super) fn section_of(name: &str) -> Option<String> {
    let paths = setting_paths(&json_schema());
    let mut sections = paths.iter().filter_map(|path| match path.rsplit_once('.') {
        Some((section, last)) => (last == name).then_some(section),
        None => None,
    });
    let section = sections.next()?;
    sections.next().is_none().then(|| section.to_owned())
}

/// The dotted paths of everything that can be set, sections included.
pub(super) fn setting_paths(schema: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    collect(schema, schema, "", &mut paths);
    paths
}

fn collect(root: &Value, schema: &Value, prefix: &str, paths: &mut Vec<String>) {
    let properties = deref(root, schema).get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        paths.push(path.clone());
        collect(root, property, &path, paths);
    }
}

/// The definition that a property refers to, else the property itself.
pub(super) fn deref<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|reference| reference.strip_prefix('#'))
        .and_then(|pointer| root.pointer(pointer))
        .unwrap_or(schema)
}
