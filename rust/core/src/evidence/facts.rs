//! What people are told of a package, in whatever form.

use super::manifest::{FileItem, Manifest};
use crate::json;

/// Records that a summary lists.
pub(super) const SHOWN: usize = 1000;

/// The content of a summary.
#[derive(Debug)]
pub(super) struct Facts {
    /// Name and value of each fact.
    pub(super) facts: Vec<[String; 2]>,
    pub(super) counts: Vec<[String; 2]>,
    pub(super) files: Vec<FileItem>,
    /// Time, type, actor, outcome and id of the first records.
    pub(super) records: Vec<[String; 5]>,
    pub(super) total: u64,
    /// How to check it, and what that does not show.
    pub(super) how: Vec<String>,
}

/// Where records say who did something, the first one that is there.
const WHO: [&[&str]; 5] =
    [&["user_id"], &["agent_id"], &["initiated_by"], &["user_context", "user_id"], &["email"]];
/// Where they say what came of it.
const OUTCOME: [&[&str]; 3] = [&["status"], &["result", "status"], &["result_code"]];

impl Facts {
    /// Of a package with this manifest (its own files are not named in it yet), which begins with
    /// these records. `owner` is the owner's vkey, `signer` who signs.
    pub(super) fn of(manifest: &Manifest, records: &[Vec<u8>], owner: &str, signer: &str) -> Self {
        let counts = manifest.counts.iter();
        Self {
            facts: facts(manifest, owner, signer),
            counts: counts.map(|(name, count)| [name.clone(), count.to_string()]).collect(),
            files: manifest.files.clone(),
            records: records.iter().take(SHOWN).map(|record| row(record)).collect(),
            total: manifest.records,
            how: how(manifest),
        }
    }

    /// How much of the records is listed.
    pub(super) fn listed(&self) -> String {
        let shown = self.records.len() as u64;
        if shown == self.total {
            "All records, in the order of the file".to_owned()
        } else {
            let rest = self.total - shown;
            format!("The first {shown} of {} records; {rest} more are in the file", self.total)
        }
    }
}

fn facts(manifest: &Manifest, owner: &str, signer: &str) -> Vec<[String; 2]> {
    let window = &manifest.window;
    let time = match (&window.since, &window.until) {
        (None, None) => "all times".to_owned(),
        (Some(since), None) => format!("from {since}"),
        (None, Some(until)) => format!("before {until}"),
        (Some(since), Some(until)) => format!("from {since} until before {until}"),
    };
    let filters = match serde_json::to_string(&manifest.filters) {
        Ok(text) if !manifest.filters.is_empty() => text,
        _ => "none: all records".to_owned(),
    };
    let policy = manifest.policy.as_ref();
    let policy = policy.map_or("none".to_owned(), |p| format!("that of entry {}", p.entry));
    let all = [
        ("Made", format!("{} by {}", manifest.created, manifest.asked_by.name())),
        ("Purpose", manifest.purpose.clone().unwrap_or_else(|| "not said".to_owned())),
        ("Asked for", filters),
        ("Time", time),
        ("Records", manifest.records.to_string()),
        ("Trail", format!("{} ({})", manifest.trail_id, manifest.origin)),
        ("Ledger", format!("{} entries, root {}", manifest.ledger.size, manifest.ledger.root)),
        ("Retention policy", policy),
        ("Signed by", signer.to_owned()),
        ("Owner's key", owner.to_owned()),
    ];
    all.into_iter().map(|(name, value)| [name.to_owned(), value]).collect()
}

fn how(manifest: &Manifest) -> Vec<String> {
    let mut all = vec![
        "Get the owner's public key (owner.vkey) from the trail's owner, not from this package, \
         and compare it with the one above. Then: sealtrail verify-integrity PACKAGE --key \
         owner.vkey; or, with Python alone, in the unpacked package: python3 verify.py . \
         owner.vkey"
            .to_owned(),
        "This shows that every record here was in the trail as of that ledger, unchanged, and that \
         every file is as it was made. It does not show that what the records say is true, nor \
         that nothing of what was asked for was left out: who signed the manifest says so."
            .to_owned(),
        "Each hand-over is a signed line of custody.jsonl. Tell the SHA-256 of the last line by \
         another way, so that it shows if lines are cut off."
            .to_owned(),
    ];
    if manifest.unsealed > 0 {
        all.push(format!(
            "{} records were durable where this was made and not in the ledger yet: they are not \
             here.",
            manifest.unsealed
        ));
    }
    all
}

fn row(record: &[u8]) -> [String; 5] {
    let text = |path: &[&str]| {
        let raw = json::get(record, path)?;
        let text = json::string_value(raw).map(std::borrow::Cow::into_owned);
        text.or_else(|| std::str::from_utf8(raw).ok().map(str::to_owned))
    };
    let first = |paths: &[&[&str]]| paths.iter().find_map(|path| text(path)).unwrap_or_default();
    [
        first(&[&["timestamp"]]),
        first(&[&["event_type"]]),
        first(&WHO),
        first(&OUTCOME),
        first(&[&["audit_id"]]),
    ]
}
