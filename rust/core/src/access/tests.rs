use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::trail::Settings;

fn settings(max_bytes: usize) -> Settings {
    let mut settings = Settings::from_config(&Config::default(), "./audit");
    settings.limits.max_bytes = max_bytes;
    settings
}

fn question() -> Question {
    Question::new("sql", Reader::of_process(Door::Cli, &|_| None), 3)
}

fn intent_of(question: &Question, max_bytes: usize) -> Value {
    let event = intent(question, (Some("id"), "/audit"), &settings(max_bytes)).unwrap();
    assert!(event.len() < max_bytes, "{} bytes", event.len());
    serde_json::from_slice(&event).unwrap()
}

#[test]
fn what_is_too_long_is_kept_as_its_beginning_and_its_hash() {
    let long = "SELECT 'ä' -- ".repeat(100_000);
    let ids: Vec<String> = (0..50_000).map(|n| format!("id-{n}")).collect();
    let asked = question().query(long.clone()).filter("ids", ids).purpose(Some(long.clone()));
    for max_bytes in [1024 * 1024, 8192] {
        let event = intent_of(&asked, max_bytes);
        let kept = event["query"].as_str().unwrap();
        assert!(long.starts_with(kept) && kept.len() > 500, "{}", kept.len());
        assert_eq!(event["query_bytes"], long.len());
        assert_eq!(event["query_sha256"].as_str().map(str::len), Some(64));
        assert_eq!(event["purpose_sha256"], event["query_sha256"]);
        assert!(event["filters_text"].as_str().unwrap().starts_with(r#"{"ids":["id-0","id-1""#));
        assert_eq!(event["filters"], Value::Null);
    }
    let short = intent_of(&question().query("SELECT 1"), 1024);
    assert_eq!((&short["query"], &short["query_sha256"]), (&json!("SELECT 1"), &Value::Null));
}

#[test]
fn an_outcome_names_its_intent_and_how_it_ended() {
    let of = |status| {
        let (intent, took) = ("audit_evt_1".to_owned(), Duration::from_millis(12));
        let end = Outcome { intent, rows: 9, took, status };
        let event = outcome(&question(), &end, &settings(1024)).unwrap();
        serde_json::from_slice::<Value>(&event).unwrap()
    };
    let done = of(Status::Completed);
    assert_eq!(done["intent_id"], "audit_evt_1");
    assert_eq!((&done["rows_returned"], &done["duration_ms"]), (&json!(9), &json!(12)));
    assert_eq!((&done["status"], &done["result_code"]), (&json!("completed"), &Value::Null));
    assert_eq!(of(Status::Partial)["status"], "partial");
    let failed = of(Status::Failed("io".to_owned()));
    assert_eq!((&failed["status"], &failed["result_code"]), (&json!("failed"), &json!("io")));
}

#[test]
fn the_environment_goes_before_the_configuration_but_not_before_required() {
    let with = |policy, word: &str| {
        let word = word.to_owned();
        let settings = AccessSettings { policy, purpose: PurposePolicy::Optional };
        settings
            .with_env(&|name| (name == "SEALTRAIL_ACCESS_AUDIT").then(|| word.clone()))
            .map(|settings| settings.policy)
    };
    use AccessPolicy::{BestEffort, Off, Required};
    for (configured, word, expected) in [
        (BestEffort, "", BestEffort),
        (BestEffort, "off", Off),
        (BestEffort, "required", Required),
        (Off, "best_effort", BestEffort),
        (Off, "required", Required),
        (Required, "off", Required),
        (Required, "best_effort", Required),
    ] {
        assert_eq!(with(configured, word).unwrap(), expected, "{configured:?} {word}");
    }
    let error = with(BestEffort, "never").unwrap_err();
    assert!(error.to_string().contains("best_effort"), "{error}");
}

#[test]
fn nothing_of_the_environment_but_where_from_gets_into_a_record() {
    let env = |name: &str| match name {
        "SSH_CONNECTION" => Some("198.51.100.7 1 192.0.2.1 22".to_owned()),
        "SSH_TTY" => Some("/dev/pts/9".to_owned()),
        "SUDO_USER" => Some("mira".to_owned()),
        other => Some(format!("secret of {other}")),
    };
    let reader = Reader::of_process(Door::Cli, &env);
    let event = intent_of(&Question::new("get", reader, 1), 1 << 20);
    assert!(!event.to_string().contains("secret"), "{event}");
}
