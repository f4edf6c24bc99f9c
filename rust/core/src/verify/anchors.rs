//! What stands beside the entries and must agree with them: `trail.json`, the checkpoint hint, and
//! the checkpoints from outside that the caller brings.

use bytes::Bytes;
use data_encoding::HEXLOWER;

use super::NoteKind;
use super::ledger::{Auditor, TRAIL_JSON};
use super::report::{Beat, Finding, Verdict};
use crate::keys::{self, OWNER};
use crate::ledger::{Body, CHECKPOINT_HINT, Entry, HEARTBEAT, Kind, TrailInfo, entry_path};
use crate::merkle::{self, Hash};
use crate::note::{self, Checkpoint, LogSigner, ParsedNote};
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

    /// The checkpoint of the hint if a signer of the trail signed it.
    fn verified_hint(&self, hint: &[u8], info: &TrailInfo) -> Result<Checkpoint, String> {
        let text = std::str::from_utf8(hint).map_err(|_| "it is no signed checkpoint")?;
        self.brought(text, info)
    }

    pub(super) fn brought(&self, note: &str, info: &TrailInfo) -> Result<Checkpoint, String> {
        note::signed_checkpoint(note, &info.origin, |signer| self.log_signer(signer))
    }

    fn log_signer(&self, signer: &str) -> Option<LogSigner> {
        if signer == OWNER {
            return Some(LogSigner { public: self.run.trust.owner, revoked: None });
        }
        let (public, revoked) = (self.writers.get(signer)?, self.revoked.get(signer));
        Some(LogSigner { public: *public, revoked: revoked.copied() })
    }

    /// The trail's own heartbeat: a hint like the checkpoint, and an older one of a moment ago may
    /// be of fewer entries.
    pub(super) fn check_heartbeat(&mut self, found: Option<Bytes>, there: u64) {
        let (Some(found), Some(info)) = (found, self.audit.info.clone()) else { return };
        let text = std::str::from_utf8(&found).map_err(|_| "it is no signed checkpoint".to_owned());
        let finding = match text.and_then(|text| self.beat(text, &info)) {
            Err(message) => Finding::tampered("heartbeat", HEARTBEAT, message),
            Ok(c) if c.size > there => {
                let message =
                    format!("{} entries were signed for, and there are only {there}", c.size);
                Finding::missing("entries_cut_off", entry_path(there), message)
            }
            Ok(c) => match self.marks.get(&c.size).copied().flatten() {
                Some(root) if root != c.root => {
                    let message = format!("it signs another root of the first {} entries", c.size);
                    Finding::tampered("heartbeat", HEARTBEAT, message)
                }
                _ => return,
            },
        };
        self.report.findings.push(finding);
    }

    /// The checkpoint of a heartbeat; the report tells of the newest.
    fn beat(&mut self, note: &str, info: &TrailInfo) -> Result<Checkpoint, String> {
        let (checkpoint, writer, time) =
            note::heartbeat(note, &info.origin, |signer| self.log_signer(signer))?;
        if self.report.heartbeat.as_ref().is_none_or(|beat| beat.seconds < time) {
            self.report.heartbeat = Some(Beat::new(time, writer, checkpoint.size));
        }
        Ok(checkpoint)
    }

    /// The ledger must begin with what each checkpoint from outside says.
    pub(super) fn check_pins(&mut self) {
        let Some(info) = self.audit.info.clone() else { return };
        for pin in &self.run.trust.pins {
            self.extends(pin, "pin", CHECKPOINT_HINT);
        }
        for (place, bytes) in &self.run.trust.announced {
            if let Err(message) = self.announced(&info, place, bytes) {
                let finding = Finding::tampered("anchor_entry", place, message);
                self.report.findings.push(finding);
            }
        }
        for brought in &self.run.trust.notes {
            let kind = if brought.kind == NoteKind::Pin { "pin" } else { "anchor" };
            let checkpoint = match brought.kind {
                NoteKind::Heartbeat => self.beat(&brought.note, &info),
                NoteKind::Pin | NoteKind::Anchor => self.brought(&brought.note, &info),
            };
            match checkpoint {
                Ok(checkpoint) => self.extends(&checkpoint, kind, &brought.place),
                Err(what) if brought.kind != NoteKind::Pin => {
                    let finding = Finding::tampered("anchor_note", &brought.place, what);
                    self.report.findings.push(finding);
                }
                Err(what) => {
                    let message = format!(
                        "{what}, so it says nothing: it is of another trail, or forged, or the \
                         trail was put back to before its signer was authorised"
                    );
                    let finding =
                        Finding::new(Verdict::Unanchored, "pin_note", &brought.place, message);
                    self.report.findings.push(finding);
                }
            }
        }
    }

    /// An entry of the owner that was mirrored before it was put: a checkpoint, and writers whose
    /// notes count even if the ledger was put back to before their authorisation.
    fn announced(&mut self, info: &TrailInfo, place: &str, bytes: &Bytes) -> Result<(), String> {
        let owner = &self.run.trust.owner;
        let entry = Entry::parse(bytes).map_err(|e| format!("no entry: {e}"))?;
        if entry.body.writer != OWNER || entry.body.key != keys::key_id(owner) {
            return Err("it is no entry of the owner".to_owned());
        }
        if !entry.signed_by(owner) {
            return Err("its signature does not hold".to_owned());
        }
        let (n, name) = (entry.body.n, info.key_name(OWNER));
        let checkpoint = Checkpoint::verify_sole(&entry.checkpoint, &name, owner, &info.origin)
            .ok()
            .filter(|c| c.size == n && HEXLOWER.encode(&c.root) == entry.body.tree)
            .ok_or("its checkpoint does not hold")?;
        for authorization in entry.body.authorizes.iter().flatten() {
            if let Some(public) = crate::ledger::public_key(&authorization.public) {
                self.writers.entry(authorization.writer.clone()).or_insert(public);
            }
        }
        self.extends(&checkpoint, "anchor", place);
        let leaf = usize::try_from(n).ok().and_then(|n| self.leaves.get(n));
        if leaf == Some(&merkle::leaf_hash(bytes)) {
            return Ok(());
        }
        let revokes = entry.body.revokes.iter().flatten();
        let undone: Vec<&str> = revokes
            .map(|revocation| revocation.writer.as_str())
            .filter(|writer| !self.revoked.contains_key(*writer))
            .collect();
        // Of earlier entries an incremental verification does not know what they say.
        let word = word_of(&entry.body).filter(|_| self.is_new(n));
        let unsaid = word.is_some_and(|word| !self.words.contains(&word));
        if unsaid {
            let message = format!(
                "the owner announced it as entry {n}, and no entry of the ledger says the same: \
                 it was withheld, or the owner must repeat it"
            );
            let finding = Finding::new(Verdict::RolledBack, "anchor_withheld", place, message);
            self.report.findings.push(finding);
        } else if undone.is_empty() {
            self.report.notes.push(format!(
                "{place}: the owner announced this as entry {n}, and another one stands there"
            ));
        } else {
            let message = format!(
                "the owner announced it as entry {n}, and nothing in the ledger revokes {}: it \
                 was withheld, or the owner must repeat it",
                undone.join(", ")
            );
            let finding = Finding::new(Verdict::RolledBack, "anchor_withheld", place, message);
            self.report.findings.push(finding);
        }
        Ok(())
    }

    fn extends(&mut self, pin: &Checkpoint, kind: &'static str, place: &str) {
        let Some(info) = &self.audit.info else { return };
        self.report.checked.pins += 1;
        self.report.anchored = true;
        let size = self.state.size();
        let (verdict, message) = if pin.origin != info.origin {
            let message =
                format!("the checkpoint is of log {:?}, not {:?}", pin.origin, info.origin);
            (Verdict::Forked, message)
        } else if pin.size > size && self.audit.broken_at.is_some() {
            self.report.not_checked.push(format!(
                "whether the ledger extends the checkpoint of {} entries ({place}): it is broken \
                 before that",
                pin.size
            ));
            return;
        } else if pin.size > size {
            (Verdict::RolledBack, format!("{} entries were seen before, {size} are left", pin.size))
        } else if self.marks.get(&pin.size).copied().flatten() != Some(pin.root) {
            let message = format!("the first {} entries are not those seen before", pin.size);
            (Verdict::Forked, message)
        } else {
            return;
        };
        self.report.findings.push(Finding::new(verdict, kind, place, message));
    }
}

/// What an entry of the owner says of the life of records, apart from when: it may be repeated.
pub(super) fn word_of(body: &Body) -> Option<Hash> {
    let word = match body.kind {
        Kind::Policy => canonical(&body.policy),
        Kind::Hold => canonical(&body.hold),
        Kind::Release => canonical(&body.release),
        Kind::Delete => canonical(&body.tombstone),
        Kind::Erase => canonical(&body.erase),
        Kind::Forget => canonical(&body.forget),
        _ => return None,
    };
    Some(merkle::leaf_hash(&word.ok()?))
}
