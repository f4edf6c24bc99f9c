//! Checking exported records against their salts and proofs.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::{BufRead, BufReader, Read};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::differ;
use super::package::{Member, Reader};
use super::part::{Packed, Part, PartBatch, Shared, mark};
use super::report::Findings;
use crate::json::{self, Limits};
use crate::ledger::{AddedSegment, Entry, Kind as EntryKind};
use crate::merkle::{self, Hash};
use crate::note::Checkpoint;
use crate::proof::{Chain, Evidence, Kind, demand_version, parse, unhex};
use crate::segment::{MAX_BATCH_ROWS, batch_leaf};
use crate::{Error, Result};

/// Longest line of records and of proofs.
const MOST_BYTES: u64 = 1 << 28;
const RECORD_LIMITS: Limits = Limits { max_bytes: usize::MAX, max_depth: 64 };

/// What was found of a file of records and of the file of their proofs.
#[derive(Debug, Default)]
pub(super) struct Checked {
    pub(super) proven: u64,
    /// Records by event type.
    pub(super) counts: BTreeMap<String, u64>,
    /// What the proofs rest on.
    pub(super) checkpoint: Option<Checkpoint>,
    pub(super) of_records: Findings,
    pub(super) of_proofs: Findings,
}

/// Checks that every line of `records` is a record of the trail whose owner has this key, and that
/// all lines that were exported are there, in order.
pub(super) fn check(records: &Member, proofs: &Member, vkey: &str) -> Result<Checked> {
    let mut checked = Checked::default();
    let found = Ground::read(proofs, vkey).and_then(|ground| {
        checked.checkpoint = Some(ground.checkpoint.clone());
        ground.check(records, proofs, &mut checked)
    });
    match found {
        Ok(true) => {}
        Ok(false) => name_differences(records, proofs, &mut checked)?,
        Err(Error::Integrity { place, message }) => {
            checked.of_proofs.add(None, format!("{place}: {message}"));
            // Whatever else is wrong: the lines that differ can be named even so.
            let named = name_differences(records, proofs, &mut checked);
            if let Err(e) = named
                && !matches!(e, Error::Integrity { .. })
            {
                return Err(e);
            }
        }
        Err(e) => return Err(e),
    }
    Ok(checked)
}

/// The lines of a file, without their ends.
pub(super) struct Lines {
    reader: BufReader<Reader>,
    name: &'static str,
    pub(super) number: u64,
}

impl Lines {
    pub(super) fn of(member: &Member, name: &'static str) -> Self {
        Self { reader: BufReader::with_capacity(1 << 18, member.reader()), name, number: 0 }
    }

    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let mut limited = (&mut self.reader).take(MOST_BYTES);
        let count = limited.read_until(b'\n', &mut line).map_err(|e| Error::io(self.name, e))?;
        if count == 0 {
            return Ok(None);
        }
        self.number += 1;
        if line.pop() == Some(b'\n') {
            return Ok(Some(line));
        }
        let message = "it does not end with a line break, or is far too long";
        Err(Error::integrity(self.place(), message))
    }

    fn place(&self) -> String {
        format!("line {}", self.number)
    }
}

/// What the proofs rest on.
struct Ground {
    checkpoint: Checkpoint,
    records: u64,
    /// The segments that the entries add.
    adds: BTreeMap<u64, Vec<AddedSegment>>,
}

impl Ground {
    /// Reads and checks the last line of the proofs.
    fn read(proofs: &Member, vkey: &str) -> Result<Self> {
        let (mut lines, mut last) = (Lines::of(proofs, "proofs"), None);
        while let Some(line) = lines.next()? {
            last = Some(line);
        }
        let last = last.ok_or_else(|| Error::integrity("proofs", "there are none"))?;
        let shared: Shared = parse(&last).map_err(|e| at(lines.number, e))?;
        demand_version(shared.v)?;
        if shared.kind != Kind::Records {
            return Err(Error::integrity("proofs", "they are no proofs of records"));
        }
        let parsed = shared.entries.iter().map(|item| {
            let appends = Entry::parse(item.bytes.as_bytes())
                .is_ok_and(|entry| entry.body.kind == EntryKind::Append);
            appends.then_some(item.n)
        });
        let subjects: Vec<u64> = parsed.flatten().collect();
        let evidence = Evidence {
            checkpoint: &shared.checkpoint,
            entries: &shared.entries,
            signers: &shared.signers,
            subjects: &subjects,
        };
        let Chain { checkpoint, subjects, .. } = Chain::check(&evidence, vkey)?;
        let adds = subjects.into_iter().map(|entry| entry.body);
        let adds = adds.map(|body| (body.n, body.adds.unwrap_or_default())).collect();
        Ok(Self { checkpoint, records: shared.records, adds })
    }

    /// Checks all records; `false` if some line is not the one that was exported.
    fn check(&self, records: &Member, proofs: &Member, checked: &mut Checked) -> Result<bool> {
        let (mut parts, mut lines) = (Lines::of(proofs, "proofs"), Lines::of(records, "records"));
        let (mut seen, mut used) = (HashSet::new(), BTreeSet::new());
        let mut from = 0;
        while let Some(line) = parts.next()? {
            if from == self.records && is_last(&line) {
                if parts.next()?.is_some() {
                    return Err(Error::integrity("proofs", "lines follow the last one"));
                }
                break;
            }
            let part: Part = parse(&line).map_err(|e| at(parts.number, e))?;
            let number = parts.number;
            let batches = self.open(&part, from, &mut seen).map_err(|e| at(number, e))?;
            used.extend(part.batches.iter().map(|batch| batch.entry));
            from += part.records;
            match check_part(&part, batches, &mut lines, checked) {
                Ok(true) => checked.proven += part.records,
                Ok(false) => return Ok(false),
                Err(Error::Integrity { message, .. }) => {
                    let first = part.from + 1;
                    let what = format!("lines {first} to {from}: {message}");
                    checked.of_records.add(None, what);
                }
                Err(e) => return Err(e),
            }
        }
        if from != self.records {
            return Err(Error::integrity("proofs", "they are of fewer records than they say"));
        }
        if used.len() != self.adds.len() {
            return Err(Error::integrity("proofs", "they hold entries that they do not need"));
        }
        match lines.next() {
            Ok(None) => Ok(true),
            Ok(Some(_)) | Err(Error::Integrity { .. }) => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Checks that the batches of a part are those of the ledger, and prepares for their records.
    fn open<'a>(
        &self,
        part: &'a Part,
        from: u64,
        seen: &mut HashSet<(u64, u64, u64)>,
    ) -> Result<Vec<Open<'a>>> {
        let wrong = |what: &str| Err(Error::integrity("proofs", what));
        if part.from != from || part.marks.0.len() as u64 != part.records || part.records == 0 {
            return wrong("it does not go on where the one before ended");
        }
        let mut open = Vec::with_capacity(part.batches.len());
        let mut total = 0;
        for batch in &part.batches {
            let adds = self.adds.get(&batch.entry);
            let at = usize::try_from(batch.add).ok();
            let Some(add) = adds.zip(at).and_then(|(adds, at)| adds.get(at)) else {
                return wrong("a batch is of no segment that an entry adds");
            };
            if !seen.insert((batch.entry, batch.add, batch.index)) {
                return wrong("a batch comes twice");
            }
            total += demand_batch(batch, add, part.records)?;
            open.push(Open::new(batch));
        }
        if total != part.records { wrong("lines are missing") } else { Ok(open) }
    }
}

/// What the error says, and on which line of the proofs it was found.
fn at(number: u64, error: Error) -> Error {
    match error {
        Error::Integrity { place, message } => {
            Error::integrity(format!("line {number}: {place}"), message)
        }
        other => other,
    }
}

fn is_last(line: &[u8]) -> bool {
    line.starts_with(b"{\"checkpoint\":")
}

/// Checks one batch's description; gives the number of its records that are here.
fn demand_batch(batch: &PartBatch, add: &AddedSegment, records: u64) -> Result<u64> {
    let wrong = |what: &str| Err(Error::integrity("batch", what));
    let leaf = batch_leaf(&batch.commitment.0, &batch.id, &batch.root.0, batch.rows)?;
    let root: Option<Hash> =
        HEXLOWER.decode(add.root.as_bytes()).ok().and_then(|root| root.try_into().ok());
    let leads = root.is_some_and(|root| {
        merkle::verify_inclusion(&leaf, batch.index, add.batches, &unhex(&batch.path), &root)
    });
    if !leads || batch.rows > MAX_BATCH_ROWS as u64 {
        return wrong("its path does not lead to the root of the segment in the entry");
    }
    let count = batch.positions.checked(batch.rows).filter(|count| *count > 0);
    if count.is_none() || batch.lines.checked(records) != count {
        return wrong("its positions or lines are none");
    }
    let count = count.unwrap_or_default();
    let salted = match (&batch.salt, &batch.salts) {
        (Some(Packed(salt)), None) => {
            let digest = salt.first().map(|salt| Hash::from(Sha256::digest(salt)));
            count == batch.rows && salt.len() == 1 && digest == Some(batch.commitment.0)
        }
        (None, Some(Packed(salts))) => count < batch.rows && salts.len() as u64 == count,
        _ => false,
    };
    if salted { Ok(count) } else { wrong("its salts are not those of its records") }
}

/// A batch whose records are being read.
struct Open<'a> {
    batch: &'a PartBatch,
    positions: Box<dyn Iterator<Item = u64> + 'a>,
    leaves: Vec<(u64, Hash)>,
}

impl<'a> Open<'a> {
    fn new(batch: &'a PartBatch) -> Self {
        Self { batch, positions: Box::new(batch.positions.iter()), leaves: Vec::new() }
    }

    /// Takes in its next record.
    fn push(&mut self, record: &[u8]) -> Option<()> {
        let position = self.positions.next()?;
        let salt = match (&self.batch.salt, &self.batch.salts) {
            (Some(Packed(salt)), _) => merkle::batch_salt_at(salt.first()?, position),
            (None, Some(Packed(salts))) => *salts.get(self.leaves.len())?,
            (None, None) => return None,
        };
        self.leaves.push((position, merkle::record_leaf(&salt, record)));
        Some(())
    }

    fn holds(&self) -> bool {
        let Packed(proof) = &self.batch.proof;
        let root = merkle::root_of_multi(self.batch.rows, &self.leaves, proof);
        root == Some(self.batch.root.0)
    }
}

/// Checks the records of a part; `false` if a line is not the one that was exported.
fn check_part(
    part: &Part,
    mut batches: Vec<Open<'_>>,
    lines: &mut Lines,
    checked: &mut Checked,
) -> Result<bool> {
    let nobody = u32::MAX;
    let mut batch_of = vec![nobody; part.marks.0.len()];
    for (number, open) in (0..).zip(&batches) {
        for line in open.batch.lines.iter() {
            let slot = usize::try_from(line).ok().and_then(|line| batch_of.get_mut(line));
            match slot {
                Some(slot) if *slot == nobody => *slot = number,
                _ => return Err(Error::integrity("batch", "a line is of two batches")),
            }
        }
    }
    for (mark_then, number) in part.marks.0.iter().zip(batch_of) {
        let line = match lines.next() {
            Ok(Some(line)) => line,
            Ok(None) | Err(Error::Integrity { .. }) => return Ok(false),
            Err(e) => return Err(e),
        };
        if mark(&line) != *mark_then {
            return Ok(false);
        }
        if !json::is_canonical(&line, RECORD_LIMITS) {
            return Err(Error::integrity("record", "one is not canonical JSON"));
        }
        let name = json::get(&line, &["event_type"]).and_then(json::string_value);
        *checked.counts.entry(name.unwrap_or_default().into_owned()).or_default() += 1;
        let open = usize::try_from(number).ok().and_then(|number| batches.get_mut(number));
        if open.and_then(|open| open.push(&line)).is_none() {
            return Err(Error::integrity("batch", "a line is of no batch"));
        }
    }
    if batches.iter().all(Open::holds) {
        return Ok(true);
    }
    Err(Error::integrity("batch", "they do not lead to the roots of their batches"))
}

/// Names the lines of the records that are not those that were exported, by their marks.
fn name_differences(records: &Member, proofs: &Member, checked: &mut Checked) -> Result<()> {
    let mut was = Vec::new();
    let mut parts = Lines::of(proofs, "proofs");
    while let Some(line) = parts.next()? {
        if !is_last(&line) {
            let part: Part = parse(&line).map_err(|e| at(parts.number, e))?;
            was.extend(part.marks.0);
        }
    }
    let mut is = Vec::new();
    let mut lines = Lines::of(records, "records");
    loop {
        match lines.next() {
            Ok(Some(line)) => is.push(mark(&line)),
            Ok(None) => break,
            Err(Error::Integrity { message, .. }) => {
                checked.of_records.add(Some(lines.number), message);
                break;
            }
            Err(e) => return Err(e),
        }
    }
    differ::name(&was, &is, &mut checked.of_records);
    Ok(())
}
