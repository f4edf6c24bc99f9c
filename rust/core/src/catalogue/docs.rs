//! Text made from the catalogue: the documentation page and the command line's help.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{EventType, Field, catalogue};

const INTRO: &str = "\
# Events

Made from `src/catalogue.json`; to change it, edit that file and run
`SEALTRAIL_UPDATE=1 cargo test --release -p sealtrail-core catalogue`.

An event is a JSON object whose `event_type` is `domain.action`. The domain must be one of those \
below. An action that is not listed is accepted as it is, and so are fields that are not listed: \
of those that are, the types are checked, and the required ones must be there and not null. A \
strict recorder refuses an event that falls short, naming the field; a lenient one keeps it and \
notes what is wrong in `schema_violations`.

Where an event has two parties, `user_id` or `agent_id` is whom it is about, and `modified_by`, \
`initiated_by` or `authorized_by` is who did it, started it or allowed it.
";

/// The documentation page of all events, fields and fixed columns (Markdown).
pub fn markdown_table() -> String {
    let mut out = INTRO.to_owned();
    levels(&mut out);
    for domain in catalogue().domains() {
        let _ = write!(out, "\n## {}\n\n{}\n\n", domain.name, domain.description);
        out.push_str("| event type | what happened | severity | required | optional |\n");
        out.push_str("|---|---|---|---|---|\n");
        for event_type in catalogue().types().filter(|t| t.domain == domain.name) {
            let _ = writeln!(
                out,
                "| `{}` | {} | {} | {} | {} |",
                event_type.name,
                event_type.description,
                event_type.severity,
                code_list(event_type.fields.iter().filter(|f| f.required)),
                code_list(event_type.fields.iter().filter(|f| !f.required)),
            );
        }
    }
    fields(&mut out);
    columns(&mut out);
    out
}

fn levels(out: &mut String) {
    let severities = catalogue().severities().join(" < ");
    let sensitivity = catalogue().sensitivity_levels().join(", ");
    let _ = write!(
        out,
        "\nSeverities, in order: {severities}. The severity below is that of an event that \
         names none.\n\nSensitivity levels with a known meaning: {sensitivity}. Others are \
         allowed.\n"
    );
}

fn fields(out: &mut String) {
    let heading = "| field | type | meaning | example |\n|---|---|---|---|\n";
    out.push_str("\n## Fields of every event\n\nThe recorder checks or sets them.\n\n");
    out.push_str(heading);
    catalogue().envelope_fields().iter().for_each(|field| field_row(out, field));
    out.push_str("\n## Fields of any event\n\nAll are optional, unless a type requires them.\n\n");
    out.push_str(heading);
    catalogue().common_fields().iter().for_each(|field| field_row(out, field));
    out.push_str("\n## Fields of particular events\n\n");
    out.push_str(heading);
    let common: Vec<&[String]> =
        catalogue().common_fields().iter().map(|f| f.path.as_slice()).collect();
    let own: BTreeMap<&[String], &Field> = catalogue()
        .types()
        .flat_map(|t| &t.fields)
        .filter(|field| !common.contains(&field.path.as_slice()))
        .map(|field| (field.path.as_slice(), field))
        .collect();
    own.values().for_each(|field| field_row(out, field));
}

fn columns(out: &mut String) {
    out.push_str(
        "\n## Fixed columns\n\nThe columns of every trail, in order. Other paths get columns as \
         they are used (see FORMAT.md, section 4).\n\n| column | path | type |\n|---|---|---|\n",
    );
    for column in catalogue().fixed_columns() {
        let path = column.path.join(".");
        let _ = writeln!(out, "| `{}` | `{path}` | {} |", column.name, column.kind);
    }
}

fn field_row(out: &mut String, field: &Field) {
    let _ = writeln!(
        out,
        "| `{}` | {} | {} | `{}` |",
        field.dotted(),
        type_name(field),
        field.description.replace('|', "\\|"),
        field.example.to_string().replace('|', "\\|"),
    );
}

fn code_list<'a>(fields: impl Iterator<Item = &'a Field>) -> String {
    let names: Vec<String> = fields.map(|field| format!("`{}`", field.dotted())).collect();
    names.join(" ")
}

fn type_name(field: &Field) -> String {
    match field.items {
        Some(items) => format!("{} of {items}s", field.kind),
        None => field.kind.to_string(),
    }
}

/// What there is to know about an event type, as plain text for a terminal; `None` if it is
/// not in the catalogue.
pub fn describe(event_type: &str) -> Option<String> {
    let known = catalogue().event_type(event_type)?;
    let mut out =
        format!("{}\n{}\n\ndefault severity  {}\n", known.name, known.description, known.severity);
    describe_fields(&mut out, "required", known, true);
    describe_fields(&mut out, "optional", known, false);
    let own: Vec<&[String]> = known.fields.iter().map(|f| f.path.as_slice()).collect();
    let common: Vec<String> = catalogue()
        .common_fields()
        .iter()
        .filter(|field| !own.contains(&field.path.as_slice()))
        .map(Field::dotted)
        .collect();
    out.push_str("\nas in any event\n");
    for line in wrapped(&common, 96) {
        let _ = writeln!(out, "  {line}");
    }
    let _ = write!(out, "\nexample\n  {}\n", example(known));
    Some(out)
}

fn describe_fields(out: &mut String, heading: &str, event_type: &EventType, required: bool) {
    let fields: Vec<&Field> =
        event_type.fields.iter().filter(|field| field.required == required).collect();
    if fields.is_empty() {
        return;
    }
    let _ = write!(out, "\n{heading}\n");
    let name_width = fields.iter().map(|f| f.dotted().len()).max().unwrap_or(0);
    let type_width = fields.iter().map(|f| type_name(f).len()).max().unwrap_or(0);
    for field in fields {
        let (name, kind) = (field.dotted(), type_name(field));
        let description = &field.description;
        let _ = writeln!(out, "  {name:name_width$}  {kind:type_width$}  {description}");
    }
}

fn wrapped(words: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.clone()),
        }
    }
    lines
}

/// An event of the type with its required fields and the first two of its optional ones.
pub(super) fn example(event_type: &EventType) -> serde_json::Value {
    let required = event_type.fields.iter().filter(|field| field.required);
    let optional = event_type.fields.iter().filter(|field| !field.required).take(2);
    let mut event = serde_json::json!({ "event_type": event_type.name });
    for field in required.chain(optional) {
        insert(&mut event, &field.path, field.example.clone());
    }
    event
}

/// Sets the value at a path, making objects on the way.
pub(super) fn insert(event: &mut serde_json::Value, path: &[String], value: serde_json::Value) {
    let place = path.iter().fold(event, |place, name| &mut place[name.as_str()]);
    *place = value;
}
