//! The columns of events.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Fields, Schema};
use arrow::json::ReaderBuilder;
use serde_json::Value;

use super::Class;
use crate::error::{QueryError, Result};

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn long(name: &str) -> Field {
    Field::new(name, DataType::Int64, true)
}

fn int(name: &str) -> Field {
    Field::new(name, DataType::Int32, true)
}

fn object(name: &str, members: Vec<Field>) -> Field {
    Field::new(name, DataType::Struct(Fields::from(members)), true)
}

fn texts(name: &str, members: &[&str]) -> Field {
    object(name, members.iter().map(|name| text(name)).collect())
}

/// The columns of all classes, then those of this one.
fn schema(class: Class) -> Schema {
    let mut fields: Vec<Field> = ["activity_id", "category_uid", "class_uid"].map(int).to_vec();
    fields.extend(["type_uid", "time"].map(long));
    fields.extend(["severity_id", "status_id", "timezone_offset"].map(int));
    fields.extend(
        [
            "activity_name",
            "category_name",
            "class_name",
            "type_name",
            "severity",
            "status",
            "status_code",
            "message",
        ]
        .map(text),
    );
    let mut metadata = ["version", "uid", "log_name", "event_code"].map(text).to_vec();
    metadata.push(long("logged_time"));
    metadata.push(texts("product", &["name", "vendor_name"]));
    fields.push(object("metadata", metadata));
    let user = texts("user", &["uid", "email_addr"]);
    fields.push(object("actor", vec![user, texts("session", &["uid"]), text("app_name")]));
    fields.push(texts("src_endpoint", &["ip"]));
    fields.push(texts("http_request", &["user_agent"]));
    match class.uid {
        1001 => fields
            .push(object("file", vec![text("path"), text("name"), long("size"), int("type_id")])),
        2004 => fields.push(texts("finding_info", &["title", "uid"])),
        3004 => fields.push(texts("entity", &["uid"])),
        6002 => fields.push(texts("app", &["name", "uid"])),
        6005 => {
            fields.push(texts("database", &["name"]));
            fields.push(texts("query_info", &["query_string"]));
            fields.push(int("type_id"));
        }
        6003 => {
            fields.push(object("api", vec![text("operation"), texts("service", &["name"])]));
            let item = Field::new("element", texts("", &["uid", "type"]).data_type().clone(), true);
            fields.push(Field::new("resources", DataType::List(Arc::new(item)), true));
        }
        _ => {}
    }
    if (3000..4000).contains(&class.uid) {
        fields.push(texts("user", &["uid"]));
    }
    let entries = Fields::from(vec![Field::new("key", DataType::Utf8, false), text("value")]);
    let entries = Field::new("key_value", DataType::Struct(entries), false);
    fields.push(Field::new("unmapped", DataType::Map(Arc::new(entries), false), true));
    Schema::new(fields)
}

/// Events of one class as columns.
pub(crate) fn decode(class: Class, events: &[Value]) -> Result<RecordBatch> {
    let failed = |e: arrow::error::ArrowError| QueryError::Execution(e.to_string());
    let schema = Arc::new(schema(class));
    let builder = ReaderBuilder::new(Arc::clone(&schema)).with_batch_size(events.len().max(1));
    let mut decoder = builder.build_decoder().map_err(failed)?;
    decoder.serialize(events).map_err(failed)?;
    let batch = decoder.flush().map_err(failed)?;
    Ok(batch.unwrap_or_else(|| RecordBatch::new_empty(schema)))
}
