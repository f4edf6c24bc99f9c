use std::fs;

use serde_json::{Value, json};

use super::ground::{Ground, login};

fn policy(format: &str, more: &str) -> String {
    format!(
        "audit:
  retention:
    clock: event_time
    by_domain:
      auth: {{ hot_storage_days: 30 }}
      data: {{ hot_storage_days: 36000, minimum_days: 36000 }}
    archival: {{ destination: ./cold, format: {format} }}
{more}"
    )
}

/// A trail with three records, of which those of logins are in an archive.
fn archived(format: &str) -> Ground {
    let ground = Ground::new();
    ground.write("sealtrail.yaml", policy(format, ""));
    ground.run(&["init"]).exits(0);
    let read = json!({
        "event_type": "data.file_read", "timestamp": "2026-03-01T10:00:00.000Z",
        "audit_id": "read-1", "resource": { "path": "/p" }, "user_id": "ana",
    });
    for events in [vec![login("ana", 1), read], vec![login("ben", 2)]] {
        let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
        ground.feed(&["record", "-"], lines.as_bytes()).exits(0);
    }
    ground.run(&["retention", "pin"]).exits(0);
    let plan = ground.run(&["retention", "plan"]).exits(0).json();
    let actions: Vec<&Value> =
        plan["steps"].as_array().unwrap().iter().map(|step| &step["action"]).collect();
    assert_eq!(actions, ["archive", "archive"], "{plan}");
    let apply = ["retention", "apply", "--approver", "officer", "--grace", "0s"];
    let applied = ground.run(&apply).exits(0).json();
    let moved = &applied["moved"];
    assert_eq!((&moved["archive"], &moved["moved"]), (&json!("archive"), &json!(2)), "{applied}");
    assert_eq!((&moved["segments"], &moved["rows"]), (&json!(1), &json!(2)), "{applied}");
    assert_eq!(applied["swept"]["files"], 2, "{applied}");
    ground
}

fn read(ground: &Ground, name: &str) -> String {
    fs::read_to_string(ground.path(name)).unwrap()
}

fn count(ground: &Ground, more: &[&str]) -> Value {
    let sql = ["sql", "-o", "jsonl", "SELECT count(*) AS n FROM events"];
    ground.run(&[&sql, more].concat()).exits(0).lines()[0]["n"].clone()
}

#[test]
fn archived_records_are_found_proven_verified_and_told_of() {
    for format in ["parquet", "compressed-jsonl"] {
        let ground = archived(format);
        assert_eq!(count(&ground, &[]), 3);
        assert_eq!(count(&ground, &["--exclude-archive"]), 1);
        let found = ground.run(&["search", "--user-id", "ana", "-o", "jsonl"]).exits(0).lines();
        assert_eq!(found.len(), 2, "{found:?}");
        let hot = ["search", "--user-id", "ana", "--exclude-archive", "-o", "jsonl"];
        assert_eq!(ground.run(&hot).exits(0).lines().len(), 1);
        let explained = ["search", "--user-id", "ana", "--explain", "-o", "json"];
        let explained = ground.run(&explained).exits(0).json();
        let figures = (&explained["archive_segments"], &explained["archive_segments_read"]);
        assert_eq!(figures, (&json!(1), &json!(1)), "{explained}");
        assert_eq!(ground.run(&["get", "login-ana-1"]).exits(0).json()["user_id"], "ana");
        ground.run(&["prove", "login-ana-1", "-o", "a.proof"]).exits(0);
        let report = ground.run(&["verify-integrity"]).exits(0).json();
        assert_eq!(report["verdict"], "VERIFIED", "{report}");
        assert!(report["notes"].to_string().contains("archive"), "{report}");
        let status = ground.run(&["retention", "status"]).exits(0).json();
        let tiers = (&status["hot"]["records"], &status["archive"]["records"]);
        assert_eq!(tiers, (&json!(1), &json!(2)), "{status}");
        let place = ground.run(&["retention", "explain", "login-ben-2"]).exits(0).json();
        assert_eq!(place["place"]["archive"], "archive", "{place}");
        ground.run(&["export", "--output", "all.jsonl"]).exits(0);
        assert_eq!(read(&ground, "all.jsonl").lines().count(), 3);
    }
}

#[test]
fn an_archive_that_moved_is_named_and_one_that_is_gone_is_missing() {
    let ground = archived("compressed-jsonl");
    fs::rename(ground.path("cold"), ground.path("elsewhere")).unwrap();
    // The configuration forgot it, and the policy says where it was.
    ground.write("sealtrail.yaml", "audit: {}\n");
    let report = ground.run(&["verify-integrity"]).exits(4).json();
    assert_eq!(report["verdict"], "MISSING", "{report}");
    assert_eq!(report["findings"][0]["kind"], "archive_missing", "{report}");
    let there = ["--archive", "archive=./elsewhere"];
    let report = ground.run(&[&["verify-integrity"], &there[..]].concat()).exits(0).json();
    assert_eq!(report["verdict"], "VERIFIED", "{report}");
    assert_eq!(count(&ground, &there), 3);
    let object = fs::read_dir(ground.path("elsewhere/segments/domain=auth/month=2026-03")).unwrap();
    for object in object {
        fs::remove_file(object.unwrap().path()).unwrap();
    }
    let report = ground.run(&[&["verify-integrity"], &there[..]].concat()).exits(4).json();
    assert_eq!(report["findings"][0]["kind"], "segment_missing", "{report}");
    ground.run(&["verify-integrity", "--archive", "Archive=x"]).exits(2);
}

#[test]
fn another_place_under_the_same_name_is_refused() {
    let ground = archived("parquet");
    let lines = format!("{}\n", login("eve", 3));
    ground.feed(&["record", "-"], lines.as_bytes()).exits(0);
    ground.write("sealtrail.yaml", policy("parquet", "").replace("./cold", "./other"));
    let apply = ["retention", "apply", "--approver", "officer"];
    let refused = ground.run(&apply).exits(2);
    assert!(refused.err.contains("retention.archival.name"), "{}", refused.err);
    let inside = policy("parquet", "").replace("./cold, ", "./audit/cold, name: inside, ");
    ground.write("sealtrail.yaml", inside);
    assert!(ground.run(&apply).exits(2).err.contains("own store"));
}

#[test]
fn records_of_a_time_come_back_to_files_and_trails() {
    for format in ["parquet", "compressed-jsonl"] {
        let ground = archived(format);
        let restore = |destination: &str| {
            let days = ["--start-date", "2026-03-01", "--end-date", "2026-03-01"];
            let to = ["restore-from-archive", "--destination", destination];
            ground.run(&[&to[..], &days].concat())
        };
        let restored = restore("back.jsonl").exits(0).json();
        let figures = (&restored["records"], &restored["from_archive"], &restored["from_hot"]);
        assert_eq!(figures, (&json!(3), &json!(2), &json!(1)), "{restored}");
        let mut ids: Vec<String> = read(&ground, "back.jsonl")
            .lines()
            .map(|line| {
                let record: Value = serde_json::from_str(line).unwrap();
                assert_eq!(
                    ground.run(&["get", record["audit_id"].as_str().unwrap()]).json(),
                    record
                );
                record["audit_id"].as_str().unwrap().to_owned()
            })
            .collect();
        ids.sort();
        assert_eq!(ids, ["login-ana-1", "login-ben-2", "read-1"]);
        restore("back.jsonl").exits(3);
        assert_eq!(restore("back.parquet").exits(0).json()["records"], 3);
        let restored = restore("./copy").exits(0).json();
        assert_eq!(restored["recorded"], 3, "{restored}");
        let again = restore("./copy").exits(0).json();
        assert_eq!((&again["recorded"], &again["repeated"]), (&json!(0), &json!(3)), "{again}");
        let copied = ["get", "login-ana-1", "--trail", "./copy"];
        let copied = ground.run(&copied).exits(0).json();
        let original = ground.run(&["get", "login-ana-1"]).exits(0).json();
        assert_eq!(copied["timestamp"], original["timestamp"]);
        assert_eq!(copied["restored"]["recorded_at"], original["recorded_at"], "{copied}");
        ground.run(&["verify-integrity", "--trail", "./copy"]).exits(0);
        let none = ["restore-from-archive", "--end-date", "2020-01-01", "--destination", "n.jsonl"];
        ground.run(&none).exits(1);
        restore("./audit").exits(2);
    }
}

#[test]
fn a_record_that_was_changed_stops_a_restore() {
    for format in ["parquet", "compressed-jsonl"] {
        let ground = archived(format);
        let folder = ground.path("cold/segments/domain=auth/month=2026-03");
        let object = fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
        let mut bytes = fs::read(&object).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&object, bytes).unwrap();
        let restore = ["restore-from-archive", "--destination", "back.jsonl"];
        let failed = ground.run(&restore).exits(4);
        assert!(failed.err.contains("not the file that the ledger names"), "{}", failed.err);
        assert!(!ground.path("back.jsonl").exists());
        assert_eq!(ground.run(&["verify-integrity"]).exits(4).json()["verdict"], "TAMPERED");
    }
}

#[test]
fn maintenance_moves_what_a_pinned_policy_makes_due() {
    let ground = archived("parquet");
    let lines = format!("{}\n", login("eve", 3));
    ground.feed(&["record", "-"], lines.as_bytes()).exits(0);
    let none = ground.run(&["maintain", "--no-retention"]).exits(0).json();
    assert_eq!(none.get("retention"), None, "{none}");
    let done = ground.run(&["maintain"]).exits(0).json();
    assert_eq!(done["retention"]["moved"]["rows"], 1, "{done}");
    assert_eq!(ground.run(&["verify-integrity"]).exits(0).json()["verdict"], "VERIFIED");
}
