use serde_json::{Value, json};

use super::ground::{Ground, login};

const CONFIG: &str = "audit:
  integrity:
    audit_log_backup: { destination: ./copy, key: 'env:COPY_KEY' }
";

/// A trail with some records, a configured copy and its key.
fn made() -> Ground {
    let mut ground = Ground::new();
    ground.set("COPY_KEY", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=");
    ground.write("sealtrail.yaml", CONFIG);
    ground.run(&["init"]).exits(0);
    record(&ground, "ana");
    ground
}

fn record(ground: &Ground, user: &str) {
    ground.feed(&["record", "-"], format!("{}\n", login(user, 1)).as_bytes()).exits(0);
}

const USERS: &str = "SELECT user_id FROM auth_events ORDER BY 1";

#[test]
fn after_total_loss_the_trail_answers_as_before_and_goes_on() {
    let ground = made();
    record(&ground, "ben");
    let before = ground.run(&["sql", "-o", "csv", USERS]).exits(0).out;
    let run = ground.run(&["backup", "run"]).exits(0).json();
    assert!(run["objects"].as_u64().unwrap() > 4, "{run}");
    let again = ground.run(&["backup", "run", "-o", "table"]).exits(0).out;
    assert!(again.starts_with("0 objects copied"), "{again}");

    std::fs::remove_dir_all(ground.path("audit")).unwrap();
    std::fs::remove_dir_all(ground.path("home/state")).unwrap();
    let found = ground.run(&["backup", "verify"]).exits(0).json();
    assert_eq!((&found["verdict"], &found["size"]), (&json!("VERIFIED"), &run["size"]));
    let status = ground.run(&["backup", "status"]).exits(0).json();
    assert_eq!(status["behind"], Value::Null);
    let restored = ground.run(&["backup", "restore", "--destination", "./audit"]).exits(0);
    assert_eq!(restored.json()["records"], 2);
    assert!(restored.err.contains("verify-integrity"), "{}", restored.err);
    ground.run(&["verify-integrity"]).exits(0);
    assert_eq!(ground.run(&["sql", "-o", "csv", USERS]).exits(0).out, before);
    record(&ground, "cem");
    let next = ground.run(&["backup", "run"]).exits(0).json();
    assert!(next["size"].as_u64() > run["size"].as_u64());
    ground.run(&["verify-integrity"]).exits(0);
    ground.run(&["backup", "verify", "--quick"]).exits(0);
    let taken = ground.run(&["backup", "restore", "--destination", "./audit"]).exits(3);
    assert!(taken.err.contains("already holds a trail"), "{}", taken.err);
}

#[test]
fn maintenance_brings_the_copy_up_to_date() {
    let ground = made();
    let round = ground.run(&["maintain", "-o", "json"]).exits(0).json();
    let size = round["backup"]["size"].as_u64().unwrap();
    record(&ground, "ben");
    let status = ground.run(&["backup", "status"]).exits(0).json();
    assert_eq!((&status["copy"]["size"], &status["behind"]), (&json!(size), &json!(1)));
    let round = ground.run(&["maintain", "-o", "table"]).exits(0).out;
    assert!(round.contains("copy: "), "{round}");
    ground.write("sealtrail.yaml", "audit: {}");
    let round = ground.run(&["maintain", "-o", "json"]).exits(0).json();
    assert_eq!(round["backup"], Value::Null);
}

#[test]
fn a_changed_copy_is_told_with_and_without_the_key() {
    let mut ground = made();
    ground.run(&["backup", "run"]).exits(0);
    let entry = "copy/objects/ledger/00000000000000000001.json";
    let bytes = std::fs::read(ground.path(entry)).unwrap();
    let mut changed = bytes.clone();
    *changed.last_mut().unwrap() ^= 1;
    ground.write(entry, &changed);
    let found = ground.run(&["backup", "verify", "-o", "table"]).exits(4);
    assert!(found.out.contains("objects/ledger/00000000000000000001.json"), "{}", found.out);

    ground.write("sealtrail.yaml", "audit: {}");
    let quick = ["backup", "verify", "--quick", "--copy", "copy"];
    let looked = ground.run(&quick).exits(0);
    assert!(looked.err.contains("not checked"), "{}", looked.err);
    std::fs::remove_file(ground.path(entry)).unwrap();
    let looked = ground.run(&quick).exits(4).json();
    assert!(looked["problems"][0].as_str().unwrap().contains("is missing"), "{looked}");

    ground.run(&["backup", "verify", "--copy", "copy"]).exits(2);
    ground.set("OTHER", "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=");
    let with = ["backup", "verify", "--copy", "copy", "--copy-key", "env:OTHER"];
    let wrong = ground.run(&with).exits(3);
    assert!(wrong.err.contains("master key"), "{}", wrong.err);
    let add = ["backup", "add-key", "--copy", "copy", "--copy-key", "env:COPY_KEY"];
    ground.run(&[&add[..], &["--new-key", "env:OTHER"]].concat()).exits(0);
    ground.write(entry, &bytes);
    ground.run(&with).exits(0);
}

#[test]
fn an_erased_person_stays_erased_through_a_restore() {
    let ground = made();
    let personal = "audit:
  integrity: { audit_log_backup: { destination: ./copy, key: 'env:COPY_KEY' } }
  redaction: { personal: { fields: [email] } }
";
    ground.write("sealtrail.yaml", personal);
    let event =
        json!({"event_type": "auth.user_login", "user_id": "u1", "email": "u1@example.com"});
    ground.feed(&["record", "-"], event.to_string().as_bytes()).exits(0);
    let run = ground.run(&["backup", "run"]).exits(0).json();
    let erase = ["erase", "--subject", "u1", "--reason", "request 17", "--approver", "dpo"];
    let erased = ground.run(&erase).exits(0);
    assert!(erased.out.contains("ERASURE_PENDING"), "{}", erased.out);
    assert!(erased.out.contains(run["holder"].as_str().unwrap()), "{}", erased.out);
    let run = ground.run(&["backup", "run"]).exits(0).json();
    assert_eq!((&run["destroyed"], &run["confirmed"]), (&json!(1), &json!(1)));
    let erasures = ground.run(&["erasures"]).exits(0).out;
    assert!(erasures.contains("ERASED") && !erasures.contains("ERASURE_PENDING"), "{erasures}");
    ground.run(&["backup", "run"]).exits(0);
    std::fs::remove_dir_all(ground.path("audit")).unwrap();
    ground.run(&["backup", "restore", "--destination", "./audit"]).exits(0);
    let emails = "SELECT email FROM auth_events WHERE email IS NOT NULL";
    let shown = ground.run(&["sql", "-o", "csv", emails]).exits(0).out;
    assert!(shown.contains("[erased]") && !shown.contains("@example.com"), "{shown}");
    let verified = ground.run(&["verify-integrity"]).exits(0).json();
    assert_eq!(verified["verdict"], "ERASED");
}

/// The encryption of the trail, and an archive, beside the copy.
fn full_config(format: &str) -> String {
    format!(
        "audit:
  integrity: {{ audit_log_backup: {{ destination: ./copy, key: 'env:COPY_KEY' }} }}
  encryption: {{ hot: true, key: 'env:TRAIL_KEY' }}
  retention:
    clock: event_time
    by_domain: {{ auth: {{ hot_storage_days: 30 }} }}
    archival: {{ destination: ./cold, format: {format} }}
"
    )
}

#[test]
fn archives_and_encrypted_segments_are_in_the_copy_and_come_back() {
    for format in ["parquet", "compressed-jsonl"] {
        let mut ground = made();
        ground.set("TRAIL_KEY", "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=");
        ground.write("sealtrail.yaml", full_config(format));
        record(&ground, "ben");
        ground.run(&["retention", "pin"]).exits(0);
        let apply = ["retention", "apply", "--approver", "officer", "--grace", "0s"];
        let applied = ground.run(&apply).exits(0).json();
        assert!(applied["moved"]["moved"].as_u64() > Some(0), "{applied}");
        let read =
            json!({"event_type": "data.file_read", "user_id": "eva", "resource": {"path": "/p"}});
        ground.feed(&["record", "-"], read.to_string().as_bytes()).exits(0);
        let users = "SELECT user_id FROM events WHERE user_id IS NOT NULL ORDER BY 1";
        let before = ground.run(&["sql", "-o", "csv", users]).exits(0).out;
        assert_eq!(before.lines().count(), 4, "{before}");
        ground.run(&["backup", "run"]).exits(0);
        for folder in ["audit", "cold", "home/state"] {
            std::fs::remove_dir_all(ground.path(folder)).unwrap();
        }
        let found = ground.run(&["backup", "verify"]).exits(0).json();
        assert_eq!(found["verdict"], "VERIFIED", "{found}");
        ground.run(&["backup", "restore", "--destination", "./audit"]).exits(0);
        let found = ground.run(&["verify-integrity"]).exits(0).json();
        assert_eq!(found["verdict"], "VERIFIED", "{found}");
        assert_eq!(ground.run(&["sql", "-o", "csv", users]).exits(0).out, before);
        // The archive outlived the trail: what is there counts.
        std::fs::remove_dir_all(ground.path("audit")).unwrap();
        ground.run(&["backup", "restore", "--destination", "./audit"]).exits(0);
        assert_eq!(ground.run(&["sql", "-o", "csv", users]).exits(0).out, before);
    }
}
