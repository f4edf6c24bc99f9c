//! The program as a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::ground::{Ground, Outcome};

/// Nothing takes so long, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(120);

fn command(ground: &Ground, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealtrail"));
    command
        .args(arguments)
        .current_dir(ground.path(""))
        .env("SEALTRAIL_HOME", ground.path("home"))
        .env_remove("SEALTRAIL_TRAIL")
        .env_remove("SEALTRAIL_CONFIG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs a process to its end.
pub(crate) fn run(ground: &Ground, arguments: &[&str], input: &str) -> Outcome {
    let mut child = command(ground, arguments).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = done.status.code().unwrap_or(255).try_into().unwrap();
    Outcome { code, out: text(done.stdout), err: text(done.stderr) }
}

/// Sends a signal to a process.
pub(crate) fn signal(name: &str, pid: u64) {
    let done = Command::new("kill").args([name, &pid.to_string()]).status().unwrap();
    assert!(done.success());
}

/// Waits until something is so.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A process that goes on, and the lines that it writes.
pub(crate) struct Going {
    pub(crate) child: Child,
    lines: Receiver<String>,
}

impl Going {
    pub(crate) fn start(ground: &Ground, arguments: &[&str]) -> Self {
        let mut child = command(ground, arguments).stderr(Stdio::null()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// The next line, as JSON.
    pub(crate) fn next(&self) -> Value {
        serde_json::from_str(&self.lines.recv_timeout(PATIENCE).unwrap()).unwrap()
    }

    /// Ends it as Ctrl-C does; gives its exit code and the lines that were left.
    pub(crate) fn interrupt(mut self) -> (Option<i32>, Vec<Value>) {
        signal("-INT", self.child.id().into());
        let code = self.child.wait().unwrap().code();
        let rest = self.lines.iter().map(|line| serde_json::from_str(&line).unwrap()).collect();
        (code, rest)
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
