//! Who asks, and from where: what the system says of the process.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// By which way a question comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    /// The command line.
    Cli,
    /// Python.
    Python,
    /// A job in the background.
    Job,
    /// Following the trail.
    Tail,
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cli => "cli",
            Self::Python => "python",
            Self::Job => "job",
            Self::Tail => "tail",
        })
    }
}

/// Who asks, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// By which way.
    pub door: Door,
    /// The user that the process runs as, by name where the system knows one.
    pub os_user: Option<String>,
    /// The number of that user.
    pub uid: Option<u32>,
    /// Who became that user by `sudo`.
    pub sudo_user: Option<String>,
    /// The machine.
    pub host: Option<String>,
    /// The process.
    pub pid: u32,
    /// Address of the other end of an SSH connection.
    pub source_ip: Option<String>,
    /// The terminal.
    pub terminal: Option<String>,
}

/// What does not change while a process runs. Asking other programs for it takes milliseconds.
#[derive(Debug, Default)]
struct System {
    uid: Option<u32>,
    user: Option<String>,
    host: Option<String>,
}

impl Reader {
    /// Who runs this process, which `env` is the environment of.
    pub fn of_process(door: Door, env: &dyn Fn(&str) -> Option<String>) -> Self {
        static SYSTEM: OnceLock<System> = OnceLock::new();
        let system = SYSTEM.get_or_init(System::ask);
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        let connection = set("SSH_CONNECTION").or_else(|| set("SSH_CLIENT"));
        Self {
            door,
            os_user: system.user.clone(),
            uid: system.uid,
            sudo_user: set("SUDO_USER"),
            host: system.host.clone(),
            pid: std::process::id(),
            source_ip: connection.and_then(|text| first_word(&text)),
            terminal: terminal().or_else(|| set("SSH_TTY")),
        }
    }
}

impl System {
    fn ask() -> Self {
        let uid = own_uid().or_else(|| printed("id", &["-u"])?.parse().ok());
        let named = uid.and_then(|uid| name_in(&text_of("/etc/passwd")?, uid));
        Self {
            uid,
            user: named.or_else(|| printed("id", &["-un"])),
            host: text_of("/proc/sys/kernel/hostname")
                .and_then(|text| first_word(&text))
                .or_else(|| printed("uname", &["-n"])),
        }
    }
}

/// Linux shows a process's effective user as the owner of its folder.
fn own_uid() -> Option<u32> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        std::fs::metadata("/proc/self").ok().map(|metadata| metadata.uid())
    }
    #[cfg(not(unix))]
    None
}

/// The name of a user in the text of `/etc/passwd`.
fn name_in(passwd: &str, uid: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

/// The terminal that standard input is.
fn terminal() -> Option<String> {
    let link = std::fs::read_link("/proc/self/fd/0").ok()?;
    let is_terminal = link.starts_with("/dev/pts") || link.starts_with("/dev/tty");
    is_terminal.then(|| link.to_string_lossy().into_owned())
}

fn text_of(path: &str) -> Option<String> {
    std::fs::read_to_string(Path::new(path)).ok()
}

fn first_word(text: &str) -> Option<String> {
    text.split_whitespace().next().map(str::to_owned)
}

/// The first word that a program prints.
fn printed(program: &str, args: &[&str]) -> Option<String> {
    let run = Command::new(program).args(args).stdin(Stdio::null()).stderr(Stdio::null()).output();
    first_word(&String::from_utf8_lossy(&run.ok()?.stdout))
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
