//! What a search cost: what was skipped, and what was read.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::datasource::physical_plan::parquet::ParquetAccessPlan;
use datafusion::datasource::physical_plan::{FileScanConfig, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::{MetricValue, MetricsSet};
use sealtrail_core::trail::ReadView;
use serde::Serialize;

/// What a search skipped and read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Statements that ran: slices of time, and within them keys before records.
    pub statements: usize,
    /// Segments of the trail.
    pub segments: usize,
    /// Segments of which no row was read, by what the ledger says of them or is known of their
    /// values, or because enough was found before.
    pub segments_skipped: usize,
    /// Segments of which rows were read.
    pub segments_read: usize,
    /// Segments of the trail in archives: they are searched as all others.
    pub archive_segments: usize,
    /// Those of which rows were read.
    pub archive_segments_read: usize,
    /// Rows of the trail in segments.
    pub rows: u64,
    /// Rows that are in no segment yet, all of which are looked at.
    pub rows_unflushed: usize,
    /// Bytes of all segments.
    pub bytes: u64,
    /// Bytes of segments in archives.
    pub archive_bytes: u64,
    /// Bytes that were read of them, footers left out. What is read twice counts twice.
    pub bytes_read: u64,
    /// Row groups that were skipped by their statistics.
    pub row_groups_skipped_by_statistics: u64,
    /// Row groups of segments that were read which were skipped by what is known of their values:
    /// dictionaries and bloom filters.
    pub row_groups_skipped_by_values: u64,
    /// Row groups that were read.
    pub row_groups_read: u64,
    /// Rows that were skipped by the page index.
    pub rows_skipped_by_page_index: u64,
    /// Rows that were skipped while decoding, by columns that were decoded first.
    pub rows_skipped_while_decoding: u64,
}

/// Adds up what these plans did.
pub(crate) fn cost(view: &ReadView, plans: &[Arc<dyn ExecutionPlan>]) -> Cost {
    let archived = || view.segments().iter().filter(|segment| segment.archive.is_some());
    let mut cost = Cost {
        archive_segments: archived().count(),
        archive_bytes: archived().map(|segment| segment.bytes).sum(),
        statements: plans.len(),
        segments: view.segments().len(),
        rows: view.segments().iter().map(|segment| segment.rows).sum(),
        rows_unflushed: view.unflushed.len(),
        bytes: view.segments().iter().map(|segment| segment.bytes).sum(),
        ..Cost::default()
    };
    let mut read = HashSet::new();
    for plan in plans {
        visit(plan, &mut cost, &mut read);
    }
    cost.segments_read = read.len();
    cost.archive_segments_read = archived().filter(|segment| read.contains(&segment.path)).count();
    cost.segments_skipped = cost.segments.saturating_sub(read.len());
    cost
}

fn visit(plan: &Arc<dyn ExecutionPlan>, cost: &mut Cost, read: &mut HashSet<String>) {
    if let Some(scan) = plan.downcast_ref::<DataSourceExec>() {
        if let Some(metrics) = plan.metrics() {
            add(&metrics, cost, read);
        }
        if let Some((files, _)) = scan.downcast_to_file_source::<ParquetSource>() {
            cost.row_groups_skipped_by_values += left_out(files);
        }
    }
    plan.children().into_iter().for_each(|child| visit(child, cost, read));
}

/// The row groups that the plan leaves out of the files which it reads.
fn left_out(scan: &FileScanConfig) -> u64 {
    let mut files: Vec<_> = scan.file_groups.iter().flat_map(|group| group.files()).collect();
    // A file may be read in several parts.
    files.sort_by_key(|file| file.object_meta.location.as_ref());
    files.dedup_by_key(|file| file.object_meta.location.as_ref());
    let access = files.iter().filter_map(|file| file.extensions.get::<ParquetAccessPlan>());
    let skipped = access.map(|a| (0..a.len()).filter(|group| !a.should_scan(*group)).count());
    skipped.sum::<usize>() as u64
}

fn add(metrics: &MetricsSet, cost: &mut Cost, read: &mut HashSet<String>) {
    for metric in metrics.iter() {
        match metric.value() {
            MetricValue::Count { name, count } => match name.as_ref() {
                "bytes_scanned" if count.value() > 0 => {
                    cost.bytes_read += count.value() as u64;
                    let file = metric.labels().iter().find(|label| label.name() == "filename");
                    read.extend(file.map(|label| label.value().to_owned()));
                }
                "pushdown_rows_pruned" => {
                    cost.rows_skipped_while_decoding += count.value() as u64;
                }
                "row_groups_pruned_dynamic_filter" => {
                    cost.row_groups_skipped_by_statistics += count.value() as u64;
                }
                _ => {}
            },
            MetricValue::PruningMetrics { name, pruning_metrics } => {
                let pruned = pruning_metrics.pruned() as u64;
                match name.as_ref() {
                    "row_groups_pruned_statistics" => {
                        cost.row_groups_skipped_by_statistics += pruned;
                    }
                    "row_groups_pruned_bloom_filter" => {
                        cost.row_groups_read += pruning_metrics.matched() as u64;
                    }
                    "page_index_rows_pruned" => cost.rows_skipped_by_page_index += pruned,
                    _ => {}
                }
            }
            _ => {}
        }
    }
}
