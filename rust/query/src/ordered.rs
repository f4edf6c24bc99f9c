//! Rows in the order of time without a sort: each segment holds its rows in that order, so what is
//! left is to read segments whose times do not overlap one after the other, and to merge the rest.
//!
//! A sort of everything needs memory, or a disk, for everything; a merge for a few pages of each
//! segment that is being read.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Result, ScalarValue};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfig, FileScanConfigBuilder, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{
    ExecutionPlan, ExecutionPlanProperties, replace_children_if_necessary,
};

use crate::scope;

const TIME: &str = "timestamp";
/// More segments than these are not read at the same time: each holds pages of all columns.
const MOST_AT_ONCE: usize = 16;

type Plan = Arc<dyn ExecutionPlan>;

/// Replaces sorts by time.
#[derive(Debug)]
pub(crate) struct OrderedSegments;

impl PhysicalOptimizerRule for OrderedSegments {
    fn optimize(&self, plan: Plan, _config: &ConfigOptions) -> Result<Plan> {
        plan.transform_up(|node| {
            if let Some(merge) = node.downcast_ref::<SortPreservingMergeExec>()
                && let Some(input) = unsorted(merge.input())?
            {
                return replace_children_if_necessary(node, vec![input]).map(Transformed::yes);
            }
            let Some(sort) = node.downcast_ref::<SortExec>() else {
                return Ok(Transformed::no(node));
            };
            // The only partition, without a merge above it.
            let alone = !sort.preserve_partitioning() && partitions(sort.input()) == 1;
            match if alone { without(sort)? } else { None } {
                Some(input) if partitions(&input) == 1 => Ok(Transformed::yes(input)),
                Some(input) => {
                    let merge = SortPreservingMergeExec::new(sort.expr().clone(), input);
                    Ok(Transformed::yes(Arc::new(merge)))
                }
                None => Ok(Transformed::no(node)),
            }
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "ordered_segments"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn partitions(plan: &Plan) -> usize {
    plan.output_partitioning().partition_count()
}

/// The plan below a merge without sorts that the segments make needless; none if there are none.
fn unsorted(plan: &Plan) -> Result<Option<Plan>> {
    if let Some(sort) = plan.downcast_ref::<SortExec>() {
        return if sort.preserve_partitioning() { without(sort) } else { Ok(None) };
    }
    if !(plan.is::<ProjectionExec>() || plan.is::<UnionExec>() || plan.is::<CooperativeExec>()) {
        return Ok(None);
    }
    let children: Vec<Option<Plan>> =
        plan.children().into_iter().map(unsorted).collect::<Result<_>>()?;
    if children.iter().all(Option::is_none) {
        return Ok(None);
    }
    let old = plan.children().into_iter().map(Arc::clone);
    let children = children.into_iter().zip(old).map(|(new, old)| new.unwrap_or(old)).collect();
    replace_children_if_necessary(Arc::clone(plan), children).map(Some)
}

/// The input of a sort, in its order; none if that takes the sort.
fn without(sort: &SortExec) -> Result<Option<Plan>> {
    // The first few of all need neither the memory nor all of the rows.
    if sort.fetch().is_some() {
        return Ok(None);
    }
    let Some(input) = in_order(sort.input())? else { return Ok(None) };
    let satisfied = input.equivalence_properties().ordering_satisfy(sort.expr().clone())?;
    Ok(satisfied.then_some(input))
}

/// The same rows with those of each partition in the order of time; none if that is not to be had.
fn in_order(plan: &Plan) -> Result<Option<Plan>> {
    if let Some(source) = plan.downcast_ref::<DataSourceExec>() {
        let Some((config, _)) = source.downcast_to_file_source::<ParquetSource>() else {
            return Ok(None);
        };
        return Ok(ordered(config).map(|config| DataSourceExec::from_data_source(config) as Plan));
    }
    if plan.is::<UnionExec>() {
        return united(plan);
    }
    if !(plan.is::<ProjectionExec>() || plan.is::<FilterExec>() || plan.is::<CooperativeExec>()) {
        return Ok(None);
    }
    let [input] = plan.children()[..] else { return Ok(None) };
    let Some(input) = in_order(input)? else { return Ok(None) };
    replace_children_if_necessary(Arc::clone(plan), vec![input]).map(Some)
}

/// Segments and records that are in none yet; these are few, and sorted.
fn united(plan: &Plan) -> Result<Option<Plan>> {
    let Ok(column) = Column::new_with_schema(TIME, &plan.schema()) else { return Ok(None) };
    let Some(by_time) = LexOrdering::new([ascending(column)]) else { return Ok(None) };
    let mut any = false;
    let mut children = Vec::new();
    for child in plan.children() {
        children.push(match in_order(child)? {
            Some(child) => {
                any = true;
                child
            }
            None => {
                let sort = SortExec::new(by_time.clone(), Arc::clone(child));
                Arc::new(sort.with_preserve_partitioning(true)) as Plan
            }
        });
    }
    match any {
        true => replace_children_if_necessary(Arc::clone(plan), children).map(Some),
        false => Ok(None),
    }
}

fn ascending(column: Column) -> PhysicalSortExpr {
    PhysicalSortExpr::new_default(Arc::new(column)).asc().nulls_last()
}

/// The scan of a trail's segments with chains of them as its partitions.
fn ordered(config: &FileScanConfig) -> Option<FileScanConfig> {
    if !scope::is_of_trail(&config.object_store_url) || config.limit.is_some() {
        return None;
    }
    let schema = config.file_source().table_schema().table_schema();
    let at = schema.index_of(TIME).ok()?;
    let chains = chains(&config.file_groups, at)?;
    let order = LexOrdering::new([ascending(Column::new(TIME, at))])?;
    let builder = FileScanConfigBuilder::from(config.clone())
        .with_file_groups(chains)
        .with_output_ordering(vec![order])
        .with_preserve_order(true);
    Some(builder.build())
}

/// The files, in as few chains as possible in each of which one begins when the last one has ended.
fn chains(groups: &[FileGroup], at: usize) -> Option<Vec<FileGroup>> {
    // Large files are in several groups, a part in each.
    let mut whole = HashMap::new();
    for file in groups.iter().flat_map(FileGroup::iter) {
        let file = PartitionedFile { range: None, ..file.clone() };
        whole.insert(file.object_meta.location.clone(), file);
    }
    let mut files = Vec::with_capacity(whole.len());
    for file in whole.into_values() {
        let bounds = file.statistics.as_ref()?.column_statistics.get(at)?;
        let time = |value: &ScalarValue| match value {
            ScalarValue::TimestampMicrosecond(time, _) => *time,
            _ => None,
        };
        let bounds = (
            bounds.min_value.get_value().and_then(time)?,
            bounds.max_value.get_value().and_then(time)?,
        );
        files.push((bounds, file));
    }
    files.sort_by(|(a, f), (b, g)| (a, &f.object_meta.location).cmp(&(b, &g.object_meta.location)));
    let mut chains: Vec<(i64, Vec<PartitionedFile>)> = Vec::new();
    for ((begin, end), file) in files {
        // Of those that have ended the one that ended last, so that the others stay usable.
        let count = chains.len();
        let ended = chains.iter_mut().filter(|(end, _)| *end <= begin).max_by_key(|(end, _)| *end);
        match ended {
            Some((last, chain)) => {
                *last = end;
                chain.push(file);
            }
            None if count == MOST_AT_ONCE => return None,
            None => chains.push((end, vec![file])),
        }
    }
    Some(chains.into_iter().map(|(_, chain)| FileGroup::new(chain)).collect())
}
