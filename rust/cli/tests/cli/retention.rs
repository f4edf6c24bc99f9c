use serde_json::{Value, json};

use super::ground::{Ground, login};

const POLICY: &str = "audit:
  retention:
    by_domain:
      auth: { delete_after_days: 30 }
";

/// A trail with events of long ago, recorded now.
fn old() -> Ground {
    let ground = Ground::new();
    ground.write("sealtrail.yaml", POLICY);
    ground.run(&["init"]).exits(0);
    let read = json!({
        "event_type": "data.file_read",
        "timestamp": "2026-03-01T10:00:00.000Z",
        "audit_id": "read-1",
        "resource": { "path": "/p", "sensitivity_level": "PII" },
    });
    let events = [login("ana", 1), login("ben", 2), read];
    let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
    ground.feed(&["record", "-"], lines.as_bytes()).exits(0);
    ground
}

fn pin_by_event_time(ground: &Ground) {
    ground
        .write("sealtrail.yaml", POLICY.replace("retention:", "retention:\n    clock: event_time"));
    ground.run(&["retention", "pin"]).exits(0);
}

#[test]
fn nothing_is_due_before_a_policy_is_pinned_and_a_file_only_lengthens() {
    let ground = old();
    let plan = ground.run(&["retention", "plan"]).exits(0).json();
    assert_eq!((&plan["policy"], &plan["steps"]), (&Value::Null, &json!([])));
    pin_by_event_time(&ground);
    let plan = ground.run(&["retention", "plan"]).exits(0).json();
    assert_eq!(plan["steps"].as_array().unwrap().len(), 1, "{plan}");
    assert_eq!(plan["steps"][0]["action"], "delete");
    // Ages by this file's word count from the time of recording.
    ground.write("sealtrail.yaml", POLICY.replace("30", "36000"));
    let plan = ground.run(&["retention", "plan"]).exits(0).json();
    assert_eq!(plan["steps"], json!([]), "{plan}");
}

#[test]
fn what_is_held_stays_and_the_rest_goes_with_a_tombstone() {
    let ground = old();
    pin_by_event_time(&ground);
    let matching = "--user-id ana --since 2026-02-01";
    let added = &["hold", "add", "--reason", "case 7", "--by", "counsel", "--matching", matching];
    let id = ground.run(added).exits(0).out.trim().to_owned();
    let holds = ground.run(&["hold", "list"]).exits(0).json();
    assert_eq!(holds[0]["hold"]["matching"]["user_id"], json!(["ana"]));
    assert_eq!(holds[0]["hold"]["matching"]["since"], "2026-02-01T00:00:00.000Z");

    let explained = ground.run(&["retention", "explain", "login-ana-1"]).exits(0).json();
    assert_eq!(explained["held_by"], json!([id]));
    assert_eq!(explained["said"][0]["rules"], json!(["by_domain.auth"]));
    assert_eq!(explained["delete"], "2026-03-31T10:01:00.000Z");
    ground.run(&["retention", "explain", "nobody"]).exits(1);

    let apply = &["retention", "apply", "--approver", "officer", "--grace", "0s"];
    let applied = ground.run(apply).exits(0).json();
    assert_eq!(applied["deletion"]["records"], 1, "{applied}");
    assert_eq!(applied["deletion"]["parts"], 1);
    assert_eq!(ground.run(&["get", "login-ana-1"]).exits(0).json()["user_id"], "ana");
    ground.run(&["get", "login-ben-2"]).exits(1);
    ground.run(&["get", "read-1"]).exits(0);
    ground.run(&["prove", "login-ana-1"]).exits(0);
    let report = ground.run(&["verify-integrity"]).exits(0).json();
    assert_eq!(report["verdict"], "PRUNED", "{report}");

    ground.run(&["hold", "release", &id, "--reason", "closed", "--by", "counsel"]).exits(0);
    ground.run(&["hold", "list"]).exits(1);
    let applied = ground.run(apply).exits(0).json();
    assert_eq!(applied["deletion"]["segments"], 1, "{applied}");
    let status = ground.run(&["retention", "status"]).exits(0).json();
    assert_eq!(
        (&status["deleted"], &status["hot"]["segments"]),
        (&json!(2), &json!(2)),
        "{status}"
    );
    let report = ground.run(&["verify-integrity"]).exits(0).json();
    assert_eq!(report["verdict"], "PRUNED", "{report}");
}

#[test]
fn a_hold_that_means_nothing_is_refused() {
    let ground = old();
    for matching in ["{\"userid\": \"x\"}", "--userid x", "{", "--text 'open", "--since soon"] {
        let refused = ["hold", "add", "--reason", "r", "--by", "b", "--matching", matching];
        ground.run(&refused).exits(2);
    }
    assert_eq!(ground.run(&["hold", "list"]).exits(1).json(), json!([]));
    let unknown = &["hold", "release", "hold-0", "--reason", "r", "--by", "b"];
    assert!(ground.run(unknown).exits(3).err.contains("hold-0"));
}

#[test]
fn a_changed_configuration_is_recorded() {
    let ground = old();
    ground.write("sealtrail.yaml", POLICY.replace("30", "60"));
    ground.feed(&["record", "-"], login("eve", 3).to_string().as_bytes()).exits(0);
    let search = ["search", "--event-type", "system.config_change", "-o", "jsonl"];
    let changes = ground.run(&search).exits(0).lines();
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!(changes[0]["setting"], "retention.by_domain.auth.delete_after_days");
    assert_eq!((&changes[0]["old_value"], &changes[0]["new_value"]), (&json!(30), &json!(60)));
}
