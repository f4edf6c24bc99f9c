//! From records to segments: partition, sort, batch, hash, shred, encode.

use std::collections::BTreeMap;

use bytes::Bytes;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::meta::{BatchMeta, SegmentColumn, SegmentMeta, batch_list_root};
use super::{MAX_BATCH_ROWS, write};
use crate::catalogue::catalogue;
use crate::columns::{LogicalColumn, Registry, Shredded, Shredder, Survey, fixed};
use crate::encryption::Sealing;
use crate::json;
use crate::keys::{self, HmacKey};
use crate::ledger::{AddedSegment, ColumnBounds};
use crate::merkle::{self, Hash};
use crate::record::SCHEMA_VERSION;
use crate::{Error, Result};

/// Rows that the choice of promoted columns looks at, evenly spread over the segment.
const SURVEY_ROWS: usize = 4096;

/// A record on its way into a segment.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Canonical record.
    pub record: &'a [u8],
    /// `timestamp` in microseconds.
    pub timestamp: i64,
    /// Its id.
    pub audit_id: &'a str,
    /// Position of its domain in the catalogue.
    pub domain: u8,
}

/// Where rows belong: domain (position in the catalogue) and period (`2026-03`).
pub type Partition = (u8, String);

/// Who makes the segments.
#[derive(Debug)]
pub struct Signer<'a> {
    /// Id of the trail.
    pub trail: &'a str,
    /// Id of the writer.
    pub writer: &'a str,
    /// Id of its public key.
    pub key: String,
    /// Its epoch.
    pub epoch: u64,
    /// The HMAC key of the epoch.
    pub hmac: &'a HmacKey,
    /// Whether partitions are days, not months.
    pub by_day: bool,
    /// What is encrypted, and with what; nothing if `None`.
    pub sealing: Option<Sealing>,
}

/// A segment ready to be stored.
#[derive(Debug)]
pub struct BuiltSegment {
    /// How the ledger will name it.
    pub added: AddedSegment,
    /// The object.
    pub bytes: Bytes,
    /// Roots of its batches, by ordinal.
    pub roots: Vec<Hash>,
}

/// Builds one segment per partition; `registry` learns the columns that they promote.
///
/// # Errors
/// `Encoding` if Arrow or Parquet refuse, `Key` if the system has no random bytes.
pub fn build_segments(
    rows: Vec<Row<'_>>,
    signer: &Signer<'_>,
    registry: &mut Registry,
) -> Result<Vec<BuiltSegment>> {
    let mut partitions: BTreeMap<(Partition, bool), Vec<Row<'_>>> = BTreeMap::new();
    let mut period = (i64::MIN, i64::MIN, String::new());
    for row in rows {
        if !(period.0..period.1).contains(&row.timestamp) {
            period = period_of(row.timestamp, signer.by_day);
        }
        let sealed = signer.sealing.as_ref().is_some_and(|sealing| sealing.takes(row.record));
        partitions.entry(((row.domain, period.2.clone()), sealed)).or_default().push(row);
    }
    let mut sorted: Vec<_> = partitions.into_iter().collect();
    // The largest first, so that no core waits long for another's last one.
    sorted.sort_by_key(|(_, rows)| std::cmp::Reverse(rows.len()));
    let surveys: Vec<Survey> = sorted.par_iter_mut().map(|(_, rows)| survey(rows)).collect();
    let promoted: Vec<_> = surveys.iter().map(|s| s.promote(registry)).collect();
    let built: Vec<(BuiltSegment, Vec<SegmentColumn>)> = sorted
        .par_iter()
        .zip(promoted)
        .with_max_len(1)
        .map(|(((partition, sealed), rows), promoted)| {
            let sealing = signer.sealing.as_ref().filter(|_| *sealed);
            build_one(partition, rows, &promoted, (signer, sealing))
        })
        .collect::<Result<_>>()?;
    for (_, columns) in &built {
        for column in columns.iter().filter(|c| !fixed().iter().any(|f| f.name == c.name)) {
            registry.take(&column.logical())?;
        }
    }
    Ok(built.into_iter().map(|(segment, _)| segment).collect())
}

/// First and last instant of the period around `micros`, and its name.
fn period_of(micros: i64, by_day: bool) -> (i64, i64, String) {
    const DAY: i64 = 86_400_000_000;
    let from = micros.div_euclid(DAY) * DAY;
    (from, from + DAY, json::period(micros, by_day))
}

/// Sorts the rows of a partition and counts what values they have.
fn survey(rows: &mut [Row<'_>]) -> Survey {
    rows.sort_unstable_by(|a, b| {
        (a.timestamp, a.audit_id, a.record).cmp(&(b.timestamp, b.audit_id, b.record))
    });
    let mut survey = Survey::default();
    let step = rows.len().div_ceil(SURVEY_ROWS).max(1);
    rows.iter().step_by(step).for_each(|row| survey.add(row.record));
    survey
}

fn shred(rows: &[Row<'_>], promoted: &[LogicalColumn]) -> Result<Shredded> {
    let mut shredder = Shredder::new(fixed(), promoted);
    rows.iter().for_each(|row| shredder.push(row.record));
    shredder.finish()
}

/// The batches of a segment and their roots.
fn batches_of(segment: &str, rows: &[Row<'_>]) -> Result<(Vec<BatchMeta>, Vec<Hash>)> {
    let batch = |(ordinal, chunk): (usize, &[Row<'_>])| {
        let salt: [u8; 32] = keys::random()?;
        let leaf = |(i, row): (usize, &Row<'_>)| {
            merkle::record_leaf(&merkle::batch_salt_at(&salt, i as u64), row.record)
        };
        let leaves: Vec<Hash> = chunk.iter().enumerate().map(leaf).collect();
        let meta = BatchMeta::new(format!("{segment}:{ordinal}"), &salt, &leaves);
        Ok((meta, merkle::root(&leaves)))
    };
    rows.par_chunks(MAX_BATCH_ROWS).enumerate().map(batch).collect()
}

fn build_one(
    (domain, period): &Partition,
    rows: &[Row<'_>],
    promoted: &[LogicalColumn],
    (signer, sealing): (&Signer<'_>, Option<&Sealing>),
) -> Result<(BuiltSegment, Vec<SegmentColumn>)> {
    let segment = new_uuid()?;
    let (shredded, hashed) = rayon::join(|| shred(rows, promoted), || batches_of(&segment, rows));
    let (shredded, (batches, roots)) = (shredded?, hashed?);
    let domain = catalogue().domains().get(usize::from(*domain)).map(|d| d.name.clone());
    let domain = domain.ok_or_else(|| Error::encoding(&segment, "unknown domain"))?;
    let folder = if signer.by_day { "day" } else { "month" };
    let path = format!("segments/domain={domain}/{folder}={period}/{segment}.parquet");
    let file = write::File::of(shredded, rows.len())?;
    let meta = SegmentMeta {
        batches,
        columns: file.columns.clone(),
        domain,
        epoch: signer.epoch,
        hmac_key: signer.hmac.id(),
        key: signer.key.clone(),
        period: period.clone(),
        rows: rows.len() as u64,
        schema_version: SCHEMA_VERSION,
        segment,
        trail: signer.trail.to_owned(),
        v: 1,
        writer: signer.writer.to_owned(),
    };
    let bytes = file.encode(&meta, signer.hmac, sealing)?;
    let added = AddedSegment {
        archive: None,
        batches: meta.batches.len() as u64,
        bytes: bytes.len() as u64,
        format: None,
        gone: None,
        key: sealing.map(|sealing| sealing.generation().to_owned()),
        max: rows.last().map_or(0, |r| r.timestamp),
        min: rows.first().map_or(0, |r| r.timestamp),
        path,
        root: data_encoding::HEXLOWER.encode(&batch_list_root(&meta.batches)?),
        rows: rows.len() as u64,
        sha256: data_encoding::HEXLOWER.encode(&Sha256::digest(&bytes)),
        stats: statistics(&file, sealing.is_some()),
    };
    Ok((BuiltSegment { added, bytes: Bytes::from(bytes), roots }, meta.columns))
}

/// Bounds of the columns by which readers skip whole segments. Of an encrypted one they tell no
/// text.
fn statistics(file: &write::File, sealed: bool) -> ColumnBounds {
    write::STATISTICS_COLUMNS
        .iter()
        .filter(|name| !sealed || !write::TEXT_STATISTICS.contains(name))
        .filter_map(|name| Some(((*name).to_owned(), file.bounds(name)?)))
        .collect()
}

/// A random UUID (version 4).
pub(crate) fn new_uuid() -> Result<String> {
    let mut b: [u8; 16] = keys::random()?;
    b[6] = b[6] & 0x0f | 0x40;
    b[8] = b[8] & 0x3f | 0x80;
    let hex = data_encoding::HEXLOWER.encode(&b);
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}
