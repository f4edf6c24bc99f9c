//! The `sealtrail` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(sealtrail_cli::run(std::env::args_os()))
}
