//! What stands beside the entries and must agree with them: `trail.json`, the checkpoint hint, and
//! the pins that the caller brings.

use bytes::Bytes;

use super::ledger::{Auditor, TRAIL_JSON};
use super::report::{Finding, Verdict};
use crate::keys::OWNER;
use crate::ledger::{CHECKPOINT_HINT, TrailInfo, entry_path};
use crate::note::{Checkpoint, ParsedNote};
use crate::segment::canonical;

/// The checkpoint of a hint, not verified yet.
pub(super) fn parse_hint(bytes: &[u8]) -> Option<ParsedNote> {
    Checkpoint::parse(std::str::from_utf8(bytes).ok()?).ok()
}

impl Auditor<'_> {
    pub(super) fn check_trail_json(&mut self, found: Option<Bytes>) {
        let Some(found) = found else {
            let finding = Finding::missing("trail_json", TRAIL_JSON, "it is not there");
            self.report.findings.push(finding);
            return;
        };
        let expected = self.audit.info.as_deref().and_then(|info| canonical(info).ok());
        if expected.is_some_and(|expected| expected != found) {
            let message = "it is not what entry 0 says, byte for byte";
            self.report.findings.push(Finding::tampered("trail_json", TRAIL_JSON, message));
        }
    }

    /// `there` is the number of slots up to the last one in use.
    pub(super) fn check_hint(&mut self, hint: Option<Bytes>, there: u64) {
        let Some(hint) = hint else {
            self.report
                .not_checked
                .push("whether entries were cut off the end: no checkpoint hint".to_owned());
            return;
        };
        let Some(info) = &self.audit.info else { return };
        let verified = self.verified_hint(&hint, info);
        let not_checked = &mut self.report.not_checked;
        let finding = match verified {
            Err(message) => Finding::tampered("hint", CHECKPOINT_HINT, message),
            Ok(c) if c.size > there => {
                let message =
                    format!("{} entries were signed for, and there are only {there}", c.size);
                Finding::missing("entries_cut_off", entry_path(there), message)
            }
            Ok(c) => match self.marks.get(&c.size).copied().flatten() {
                Some(root) if root == c.root => {
                    if c.size < there {
                        not_checked.push(format!(
                            "whether entries were cut off the end: the newest checkpoint covers \
                             the first {} of {there}",
                            c.size
                        ));
                    }
                    return;
                }
                Some(_) => {
                    let message = format!("it signs another root of the first {} entries", c.size);
                    Finding::tampered("hint", CHECKPOINT_HINT, message)
                }
                None => {
                    not_checked.push("the checkpoint hint: entries before it are missing".into());
                    return;
                }
            },
        };
        self.report.findings.push(finding);
    }

    /// The checkpoint of the hint if a signer of the trail signed it. Other lines are cosignatures.
    fn verified_hint(&self, hint: &[u8], info: &TrailInfo) -> Result<Checkpoint, String> {
        let note = parse_hint(hint).ok_or("it is no signed checkpoint")?;
        let text = std::str::from_utf8(hint).map_err(|_| "it is not UTF-8")?;
        let mut ours = note.signatures.iter().filter_map(|(name, _)| {
            let writer = name.strip_prefix(info.origin.as_str())?.strip_prefix('/')?;
            match writer {
                OWNER => Some((name, &self.run.trust.owner, None)),
                writer => Some((name, self.writers.get(writer)?, self.revoked.get(writer))),
            }
        });
        let (name, public, revoked) = ours.next().ok_or("no signer of this trail signed it")?;
        let checkpoint = Checkpoint::verify(text, name, public, &info.origin)
            .map_err(|_| "its signature does not hold")?;
        match revoked {
            Some(by) if checkpoint.size > *by => {
                Err(format!("its signer was revoked by entry {by}, which it covers"))
            }
            _ => Ok(checkpoint),
        }
    }

    pub(super) fn check_pins(&mut self) {
        let Some(info) = &self.audit.info else { return };
        for pin in &self.run.trust.pins {
            let finding = |verdict, message| Finding::new(verdict, "pin", CHECKPOINT_HINT, message);
            let found = if pin.origin != info.origin {
                let message = format!("the pin is of log {:?}, not {:?}", pin.origin, info.origin);
                Some(finding(Verdict::Forked, message))
            } else if pin.size > self.state.size() {
                let message =
                    format!("{} entries were pinned, {} are left", pin.size, self.state.size());
                Some(finding(Verdict::RolledBack, message))
            } else if self.marks.get(&pin.size).copied().flatten() != Some(pin.root) {
                let message =
                    format!("the first {} entries are not those that were pinned", pin.size);
                Some(finding(Verdict::Forked, message))
            } else {
                None
            };
            self.report.checked.pins += 1;
            self.report.findings.extend(found);
        }
    }
}
