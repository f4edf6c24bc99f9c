//! Reports about a copy, for people.

use sealtrail_core::backup::{BackupReport, Inspection, Mended};

use crate::text::{aligned, bytes, count, seconds};

/// What a run did, for people.
pub(in crate::commands) fn told(report: &BackupReport, elapsed: std::time::Duration) -> String {
    let mut text = format!(
        "{} copied ({}) in {}; complete up to {} of the ledger",
        count(report.objects, "object"),
        bytes(report.bytes),
        seconds(elapsed),
        count(report.size, "entry"),
    );
    if report.removed > 0 {
        text.push_str(&format!("; {} removed", count(report.removed, "object")));
    }
    if report.destroyed > 0 {
        let keys = count(report.destroyed, "key");
        text.push_str(&format!("; {keys} of erased subjects destroyed"));
    }
    if report.checked > 0 {
        let (mended, lost) = (report.mended.len() as u64, report.lost.len() as u64);
        let checked = count(report.checked, "object");
        text.push_str(&format!("; {checked} checked, {mended} mended, {lost} lost"));
    }
    text
}

/// What was mended and what could not be, a line for each.
pub(super) fn mended(report: &BackupReport) -> String {
    let line = |Mended { object, problem, why }: &Mended| match why {
        None => format!("mended {object}: {problem}\n"),
        Some(why) => format!("lost   {object}: {problem}; {why}\n"),
    };
    report.mended.iter().chain(&report.lost).map(line).collect()
}

pub(super) fn status_table(copy: &Inspection, behind: Option<u64>) -> String {
    let complete = match (&copy.complete, copy.statement) {
        (Some(time), Some(n)) => {
            format!("up to {} on {time} (statement {n})", count(copy.size, "entry"))
        }
        _ => "no run has completed it yet".to_owned(),
    };
    let behind = behind.map_or("the trail cannot be opened".to_owned(), |n| count(n, "entry"));
    let live = format!(
        "{} in {} ({})",
        count(copy.records, "record"),
        count(copy.segments, "segment"),
        bytes(copy.segment_bytes)
    );
    let stored = format!("{} ({})", count(copy.objects, "object"), bytes(copy.bytes));
    let mut rows = vec![
        ["copy".to_owned(), copy.url.clone()],
        ["name".to_owned(), copy.holder.clone()],
        ["trail".to_owned(), copy.trail_id.clone()],
        ["complete".to_owned(), complete],
        ["behind".to_owned(), behind],
        ["live".to_owned(), live],
        ["stored".to_owned(), stored],
    ];
    rows.extend(copy.problems.iter().map(|p| ["problem".to_owned(), p.clone()]));
    aligned("", &rows)
}
