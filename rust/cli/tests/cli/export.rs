use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::ground::{Ground, login};

/// A trail of three commits, and the owner's public key beside it.
fn events() -> Ground {
    let ground = Ground::with_events(&[login("ana", 1), login("ben", 2), login("ana", 3)]);
    let read = |n: u32| {
        serde_json::json!({
            "audit_id": format!("read-{n}"), "event_type": "data.file_read",
            "resource": {"path": format!("/files/{n}.txt"), "size_bytes": n}, "user_id": "ana",
            "timestamp": format!("2026-03-0{n}T11:00:00.000Z"),
        })
    };
    for n in 1..=3 {
        ground.feed(&["record", "-"], read(n).to_string().as_bytes()).exits(0);
    }
    let vkey = ground.files("home/keys").into_iter().find(|path| path.ends_with("owner.vkey"));
    fs::copy(vkey.unwrap(), ground.path("owner.vkey")).unwrap();
    ground
}

/// The same folder seen by somebody who has neither trail nor keys.
fn elsewhere(mut ground: Ground) -> Ground {
    fs::remove_dir_all(ground.path("audit")).unwrap();
    ground.set("SEALTRAIL_HOME", "/nonexistent");
    ground
}

fn text(ground: &Ground, name: &str) -> String {
    fs::read_to_string(ground.path(name)).unwrap()
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn lines_are_the_records_as_they_were_signed_and_hold_elsewhere() {
    let ground = events();
    let found = ground.run(&["search", "-o", "jsonl", "--user-id", "ana"]).exits(0).out;
    let made = ground.run(&[
        "export",
        "-o",
        "ana.jsonl",
        "--user-id",
        "ana",
        "--since",
        "2026-03-01",
        "--purpose",
        "case 17",
    ]);
    let made = made.exits(0).json();
    assert_eq!(sorted(&text(&ground, "ana.jsonl")), sorted(&found));
    let manifest = &made["manifest"];
    assert_eq!(manifest["records"], 5);
    assert_eq!(manifest["counts"]["auth.user_login"], 2);
    assert_eq!(manifest["purpose"], "case 17");
    assert_eq!(manifest["filters"]["fields"]["user_id"][0], "ana");
    assert_eq!(manifest["window"]["since"], "2026-03-01T00:00:00.000Z");
    assert_eq!(manifest["unsealed"], 0);
    let checked = ground.run(&["verify-integrity", "ana.jsonl"]).exits(0).json();
    assert_eq!(checked["proven"], 5);
    let ground = elsewhere(ground);
    let checked = ground.run(&["verify-integrity", "ana.jsonl", "--key", "owner.vkey"]);
    assert_eq!(checked.exits(0).json()["holds"], true);
    ground.run(&["verify-integrity", "ana.jsonl"]).exits(2);
    ground.run(&["verify-integrity", "nowhere.jsonl", "--key", "owner.vkey"]).exits(3);
    let lines = text(&ground, "ana.jsonl").replacen("/files/2.txt", "/files/9.txt", 1);
    ground.write("ana.jsonl", lines);
    let checked =
        ground.run(&["verify-integrity", "ana.jsonl", "--key", "owner.vkey", "-o", "table"]);
    let table = checked.exits(4).out;
    assert!(table.starts_with("TAMPERED") && table.contains("it was changed"), "{table}");
}

#[test]
fn what_is_there_is_not_replaced_unasked() {
    let ground = events();
    ground.run(&["export", "-o", "a.jsonl"]).exits(0);
    let again = ground.run(&["export", "-o", "a.jsonl"]).exits(3);
    assert!(again.err.contains("is there already"), "{again:?}");
    ground.run(&["export", "-o", "a.jsonl", "--replace"]).exits(0);
    let none = ground.run(&["export", "-o", "none.jsonl", "--user-id", "nobody"]).exits(1);
    assert_eq!(none.json()["manifest"]["records"], 0);
    ground.run(&["verify-integrity", "none.jsonl"]).exits(0);
    ground.run(&["export", "-o", "b.jsonl", "--where", "((("]).exits(2);
}

#[test]
fn tables_have_every_row_and_a_manifest() {
    let ground = events();
    ground.run(&["export", "-o", "a.csv", "-f", "csv"]).exits(0);
    assert_eq!(text(&ground, "a.csv").lines().count(), 7);
    ground.run(&["verify-integrity", "a.csv"]).exits(0);
    ground.run(&["export", "-o", "a.parquet", "-f", "parquet", "--event-type", "data.*"]).exits(0);
    let checked = ground.run(&["verify-integrity", "a.parquet"]).exits(0).json();
    assert_eq!(checked["manifest"]["records"], 3);
    assert_eq!(checked["proven"], 0);
    assert!(checked["not_checked"][0].as_str().unwrap().contains("no proofs"));
    let mut bytes = fs::read(ground.path("a.parquet")).unwrap();
    bytes[100] ^= 1;
    ground.write("a.parquet", bytes);
    ground.run(&["verify-integrity", "a.parquet"]).exits(4);
}

#[test]
fn a_lake_has_a_file_for_each_class_and_day() {
    let ground = events();
    let made = ground.run(&["export", "-o", "lake", "-f", "ocsf", "--lake-region", "eu-1"]);
    let made = made.exits(0).json();
    let paths: Vec<&str> = made["manifest"]["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["path"].as_str().unwrap())
        .collect();
    let of = |day: u32, class: u32| {
        format!(
            "ext/sealtrail/region=eu-1/accountId=000000000000/eventDay=2026030{day}/{class}-000000.parquet"
        )
    };
    assert_eq!(paths, [of(1, 1001), of(1, 3002), of(2, 1001), of(3, 1001)]);
    ground.run(&["verify-integrity", "lake"]).exits(0);
    fs::remove_file(ground.path("lake").join(of(2, 1001))).unwrap();
    let found = ground.run(&["verify-integrity", "lake"]).exits(4).json();
    assert!(found["findings"][0]["what"].as_str().unwrap().contains("missing"));
    ground.run(&["export", "-o", "x", "-f", "ocsf", "--lake-account", "../y"]).exits(2);
}

#[test]
fn a_series_leaves_nothing_out_and_gives_nothing_twice() {
    let ground = events();
    let next = || ground.run(&["export", "-o", "series", "--since-last", "--user-id", "ana"]);
    let first = next().exits(0).json();
    assert_eq!(first["manifest"]["records"], 5);
    next().exits(1);
    ground.feed(&["record", "-"], login("ana", 7).to_string().as_bytes()).exits(0);
    // Another question in the same folder is another series.
    ground.run(&["export", "-o", "series/apart.jsonl", "--user-id", "ben"]).exits(0);
    let second = next().exits(0).json();
    assert_eq!(second["manifest"]["records"], 1);
    assert_eq!(second["manifest"]["since"]["size"], first["manifest"]["ledger"]["size"]);
    assert_eq!(second["manifest"]["since"]["manifest"], first["manifest_sha256"]);
    ground.feed(&["record", "-"], login("ben", 8).to_string().as_bytes()).exits(0);
    assert_eq!(next().exits(1).json()["manifest"]["records"], 0);
    let mut all: Vec<String> = Vec::new();
    for file in ground.files("series").iter().filter(|file| {
        file.extension().is_some_and(|e| e == "jsonl") && !file.ends_with("apart.jsonl")
    }) {
        let name = file.to_str().unwrap();
        ground.run(&["verify-integrity", name]).exits(0);
        all.extend(fs::read_to_string(file).unwrap().lines().map(str::to_owned));
    }
    let found = ground.run(&["search", "-o", "jsonl", "--user-id", "ana"]).exits(0).out;
    all.sort_unstable();
    assert_eq!(all, sorted(&found));
}

/// Runs the package's own program, where there is a Python.
fn by_python(package: &Path, key: &Path) -> Option<(i32, String)> {
    let folder = package.with_extension("program");
    fs::create_dir_all(&folder).unwrap();
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/src/evidence/verify.py");
    let ran = Command::new("python3").arg(program).arg(package).arg(key).output();
    let Ok(ran) = ran else {
        eprintln!("there is no python3: verify.py is not tested");
        return None;
    };
    let out = String::from_utf8_lossy(&ran.stdout).into_owned();
    Some((ran.status.code().unwrap(), out + &String::from_utf8_lossy(&ran.stderr)))
}

#[test]
fn a_package_convinces_who_has_the_public_key() {
    let ground = events();
    let made =
        ground.run(&["evidence", "-o", "case.zip", "--user-id", "ana", "--purpose", "case 17"]);
    assert_eq!(made.exits(0).json()["manifest"]["records"], 5);
    ground.run(&["evidence", "-o", "one", "read-2", "login-ben-2"]).exits(0);
    assert_eq!(text(&ground, "one/records.jsonl").lines().count(), 2);
    assert!(text(&ground, "one/summary.html").contains("read-2"));
    assert!(fs::read(ground.path("one/summary.pdf")).unwrap().starts_with(b"%PDF-"));
    let head = ground.run(&["custody", "add", "case.zip", "--from", "ana", "--to", "court"]);
    let head = head.exits(0).out.trim().to_owned();
    ground.run(&["custody", "add", "one", "--from", "ana", "--to", "court"]).exits(0);
    let ground = elsewhere(ground);
    for package in ["case.zip", "one"] {
        let checked = ground.run(&["verify-integrity", package, "--key", "owner.vkey"]);
        let checked = checked.exits(0).json();
        assert_eq!(checked["custody"].as_array().unwrap().len(), 2);
        assert_eq!(checked["custody"][1]["to"], "court");
        assert!(checked["notes"][0].as_str().unwrap().contains("had it"), "{checked}");
        if let Some((code, out)) = by_python(&ground.path(package), &ground.path("owner.vkey")) {
            assert_eq!(code, 0, "{out}");
            assert!(out.contains("HOLDS"), "{out}");
        }
    }
    let with_head = |head: &str| {
        let head = ["--key", "owner.vkey", "--custody-head", head];
        ground.run(&[&["verify-integrity", "case.zip"], &head[..]].concat())
    };
    with_head(&head).exits(0);
    with_head(&"0".repeat(64)).exits(4);
}

#[test]
fn both_programs_find_what_was_done_to_a_package() {
    let ground = events();
    ground.run(&["evidence", "-o", "case"]).exits(0);
    ground.run(&["custody", "add", "case", "--from", "ana", "--to", "court"]).exits(0);
    let ground = elsewhere(ground);
    let (package, key) = (ground.path("case"), ground.path("owner.vkey"));
    let found = |what: &str| {
        let report = ground.run(&["verify-integrity", "case", "--key", "owner.vkey"]).exits(4);
        let findings = report.json()["findings"].as_array().unwrap().clone();
        let told = findings.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
        assert!(told.contains(what), "{what} in {told}");
        if let Some((code, out)) = by_python(&package, &key) {
            assert_eq!(code, 4, "{what}: {out}");
        }
    };
    for name in [
        "records.jsonl",
        "proofs.jsonl",
        "custody.jsonl",
        "manifest.json",
        "verify.py",
        "checkpoint",
        "summary.html",
        "summary.pdf",
    ] {
        let file = package.join(name);
        let good = fs::read(&file).unwrap();
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        fs::write(&file, bad).unwrap();
        found(name);
        fs::remove_file(&file).unwrap();
        if name != "manifest.json" {
            found("it is missing");
        }
        fs::write(&file, good).unwrap();
    }
    let records = package.join("records.jsonl");
    let good = fs::read_to_string(&records).unwrap();
    let mut lines: Vec<&str> = good.lines().collect();
    lines.swap(0, 4);
    fs::write(&records, lines.join("\n") + "\n").unwrap();
    found("it holds what was line 5");
    fs::write(&records, &good).unwrap();
    let log = package.join("custody.jsonl");
    let kept = fs::read_to_string(&log).unwrap();
    fs::write(&log, kept.lines().nth(1).unwrap().to_owned() + "\n").unwrap();
    found("does not go on from the line before");
    fs::write(&log, &kept).unwrap();
    fs::write(package.join("extra.txt"), "x").unwrap();
    found("it was added");
}
