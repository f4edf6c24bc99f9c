//! Segments of one partition into one: the same rows, batches and leaves in another file.
//!
//! Rows stream from the inputs, merged by time, id and content, into row groups; what is held in
//! memory is some thousand rows of each input whose times overlap, and the row group in the making.
//! Columns are copied as they are; only what moves between a column and the rest is put together
//! and taken apart anew. Afterwards every batch root is recomputed from the written bytes.

mod check;
mod columns;
mod cut;
mod gather;
mod order;
pub(in crate::segment) mod output;
mod rows;

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::build::{Signer, new_uuid};
use super::meta::{BatchMeta, Origin, SegmentColumn, SegmentMeta, batch_list_leaves};
use super::read::{Keys, SegmentFile};
use super::write::{Effort, TEXT_STATISTICS};
use crate::columns::{LogicalColumn, REST, Registry, fixed};
use crate::encryption::Sealing;
use crate::ledger::{AddedSegment, Bounds};
use crate::merkle;
use crate::record::SCHEMA_VERSION;
use crate::segment::gone::Gone;
use crate::storage::durable::Unfinished;
use crate::{Error, Result};
pub(crate) use check::read_back;
use columns::Mapping;
pub(in crate::segment) use columns::arrow_type;
pub(crate) use cut::Cut;
use gather::Chunk;
use order::Merging;
use output::{Output, Written};

/// Most batches of a segment.
pub(crate) const MAX_BATCHES: usize = 65_536;
/// Most rows that are encoded at a time, and about how many bytes.
const CHUNK_ROWS: usize = 32_768;
const CHUNK_BYTES: usize = 64 << 20;
/// Most rows that are read of an input at a time.
const READ_ROWS: usize = 8192;

/// zstd level of merged segments, unless told otherwise.
pub(crate) const ZSTD_LEVEL: i32 = 9;
/// So much more for texts, where a longer search pays.
const TEXT_LEVELS: i32 = 3;
const HIGHEST_LEVEL: i32 = 22;

/// Old data is read often and written once.
const COMPACTION: Effort = Effort {
    level: ZSTD_LEVEL,
    text_level: ZSTD_LEVEL + TEXT_LEVELS,
    group_rows: 131_072,
    dictionary_bytes: 4 << 20,
    page_rows: 32_768,
    page_bytes: 4 << 20,
    tries: true,
    blooms: true,
};

/// A segment that is to be merged.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    pub(crate) file: SegmentFile,
    /// What the ledger says of it.
    pub(crate) added: &'a AddedSegment,
    /// The entry that added it, and which of its segments it is; needed where that entry
    /// introduced batches.
    pub(crate) place: Option<(u64, u64)>,
    /// What is left of it, where some of its rows are removed.
    cut: Option<Cut>,
    /// Earliest time.
    min: i64,
}

impl<'a> Input<'a> {
    /// # Errors
    /// `Integrity` if the file is not the segment that the ledger names.
    pub(crate) fn new(
        file: SegmentFile,
        added: &'a AddedSegment,
        place: Option<(u64, u64)>,
    ) -> Result<Self> {
        let root = merkle::root(&batch_list_leaves(&file.meta().batches)?);
        // The Parquet library does not promise to survive every damage.
        // Of compressed lines this is the file that was made of them, once their hash was checked.
        let genuine = added.is_jsonl() || file.digest()? == added.sha256;
        let fits = genuine
            && data_encoding::HEXLOWER.encode(&root) == added.root
            && file.meta().rows == added.rows
            && file.parquet().file_metadata().num_rows().try_into() == Ok(added.rows);
        if !fits {
            let message = "it is not the segment that the ledger names; nothing was changed";
            return Err(Error::integrity(&added.path, message));
        }
        Ok(Self { min: added.min, file, added, place, cut: None })
    }

    /// The same without the rows that are cut.
    pub(crate) fn without(self, cut: Cut) -> Self {
        Self { cut: Some(cut), ..self }
    }

    /// Number of its rows that go into the merged segment.
    fn rows(&self) -> u64 {
        self.added.rows - self.cut.as_ref().map_or(0, |cut| cut.removed)
    }

    /// How many of its batches have rows left.
    fn batches_left(&self) -> u16 {
        let all = self.file.meta().batches.len();
        // No more than fit into one segment.
        self.cut.as_ref().map_or(all, Cut::batches_left) as u16
    }

    /// Those of its batches that have rows left, each with its origin.
    fn batches(&self) -> Result<Vec<BatchMeta>> {
        let batches = self.all_batches()?;
        Ok(match &self.cut {
            Some(cut) => cut.batches(batches),
            None => batches,
        })
    }

    fn all_batches(&self) -> Result<Vec<BatchMeta>> {
        let mut batches = self.file.meta().batches.clone();
        if batches.iter().all(|batch| batch.origin.is_some()) {
            return Ok(batches);
        }
        let unknown = || Error::integrity(&self.added.path, "no entry is known that added it");
        let (entry, add) = self.place.ok_or_else(unknown)?;
        let leaves = batch_list_leaves(&batches)?;
        let all: Vec<usize> = (0..leaves.len()).collect();
        let paths = merkle::inclusion_proofs(&leaves, &all).unwrap_or_default();
        for ((index, batch), path) in (0..).zip(&mut batches).zip(paths) {
            let path = path.iter().map(|hash| data_encoding::HEXLOWER.encode(hash)).collect();
            batch.origin.get_or_insert(Origin { add, entry, index, path });
        }
        Ok(batches)
    }

    fn has_column(&self, name: &str) -> bool {
        let schema = self.file.parquet().file_metadata().schema_descr();
        schema.columns().iter().any(|column| column.name() == name)
    }

    /// Whether its ids ascend with its rows: then flushing gave them no bloom filter.
    fn ids_ascend(&self) -> bool {
        let columns = self.file.meta().columns.iter();
        let at = columns.map(|c| c.name.as_str()).position(|name| name == "audit_id");
        let filter = |at: usize| {
            let groups = self.file.parquet().row_groups().iter();
            groups.map(move |g| g.column(at + 1).bloom_filter_offset()).any(|o| o.is_some())
        };
        at.is_some_and(|at| !filter(at))
    }
}

/// Where to write, and whom to tell.
pub(crate) struct Target<'a> {
    /// Folder of the unfinished file.
    pub(crate) folder: &'a Path,
    /// Whose file it is.
    pub(crate) tag: &'a str,
    /// zstd level; more takes more time.
    pub(crate) level: i32,
    /// What opens the new file again, if it is encrypted.
    pub(crate) keys: Keys<'a>,
    /// Told of rows that were written, then of rows that were checked; an error stops the merge.
    pub(crate) watch: &'a (dyn Fn(u64) -> Result<()> + Sync),
}

/// What of the new segment is known before its rows.
pub(in crate::segment) struct Kept<'a> {
    pub(in crate::segment) columns: &'a [LogicalColumn],
    /// Its id.
    pub(in crate::segment) segment: &'a str,
    pub(in crate::segment) sealing: Option<&'a Sealing>,
}

impl<'a> Kept<'a> {
    /// That of a file that is not encrypted.
    pub(in crate::segment) fn plain(columns: &'a [LogicalColumn]) -> Self {
        Self { columns, segment: "", sealing: None }
    }
}

/// A merged segment, verified but without its name.
#[derive(Debug)]
pub(crate) struct Merged {
    /// How the ledger will name it.
    pub(crate) added: AddedSegment,
    /// The columns that it promotes.
    pub(crate) columns: Vec<LogicalColumn>,
    /// The file.
    pub(crate) file: Unfinished,
    /// What its sidecar says of removed rows.
    pub(crate) gone: Gone,
}

/// Merges segments of one partition; with one input, writes it anew. `registry` learns the columns
/// that the new segment promotes.
///
/// # Errors
/// `Usage` if they are not of one partition or have too many batches; `Integrity` if an input is
/// unreadable or is not what was signed; `Io`; what `watch` says.
pub(crate) fn merge(
    inputs: &mut [Input<'_>],
    signer: &Signer<'_>,
    registry: &mut Registry,
    target: &Target<'_>,
) -> Result<Merged> {
    inputs.sort_by(|a, b| (a.min, &a.added.path).cmp(&(b.min, &b.added.path)));
    demand_one_partition(inputs, signer)?;
    let columns = columns::choose(inputs, registry)?;
    let drops = |input: &Input<'_>| !Mapping::of(input, &columns).dropped.is_empty();
    let mut with_rest = inputs.iter().any(|input| input.has_column(REST) || drops(input));
    let mut meta = describe(inputs, signer)?;
    let sealing = sealing(inputs, signer)?;
    let kept = Kept { columns: &columns, segment: &meta.segment.clone(), sealing };
    let written = loop {
        let file = Unfinished::create(target.folder, target.tag)?;
        let (output, misfits) = write(inputs, &kept, with_rest, file, target)?;
        let described = columns.iter().zip(misfits).map(|(column, misfits)| SegmentColumn {
            misfits,
            name: column.name.clone(),
            path: column.path.clone(),
            kind: column.kind,
        });
        meta.columns = described.collect();
        let (description, seal) = meta.sealed(signer.hmac)?;
        let written = output.finish(description, seal)?;
        if written.any_rest == with_rest {
            break written;
        }
        // Everything moved into columns: a file without rest has no such column.
        with_rest = false;
    };
    let gone = gone_of(inputs);
    let path = path_of(&meta, signer);
    let file = SegmentFile::open_file(&path, written.file.path(), target.keys)?;
    read_back(&meta, &file, &gone, target.watch)?;
    let key = sealing.map(|sealing| sealing.generation().to_owned());
    let rows = inputs.iter().map(Input::rows).sum();
    Ok(Merged { gone, ..named(meta, written, rows, (path, key)) })
}

/// What is known of removed rows, by the batches' ordinals in the merged segment.
fn gone_of(inputs: &[Input<'_>]) -> Gone {
    let (mut gone, mut first) = (Gone::default(), 0_u16);
    for input in inputs {
        for (ordinal, batch) in input.cut.iter().flat_map(|cut| &cut.gone.batches) {
            gone.batches.insert(ordinal.wrapping_add(first), batch.clone());
        }
        first = first.wrapping_add(input.batches_left());
    }
    gone
}

/// What the new segment is encrypted with: all are to be, or an input is, some of whose records
/// must not stand in the clear.
fn sealing<'a>(inputs: &[Input<'_>], signer: &'a Signer<'_>) -> Result<Option<&'a Sealing>> {
    let sealed = inputs.iter().find(|input| input.added.key.is_some());
    match (&signer.sealing, sealed) {
        (Some(sealing), Some(_)) => Ok(Some(sealing)),
        (Some(sealing), None) => Ok(Some(sealing).filter(|sealing| sealing.all())),
        (None, None) => Ok(None),
        (None, Some(input)) => Err(Error::Key(format!(
            "{}: it is encrypted, and what replaces it must be: set `encryption.key`, or give the \
             master key",
            input.added.path
        ))),
    }
}

fn path_of(meta: &SegmentMeta, signer: &Signer<'_>) -> String {
    let folder = if signer.by_day { "day" } else { "month" };
    let SegmentMeta { domain, period, segment, .. } = meta;
    format!("segments/domain={domain}/{folder}={period}/{segment}.parquet")
}

fn named(
    meta: SegmentMeta,
    mut written: Written,
    rows: u64,
    (path, key): (String, Option<String>),
) -> Merged {
    let root = batch_list_leaves(&meta.batches).map(|leaves| merkle::root(&leaves));
    if key.is_some() {
        TEXT_STATISTICS.iter().for_each(|name| drop(written.stats.remove(name)));
    }
    let added = AddedSegment {
        archive: None,
        batches: meta.batches.len() as u64,
        bytes: written.bytes,
        format: None,
        gone: None,
        key,
        max: written.times.1,
        min: written.times.0,
        path,
        root: data_encoding::HEXLOWER.encode(&root.unwrap_or_default()),
        rows,
        sha256: written.sha256,
        stats: written.stats,
    };
    let promoted = |column: &SegmentColumn| fixed().iter().all(|f| f.name != column.name);
    let columns = meta.columns.iter().filter(|c| promoted(c)).map(SegmentColumn::logical).collect();
    Merged { added, columns, file: written.file, gone: Gone::default() }
}

fn demand_one_partition(inputs: &[Input<'_>], signer: &Signer<'_>) -> Result<()> {
    let Some(first) = inputs.first() else {
        return Err(Error::Usage("there is nothing to merge".to_owned()));
    };
    let place = |input: &Input<'_>| {
        let meta = input.file.meta();
        (meta.trail.clone(), meta.domain.clone(), meta.period.clone())
    };
    let (trail, domain, period) = place(first);
    if trail != signer.trail
        || inputs.iter().any(|i| place(i) != (trail.clone(), domain.clone(), period.clone()))
    {
        return Err(Error::Usage("segments of several partitions cannot be merged".to_owned()));
    }
    if inputs.iter().map(|input| input.file.meta().batches.len()).sum::<usize>() > MAX_BATCHES {
        return Err(Error::Usage(format!("a segment has at most {MAX_BATCHES} batches")));
    }
    Ok(())
}

/// The description of the merged segment, as far as it is known before its rows.
fn describe(inputs: &[Input<'_>], signer: &Signer<'_>) -> Result<SegmentMeta> {
    let batches: Vec<Vec<BatchMeta>> = inputs.iter().map(Input::batches).collect::<Result<_>>()?;
    let first = inputs.first().map(|input| input.file.meta());
    let of = |text: fn(&SegmentMeta) -> &String| first.map(|m| text(m).clone()).unwrap_or_default();
    Ok(SegmentMeta {
        batches: batches.concat(),
        columns: Vec::new(),
        domain: of(|meta| &meta.domain),
        epoch: signer.epoch,
        hmac_key: signer.hmac.id(),
        key: signer.key.clone(),
        period: of(|meta| &meta.period),
        rows: inputs.iter().map(Input::rows).sum(),
        schema_version: SCHEMA_VERSION,
        segment: new_uuid()?,
        trail: signer.trail.to_owned(),
        v: 1,
        writer: signer.writer.to_owned(),
    })
}

/// Writes all rows; the file without its end, and the misfits by column.
fn write(
    inputs: &[Input<'_>],
    kept: &Kept<'_>,
    with_rest: bool,
    file: Unfinished,
    target: &Target<'_>,
) -> Result<(Output, Vec<u64>)> {
    // Reading and encoding side by side.
    let (send, receive) = sync_channel(1);
    let columns = kept.columns;
    std::thread::scope(|scope| {
        let reading = scope.spawn(move || read(inputs, columns, &send));
        let written = encode(inputs, kept, with_rest, file, target, receive);
        let misfits = reading.join();
        let failed = || Error::encoding("segment", "the thread that reads its rows panicked");
        let misfits = misfits.map_err(|_| failed())?;
        Ok((written?, misfits?))
    })
}

/// Sends all rows in their order; the misfits by column.
fn read(
    inputs: &[Input<'_>],
    columns: &[LogicalColumn],
    send: &SyncSender<Chunk>,
) -> Result<Vec<u64>> {
    let chunk_rows = chunk_rows(inputs);
    let mut merging = Merging::new(inputs, columns, chunk_rows.min(READ_ROWS));
    let mut chunk = Chunk::default();
    while let Some(span) = merging.next()? {
        chunk.push(span);
        // Who receives gave up, and says why.
        if chunk.rows >= chunk_rows && send.send(std::mem::take(&mut chunk)).is_err() {
            return Ok(merging.misfits);
        }
    }
    if chunk.rows > 0 {
        let _ = send.send(chunk);
    }
    Ok(merging.misfits)
}

/// Rows that are encoded at a time: fewer where they are large.
fn chunk_rows(inputs: &[Input<'_>]) -> usize {
    let largest = inputs.iter().map(|input| input.file.row_bytes()).max().unwrap_or_default();
    (CHUNK_BYTES / largest.max(1)).clamp(1, CHUNK_ROWS)
}

fn encode(
    inputs: &[Input<'_>],
    kept: &Kept<'_>,
    with_rest: bool,
    file: Unfinished,
    target: &Target<'_>,
    chunks: Receiver<Chunk>,
) -> Result<Output> {
    let mut file = Some(file);
    let mut output: Option<Output> = None;
    for mut chunk in chunks {
        while chunk.rows > 0 {
            let output = match &mut output {
                Some(output) => output,
                none => {
                    let file = file.take().ok_or_else(nothing)?;
                    none.insert(begin(inputs, kept, with_rest, file, (&chunk, target.level))?)
                }
            };
            let rest = chunk.split_off(output.room());
            output.add(&chunk, kept.columns)?;
            (target.watch)(chunk.rows as u64)?;
            chunk = rest;
        }
    }
    let mut output = output.ok_or_else(nothing)?;
    output.end_rows()?;
    Ok(output)
}

fn nothing() -> Error {
    Error::encoding("segment", "rows were lost on the way")
}

fn begin(
    inputs: &[Input<'_>],
    kept: &Kept<'_>,
    with_rest: bool,
    file: Unfinished,
    (chunk, level): (&Chunk, i32),
) -> Result<Output> {
    let columns = kept.columns;
    let count = columns.len() + 1 + usize::from(with_rest);
    let first: Result<Vec<_>> =
        (0..count).map(|at| chunk.column(at, &arrow_type(columns, at))).collect();
    let rows = inputs.iter().map(Input::rows).sum::<u64>();
    let of = (usize::try_from(rows).unwrap_or(usize::MAX), ids_ascend(inputs));
    let text_level = (level + TEXT_LEVELS).min(HIGHEST_LEVEL);
    let blooms = kept.sealing.is_none();
    let effort = Effort { level, text_level, blooms, ..COMPACTION };
    Output::begin(file, kept, with_rest, &first?, of, &effort)
}

/// Whether the ids ascend with the rows, as far as figures tell.
fn ids_ascend(inputs: &[Input<'_>]) -> bool {
    let bounds = |input: &Input<'_>| match input.added.stats.get("audit_id") {
        Some(Bounds::Text(min, max)) => Some((min.clone(), max.clone())),
        _ => None,
    };
    let bounds: Option<Vec<_>> = inputs.iter().map(bounds).collect();
    let apart = bounds.is_some_and(|all| all.windows(2).all(|pair| pair[0].1 < pair[1].0));
    apart && inputs.iter().all(Input::ids_ascend)
}

#[cfg(test)]
mod tests;
