use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::config::{Config, Home};

async fn open(dir: &std::path::Path, settings: Option<Value>) -> Trail {
    let url = dir.join("audit").display().to_string();
    let mut used = Settings::from_config(&Config::default(), &url);
    used.in_force = settings.map(|settings| {
        let settings: BTreeMap<String, Value> = serde_json::from_value(settings).unwrap();
        Arc::new(settings)
    });
    Trail::open(&url, OpenOptions::new(Home::at(dir), used)).await.unwrap()
}

/// Writes with a configuration, and gives the changes that this recorded.
async fn write(dir: &std::path::Path, settings: Option<Value>) -> Vec<Value> {
    let trail = open(dir, settings).await;
    trail.record(br#"{"event_type":"data.file_read"}"#, Strictness::Lenient).await.unwrap();
    let records = trail.view().await.unwrap().unflushed.clone();
    trail.close(true).await.unwrap();
    let records = records.iter().map(|record| serde_json::from_slice(record).unwrap());
    records.filter(|record: &Value| record["event_type"] == "system.config_change").collect()
}

#[tokio::test]
async fn changes_of_the_configuration_are_recorded_once() {
    let dir = tempfile::tempdir().unwrap();
    let url = dir.path().join("audit").display().to_string();
    init(&url, &InitOptions::new(Home::at(dir.path()))).await.unwrap();
    let first = json!({ "a.days": 90, "a.gone": "x", "b": [1] });
    assert!(write(dir.path(), Some(first.clone())).await.is_empty(), "nothing to differ from");
    assert!(write(dir.path(), Some(first)).await.is_empty());
    assert!(write(dir.path(), None).await.is_empty());
    let second = json!({ "a.days": 180, "b": [1], "c": null });
    let changes = write(dir.path(), Some(second.clone())).await;
    let told: Vec<_> = changes
        .iter()
        .map(|c| (c["setting"].as_str().unwrap(), c["old_value"].clone(), c["new_value"].clone()))
        .collect();
    let expected = [("a.days", json!(90), json!(180)), ("a.gone", json!("x"), Value::Null)];
    assert_eq!(told, expected);
    assert!(write(dir.path(), Some(second)).await.is_empty(), "told once");
}

#[test]
fn settings_in_force_hold_no_secrets() {
    let text = "audit:\n  trail: { url: 'https://u:hunter2@host/a' }\n  identity: { user_id: '${WHO}' }\n  \
                destinations: [{ token: hunter2 }]\n";
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("sealtrail.yaml"), text).unwrap();
    let env = |name: &str| (name == "WHO").then(|| "hunter2".to_owned());
    let loaded = crate::config::load(None, &env, dir.path()).unwrap();
    let in_force = loaded.in_force();
    assert_eq!(in_force["identity.user_id"], "${WHO}");
    assert_eq!(in_force["trail.url"], "https://host/a");
    assert_eq!(in_force["retention.default_retention_days"], 90);
    assert!(!format!("{in_force:?}").contains("hunter2"));
}
