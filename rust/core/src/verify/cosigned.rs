//! Checkpoints with lines of others that the trail keeps: they must be its own and of its ledger.

use super::Run;
use super::anchors::parse_hint;
use super::ledger::{Auditor, read_if_there};
use super::report::Finding;
use crate::Result;
use crate::ledger::cosigned;

/// Such a note as it was read, before the ledger is.
pub(super) struct Kept {
    path: String,
    bytes: bytes::Bytes,
}

impl Kept {
    /// The number of entries that it says, so that the ledger's root there is remembered.
    pub(super) fn size(&self) -> Option<u64> {
        parse_hint(&self.bytes).map(|note| note.checkpoint.size)
    }
}

/// Reads those that a listing of the trail names.
pub(super) async fn read(run: &Run<'_>, objects: &[(String, u64)]) -> Result<Vec<Kept>> {
    let mut kept = Vec::new();
    for (path, _) in objects.iter().filter(|(path, _)| cosigned::size_of(path).is_some()) {
        run.demand_go()?;
        if let Some(bytes) = read_if_there(run, path).await? {
            kept.push(Kept { path: path.clone(), bytes });
        }
    }
    Ok(kept)
}

impl Auditor<'_> {
    /// `there` is the number of slots up to the last one in use.
    pub(super) fn check_cosigned(&mut self, kept: Vec<Kept>, there: u64) {
        for Kept { path, bytes } in kept {
            let Some(info) = self.audit.info.clone() else { return };
            self.report.checked.cosigned += 1;
            let text = std::str::from_utf8(&bytes).unwrap_or_default();
            let message = match self.brought(text, &info) {
                Err(what) => what,
                Ok(c) if cosigned::path(c.size, text) != path => {
                    "its name is not that of its bytes".to_owned()
                }
                Ok(c) if c.size > there => {
                    let message =
                        format!("{} entries were signed for, and there are only {there}", c.size);
                    self.report.findings.push(Finding::missing("entries_cut_off", path, message));
                    continue;
                }
                Ok(c) => match self.marks.get(&c.size).copied().flatten() {
                    Some(root) if root == c.root => continue,
                    Some(_) => format!("it signs another root of the first {} entries", c.size),
                    None => {
                        let what = format!("{path}: entries before it are missing");
                        self.report.not_checked.push(what);
                        continue;
                    }
                },
            };
            self.report.findings.push(Finding::tampered("cosigned", path, message));
        }
    }
}
