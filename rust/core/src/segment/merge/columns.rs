//! Which columns a merged segment has, and how each input's columns become them.

use arrow::datatypes::DataType;

use super::Input;
use crate::columns::{ColumnType, LogicalColumn, REST, Registry, Survey, fixed};
use crate::{Error, Result};

/// Rows that the choice of promoted columns looks at beyond what the inputs promoted, evenly spread
/// over all of them.
const SURVEY_ROWS: u64 = 4096;

/// The columns of a merged segment, in file order, without `_batch` and `_rest`.
pub(super) fn choose(inputs: &[Input<'_>], registry: &mut Registry) -> Result<Vec<LogicalColumn>> {
    let has = |column: &LogicalColumn| {
        inputs.iter().any(|input| {
            let at = input.file.meta().columns.iter().position(|c| c.name == column.name);
            at.is_some_and(|at| input.cut.as_ref().is_none_or(|cut| cut.values[at] > 0))
        })
    };
    let mut columns: Vec<LogicalColumn> = fixed().iter().filter(|c| has(c)).cloned().collect();
    let mut promoted = survey(inputs)?.promote(registry);
    promoted.sort_by(|a, b| a.name.cmp(&b.name));
    columns.append(&mut promoted);
    Ok(columns)
}

/// Counts what values there are: of promoted columns all, by the files' own figures; of what the
/// inputs left in their rests a sample.
fn survey(inputs: &[Input<'_>]) -> Result<Survey> {
    let rows: u64 = inputs.iter().map(Input::rows).sum();
    let step = rows.div_ceil(SURVEY_ROWS).max(1);
    let mut survey = Survey::of_parts(rows, step);
    let mut before = 0;
    for input in inputs {
        let meta = input.file.meta();
        for (at, column) in meta.columns.iter().enumerate() {
            if fixed().iter().all(|f| f.name != column.name) {
                let values = match &input.cut {
                    Some(cut) => cut.values[at],
                    None => meta.rows - nulls(input, at + 1)?,
                };
                survey.count(&column.path, column.kind, values);
            }
        }
        if input.cut.is_some() {
            // Values in the rests of removed rows promote nothing.
            continue;
        }
        let mut number = before;
        input.file.texts(REST, |rest| {
            if number % step == 0 {
                rest.into_iter().for_each(|rest| survey.add_part(rest.as_bytes()));
            }
            number += 1;
        })?;
        before += meta.rows;
    }
    Ok(survey)
}

/// How many rows of a file have no value in this column.
fn nulls(input: &Input<'_>, column: usize) -> Result<u64> {
    let groups = input.file.parquet().row_groups().iter();
    let count = |group: &parquet::file::metadata::RowGroupMetaData| {
        group.columns().get(column)?.statistics()?.null_count_opt()
    };
    let counts: Option<Vec<u64>> = groups.map(count).collect();
    let missing = || Error::integrity(input.file.path(), "its columns have no statistics");
    Ok(counts.ok_or_else(missing)?.into_iter().sum())
}

/// How an input's columns become those of the merged segment.
#[derive(Debug)]
pub(super) struct Mapping {
    /// For each column of the merged segment: which column of the input it continues, and whether
    /// its integers become doubles.
    pub(super) kept: Vec<Option<(usize, bool)>>,
    /// Columns of the input that the merged segment does not continue: back into the rest.
    pub(super) dropped: Vec<usize>,
    /// Columns of the merged segment whose values may be in the input's rest.
    pub(super) drawn: Vec<usize>,
}

impl Mapping {
    pub(super) fn of(input: &Input<'_>, columns: &[LogicalColumn]) -> Self {
        let theirs = &input.file.meta().columns;
        let continued = |column: &LogicalColumn| {
            let at = theirs.iter().position(|c| c.path == column.path)?;
            let widens = (theirs[at].kind, column.kind) == (ColumnType::Int64, ColumnType::Float64);
            // What did not fit may fit now: then the rest has values of the same column.
            let same = theirs[at].kind == column.kind || (widens && theirs[at].misfits == 0);
            // How many of the rows that are left have a misfit is counted anew.
            let counted = input.cut.is_none() || theirs[at].misfits == 0;
            (same && counted).then_some((at, widens))
        };
        let mut mapping = Self {
            kept: columns.iter().map(continued).collect(),
            dropped: Vec::new(),
            drawn: Vec::new(),
        };
        mapping.settle(theirs.len());
        let below = |path: &[String]| {
            let kept = mapping.kept.iter().flatten();
            kept.into_iter().any(|&(at, _)| {
                let other = &theirs[at].path;
                other.len() > path.len() && other.starts_with(path)
            })
        };
        if mapping.drawn.iter().any(|&at| below(&columns[at].path)) {
            // Whether a value lies at the path shows in the whole record only.
            mapping.kept.iter_mut().for_each(|kept| *kept = None);
            mapping.settle(theirs.len());
        }
        mapping
    }

    fn settle(&mut self, theirs: usize) {
        let kept: Vec<usize> = self.kept.iter().flatten().map(|(at, _)| *at).collect();
        self.dropped = (0..theirs).filter(|at| !kept.contains(at)).collect();
        let open = self.kept.iter().enumerate().filter(|(_, kept)| kept.is_none());
        self.drawn = open.map(|(at, _)| at).collect();
    }
}

/// The Arrow type of a column of the merged segment, by its position in the file.
pub(in crate::segment) fn arrow_type(columns: &[LogicalColumn], at: usize) -> DataType {
    match at.checked_sub(1) {
        None => DataType::UInt16,
        Some(at) => columns.get(at).map_or(DataType::Utf8, |column| column.kind.arrow()),
    }
}
