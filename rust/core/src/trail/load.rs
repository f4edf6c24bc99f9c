//! Bulk loads: many lines at once, past the log, acknowledged when their entry is committed.

mod lines;
mod restamp;

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::Trail;
use super::commit::{Committer, demand_committed};
use super::encrypted;
use super::now_micros;
use super::plan::Ends;
use super::seen::{Known, Seen};
use super::writer::Writer;
use crate::ledger::WalRange;
use crate::record::{Checker, Facts, Rules, StampRange, Strictness};
use crate::segment::{Row, new_uuid};
use crate::{Error, Result};
use lines::{Chunk, LineReader};

/// Canonical bytes of one entry's records: bounds the memory of a load.
const PART_BYTES: usize = 192 << 20;
/// Refused lines that a report names; the others are counted.
const MAX_PROBLEMS: usize = 10_000;

/// How to load.
#[derive(Clone, Default)]
pub struct LoadOptions {
    /// What to do with events that the catalogue finds fault with.
    pub strictness: Strictness,
    /// The events are another program's: this host's `identity` is not added to them.
    pub imported: bool,
    /// What errors call the input: the path of a file. `input` if empty.
    pub name: String,
    /// Told after each chunk of lines.
    pub progress: Option<Arc<dyn Fn(LoadProgress) + Send + Sync>>,
    /// Set it to stop; what is committed by then stays.
    pub cancel: Arc<AtomicBool>,
    /// The process records nothing after this load, which its last entry says; the trail is to be
    /// closed then.
    pub last: bool,
}

impl std::fmt::Debug for LoadOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoadOptions").field("strictness", &self.strictness).finish_non_exhaustive()
    }
}

/// How far a load has come.
#[derive(Debug, Clone, Copy, Default)]
pub struct LoadProgress {
    /// Bytes of the input, after decompression.
    pub bytes: u64,
    /// Lines.
    pub lines: u64,
    /// Records committed.
    pub committed: u64,
}

/// A line that was not recorded.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RefusedLine {
    /// 1-based.
    pub line: u64,
    /// Dotted path of the field, empty for the whole line.
    pub path: String,
    /// Stable code.
    pub reason: String,
    /// What is wrong.
    pub message: String,
}

/// What a load did.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct LoadReport {
    /// Lines that were not blank.
    pub lines: u64,
    /// New records, all committed.
    pub recorded: u64,
    /// Lines whose id and content were recorded before.
    pub repeated: u64,
    /// Lines that were refused.
    pub refused: u64,
    /// The first 10,000 of them.
    pub problems: Vec<RefusedLine>,
}

/// A record on its way to a part.
struct Item {
    chunk: usize,
    from: usize,
    to: usize,
    line: u64,
    recorded_at: i64,
    facts: Facts,
}

/// The records of one entry.
#[derive(Default)]
struct Part {
    arenas: Vec<Vec<u8>>,
    items: Vec<Item>,
    bytes: usize,
}

impl Trail {
    /// Records every line of a JSONL text (plain, gzip or zstd) and commits them. Good lines are
    /// kept whatever the others are like.
    ///
    /// # Errors
    /// `Io` if the input cannot be read to its end (whole lines before that place are committed)
    /// or the trail not written, `Interrupted` if cancelled; entries that were committed before
    /// stay.
    pub async fn load(
        &self,
        input: Box<dyn Read + Send>,
        options: &LoadOptions,
    ) -> Result<LoadReport> {
        let writer = self.writer().await?;
        // What an earlier load left open decides which lines of this one are repetitions.
        if writer.committer.lock().await.unsettled.is_some() {
            writer.flush().await?;
        }
        let name = if options.name.is_empty() { "input" } else { &options.name };
        let mut reader = LineReader::new(name, input, &writer.rules)?;
        let mut load = Load::new(&writer, options)?;
        while let Some(chunk) = reader.next_chunk() {
            if options.cancel.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            load.progress.bytes = reader.bytes();
            load.take(&chunk);
            if load.part.bytes >= PART_BYTES {
                load.commit(Ends::NOTHING).await?;
            }
        }
        load.commit(Ends { run: options.last, ..Ends::NOTHING }).await?;
        match reader.failure() {
            Some(error) => Err(error),
            None => Ok(load.report),
        }
    }
}

struct Load<'a> {
    writer: &'a Arc<Writer>,
    rules: Rules,
    options: &'a LoadOptions,
    id: String,
    part: Part,
    report: LoadReport,
    progress: LoadProgress,
}

impl<'a> Load<'a> {
    fn new(writer: &'a Arc<Writer>, options: &'a LoadOptions) -> Result<Self> {
        let mut rules = writer.rules.clone();
        if options.imported {
            rules.defaults.clear();
        }
        Ok(Self {
            writer,
            rules,
            options,
            id: new_uuid()?,
            part: Part::default(),
            report: LoadReport::default(),
            progress: LoadProgress::default(),
        })
    }

    fn refuse(&mut self, line: u64, error: &Error) {
        self.report.refused += 1;
        if self.report.problems.len() < MAX_PROBLEMS {
            let (path, reason) = match error {
                Error::InvalidEvent { path, reason, .. } => (path.clone(), (*reason).to_owned()),
                other => ("audit_id".to_owned(), other.kind().to_owned()),
            };
            let message = match error {
                Error::InvalidEvent { message, .. } => message.clone(),
                other => other.to_string(),
            };
            self.report.problems.push(RefusedLine { line, path, reason, message });
        }
    }

    /// Checks and stamps a chunk's lines on all cores, and adds the good ones to the part.
    fn take(&mut self, chunk: &Chunk) {
        let stamps = self.writer.intake().ids.reserve(chunk.len() as u64, now_micros());
        let pieces: Vec<_> = chunk.pieces(rayon::current_num_threads() * 2).collect();
        let done: Vec<_> = pieces
            .into_par_iter()
            .map(|range| check_lines(chunk, range, stamps, &self.rules, self.options))
            .collect();
        for (arena, results) in done {
            let at = self.part.arenas.len();
            self.part.bytes += arena.len();
            self.part.arenas.push(arena);
            for (line, result) in results {
                self.report.lines += 1;
                match result {
                    Ok(item) => self.keep(Item { chunk: at, ..item }),
                    Err(e) => self.refuse(line, &e),
                }
            }
        }
        for line in chunk.too_long() {
            self.report.lines += 1;
            let max = self.writer.rules.limits.max_bytes;
            let message = format!("the line is too long for a record of at most {max} bytes");
            self.refuse(*line, &Error::event("too_large", "", message));
        }
        self.progress.lines = self.report.lines;
        self.tell();
    }

    fn keep(&mut self, item: Item) {
        if let Some(content) = item.facts.content {
            let mut intake = self.writer.intake();
            match intake.seen.lookup(&item.facts.audit_id, &content) {
                Known::New => {
                    intake.seen.insert(&item.facts.audit_id, content, item.recorded_at, 0);
                }
                Known::Same(_) => {
                    self.report.repeated += 1;
                    return;
                }
                Known::Other => {
                    drop(intake);
                    let audit_id = item.facts.audit_id;
                    self.refuse(item.line, &Error::Conflict { audit_id });
                    return;
                }
            }
        }
        self.part.items.push(item);
    }

    async fn commit(&mut self, ends: Ends) -> Result<()> {
        let mut part = std::mem::take(&mut self.part);
        if part.items.is_empty() {
            return Ok(());
        }
        self.writer.commit_part(&mut part, &self.id, ends).await?;
        self.report.recorded += part.items.len() as u64;
        self.progress.committed = self.report.recorded;
        self.tell();
        Ok(())
    }

    fn tell(&self) {
        if let Some(progress) = &self.options.progress {
            progress(self.progress);
        }
    }
}

type Checked = (Vec<u8>, Vec<(u64, Result<Item>)>);

fn check_lines(
    chunk: &Chunk,
    range: std::ops::Range<usize>,
    stamps: StampRange,
    rules: &Rules,
    options: &LoadOptions,
) -> Checked {
    let mut checker = Checker::default();
    let mut arena = Vec::with_capacity(chunk.bytes_of(&range) + range.len() * 160);
    let mut results = Vec::with_capacity(range.len());
    for index in range {
        let (line, text) = chunk.line(index);
        let stamp = stamps.get(index as u64);
        let from = arena.len();
        let result = checker.check(text, rules, options.strictness).and_then(|mut checked| {
            checked.find_subject_waiting(rules)?;
            let content = checked.given(rules).map(|(_, content)| content);
            let facts = checked.stamp(&stamp, rules, content, &mut arena)?;
            let to = arena.len();
            Ok(Item { chunk: 0, from, to, line, recorded_at: stamp.recorded_at, facts })
        });
        results.push((line, result));
    }
    (arena, results)
}

impl Writer {
    /// Commits a part as one entry, after everything that is in the log.
    async fn commit_part(&self, part: &mut Part, load: &str, ends: Ends) -> Result<()> {
        let mut committer = self.committer.lock().await;
        if self.is_closed() {
            return Err(Error::Poisoned("the trail was closed".to_owned()));
        }
        let result = self.put_part(&mut committer, part, load, ends).await;
        let open = committer.unsettled.as_ref();
        let open = open.is_some_and(|plan| plan.body.load.as_deref() == Some(load));
        // An entry that may be in the ledger keeps its ids known.
        if result.is_err() && !open {
            let mut intake = self.intake();
            for item in part.items.iter().filter(|i| i.facts.content.is_some()) {
                intake.seen.forget(&item.facts.audit_id);
            }
            drop(intake);
            Seen::discard(&committer.dir)?;
        }
        result
    }

    async fn put_part(
        &self,
        c: &mut Committer,
        part: &mut Part,
        load: &str,
        ends: Ends,
    ) -> Result<()> {
        if self.is_over(c) {
            self.close_epoch(c, Ends::NOTHING).await?;
        }
        // Its lines were read while other records were committed: within an epoch that is no
        // matter, but nothing may be dated back into one that is closed.
        let epoch = self.info.epoch_start(c.keys.epoch());
        if part.first_recorded() < epoch {
            let count = part.items.len() as u64;
            let stamps = self.intake().ids.reserve(count, now_micros().max(epoch));
            part.restamp(stamps, self.rules.sealer.as_deref())?;
        }
        let sealing = encrypted::sealing(&self.settings).await?;
        let rows = part
            .items
            .iter()
            .map(|item| Row {
                record: &part.arenas[item.chunk][item.from..item.to],
                timestamp: item.facts.timestamp,
                audit_id: &item.facts.audit_id,
                domain: item.facts.domain,
            })
            .collect();
        let last = part.items.iter().map(|item| item.recorded_at).max();
        let recorded = (part.first_recorded(), last.unwrap_or(0));
        let built = self.build(c, rows, recorded, sealing)?;
        self.put_segments(c, &built).await?;
        // Single records wait meanwhile, so that their numbers follow the part's.
        self.intake().closing = true;
        self.intake().closed |= ends.run;
        let result = async {
            self.flush_pending(c, Ends::NOTHING).await?;
            let given = part.items.iter().filter_map(|item| {
                Some((item.facts.audit_id.as_str(), item.facts.content?, item.recorded_at))
            });
            self.intake().seen.prepare(given, now_micros())?;
            let from = c.committed + 1;
            let wal = WalRange { from, to: from + built.rows - 1 };
            let plan = c.append_plan(built, Some(wal), Some(load.to_owned()), ends);
            demand_committed(c.commit(plan).await?)?;
            self.let_go(c)
        }
        .await;
        self.intake().closing = self.is_shut(c);
        result
    }
}

#[cfg(test)]
mod tests;
