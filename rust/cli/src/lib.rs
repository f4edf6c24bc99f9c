//! The command line of sealtrail, as a library so that the Python package runs the same code.

use std::ffi::OsString;

use clap::Command;

/// Runs the command that `args` name and gives the exit code of the process.
///
/// `args` starts with the name of the program, as in [`std::env::args_os`].
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    let command = Command::new("sealtrail")
        .about("The signed audit trail of AI agents")
        .version(env!("CARGO_PKG_VERSION"))
        .arg_required_else_help(true);
    match command.try_get_matches_from(args) {
        Ok(_) => 0,
        Err(error) => {
            // Nobody is left to tell when the terminal itself cannot be written to.
            let _ = error.print();
            u8::try_from(error.exit_code()).unwrap_or(2)
        }
    }
}
