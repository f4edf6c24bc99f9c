//! Random histories of recording, policies, holds, compaction, archiving, deletion, erasure and
//! sweeping, against a model that is a set of records.

mod orphans;
mod watched;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::time::Duration;

use arrow::array::AsArray;
use serde_json::json;

use super::*;
use crate::config::{ArchiveFormat, Config, Home};
use crate::retention::{Action, Clock, Draft, Event, Held, Plan, Rule};
use crate::trail::{
    CompactOptions, InitOptions, LoadOptions, OpenOptions, Settings, init, time_text,
};
use crate::verify::{Options, Report, Trust, Verdict, verify};

const DAY: i64 = 86_400_000_000;
/// 2026-01-01.
const START: i64 = 1_767_225_600_000_000;
const DOMAINS: [&str; 2] = ["auth", "data"];
const LEVELS: [Option<&str>; 3] = [None, Some("pii"), Some("public")];
const USERS: [&str; 3] = ["ann", "bob", "eve"];

#[derive(Debug, Clone)]
struct Record {
    domain: &'static str,
    level: Option<&'static str>,
    user: &'static str,
    timestamp: i64,
    /// The personal field can be read no more.
    erased: bool,
}

struct World {
    _dir: tempfile::TempDir,
    trail: Trail,
    random: u64,
    /// What the trail must hold, by id.
    alive: BTreeMap<String, Record>,
    deleted: u64,
    /// Erasures of subjects.
    erasures: u64,
    /// Whose fields were sealed since they were erased.
    sealed: BTreeSet<&'static str>,
    /// Active holds: id, and whose records.
    holds: BTreeMap<String, &'static str>,
    made: u64,
    now: i64,
}

/// A folder in memory where there is one: what is tested here is no disk.
fn folder() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory).unwrap(),
        false => tempfile::tempdir().unwrap(),
    }
}

impl World {
    async fn new(seed: u64) -> Self {
        let dir = folder();
        let url = dir.path().join("audit").display().to_string();
        let home = Home::at(&dir.path().join("home"));
        init(&url, &InitOptions::new(home.clone())).await.unwrap();
        let mut settings = Settings::from_config(&Config::default(), &url);
        let (at, format) = match seed % 4 {
            0 => (dir.path().join("cold").display().to_string(), ArchiveFormat::Parquet),
            1 => (format!("memory://cold-{seed}"), ArchiveFormat::Parquet),
            2 => (dir.path().join("cold").display().to_string(), ArchiveFormat::CompressedJsonl),
            _ => (format!("memory://cold-{seed}"), ArchiveFormat::CompressedJsonl),
        };
        settings.redaction.personal.fields = vec!["email".to_owned()];
        settings.archives.insert("cold".to_owned(), at.clone());
        settings.archive = Some(Destination { name: "cold".to_owned(), url: at, format });
        let trail = Trail::open(&url, OpenOptions::new(home, settings)).await.unwrap();
        let random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678;
        Self {
            _dir: dir,
            trail,
            random,
            alive: BTreeMap::new(),
            deleted: 0,
            erasures: 0,
            sealed: BTreeSet::new(),
            holds: BTreeMap::new(),
            made: 0,
            now: START,
        }
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    async fn step(&mut self) {
        match self.below(15) {
            0..=3 => self.record().await,
            4 => self.pin().await,
            5 => self.hold().await,
            6 => self.release().await,
            7 => self.now += DAY * self.below(20) as i64,
            8 => self.compact().await,
            9 => {
                self.trail.sweep(Duration::ZERO).await.unwrap();
            }
            10 | 11 => self.archive().await,
            12 => self.erase().await,
            _ => self.delete().await,
        }
    }

    async fn record(&mut self) {
        let mut lines = String::new();
        for _ in 0..=self.below(30) {
            let (domain, level) = (self.pick(&DOMAINS), self.pick(&LEVELS));
            let user = self.pick(&USERS);
            let timestamp = START + DAY * self.below(40) as i64 + self.below(1000) as i64;
            let id = format!("id-{}", self.made);
            self.made += 1;
            let mut event = json!({
                "event_type": format!("{domain}.thing"),
                "audit_id": id,
                "timestamp": time_text(timestamp),
                "user_id": user,
                "email": format!("{user}-{id}@example.org"),
                "n": self.made,
            });
            self.sealed.insert(user);
            if let Some(level) = level {
                event["resource"] = json!({ "sensitivity_level": level });
            }
            if self.below(4) == 0 {
                event["rare"] = json!({ "x": self.made, "y": "z".repeat(self.made as usize % 7) });
            }
            lines.push_str(&format!("{event}\n"));
            self.alive.insert(id, Record { domain, level, user, timestamp, erased: false });
        }
        let options = LoadOptions::default();
        let report = self.trail.load(Box::new(Cursor::new(lines.into_bytes())), &options).await;
        let report = report.unwrap();
        assert_eq!(report.refused, 0, "{report:?}");
    }

    async fn pin(&mut self) {
        let mut rules = |names: &[&str]| {
            let mut all = BTreeMap::new();
            for name in names {
                let rule = Rule {
                    archive_storage_days: None,
                    delete_after_days: (self.below(4) > 0).then(|| 1 + self.below(40)),
                    hot_storage_days: Some(self.below(10)),
                    minimum_days: (self.below(4) == 0).then(|| self.below(50)),
                };
                all.insert((*name).to_owned(), rule);
            }
            all
        };
        let (by_domain, by_sensitivity) = (rules(&["auth", "data"]), rules(&["pii"]));
        let clock = Clock::EventTime;
        let policy = Policy { by_domain, by_sensitivity, clock, ..Policy::default() };
        self.trail.pin_policy(&policy).await.unwrap();
    }

    async fn hold(&mut self) {
        let user = self.pick(&USERS);
        let matching = json!({ "user_id": [user] }).as_object().unwrap().clone();
        let hold = self.trail.add_hold("a case", "counsel", matching).await.unwrap();
        self.holds.insert(hold.hold.id, user);
    }

    async fn release(&mut self) {
        let Some((id, _)) = self.holds.pop_first() else { return };
        self.trail.release_hold(&id, "closed", "counsel").await.unwrap();
    }

    /// Somebody is erased, unless a hold has records of theirs or nothing of them is sealed.
    async fn erase(&mut self) {
        let user = self.pick(&USERS);
        let others = self.holds.iter().filter(|(_, held)| **held != user);
        let cleared: BTreeSet<String> = others.map(|(id, _)| id.clone()).collect();
        let done = self.trail.erase(user, "asked for", "officer", &cleared).await;
        if self.holds.values().any(|held| *held == user) || !self.sealed.contains(user) {
            return assert!(done.is_err(), "{done:?}");
        }
        assert!(done.unwrap().pending.is_empty());
        self.erasures += 1;
        self.sealed.remove(user);
        self.alive.values_mut().filter(|r| r.user == user).for_each(|r| r.erased = true);
        self.check_field().await;
    }

    /// The personal field of some record is readable if and only if it was not erased.
    async fn check_field(&mut self) {
        let nth = self.below(1 + self.alive.len() as u64) as usize;
        let Some((id, model)) = self.alive.iter().nth(nth) else { return };
        let record = self.trail.get(id).await.unwrap().unwrap();
        let shown = self.trail.unsealed(record).await.unwrap();
        let shown: serde_json::Value = serde_json::from_slice(&shown).unwrap();
        let expected = match model.erased {
            true => "[erased]".to_owned(),
            false => format!("{}-{id}@example.org", model.user),
        };
        assert_eq!(shown["email"], expected, "{id}");
    }

    async fn compact(&mut self) {
        let options = CompactOptions { grace: Duration::ZERO, ..CompactOptions::default() };
        self.trail.compact(&options).await.unwrap();
    }

    async fn archive(&mut self) {
        let options = CompactOptions { grace: Duration::ZERO, ..CompactOptions::default() };
        let plan = self.plan().await;
        let (segments, records) = plan.count(Action::Archive);
        let moved = self.trail.archive_planned(&plan, &options).await.unwrap();
        assert_eq!((moved.moved, moved.rows, moved.lost), (segments, records, 0));
        assert_eq!(self.plan().await.count(Action::Archive), (0, 0));
        self.check_records().await;
    }

    async fn plan(&self) -> Plan {
        let state = std::sync::Arc::clone(self.trail.refreshed().await.unwrap().state());
        let policy = self.trail.policy_in_force(&state).unwrap();
        let archives = self.trail.archives();
        let draft = Draft::new(archives, state, &policy, self.now, true).await.unwrap();
        let mut held = Held::default();
        for (hold, user) in &self.holds {
            let records = self.alive.iter().filter(|(_, record)| record.user == *user);
            records.for_each(|(id, _)| held.add(hold, id));
        }
        draft.finish(archives, &held).await.unwrap()
    }

    async fn delete(&mut self) {
        let plan = self.plan().await;
        let order = Order { approver: "officer".to_owned(), reason: "old".to_owned() };
        let deletion =
            self.trail.delete_planned(&plan, &order, &CompactOptions::default()).await.unwrap();
        let state = std::sync::Arc::clone(self.trail.refreshed().await.unwrap().state());
        let policy = self.trail.policy_in_force(&state).unwrap();
        let (before, now) = (self.alive.len(), self.now);
        let held: BTreeSet<&str> = self.holds.values().copied().collect();
        self.alive.retain(|_, Record { domain, level, user, timestamp, .. }| {
            let recorded_at = i64::MAX;
            let timestamp = *timestamp;
            let event = Event { domain, level: *level, timestamp, recorded_at };
            let due = policy.dates(&event).delete.is_some_and(|date| date <= now);
            !due || held.contains(user)
        });
        let gone = (before - self.alive.len()) as u64;
        assert_eq!(deletion.records, gone, "{plan:?}");
        self.deleted += gone;
        self.check_records().await;
    }

    /// The trail holds exactly the records of the model.
    async fn check_records(&self) {
        let view = self.trail.view().await.unwrap();
        let mut there = BTreeSet::new();
        for add in view.segments() {
            let file = self.trail.segment(add).await.unwrap();
            for group in 0..file.groups().len() {
                let ids = file.columns_in(group, &["audit_id"]).unwrap().pop().flatten().unwrap();
                let ids = ids.as_string::<i32>().iter().flatten();
                ids.for_each(|id| assert!(there.insert(id.to_owned()), "{id} is there twice"));
            }
        }
        assert!(there.iter().eq(self.alive.keys()), "the trail holds other records");
    }

    async fn verify(&self) -> Report {
        let owner = self.trail.owner_key().unwrap();
        let trust = Trust { secret: Some(owner.clone()), ..Trust::owner(owner.public()) };
        let archives = self.trail.archives().said().clone();
        let options = Options { threads: 1, archives, ..Options::default() };
        let storage = self.trail.storage();
        verify(storage, &trust, &options, &|_| {}, &Default::default()).await.unwrap()
    }

    async fn check_whole(&mut self) {
        self.check_records().await;
        if self.below(2) == 0 {
            self.trail.sweep(Duration::ZERO).await.unwrap();
        }
        let report = self.verify().await;
        assert_eq!(report.findings, [], "{report}");
        let sound = match (self.erasures, self.deleted) {
            (0, 0) => Verdict::Verified,
            (0, _) => Verdict::Pruned,
            _ => Verdict::Erased,
        };
        assert_eq!((report.verdict, report.deleted), (sound, self.deleted));
        self.check_field().await;
        assert_eq!(report.verdict.exit_code(), 0);
        let nth = self.below(20) as usize;
        if let Some(id) = self.alive.keys().nth(nth).cloned() {
            // A proof that is given out was checked.
            assert!(self.trail.prove(&id).await.unwrap().is_some(), "{id}");
        }
    }

    /// A file that is gone without a tombstone is told.
    async fn lose_one(&mut self) {
        let view = self.trail.view().await.unwrap();
        let Some(lost) = view.segments().first() else { return };
        self.trail.store_of(lost).unwrap().delete(&lost.path).await.unwrap();
        let report = self.verify().await;
        assert_eq!(report.verdict, Verdict::Missing, "{report}");
        assert!(report.findings.iter().any(|finding| finding.object == lost.path), "{report}");
    }
}

/// Seeds that fail are named; SEALTRAIL_SCHEDULES says how many are tried.
#[test]
fn random_schedules_lose_nothing_that_is_held_and_verify() {
    let count = std::env::var("SEALTRAIL_SCHEDULES").ok().and_then(|text| text.parse().ok());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    for seed in 0..count.unwrap_or(500) {
        let history = async {
            let mut world = World::new(seed).await;
            for _ in 0..6 + world.below(14) {
                world.step().await;
            }
            world.delete().await;
            world.check_whole().await;
            if seed % 10 == 0 {
                world.lose_one().await;
            }
        };
        let outcome = std::panic::AssertUnwindSafe(history);
        let ended = runtime.block_on(futures::FutureExt::catch_unwind(outcome));
        assert!(ended.is_ok(), "seed {seed}");
    }
}

async fn settled() -> World {
    settled_as(7).await
}

async fn settled_as(seed: u64) -> World {
    let mut world = World::new(seed).await;
    for _ in 0..3 {
        world.record().await;
    }
    let rule = Rule { delete_after_days: Some(10), ..Rule::default() };
    let by_domain = [("data".to_owned(), rule)].into();
    let policy = Policy { by_domain, clock: Clock::EventTime, ..Policy::default() };
    world.trail.pin_policy(&policy).await.unwrap();
    world.now = START + 25 * DAY;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_says_what_goes_and_a_changed_trail_needs_another() {
    let mut world = settled().await;
    let plan = world.plan().await;
    assert_eq!(plan.policy, Some(plan.size - 1));
    assert!(plan.steps.iter().all(|step| step.domain == "data"), "{plan:?}");
    let (_, part) = plan.count(Action::DeletePart);
    assert!(part > 0, "{plan:?}");
    let held = world.alive.values().filter(|r| r.user == "ann").count();
    world.hold().await;
    let order = Order { approver: "officer".to_owned(), reason: "old".to_owned() };
    let stale = world.trail.delete_planned(&plan, &order, &CompactOptions::default()).await;
    assert!(matches!(stale, Err(Error::AlreadyExists(_))), "{stale:?}");
    world.check_records().await;
    assert!(held > 0);
    let plan = world.plan().await;
    assert_eq!(plan.holds.len(), 1);
    assert!(plan.steps.iter().any(|step| step.held > 0));
    world.delete().await;
    world.check_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_policy_in_the_ledger_nothing_is_deleted() {
    let mut world = World::new(3).await;
    world.record().await;
    world.now = START + 10_000 * DAY;
    let plan = world.plan().await;
    let moves = plan.steps.iter().all(|step| step.action == Action::Archive);
    assert!(moves && plan.policy.is_none(), "{plan:?}");
    let unknown = world.trail.release_hold("hold-1", "closed", "counsel").await;
    assert!(matches!(unknown, Err(Error::NotFound(_))), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_that_lost_records_are_merged_with_their_sidecars() {
    let mut world = settled().await;
    for _ in 0..3 {
        world.record().await;
        world.delete().await;
    }
    let parts = async |world: &World| {
        let view = world.trail.view().await.unwrap();
        let of = |add: &&std::sync::Arc<crate::ledger::AddedSegment>| add.gone.is_some();
        (view.segments().iter().filter(of).count(), view.segments().len())
    };
    let (cut, all) = parts(&world).await;
    assert!(cut > 2 && all > cut, "{cut} of {all}");
    world.compact().await;
    let (cut, merged) = parts(&world).await;
    assert!(merged < all && cut > 0, "{cut} of {merged}");
    world.check_whole().await;
    // What is merged loses more, and is merged again.
    world.record().await;
    world.now += 5 * DAY;
    world.delete().await;
    world.compact().await;
    world.check_whole().await;
    let plan = world.trail.plan_compaction(&CompactOptions::default()).await.unwrap();
    assert_eq!(plan.groups, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_that_is_gone_or_changed_is_told() {
    let mut world = settled().await;
    world.delete().await;
    let view = world.trail.view().await.unwrap();
    let cut = view.segments().iter().find(|add| add.gone.is_some()).unwrap();
    let path = crate::ledger::sidecar_path(&cut.path);
    let bytes = world.trail.storage().get(&path).await.unwrap();
    let mut changed = bytes.to_vec();
    *changed.last_mut().unwrap() ^= 1;
    world.trail.storage().put_hint(&path, changed.into()).await.unwrap();
    let report = world.verify().await;
    assert_eq!(report.verdict, Verdict::Tampered, "{report}");
    assert!(report.findings.iter().any(|finding| finding.kind == "sidecar"), "{report}");
    world.trail.storage().delete(&path).await.unwrap();
    let kinds: Vec<_> = world.verify().await.findings.iter().map(|f| f.kind).collect();
    assert!(kinds.contains(&"sidecar_missing"), "{kinds:?}");
}
