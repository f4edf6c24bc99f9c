//! `sealtrail checkpoint`: a signed statement of the whole ledger.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::failure::Failure;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  sealtrail checkpoint
  sealtrail checkpoint -o audit-$(date +%F).checkpoint

A checkpoint is a C2SP signed note: the trail's name, the number of ledger entries, their root and
a signature. Keep it where nobody who can change the trail can change it: a ledger that was cut off
or replaced later does not extend it (`sealtrail prove --from N`).";

/// Print a signed checkpoint of the ledger
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Checkpoint {
    /// Write to this file, replacing it, instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Checkpoint {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let trail = session.open()?;
        let note = session.wait(trail.checkpoint())?;
        write(session, self.output.as_deref(), note.as_bytes()).map(|()| 0)
    }
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
