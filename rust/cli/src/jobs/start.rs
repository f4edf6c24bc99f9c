//! Starting a process that does not end with its terminal.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use sealtrail_core::{Error, Result};

use super::model::JobInfo;

static PROGRAM: OnceLock<Vec<OsString>> = OnceLock::new();

const TICK: Duration = Duration::from_millis(10);
/// A machine under load may take this long to start a process.
const PATIENCE: u32 = 6_000;

/// Says how this program is started anew, where that is not by this process's executable: the
/// executable and its first arguments. Only the first call has effect.
pub fn set_program(words: Vec<OsString>) {
    let _ = PROGRAM.set(words);
}

/// How the processes of jobs are started.
#[derive(Debug, Clone, Default)]
pub struct Starter {
    /// Environment variables that they have beside those of this process.
    pub env: Vec<(String, OsString)>,
}

impl Starter {
    /// Starts the process of a job and waits until it has taken over.
    pub(super) fn start(
        &self,
        folder: &Path,
        info: &JobInfo,
        is_taken: impl Fn() -> Result<bool>,
    ) -> Result<()> {
        let mut child = self.spawn(folder, info)?;
        for _ in 0..PATIENCE {
            if is_taken()? {
                // Whoever waits for no child keeps a zombie.
                std::thread::spawn(move || child.wait());
                return Ok(());
            }
            let ended = child.try_wait().map_err(|e| Error::io("job", e))?;
            if let Some(status) = ended.filter(|_| !is_taken().unwrap_or(true)) {
                let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
                let last = log.lines().last().unwrap_or("it said nothing");
                let message = format!("its process ended at once ({status}): {last}");
                return Err(Error::io(folder, io::Error::other(message)));
            }
            std::thread::sleep(TICK);
        }
        let _ = child.kill();
        let _ = child.wait();
        Err(Error::io(folder, io::Error::other("its process did not start to work")))
    }

    fn spawn(&self, folder: &Path, info: &JobInfo) -> Result<Child> {
        let program = match PROGRAM.get() {
            Some(words) => words.clone(),
            None => vec![std::env::current_exe().map_err(|e| Error::io("program", e))?.into()],
        };
        let mut words = program.into_iter();
        let Some(executable) = words.next().filter(|word| !word.is_empty()) else {
            return Err(Error::Usage("how this program is started is not known".to_owned()));
        };
        let rest: Vec<OsString> = words.collect();
        let spawn = |command: &mut Command| {
            let log = open_log(folder)?;
            command
                .args(&rest)
                .args(["jobs", "run", &info.id])
                .envs(self.env.iter().map(|(name, value)| (name, value)))
                .current_dir(&info.cwd)
                .stdin(Stdio::null())
                .stdout(log.try_clone()?)
                .stderr(log)
                .spawn()
        };
        // A session of its own has no terminal at all. Where the command is missing, a group of its
        // own is at least not told when the terminal goes.
        match spawn(Command::new("setsid").arg(&executable)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let group = spawn(Command::new(&executable).process_group(0));
                group.map_err(|e| Error::io(Path::new(&executable), e))
            }
            child => child.map_err(|e| Error::io("setsid", e)),
        }
    }
}

/// The file for what the process and its command say.
pub(super) fn open_log(folder: &Path) -> io::Result<File> {
    File::options().create(true).append(true).mode(0o600).open(folder.join("log"))
}
