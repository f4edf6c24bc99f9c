use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::*;
use crate::access::{Door, PurposePolicy, Reader};
use crate::config::Config;
use crate::keys::{Passphrase, WriterKeys};
use crate::ledger::Entry;
use crate::record::Strictness;
use crate::storage::durable::{self, LockFile};
use crate::trail::ReadView;
use crate::trail::open::{WRITER_FILE, writer_folders};

/// A trail and the homes of several users.
struct Place {
    dir: tempfile::TempDir,
    settings: Settings,
}

impl Place {
    /// A trail whose owner's keys, and only writer, are in the home `a`; with one event.
    async fn new() -> Self {
        let place = Self::without_writer().await;
        let trail = place.open("a").await;
        record(&trail, "first").await;
        trail.close(true).await.unwrap();
        place
    }

    async fn without_writer() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings::from_config(&Config::default(), "./audit");
        let place = Self { dir, settings };
        init(&place.url(), &InitOptions::new(place.home("a"))).await.unwrap();
        place
    }

    fn url(&self) -> String {
        self.dir.path().join("audit").display().to_string()
    }

    fn home(&self, name: &str) -> Home {
        Home::at(&self.dir.path().join(name))
    }

    async fn open(&self, home: &str) -> Trail {
        self.open_at(&self.url(), home).await
    }

    async fn open_at(&self, url: &str, home: &str) -> Trail {
        let options = OpenOptions::new(self.home(home), self.settings.clone());
        Trail::open(url, options).await.unwrap()
    }

    /// The access trail of a home for the trail that is asked.
    async fn own(&self, home: &str) -> Trail {
        let asked = self.open(home).await;
        let folder = self.home(home).access_dir.join(&asked.info().trail_id);
        self.open_at(&folder.display().to_string(), home).await
    }
}

async fn record(trail: &Trail, id: &str) -> String {
    let event = format!(r#"{{"event_type":"data.file_read","audit_id":"{id}"}}"#);
    trail.record(event.as_bytes(), Strictness::Lenient).await.unwrap()
}

fn reader() -> Reader {
    Reader::of_process(Door::Cli, &|_| None)
}

fn question(view: &ReadView) -> Question {
    Question::new("sql", reader(), view.size()).query("SELECT 1")
}

/// Asks, as whoever answers does.
async fn ask(trail: &Trail) -> Result<Access> {
    let view = trail.view().await.unwrap();
    trail.ask(question(&view)).await
}

/// All rows were given.
async fn end(access: Access) {
    assert_eq!(access.end(true).await.unwrap().warning, None);
}

/// The records of who looked that are not committed.
async fn looks(trail: &Trail) -> Vec<Value> {
    let view = trail.view().await.unwrap();
    let records = view.unflushed.iter().map(|record| serde_json::from_slice(record).unwrap());
    records.filter(|record: &Value| record["event_type"] == "system.audit_access").collect()
}

fn copy(from: &Path, to: &Path) {
    for (path, _) in durable::list(from).unwrap() {
        fs::create_dir_all(to.join(&path).parent().unwrap()).unwrap();
        fs::copy(from.join(&path), to.join(&path)).unwrap();
    }
}

#[tokio::test]
async fn a_question_leaves_an_intent_before_its_rows_and_an_outcome_after() {
    let mut place = Place::new().await;
    place.settings.defaults.push(("user_id", "mira".to_owned()));
    let trail = place.open("a").await;
    let view = trail.view().await.unwrap();
    let env =
        |name: &str| (name == "SSH_CONNECTION").then(|| "198.51.100.7 1 192.0.2.1 22".to_owned());
    let question = Question::new("sql", Reader::of_process(Door::Python, &env), view.size())
        .query("SELECT user_id FROM events WHERE agent_id = $1")
        .filter("params", json!(["agent_7"]))
        .filter("nothing", Value::Null)
        .purpose(Some("incident 4711".to_owned()));
    let access = trail.ask(question).await.unwrap();
    assert!(view.unflushed.is_empty(), "nobody sees their own question in its answer");
    let before = looks(&trail).await;
    let [intent] = &before[..] else { panic!("{before:?}") };
    let me = reader();
    let expected = json!({
        "event_type": "system.audit_access", "access_type": "sql", "phase": "intent",
        "interface": "python", "user_id": "mira", "source_ip": "198.51.100.7",
        "query": "SELECT user_id FROM events WHERE agent_id = $1",
        "filters": { "params": ["agent_7"] }, "purpose": "incident 4711",
        "ledger_size": view.size(), "trail_id": trail.info().trail_id,
        "resource": { "type": "audit_trail", "path": trail.url() },
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&intent[name], value, "{name}");
    }
    assert_eq!(intent["reader"]["os_user"].as_str(), me.os_user.as_deref());
    assert_eq!(intent["reader"]["pid"], me.pid);
    assert_eq!(intent["schema_violations"], Value::Null);
    assert_eq!(intent["audit_id"].as_str(), access.intent_id());

    access.rows().add(7);
    end(access).await;
    let after = looks(&trail).await;
    let [_, outcome] = &after[..] else { panic!("{after:?}") };
    let expected = json!({
        "access_type": "sql", "phase": "outcome", "interface": "python", "user_id": "mira",
        "intent_id": intent["audit_id"], "rows_returned": 7, "status": "completed",
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&outcome[name], value, "{name}");
    }
    assert!(outcome["duration_ms"].is_u64());
    assert_eq!(outcome["schema_violations"], Value::Null);
}

#[tokio::test]
async fn an_answer_that_ends_early_says_so() {
    let place = Place::new().await;
    let trail = place.open("a").await;
    let partial = ask(&trail).await.unwrap();
    partial.rows().set(3);
    drop(partial);
    trail.settle_looks().await;
    let mut failed = ask(&trail).await.unwrap();
    failed.fail("execution");
    drop(failed);
    trail.settle_looks().await;
    let ends: Vec<_> =
        looks(&trail).await.into_iter().filter(|l| l["phase"] == "outcome").collect();
    let [partial, failed] = &ends[..] else { panic!("{ends:?}") };
    assert_eq!((&partial["status"], &partial["rows_returned"]), (&json!("partial"), &json!(3)));
    assert_eq!(
        (&failed["status"], &failed["result_code"]),
        (&json!("failed"), &json!("execution"))
    );
}

#[tokio::test]
async fn questions_commit_nothing_and_the_next_writer_takes_them_along() {
    let place = Place::new().await;
    let size = place.open("a").await.view().await.unwrap().size();
    for _ in 0..3 {
        let trail = place.open("a").await;
        end(ask(&trail).await.unwrap()).await;
        trail.close(true).await.unwrap();
        assert_eq!(trail.view().await.unwrap().size(), size);
    }
    let trail = place.open("a").await;
    assert_eq!(looks(&trail).await.len(), 6);
    let writers = trail.writers().await.unwrap();
    record(&trail, "second").await;
    trail.close(true).await.unwrap();
    assert_eq!(looks(&trail).await.len(), 0);
    assert_eq!(trail.stats().await.unwrap().events, 8);
    assert_eq!(trail.writers().await.unwrap().len(), writers.len());
}

#[tokio::test]
async fn what_waits_for_too_long_is_committed_after_the_answer() {
    let mut place = Place::new().await;
    place.settings.max_age = std::time::Duration::ZERO;
    let trail = place.open("a").await;
    end(ask(&trail).await.unwrap()).await;
    trail.settle_looks().await;
    assert_eq!(trail.stats().await.unwrap().unsealed, 0);
    assert_eq!(trail.stats().await.unwrap().events, 3);
}

#[tokio::test]
async fn one_trail_asks_and_records_with_one_writer() {
    let place = Place::new().await;
    let trail = place.open("a").await;
    end(ask(&trail).await.unwrap()).await;
    record(&trail, "second").await;
    let access = ask(&trail).await.unwrap();
    record(&trail, "third").await;
    trail.close(true).await.unwrap();
    end(access).await;
    assert_eq!(trail.writers().await.unwrap().len(), 1);
    assert_eq!(looks(&trail).await.len(), 1);
    assert_eq!(trail.stats().await.unwrap().events, 7);
}

#[tokio::test]
async fn a_reader_leaves_the_writer_to_who_records() {
    let place = Place::new().await;
    let (reading, recording) = (place.open("a").await, place.open("a").await);
    // Without the owner's key there can be no second writer.
    let keys = place.home("a").keys_dir;
    fs::rename(&keys, keys.with_extension("away")).unwrap();
    let access = ask(&reading).await.unwrap();
    assert_eq!(access.log().unwrap().url(), reading.url());
    record(&recording, "second").await;
    // Now it is the reader who finds none.
    let lost = access.end(true).await.unwrap().warning.unwrap();
    assert!(lost.contains("how this question ended"), "{lost}");
    let access = ask(&reading).await.unwrap();
    assert_ne!(access.log().unwrap().url(), reading.url());
}

#[tokio::test]
async fn a_process_that_records_waits_for_a_writer_that_is_lent() {
    let place = Place::new().await;
    let trail = place.open("a").await;
    let keys = place.home("a").keys_dir;
    fs::rename(&keys, keys.with_extension("away")).unwrap();
    let folder = writer_folders(&trail.state_dir()).unwrap().remove(0);
    let lent = LockFile::try_lock(&folder.join("lock")).unwrap().unwrap();
    let recording = tokio::spawn(async move { record(&trail, "second").await });
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    assert!(!recording.is_finished());
    drop(lent);
    assert_eq!(recording.await.unwrap(), "second");
}

#[tokio::test]
async fn where_the_writer_is_busy_the_owners_key_makes_another() {
    let place = Place::new().await;
    let (recording, reading) = (place.open("a").await, place.open("a").await);
    record(&recording, "second").await;
    end(ask(&reading).await.unwrap()).await;
    assert_eq!(looks(&reading).await.len(), 2);
    assert_eq!(reading.writers().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_trail_that_nobody_wrote_to_gets_its_first_writer() {
    let place = Place::without_writer().await;
    let trail = place.open("a").await;
    end(ask(&trail).await.unwrap()).await;
    assert_eq!(looks(&trail).await.len(), 2);
}

#[tokio::test]
async fn a_reader_without_keys_has_an_access_trail_of_their_own() {
    let place = Place::new().await;
    let trail = place.open("b").await;
    let size = trail.view().await.unwrap().size();
    for _ in 0..2 {
        end(ask(&trail).await.unwrap()).await;
    }
    trail.settle_looks().await;
    assert_eq!(trail.view().await.unwrap().size(), size);
    assert_eq!(looks(&trail).await.len(), 0);
    let own = place.own("b").await;
    let found = looks(&own).await;
    assert_eq!(found.len(), 4);
    assert_eq!(found[0]["trail_id"], trail.info().trail_id);
    assert_eq!(found[0]["resource"]["path"], trail.url());
    assert_ne!(own.info().trail_id, trail.info().trail_id);
    // Of the trail's own keys the reader has none.
    let home = place.dir.path().join("b");
    let writers = trail.writers().await.unwrap();
    let files = durable::list(&home).unwrap();
    assert!(files.iter().any(|(path, _)| path.ends_with(WRITER_FILE)));
    for (path, _) in files {
        let name = path.display().to_string();
        assert!(!writers.iter().any(|writer| name.contains(&writer.id)), "{name}");
        let belongs = name.contains(&trail.info().trail_id);
        assert!(!belongs || name.starts_with("access/"), "{name}");
    }
}

#[tokio::test]
async fn a_writers_key_verifies_nothing_of_another() {
    let place = Place::new().await;
    let (one, other) = (place.open("a").await, place.open("a").await);
    record(&one, "x").await;
    record(&other, "y").await;
    one.close(true).await.unwrap();
    other.close(true).await.unwrap();
    let keys: Vec<_> = writer_folders(&one.state_dir())
        .unwrap()
        .into_iter()
        .map(|dir| {
            WriterKeys::load(&dir.join(WRITER_FILE), &one.info().trail_id, one.url()).unwrap()
        })
        .collect();
    assert_eq!(keys.len(), 2);
    let mut sealed = 0;
    for n in 0..one.view().await.unwrap().size() {
        let bytes = one.storage().get(&crate::ledger::entry_path(n)).await.unwrap();
        let entry = Entry::parse(&bytes).unwrap();
        for keys in &keys {
            let own = entry.body.writer == keys.id();
            assert_eq!(entry.sealed_by(keys.hmac()), own, "entry {n}");
            sealed += u32::from(own);
        }
    }
    assert_eq!(sealed, 3);
}

#[tokio::test]
async fn reading_a_copy_does_not_change_it() {
    let place = Place::new().await;
    let folder = place.dir.path().join("copy");
    copy(&place.dir.path().join("audit"), &folder);
    // The owner's key would do, but a new writer would make the copy another trail.
    let copied = place.open_at(&folder.display().to_string(), "a").await;
    let before = durable::list(&folder).unwrap().len();
    end(ask(&copied).await.unwrap()).await;
    copied.settle_looks().await;
    assert_eq!(durable::list(&folder).unwrap().len(), before);
    assert_eq!(looks(&place.own("a").await).await.len(), 2);
}

#[tokio::test]
async fn a_trail_that_is_read_only_is_not_written_to() {
    let place = Place::new().await;
    let ledger = place.dir.path().join("audit/ledger");
    fs::set_permissions(&ledger, fs::Permissions::from_mode(0o555)).unwrap();
    let trail = place.open("a").await;
    end(ask(&trail).await.unwrap()).await;
    assert_eq!(looks(&trail).await.len(), 0);
    assert_eq!(looks(&place.own("a").await).await.len(), 2);
    fs::set_permissions(&ledger, fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn a_locked_owners_key_is_not_asked_for() {
    let mut place = Place::without_writer().await;
    place.settings.access.policy = AccessPolicy::Required;
    let owner = place.open("a").await.owner_key().unwrap();
    owner.relock(&place.home("a").keys_dir, Some("secret words")).unwrap();
    let mut options = OpenOptions::new(place.home("a"), place.settings.clone());
    options.passphrase = Passphrase::new(|_| panic!("asked for a passphrase"));
    let trail = Trail::open(&place.url(), options).await.unwrap();
    let access = ask(&trail).await.unwrap();
    assert_ne!(access.log().unwrap().url(), trail.url());
}

/// A place where nothing can be recorded, neither in the trail nor apart.
async fn nowhere(policy: AccessPolicy) -> (Place, Trail) {
    let mut place = Place::new().await;
    place.settings.access.policy = policy;
    let home = place.home("c");
    fs::create_dir_all(home.keys_dir.parent().unwrap()).unwrap();
    fs::write(&home.access_dir, "not a folder").unwrap();
    let trail = place.open("c").await;
    (place, trail)
}

#[tokio::test]
async fn required_means_no_answer_without_a_record() {
    let (_place, trail) = nowhere(AccessPolicy::Required).await;
    let error = ask(&trail).await.unwrap_err();
    assert_eq!((error.kind(), error.exit_code()), ("access", 3));
    assert!(error.to_string().contains("audit.trail.access_audit"), "{error}");
}

#[tokio::test]
async fn best_effort_means_one_warning_and_the_answer() {
    let (_place, trail) = nowhere(AccessPolicy::BestEffort).await;
    let mut access = ask(&trail).await.unwrap();
    assert_eq!(access.intent_id(), None);
    let warning = access.warning().unwrap();
    assert!(warning.contains("not recorded that you asked"), "{warning}");
    end(access).await;
    assert_eq!(ask(&trail).await.unwrap().warning(), None);
}

#[tokio::test]
async fn off_means_nothing_is_recorded() {
    let (_place, trail) = nowhere(AccessPolicy::Off).await;
    let mut access = ask(&trail).await.unwrap();
    assert_eq!(access.intent_id(), None);
    assert_eq!(access.warning(), None);
    end(access).await;
}

#[tokio::test]
async fn a_log_that_fails_counts_as_not_recorded() {
    let mut place = Place::new().await;
    place.settings.access.policy = AccessPolicy::Required;
    let trail = place.open("a").await;
    let folder = writer_folders(&trail.state_dir()).unwrap().remove(0);
    // Where the next log file belongs there is a folder.
    let view = trail.view().await.unwrap();
    let next = view.state.writers.values().next().unwrap().committed + 1;
    let wal: PathBuf = folder.join("wal").join(format!("{next:020}.wal"));
    if wal.exists() {
        fs::remove_file(&wal).unwrap();
    }
    fs::create_dir_all(wal.join("in the way")).unwrap();
    fs::write(&place.home("a").access_dir, "not a folder").unwrap();
    assert_eq!(trail.ask(question(&view)).await.unwrap_err().kind(), "access");
}

#[tokio::test]
async fn a_purpose_is_demanded_where_the_policy_wants_one() {
    let mut place = Place::new().await;
    place.settings.access.purpose = PurposePolicy::Required;
    let trail = place.open("a").await;
    let view = trail.view().await.unwrap();
    for none in [None, Some(String::new()), Some("  ".to_owned())] {
        let error = trail.ask(question(&view).purpose(none)).await.unwrap_err();
        assert_eq!((error.kind(), error.exit_code()), ("usage", 2));
        assert!(error.to_string().contains("--purpose"), "{error}");
    }
    assert_eq!(looks(&trail).await.len(), 0);
    let given = question(&view).purpose(Some("audit".to_owned()));
    end(trail.ask(given).await.unwrap()).await;
    place.settings.access.policy = AccessPolicy::Off;
    ask(&place.open("a").await).await.unwrap();
}

#[tokio::test]
async fn many_at_once_leave_a_pair_each() {
    let place = Place::new().await;
    let trail = place.open("a").await;
    let tasks: Vec<_> = (0..8)
        .map(|n: u64| {
            let (trail, events) = (trail.clone(), n == 0);
            tokio::spawn(async move {
                for turn in 0..10 {
                    if events {
                        record(&trail, &format!("event-{turn}")).await;
                    }
                    let access = ask(&trail).await.unwrap();
                    access.rows().add(n);
                    if turn % 2 == 0 {
                        end(access).await;
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    trail.settle_looks().await;
    trail.close(false).await.unwrap();
    let found = looks(&trail).await;
    let of = |phase: &str| found.iter().filter(|look| look["phase"] == phase).collect::<Vec<_>>();
    let mut intents: Vec<_> = of("intent").into_iter().map(|look| &look["audit_id"]).collect();
    let mut named: Vec<_> = of("outcome").into_iter().map(|look| &look["intent_id"]).collect();
    intents.sort_by_key(|id| id.as_str());
    named.sort_by_key(|id| id.as_str());
    assert_eq!(intents.len(), 80);
    assert_eq!(intents, named);
}

#[tokio::test]
async fn a_trail_that_cannot_be_opened_is_asked_apart() {
    let place = Place::new().await;
    let home = place.home("v");
    let url = place.url();
    let look = |id| Question::new("verify", reader(), id);
    let named = ask_apart(&home, &place.settings, (Some("some-id"), &url), look(1)).await.unwrap();
    assert!(named.log().unwrap().url().ends_with("/access/some-id"));
    let unnamed = ask_apart(&home, &place.settings, (None, &url), look(1)).await.unwrap();
    let log = unnamed.log().unwrap();
    end(unnamed).await;
    assert_eq!(looks(&log).await.len(), 2);
    assert_eq!(looks(&log).await[0]["resource"]["path"], url);
}

#[tokio::test]
async fn a_reader_counts_as_no_event() {
    let place = Place::new().await;
    let trail = place.open("a").await;
    end(ask(&trail).await.unwrap()).await;
    let view = trail.view().await.unwrap();
    assert_eq!(view.unsealed(), (0, 2));
    assert_eq!(view.clone().excluding_access(true).unflushed.len(), 0);
    assert_eq!(view.excluding_access(false).unflushed.len(), 2);
}
