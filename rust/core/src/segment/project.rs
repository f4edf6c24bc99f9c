//! A few columns of a segment, and what Parquet says of them.

use std::ops::Range;

use arrow::array::ArrayRef;
use parquet::arrow::ProjectionMask;
use parquet::file::statistics::Statistics;

use super::read::SegmentFile;
use crate::Result;

/// What a row group says of the values of a column of strings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GroupBounds {
    /// There is none.
    Absent,
    /// All rows have this one.
    Only(String),
    /// Any may be there.
    Unknown,
}

impl SegmentFile {
    /// The rows of each row group.
    pub(crate) fn groups(&self) -> Vec<Range<usize>> {
        let mut from = 0;
        let rows = |group: &parquet::file::metadata::RowGroupMetaData| {
            let begin = from;
            from += usize::try_from(group.num_rows()).unwrap_or(0);
            begin..from
        };
        self.parquet().row_groups().iter().map(rows).collect()
    }

    /// Smallest and largest number of a column in a row group, if the file says so.
    pub(crate) fn number_bounds(&self, group: usize, column: &str) -> Option<(i64, i64)> {
        match self.statistics(group, column)? {
            Statistics::Int64(values) => Some((*values.min_opt()?, *values.max_opt()?)),
            _ => None,
        }
    }

    /// What a row group says of a column of strings.
    pub(crate) fn text_bounds(&self, group: usize, column: &str) -> GroupBounds {
        if self.leaf(column).is_none() {
            return GroupBounds::Absent;
        }
        let Some(statistics) = self.statistics(group, column) else { return GroupBounds::Unknown };
        let rows = u64::try_from(self.parquet().row_group(group).num_rows()).unwrap_or(0);
        let exact = statistics.min_is_exact() && statistics.max_is_exact();
        let same = statistics.min_bytes_opt().is_some()
            && statistics.min_bytes_opt() == statistics.max_bytes_opt();
        match statistics.null_count_opt() {
            Some(nulls) if nulls == rows => GroupBounds::Absent,
            Some(0) if exact && same => {
                let text = statistics.min_bytes_opt().map(String::from_utf8_lossy);
                text.map_or(GroupBounds::Unknown, |text| GroupBounds::Only(text.into_owned()))
            }
            _ => GroupBounds::Unknown,
        }
    }

    /// The values of columns in a row group, in the order of `names`; none for those that the file
    /// does not have.
    ///
    /// # Errors
    /// `Integrity` if they cannot be read.
    pub(crate) fn columns_in(&self, group: usize, names: &[&str]) -> Result<Vec<Option<ArrayRef>>> {
        let leaves: Vec<Option<usize>> = names.iter().map(|name| self.leaf(name)).collect();
        let schema = self.parquet().file_metadata().schema_descr();
        let mask = ProjectionMask::leaves(schema, leaves.iter().flatten().copied());
        let builder = self.builder().with_row_groups(vec![group]).with_projection(mask);
        let mut parts = Vec::new();
        for batch in builder.build().map_err(|e| self.failed(e))? {
            parts.push(batch.map_err(|e| self.failed(e))?);
        }
        let column = |name: &&str| -> Result<Option<ArrayRef>> {
            let arrays: Vec<_> = parts.iter().filter_map(|p| p.column_by_name(name)).collect();
            let arrays: Vec<_> = arrays.into_iter().map(AsRef::as_ref).collect();
            match arrays.is_empty() {
                true => Ok(None),
                false => arrow::compute::concat(&arrays).map(Some).map_err(|e| self.failed(e)),
            }
        };
        names.iter().map(column).collect()
    }

    fn leaf(&self, column: &str) -> Option<usize> {
        let schema = self.parquet().file_metadata().schema_descr();
        schema.columns().iter().position(|leaf| leaf.name() == column)
    }

    fn statistics(&self, group: usize, column: &str) -> Option<&Statistics> {
        self.parquet().row_group(group).column(self.leaf(column)?).statistics()
    }
}
