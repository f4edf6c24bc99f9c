//! What was erased with authority: all is there and proven, and some of it nobody can read.

use std::collections::BTreeSet;

use super::ledger::Auditor;

/// Entries that a note names one by one.
const NAMED: usize = 20;

impl Auditor<'_> {
    /// Tells which entries erase data subjects.
    pub(super) fn note_erasures(&mut self) {
        let erasures = &self.state.lifecycle.erasures;
        let subjects: BTreeSet<&str> =
            erasures.values().map(|erasure| erasure.erase.subject.as_str()).collect();
        if subjects.is_empty() {
            return;
        }
        let named: Vec<String> = erasures.keys().take(NAMED).map(u64::to_string).collect();
        let more = if erasures.len() > NAMED { " and others" } else { "" };
        self.report.erased_subjects = subjects.len() as u64;
        self.report.notes.push(format!(
            "ERASED: the personal fields of {} data subjects can be read no longer, as entries {}{more} \
             order; their records and proofs are complete",
            subjects.len(),
            named.join(", ")
        ));
    }
}
