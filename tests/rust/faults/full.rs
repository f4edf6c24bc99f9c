//! A file system without room.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::place::{Place, record, wait};
use crate::skip;

/// A file system in memory, as large as said.
struct Small(TempDir);

impl Small {
    fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={size},mode=0700");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path());
        let mounted = mount.stderr(Stdio::null()).status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    let Some(disk) = Small::mount("1m") else {
        return skip("a file system can be mounted by root only");
    };
    let place = Place(disk.path().to_owned());
    place.init();
    let ballast = disk.path().join("ballast");
    let (mut tried, mut acknowledged) = (BTreeMap::new(), BTreeSet::new());
    let mut told = BTreeSet::new();
    // Less room each time, so that it ends in a log, a segment, an entry, a position.
    for round in 0..12 {
        fs::write(&ballast, vec![1; 540_000 + round * 24_000]).unwrap_or_default();
        for n in 0..40 {
            let Ok(trail) = place.open().inspect_err(|e| told.extend([e.to_string()])) else {
                break;
            };
            let (id, pad) = (format!("r{round}-{n}"), 3000 + 700 * round);
            tried.insert(id.clone(), pad);
            match record(&trail, &id, pad) {
                Ok(id) => acknowledged.extend([id]),
                Err(e) => told.extend([e.to_string()]),
            }
            if n % 7 == round % 7 {
                let flushed = wait(trail.flush());
                flushed.unwrap_or_else(|e| told.extend([e.to_string()]));
            }
            let _ = wait(trail.close(false));
        }
        fs::remove_file(&ballast).unwrap();
        // With room again, all that was acknowledged comes into the ledger.
        let trail = place.open().unwrap();
        wait(trail.recover()).unwrap_or_else(|e| told.extend([e.to_string()]));
        wait(trail.close(false)).unwrap();
    }
    assert!(told.iter().any(|error| error.contains("No space left")), "{told:#?}");
    // What is there fits into twice the room.
    let remount = ["-o", "remount,size=8m"];
    assert!(Command::new("mount").args(remount).arg(disk.path()).status().unwrap().success());
    place.check(&tried, &acknowledged);
    assert!(acknowledged.len() > 20 && acknowledged.len() < tried.len());
}
