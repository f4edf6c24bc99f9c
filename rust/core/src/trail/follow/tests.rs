use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;

use super::*;
use crate::config::{Config, Home};
use crate::record::Strictness;
use crate::storage::watched::Watched;
use crate::trail::{InitOptions, LoadOptions, OpenOptions, Settings, init};

const NONE: [u64; 0] = [];

/// A trail, and hosts that use it.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    async fn new() -> Self {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let place = Self { dir };
        init(&place.url(), &InitOptions::new(place.home("a"))).await.unwrap();
        place
    }

    fn url(&self) -> String {
        self.dir.path().join("audit").display().to_string()
    }

    fn home(&self, host: &str) -> Home {
        Home::at(&self.dir.path().join(host))
    }

    fn options(&self, host: &str) -> OpenOptions {
        let mut settings = Settings::from_config(&Config::default(), &self.url());
        settings.snapshot_spacing = 4;
        // Nothing is committed but by the test.
        settings.max_age = Duration::from_secs(1 << 30);
        OpenOptions::new(self.home(host), settings)
    }

    async fn open_on(&self, host: &str) -> Trail {
        Trail::open(&self.url(), self.options(host)).await.unwrap()
    }

    async fn open(&self) -> Trail {
        self.open_on("a").await
    }
}

fn event(n: u64) -> String {
    let (domain, day) = (["data.file_read", "auth.user_login"][n as usize % 2], 28 - n % 28);
    format!(r#"{{"event_type":"{domain}","n":{n},"timestamp":"2026-02-{day:02}T10:00:00Z"}}"#)
}

async fn record(trail: &Trail, n: u64) {
    trail.record(event(n).as_bytes(), Strictness::Lenient).await.unwrap();
}

async fn load(trail: &Trail, numbers: std::ops::Range<u64>) {
    let lines: Vec<String> = numbers.map(event).collect();
    let input = Box::new(std::io::Cursor::new(lines.join("\n").into_bytes()));
    trail.load(input, &LoadOptions::default()).await.unwrap();
}

fn number(record: &[u8]) -> u64 {
    let raw = crate::json::get(record, &["n"]).unwrap();
    std::str::from_utf8(raw).unwrap().parse().unwrap()
}

fn numbers(records: &[Bytes]) -> Vec<u64> {
    records.iter().map(|record| number(record)).collect()
}

/// Everything there is by now.
async fn drain(follower: &mut Follower) -> Vec<u64> {
    let mut all = Vec::new();
    loop {
        let records = follower.next().await.unwrap();
        if records.is_empty() {
            return all;
        }
        all.extend(numbers(&records));
    }
}

fn sorted(mut numbers: Vec<u64>) -> Vec<u64> {
    numbers.sort_unstable();
    numbers
}

#[tokio::test]
async fn a_record_comes_from_the_log_at_once_and_not_again_with_its_commit() {
    let place = Place::new().await;
    let (writer, reader) = (place.open().await, place.open().await);
    record(&writer, 1).await;
    record(&writer, 2).await;
    writer.flush().await.unwrap();
    record(&writer, 3).await;
    let (mut follower, view) = reader.follow().await.unwrap();
    assert_eq!((view.state.rows, numbers(&view.unflushed)), (2, vec![3]));
    assert_eq!(drain(&mut follower).await, NONE);
    record(&writer, 4).await;
    assert_eq!(drain(&mut follower).await, [4]);
    writer.flush().await.unwrap();
    assert_eq!(drain(&mut follower).await, NONE);
    // Seen in no log: recorded and committed between two looks, and half of a commit.
    record(&writer, 5).await;
    assert_eq!(drain(&mut follower).await, [5]);
    record(&writer, 6).await;
    record(&writer, 8).await;
    writer.flush().await.unwrap();
    record(&writer, 7).await;
    assert_eq!(sorted(drain(&mut follower).await), [6, 7, 8]);
    load(&writer, 10..13).await;
    record(&writer, 13).await;
    assert_eq!(sorted(drain(&mut follower).await), [10, 11, 12, 13]);
    writer.close(true).await.unwrap();
    assert_eq!(drain(&mut follower).await, NONE);
    let mut all = reader.follow_from_start().await.unwrap();
    assert_eq!(sorted(drain(&mut all).await), [1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13]);
}

#[tokio::test]
async fn what_a_revoked_writer_left_comes_once_whoever_takes_it_over() {
    let place = Place::new().await;
    let reader = place.open().await;
    let (mut follower, _) = reader.follow().await.unwrap();
    let mut cursors = vec![(0, follower.cursor().unwrap())];
    let dead = place.open().await;
    record(&dead, 1).await;
    record(&dead, 2).await;
    assert_eq!(drain(&mut follower).await, [1, 2]);
    cursors.push((2, follower.cursor().unwrap()));
    record(&dead, 3).await;
    drop(dead);
    let id = reader.writers().await.unwrap()[0].id.clone();
    reader.revoke_writer(&id, "left").await.unwrap();
    assert_eq!(drain(&mut follower).await, [3]);
    cursors.push((3, follower.cursor().unwrap()));
    let heir = place.open().await;
    record(&heir, 4).await;
    assert!(!reader.state_dir().join(&id).exists(), "the log was taken over");
    assert_eq!(drain(&mut follower).await, [4]);
    heir.close(true).await.unwrap();
    assert_eq!(drain(&mut follower).await, NONE);
    for (given, cursor) in cursors {
        let mut again = reader.follow_from(&cursor).await.unwrap();
        let expected: Vec<u64> = (given + 1..=4).collect();
        assert_eq!(sorted(drain(&mut again).await), expected, "after {given}");
    }
}

#[tokio::test]
async fn a_cursor_goes_on_in_the_middle_of_a_commit() {
    let place = Place::new().await;
    let writer = place.open().await;
    let (mut follower, _) = writer.follow().await.unwrap();
    load(&writer, 0..20_000).await;
    record(&writer, 20_000).await;
    let mut given: Vec<u64> = Vec::new();
    let mut parts = 0;
    loop {
        let mut again = writer.follow_from(&follower.cursor().unwrap()).await.unwrap();
        let rest = drain(&mut again).await;
        assert_eq!(
            sorted(given.iter().copied().chain(rest).collect()),
            sorted((0..=20_000).collect())
        );
        let records = follower.next().await.unwrap();
        if records.is_empty() {
            break;
        }
        parts += 1;
        given.extend(numbers(&records));
        // A cursor of a follower that was itself restored in the middle.
        follower = writer.follow_from(&follower.cursor().unwrap()).await.unwrap();
    }
    assert!(parts >= 4, "{parts} parts");
    assert_eq!(given.len(), 20_001);
}

#[tokio::test]
async fn a_segment_that_cannot_be_read_loses_and_repeats_nothing() {
    let place = Place::new().await;
    let writer = place.open().await;
    let (mut follower, _) = writer.follow().await.unwrap();
    load(&writer, 0..10).await;
    let view = writer.view().await.unwrap();
    assert_eq!(view.segments().len(), 2);
    let path = place.dir.path().join("audit").join(&view.segments()[1].path);
    let away = place.dir.path().join("away");
    std::fs::rename(&path, &away).unwrap();
    let first = numbers(&follower.next().await.unwrap());
    assert_eq!(follower.next().await.unwrap_err().kind(), "integrity");
    let cursor = follower.cursor().unwrap();
    std::fs::rename(&away, &path).unwrap();
    let rest = drain(&mut follower).await;
    assert_eq!(sorted([first, rest.clone()].concat()), sorted((0..10).collect()));
    let mut again = writer.follow_from(&cursor).await.unwrap();
    assert_eq!(drain(&mut again).await, rest);
}

#[tokio::test]
async fn other_hosts_records_come_with_their_commit() {
    let place = Place::new().await;
    let a = place.open().await;
    let mut grant = Vec::new();
    let keep = |bytes: &[u8]| {
        grant = bytes.to_vec();
        Ok(())
    };
    a.authorize_writer(keep).await.unwrap();
    let b = place.open_on("b").await;
    b.install_writer(&crate::keys::WriterGrant::parse(&grant, "grant").unwrap()).await.unwrap();
    let (mut follower, _) = a.follow().await.unwrap();
    let (mut there, _) = b.follow().await.unwrap();
    record(&b, 1).await;
    assert_eq!(drain(&mut there).await, [1]);
    assert_eq!(drain(&mut follower).await, NONE);
    b.flush().await.unwrap();
    assert_eq!(drain(&mut follower).await, [1]);
    assert_eq!(drain(&mut there).await, NONE);
}

#[tokio::test]
async fn an_object_store_that_is_asked_now_and_then_loses_and_repeats_nothing() {
    let place = Place::new().await;
    let writer = place.open().await;
    let (_, storage) = Watched::of(writer.storage());
    let reader = Trail::open_in(storage, place.options("a")).await.unwrap();
    let (mut follower, _) = reader.follow().await.unwrap();
    let mut given = Vec::new();
    for step in 0..4 {
        let from = step * 10_000;
        record(&writer, from).await;
        given.extend(drain(&mut follower).await);
        load(&writer, from + 1..from + 9_000).await;
        record(&writer, from + 9_000).await;
        if step % 2 == 0 {
            writer.flush().await.unwrap();
        }
        while given.len() as u64 <= step * 9_001 + 9_000 {
            given.extend(numbers(&follower.wait().await.unwrap()));
        }
    }
    let all = (0..4).flat_map(|step| step * 10_000..=step * 10_000 + 9_000);
    assert_eq!(sorted(given), all.collect::<Vec<_>>());
    assert_eq!(drain(&mut follower).await, NONE);
}

#[tokio::test]
async fn own_records_are_left_out_and_stay_so() {
    let place = Place::new().await;
    let trail = place.open().await;
    let (mut follower, _) = trail.follow().await.unwrap();
    follower.leave_out_where(&["purpose", "follower"], "me");
    let marked = br#"{"event_type":"system.audit_access","n":1,"purpose":{"follower":"me"}}"#;
    trail.record(marked, Strictness::Lenient).await.unwrap();
    let named = br#"{"event_type":"system.audit_access","n":2,"audit_id":"mine"}"#;
    trail.record(named, Strictness::Lenient).await.unwrap();
    follower.leave_out("mine");
    let outcome = br#"{"event_type":"system.audit_access","n":4,"intent_id":"mine"}"#;
    trail.record(outcome, Strictness::Lenient).await.unwrap();
    let cursor = follower.cursor().unwrap();
    record(&trail, 3).await;
    assert_eq!(drain(&mut follower).await, [3]);
    let mut again = trail.follow_from(&cursor).await.unwrap();
    assert_eq!(again.id(), follower.id());
    again.leave_out_where(&["purpose", "follower"], "me");
    trail.flush().await.unwrap();
    assert_eq!(drain(&mut again).await, [3]);
}

#[tokio::test]
async fn a_cursor_of_another_trail_or_history_is_refused() {
    let (place, other) = (Place::new().await, Place::new().await);
    let (trail, stranger) = (place.open().await, other.open().await);
    record(&trail, 1).await;
    trail.flush().await.unwrap();
    let cursor = trail.follow().await.unwrap().0.cursor().unwrap();
    let refused = stranger.follow_from(&cursor).await.unwrap_err();
    assert_eq!(refused.kind(), "usage");
    assert_eq!(trail.follow_from("{}").await.unwrap_err().kind(), "usage");
    let newest = place.dir.path().join("audit").join(crate::ledger::entry_path(2));
    std::fs::remove_file(newest).unwrap();
    let refused = place.open().await.follow_from(&cursor).await.unwrap_err();
    assert_eq!(refused.kind(), "integrity");
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_that_record_and_commit_meanwhile_change_nothing() {
    const EACH: u64 = 300;
    let place = Place::new().await;
    let reader = place.open().await;
    let (mut follower, _) = reader.follow().await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let mut work = Vec::new();
    for w in 0..3 {
        let writer = place.open().await;
        work.push(tokio::spawn(async move {
            for n in w * EACH..(w + 1) * EACH {
                record(&writer, n).await;
                if n % 37 == w {
                    writer.flush().await.unwrap();
                }
            }
            writer.close(w != 1).await.unwrap();
        }));
    }
    let end = Arc::clone(&done);
    let watch = tokio::spawn(async move {
        for work in work {
            work.await.unwrap();
        }
        end.store(true, Ordering::SeqCst);
    });
    let mut given = Vec::new();
    loop {
        let last = done.load(Ordering::SeqCst);
        given.extend(drain(&mut follower).await);
        if last {
            break;
        }
        if given.len() % 5 == 0 {
            follower = reader.follow_from(&follower.cursor().unwrap()).await.unwrap();
        }
    }
    watch.await.unwrap();
    assert_eq!(sorted(given), sorted((0..3 * EACH).collect()));
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Record(usize),
    Flush(usize),
    Load(usize),
    /// The process dies; another one may take over.
    Kill(usize),
    Close(usize),
    Revoke,
    Look,
    /// A look that takes one part only.
    Part,
    Restore,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..3_usize).prop_map(Step::Record),
        3 => (0..3_usize).prop_map(Step::Flush),
        1 => (0..3_usize).prop_map(Step::Load),
        2 => (0..3_usize).prop_map(Step::Kill),
        1 => (0..3_usize).prop_map(Step::Close),
        1 => Just(Step::Revoke),
        3 => Just(Step::Look),
        3 => Just(Step::Part),
        2 => Just(Step::Restore),
    ];
    prop::collection::vec(step, 1..40)
}

/// A history, and what a follower gave by the time of each cursor.
struct History {
    place: Place,
    processes: BTreeMap<usize, Trail>,
    reader: Trail,
    follower: Follower,
    made: u64,
    given: Vec<u64>,
    cursors: Vec<(usize, String)>,
}

impl History {
    async fn process(&mut self, number: usize) -> Trail {
        if !self.processes.contains_key(&number) {
            let trail = self.place.open().await;
            self.processes.insert(number, trail);
        }
        self.processes[&number].clone()
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Record(p) => {
                let process = self.process(p).await;
                record(&process, self.made).await;
                self.made += 1;
            }
            Step::Load(p) => {
                let process = self.process(p).await;
                load(&process, self.made..self.made + 3).await;
                self.made += 3;
            }
            Step::Flush(p) => self.process(p).await.flush().await.unwrap(),
            Step::Kill(p) => drop(self.processes.remove(&p)),
            Step::Close(p) => self.process(p).await.close(p == 0).await.unwrap(),
            Step::Revoke => self.revoke().await,
            Step::Look => {
                let records = drain(&mut self.follower).await;
                self.given.extend(records);
            }
            Step::Part => {
                let records = self.follower.next().await.unwrap();
                self.given.extend(numbers(&records));
            }
            Step::Restore => {
                let cursor = self.follower.cursor().unwrap();
                self.follower = self.reader.follow_from(&cursor).await.unwrap();
            }
        }
        self.cursors.push((self.given.len(), self.follower.cursor().unwrap()));
    }

    /// Revokes a writer that nobody holds.
    async fn revoke(&mut self) {
        for writer in self.reader.writers().await.unwrap() {
            let lock = self.reader.state_dir().join(&writer.id).join("lock");
            let free = crate::storage::durable::LockFile::try_lock(&lock).unwrap().is_some();
            if free && writer.revoked.is_none() && writer.here {
                self.reader.revoke_writer(&writer.id, "test").await.unwrap();
                return;
            }
        }
    }
}

async fn check(steps: Vec<Step>) {
    let place = Place::new().await;
    let reader = place.open().await;
    let (follower, _) = reader.follow().await.unwrap();
    let mut history = History {
        processes: BTreeMap::new(),
        reader,
        follower,
        made: 0,
        given: Vec::new(),
        cursors: Vec::new(),
        place,
    };
    for step in steps {
        history.step(step).await;
    }
    history.step(Step::Look).await;
    let all: Vec<u64> = (0..history.made).collect();
    assert_eq!(sorted(history.given.clone()), all);
    for (given, cursor) in &history.cursors {
        let mut again = history.reader.follow_from(cursor).await.unwrap();
        let rest = drain(&mut again).await;
        let both = history.given[..*given].iter().copied().chain(rest);
        assert_eq!(sorted(both.collect()), all, "from {cursor}");
    }
    let mut whole = history.reader.follow_from_start().await.unwrap();
    assert_eq!(sorted(drain(&mut whole).await), all);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_happens_each_record_is_given_once(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(steps));
    }
}
