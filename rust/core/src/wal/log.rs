//! The writing end of a log: group commit without a thread of its own.

use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::frame::{Chain, encode_frame, encode_header, fits};
use super::{LogRange, Recovered, SYNCED, file_path};
use crate::encryption::{LogCipher, LogSealing};
use crate::keys::HmacKey;
use crate::storage::durable::{self, Access, AppendFile, HintFile};
use crate::{Error, Result};

/// A buffer that grew above this for one burst is not kept.
const KEPT_BUFFER: usize = 1 << 20;

/// When a record counts as durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SyncMode {
    /// When it is synced. Nothing that was acknowledged is ever lost.
    #[default]
    Always,
    /// When it is written; synced at the first append after this time since the last sync, or by
    /// [`Wal::sync_if_due`]. A killed process loses nothing; when the machine fails, what was
    /// acknowledged within about this time may be lost, provided that `sync_if_due` is called at
    /// least as often.
    Interval(Duration),
}

/// The file operations of a log, so that tests can make them fail.
pub trait LogFile: Send + Sync {
    /// Writes all the bytes at the end of the file.
    ///
    /// # Errors
    /// The operating system's; some of the bytes may have been written.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;

    /// Makes what was written last.
    ///
    /// # Errors
    /// The operating system's.
    fn sync(&self) -> io::Result<()>;
}

impl LogFile for AppendFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        AppendFile::append(self, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        AppendFile::sync(self)
    }
}

/// Opens an existing file for appending.
pub type OpenLog = Arc<dyn Fn(&Path) -> io::Result<Box<dyn LogFile>> + Send + Sync>;

/// How a log is written.
#[derive(Clone)]
pub struct WalOptions {
    /// When a record counts as durable.
    pub sync: SyncMode,
    /// A file of this many bytes is left for a new one when something in it is committed
    /// ([`Wal::remove_committed`]).
    pub rotate_bytes: u64,
    /// How files are opened; tests put failing ones here.
    pub open: OpenLog,
    /// What new files are encrypted with; nothing if `None`.
    pub sealing: Option<LogSealing>,
}

impl Default for WalOptions {
    fn default() -> Self {
        let open = |path: &Path| AppendFile::open(path).map(|file| Box::new(file) as _);
        let open = Arc::new(open);
        Self { sync: SyncMode::default(), rotate_bytes: 8 << 20, open, sealing: None }
    }
}

impl std::fmt::Debug for WalOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WalOptions").field("sync", &self.sync).finish_non_exhaustive()
    }
}

/// A writer's log, open for appending. Shared by reference among threads.
///
/// After a failed write or sync the log is poisoned: what that call wrote may or may not be
/// there, and every later call fails with `Error::Poisoned` until the log is recovered.
#[derive(Debug)]
pub struct Wal {
    dir: PathBuf,
    options: WalOptions,
    hint: HintFile,
    state: Mutex<State>,
    /// Where threads wait for their turn of writing, odd and even turns apart: the end of one
    /// wakes those whose records it wrote, and one of the others, to lead the next.
    turns: [Condvar; 2],
}

struct State {
    key: HmacKey,
    epoch: u64,
    chain: Chain,
    /// What encrypts the frames of the current file.
    cipher: Option<LogCipher>,
    file: Arc<dyn LogFile>,
    path: PathBuf,
    /// First sequence number of the current file.
    first: u64,
    /// Bytes of frames in the current file, written or not.
    bytes: u64,
    /// Files before the current one.
    closed: Vec<LogRange>,
    /// Encoded frames that are not written yet.
    buffer: Vec<u8>,
    spare: Vec<u8>,
    /// The sequence number of the next record.
    next: u64,
    /// The last sequence number that was written, and synced.
    written: u64,
    synced: u64,
    last_sync: Instant,
    /// A thread is writing or syncing, without the lock.
    busy: bool,
    /// How many threads began to write or sync before and now.
    turn: usize,
    /// The last sequence number of that turn.
    turn_last: u64,
    poisoned: Option<String>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("path", &self.path)
            .field("next", &self.next)
            .field("synced", &self.synced)
            .field("poisoned", &self.poisoned)
            .finish_non_exhaustive()
    }
}

impl State {
    fn check(&self) -> Result<()> {
        match &self.poisoned {
            None => Ok(()),
            Some(why) => Err(Error::Poisoned(why.clone())),
        }
    }
}

impl Wal {
    /// Goes on with a recovered (or new) log, in a new file of this epoch.
    ///
    /// # Errors
    /// `Error::Io` if the file cannot be made.
    pub fn start(
        dir: &Path,
        recovered: &Recovered,
        epoch: u64,
        key: HmacKey,
        options: WalOptions,
    ) -> Result<Self> {
        let first = recovered.next;
        let path = file_path(dir, first);
        let (file, cipher) = new_file(&path, &key, epoch, first, &options)?;
        let state = State {
            chain: Chain::start(&key, first),
            key,
            epoch,
            cipher,
            file,
            path,
            first,
            bytes: 0,
            closed: recovered.files.clone(),
            buffer: Vec::new(),
            spare: Vec::new(),
            next: first,
            written: first - 1,
            synced: first - 1,
            last_sync: Instant::now(),
            busy: false,
            turn: 0,
            turn_last: first - 1,
            poisoned: None,
        };
        Ok(Self {
            hint: HintFile::open(&dir.join(SYNCED))?,
            dir: dir.to_owned(),
            options,
            state: Mutex::new(state),
            turns: [Condvar::new(), Condvar::new()],
        })
    }

    /// Appends a record and waits until it is durable. Returns its sequence number.
    ///
    /// # Errors
    /// `Error::Poisoned` if it or an earlier call failed; whether the record is in the log is
    /// unknown then. `Error::Usage` for a record of 4 GiB or more.
    pub fn append(&self, content_hash: Option<&[u8; 16]>, record: &[u8]) -> Result<u64> {
        let sequence = self.enqueue(content_hash, record)?;
        self.wait(sequence)?;
        Ok(sequence)
    }

    /// Gives a record its sequence number and place in the log, without waiting. It becomes
    /// durable when somebody waits for it or a later one; until then it takes memory.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn enqueue(&self, content_hash: Option<&[u8; 16]>, record: &[u8]) -> Result<u64> {
        if !fits(record.len()) {
            return Err(Error::Usage("a record of 4 GiB or more does not fit the log".to_owned()));
        }
        let mut state = self.lock();
        state.check()?;
        let State { key, chain, cipher, buffer, next, synced, bytes, .. } = &mut *state;
        let sequence = *next;
        let before = buffer.len();
        let numbers = (sequence, *synced);
        encode_frame(buffer, key, chain, numbers, content_hash, record, cipher.as_ref())?;
        *bytes += (buffer.len() - before) as u64;
        *next += 1;
        Ok(sequence)
    }

    /// Waits until the record with this number, and so all before it, is durable as
    /// [`SyncMode`] has it. One of the waiting threads writes and syncs for all of them.
    ///
    /// # Errors
    /// `Error::Poisoned` as for [`append`](Self::append); `Error::Usage` for a number that was
    /// not given out yet.
    pub fn wait(&self, sequence: u64) -> Result<()> {
        let mut state = self.lock();
        if sequence >= state.next {
            return Err(Error::Usage(format!("there is no record {sequence} in the log yet")));
        }
        loop {
            let reached = match self.options.sync {
                SyncMode::Always => state.synced,
                SyncMode::Interval(_) => state.written,
            };
            if reached >= sequence {
                return Ok(());
            }
            state.check()?;
            state = if state.busy {
                self.sleep(state, sequence)
            } else {
                let due = self.due(&state);
                self.lead(state, due)
            };
        }
    }

    /// Writes and syncs everything enqueued so far, in any [`SyncMode`].
    ///
    /// # Errors
    /// `Error::Poisoned`.
    pub fn sync(&self) -> Result<()> {
        self.settle(self.lock()).map(drop)
    }

    /// Syncs if the [`SyncMode::Interval`] has passed and something is not synced.
    ///
    /// # Errors
    /// `Error::Poisoned`.
    pub fn sync_if_due(&self) -> Result<()> {
        let state = self.lock();
        state.check()?;
        if state.synced + 1 < state.next && self.due(&state) {
            return self.settle(state).map(drop);
        }
        Ok(())
    }

    /// Goes on in a new file, under the key of `epoch` (the current one or a later one).
    /// Everything before is synced first. Returns the first sequence number of the new file.
    ///
    /// # Errors
    /// `Error::Usage` for an epoch that has passed; `Error::Poisoned`, also if the new file
    /// cannot be made.
    pub fn rotate(&self, epoch: u64, key: HmacKey) -> Result<u64> {
        let mut state = self.settle(self.lock())?;
        if epoch < state.epoch {
            return Err(Error::Usage(format!("epoch {epoch} of the log has passed")));
        }
        let first = state.next;
        if state.first == first && state.epoch == epoch {
            return Ok(first);
        }
        self.begin(&mut state, first, epoch, key)?;
        Ok(first)
    }

    /// Lets the next record have this sequence number, in a new file, because the numbers before
    /// it were used past the log. Does nothing if they are used up already.
    ///
    /// # Errors
    /// `Error::Poisoned`, also if the new file cannot be made.
    pub fn skip_to(&self, next: u64) -> Result<()> {
        let mut state = self.settle(self.lock())?;
        if next <= state.next {
            return Ok(());
        }
        let (epoch, key) = (state.epoch, state.key.clone());
        self.begin(&mut state, next, epoch, key)?;
        state.next = next;
        (state.written, state.synced) = (next - 1, next - 1);
        Ok(())
    }

    /// Makes the file that begins with number `first`. The lock is held and nothing is pending.
    fn begin(&self, state: &mut State, first: u64, epoch: u64, key: HmacKey) -> Result<()> {
        let path = file_path(&self.dir, first);
        match new_file(&path, &key, epoch, first, &self.options) {
            Ok((file, cipher)) => (state.file, state.cipher) = (file, cipher),
            Err(e) => {
                // The file may be there even so, and then ends the one before it.
                state.poisoned = Some(e.to_string());
                self.turns.iter().for_each(Condvar::notify_all);
                return state.check();
            }
        }
        if state.first < state.next {
            let closed = LogRange { first: state.first, last: state.next - 1 };
            state.closed.push(closed);
        } else if state.first < first {
            durable::remove(&state.path)?;
        }
        state.chain = Chain::start(&key, first);
        (state.key, state.epoch, state.path, state.first) = (key, epoch, path, first);
        state.bytes = 0;
        Ok(())
    }

    /// Removes the files of which every record is committed, and returns how many. The current
    /// file stays; if it has grown large and something in it is committed, a new one is begun, so
    /// that a later call can remove it.
    ///
    /// # Errors
    /// `Error::Io`; the next call tries again. `Error::Poisoned` if a new file cannot be made.
    pub fn remove_committed(&self, committed: u64) -> Result<usize> {
        let mut state = self.lock();
        if state.bytes >= self.options.rotate_bytes && state.first <= committed {
            state = self.settle(state)?;
            let (first, epoch, key) = (state.next, state.epoch, state.key.clone());
            self.begin(&mut state, first, epoch, key)?;
        }
        let mut removed = 0;
        // The oldest first, so that what remains has no gap.
        while let Some(range) = state.closed.first().filter(|range| range.last <= committed) {
            durable::remove(&file_path(&self.dir, range.first))?;
            state.closed.remove(0);
            removed += 1;
        }
        Ok(removed)
    }

    /// The sequence number that the next record gets.
    pub fn next_sequence(&self) -> u64 {
        self.lock().next
    }

    /// The last sequence number that is synced; 0 before the first.
    pub fn synced(&self) -> u64 {
        self.lock().synced
    }

    /// The epoch under whose key records are written now.
    pub fn epoch(&self) -> u64 {
        self.lock().epoch
    }

    fn due(&self, state: &State) -> bool {
        match self.options.sync {
            SyncMode::Always => true,
            SyncMode::Interval(interval) => state.last_sync.elapsed() >= interval,
        }
    }

    /// Waits and leads until nothing is left to write or sync, and nobody is at the file.
    fn settle<'a>(&'a self, mut state: MutexGuard<'a, State>) -> Result<MutexGuard<'a, State>> {
        loop {
            state.check()?;
            state = if state.busy {
                let last = state.next - 1;
                self.sleep(state, last)
            } else if state.synced + 1 == state.next {
                return Ok(state);
            } else {
                self.lead(state, true)
            };
        }
    }

    /// Writes all pending frames with one call, and syncs if asked to, on behalf of everybody.
    /// The lock is free meanwhile, so that others can enqueue for the next leader.
    fn lead<'a>(&'a self, mut state: MutexGuard<'a, State>, sync: bool) -> MutexGuard<'a, State> {
        state.busy = true;
        let spare = mem::take(&mut state.spare);
        let mut frames = mem::replace(&mut state.buffer, spare);
        let last = state.next - 1;
        let turn = state.turn.wrapping_add(1);
        (state.turn, state.turn_last) = (turn, last);
        let file = Arc::clone(&state.file);
        drop(state);

        let outcome = self.write(&*file, &frames, sync.then_some(last));

        frames.clear();
        let mut state = self.lock();
        state.busy = false;
        if frames.capacity() <= KEPT_BUFFER {
            state.spare = frames;
        }
        match outcome {
            Ok(()) => {
                state.written = last;
                if sync {
                    state.synced = last;
                    state.last_sync = Instant::now();
                }
            }
            Err(e) => state.poisoned = Some(format!("{}: {e}", state.path.display())),
        }
        let poisoned = state.poisoned.is_some();
        // Who is woken needs the lock at once.
        drop(state);
        self.turns[turn % 2].notify_all();
        if poisoned {
            self.turns[(turn + 1) % 2].notify_all();
        } else {
            self.turns[(turn + 1) % 2].notify_one();
        }
        self.lock()
    }

    fn write(&self, file: &dyn LogFile, frames: &[u8], sync_to: Option<u64>) -> io::Result<()> {
        if !frames.is_empty() {
            file.append(frames)?;
        }
        if let Some(last) = sync_to {
            file.sync()?;
            // Readers in other processes go by this.
            self.hint.write(&last.to_be_bytes())?;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the end of the turn that writes this record, the one under way or the next.
    fn sleep<'a>(&self, state: MutexGuard<'a, State>, sequence: u64) -> MutexGuard<'a, State> {
        let next = usize::from(sequence > state.turn_last);
        let turn = state.turn.wrapping_add(next) % 2;
        self.turns[turn].wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a log file that holds its header only, and opens it. A file of that name can only be one
/// without records, or what recovery has cut off.
fn new_file(
    path: &Path,
    key: &HmacKey,
    epoch: u64,
    first: u64,
    options: &WalOptions,
) -> Result<(Arc<dyn LogFile>, Option<LogCipher>)> {
    let (header, cipher) = encode_header(key, epoch, first, options.sealing.as_ref())?;
    durable::replace(path, &header, Access::Private)?;
    let file = (options.open)(path).map_err(|e| Error::io(path, e))?;
    Ok((Arc::from(file), cipher))
}
