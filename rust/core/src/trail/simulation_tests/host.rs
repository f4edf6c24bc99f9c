//! A host that records, loads, commits, reads, stops and dies.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::clock::Mortal;
use super::rng::Rng;
use super::world::{Tags, one_of_each};
use crate::config::{Config, Home};
use crate::keys::OwnerKey;
use crate::record::Strictness;
use crate::storage::Storage;
use crate::trail::{CompactOptions, LoadOptions, OpenOptions, Settings, Trail};
use crate::{Error, Result};

/// For how long a call lasts, in resumptions, and what its end is then.
#[derive(Debug, Clone, Copy)]
struct Life {
    turns: u64,
    /// The process dies. Otherwise its caller stops waiting, as on Ctrl-C, and it goes on.
    dies: bool,
}

const FOR_EVER: Life = Life { turns: u64::MAX, dies: true };

const MINUTE: i64 = 60_000_000;

/// An event: its tag is nobody else's.
#[derive(Debug, Clone)]
struct Event {
    tag: String,
    /// The id that the caller gives, so that it may be repeated.
    id: Option<String>,
    text: String,
}

/// What a host knows, which outlives its processes.
pub(super) struct Host {
    pub(super) name: usize,
    pub(super) rng: Rng,
    pub(super) home: Home,
    pub(super) owner: Arc<OwnerKey>,
    pub(super) storage: Storage,
    pub(super) clock: i64,
    pub(super) trace: Rc<RefCell<Vec<String>>>,
    pub(super) tried: BTreeSet<String>,
    /// Tags that were acknowledged, with the ids.
    pub(super) acknowledged: BTreeMap<String, Option<String>>,
    /// Those that a flush said are in the ledger.
    pub(super) committed: BTreeSet<String>,
    /// A process of it ended otherwise than in order.
    pub(super) broke_off: bool,
    trail: Option<Trail>,
    made: u64,
    /// Events with ids whose outcome is unknown.
    open: Vec<Event>,
}

impl Host {
    pub(super) fn new(
        name: usize,
        rng: Rng,
        home: Home,
        owner: Arc<OwnerKey>,
        storage: Storage,
        clock: i64,
        trace: Rc<RefCell<Vec<String>>>,
    ) -> Self {
        Self {
            name,
            rng,
            home,
            owner,
            storage,
            clock,
            trace,
            tried: BTreeSet::new(),
            acknowledged: BTreeMap::new(),
            committed: BTreeSet::new(),
            broke_off: false,
            trail: None,
            made: 0,
            open: Vec::new(),
        }
    }

    pub(super) async fn live(&mut self, steps: u64, tags: &Tags) {
        for _ in 0..steps {
            self.pass_time();
            let life = match self.rng.below(100) {
                0..20 => Life { turns: 1 + self.rng.below(60), dies: self.rng.percent(50) },
                _ => FOR_EVER,
            };
            let Some(trail) = self.trail(life).await else { continue };
            match self.rng.below(100) {
                0..40 => self.record(&trail, life).await,
                40..55 => self.load(&trail, life).await,
                55..75 => self.flush(&trail, life).await,
                75..85 => self.close(&trail, life).await,
                85..88 => self.die("between two calls"),
                88..93 => self.compact(&trail, life).await,
                _ => self.read(&trail, life, tags).await,
            }
        }
        if self.rng.percent(50) {
            self.die("at last");
        }
    }

    fn pass_time(&mut self) {
        let minutes = self.rng.below(15).cast_signed();
        self.clock += minutes * MINUTE;
        if self.rng.percent(10) {
            self.clock += (self.rng.below(121).cast_signed() - 60) * MINUTE;
        }
    }

    fn note(&self, what: &str) {
        self.trace.borrow_mut().push(format!("host {}: {what}", self.name));
    }

    fn die(&mut self, when: &str) {
        self.broke_off |= self.trail.is_some();
        self.trail = None;
        self.note(&format!("died {when}"));
    }

    /// Does a call under this host's clock. `None` if the process died of it.
    async fn call<T>(
        &mut self,
        what: &str,
        life: Life,
        work: impl Future<Output = Result<T>>,
    ) -> Option<Result<T>> {
        let done = Mortal { work: Box::pin(work), now: self.clock, life: life.turns }.await;
        match &done {
            None if life.dies => self.die(what),
            None => self.note(&format!("{what}: not awaited")),
            Some(Ok(_)) => self.note(&format!("{what}: done")),
            Some(Err(e)) => self.note(&format!("{what}: {e}")),
        }
        done
    }

    async fn trail(&mut self, life: Life) -> Option<Trail> {
        if let Some(trail) = &self.trail {
            return Some(trail.clone());
        }
        let mut settings = Settings::from_config(&Config::default(), self.storage.url());
        settings.snapshot_spacing = 3;
        let mut options = OpenOptions::new(self.home.clone(), settings);
        options.owner = Some(Arc::clone(&self.owner));
        let opening = Trail::open_in(self.storage.clone(), options);
        self.trail = self.call("open", life, opening).await?.ok();
        self.trail.clone()
    }

    /// A new event, or one again whose outcome is unknown.
    fn event(&mut self) -> Event {
        if !self.open.is_empty() && self.rng.percent(60) {
            let which = usize::try_from(self.rng.below(self.open.len() as u64)).unwrap();
            return self.open.swap_remove(which);
        }
        self.made += 1;
        let tag = format!("h{}-{}", self.name, self.made);
        let id = self.rng.percent(60).then(|| format!("id-{tag}"));
        let given = id.as_ref().map(|id| format!(r#""audit_id":"{id}","#)).unwrap_or_default();
        let domain = ["data", "auth", "agent"][usize::try_from(self.rng.below(3)).unwrap()];
        // A column of one type, or another one, or none.
        let odd = ["", r#","odd":1"#, r#","odd":"text""#, r#","other":true"#];
        let odd = odd[usize::try_from(self.rng.below(4)).unwrap()];
        let text = format!(r#"{{"event_type":"{domain}.thing",{given}"tag":"{tag}"{odd}}}"#);
        self.tried.insert(tag.clone());
        Event { tag, id, text }
    }

    fn acknowledge(&mut self, event: Event, id: Option<String>) {
        self.acknowledged.insert(event.tag, id.or(event.id));
    }

    fn unknown(&mut self, event: Event) {
        self.open.extend(event.id.is_some().then_some(event));
    }

    async fn record(&mut self, trail: &Trail, life: Life) {
        for _ in 0..=self.rng.below(3) {
            let event = self.event();
            let recording = trail.record(event.text.as_bytes(), Strictness::Lenient);
            match self.call(&format!("record {}", event.tag), life, recording).await {
                Some(Ok(id)) => {
                    assert!(event.id.as_ref().is_none_or(|given| *given == id));
                    self.acknowledge(event, Some(id));
                }
                Some(Err(e)) => {
                    assert!(
                        !matches!(e, Error::Conflict { .. } | Error::InvalidEvent { .. }),
                        "{e}"
                    );
                    self.unknown(event);
                }
                None => return self.unknown(event),
            }
        }
    }

    async fn load(&mut self, trail: &Trail, life: Life) {
        let events: Vec<Event> = (0..1 + self.rng.below(4)).map(|_| self.event()).collect();
        let text: Vec<&str> = events.iter().map(|event| event.text.as_str()).collect();
        let input = Box::new(Cursor::new(text.join("\n").into_bytes()));
        let tags: Vec<&str> = events.iter().map(|event| event.tag.as_str()).collect();
        let what = format!("load {}", tags.join(" "));
        let last = self.rng.percent(20);
        let options = LoadOptions { last, ..LoadOptions::default() };
        // Where a caller may stop waiting, a load goes on by itself.
        let life = if life.dies { life } else { FOR_EVER };
        let done = self.call(&what, life, trail.load(input, &options)).await;
        let Some(Ok(report)) = done else {
            events.into_iter().for_each(|event| self.unknown(event));
            // Its writer may take nothing more.
            return if last && self.trail.is_some() {
                self.close(trail, FOR_EVER).await
            };
        };
        assert_eq!(report.recorded + report.repeated, events.len() as u64, "{report:?}");
        for event in events {
            self.committed.insert(event.tag.clone());
            self.acknowledge(event, None);
        }
        if last {
            self.close(trail, life).await;
        }
    }

    async fn flush(&mut self, trail: &Trail, life: Life) {
        if let Some(Ok(())) = self.call("flush", life, trail.flush()).await {
            self.all_committed(trail);
        }
    }

    /// A flush of a process that is no writer yet commits nothing.
    fn all_committed(&mut self, trail: &Trail) {
        if trail.current().is_some() {
            self.committed.extend(self.acknowledged.keys().cloned());
        }
    }

    async fn compact(&mut self, trail: &Trail, life: Life) {
        let minutes = [0, 30][usize::from(self.rng.percent(50))];
        let options = CompactOptions {
            threads: 1,
            grace: Duration::from_secs(60 * minutes),
            ..CompactOptions::default()
        };
        if let Some(Err(e)) = self.call("compact", life, trail.compact(&options)).await {
            assert!(!matches!(e, Error::Usage(_)), "{e}");
        }
    }

    async fn close(&mut self, trail: &Trail, life: Life) {
        let commit = self.rng.percent(60);
        let writes = trail.current().is_some();
        let done = self.call("close", life, trail.close(commit)).await;
        if commit && writes && matches!(done, Some(Ok(()))) {
            self.committed.extend(self.acknowledged.keys().cloned());
        }
        self.broke_off |= !matches!(done, Some(Ok(())));
        self.trail = None;
    }

    /// After all faults: the process that is at work commits everything, without being begun anew.
    pub(super) async fn catch_up(&mut self) {
        let Some(trail) = self.trail.clone() else { return };
        let Some(writer) = trail.current() else { return };
        self.call("flush without faults", FOR_EVER, trail.flush()).await.unwrap().unwrap();
        assert!(writer.unflushed().is_empty(), "left in the log of a process at work");
        self.all_committed(&trail);
    }

    /// Readers see what this host had acknowledged, and nothing twice.
    async fn read(&mut self, trail: &Trail, life: Life, tags: &Tags) {
        if let Some(Ok(view)) = self.call("read", life, trail.view()).await {
            let seen = one_of_each(tags.of_view(&view).await);
            for tag in self.acknowledged.keys() {
                assert!(seen.contains_key(tag), "a reader does not see {tag}");
            }
        }
    }

    /// After all faults: what is in the logs comes into the ledger.
    pub(super) async fn settle(&mut self, tags: &Tags) {
        match self.trail.clone() {
            Some(trail) if self.rng.percent(50) => {
                self.call("close", FOR_EVER, trail.close(true)).await.unwrap().unwrap();
                self.trail = None;
            }
            _ => self.die("in the end"),
        }
        self.clock += self.rng.below(120).cast_signed() * MINUTE;
        let trail = self.trail(FOR_EVER).await.expect("opens without faults");
        self.call("recover", FOR_EVER, trail.recover()).await.unwrap().unwrap();
        let view = self.call("read", FOR_EVER, trail.view()).await.unwrap().unwrap();
        assert!(view.unflushed.is_empty(), "left in a log");
        one_of_each(tags.of_view(&view).await);
        self.call("close", FOR_EVER, trail.close(true)).await.unwrap().unwrap();
    }
}
