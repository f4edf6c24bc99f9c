//! The fuzz targets over mutations of their corpus, the same ones each time.
//!
//! `SEALTRAIL_FUZZ=N` runs N times as many. `rust/fuzz` runs the same functions under libFuzzer.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

mod corpus;
mod mutate;
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;

use mutate::Mutator;

/// Address space of the process that is fuzzed, in KiB: a length that is believed ends it.
const ADDRESS_SPACE: &str = "4194304";
const INSIDE: &str = "SEALTRAIL_TEST_FUZZ_INSIDE";

fn times() -> u64 {
    std::env::var("SEALTRAIL_FUZZ").map_or(1, |text| text.parse().expect("SEALTRAIL_FUZZ=N"))
}

/// Runs a target in a process of its own, of limited size.
fn fuzz(name: &str, target: fn(&[u8]) -> bool, corpus: &[Vec<u8>], rounds: u64) {
    if std::env::var_os(INSIDE).is_some() {
        return inside(name, target, corpus, rounds * times());
    }
    let limited = format!("ulimit -v {ADDRESS_SPACE} && exec \"$0\" \"$@\"");
    let output = Command::new("sh")
        .args(["-c", &limited])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {told}", output.status);
}

fn inside(name: &str, target: fn(&[u8]) -> bool, corpus: &[Vec<u8>], rounds: u64) {
    assert!(!corpus.is_empty() && corpus.iter().all(|input| target(input)), "corpus of {name}");
    for seed in 0..rounds {
        let input = Mutator::new(seed).mutate(corpus);
        if catch_unwind(AssertUnwindSafe(|| target(&input))).is_err() {
            let file = std::env::temp_dir().join(format!("sealtrail-fuzz-{name}-{seed}"));
            std::fs::write(&file, &input).unwrap();
            panic!("{name}: seed {seed}, kept in {}", file.display());
        }
    }
}

#[test]
fn records() {
    fuzz("records", targets::record, &corpus::records(), 200_000);
}

#[test]
fn logs() {
    fuzz("logs", targets::log, &corpus::logs(), 10_000);
}

#[test]
fn entries() {
    fuzz("entries", targets::entry, &corpus::entries(), 200_000);
}

#[test]
fn notes() {
    fuzz("notes", targets::note, &corpus::notes(), 400_000);
}

#[test]
fn proofs() {
    fuzz("proofs", targets::proof, &corpus::proofs(), 40_000);
}

#[test]
fn mappings() {
    fuzz("mappings", targets::mapping, &corpus::mappings(), 80_000);
}

#[test]
fn segments() {
    fuzz("segments", targets::segment, &corpus::segments(), 80_000);
}

/// Gives libFuzzer the corpus: a folder for each target in that which `SEALTRAIL_FUZZ_CORPUS`
/// names.
#[test]
fn writes_the_corpus() {
    let Some(folder) = std::env::var_os("SEALTRAIL_FUZZ_CORPUS") else { return };
    let all = [
        ("record", corpus::records()),
        ("log", corpus::logs()),
        ("entry", corpus::entries()),
        ("note", corpus::notes()),
        ("proof", corpus::proofs()),
        ("mapping", corpus::mappings()),
        ("segment", corpus::segments()),
    ];
    for (target, inputs) in all {
        let folder = std::path::Path::new(&folder).join(target);
        std::fs::create_dir_all(&folder).unwrap();
        for (n, input) in inputs.iter().enumerate() {
            std::fs::write(folder.join(n.to_string()), input).unwrap();
        }
    }
}
