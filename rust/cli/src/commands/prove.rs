//! `sealtrail prove`: proofs for whoever has nothing but the owner's public key.

use std::path::PathBuf;

use clap::Args;

use super::checkpoint::write;
use crate::failure::{EXIT_NO_MATCH, Failure};
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  sealtrail prove audit_evt_0198f0c2-7a5e-7d3a-8d5e-0242ac120002 -o login.proof
  sealtrail prove --from 1200 -o grown.proof
  sealtrail check-proof login.proof --key owner.vkey

The proof of a record holds the record, its salt, the way from it to a signed checkpoint, and how
the owner authorised who signed; of other records it tells nothing but hashes and bounds. The exit
code is 1 if no record has this id. --from and --to prove that the ledger's first M entries begin
with its first N, unchanged.";

/// Prove a record, or that the ledger only grew, to whoever has the owner's public key
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Prove {
    /// The record's `audit_id`
    #[arg(required_unless_present = "from", conflicts_with_all = ["from", "to"])]
    id: Option<String>,
    /// Number of entries of the earlier state of the ledger
    #[arg(long, value_name = "N")]
    from: Option<u64>,
    /// Number of entries of the later one; otherwise as many as are signed for
    #[arg(long, value_name = "M", requires = "from")]
    to: Option<u64>,
    /// Write to this file, replacing it, instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Prove {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let trail = session.open()?;
        let proof = if let Some(from) = self.from {
            session.wait(trail.prove_consistency(from, self.to))?
        } else {
            let id = self.id.as_deref().unwrap_or_default();
            let size = session.wait(trail.view())?.size();
            let question = session.question("prove", size).filter("audit_id", id);
            let rows = session.ask(&trail, question)?;
            let Some(proof) = session.wait(trail.prove(id))? else {
                session.note(format_args!("{id}: no record has this audit_id"));
                return Ok(EXIT_NO_MATCH);
            };
            rows.set(1);
            proof
        };
        write(session, self.output.as_deref(), proof.as_bytes()).map(|()| 0)
    }
}
