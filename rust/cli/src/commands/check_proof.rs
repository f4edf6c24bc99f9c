//! `sealtrail check-proof`: does a proof hold? Needs no trail.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use sealtrail_core::Error;
use sealtrail_core::note;
use sealtrail_core::proof::{self, Checked, Consistency, Shown, Signer, TreeState};

use super::verify::trust::vkey_text;
use crate::failure::Failure;
use crate::output::{ReportFormat, Stream};
use crate::session::Session;
use crate::text::{aligned, count};

const AFTER_HELP: &str = "\
Examples:
  sealtrail check-proof login.proof --key owner.vkey
  sealtrail check-proof grown.proof --key owner.vkey --checkpoint audit-2026-03-01.checkpoint
  sealtrail check-proof - --key \"$OWNER_VKEY\" -o json < login.proof

No trail, network or secret is needed. The exit code is 0 if the proof holds, and 4 if not.";

/// Check a proof with the owner's public key, offline
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct CheckProof {
    /// The proof; `-` reads it from standard input
    file: PathBuf,
    /// The owner's public key, or a file that holds it
    #[arg(long, value_name = "VKEY|FILE")]
    key: String,
    /// A checkpoint kept from elsewhere: the proof must show the same state of
    /// the ledger
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    checkpoint: Option<PathBuf>,
    /// Otherwise table on a terminal, json elsewhere
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<ReportFormat>,
}

impl CheckProof {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let bytes = read(session, &self.file)?;
        let vkey = vkey_text(session, &self.key)?;
        let shown = proof::check_any(&bytes, vkey.trim())?;
        if let Some(path) = &self.checkpoint {
            demand(&shown, session, path)?;
        }
        match session.report_format(self.output) {
            ReportFormat::Json => {
                let text = serde_json::to_string_pretty(&shown)
                    .map_err(|error| Error::encoding("proof", error))?;
                writeln!(session.out, "{text}")?;
            }
            ReportFormat::Table => print(&mut session.out, &shown)?,
        }
        Ok(0)
    }
}

fn read(session: &mut Session<'_>, path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        if let Some(mut stdin) = session.stdin.take() {
            stdin.read_to_end(&mut bytes).map_err(|e| Failure::io("-", e))?;
        }
        return Ok(bytes);
    }
    let path = session.file(path);
    std::fs::read(&path).map_err(|e| Failure::io(path, e))
}

/// That the proof shows the state of a checkpoint which the user kept.
fn demand(shown: &Shown, session: &Session<'_>, path: &Path) -> Result<(), Failure> {
    let text = std::fs::read_to_string(session.file(path));
    let text = text.map_err(|e| Failure::io(session.file(path), e))?;
    let kept = note::Checkpoint::parse(&text)?.checkpoint;
    let (origin, states) = match shown {
        Shown::Record(checked) => (&checked.origin, vec![&checked.checkpoint]),
        Shown::Consistency(grown) => (&grown.origin, vec![&grown.from, &grown.to]),
    };
    let place = path.display().to_string();
    if *origin != kept.origin {
        let message = format!("it is of log {:?}, the proof of {origin:?}", kept.origin);
        return Err(Error::integrity(place, message).into());
    }
    match states.iter().find(|state| state.size == kept.size) {
        Some(state) if state.root == kept.root => Ok(()),
        Some(_) => {
            let size = count(kept.size, "entry");
            let message = format!("its {size} are others than the proof's: the ledger was forked");
            Err(Error::integrity(place, message).into())
        }
        None => Err(Failure::usage(format!(
            "{place} is a checkpoint of {}, of which the proof shows nothing",
            count(kept.size, "entry")
        ))
        .hint(format!("`sealtrail prove --from {}` makes a proof that does", kept.size))),
    }
}

fn print(out: &mut Stream<'_>, shown: &Shown) -> std::io::Result<()> {
    match shown {
        Shown::Record(checked) => print_record(out, checked),
        Shown::Consistency(grown) => print_consistency(out, grown),
    }
}

fn print_record(out: &mut Stream<'_>, checked: &Checked) -> std::io::Result<()> {
    writeln!(out, "HOLDS  record {}", checked.audit_id)?;
    let mut rows = vec![
        row("event", format!("{} at {}", checked.event_type, checked.timestamp)),
        row("recorded", format!("at {} by {}", checked.recorded_at, checked.writer)),
        row("committed", format!("at {} by ledger entry {}", checked.entry_time, checked.entry)),
        row("stored", format!("in {}, batch {}", checked.segment, checked.batch)),
    ];
    rows.extend(signed(&checked.signers, &checked.checkpoint, &checked.checkpoint_signer));
    rows.push(row("trail", format!("{} ({})", checked.trail_id, checked.origin)));
    out.write_all(aligned("  ", &rows).as_bytes())?;
    writeln!(out, "  {}", checked.record)?;
    not_shown(out, &checked.signers, checked.checkpoint.size)?;
    writeln!(
        out,
        "  not shown: that the event is true, and that the ledger was not forked or cut off since"
    )
}

fn print_consistency(out: &mut Stream<'_>, grown: &Consistency) -> std::io::Result<()> {
    let (from, to) = (&grown.from, &grown.to);
    writeln!(out, "HOLDS  {} begin with the first {}", count(to.size, "entry"), from.size)?;
    let mut rows = vec![row("earlier", state(from))];
    rows.extend(signed(&grown.signers, to, &grown.checkpoint_signer));
    rows.push(row("trail", format!("{} ({})", grown.trail_id, grown.origin)));
    out.write_all(aligned("  ", &rows).as_bytes())?;
    not_shown(out, &grown.signers, to.size)
}

fn row(name: &str, value: String) -> [String; 2] {
    [name.to_owned(), value]
}

fn state(tree: &TreeState) -> String {
    let root: String = tree.root.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}, root {root}", count(tree.size, "entry"))
}

fn signed<'a>(
    signers: &'a [Signer],
    checkpoint: &'a TreeState,
    by: &'a str,
) -> impl Iterator<Item = [String; 2]> + 'a {
    let stated = row("checkpoint", format!("{}, signed by {by}", state(checkpoint)));
    let told = |signer: &Signer| {
        let Signer { writer, authorized, revoked } = signer;
        let mut text = format!("{writer}, authorised by the owner in entry {authorized}");
        if let Some(revoked) = revoked {
            text += &format!(
                ", REVOKED later, in entry {} at {}: {}",
                revoked.entry, revoked.time, revoked.reason
            );
        }
        row("signer", text)
    };
    std::iter::once(stated).chain(signers.iter().map(told))
}

fn not_shown(out: &mut Stream<'_>, signers: &[Signer], size: u64) -> std::io::Result<()> {
    for signer in signers.iter().filter(|signer| signer.revoked.is_none()) {
        writeln!(
            out,
            "  not shown: that none of the {} revokes {}; who made the proof says so",
            count(size, "entry"),
            signer.writer
        )?;
    }
    Ok(())
}
