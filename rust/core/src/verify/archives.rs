//! Which archives the trail's segments are in, and whether they can be reached.

use std::collections::{BTreeMap, BTreeSet};

use super::Run;
use super::report::{Finding, Report};
use super::segment::Task;

/// What the ledger has in an archive.
#[derive(Debug, Default)]
struct Content {
    segments: u64,
    records: u64,
}

/// Tells what is in which archive. The names of those that cannot be reached: each is one finding,
/// and its segments are not looked for one by one.
pub(super) fn check(run: &Run<'_>, tasks: &[Task], report: &mut Report) -> BTreeSet<String> {
    let mut archives: BTreeMap<&str, Content> = BTreeMap::new();
    for add in tasks.iter().map(|task| &task.add) {
        if let Some(name) = &add.archive {
            let content = archives.entry(name).or_default();
            content.segments += 1;
            content.records += add.rows;
        }
    }
    let mut lost = BTreeSet::new();
    for (name, Content { segments, records }) in archives {
        let holds = format!("{segments} segments with {records} records");
        let problem = match run.archives.named(name) {
            Err(e) => Some(("archive_unknown", e.to_string())),
            Ok(storage) => {
                let gone = storage.local_root().is_some_and(|root| !root.is_dir());
                let place = storage.url().to_owned();
                match gone {
                    true => Some(("archive_missing", format!("there is no folder {place}"))),
                    false => {
                        report.notes.push(format!("archive {name:?} at {place}: {holds}"));
                        None
                    }
                }
            }
        };
        if let Some((kind, why)) = problem {
            let message = format!("{holds} are in it, and it cannot be reached: {why}");
            report.findings.push(Finding::missing(kind, format!("archive {name}"), message));
            lost.insert(name.to_owned());
        }
    }
    lost
}
