//! What holds for the program as a whole.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use sealtrail_cli::Context;

use super::ground::{Ground, login};

/// A reader that goes away after some bytes, as `head` does.
struct Pipe {
    left: usize,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let length = bytes.len().min(self.left);
        self.left -= length;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn help_and_version_are_data_and_wrong_usage_is_not() {
    let ground = Ground::new();
    let version = ground.run(&["--version"]).exits(0);
    assert_eq!(version.out, format!("sealtrail {}\n", env!("CARGO_PKG_VERSION")));
    for command in [
        "init",
        "record",
        "import",
        "sql",
        "tail",
        "jobs",
        "get",
        "stats",
        "trace-chain",
        "verify-integrity",
        "pin",
        "anchor",
        "events",
        "config",
        "demo",
    ] {
        let help = ground.run(&[command, "--help"]).exits(0);
        assert!(help.out.contains("Examples:"), "{command}: {}", help.out);
        assert!(help.out.contains("--trail <URL>"), "{command}: {}", help.out);
        assert_eq!(help.err, "");
        for line in help.out.lines() {
            assert!(line.chars().count() <= 120, "{command}: {line}");
        }
    }
    let nothing = ground.run(&[]).exits(2);
    assert!(nothing.out.is_empty() && nothing.err.contains("Usage:"), "{nothing:?}");
    let wrong = ground.run(&["recrod"]).exits(2);
    assert!(wrong.err.contains("'record'"), "{}", wrong.err);
}

#[test]
fn a_reader_that_goes_away_ends_the_command_quietly() {
    let ground = Ground::with_events(&[login("ana", 1), login("ben", 2)]);
    let commands: [&[&str]; 7] = [
        &["tail"],
        &["sql", "SELECT * FROM events"],
        &["sql", "SELECT * FROM events", "-o", "parquet"],
        &["get", "login-ana-1"],
        &["stats"],
        &["events"],
        &["demo", "--events", "5000", "--jsonl", "-"],
    ];
    for command in commands {
        for left in [0, 10] {
            let mut err = Vec::new();
            let code = ground.run_into(command, b"", Pipe { left }, &mut err);
            let err = String::from_utf8(err).unwrap();
            assert_eq!((code, err.as_str()), (0, ""), "{command:?} after {left} bytes");
        }
    }
}

#[test]
fn a_verdict_counts_even_if_nobody_reads_on() {
    let ground = Ground::with_events(&[login("ana", 1)]);
    std::fs::remove_file(ground.files("audit/segments").remove(0)).unwrap();
    let code = ground.run_into(&["verify-integrity"], b"", Pipe { left: 0 }, io::sink());
    assert_eq!(code, 4);
}

#[test]
fn other_failures_of_standard_output_are_errors() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let ground = Ground::with_events(&[login("ana", 1)]);
    for command in [&["stats"][..], &["sql", "SELECT 1"]] {
        let mut err = Vec::new();
        assert_eq!(ground.run_into(command, b"", Full, &mut err), 3);
        assert!(err.starts_with(b"error: "));
    }
}

#[test]
fn a_wish_to_stop_is_exit_code_130() {
    let ground = Ground::with_events(&[login("ana", 1)]);
    ground.cancel.cancel();
    let endless = "SELECT count(*) FROM generate_series(1, 10000000000) AS a";
    for command in [&["sql", endless][..], &["verify-integrity"], &["demo", "--dir", "demo"]] {
        let stopped = ground.run(command).exits(130);
        assert!(stopped.err.contains("interrupted"), "{}", stopped.err);
    }
}

#[test]
fn silence_on_standard_input_can_be_interrupted() {
    /// Never says anything and never ends.
    struct Silent;
    impl io::Read for Silent {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            loop {
                std::thread::sleep(Duration::from_secs(60));
            }
        }
    }
    for flags in [&["record"][..], &["record", "--no-commit"]] {
        let ground = Ground::with_trail();
        let home = ground.path("home").to_str().unwrap().to_owned();
        let env = |name: &str| (name == "SEALTRAIL_HOME").then(|| home.clone());
        let cancel = ground.cancel.clone();
        let context = Context {
            stdout: Box::new(io::sink()),
            stderr: Box::new(io::sink()),
            stdin: Box::new(Silent),
            env: &env,
            cwd: ground.path(""),
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            cancel: cancel.clone(),
        };
        let started = Instant::now();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(200));
            cancel.cancel();
        });
        let arguments = ["sealtrail"].iter().chain(flags).map(Into::into);
        assert_eq!(sealtrail_cli::run_with(arguments, context), 130);
        assert!(started.elapsed() < Duration::from_secs(20));
    }
}

#[test]
fn every_shell_gets_a_script_that_knows_the_commands() {
    let ground = Ground::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = ground.run(&["completions", shell]).exits(0).out;
        assert!(script.contains("verify-integrity"), "{shell}");
        assert!(script.contains("--owner-key") || script.contains("owner-key"), "{shell}");
    }
    ground.run(&["completions", "tcsh"]).exits(2);
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let ground = Ground::new();
    let page = ground.run(&["man"]).exits(0).out;
    assert!(page.contains(".TH sealtrail 1"), "{page}");
    assert_eq!(ground.run(&["man", "--folder", "man1"]).exits(0).out, "");
    let pages = ground.files("man1");
    for name in ["sealtrail.1", "sealtrail-sql.1", "sealtrail-keys-revoke.1"] {
        assert!(pages.iter().any(|path| path.ends_with(name)), "{name}: {pages:?}");
    }
}
