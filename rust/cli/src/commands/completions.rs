//! `sealtrail completions`: what a shell needs to complete commands and options.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::args::Cli;
use crate::failure::Failure;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  sealtrail completions bash > ~/.local/share/bash-completion/completions/sealtrail
  sealtrail completions zsh > ~/.zfunc/_sealtrail
  sealtrail completions fish > ~/.config/fish/completions/sealtrail.fish";

/// Print the completion script of a shell
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        use std::io::Write;

        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "sealtrail", &mut script);
        session.out.write_all(&script)?;
        Ok(0)
    }
}
