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
    assert_eq!((&status["copy"]["size"], &status["behind"]), (&json!(size), &json!(2)));
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

/// A trail that holds a field of a person who can be erased.
fn with_a_person() -> Ground {
    let ground = made();
    let personal = "audit:
  integrity: { audit_log_backup: { destination: ./copy, key: 'env:COPY_KEY' } }
  redaction: { personal: { fields: [email] } }
";
    ground.write("sealtrail.yaml", personal);
    let event =
        json!({"event_type": "auth.user_login", "user_id": "u1", "email": "u1@example.com"});
    ground.feed(&["record", "-"], event.to_string().as_bytes()).exits(0);
    ground
}

#[test]
fn an_erased_person_stays_erased_through_a_restore() {
    let ground = with_a_person();
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
    // Commits the record of the run, too.
    record(&ground, "zoe");
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

/// The records of a domain's event type, as the trail has them.
fn events(ground: &Ground, kind: &str, trail: &str) -> Vec<Value> {
    let query = format!("SELECT event FROM events WHERE event_type = '{kind}' ORDER BY timestamp");
    let found = ground.run(&["--trail", trail, "sql", "-o", "jsonl", &query]).exits(0).out;
    let event = |line: &str| serde_json::from_str::<Value>(line).unwrap()["event"].clone();
    let parsed = |event: Value| match event {
        Value::String(text) => serde_json::from_str(&text).unwrap(),
        other => other,
    };
    found.lines().map(event).map(parsed).collect()
}

#[test]
fn runs_that_did_something_and_restores_are_recorded() {
    let mut ground = made();
    let run = ground.run(&["backup", "run"]).exits(0).json();
    ground.run(&["backup", "run"]).exits(0);
    ground.set("COPY_KEY", "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=");
    ground.run(&["backup", "run"]).exits(3);
    ground.set("COPY_KEY", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=");
    let told = events(&ground, "system.backup", "./audit");
    assert_eq!(told.len(), 2, "a run that found all in place leaves none: {told:?}");
    let (done, failed) = (&told[0], &told[1]);
    assert_eq!((&done["status"], &done["backup_id"]), (&json!("completed"), &run["holder"]));
    assert_eq!((&done["objects"], &done["ledger_size"]), (&run["objects"], &run["size"]));
    assert_eq!(done["operation"]["record_count"], 1);
    assert!(done["destination"].as_str().unwrap().ends_with("/copy"), "{done}");
    assert_eq!(done["schema_violations"], Value::Null, "{done}");
    assert_eq!((&failed["status"], &failed["result_code"]), (&json!("failed"), &json!("key")));

    // Beside a primary that is still there nothing is written to the restored trail.
    let restored = ground.run(&["backup", "restore", "--destination", "./drill"]).exits(0);
    let at = restored.err.lines().find_map(|line| line.split_once("recorded in "));
    let told = || restored.err.clone();
    let (at, id) =
        at.and_then(|(_, at)| at.split_once(" as ")).unwrap_or_else(|| panic!("{}", told()));
    assert!(at.contains("access"), "{at}");
    let told = events(&ground, "system.restore", at);
    assert_eq!((told.len(), &told[0]["audit_id"]), (1, &json!(id)));
    assert_eq!((&told[0]["status"], &told[0]["backup_id"]), (&json!("completed"), &run["holder"]));
    assert!(told[0]["destination"].as_str().unwrap().ends_with("/drill"), "{}", told[0]);
    assert!(told[0]["source"].as_str().unwrap().ends_with("/copy"), "{}", told[0]);
    assert_eq!(told[0]["schema_violations"], Value::Null);
    let found = ground.run(&["--trail", "./drill", "verify-integrity"]).exits(0).json();
    assert_eq!(found["size"], run["size"]);
    ground.run(&["backup", "restore", "--destination", "./drill"]).exits(3);
    let told = events(&ground, "system.restore", at);
    assert_eq!(
        (&told[1]["status"], &told[1]["result_code"]),
        (&json!("failed"), &json!("already_exists"))
    );
}

#[test]
fn a_run_that_copies_the_record_of_another_leaves_none() {
    let ground = made();
    let runs = || events(&ground, "system.backup", "./audit").len();
    for _ in 0..4 {
        // Commits what the run before has recorded.
        ground.run(&["maintain"]).exits(0);
        assert_eq!(runs(), 1);
    }
    let copied = ground.run(&["backup", "run"]).exits(0).json();
    assert_eq!((&copied["objects"], &copied["records"]), (&json!(0), &json!(2)));
    record(&ground, "ben");
    ground.run(&["maintain"]).exits(0);
    assert_eq!(runs(), 2);
}

#[test]
fn no_credentials_of_a_destination_are_recorded() {
    let ground = made();
    let secret = "s3://key:hush@nowhere-1/copy?token=hush2";
    let failed = ground.run(&["backup", "run", "--copy", secret]);
    assert_ne!(failed.code, 0);
    let told = events(&ground, "system.backup", "./audit");
    assert_eq!((told.len(), &told[0]["status"]), (1, &json!("failed")));
    assert!(!told[0].to_string().contains("hush"), "{}", told[0]);
}

#[test]
fn a_damaged_copy_is_mended_on_request() {
    let ground = made();
    ground.run(&["backup", "run"]).exits(0);
    let entry = "copy/objects/ledger/00000000000000000001.json";
    let mut changed = std::fs::read(ground.path(entry)).unwrap();
    *changed.last_mut().unwrap() ^= 1;
    ground.write(entry, changed);
    let found = ground.run(&["backup", "verify"]).exits(4);
    assert!(found.err.contains("backup run --repair"), "{}", found.err);
    let run = ground.run(&["backup", "run", "--repair"]).exits(0).json();
    assert_eq!(run["mended"][0]["object"], "objects/ledger/00000000000000000001.json");
    assert_eq!((&run["lost"], &run["mended"][1]), (&json!([]), &Value::Null));
    ground.run(&["backup", "verify"]).exits(0);

    // What both have lost is told.
    let segment = |of: &str| {
        let listed = walk(&ground.path(of));
        listed.into_iter().find(|path| path.ends_with(".parquet")).unwrap()
    };
    for of in ["copy/objects/segments", "audit/segments"] {
        std::fs::remove_file(segment(of)).unwrap();
    }
    let run = ground.run(&["backup", "run", "--repair", "-o", "table"]).exits(4).out;
    assert!(run.contains("lost   objects/segments/"), "{run}");
    assert!(run.contains("it is missing; the trail has lost it, too"), "{run}");
    let told = events_of_log(&ground);
    assert_eq!((&told["status"], &told["objects_lost"]), (&json!("partial"), &json!(1)));
}

/// The newest record of a run, of a trail whose segments cannot all be read.
fn events_of_log(ground: &Ground) -> Value {
    let query = "SELECT event FROM system_events WHERE event_type = 'system.backup' \
                 ORDER BY timestamp DESC LIMIT 1";
    let found = ground.run(&["sql", "-o", "jsonl", query]).exits(0).json();
    match &found["event"] {
        Value::String(text) => serde_json::from_str(text).unwrap(),
        other => other.clone(),
    }
}

fn walk(folder: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(walk(&path)),
            false => found.push(path.display().to_string()),
        }
    }
    found
}

#[test]
fn a_lost_copy_is_forgotten_and_erasures_end() {
    let ground = with_a_person();
    let name = ground.run(&["backup", "run"]).exits(0).json()["holder"].clone();
    let name = name.as_str().unwrap();
    let erase = ["erase", "--subject", "u1", "--reason", "request 17", "--approver", "dpo"];
    let entry = ground.run(&erase).exits(0).json()[0]["entry"].clone();
    std::fs::remove_dir_all(ground.path("copy")).unwrap();
    let list = ground.run(&["backup", "list", "-o", "table"]).exits(0).out;
    assert!(list.contains(name) && list.contains("kept"), "{list}");

    let forget = ["backup", "forget", "./copy", "--reason", "lost", "--approver", "ops"];
    let dry = ground.run(&[&forget[..], &["--dry-run"]].concat()).exits(0).json();
    assert_eq!((&dry["copy"]["holder"], &dry["entry"]), (&json!(name), &Value::Null));
    assert_eq!(dry["erased"], json!([entry]));
    assert!(ground.run(&["erasures"]).exits(0).out.contains("ERASURE_PENDING"));
    let done = ground.run(&[&forget[..], &["-o", "table"]].concat()).exits(0).out;
    assert!(done.contains("forgotten by entry") && done.contains("is ERASED"), "{done}");
    let erasures = ground.run(&["erasures"]).exits(0).json();
    assert_eq!(
        (&erasures[0]["state"], &erasures[0]["forgotten"]),
        (&json!("ERASED"), &json!([name]))
    );
    record(&ground, "zoe");
    let found = ground.run(&["verify-integrity"]).exits(0).json();
    assert_eq!((&found["verdict"], &found["findings"]), (&json!("ERASED"), &json!([])));
    // The place is free for another copy.
    let next = ground.run(&["backup", "run"]).exits(0).json();
    assert_ne!(next["holder"], json!(name));
}
