use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use super::ground::{Ground, login};
use super::real::{run, signal, until};

const USERS: &str = "SELECT user_id FROM auth_events ORDER BY timestamp";
const ENDLESS: &str = "SELECT count(*) FROM generate_series(1, 1000000000000) AS a";

/// A trail whose jobs end with the test, however it ends.
struct Office(Ground);

impl Office {
    fn new() -> Self {
        Self(Ground::with_events(&[login("ana", 1), login("ben", 2)]))
    }

    fn submit(&self, arguments: &[&str]) -> String {
        let id = run(&self.0, &[arguments, &["--async"]].concat(), "").exits(0).out;
        id.trim_end().to_owned()
    }

    fn jobs(&self, arguments: &[&str]) -> super::ground::Outcome {
        self.0.run(&[&["jobs"], arguments].concat())
    }

    fn status(&self, id: &str) -> Value {
        self.jobs(&["status", id]).exits(0).json()
    }

    fn state(&self, id: &str) -> String {
        self.status(id)["state"].as_str().unwrap().to_owned()
    }

    fn file(&self, id: &str, name: &str) -> std::path::PathBuf {
        self.0.path("home/jobs").join(id).join(name)
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        let Ok(jobs) = fs::read_dir(self.0.path("home/jobs")) else { return };
        for job in jobs.filter_map(Result::ok) {
            let _ = fs::write(job.path().join("cancel"), "");
        }
    }
}

#[test]
fn a_query_goes_on_without_its_terminal_and_leaves_its_rows() {
    let office = Office::new();
    let id = office.submit(&["sql", USERS, "-o", "csv"]);
    let rows = office.jobs(&["result", &id, "--wait"]).exits(0).lines();
    assert_eq!(rows, [json!({"user_id": "ana"}), json!({"user_id": "ben"})]);
    assert_eq!(office.jobs(&["result", &id, "-o", "csv"]).exits(0).out, "user_id\nana\nben\n");
    office.jobs(&["result", &id, "-o", "parquet", "--output-file", "out.parquet"]).exits(0);
    assert!(fs::read(office.0.path("out.parquet")).unwrap().starts_with(b"PAR1"));
    let status = office.status(&id);
    assert_eq!(
        (&status["state"], &status["exit_code"], &status["rows"]),
        (&json!("done"), &json!(0), &json!(2))
    );
    assert_eq!(status["progress"]["rows"], 2);
    assert!(status["progress"]["bytes"].as_u64().unwrap() > 100);
    let mode = |name| fs::metadata(office.file(&id, name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(""), mode("job.json"), mode("result.parquet"), mode("log")),
        (0o700, 0o600, 0o600, 0o600)
    );
    assert!(!office.file(&id, "spill").exists());
    let none = office.submit(&["sql", "SELECT user_id FROM events WHERE user_id = 'nobody'"]);
    assert_eq!(office.jobs(&["result", &none, "--wait"]).exits(1).out, "");
    let listed = office.jobs(&["list"]).exits(0).json();
    let ids: Vec<&str> =
        listed.as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&id.as_str()) && ids.contains(&none.as_str()) && ids.len() == 2);
    assert_eq!(office.jobs(&["clean", "--older-than", "1d"]).exits(0).out, "");
    assert_eq!(office.jobs(&["clean", &none]).exits(0).out.trim_end(), none);
    assert_eq!(office.jobs(&["clean"]).exits(0).out.trim_end(), id);
    assert!(office.jobs(&["status", &id]).exits(3).err.contains("there is no job"));
}

#[test]
fn a_statement_may_come_from_standard_input_and_parameters_are_kept() {
    let office = Office::new();
    let text = "SELECT user_id FROM events WHERE user_id = $1";
    let id = run(&office.0, &["sql", "-", "--param", "ben", "--async"], text).exits(0).out;
    let rows = office.jobs(&["result", id.trim_end(), "--wait"]).exits(0).lines();
    assert_eq!(rows, [json!({"user_id": "ben"})]);
    run(&office.0, &["sql", USERS, "--async", "--output-file", "x"], "").exits(2);
}

#[test]
fn a_search_leaves_flat_rows() {
    let office = Office::new();
    let id = office.submit(&["search", "--user-id", "b*", "--fields", "user_id,status"]);
    let rows = office.jobs(&["result", &id, "--wait"]).exits(0).lines();
    assert_eq!(rows, [json!({"user_id": "ben", "status": "success"})]);
    run(&office.0, &["search", "--count", "--async"], "").exits(2);
    let steps = "auth.user_login auth.user_login";
    let by = ["search", "--sequence", steps, "--within-seconds", "600", "--by", "source_ip"];
    let id = office.submit(&by);
    assert!(!office.jobs(&["result", &id, "--wait"]).exits(0).lines().is_empty());
    assert!(office.status(&id)["rows"].as_u64().unwrap() > 0);
}

#[test]
fn a_trace_leaves_its_report() {
    let office = Office::new();
    let id = office.submit(&["trace-chain", "login-ana-1", "-o", "tree"]);
    let report = office.jobs(&["result", &id, "--wait"]).exits(0).json();
    let direct = office.0.run(&["trace-chain", "login-ana-1"]).exits(0).json();
    assert_eq!(report["nodes"], direct["nodes"]);
    let none = office.submit(&["trace-chain", "nobody"]);
    assert_eq!(office.jobs(&["result", &none, "--wait"]).exits(1).out, "");
}

#[test]
fn a_verification_leaves_its_report_and_its_exit_code() {
    let office = Office::new();
    let id = office.submit(&["verify-integrity"]);
    let report = office.jobs(&["result", &id, "--wait"]).exits(0).json();
    assert_eq!(report["verdict"], "VERIFIED");
    assert_eq!(
        office.status(&id)["progress"],
        json!({"bytes": report_bytes(&office, &id), "of_rows": 2, "rows": 2})
    );
    fs::remove_file(office.0.files("audit/segments").remove(0)).unwrap();
    let id = office.submit(&["verify-integrity", "-o", "table"]);
    let report = office.jobs(&["result", &id, "--wait"]).exits(4).json();
    assert_eq!(report["verdict"], "MISSING");
    assert_eq!(office.status(&id)["state"], "done");
}

fn report_bytes(office: &Office, id: &str) -> u64 {
    fs::metadata(office.file(id, "report.json")).unwrap().len()
}

#[test]
fn a_job_that_fails_says_why() {
    let office = Office::new();
    let id = office.submit(&["sql", "SELECT nothing FROM events"]);
    let failed = office.jobs(&["result", &id, "--wait"]).exits(3);
    assert!(failed.err.contains("failed") && failed.err.contains("nothing"), "{}", failed.err);
    let status = office.status(&id);
    assert_eq!((&status["state"], &status["exit_code"]), (&json!("failed"), &json!(2)));
    assert!(!office.file(&id, "result.parquet.part").exists());
}

#[test]
fn jobs_run_beside_each_other_until_they_are_cancelled_and_can_be_started_again() {
    let office = Office::new();
    let (one, two) = (office.submit(&["sql", ENDLESS]), office.submit(&["sql", ENDLESS]));
    assert_ne!(one, two);
    assert_eq!((office.state(&one), office.state(&two)), ("running".into(), "running".into()));
    // Each is the leader of a session of its own.
    let pid = office.status(&one)["pid"].as_u64().unwrap();
    if let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) {
        let session = stat.rsplit(')').next().unwrap().split_whitespace().nth(3).unwrap();
        assert_eq!(session, pid.to_string());
    }
    assert!(office.jobs(&["result", &one]).exits(3).err.contains("--wait"));
    assert!(office.jobs(&["clean", &one]).exits(2).err.contains("cancel it first"));
    office.jobs(&["resume", &one]).exits(2);
    assert_eq!(office.jobs(&["clean"]).exits(0).out, "");
    office.jobs(&["cancel", &one]).exits(0);
    assert_eq!((office.state(&one), office.state(&two)), ("cancelled".into(), "running".into()));
    office.jobs(&["cancel", &one]).exits(2);
    office.jobs(&["result", &one]).exits(3);
    run(&office.0, &["jobs", "resume", &one], "").exits(0);
    let again = office.status(&one);
    assert_eq!((&again["state"], &again["attempts"]), (&json!("running"), &json!(2)));
    office.jobs(&["cancel", &one]).exits(0);
    office.jobs(&["cancel", &two]).exits(0);
    assert_eq!(office.jobs(&["clean"]).exits(0).out.lines().count(), 2);
}

#[test]
fn a_job_whose_process_was_killed_is_lost_and_not_running() {
    let office = Office::new();
    let id = office.submit(&["sql", ENDLESS]);
    signal("-KILL", office.status(&id)["pid"].as_u64().unwrap());
    until("the lock is free", || (office.state(&id) == "lost").then_some(()));
    let lost = office.jobs(&["result", &id]).exits(3);
    assert!(lost.err.contains("the process ended without a result"), "{}", lost.err);
    assert!(lost.err.contains("resume"), "{}", lost.err);
    office.jobs(&["cancel", &id]).exits(2);
    run(&office.0, &["jobs", "resume", &id], "").exits(0);
    assert_eq!(office.state(&id), "running");
    office.jobs(&["cancel", &id]).exits(0);
    office.jobs(&["clean", &id]).exits(0);
}

#[test]
fn what_is_no_id_names_no_job() {
    let office = Office::new();
    for id in ["20260101-000000-0000", "../state", "", "x", "/etc"] {
        for action in ["status", "result", "cancel", "resume", "clean", "run"] {
            let refused = office.jobs(&[action, id]);
            assert_eq!(refused.code, 3, "{action} {id}: {}", refused.err);
        }
    }
    assert_eq!(office.jobs(&["list"]).exits(0).json(), json!([]));
}

#[test]
fn a_sort_that_does_not_fit_into_memory_spills() {
    let office = Office::new();
    // 64 MB of values, of which a sort holds some of each twice.
    let sort = "SELECT value FROM generate_series(1, 8000000) AS t(value) \
                ORDER BY value % 1009, value";
    let id = office.submit(&["sql", sort, "--memory-limit", "32MiB"]);
    let status = office.jobs(&["status", &id, "--wait"]).exits(0).json();
    assert_eq!(
        (&status["state"], &status["rows"]),
        (&json!("done"), &json!(8_000_000)),
        "{status}"
    );
    let first = "SELECT value FROM generate_series(1, 8000000) AS t(value) \
                 ORDER BY value % 1009, value LIMIT 3";
    let first = office.0.run(&["sql", first]).exits(0).out;
    assert!(office.jobs(&["result", &id]).exits(0).out.starts_with(&first));
    assert!(!office.file(&id, "spill").exists());
    run(&office.0, &["sql", sort, "--memory-limit", "lots"], "").exits(2);
}
