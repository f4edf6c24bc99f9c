//! Bloom filters: none may deny a value that is there.

use arrow::array::{Array, AsArray, RecordBatch};
use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::ColumnChunkMetaData;

use super::description::excerpt;
use super::report::Finding;
use super::segment::Checked;
use crate::segment::SegmentFile;
use crate::{Error, Result};

/// The bloom filters of the row group that is being read.
#[derive(Default)]
pub(super) struct Blooms {
    group: usize,
    /// First row of the group, and the first after it.
    span: (u64, u64),
    /// Filters by column of the file, and whether each was right so far.
    filters: Vec<(usize, Sbbf, bool)>,
    begun: bool,
}

impl Blooms {
    /// Checks the values of `batch`, whose first row is `base`.
    ///
    /// # Errors
    /// `Integrity` if a filter cannot be read.
    pub(super) fn add(
        &mut self,
        checked: &mut Checked<'_>,
        file: &SegmentFile,
        batch: &RecordBatch,
        base: u64,
    ) -> Result<()> {
        let end = base + batch.num_rows() as u64;
        let mut at = base;
        while at < end {
            while !self.begun || self.span.1 <= at {
                if !self.next_group(checked, file)? {
                    return Ok(());
                }
            }
            let to = end.min(self.span.1);
            for (column, filter, sound) in &mut self.filters {
                let slice = batch.column(*column).slice((at - base) as usize, (to - at) as usize);
                if *sound && has_all(filter, &slice) != Some(true) {
                    *sound = false;
                    let name = batch.schema_ref().field(*column).name();
                    let message =
                        format!("column {:?}: a value is not in the filter", excerpt(name));
                    let path = &checked.task.add.path;
                    let mut finding = Finding::tampered("bloom", path, message);
                    finding.rows = vec![(at, to - 1)];
                    checked.outcome.findings.push(finding);
                }
            }
            at = to;
        }
        Ok(())
    }

    fn next_group(&mut self, checked: &mut Checked<'_>, file: &SegmentFile) -> Result<bool> {
        let at = if self.begun { self.group + 1 } else { 0 };
        let Some(group) = file.parquet().row_groups().get(at) else { return Ok(false) };
        let from = self.span.1;
        *self = Self {
            group: at,
            span: (from, from + group.num_rows().max(0) as u64),
            filters: Vec::new(),
            begun: true,
        };
        for (column, chunk) in group.columns().iter().enumerate() {
            let read = Sbbf::read_from_column_chunk(chunk, &file.bytes()?);
            let filter = read.map_err(|e| {
                Error::integrity(file.path(), format!("unreadable bloom filter: {e}"))
            })?;
            if let Some(filter) = filter {
                checked.outcome.bloom_filters += 1;
                // A reader goes by the filter's place and length, not by its header.
                let sound = stands_as_written(&filter, chunk, file)?;
                if !sound {
                    let name = chunk.column_descr().name();
                    let message = format!("column {:?}: not the form of a filter", excerpt(name));
                    let path = &checked.task.add.path;
                    checked.outcome.findings.push(Finding::tampered("bloom", path, message));
                }
                self.filters.push((column, filter, sound));
            }
        }
        Ok(true)
    }
}

/// Whether header and bits of a filter are all that is in its place.
fn stands_as_written(
    filter: &Sbbf,
    chunk: &ColumnChunkMetaData,
    file: &SegmentFile,
) -> Result<bool> {
    let mut written = Vec::new();
    filter.write(&mut written).map_err(|e| Error::encoding(file.path(), e))?;
    let bytes = file.bytes()?;
    let from = chunk.bloom_filter_offset().and_then(|from| usize::try_from(from).ok());
    let stored = from.and_then(|from| bytes.get(from..from.checked_add(written.len())?));
    let length = chunk.bloom_filter_length().and_then(|length| usize::try_from(length).ok());
    let blocks = filter.num_blocks();
    Ok(length == Some(written.len())
        && stored == Some(written.as_slice())
        && blocks.is_power_of_two())
}

/// Whether a bloom filter has every value of an array; `None` if the filter is unusable.
fn has_all(filter: &Sbbf, array: &dyn Array) -> Option<bool> {
    let text = array.as_string_opt::<i32>().filter(|_| filter.num_blocks() > 0)?;
    Some(text.iter().flatten().all(|value| filter.check(value)))
}
