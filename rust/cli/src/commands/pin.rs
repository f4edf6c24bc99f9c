//! `sealtrail pin`: what this user remembers of the trail.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use sealtrail_core::Error;
use sealtrail_core::pins::{self, Pins};
use sealtrail_core::storage::Storage;

use super::verify::trust::{self, Keys};
use crate::failure::{EXIT_NO_MATCH, Failure};
use crate::output::ReportFormat;
use crate::session::Session;
use crate::text::{aligned, grouped};

const AFTER_HELP: &str = "\
Examples:
  sealtrail pin
  sealtrail pin set colleague-checkpoint.txt
  sealtrail pin clear

The pin is the ledger's size and root as the last successful verification saw them, kept in the
folder pins of SEALTRAIL_HOME. The next verification demands that the ledger extends it. `set` takes
a signed checkpoint, such as the file `checkpoint` of a trail that somebody else has seen; its
signer must be the owner or a writer of this trail. `clear` forgets the pin, for a trail that was
replaced on purpose. `show` exits with 1 where there is none.";

/// Show, set or forget the checkpoint that the trail must extend
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Pin {
    #[command(subcommand)]
    action: Option<Action>,
    /// Otherwise table on a terminal, json elsewhere
    #[arg(short, long, value_name = "FORMAT", global = true)]
    output: Option<ReportFormat>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print the pin (as without a subcommand)
    Show,
    /// Demand from now on that the trail extends this checkpoint
    Set {
        /// A file with a signed checkpoint
        #[arg(value_name = "NOTE")]
        note: PathBuf,
        /// The owner's public key, or a file that holds it
        #[arg(long, value_name = "VKEY|FILE")]
        key: Option<String>,
    },
    /// Forget the pin
    Clear,
}

impl Pin {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let url = session.trail_url()?;
        let storage = Storage::open(&url)?;
        let pins = Pins::of(&session.home()?);
        match self.action {
            None | Some(Action::Show) => {}
            Some(Action::Clear) => {
                let there = pins.clear(storage.url())?;
                session.note(if there { "the pin is gone" } else { "there was no pin" });
                return Ok(0);
            }
            Some(Action::Set { note, key }) => {
                let path = session.file(&note);
                let text =
                    std::fs::read_to_string(&path).map_err(|error| Failure::io(path, error))?;
                let keys = Keys { key: key.as_deref(), owner_key: None };
                let owner = trust::roots(session, &storage, &keys)?.owner;
                let checkpoint = session.wait(pins::read_note(&storage, &owner, &text))?;
                pins.set(&pins::Pin::new(storage.url(), &checkpoint, None))?;
            }
        }
        let Some(pin) = pins.load(storage.url())? else {
            session.note(format_args!("no pin of {} yet", storage.url()));
            return Ok(EXIT_NO_MATCH);
        };
        if session.report_format(self.output) == ReportFormat::Json {
            let text = serde_json::to_string_pretty(&pin)
                .map_err(|error| Error::encoding("pin", error))?;
            writeln!(session.out, "{text}")?;
        } else {
            session.out.write_all(table(&pin, &pins).as_bytes())?;
        }
        Ok(0)
    }
}

fn table(pin: &pins::Pin, pins: &Pins) -> String {
    let deep = pin.deep.as_ref().map_or_else(
        || "never".to_owned(),
        |deep| format!("{} entries, all at once on {}", grouped(deep.size), deep.time),
    );
    let rows = [
        ["trail", &pin.url],
        ["origin", &pin.origin],
        ["ledger entries", &grouped(pin.size)],
        ["ledger root", &pin.root],
        ["seen", &pin.time],
        ["verified deeply", &deep],
        ["kept in", &pins.path(&pin.url).display().to_string()],
    ];
    aligned("", &rows.map(|row| row.map(str::to_owned)))
}
