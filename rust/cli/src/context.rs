//! What a command is surrounded by.

use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::PathBuf;

use crate::Cancel;

/// The environment of a command: its streams, variables and folder.
pub struct Context<'a> {
    /// Where data goes.
    pub stdout: Box<dyn Write + Send + 'a>,
    /// Where everything else goes.
    pub stderr: Box<dyn Write + Send + 'a>,
    /// What `-` reads.
    pub stdin: Box<dyn Read + Send>,
    /// Gives the value of an environment variable.
    pub env: &'a (dyn Fn(&str) -> Option<String> + Sync),
    /// Relative paths of local files and trails count from here.
    pub cwd: PathBuf,
    /// Whether a person reads standard output, and a table is the better form.
    pub stdout_is_terminal: bool,
    /// Whether a person reads standard error, and progress is to be shown.
    pub stderr_is_terminal: bool,
    /// Stops the command.
    pub cancel: Cancel,
}

impl<'a> Context<'a> {
    /// That of this process.
    pub(crate) fn of_process(
        env: &'a (dyn Fn(&str) -> Option<String> + Sync),
        cancel: Cancel,
    ) -> Self {
        Self {
            stdout: Box::new(BufWriter::with_capacity(64 * 1024, io::stdout())),
            stderr: Box::new(io::stderr()),
            stdin: Box::new(io::stdin()),
            env,
            cwd: std::env::current_dir().unwrap_or_default(),
            stdout_is_terminal: io::stdout().is_terminal(),
            stderr_is_terminal: io::stderr().is_terminal(),
            cancel,
        }
    }
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("cwd", &self.cwd)
            .field("stdout_is_terminal", &self.stdout_is_terminal)
            .field("stderr_is_terminal", &self.stderr_is_terminal)
            .finish_non_exhaustive()
    }
}
