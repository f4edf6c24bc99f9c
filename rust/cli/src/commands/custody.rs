//! `sealtrail custody`: through whose hands a package went.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use sealtrail_core::evidence::{NewHandover, add_handover};

use crate::failure::Failure;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  sealtrail custody add case-17.zip --from 'J. Doe' --to 'Court of Lyon' --purpose 'hearing'
  sealtrail verify-integrity case-17.zip --key owner.vkey --custody-head HEAD

Each hand-over is a line of the package's custody log, signed by a writer of this host (or the
owner) and bound to the line before. What is printed is the SHA-256 of the new line, the head of the
log: tell it to the receiver by another way, so that it shows if lines are cut off later.";

/// Sign that a package was handed over
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Custody {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Add a signed hand-over to the custody log of a package
    Add {
        /// The package: a folder or a zip
        package: PathBuf,
        /// Who had it
        #[arg(long, value_name = "NAME")]
        from: String,
        /// Who has it now
        #[arg(long, value_name = "NAME")]
        to: String,
    },
}

impl Custody {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let Action::Add { package, from, to } = self.action;
        let path = session.file(&package);
        let trail = session.open()?;
        let view = session.wait(trail.view())?;
        let asked = session
            .question("custody", view.size())
            .filter("package", package.display().to_string())
            .filter("from", from.clone())
            .filter("to", to.clone());
        let new = NewHandover { from: Some(from), to, purpose: asked.purpose.clone() };
        session.ask(&trail, asked)?;
        let attester = session.wait(trail.attest(&view))?;
        let head = session.wait(add_handover(&path, &attester, new))?;
        writeln!(session.out, "{head}")?;
        Ok(0)
    }
}
