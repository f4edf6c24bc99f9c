//! A store that lies: it answers each request from another state of the trail, from another trail,
//! or with damaged bytes, as it likes.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use data_encoding::HEXLOWER;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult,
};
use tempfile::TempDir;

use super::large::random;
use super::maker::{Maker, event, filled, small, store};
use super::pinned::Objects;
use super::snapshots::{honest, name};
use super::*;
use crate::ledger::Ledger;
use crate::merkle::Hash;
use crate::pins::Pins;
use crate::storage::watched::Watched;

/// Verifications of each kind; `SEALTRAIL_LIES` asks for more.
const TRIALS: u64 = 1_000;

fn trials() -> u64 {
    let asked = std::env::var("SEALTRAIL_LIES");
    asked.map_or(TRIALS, |text| text.parse().expect("SEALTRAIL_LIES is a number"))
}

type Reply<T> = object_store::Result<T>;

/// Its first world is the true one.
#[derive(Debug)]
struct Liar {
    worlds: Vec<Arc<dyn ObjectStore>>,
    asked: AtomicU64,
    seed: u64,
    /// Share of requests that it lies to, in percent.
    lies: u64,
}

impl Liar {
    /// The world that answers this request.
    fn world(&self) -> &Arc<dyn ObjectStore> {
        let n = self.asked.fetch_add(1, Ordering::Relaxed);
        let draw = random(self.seed ^ random(n));
        let which = if draw % 100 < self.lies { draw / 100 % self.worlds.len() as u64 } else { 0 };
        &self.worlds[usize::try_from(which).unwrap()]
    }
}

impl std::fmt::Display for Liar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Liar")
    }
}

#[async_trait]
impl ObjectStore for Liar {
    async fn put_opts(&self, at: &Path, data: PutPayload, how: PutOptions) -> Reply<PutResult> {
        self.world().put_opts(at, data, how).await
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        how: PutMultipartOptions,
    ) -> Reply<Box<dyn MultipartUpload>> {
        self.world().put_multipart_opts(at, how).await
    }

    async fn get_opts(&self, at: &Path, how: GetOptions) -> Reply<GetResult> {
        self.world().get_opts(at, how).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Reply<Path>>,
    ) -> BoxStream<'static, Reply<Path>> {
        self.world().delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Reply<ObjectMeta>> {
        self.world().list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Reply<ObjectMeta>> {
        self.world().list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Reply<ListResult> {
        self.world().list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, how: CopyOptions) -> Reply<()> {
        self.world().copy_opts(from, to, how).await
    }
}

/// A trail with snapshots, and what a store could show instead.
struct Worlds {
    maker: Maker,
    /// Size, root and records of the ledger after each entry.
    states: Vec<(u64, Hash, u64)>,
    worlds: Vec<Objects>,
}

impl Worlds {
    fn new() -> Self {
        let mut maker = small();
        let mut worlds = vec![Objects::new()];
        for _ in 0..2 {
            worlds.push(maker.objects.clone());
            let file = honest(&maker);
            name(&mut maker, file);
        }
        maker.append(&[event(600, "data.export")], true);
        worlds[0] = maker.objects.clone();
        let mut stranger = small();
        let file = honest(&stranger);
        name(&mut stranger, file);
        worlds.push(stranger.objects);
        // Everything as in ours, but the keys.
        worlds.push(filled(Maker::of(maker.info.trail_id.clone())).objects);
        let mut damaged = maker.objects.clone();
        for bytes in damaged.values_mut() {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
        worlds.push(damaged);
        let cut = maker.objects.iter();
        worlds.push(cut.map(|(p, b)| (p.clone(), b[..b.len() / 2].to_vec())).collect());
        worlds.push(Objects::new());
        let states = states(&maker);
        Self { maker, states, worlds }
    }

    /// A place where the trail is and is not.
    fn liar(&self, url: &str, seed: u64) -> Storage {
        let named = Storage::open(url).unwrap();
        let worlds = self.worlds.iter().map(|objects| store(objects).object_store().unwrap());
        let lies = [2, 10, 50][usize::try_from(seed % 3).unwrap()];
        let liar = Liar { worlds: worlds.collect(), asked: AtomicU64::new(0), seed, lies };
        Watched::behind(&named, Arc::new(liar))
    }
}

fn states(maker: &Maker) -> Vec<(u64, Hash, u64)> {
    let mut state = crate::ledger::State::default();
    let mut states = Vec::new();
    while let Some(bytes) = maker.objects.get(&crate::ledger::entry_path(state.size())) {
        state.apply(bytes).unwrap();
        states.push((state.size(), state.root(), state.rows));
    }
    states
}

/// What came of many verifications.
#[derive(Debug, Default)]
struct Outcomes {
    passed: u64,
    found: u64,
    failed: u64,
}

impl Outcomes {
    /// Counts one; the report if it passed.
    fn count(&mut self, outcome: Result<Report>) -> Option<Report> {
        match outcome {
            Err(_) => self.failed += 1,
            Ok(report) if report.verdict.exit_code() != 0 => {
                assert!(!report.findings.is_empty());
                self.found += 1;
            }
            Ok(report) => {
                self.passed += 1;
                return Some(report);
            }
        }
        None
    }

    fn tell(&self, what: &str) {
        assert_eq!(self.passed + self.found + self.failed, trials());
        assert!(self.passed > 0 && self.found > 0, "{self:?}");
        eprintln!("{what}: {self:?}");
    }
}

fn options(seed: u64) -> Options {
    let level = if seed.is_multiple_of(5) { Level::Quick } else { Level::Deep };
    Options { level, threads: 1, ..Options::default() }
}

fn go(storage: &Storage, trust: &Trust, seed: u64) -> Result<Report> {
    let cancel = Arc::default();
    futures::executor::block_on(verify(storage, trust, &options(seed), &|_| {}, &cancel))
}

#[test]
fn nothing_but_a_state_of_the_trail_is_ever_verified_in_a_lying_store() {
    let worlds = Worlds::new();
    let mut outcomes = Outcomes::default();
    for seed in 0..trials() {
        let storage = worlds.liar(&format!("memory://liar-{seed}"), seed);
        let trust = worlds.maker.trust(seed % 2 == 0);
        if let Some(report) = outcomes.count(go(&storage, &trust, seed)) {
            let said = (report.size, report.root.as_str(), report.committed);
            let is = |(size, root, rows): &(u64, Hash, u64)| {
                said == (*size, &HEXLOWER.encode(root), *rows)
            };
            assert!(worlds.states.iter().any(is), "seed {seed}: {report}");
        }
    }
    outcomes.tell("a lying store");
}

/// Whoever knows the newest checkpoint accepts nothing else, not even another history that the
/// trail's own keys signed.
#[test]
fn with_a_pin_nothing_but_the_newest_state_is_verified_in_a_lying_store() {
    let mut worlds = Worlds::new();
    let (size, root, rows) = *worlds.states.last().unwrap();
    let genuine = worlds.maker.objects.clone();
    let fork = {
        let maker = &mut worlds.maker;
        let kept = |path: &String| crate::ledger::entry_number(path).is_none_or(|n| n < 4);
        maker.objects.retain(|path, _| kept(path));
        maker.state = crate::ledger::State::default();
        for n in 0..4 {
            maker.state.apply(&genuine[&crate::ledger::entry_path(n)]).unwrap();
        }
        maker.committed = maker.state.rows;
        for i in 0..size - 4 {
            maker.append(&[event(500 + i, "data.export")], false);
        }
        std::mem::replace(&mut maker.objects, genuine)
    };
    worlds.worlds.push(fork);
    let pin = Checkpoint { origin: worlds.maker.info.origin.clone(), size, root };
    let mut outcomes = Outcomes::default();
    for seed in 0..trials() {
        let storage = worlds.liar(&format!("memory://pinned-liar-{seed}"), seed);
        let trust = Trust { pins: vec![pin.clone()], ..worlds.maker.trust(seed % 2 == 0) };
        if let Some(report) = outcomes.count(go(&storage, &trust, seed)) {
            let said = (report.size, report.root, report.committed);
            assert_eq!(said, (size, HEXLOWER.encode(&root), rows), "seed {seed}");
        }
    }
    outcomes.tell("a lying store, and a pin");
}

/// A verifier with a memory who comes again and again: it remembers true states only, never an
/// older one than before, also where it looks only at what is new.
#[test]
fn what_a_lying_store_makes_a_verifier_remember_is_true() {
    let worlds = Worlds::new();
    let (mut outcomes, mut dir, mut last) = (Outcomes::default(), None::<TempDir>, 0);
    let url = "memory://remembered-liar";
    for seed in 0..trials() {
        // Now and then it begins anew.
        if dir.is_none() || seed % 20 == 0 {
            (dir, last) = (Some(tempfile::tempdir().unwrap()), 0);
        }
        let home = crate::config::Home::at(dir.as_ref().unwrap().path());
        let pins = Pins::of(&home);
        let storage = worlds.liar(url, seed);
        let pinning =
            Pinning { pins: Some(pins.clone()), since_last: seed % 3 != 0, ..Pinning::default() };
        let (trust, cancel) = (worlds.maker.trust(seed % 2 == 0), Arc::default());
        let run = verify_pinned(&storage, trust, options(seed), &pinning, &|_| {}, &cancel);
        outcomes.count(futures::executor::block_on(run));
        let Some(pin) = pins.load(storage.url()).unwrap() else { continue };
        let is = |(size, root, _): &(u64, Hash, u64)| {
            (*size, HEXLOWER.encode(root)) == (pin.size, pin.root.clone())
        };
        assert!(worlds.states.iter().any(is), "seed {seed}: {pin:?}");
        assert!(pin.size >= last, "seed {seed}: {} after {last}", pin.size);
        last = pin.size;
    }
    outcomes.tell("a lying store, and a memory");
}

/// Readers have no key, so a whole other trail may be shown to them; but of one owner's trail they
/// see nothing that its keys did not sign.
#[test]
fn readers_of_a_lying_store_see_no_segment_that_was_not_signed() {
    let worlds = Worlds::new();
    let (mut opened, mut failed) = (0, 0);
    for seed in 0..trials() {
        let storage = worlds.liar(&format!("memory://read-liar-{seed}"), seed);
        let Ok(ledger) = futures::executor::block_on(Ledger::open(storage)) else {
            failed += 1;
            continue;
        };
        opened += 1;
        let state = ledger.state();
        if state.owner != Some(worlds.maker.owner.public()) {
            continue;
        }
        let signed = &worlds.maker.state.segments;
        assert!(state.segments.iter().all(|s| signed.contains(s)), "seed {seed}");
        let rows: u64 = state.segments.iter().map(|segment| segment.rows).sum();
        assert_eq!(state.rows, rows, "seed {seed}");
    }
    assert!(opened > 0 && failed > 0, "{opened} {failed}");
    assert_eq!(opened + failed, trials());
}
