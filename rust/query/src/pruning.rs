//! Which segments can hold matching rows, from what the ledger says about them.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, UInt64Array};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{Column, ColumnStatistics, Result, ScalarValue, Statistics};
use datafusion::logical_expr::{Expr, Operator};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;

use sealtrail_core::ledger::{AddedSegment, Bounds};

use crate::shape::{DOMAIN, Shape};

/// Segments as rows of statistics.
struct SegmentStatistics<'a> {
    segments: &'a [Arc<AddedSegment>],
    schema: SchemaRef,
}

impl SegmentStatistics<'_> {
    fn bounds(&self, column: &Column, bound: Bound) -> Option<ArrayRef> {
        let data_type = self.schema.field_with_name(&column.name).ok()?.data_type();
        let null = ScalarValue::try_from(data_type).ok()?;
        let values: Vec<_> = self
            .segments
            .iter()
            .map(|segment| {
                limit(segment, &column.name, bound, data_type).unwrap_or_else(|| null.clone())
            })
            .collect();
        if values.iter().all(ScalarValue::is_null) {
            return None;
        }
        ScalarValue::iter_to_array(values).ok()
    }
}

#[derive(Clone, Copy)]
enum Bound {
    Least,
    Greatest,
}

/// The domain of a segment's rows: a part of its path, which the ledger vouches for.
pub(crate) fn domain(segment: &AddedSegment) -> &str {
    let named = segment.path.strip_prefix("segments/domain=").and_then(|rest| rest.split_once('/'));
    named.map_or("", |(domain, _)| domain)
}

/// The least or greatest value of a column in a segment, if the ledger says.
fn limit(
    segment: &AddedSegment,
    name: &str,
    bound: Bound,
    data_type: &DataType,
) -> Option<ScalarValue> {
    let pick = |least, greatest| match bound {
        Bound::Least => least,
        Bound::Greatest => greatest,
    };
    let time = |micros: i64| match data_type {
        DataType::Timestamp(_, zone) => {
            Some(ScalarValue::TimestampMicrosecond(Some(micros), zone.clone()))
        }
        _ => None,
    };
    match name {
        DOMAIN => Some(ScalarValue::Utf8View(Some(domain(segment).to_owned()))),
        "timestamp" => time(pick(segment.min, segment.max)),
        _ => match segment.stats.get(name)? {
            Bounds::Number(least, greatest) => time(pick(*least, *greatest)),
            Bounds::Text(least, greatest) if data_type == &DataType::Utf8View => {
                let text = match bound {
                    Bound::Least => least,
                    Bound::Greatest => greatest,
                };
                Some(ScalarValue::Utf8View(Some(text.clone())))
            }
            Bounds::Text(..) => None,
        },
    }
}

impl PruningStatistics for SegmentStatistics<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(column, Bound::Least)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(column, Bound::Greatest)
    }

    fn num_containers(&self) -> usize {
        self.segments.len()
    }

    fn null_counts(&self, _column: &Column) -> Option<ArrayRef> {
        None
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(self.segments.iter().map(|segment| segment.rows).collect::<UInt64Array>()))
    }

    fn contained(&self, _column: &Column, _values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

/// The segments that may hold rows for which `predicate` is true.
pub(crate) fn prune(
    segments: &[Arc<AddedSegment>],
    schema: &SchemaRef,
    predicate: &Arc<dyn PhysicalExpr>,
) -> Result<Vec<Arc<AddedSegment>>> {
    let pruning = PruningPredicateBuilder::new()
        .with_file_schema(Arc::clone(schema))
        .try_build(Arc::clone(predicate))?;
    let keep = pruning.prune(&SegmentStatistics { segments, schema: Arc::clone(schema) })?;
    Ok(segments
        .iter()
        .zip(keep)
        .filter(|(_, keep)| *keep)
        .map(|(segment, _)| Arc::clone(segment))
        .collect())
}

/// What the planner may rely on about a segment, by the columns of the table.
pub(crate) fn statistics(segment: &AddedSegment, shape: &Shape) -> Statistics {
    let schema = shape.schema();
    let mut statistics = Statistics::new_unknown(&schema);
    statistics.num_rows = Precision::Exact(usize::try_from(segment.rows).unwrap_or(usize::MAX));
    let bounded = segment.stats.keys().chain(["timestamp", DOMAIN]);
    for index in bounded.filter_map(|name| shape.index(name)) {
        let field = schema.field(index);
        let least = limit(segment, field.name(), Bound::Least, field.data_type());
        let greatest = limit(segment, field.name(), Bound::Greatest, field.data_type());
        if let (Some(least), Some(greatest)) = (least, greatest) {
            statistics.column_statistics[index] = ColumnStatistics {
                // Columns with bounds in the ledger are those that every record has.
                null_count: Precision::Exact(0),
                min_value: Precision::Exact(least),
                max_value: Precision::Exact(greatest),
                ..ColumnStatistics::new_unknown()
            };
        }
    }
    statistics
}

/// The domains that a filter allows, if it is one on `domain` alone that partitions decide.
pub(crate) fn allowed_domains(filter: &Expr) -> Option<HashSet<String>> {
    match filter {
        Expr::BinaryExpr(binary) if binary.op == Operator::Eq => {
            let value = match (binary.left.as_ref(), binary.right.as_ref()) {
                (Expr::Column(column), Expr::Literal(value, _))
                | (Expr::Literal(value, _), Expr::Column(column))
                    if column.name == DOMAIN =>
                {
                    value
                }
                _ => return None,
            };
            Some(value.try_as_str()??.to_owned()).map(|domain| HashSet::from([domain]))
        }
        Expr::BinaryExpr(binary) if binary.op == Operator::Or => {
            let mut domains = allowed_domains(&binary.left)?;
            domains.extend(allowed_domains(&binary.right)?);
            Some(domains)
        }
        Expr::InList(list) if !list.negated => {
            let Expr::Column(column) = list.expr.as_ref() else { return None };
            if column.name != DOMAIN {
                return None;
            }
            list.list
                .iter()
                .map(|item| match item {
                    Expr::Literal(value, _) => Some(value.try_as_str()??.to_owned()),
                    _ => None,
                })
                .collect()
        }
        _ => None,
    }
}
