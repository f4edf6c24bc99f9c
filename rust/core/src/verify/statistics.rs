//! What readers skip rows by: Parquet statistics, page index, bloom filters. None of them may
//! exclude a value that is there.

use std::borrow::Cow;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType, UInt16Type,
};
use parquet::basic::BoundaryOrder;
use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;

/// The least and the greatest of some values.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Extent<'a> {
    Int(i64, i64),
    Float(f64, f64),
    Bool(bool, bool),
    Text(Cow<'a, [u8]>, Cow<'a, [u8]>),
}

impl<'a> Extent<'a> {
    /// Of the values of an array; `None` if there are none.
    pub(super) fn of(array: &'a dyn Array) -> Option<Self> {
        match array.data_type() {
            DataType::Utf8 => {
                let text = array.as_string::<i32>();
                let (min, max) = least_and_greatest(text.iter().flatten().map(str::as_bytes))?;
                Some(Self::Text(Cow::Borrowed(min), Cow::Borrowed(max)))
            }
            DataType::Int64 => {
                let values = array.as_primitive::<Int64Type>();
                let of = arrow::compute::min(values).zip(arrow::compute::max(values));
                of.map(|(min, max)| Self::Int(min, max))
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                let values = array.as_primitive::<TimestampMicrosecondType>();
                let of = arrow::compute::min(values).zip(arrow::compute::max(values));
                of.map(|(min, max)| Self::Int(min, max))
            }
            DataType::UInt16 => {
                let values = array.as_primitive::<UInt16Type>();
                let of = arrow::compute::min(values).zip(arrow::compute::max(values));
                of.map(|(min, max)| Self::Int(min.into(), max.into()))
            }
            DataType::Float64 => {
                let values = array.as_primitive::<Float64Type>();
                let of = arrow::compute::min(values).zip(arrow::compute::max(values));
                of.map(|(min, max)| Self::Float(min, max))
            }
            DataType::Boolean => {
                let values = array.as_boolean();
                let of =
                    arrow::compute::min_boolean(values).zip(arrow::compute::max_boolean(values));
                of.map(|(min, max)| Self::Bool(min, max))
            }
            _ => None,
        }
    }

    /// Takes further values into account.
    fn widen(into: &mut Option<Extent<'static>>, more: &Extent<'_>) {
        match (into.as_mut(), more) {
            (Some(Extent::Int(min, max)), Extent::Int(a, b)) => {
                (*min, *max) = ((*min).min(*a), (*max).max(*b));
            }
            (Some(Extent::Float(min, max)), Extent::Float(a, b)) => {
                (*min, *max) = (min.min(*a), max.max(*b));
            }
            (Some(Extent::Bool(min, max)), Extent::Bool(a, b)) => {
                (*min, *max) = (*min & *a, *max | *b);
            }
            (Some(Extent::Text(min, max)), Extent::Text(a, b)) => {
                if a < min {
                    *min = Cow::Owned(a.to_vec());
                }
                if b > max {
                    *max = Cow::Owned(b.to_vec());
                }
            }
            _ => *into = Some(more.owned()),
        }
    }

    fn owned(&self) -> Extent<'static> {
        match self {
            Extent::Int(a, b) => Extent::Int(*a, *b),
            Extent::Float(a, b) => Extent::Float(*a, *b),
            Extent::Bool(a, b) => Extent::Bool(*a, *b),
            Extent::Text(a, b) => Extent::Text(Cow::Owned(a.to_vec()), Cow::Owned(b.to_vec())),
        }
    }
}

fn least_and_greatest<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<(&'a [u8], &'a [u8])> {
    let mut values = values;
    let first = values.next()?;
    Some(values.fold((first, first), |(min, max), value| {
        if value < min {
            (value, max)
        } else if value > max {
            (min, value)
        } else {
            (min, max)
        }
    }))
}

/// One end of the range in which a file says that values lie.
#[derive(Debug, Clone, Copy)]
enum Limit<'a> {
    Int(i64),
    Float(f64),
    Bool(bool),
    Text(&'a [u8]),
}

impl Limit<'_> {
    /// Whether it is not above the least value.
    fn is_below(&self, extent: &Extent<'_>) -> bool {
        match (self, extent) {
            (Self::Int(limit), Extent::Int(min, _)) => limit <= min,
            (Self::Float(limit), Extent::Float(min, _)) => limit <= min,
            (Self::Bool(limit), Extent::Bool(min, _)) => limit <= min,
            (Self::Text(limit), Extent::Text(min, _)) => *limit <= min.as_ref(),
            _ => false,
        }
    }

    /// Whether it is not below the greatest value.
    fn is_above(&self, extent: &Extent<'_>) -> bool {
        match (self, extent) {
            (Self::Int(limit), Extent::Int(_, max)) => limit >= max,
            (Self::Float(limit), Extent::Float(_, max)) => limit >= max,
            (Self::Bool(limit), Extent::Bool(_, max)) => limit >= max,
            (Self::Text(limit), Extent::Text(_, max)) => *limit >= max.as_ref(),
            _ => false,
        }
    }

    /// Whether it is the least value (or the greatest).
    fn is_met(&self, extent: &Extent<'_>, least: bool) -> bool {
        let turned = match extent {
            Extent::Int(min, max) => Extent::Int(*max, *min),
            Extent::Float(min, max) => Extent::Float(*max, *min),
            Extent::Bool(min, max) => Extent::Bool(*max, *min),
            Extent::Text(min, max) => Extent::Text(max.clone(), min.clone()),
        };
        let extent_below = if least { extent } else { &turned };
        let extent_above = if least { &turned } else { extent };
        self.is_below(extent_below) && self.is_above(extent_above)
    }
}

/// What a file says of a run of rows in one column.
#[derive(Debug, Default)]
struct Claim<'a> {
    /// The first row after the run, counted over the whole file.
    to: u64,
    min: Option<Limit<'a>>,
    max: Option<Limit<'a>>,
    nulls: Option<u64>,
    /// All values are said to be missing.
    all_null: bool,
    /// A number of different values is given, which none of our writers does.
    distinct: bool,
    /// `min` and `max` are said to be values that are there.
    exact: (bool, bool),
}

/// Follows one column through the file.
struct Column<'a> {
    name: String,
    groups: Vec<Claim<'a>>,
    pages: Vec<Claim<'a>>,
    group: usize,
    page: usize,
    group_nulls: u64,
    page_nulls: u64,
    /// Of the values of the current row group so far.
    extent: Option<Extent<'static>>,
    /// Of the row groups that are complete.
    total: Option<Extent<'static>>,
    nulls: u64,
}

/// A wrong claim: kind of finding, column, rows, problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lie {
    pub(super) kind: &'static str,
    pub(super) column: String,
    pub(super) rows: (u64, u64),
    pub(super) problem: &'static str,
}

/// The claims of a file about its columns, checked against the values as they are read.
pub(super) struct Claims<'a> {
    columns: Vec<Column<'a>>,
    pub(super) lies: Vec<Lie>,
}

impl<'a> Claims<'a> {
    /// The claims in a file's metadata.
    pub(super) fn of(parquet: &'a ParquetMetaData) -> Self {
        let schema = parquet.file_metadata().schema_descr();
        let mut lies = Vec::new();
        let columns = (0..schema.num_columns())
            .map(|c| {
                let name = schema.column(c).name().to_owned();
                Column {
                    groups: groups(parquet, c),
                    pages: pages(parquet, c, &name, &mut lies),
                    name,
                    group: 0,
                    page: 0,
                    group_nulls: 0,
                    page_nulls: 0,
                    extent: None,
                    total: None,
                    nulls: 0,
                }
            })
            .collect();
        Self { columns, lies }
    }

    /// Shows the values of column `c` in the rows from `base` on.
    pub(super) fn add(&mut self, c: usize, array: &ArrayRef, base: u64) {
        if let Some(column) = self.columns.get_mut(c) {
            column.add(array, base, &mut self.lies);
        }
    }

    /// Of all values of a column, and how many are missing.
    pub(super) fn total(&self, c: usize) -> (Option<&Extent<'static>>, u64) {
        self.columns.get(c).map_or((None, 0), |column| (column.total.as_ref(), column.nulls))
    }
}

impl Column<'_> {
    fn add(&mut self, array: &ArrayRef, base: u64, lies: &mut Vec<Lie>) {
        let end = base + array.len() as u64;
        let mut at = base;
        while at < end {
            let group_to = self.groups.get(self.group).map_or(end, |g| g.to);
            let page_to = self.pages.get(self.page).map_or(end, |p| p.to);
            // Empty groups and pages are passed over.
            if group_to <= at {
                self.end_group(at, lies);
                continue;
            }
            if page_to <= at {
                self.end_page(at, lies);
                continue;
            }
            let to = end.min(group_to).min(page_to);
            let slice = array.slice((at - base) as usize, (to - at) as usize);
            self.slice(&slice, (at, to), lies);
            at = to;
            if at == page_to && self.page < self.pages.len() {
                self.end_page(at, lies);
            }
            if at == group_to && self.group < self.groups.len() {
                self.end_group(at, lies);
            }
        }
    }

    fn slice(&mut self, slice: &ArrayRef, (from, to): (u64, u64), lies: &mut Vec<Lie>) {
        let nulls = slice.null_count() as u64;
        self.group_nulls += nulls;
        self.page_nulls += nulls;
        self.nulls += nulls;
        let Some(extent) = Extent::of(slice) else { return };
        let mut lie = |kind, problem| {
            let column = self.name.clone();
            lies.push(Lie { kind, column, rows: (from, to - 1), problem });
        };
        for (kind, claim) in
            [("page_index", self.pages.get(self.page)), ("statistics", self.groups.get(self.group))]
        {
            let Some(claim) = claim else { continue };
            let within = claim.min.is_none_or(|min| min.is_below(&extent))
                && claim.max.is_none_or(|max| max.is_above(&extent));
            if !within {
                lie(kind, "a value lies outside the range that is given for it");
            }
            if claim.all_null {
                lie(kind, "there are values where none are said to be");
            }
        }
        Extent::widen(&mut self.extent, &extent);
    }

    fn end_page(&mut self, at: u64, lies: &mut Vec<Lie>) {
        if let Some(claim) = self.pages.get(self.page) {
            if claim.nulls.is_some_and(|nulls| nulls != self.page_nulls) {
                let problem = "another number of values is missing than is said";
                lies.push(Lie {
                    kind: "page_index",
                    column: self.name.clone(),
                    rows: (at.saturating_sub(1), at.saturating_sub(1)),
                    problem,
                });
            }
        }
        self.page += 1;
        self.page_nulls = 0;
    }

    fn end_group(&mut self, at: u64, lies: &mut Vec<Lie>) {
        if let Some(claim) = self.groups.get(self.group) {
            let mut lie = |problem| {
                let rows = (at.saturating_sub(1), at.saturating_sub(1));
                let column = self.name.clone();
                lies.push(Lie { kind: "statistics", column, rows, problem });
            };
            if claim.nulls.is_some_and(|nulls| nulls != self.group_nulls) {
                lie("another number of values is missing than is said");
            }
            if claim.distinct {
                lie("a number of different values is given, which no segment has");
            }
            let met = |limit: Option<Limit<'_>>, exact: bool, least: bool| {
                !exact
                    || limit.is_none_or(|limit| {
                        self.extent.as_ref().is_none_or(|extent| limit.is_met(extent, least))
                    })
            };
            if !met(claim.min, claim.exact.0, true) || !met(claim.max, claim.exact.1, false) {
                lie("the least or greatest value is not the one given as exact");
            }
        }
        if let Some(extent) = self.extent.take() {
            Extent::widen(&mut self.total, &extent);
        }
        self.group += 1;
        self.group_nulls = 0;
    }
}

/// The statistics of the row groups of column `c`.
fn groups(parquet: &ParquetMetaData, c: usize) -> Vec<Claim<'_>> {
    let mut to = 0_u64;
    parquet
        .row_groups()
        .iter()
        .map(|group| {
            to = to.saturating_add(group.num_rows().max(0) as u64);
            let Some(stated) = group.column(c).statistics() else {
                return Claim { to, ..Claim::default() };
            };
            let (min, max) = limits(stated);
            Claim {
                to,
                min,
                max,
                nulls: stated.null_count_opt(),
                all_null: false,
                distinct: stated.distinct_count_opt().is_some(),
                exact: (stated.min_is_exact(), stated.max_is_exact()),
            }
        })
        .collect()
}

fn limits(stated: &Statistics) -> (Option<Limit<'_>>, Option<Limit<'_>>) {
    match stated {
        Statistics::Boolean(s) => {
            (s.min_opt().map(|v| Limit::Bool(*v)), s.max_opt().map(|v| Limit::Bool(*v)))
        }
        Statistics::Int32(s) => {
            let limit = |v: &i32| Limit::Int((*v).into());
            (s.min_opt().map(limit), s.max_opt().map(limit))
        }
        Statistics::Int64(s) => {
            (s.min_opt().map(|v| Limit::Int(*v)), s.max_opt().map(|v| Limit::Int(*v)))
        }
        Statistics::Double(s) => {
            (s.min_opt().map(|v| Limit::Float(*v)), s.max_opt().map(|v| Limit::Float(*v)))
        }
        Statistics::ByteArray(s) => {
            (s.min_opt().map(|v| Limit::Text(v.data())), s.max_opt().map(|v| Limit::Text(v.data())))
        }
        // No column has another type; a value never lies within these.
        _ => (Some(Limit::Bool(true)), Some(Limit::Bool(false))),
    }
}

/// The page index of column `c`.
fn pages<'a>(
    parquet: &'a ParquetMetaData,
    c: usize,
    name: &str,
    lies: &mut Vec<Lie>,
) -> Vec<Claim<'a>> {
    let (Some(indexes), Some(offsets)) = (parquet.column_index(), parquet.offset_index()) else {
        return Vec::new();
    };
    let mut claims = Vec::new();
    let mut base = 0_u64;
    for (g, group) in parquet.row_groups().iter().enumerate() {
        let rows = group.num_rows().max(0) as u64;
        let starts = offsets.get(g).and_then(|group| group.get(c));
        let starts = starts.map_or(&[][..], |starts| starts.page_locations());
        let from = claims.len();
        for p in 0..starts.len() {
            let to = starts.get(p + 1).map_or(rows, |next| next.first_row_index.max(0) as u64);
            claims.push(Claim { to: base.saturating_add(to.min(rows)), ..Claim::default() });
        }
        if let Some(index) = indexes.get(g).and_then(|group| group.get(c)) {
            let lie = |problem| {
                let rows = (base, base + rows.saturating_sub(1));
                Lie { kind: "page_index", column: name.to_owned(), rows, problem }
            };
            if !describe(index, &mut claims[from..]) {
                lies.push(lie("there are other pages than the page index has"));
            } else if !in_order(index.get_boundary_order(), &claims[from..]) {
                lies.push(lie("the pages are not in the order that is given"));
            }
        }
        base = base.saturating_add(rows);
    }
    claims
}

/// Fills in what the index says of each page; whether it has as many.
fn describe<'a>(index: &'a ColumnIndexMetaData, claims: &mut [Claim<'a>]) -> bool {
    let count = match index {
        ColumnIndexMetaData::NONE => return true,
        ColumnIndexMetaData::BOOLEAN(i) => i.num_pages(),
        ColumnIndexMetaData::INT32(i) => i.num_pages(),
        ColumnIndexMetaData::INT64(i) => i.num_pages(),
        ColumnIndexMetaData::DOUBLE(i) => i.num_pages(),
        ColumnIndexMetaData::BYTE_ARRAY(i) => i.num_pages(),
        _ => return false,
    };
    if count != claims.len() as u64 {
        return false;
    }
    for (p, claim) in claims.iter_mut().enumerate() {
        (claim.min, claim.max) = match index {
            ColumnIndexMetaData::BOOLEAN(i) => {
                (i.min_value(p).map(|v| Limit::Bool(*v)), i.max_value(p).map(|v| Limit::Bool(*v)))
            }
            ColumnIndexMetaData::INT32(i) => {
                let limit = |v: &i32| Limit::Int((*v).into());
                (i.min_value(p).map(limit), i.max_value(p).map(limit))
            }
            ColumnIndexMetaData::INT64(i) => {
                (i.min_value(p).map(|v| Limit::Int(*v)), i.max_value(p).map(|v| Limit::Int(*v)))
            }
            ColumnIndexMetaData::DOUBLE(i) => {
                (i.min_value(p).map(|v| Limit::Float(*v)), i.max_value(p).map(|v| Limit::Float(*v)))
            }
            ColumnIndexMetaData::BYTE_ARRAY(i) => {
                (i.min_value(p).map(Limit::Text), i.max_value(p).map(Limit::Text))
            }
            _ => (None, None),
        };
        claim.all_null = index.is_null_page(p);
        claim.nulls = index.null_count(p).map(|nulls| nulls.try_into().unwrap_or(u64::MAX));
    }
    true
}

/// Readers search ordered pages by halves, so the order must be as stated.
fn in_order(order: Option<BoundaryOrder>, claims: &[Claim<'_>]) -> bool {
    let ascending = |a: Option<Limit<'_>>, b: Option<Limit<'_>>| match (a, b) {
        (Some(Limit::Int(a)), Some(Limit::Int(b))) => a <= b,
        (Some(Limit::Float(a)), Some(Limit::Float(b))) => a <= b,
        (Some(Limit::Bool(a)), Some(Limit::Bool(b))) => a <= b,
        (Some(Limit::Text(a)), Some(Limit::Text(b))) => a <= b,
        _ => false,
    };
    let with_values: Vec<&Claim<'_>> = claims.iter().filter(|claim| !claim.all_null).collect();
    match order {
        None | Some(BoundaryOrder::UNORDERED) => true,
        Some(BoundaryOrder::ASCENDING) => with_values
            .windows(2)
            .all(|w| ascending(w[0].min, w[1].min) && ascending(w[0].max, w[1].max)),
        Some(BoundaryOrder::DESCENDING) => with_values
            .windows(2)
            .all(|w| ascending(w[1].min, w[0].min) && ascending(w[1].max, w[0].max)),
    }
}

/// Whether a bloom filter has every value of an array; `None` if the filter is unusable.
pub(super) fn bloom_has_all(filter: &Sbbf, array: &dyn Array) -> Option<bool> {
    let text = array.as_string_opt::<i32>().filter(|_| filter.num_blocks() > 0)?;
    Some(text.iter().flatten().all(|value| filter.check(value)))
}
