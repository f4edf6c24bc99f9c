//! Which runs of writers ended in order, as the ledger says it.

use super::*;
use crate::config::{Config, Home};
use crate::ledger::{Body, Entry, Kind, entry_path};
use crate::verify::{Options, Report, Trust, Verdict, verify};

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    async fn new() -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        init(&place.url(), &InitOptions::new(place.home())).await.unwrap();
        place
    }

    fn url(&self) -> String {
        self.dir.path().join("audit").display().to_string()
    }

    fn home(&self) -> Home {
        Home::at(&self.dir.path().join("home"))
    }

    async fn open(&self) -> Trail {
        let settings = Settings::from_config(&Config::default(), &self.url());
        Trail::open(&self.url(), OpenOptions::new(self.home(), settings)).await.unwrap()
    }

    async fn report(&self) -> Report {
        let trail = self.open().await;
        let owner = trail.owner_key().unwrap();
        let trust = Trust { secret: Some(owner.clone()), ..Trust::owner(owner.public()) };
        let (options, storage) = (Options::default(), trail.storage());
        let report = verify(storage, &trust, &options, &|_| {}, &Arc::default()).await.unwrap();
        assert_eq!((report.verdict, &report.findings), (Verdict::Verified, &vec![]));
        report
    }

    /// The entries of writers.
    async fn bodies(&self) -> Vec<Body> {
        let trail = self.open().await;
        let mut bodies = Vec::new();
        for n in 0..trail.refreshed().await.unwrap().state().size() {
            let bytes = trail.storage().get(&entry_path(n)).await.unwrap();
            bodies.push(Entry::parse(&bytes).unwrap().body);
        }
        bodies.retain(|body| matches!(body.kind, Kind::Append | Kind::Close));
        bodies
    }

    /// What each entry says: `a` or `c` for its kind, `.` where a run is closed, and how many
    /// records it recovered.
    async fn story(&self) -> String {
        let tell = |body: &Body| {
            let kind = if body.kind == Kind::Append { "a" } else { "c" };
            let closed = if body.closed.is_some() { "." } else { "" };
            let logs = body.recovered.iter().flatten();
            let own = |writer: &str| if writer == body.writer { "" } else { "other:" };
            let logs = logs.map(|log| format!("({}{})", own(&log.writer), log.records));
            format!("{kind}{}{closed}", logs.collect::<String>())
        };
        self.bodies().await.iter().map(tell).collect::<Vec<_>>().join(" ")
    }
}

async fn record(trail: &Trail, id: &str) {
    let event = format!(r#"{{"event_type":"data.file_read","audit_id":"{id}"}}"#);
    trail.record(event.as_bytes(), Strictness::Lenient).await.unwrap();
}

async fn load(trail: &Trail, lines: &[&str], last: bool) {
    let text = lines
        .iter()
        .map(|id| format!("{{\"event_type\":\"data.file_read\",\"audit_id\":\"{id}\"}}\n"));
    let input = Box::new(std::io::Cursor::new(text.collect::<String>().into_bytes()));
    trail.load(input, &LoadOptions { last, ..LoadOptions::default() }).await.unwrap();
}

#[tokio::test]
async fn what_is_recorded_and_closed_at_once_is_one_entry() {
    let place = Place::new().await;
    for id in ["x", "y"] {
        let trail = place.open().await;
        record(&trail, id).await;
        trail.close(true).await.unwrap();
    }
    let trail = place.open().await;
    load(&trail, &["z"], true).await;
    trail.close(true).await.unwrap();
    assert_eq!(place.story().await, "a. a. a.");
    let runs = place.report().await.runs;
    assert_eq!((runs.closed, runs.recovered, runs.open), (3, vec![], vec![]));
}

#[tokio::test]
async fn who_has_nothing_to_say_adds_nothing() {
    let place = Place::new().await;
    for _ in 0..2 {
        let trail = place.open().await;
        trail.recover().await.unwrap();
        trail.close(true).await.unwrap();
    }
    assert_eq!(place.story().await, "");
    let trail = place.open().await;
    record(&trail, "x").await;
    trail.close(true).await.unwrap();
    for commit in [true, false, true] {
        let trail = place.open().await;
        trail.recover().await.unwrap();
        trail.flush().await.unwrap();
        trail.close(commit).await.unwrap();
    }
    assert_eq!(place.story().await, "a.");
}

#[tokio::test]
async fn a_run_that_committed_all_is_closed_by_an_entry_of_its_own() {
    let place = Place::new().await;
    let trail = place.open().await;
    record(&trail, "x").await;
    trail.flush().await.unwrap();
    record(&trail, "y").await;
    trail.flush().await.unwrap();
    let open = place.report().await.runs.open;
    assert_eq!(open.len(), 1);
    let newest = place.bodies().await.pop().unwrap();
    assert_eq!(open[0].writer, newest.writer);
    assert_eq!(open[0].last_record, newest.recorded.unwrap().to);
    trail.close(true).await.unwrap();
    assert_eq!(place.story().await, "a a c.");
    let trail = place.open().await;
    load(&trail, &["1", "2"], false).await;
    trail.close(true).await.unwrap();
    assert_eq!(place.story().await, "a a c. a c.");
    assert_eq!(place.report().await.runs.open, []);
}

#[tokio::test]
async fn a_log_left_to_the_next_process_is_in_order() {
    let place = Place::new().await;
    for id in ["x", "y"] {
        let trail = place.open().await;
        record(&trail, id).await;
        trail.close(false).await.unwrap();
    }
    // The second process committed what the first one left, and has not closed the run.
    assert_eq!(place.story().await, "a");
    assert_eq!(place.report().await.runs.open.len(), 1);
    let trail = place.open().await;
    trail.recover().await.unwrap();
    trail.close(true).await.unwrap();
    assert_eq!(place.story().await, "a a c.");
}

#[tokio::test]
async fn a_process_that_is_gone_without_order_is_told_with_what_its_log_held() {
    let place = Place::new().await;
    let trail = place.open().await;
    record(&trail, "x").await;
    record(&trail, "y").await;
    drop(trail);
    let trail = place.open().await;
    record(&trail, "z").await;
    trail.close(true).await.unwrap();
    assert_eq!(place.story().await, "a(2) a.");
    let runs = place.report().await.runs;
    assert_eq!((runs.recovered[0].entry, runs.recovered[0].records), (2, 2));
    assert_eq!(
        runs.to_string(),
        "1 run ended in order, 1 did not (2 records recovered; the newest by entry 2)"
    );

    // All that it acknowledged is committed, and still it did not end in order.
    let trail = place.open().await;
    record(&trail, "1").await;
    trail.flush().await.unwrap();
    drop(trail);
    // Who comes and goes without a record does not say so, and does not forget it.
    for commit in [true, false] {
        let trail = place.open().await;
        trail.recover().await.unwrap();
        trail.close(commit).await.unwrap();
    }
    assert_eq!(place.story().await, "a(2) a. a");
    let trail = place.open().await;
    load(&trail, &["2"], true).await;
    trail.close(true).await.unwrap();
    assert_eq!(place.story().await, "a(2) a. a a(0).");

    // It opened, and logged nothing: there is nothing to tell.
    let trail = place.open().await;
    trail.recover().await.unwrap();
    drop(trail);
    let trail = place.open().await;
    record(&trail, "3").await;
    trail.close(true).await.unwrap();
    assert_eq!(place.story().await, "a(2) a. a a(0). a.");
}

#[tokio::test]
async fn an_end_in_order_counts_only_for_the_log_as_it_was() {
    let place = Place::new().await;
    let trail = place.open().await;
    record(&trail, "x").await;
    trail.close(false).await.unwrap();
    // It takes the log over, commits it, and is gone.
    let trail = place.open().await;
    trail.recover().await.unwrap();
    drop(trail);
    let trail = place.open().await;
    record(&trail, "y").await;
    drop(trail);
    let trail = place.open().await;
    trail.recover().await.unwrap();
    trail.close(true).await.unwrap();
    assert_eq!(place.story().await, "a a(1) c.");
}

#[tokio::test]
async fn who_takes_over_the_dead_ends_their_runs() {
    let place = Place::new().await;
    let (a, b) = (place.open().await, place.open().await);
    record(&a, "a").await;
    record(&b, "b1").await;
    record(&b, "b2").await;
    drop((a, b));
    let trail = place.open().await;
    trail.recover().await.unwrap();
    let bodies = place.bodies().await;
    assert_eq!(bodies.len(), 2);
    assert_ne!(bodies[0].writer, bodies[1].writer);
    assert_eq!((bodies[0].closed, bodies[1].closed), (None, Some(true)));
    let recovered = |n: usize| bodies[n].recovered.as_ref().unwrap()[0].records;
    assert_eq!(recovered(0) + recovered(1), 3);
    trail.close(true).await.unwrap();
    assert_eq!(place.report().await.runs.open, []);
}

#[tokio::test]
async fn the_end_of_a_writer_is_the_end_of_its_run() {
    let place = Place::new().await;
    let trail = place.open().await;
    record(&trail, "x").await;
    trail.rotate_writer().await.unwrap();
    record(&trail, "y").await;
    trail.flush().await.unwrap();
    trail.rotate_writer().await.unwrap();
    let bodies = place.bodies().await;
    assert_eq!(place.story().await, "a. a c.");
    assert!(bodies[0].close.is_some() && bodies[2].close.is_some());
    trail.close(true).await.unwrap();
    assert_eq!(place.story().await, "a. a c.");
}

#[tokio::test]
async fn a_writer_that_was_revoked_closes_no_run() {
    let place = Place::new().await;
    let trail = place.open().await;
    record(&trail, "x").await;
    trail.flush().await.unwrap();
    let id = trail.writers().await.unwrap()[0].id.clone();
    place.open().await.revoke_writer(&id, "").await.unwrap();
    trail.close(true).await.unwrap();
    assert_eq!(place.story().await, "a");
    assert_eq!(place.report().await.runs.open, []);
}

#[tokio::test]
async fn the_log_of_a_revoked_writer_is_told_by_the_one_that_commits_it() {
    let place = Place::new().await;
    let trail = place.open().await;
    record(&trail, "x").await;
    record(&trail, "y").await;
    let id = trail.writers().await.unwrap()[0].id.clone();
    place.open().await.revoke_writer(&id, "").await.unwrap();
    drop(trail);
    let trail = place.open().await;
    record(&trail, "z").await;
    trail.close(true).await.unwrap();
    assert_eq!(place.story().await, "a(other:2) a.");
    assert_eq!(place.report().await.runs.recovered[0].writer, id);
}

#[tokio::test]
async fn a_closed_writer_takes_nothing_more() {
    let place = Place::new().await;
    let trail = place.open().await;
    record(&trail, "x").await;
    let writer = trail.writer().await.unwrap();
    load(&trail, &["y"], true).await;
    let event = br#"{"event_type":"data.file_read"}"#;
    assert_eq!(writer.record(event, Strictness::Lenient).await.unwrap_err().kind(), "poisoned");
    let input = Box::new(std::io::Cursor::new(event.to_vec()));
    let refused = trail.load(input, &LoadOptions::default()).await.unwrap_err();
    assert_eq!(refused.kind(), "poisoned");
    trail.close(true).await.unwrap();
    writer.flush().await.unwrap();
    assert_eq!(place.story().await, "a a.");
}

#[tokio::test]
async fn who_only_looked_ended_in_order() {
    let place = Place::new().await;
    for _ in 0..2 {
        let trail = place.open().await;
        trail.record_lent(br#"{"event_type":"data.looked"}"#).await.unwrap();
        trail.settle_looks().await;
    }
    let trail = place.open().await;
    record(&trail, "x").await;
    trail.close(true).await.unwrap();
    assert_eq!(place.story().await, "a a.");
}
