//! Building events without `null`s.

use serde_json::{Map, Value};

/// An event in the making: absent values leave no key.
pub(super) struct Draft(Map<String, Value>);

impl Draft {
    pub(super) fn new(audit_id: String, event_type: &str, timestamp: &str) -> Self {
        let mut draft = Self(Map::new());
        draft.set("audit_id", audit_id);
        draft.set("event_type", event_type);
        draft.set("timestamp", timestamp);
        draft
    }

    pub(super) fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.0.insert(key.to_owned(), value.into());
    }

    pub(super) fn set_some(&mut self, key: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.set(key, value);
        }
    }

    pub(super) fn build(self) -> Map<String, Value> {
        self.0
    }
}

/// An object of the entries that are there.
pub(super) fn object<const N: usize>(entries: [(&str, Option<Value>); N]) -> Value {
    let present = entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Object(present.collect())
}

/// The non-empty string at `key`.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// Milliseconds since 1970 (UTC) of an RFC 3339 time.
pub(super) fn millis(timestamp: &str) -> Option<i64> {
    chrono::DateTime::parse_from_rfc3339(timestamp).ok().map(|time| time.timestamp_millis())
}
