//! A trail on a local disk that fails: a system call that returns an error, a process that is
//! killed at one, a disk that is full. Nothing acknowledged is lost, nothing is invented, and the
//! trail verifies afterwards.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

mod full;
mod injected;
mod place;

use std::io::{self, Write};

/// Says on the terminal why a test does nothing: the harness would show `print!` only of tests
/// that fail.
fn skip(reason: &str) {
    let _ = writeln!(io::stderr(), "\nskipped: {reason}");
}
