//! Objects that are no part of the trail: not wrong, but worth knowing.

use std::collections::HashSet;

use super::Run;
use super::ledger::Audit;
use super::report::Report;
use crate::backup::is_marker;
use crate::encryption::is_keyring_object;
use crate::ledger::{CHECKPOINT_HINT, HEARTBEAT, cosigned, entry_number, snapshot_path};
use crate::subjects::is_key_object;

/// Such objects of a store that the report lists one by one.
const LISTED: usize = 20;

/// The path of the segment that a sidecar is beside; else the path itself.
fn segment_of(path: &str) -> &str {
    path.strip_suffix(".gone").unwrap_or(path)
}

/// Tells of them, in the trail's own store, whose objects are known, and in archives.
pub(super) async fn note(
    run: &Run<'_>,
    audit: &Audit,
    objects: &[(String, u64)],
    report: &mut Report,
) {
    let live: HashSet<&str> = audit.segments.iter().map(|(_, add)| add.path.as_str()).collect();
    let snapshots: HashSet<String> =
        audit.snapshots.iter().map(|named| snapshot_path(named.n)).collect();
    let is_segment = |path: &str| {
        let path = segment_of(path);
        live.contains(path) || (audit.removed.contains(path) && !audit.swept.contains(path))
    };
    let is_other = |path: &str| {
        matches!(path, "trail.json" | CHECKPOINT_HINT | HEARTBEAT)
            || entry_number(path).is_some()
            || cosigned::size_of(path).is_some()
            || is_key_object(path)
            || is_marker(path)
            || is_keyring_object(path)
            || snapshots.contains(path)
    };
    let unknown = |(path, _): &&(String, u64)| !is_other(path) && !is_segment(path);
    list(audit, "", &objects.iter().filter(unknown).collect::<Vec<_>>(), report);
    for name in run.archives.names() {
        // One that cannot be reached and is needed is a finding of its own.
        let Ok(storage) = run.archives.named(&name) else { continue };
        if storage.local_root().is_some_and(|root| !root.is_dir()) {
            continue;
        }
        match storage.list("segments").await {
            Ok(objects) => {
                let unknown = |(path, _): &&(String, u64)| !is_segment(path);
                let place = format!("archive {name:?}: ");
                list(audit, &place, &objects.iter().filter(unknown).collect::<Vec<_>>(), report);
            }
            Err(e) => report.not_checked.push(format!("what else is in the archive {name:?}: {e}")),
        }
    }
}

fn list(audit: &Audit, place: &str, orphans: &[&(String, u64)], report: &mut Report) {
    for (path, size) in orphans.iter().take(LISTED) {
        let segment = segment_of(path);
        let why = match audit.swept.contains(segment) {
            true => "an entry says that it is gone",
            false if audit.condemned.contains(segment) => "an entry condemned it",
            false => "no entry names it",
        };
        report.notes.push(format!("{place}{path} ({size} bytes) is no part of the trail: {why}"));
    }
    if orphans.len() > LISTED {
        let more = orphans.len() - LISTED;
        report.notes.push(format!("{place}{more} further objects are no part of the trail"));
    }
}
