//! Our trees, proofs, notes and primitives against the test vectors and implementations of others.
//!
//! `tests/vectors/external/README.md` names the sources.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

mod ed25519;
mod golang;
mod macs;
mod notes;
mod openssl;
mod proofs;
mod trees;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use data_encoding::HEXLOWER;
use serde_json::Value;

/// A file of `tests/vectors/external`.
fn external(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/external");
    fs::read_to_string(folder.join(name)).unwrap()
}

/// Number of entries of the golden trail.
const GOLDEN_ENTRIES: usize = 18;

/// The golden trail: made by another run than this, under keys that are kept here.
fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/v1").join(name)
}

/// Whether a program is installed. Says on the terminal that a test does nothing without it: the
/// harness would show `print!` only of tests that fail.
fn installed(program: &str, version: &str) -> bool {
    let mut run = Command::new(program);
    run.arg(version).stdout(Stdio::null()).stderr(Stdio::null());
    let found = run.status().is_ok_and(|status| status.success());
    if !found {
        let _ = writeln!(io::stderr(), "\nskipped: {program} is not installed");
    }
    found
}

/// A member of a vector that is text.
fn text<'a>(vector: &'a Value, name: &str) -> &'a str {
    vector[name].as_str().unwrap_or_else(|| panic!("{name} in {vector}"))
}

/// A member of a vector that is bytes in hex.
fn hex(vector: &Value, name: &str) -> Vec<u8> {
    HEXLOWER.decode(text(vector, name).as_bytes()).unwrap()
}

/// The groups of a Wycheproof file, which must be of this algorithm and hold so many tests.
fn wycheproof(file: &str, algorithm: &str, tests: usize) -> Vec<Value> {
    let all: Value = serde_json::from_str(&external(&format!("wycheproof/{file}"))).unwrap();
    assert_eq!(text(&all, "algorithm"), algorithm);
    let groups = all["testGroups"].as_array().unwrap().clone();
    let count: usize = groups.iter().map(|group| group["tests"].as_array().unwrap().len()).sum();
    assert_eq!((count, all["numberOfTests"].as_u64()), (tests, Some(tests as u64)));
    groups
}

/// Whether a Wycheproof test must succeed. None of those read here leaves it open.
fn valid(test: &Value) -> bool {
    match text(test, "result") {
        "valid" => true,
        "invalid" => false,
        other => panic!("{other} in {test}"),
    }
}
