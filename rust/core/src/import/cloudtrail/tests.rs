//! Hand-written records, one rule at a time.

mod rules;
mod shapes;

use serde_json::{Map, Value, json};

use super::read;

/// A record of an IAM user's call, with `more` on top.
pub(super) fn record(source: &str, name: &str, more: Value) -> Value {
    let mut record = json!({
        "eventVersion": "1.08", "eventID": format!("id-{source}-{name}"),
        "eventTime": "2026-03-01T10:00:00Z", "eventSource": format!("{source}.amazonaws.com"),
        "eventName": name, "awsRegion": "eu-west-1", "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2", "recipientAccountId": "111122223333", "readOnly": false,
        "eventCategory": "Management", "eventType": "AwsApiCall",
        "requestParameters": null, "responseElements": null,
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ana",
            "userName": "ana", "principalId": "AIDAX", "accountId": "111122223333",
            "accessKeyId": "AKIAIOSFODNN7EXAMPLE"},
    });
    for (key, value) in more.as_object().unwrap() {
        record[key] = value.clone();
    }
    record
}

/// The event of a record that stands alone in its file.
pub(super) fn event(record: &Value) -> Map<String, Value> {
    let mut import = read("trail.json", json!({"Records": [record]}).to_string().as_bytes());
    assert!(import.skipped.is_empty(), "{:?}", import.skipped);
    assert_eq!(import.events.len(), 1);
    import.events.remove(0).event
}
