//! Verification against what the verifier remembers, and remembering what it saw.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use data_encoding::HEXLOWER;
use futures::future::join_all;

use super::report::{Finding, Report, Verdict};
use super::{BroughtNote, Level, NoteKind, Options, Progress, Since, Trust, verify};
use crate::anchors::{Anchors, Held};
use crate::note::Checkpoint;
use crate::pins::{Brought, Deep, Pin, Pins};
use crate::storage::{Storage, durable};
use crate::trail::{now_micros, time_text};
use crate::{Error, Result};

/// Which checkpoints from outside the ledger must extend.
#[derive(Debug, Clone, Default)]
pub struct Pinning {
    /// Where this verifier's own pins are; `None` to neither use nor move them.
    pub pins: Option<Pins>,
    /// A file with a further pin or a signed checkpoint. It is never written.
    pub file: Option<PathBuf>,
    /// Without any checkpoint from outside the verdict is [`Verdict::Unanchored`].
    pub require: bool,
    /// Look deeply only at what came since the last deep verification that the pin tells of.
    pub since_last: bool,
    /// The ledger must extend the checkpoints in these anchors too. If none of them gives one, the
    /// verdict is [`Verdict::Unanchored`].
    pub anchors: Option<Anchors>,
}

/// [`verify`] with the pins of a verifier: the ledger must extend them, and the own one moves
/// forward if everything holds.
///
/// # Errors
/// As [`verify`]; `Integrity` if a pin is damaged, `Io` if it cannot be written.
pub async fn verify_pinned(
    storage: &Storage,
    mut trust: Trust,
    mut options: Options,
    pinning: &Pinning,
    progress: &(dyn Fn(Progress) + Sync),
    cancel: &Arc<AtomicBool>,
) -> Result<Report> {
    // Before the ledger is looked at: so it is not older than what it must extend.
    let pin = match &pinning.pins {
        Some(pins) => pins.load(storage.url())?,
        None => None,
    };
    trust.pins.extend(pin.as_ref().map(Pin::checkpoint));
    match pinning.file.as_deref().map(|path| (path, Brought::read(path))) {
        Some((_, Ok(Brought::Pin(checkpoint)))) => trust.pins.push(checkpoint),
        Some((path, Ok(Brought::Note(note)))) => {
            trust.notes.push(BroughtNote {
                place: path.display().to_string(),
                note,
                kind: NoteKind::Pin,
            });
        }
        Some((_, Err(e))) => return Err(e),
        None => {}
    }
    let anchored = match &pinning.anchors {
        Some(anchors) => Some(read_anchors(anchors, &mut trust).await?),
        None => None,
    };
    let last = pin.as_ref().and_then(|pin| pin.deep.clone());
    if pinning.since_last {
        options.level = Level::Deep;
        options.since = last.clone().map(|deep| Since { size: deep.size, last_full: deep.time });
    }
    let mut report = verify(storage, &trust, &options, progress, cancel).await?;
    if let Some(anchored) = anchored {
        anchored.tell(&mut report);
    }
    if pinning.require && !report.anchored {
        let message = "no checkpoint from outside the trail was there to compare it with, and one \
                       was required";
        let finding = Finding::new(Verdict::Unanchored, "pin", "pin", message);
        report.findings.push(finding);
        report.conclude();
    }
    if let Some(pins) = &pinning.pins
        && report.verdict.exit_code() == 0
        && let Some(new) = next_pin(storage, &report, last)
    {
        if let Some(root) = storage.local_root() {
            // An entry that is visible and not durable yet must not be remembered.
            let _ = durable::sync_dir(&root.join("ledger"));
        }
        pins.advance(pin.as_ref(), &new)?;
        if pin.is_none() {
            report.notes.push(format!(
                "this is the first verification of this trail here: from now on it must extend \
                 these {} entries ({})",
                new.size,
                pins.path(storage.url()).display()
            ));
        }
    }
    Ok(report)
}

/// What reading the anchors brought.
struct Anchored {
    /// Checkpoints that they gave.
    checkpoints: usize,
    /// Anchors that gave none, and why.
    silent: Vec<String>,
}

/// Brings what the anchors hold.
async fn read_anchors(anchors: &Anchors, trust: &mut Trust) -> Result<Anchored> {
    let Some((origin, anchors)) = anchors.load()? else {
        let message = "this trail has no anchors here; `sealtrail anchor add` makes one";
        return Err(Error::Usage(message.to_owned()));
    };
    let mut anchored = Anchored { checkpoints: 0, silent: Vec::new() };
    let reads = join_all(anchors.iter().map(|anchor| anchor.read(&origin))).await;
    for (anchor, held) in anchors.iter().zip(reads) {
        let held = match held {
            Ok(held) if held == Held::default() => {
                anchored.silent.push(format!("{}: it holds nothing of this trail", anchor.url));
                continue;
            }
            Ok(held) => held,
            Err(e) => {
                anchored.silent.push(format!("{}: {e}", anchor.url));
                continue;
            }
        };
        anchored.checkpoints += held.notes.len() + held.entries.len();
        anchored.checkpoints += usize::from(held.heartbeat.is_some());
        let notes = held.notes.into_iter();
        trust.notes.extend(notes.map(|(place, note)| BroughtNote {
            place,
            note,
            kind: NoteKind::Anchor,
        }));
        let beat = held.heartbeat.into_iter();
        trust.notes.extend(beat.map(|(place, note)| BroughtNote {
            place,
            note,
            kind: NoteKind::Heartbeat,
        }));
        trust.announced.extend(held.entries);
    }
    Ok(anchored)
}

impl Anchored {
    fn tell(self, report: &mut Report) {
        let silent = self.silent.into_iter();
        report.not_checked.extend(silent.map(|why| format!("the anchor {why}")));
        if self.checkpoints == 0 {
            let message = "no anchor gave a checkpoint to compare the ledger with";
            report.findings.push(Finding::new(Verdict::Unanchored, "anchor", "anchors", message));
            report.conclude();
        }
    }
}

fn next_pin(storage: &Storage, report: &Report, last: Option<Deep>) -> Option<Pin> {
    let root = HEXLOWER.decode(report.root.as_bytes()).ok()?.try_into().ok()?;
    let origin = report.origin.clone()?;
    let deep = match (report.level, &report.since) {
        (Level::Quick, _) => last,
        (Level::Deep, None) => Some(Deep { size: report.size, time: time_text(now_micros()) }),
        (Level::Deep, Some(since)) => {
            Some(Deep { size: report.size, time: since.last_full.clone() })
        }
    };
    Some(Pin::new(storage.url(), &Checkpoint { origin, size: report.size, root }, deep))
}
