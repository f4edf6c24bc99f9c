//! Batches that moved: where each was introduced, and that none was lost, doubled or made up on the
//! way.

use std::collections::{BTreeMap, HashMap};

use data_encoding::HEXLOWER;

use super::Run;
use super::report::{Finding, Report};
use crate::Result;
use crate::ledger::{AddedSegment, Body, Entry, GoneBatch, Kind, entry_path};
use crate::merkle::{self, Hash};
use crate::segment::merge::MAX_BATCHES;
use crate::segment::{BatchMeta, Origin, batch_leaf};

/// A segment as the `append` entry named it that introduced its batches.
#[derive(Debug, Clone)]
pub(super) struct Introduced {
    path: String,
    /// Hex root over its batches.
    root: String,
    batches: u64,
    /// Range of `timestamp`, in microseconds.
    times: (i64, i64),
}

impl Introduced {
    /// How many batches it had.
    pub(super) fn batches(&self) -> u64 {
        self.batches
    }
}

/// What `append` entries added, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Appends(HashMap<u64, Vec<Introduced>>);

impl Appends {
    /// Notes what an entry adds, if it introduces it.
    pub(super) fn note(&mut self, body: &Body) {
        let of = |add: &AddedSegment| Introduced {
            path: add.path.clone(),
            root: add.root.clone(),
            batches: add.batches,
            times: (add.min, add.max),
        };
        if body.kind == Kind::Append {
            self.0.insert(body.n, body.adds.iter().flatten().map(of).collect());
        }
    }

    /// The segments that entry `n` introduced.
    pub(super) fn of(&self, n: u64) -> Option<&[Introduced]> {
        self.0.get(&n).map(Vec::as_slice)
    }

    /// Which of them has this path.
    pub(super) fn index_of(&self, n: u64, path: &str) -> Option<u64> {
        let at = self.of(n)?.iter().position(|add| add.path == path)?;
        Some(at as u64)
    }
}

/// The place in the ledger where a batch was introduced: entry, segment, batch.
pub(super) type Place = (u64, u64, u64);

/// A batch of a live segment.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) place: Place,
    pub(super) root: Hash,
    /// How many records it had at first.
    pub(super) rows: u64,
    /// How many of its records are removed.
    pub(super) gone: u64,
    /// Range of `recorded_at`, if every row was read and none is removed.
    pub(super) recorded: Option<(i64, i64)>,
}

/// A batch whose entry was not read: an incremental verification looks it up.
#[derive(Debug)]
pub(super) struct Unproven {
    path: String,
    batch: BatchMeta,
    origin: Origin,
}

/// Whether a batch is the one that its origin names.
///
/// # Errors
/// What is wrong; nothing if it is not known what the entry added.
pub(super) fn prove(
    batch: &BatchMeta,
    origin: &Origin,
    appends: &Appends,
) -> Result<(), Option<&'static str>> {
    let adds = appends.of(origin.entry).ok_or(None)?;
    let at = usize::try_from(origin.add).unwrap_or(usize::MAX);
    let add = adds.get(at).ok_or(Some("its origin names no segment of that entry"))?;
    let file = add.path.rsplit('/').next().unwrap_or_default();
    let segment = file.strip_suffix(".parquet").unwrap_or_default();
    if batch.id != format!("{segment}:{}", origin.index) {
        return Err(Some("its id is not that of the batch that its origin names"));
    }
    let hash =
        |text: &str| -> Option<Hash> { HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok() };
    let leaf = hash(&batch.commitment)
        .zip(hash(&batch.root))
        .and_then(|(commitment, root)| batch_leaf(&commitment, &batch.id, &root, batch.rows).ok());
    let path: Option<Vec<Hash>> = origin.path.iter().map(|text| hash(text)).collect();
    let led = leaf.zip(path).zip(hash(&add.root));
    let holds = led.is_some_and(|((leaf, path), root)| {
        merkle::verify_inclusion(&leaf, origin.index, add.batches, &path, &root)
    });
    holds.then_some(()).ok_or(Some("its origin's path does not lead to the segment of that entry"))
}

impl Unproven {
    pub(super) fn new(path: &str, batch: &BatchMeta, origin: &Origin) -> Self {
        Self { path: path.to_owned(), batch: batch.clone(), origin: origin.clone() }
    }
}

/// Checks batches whose entries an incremental verification did not read: fetches these, which the
/// leaves of the ledger's tree pin.
pub(super) async fn check_unproven(
    run: &Run<'_>,
    unproven: &[Unproven],
    leaves: &[Hash],
    report: &mut Report,
) -> Result<()> {
    let mut appends = Appends::default();
    for Unproven { origin, .. } in unproven {
        let n = origin.entry;
        let leaf = usize::try_from(n).ok().and_then(|n| leaves.get(n));
        if appends.of(n).is_some() || leaf.is_none() {
            continue;
        }
        let bytes = match run.storage.get(&entry_path(n)).await {
            Ok(bytes) => bytes,
            Err(crate::Error::NotFound(_)) => continue,
            Err(e) => return Err(e),
        };
        let genuine = leaf == Some(&merkle::leaf_hash(&bytes));
        let entry = Entry::parse(&bytes).ok().filter(|_| genuine);
        entry.iter().filter(|entry| entry.body.n == n).for_each(|e| appends.note(&e.body));
    }
    for Unproven { path, batch, origin } in unproven {
        if let Err(what) = prove(batch, origin, &appends) {
            let what = what.unwrap_or("its origin names no `append` entry");
            report.findings.push(finding(path, &batch.id, what));
        }
    }
    Ok(())
}

pub(super) fn finding(path: &str, batch: &str, what: &str) -> Finding {
    let mut finding = Finding::tampered("origin", path, what);
    finding.batch = Some(batch.to_owned());
    finding
}

/// What tombstones together say that a batch lost.
#[derive(Debug)]
struct Lost {
    /// What the first of them says.
    first: GoneBatch,
    gone: u64,
}

impl Lost {
    fn root(&self) -> Option<Hash> {
        HEXLOWER.decode(self.first.root.as_bytes()).ok()?.try_into().ok()
    }
}

/// What tombstones say of batches.
#[derive(Debug, Default)]
pub(super) struct Gone {
    batches: BTreeMap<Place, Lost>,
    /// What they say that cannot be.
    findings: Vec<Finding>,
}

impl Gone {
    /// Notes what an entry deletes. `appends` has all `append` entries before it, unless
    /// `since`: an incremental verification has read the new ones only.
    pub(super) fn note(&mut self, body: &Body, appends: &Appends, since: bool) {
        for said in body.tombstone.iter().flat_map(|stone| &stone.batches) {
            let place = (said.entry, said.add, said.index);
            let none = || Lost { first: said.clone(), gone: 0 };
            let lost = self.batches.entry(place).or_insert_with(none);
            lost.gone = lost.gone.saturating_add(said.gone);
            let of_entry = appends.of(said.entry);
            let add = usize::try_from(said.add).ok().and_then(|at| of_entry?.get(at));
            let what = match add {
                _ if (&lost.first.root, lost.first.rows) != (&said.root, said.rows) => {
                    "an earlier tombstone says something else of it"
                }
                _ if lost.gone > said.rows => "it loses more records than it had",
                None if since && of_entry.is_none() => continue,
                Some(add) if said.index >= add.batches => "there is no such batch",
                None => "there is no such batch",
                Some(add) if said.min < add.times.0 || said.max > add.times.1 => {
                    "it has no records of the times that are said"
                }
                Some(_) => continue,
            };
            let message = format!("it deletes from {}: {what}", named(place));
            self.findings.push(Finding::tampered("tombstone", entry_path(body.n), message));
        }
    }

    /// What tombstones say that cannot be.
    pub(super) fn findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.findings)
    }

    /// Batches of which nothing is left.
    pub(super) fn whole(&self) -> impl Iterator<Item = Seen> {
        let whole = self.batches.iter().filter(|(_, lost)| lost.gone >= lost.first.rows);
        whole.filter_map(|(place, lost)| {
            let rows = lost.first.rows;
            Some(Seen { place: *place, root: lost.root()?, rows, gone: rows, recorded: None })
        })
    }

    /// Live batches that lost other records than tombstones say.
    pub(super) fn contradicted<'a>(
        &self,
        live: impl Iterator<Item = (&'a Seen, &'a str)>,
    ) -> Vec<Finding> {
        let told = |(seen, path): (&Seen, &str)| {
            let (gone, same) = match self.batches.get(&seen.place) {
                Some(lost) => {
                    (lost.gone, (lost.root(), lost.first.rows) == (Some(seen.root), seen.rows))
                }
                None => (0, true),
            };
            if gone == seen.gone && same {
                return None;
            }
            let message = format!(
                "{} lost {} records, and the tombstones tell of {gone}, or of another batch",
                named(seen.place),
                seen.gone
            );
            Some(Finding::tampered("tombstone", path, message))
        };
        live.filter_map(told).collect()
    }
}

fn named((entry, add, index): Place) -> String {
    format!("batch {index} of segment {add} of entry {entry}")
}

/// Where the batches of all live segments are.
#[derive(Debug, Default)]
pub(super) struct Whereabouts {
    batches: BTreeMap<Place, (Seen, String)>,
}

impl Whereabouts {
    /// Notes the batches of a live segment; one that another segment has too is a finding.
    pub(super) fn add(&mut self, path: &str, seen: Vec<Seen>, report: &mut Report) {
        for seen in seen {
            let place = seen.place;
            if let Some((_, before)) = self.batches.insert(place, (seen, path.to_owned())) {
                let message = format!("it holds {}, and so does {before}", named(place));
                report.findings.push(Finding::tampered("batch_twice", path, message));
            }
        }
    }

    /// Notes a batch of which nothing is left.
    pub(super) fn add_gone(&mut self, seen: Seen) {
        self.batches.entry(seen.place).or_insert((seen, String::new()));
    }

    /// The batches of live segments, each with its segment's path.
    pub(super) fn live(&self) -> impl Iterator<Item = (&Seen, &str)> {
        let all = self.batches.values().map(|(seen, path)| (seen, path.as_str()));
        all.filter(|(_, path)| !path.is_empty())
    }

    /// The batches that entry `n` introduced, in order; none of those that are nowhere.
    pub(super) fn of_entry(&self, n: u64) -> impl Iterator<Item = &Seen> {
        let range = (n, 0, 0)..=(n, u64::MAX, u64::MAX);
        self.batches.range(range).map(|(_, (seen, _))| seen)
    }

    /// Finds the batches of an entry that no live segment holds and no tombstone names.
    pub(super) fn missing(&self, n: u64, adds: &[Introduced]) -> Vec<Finding> {
        let mut found = Vec::new();
        for (at, add) in (0..).zip(adds) {
            if add.batches > MAX_BATCHES as u64 {
                let message = "the ledger says that it has more batches than any segment can have";
                found.push(Finding::tampered("batches", &add.path, message));
                continue;
            }
            let absent = |&index: &u64| !self.batches.contains_key(&(n, at, index));
            let absent: Vec<u64> = (0..add.batches).filter(absent).collect();
            if let (Some(first), count) = (absent.first(), absent.len()) {
                let message = format!(
                    "{count} of its {} batches, the first of them batch {first}, are in no live \
                     segment, and no tombstone tells why (entry {n} introduced them)",
                    add.batches
                );
                found.push(Finding::missing("batch_missing", &add.path, message));
            }
        }
        found
    }
}
