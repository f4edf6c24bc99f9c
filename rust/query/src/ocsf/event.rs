//! One record as an event.

use sealtrail_core::json::parse_canonical_timestamp;
use serde_json::{Map, Value, json};

use super::{Class, Mapping, VERSION, mapping};

/// A record as an event of its class.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) class: Class,
    /// When it happened, in microseconds since 1970 (UTC).
    pub(crate) time: i64,
    pub(crate) id: String,
    pub(crate) value: Value,
}

/// Where the trail's records say who did something, whose session it was, and so on: the first
/// path that is there counts.
const USER: &[&str] =
    &["user_id", "initiated_by", "modified_by", "approver", "user_context.user_id"];
const EMAIL: &[&str] = &["email", "user_context.email"];
const SESSION: &[&str] = &["session_id", "user_context.session_id"];
const GRANTEE: &[&str] = &["grantee", "owner", "issued_to", "user_id"];
const STATUS: &[&str] = &["status", "result.status", "result_status"];
const MESSAGE: &[&str] = &["error_message", "reason", "message", "rule", "attempted_action"];

/// The record as an event. `origin` is the name of the trail's log.
pub(crate) fn event(record: &[u8], origin: &str) -> Option<Event> {
    let record: Value = serde_json::from_slice(record).ok()?;
    let mut rest = Rest(record.as_object()?.clone());
    let name = rest.take_text(&["event_type"])?;
    let id = rest.take_text(&["audit_id"])?;
    let timestamp = rest.take_text(&["timestamp"])?;
    let time = parse_canonical_timestamp(timestamp.as_bytes())?;
    let recorded = rest.take_text(&["recorded_at"])?;
    let recorded = parse_canonical_timestamp(recorded.as_bytes())?;
    let Mapping { class, activity, activity_name, .. } = mapping(&name);
    let mut event = Map::new();
    let mut put = |name: &str, value: Value| {
        if !is_empty(&value) {
            event.insert(name.to_owned(), value);
        }
    };
    let type_uid = class.uid * 100 + activity;
    put("activity_id", activity.into());
    put("activity_name", if activity == 99 { name.as_str() } else { activity_name }.into());
    put("category_uid", (class.uid / 1000).into());
    put("category_name", class.category.into());
    put("class_uid", class.uid.into());
    put("class_name", class.name.into());
    put("type_uid", type_uid.into());
    put("type_name", format!("{}: {activity_name}", class.name).into());
    put("time", (time.div_euclid(1000)).into());
    put("timezone_offset", 0.into());
    let metadata = json!({
        "version": VERSION, "uid": id, "log_name": origin, "event_code": name,
        "logged_time": recorded.div_euclid(1000),
        "product": {"name": "sealtrail", "vendor_name": "sealtrail"},
    });
    put("metadata", metadata);
    let (severity_id, severity) = severity(rest.take_text(&["severity"]).as_deref());
    put("severity_id", severity_id.into());
    put("severity", severity.into());
    let status = rest.take_text(STATUS);
    let status_id = status.as_deref().map_or(0, status_id);
    put("status_id", status_id.into());
    put("status", status.into());
    put("status_code", rest.take_text(&["result_code"]).into());
    put("message", rest.take_text(MESSAGE).into());
    let subject = rest.get_text(GRANTEE);
    let user = with(&[("uid", rest.take_text(USER)), ("email_addr", rest.take_text(EMAIL))]);
    let session = with(&[("uid", rest.take_text(SESSION))]);
    let app = rest.take_text(&["agent_id"]);
    put("actor", objects(&[("user", &user), ("session", &session)], &[("app_name", &app)]));
    if (3000..4000).contains(&class.uid) {
        put("user", with(&[("uid", subject)]));
    }
    put("src_endpoint", with(&[("ip", rest.take_text(&["source_ip"]))]));
    put("http_request", with(&[("user_agent", rest.take_text(&["user_agent"]))]));
    of_class(class, &mut rest, &name, &app, &mut put);
    let unmapped: Map<String, Value> =
        rest.0.into_iter().map(|(name, value)| (name, text_of(&value).into())).collect();
    put("unmapped", unmapped.into());
    Some(Event { class, time, id, value: event.into() })
}

/// What only some classes have.
fn of_class(
    class: Class,
    rest: &mut Rest,
    name: &str,
    app: &Option<String>,
    put: &mut impl FnMut(&str, Value),
) {
    match class.uid {
        1001 => {
            let path = rest.take_text(&["resource.path"]).unwrap_or_default();
            let file = path.rsplit('/').next().unwrap_or_default().to_owned();
            let size = rest.take(&["resource.size_bytes"]).and_then(|size| size.as_i64());
            put("file", json!({"path": path, "name": file, "size": size, "type_id": 1}));
        }
        6003 => {
            let operation = rest.take_text(&["operation.action", "endpoint", "tool_name"]);
            let service = with(&[("name", rest.take_text(&["tool_name", "provider"]))]);
            let operation = operation.unwrap_or_else(|| name.to_owned());
            put("api", json!({"operation": operation, "service": service}));
            let path = rest.take_text(&["resource.path"]);
            let kind = rest.take_text(&["resource.type"]);
            let resource = with(&[("uid", path), ("type", kind)]);
            if !is_empty(&resource) {
                put("resources", json!([resource]));
            }
        }
        6005 => {
            put("database", with(&[("name", rest.take_text(&["resource.path"]))]));
            let query = rest.take_text(&["operation.query", "query", "operation.action"]);
            put("query_info", with(&[("query_string", query)]));
            put("type_id", 0.into());
        }
        6002 => put("app", with(&[("name", app.clone()), ("uid", app.clone())])),
        3004 => {
            let uid = app.clone().or_else(|| rest.take_text(&["setting", "integration"]));
            put("entity", with(&[("uid", uid)]));
        }
        2004 => {
            let title = rest.take_text(&["title"]).unwrap_or_else(|| name.to_owned());
            put("finding_info", json!({"title": title, "uid": name}));
        }
        _ => {}
    }
}

/// The part of a record that has no place in the event yet.
struct Rest(Map<String, Value>);

impl Rest {
    fn find(&self, path: &str) -> Option<&Value> {
        let mut parts = path.split('.');
        let first = self.0.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part))
    }

    fn get_text(&self, paths: &[&str]) -> Option<String> {
        paths.iter().find_map(|path| self.find(path)?.as_str().map(str::to_owned))
    }

    /// Takes the first text that is there out of the rest.
    fn take_text(&mut self, paths: &[&str]) -> Option<String> {
        let path = paths.iter().find(|path| self.find(path).is_some_and(Value::is_string))?;
        match self.remove(path)? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    fn take(&mut self, paths: &[&str]) -> Option<Value> {
        let path = paths.iter().find(|path| self.find(path).is_some())?;
        self.remove(path)
    }

    fn remove(&mut self, path: &str) -> Option<Value> {
        let Some((first, rest)) = path.split_once('.') else { return self.0.remove(path) };
        let object = self.0.get_mut(first)?.as_object_mut()?;
        let value = object.remove(rest);
        if object.is_empty() {
            self.0.remove(first);
        }
        value
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(Map::is_empty)
}

fn with(members: &[(&str, Option<String>)]) -> Value {
    let known = members
        .iter()
        .filter_map(|(name, value)| Some(((*name).to_owned(), Value::from(value.clone()?))));
    Value::Object(known.collect())
}

fn objects(all: &[(&str, &Value)], texts: &[(&str, &Option<String>)]) -> Value {
    let objects = all.iter().filter(|(_, value)| !is_empty(value));
    let mut object: Map<String, Value> =
        objects.map(|(name, value)| ((*name).to_owned(), (*value).clone())).collect();
    for (name, text) in texts {
        if let Some(text) = text {
            object.insert((*name).to_owned(), text.clone().into());
        }
    }
    Value::Object(object)
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `severity_id` and `severity`.
fn severity(severity: Option<&str>) -> (i64, &'static str) {
    match severity {
        Some("debug" | "info") => (1, "Informational"),
        Some("warning") => (3, "Medium"),
        Some("error") => (4, "High"),
        Some("critical") => (5, "Critical"),
        Some(_) => (99, "Other"),
        None => (0, "Unknown"),
    }
}

/// `status_id`: 1 is success, 2 failure, 99 another one.
fn status_id(status: &str) -> i64 {
    match status.to_ascii_lowercase().as_str() {
        "success" | "succeeded" | "ok" | "completed" | "approved" | "allowed" => 1,
        "failure" | "failed" | "fail" | "error" | "denied" | "rejected" | "blocked" => 2,
        _ => 99,
    }
}
