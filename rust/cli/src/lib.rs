//! The command line of sealtrail, as a library so that the Python package runs the same code.
//!
//! [`run`] is the whole program: it takes the arguments and gives the exit code. [`run_with`] does
//! the same in an environment that the caller describes, which is how the tests use it.
//!
//! What holds for every command: data goes to standard output and everything else to standard
//! error; a reader that goes away ends the command quietly; times are UTC. Exit codes: 0 for
//! success, 1 when nothing matched, 2 for wrong usage, 3 when reading or writing failed or events
//! were refused, 4 when the trail's integrity does not hold, 130 when interrupted.

mod args;
mod asking;
mod cancel;
mod commands;
mod context;
mod failure;
mod filter;
mod input;
pub mod jobs;
mod output;
mod progress;
mod session;
mod text;

use std::ffi::OsString;

use clap::Parser;

pub use cancel::Cancel;
pub use context::Context;
pub use jobs::set_program;

use args::Cli;
use failure::{EXIT_INTERRUPTED, EXIT_USAGE, Failure};
use output::Stream;
use session::Session;

/// Runs the command that `args` name in this process's environment; gives its exit code.
///
/// `args` starts with the name of the program, as in [`std::env::args_os`]. The first Ctrl-C makes
/// the command stop and clean up; a second one, or a command that does not stop within five
/// seconds, ends the process.
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    no_core_dumps();
    let cancel = Cancel::default();
    cancel::on_ctrl_c(&cancel);
    let env = |name: &str| std::env::var(name).ok();
    run_with(args, Context::of_process(&env, cancel))
}

/// Keys are in memory: a crash must not write them to a file.
fn no_core_dumps() {
    #[cfg(unix)]
    if let Ok((_, hard)) = rlimit::Resource::CORE.get() {
        // Where the limit cannot be set it stays as the system has it.
        let _ = rlimit::Resource::CORE.set(0, hard);
    }
}

/// Runs the command that `args` name in the environment that `context` describes; gives its exit
/// code.
pub fn run_with(args: impl IntoIterator<Item = OsString>, context: Context<'_>) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    let mut session = Session::new(context);
    session.args = args.iter().skip(1).cloned().collect();
    let result = match Cli::try_parse_from(args) {
        Ok(cli) => cli.run(&mut session),
        Err(error) => explain(&error, &mut session),
    };
    let flushed = session.out.finish();
    let result = result.and_then(|code| flushed.map(|()| code).map_err(Failure::from));
    let recorded = session.end_asking(&result);
    let code = match result.and_then(|code| recorded.map(|()| code)) {
        Ok(code) => code,
        // Whoever read our output has seen enough, as `head` does.
        Err(_) if session.out.is_broken() => 0,
        // What fails after the user asked to stop fails because of that.
        Err(_) if session.cancel.is_cancelled() => {
            tell(&mut session.err, format_args!("interrupted"));
            EXIT_INTERRUPTED
        }
        Err(failure) => {
            failure.tell(&mut session.err);
            failure.exit_code()
        }
    };
    // Nobody is left to tell when standard error cannot be written to.
    let _ = session.err.finish();
    code
}

/// The command that these arguments name, without the program's name before them.
fn command_of(args: &[String]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("sealtrail").chain(args.iter().map(String::as_str)))
}

/// Help and version on standard output, wrong usage on standard error.
fn explain(error: &clap::Error, session: &mut Session<'_>) -> Result<u8, Failure> {
    use std::io::Write;

    let text = error.render().to_string();
    if error.use_stderr() {
        let _ = session.err.write_all(text.as_bytes());
        return Ok(EXIT_USAGE);
    }
    session.out.write_all(text.as_bytes())?;
    Ok(0)
}

/// Writes to a stream for people; a failure there changes nothing about the command.
fn tell(stream: &mut Stream<'_>, line: std::fmt::Arguments<'_>) {
    use std::io::Write;

    let _ = writeln!(stream, "{line}");
}
