//! `strace` lets each system call that writes fail in turn, or kills the process at it, while it
//! recovers, records, loads, commits and closes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use sealtrail_core::Result;
use sealtrail_core::trail::Trail;

use crate::place::{Place, load, record, wait};
use crate::skip;

const FOLDER: &str = "SEALTRAIL_TEST_DRIVE";
const SIGKILL: i32 = 9;
/// Every call of these is met. The newer names are those that libraries use on some platforms.
const CALLS: [&str; 8] = [
    "openat",
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "rename",
    "link,linkat",
    "unlink,unlinkat",
];
const FAULTS: [&str; 3] = ["error=EIO", "error=ENOSPC", "signal=SIGKILL"];
/// Ids that the trail holds before: in the ledger, and in a log.
const BEFORE: [&str; 4] = ["old-1", "old-2", "log-1", "log-2"];
/// What the driver records one by one, and what it loads in bulk.
const SINGLE: [&str; 5] = ["new-1", "new-2", "new-3", "new-4", "new-5"];
const BULK: [&str; 2] = ["bulk-1", "bulk-2"];

/// One line to whoever counts what was acknowledged; the end if even that fails.
#[allow(clippy::exit, reason = "the end of the driver")]
fn tell(ids: &[&str]) {
    let lines: String = ids.iter().map(|id| format!("\nack {id}\n")).collect();
    if io::stdout().write_all(lines.as_bytes()).and_then(|()| io::stdout().flush()).is_err() {
        std::process::exit(1);
    }
}

/// As a program does that goes on after an error with the trail opened anew.
struct Driver {
    place: Place,
    trail: Option<Trail>,
}

impl Driver {
    fn step(&mut self, work: impl Fn(&Trail) -> Result<()>) {
        for _ in 0..2 {
            let opened = self.trail.take().map_or_else(|| self.place.open(), Ok);
            let Ok(trail) = opened else { return };
            if work(&trail).is_ok() {
                self.trail = Some(trail);
                return;
            }
            let _ = wait(trail.close(false));
        }
    }

    fn record(&mut self, id: &str) {
        self.step(|trail| record(trail, id, 0).map(|id| tell(&[&id])));
    }
}

/// The program that faults befall; nothing unless this is that program.
#[test]
fn driven() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let mut driver = Driver { place: Place(folder.into()), trail: None };
    driver.record(SINGLE[0]);
    driver.record(SINGLE[1]);
    driver.step(|trail| wait(trail.flush()));
    driver.record(SINGLE[2]);
    driver.step(|trail| load(trail, &BULK).map(|_| tell(&BULK)));
    driver.record(SINGLE[3]);
    driver.step(|trail| wait(trail.close(true)));
    driver.trail = None;
    driver.record(SINGLE[4]);
    driver.step(|trail| wait(trail.flush()));
}

/// A place that is as it was before each trial. Its path stays: state is bound to it.
struct Ground {
    base: tempfile::TempDir,
    place: tempfile::TempDir,
}

/// How a trial ended.
struct Trial {
    /// The fault happened: there was such a call.
    met: bool,
    acknowledged: BTreeSet<String>,
}

impl Ground {
    fn new() -> Self {
        // In memory where there is such a folder: a thousand trials sync often.
        let memory = Path::new("/dev/shm");
        let folder =
            || if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let (base, place) = (folder().unwrap(), folder().unwrap());
        let made = Place(place.path().to_owned());
        made.init();
        let trail = made.open().unwrap();
        record(&trail, BEFORE[0], 0).unwrap();
        wait(trail.flush()).unwrap();
        record(&trail, BEFORE[1], 0).unwrap();
        wait(trail.close(true)).unwrap();
        let trail = made.open().unwrap();
        record(&trail, BEFORE[2], 0).unwrap();
        record(&trail, BEFORE[3], 0).unwrap();
        wait(trail.close(false)).unwrap();
        Place::copy(place.path(), base.path());
        Self { base, place }
    }

    fn restore(&self) {
        for name in ["audit", "home"] {
            fs::remove_dir_all(self.place.path().join(name)).unwrap();
        }
        Place::copy(self.base.path(), self.place.path());
    }

    fn run(&self, call: &str, fault: &str, nth: u64) -> Trial {
        let log = self.base.path().join("strace.log");
        let output = Command::new("strace")
            .args(["-f", "-qq", "--seccomp-bpf", "-e", &format!("trace={call}"), "-o"])
            .arg(&log)
            .args(["-e", &format!("inject={call}:{fault}:when={nth}")])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "injected::driven", "--nocapture", "--test-threads=1"])
            .env(FOLDER, self.place.path())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let acknowledged = text.lines().filter_map(|line| line.strip_prefix("ack "));
        let killed = output.status.signal() == Some(SIGKILL);
        let log = fs::read_to_string(&log).unwrap_or_default();
        Trial {
            met: killed || log.contains("(INJECTED)"),
            acknowledged: acknowledged.map(str::to_owned).collect(),
        }
    }

    /// One fault after the other at every call of one kind, until there is no such call any more.
    fn all(&self, call: &str, fault: &str) -> u64 {
        let tried = BEFORE.iter().chain(&SINGLE).chain(&BULK);
        let tried: BTreeMap<String, usize> = tried.map(|id| ((*id).to_owned(), 0)).collect();
        for nth in 1.. {
            let Trial { met, mut acknowledged } = self.run(call, fault, nth);
            println!("{call} {fault} {nth}: {} acknowledged", acknowledged.len());
            acknowledged.extend(BEFORE.map(str::to_owned));
            Place(self.place.path().to_owned()).check(&tried, &acknowledged);
            self.restore();
            if !met {
                assert_eq!(acknowledged.len(), tried.len(), "all is well without a fault");
                return nth - 1;
            }
        }
        unreachable!()
    }
}

#[test]
fn every_call_that_writes_may_fail_or_be_the_last() {
    let works = Command::new("strace")
        .args([
            "-f",
            "-qq",
            "--seccomp-bpf",
            "-o",
            "/dev/null",
            "-e",
            "inject=fsync:error=EIO",
            "true",
        ])
        .stderr(Stdio::null())
        .status();
    if !works.is_ok_and(|status| status.success()) {
        return skip("strace is not installed, or may not trace here");
    }
    let kinds: Vec<_> = CALLS.iter().flat_map(|call| FAULTS.map(|fault| (call, fault))).collect();
    let (next, trials) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let ground = Ground::new();
                while let Some((call, fault)) = kinds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let met = ground.all(call, fault);
                    trials.fetch_add(usize::try_from(met).unwrap(), Ordering::Relaxed);
                }
            });
        }
    });
    let trials = trials.into_inner();
    println!("{trials} faults");
    assert!(trials > 200, "{trials} faults");
}
