//! `sealtrail checkpoint`: a signed statement of the whole ledger.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use sealtrail_core::Error;

use crate::failure::Failure;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  sealtrail checkpoint
  sealtrail checkpoint -o audit-$(date +%F).checkpoint
  sealtrail checkpoint --keep audit-2026-03-01.witnessed
  sealtrail checkpoint --cosigned

A checkpoint is a C2SP signed note: the trail's name, the number of ledger entries, their root and
a signature. Keep it where nobody who can change the trail can change it: a ledger that was cut off
or replaced later does not extend it (`sealtrail prove --from N`).

What a witness or an auditor signed too can be handed in with --keep: it is kept in the trail, where no
newer checkpoint replaces it. The lines of others are kept as they are and not checked.";

/// Print a signed checkpoint of the ledger
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Checkpoint {
    /// Write to this file, replacing it, instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Keep this checkpoint of the trail, which others signed too, beside the ledger
    #[arg(long, value_name = "FILE", conflicts_with_all = ["output", "cosigned"])]
    keep: Option<PathBuf>,

    /// The newest checkpoint that was kept so, with all its lines
    #[arg(long)]
    cosigned: bool,
}

impl Checkpoint {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let trail = session.open()?;
        if let Some(file) = &self.keep {
            let path = session.file(file);
            let note = std::fs::read_to_string(&path).map_err(|e| Failure::io(&path, e))?;
            let kept = session.wait(trail.keep_cosigned(&note))?;
            let (size, others) = (kept.checkpoint.size, kept.others.join(", "));
            session.note(format!("kept the checkpoint of {size} entries, signed by {others} too"));
            return Ok(0);
        }
        let note = if self.cosigned {
            let newest = session.wait(trail.cosigned())?.pop();
            newest.ok_or_else(nobody_else)?.note
        } else {
            session.wait(trail.checkpoint())?
        };
        write(session, self.output.as_deref(), note.as_bytes()).map(|()| 0)
    }
}

fn nobody_else() -> Failure {
    let message = "no checkpoint that others signed was kept".to_owned();
    Failure::from(Error::NotFound(message)).hint("--keep FILE keeps one")
}

/// Writes a small file, or to standard output.
pub(super) fn write(
    session: &mut Session<'_>,
    output: Option<&Path>,
    bytes: &[u8],
) -> Result<(), Failure> {
    match output {
        Some(path) => {
            let path = session.file(path);
            std::fs::write(&path, bytes).map_err(|e| Failure::io(path, e))
        }
        None => Ok(session.out.write_all(bytes)?),
    }
}
