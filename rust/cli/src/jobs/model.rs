//! What a job's folder holds (FORMAT section 15).

use serde::{Deserialize, Serialize};

/// How it is with a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Its process is being started.
    Submitted,
    /// Its process works.
    Running,
    /// It has a result.
    Done,
    /// It failed; `error` says why.
    Failed,
    /// It was told to stop.
    Cancelled,
    /// Its process ended without a result: it was killed, or the machine stopped.
    Lost,
}

impl State {
    /// Whether nothing more will happen to it by itself.
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Submitted | Self::Running)
    }

    /// The name, as `job.json` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
        }
    }
}

/// What a job is asked to do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// The name of its command.
    pub command: String,
    /// The command line's arguments without the program's name; `--async` may be among them.
    pub args: Vec<String>,
    /// Root URL of the trail.
    pub trail: String,
    /// Its configuration file, where one was named.
    pub config: Option<String>,
    /// The folder from which relative paths in the arguments count.
    pub cwd: String,
    /// What `-` reads.
    pub stdin: Option<String>,
}

/// A job: what was asked, and what became of it. Times are RFC 3339 in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobInfo {
    /// Arguments of the command line.
    pub args: Vec<String>,
    /// How often it was started.
    pub attempts: u32,
    /// The command's name.
    pub command: String,
    /// The configuration file, where one was named.
    pub config: Option<String>,
    /// When it was submitted.
    pub created: String,
    /// The folder from which relative paths count.
    pub cwd: String,
    /// Why it failed.
    pub error: Option<String>,
    /// What the command exited with.
    pub exit_code: Option<u8>,
    /// When it ended.
    pub finished: Option<String>,
    /// Its id.
    pub id: String,
    /// The process that runs it, or ran it last.
    pub pid: Option<u32>,
    /// Rows of its result, if that is a table.
    pub rows: Option<u64>,
    /// When it was started last.
    pub started: Option<String>,
    /// How it is.
    pub state: State,
    /// What `-` reads.
    pub stdin: Option<String>,
    /// Root URL of the trail.
    pub trail: String,
    /// Version of the format.
    pub v: u32,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobProgress {
    /// Bytes of the result that are written, or of the trail that are verified.
    pub bytes: u64,
    /// Rows of the result that are written, or records that are verified.
    pub rows: u64,
    /// Records there are to verify; 0 where nobody knows.
    pub of_rows: u64,
}
