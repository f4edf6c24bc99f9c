//! `sealtrail man`: the manual pages.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, CommandFactory};

use crate::args::Cli;
use crate::failure::Failure;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  sealtrail man | man -l -
  sealtrail man --folder ~/.local/share/man/man1";

/// Print the manual page, or write those of all commands
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Man {
    /// Write the pages of the program and of every command into this folder
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let command = Cli::command();
        if let Some(folder) = &self.folder {
            let folder = session.file(folder);
            let written = std::fs::create_dir_all(&folder)
                .and_then(|()| clap_mangen::generate_to(command, &folder));
            written.map_err(|error| Failure::io(folder, error))?;
            return Ok(0);
        }
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page)?;
        session.out.write_all(&page)?;
        Ok(0)
    }
}
