//! Random histories of one log with kills, power failures and failing disks: whatever happens,
//! nothing acknowledged is lost, doubled or changed.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::MetadataExt;

use proptest::prelude::*;

use super::tests::{Faults, SharedFaults, assert_records, key, key_of, options, record, scratch};
use super::*;

#[derive(Debug, Clone)]
enum Step {
    Append,
    /// Several records with one write.
    Group(u8),
    /// The next epoch or the same one.
    Rotate(bool),
    /// Commit up to a share of what was acknowledged.
    Commit(u8),
    /// The process dies: what was written stays.
    Kill,
    /// The machine fails: of what was not synced a share stays, followed by garbage.
    PowerFailure {
        share: u8,
        garbage: Vec<u8>,
        stale_hint: bool,
    },
    /// A coming write or sync fails.
    Fault {
        write: bool,
        after: u8,
        short: u8,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Append),
        3 => (1_u8..6).prop_map(Step::Group),
        1 => any::<bool>().prop_map(Step::Rotate),
        1 => any::<u8>().prop_map(Step::Commit),
        1 => Just(Step::Kill),
        2 => (any::<u8>(), prop::collection::vec(any::<u8>(), 0..40), any::<bool>())
            .prop_map(|(share, garbage, stale_hint)| Step::PowerFailure { share, garbage, stale_hint }),
        1 => (any::<bool>(), 1_u8..4, 0_u8..90)
            .prop_map(|(write, after, short)| Step::Fault { write, after, short }),
    ]
}

struct Machine {
    dir: tempfile::TempDir,
    wal: Option<Wal>,
    faults: SharedFaults,
    epoch: u64,
    acknowledged: u64,
    committed: u64,
}

impl Machine {
    fn boot(&mut self) {
        self.wal = None;
        let mut durable = std::mem::take(&mut *self.faults.lock().unwrap()).durable;
        let before = self.inodes();
        let recovered = recover(self.dir.path(), &key_of, self.committed).unwrap();
        assert!(recovered.next > self.acknowledged, "an acknowledged record is lost");
        assert_records(&recovered.frames, self.committed + 1, recovered.next - 1);
        // From here on recovery has promised them. What it wrote is durable; what it left alone
        // is as durable as before.
        self.acknowledged = recovered.next - 1;
        for (path, (size, inode)) in self.inodes() {
            if before.get(&path).is_none_or(|(_, old)| *old != inode) {
                durable.insert(path, size);
            }
        }
        *self.faults.lock().unwrap() = Faults { durable, ..Faults::default() };
        let options = options(&self.faults, SyncMode::Always);
        let options = WalOptions { rotate_bytes: 500, ..options };
        let wal = Wal::start(self.dir.path(), &recovered, self.epoch, key(self.epoch), options);
        self.wal = Some(wal.unwrap());
    }

    /// Size and inode of each log file: what is replaced has another inode.
    fn inodes(&self) -> BTreeMap<PathBuf, (u64, u64)> {
        let firsts = files(self.dir.path()).unwrap();
        let paths = firsts.into_iter().map(|first| file_path(self.dir.path(), first));
        paths
            .map(|path| {
                let metadata = fs::metadata(&path).unwrap();
                (path, (metadata.len(), metadata.ino()))
            })
            .collect()
    }

    fn append(&mut self, count: u64) {
        let Some(wal) = &self.wal else { return };
        let next = wal.next_sequence();
        let numbers: Result<Vec<u64>> =
            (next..next + count).map(|n| wal.enqueue(None, &record(n))).collect();
        if numbers.and_then(|_| wal.wait(next + count - 1)).is_ok() {
            self.acknowledged = next + count - 1;
        }
    }

    fn power_failure(&mut self, share: u8, garbage: &[u8], stale_hint: bool) {
        self.wal = None;
        for first in files(self.dir.path()).unwrap() {
            let path = file_path(self.dir.path(), first);
            let size = fs::metadata(&path).unwrap().len();
            let durable =
                self.faults.lock().unwrap().durable.get(&path).map_or(size, |d| size.min(*d));
            if durable < size {
                let kept = durable + (size - durable) * u64::from(share) / 255;
                let file = OpenOptions::new().append(true).open(&path).unwrap();
                file.set_len(kept).unwrap();
                (&file).write_all(garbage).unwrap();
            }
        }
        if stale_hint {
            fs::write(self.dir.path().join(SYNCED), self.committed.to_be_bytes()).unwrap();
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Append => self.append(1),
            Step::Group(count) => self.append(u64::from(*count)),
            Step::Rotate(next) => {
                let epoch = (self.epoch + u64::from(*next)).min(9);
                if let Some(wal) = &self.wal
                    && wal.rotate(epoch, key(epoch)).is_ok()
                {
                    self.epoch = epoch;
                    self.acknowledged = wal.next_sequence() - 1;
                }
            }
            Step::Commit(share) => {
                let open = self.acknowledged - self.committed;
                self.committed += open * u64::from(*share) / 255;
                if let Some(wal) = &self.wal {
                    // Fails if the log is poisoned, or is by syncing for a new file.
                    match wal.remove_committed(self.committed) {
                        Ok(_) | Err(Error::Poisoned(_)) => {}
                        Err(e) => panic!("{e}"),
                    }
                }
            }
            Step::Kill => self.boot(),
            Step::PowerFailure { share, garbage, stale_hint } => {
                self.power_failure(*share, garbage, *stale_hint);
                self.boot();
            }
            Step::Fault { write, after, short } => {
                let mut faults = self.faults.lock().unwrap();
                let counter = if *write { &mut faults.fail_write } else { &mut faults.fail_sync };
                *counter = u32::from(*after);
                faults.short = usize::from(*short);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn acknowledged_means_durable_exactly_once(steps in prop::collection::vec(step(), 1..40)) {
        let mut machine = Machine {
            dir: scratch(),
            wal: None,
            faults: SharedFaults::default(),
            epoch: 1,
            acknowledged: 0,
            committed: 0,
        };
        machine.boot();
        for step in &steps {
            machine.step(step);
            let snapshot = WalSnapshot::open(machine.dir.path()).unwrap();
            let frames = snapshot.frames(machine.committed).unwrap();
            prop_assert!(snapshot.synced() >= machine.acknowledged);
            assert_records(&frames, machine.committed + 1, snapshot.synced());
        }
        machine.boot();
    }
}
