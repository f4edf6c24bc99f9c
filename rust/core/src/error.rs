//! Every way sealtrail can fail, with a stable code for programs.

use std::path::PathBuf;

/// The result of every fallible call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, where, and (in the message) what to do about it.
///
/// The enum is exhaustive on purpose: whoever translates it (exit codes, Python exceptions)
/// must decide about a new variant, or not compile.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An event that cannot become a record. Nothing of it was stored.
    #[error("{}{message}", at_field(path))]
    InvalidEvent {
        /// Stable sub-code, for example `missing_field` or `naive_time`.
        reason: &'static str,
        /// Dotted path of the field, empty for the whole event.
        path: String,
        /// What is wrong and what to do.
        message: String,
    },
    /// The same `audit_id` was recorded before with other content.
    #[error(
        "audit_id {audit_id} was recorded before with other content; use a new id for a new event"
    )]
    Conflict {
        /// The id in question.
        audit_id: String,
    },
    /// The call failed after the record may have become durable; repeating it with the same id is safe.
    #[error(
        "the outcome for {audit_id} is unknown ({message}); repeat the call with this audit_id"
    )]
    UnknownOutcome {
        /// The id to repeat the call with.
        audit_id: String,
        /// Why it is unknown.
        message: String,
    },
    /// A configuration file or value that cannot be used.
    #[error("{}: {message}", at_place(path, *line, *column))]
    Config {
        /// The file, or the name of the setting's source.
        path: String,
        /// 1-based line, 0 if unknown.
        line: usize,
        /// 1-based column, 0 if unknown.
        column: usize,
        /// What is wrong and what to do.
        message: String,
    },
    /// An argument or combination of arguments that makes no sense.
    #[error("{0}")]
    Usage(String),
    /// There is no such trail, record or file.
    #[error("{0}")]
    NotFound(String),
    /// Something that must not exist yet exists already.
    #[error("{0}")]
    AlreadyExists(String),
    /// A key is missing, unreadable, too widely readable or not the one expected.
    #[error("{0}")]
    Key(String),
    /// A local file operation failed.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// An object store operation failed.
    #[error("{path}: {}", with_causes(source))]
    Store {
        /// The object's path within the trail.
        path: String,
        /// The store's error.
        source: object_store::Error,
    },
    /// Stored bytes are not what they must be.
    #[error("{place}: {message}")]
    Integrity {
        /// The object, and where in it.
        place: String,
        /// What was expected and what was found.
        message: String,
    },
    /// The writer stopped accepting records after a failed sync or commit; reopen the trail.
    #[error("the writer stopped after an earlier failure ({0}); reopen the trail to recover")]
    Poisoned(String),
    /// Arrow or Parquet refused to encode or decode.
    #[error("{place}: {message}")]
    Encoding {
        /// The object or column.
        place: String,
        /// The library's message.
        message: String,
    },
    /// A question that is not answered because it cannot be recorded who asked it.
    #[error("{0}")]
    Access(String),
    /// The caller asked to stop.
    #[error("interrupted")]
    Interrupted,
}

/// An error and what it came from, as far as it does not say so itself: "error sending request"
/// alone does not tell that the connection was refused.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

fn at_field(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}: ") }
}

fn at_place(path: &str, line: usize, column: usize) -> String {
    if line == 0 { path.to_owned() } else { format!("{path}:{line}:{column}") }
}

impl Error {
    /// A stable code, the same in Rust, Python and `-o json`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::InvalidEvent { .. } => "invalid_event",
            Self::Conflict { .. } => "conflict",
            Self::UnknownOutcome { .. } => "unknown_outcome",
            Self::Config { .. } => "config",
            Self::Usage(_) => "usage",
            Self::NotFound(_) => "not_found",
            Self::AlreadyExists(_) => "already_exists",
            Self::Key(_) => "key",
            Self::Io { .. } => "io",
            Self::Store { .. } => "store",
            Self::Integrity { .. } => "integrity",
            Self::Poisoned(_) => "poisoned",
            Self::Encoding { .. } => "encoding",
            Self::Access(_) => "access",
            Self::Interrupted => "interrupted",
        }
    }

    /// The exit code of the command line: 2 usage, 3 input/output, 4 integrity.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config { .. } | Self::Usage(_) => 2,
            Self::Integrity { .. } => 4,
            Self::InvalidEvent { .. }
            | Self::Conflict { .. }
            | Self::UnknownOutcome { .. }
            | Self::NotFound(_)
            | Self::AlreadyExists(_)
            | Self::Key(_)
            | Self::Io { .. }
            | Self::Store { .. }
            | Self::Poisoned(_)
            | Self::Encoding { .. }
            | Self::Access(_) => 3,
            Self::Interrupted => 130,
        }
    }

    /// A refused event.
    pub fn event(
        reason: &'static str,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::InvalidEvent { reason, path: path.into(), message: message.into() }
    }

    /// A failed local file operation on `path`.
    pub fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io { path: path.into(), source }
    }

    /// Stored bytes that are not what they must be.
    pub fn integrity(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Integrity { place: place.into(), message: message.into() }
    }

    /// An Arrow or Parquet failure at `place`.
    pub fn encoding(place: impl Into<String>, source: impl std::fmt::Display) -> Self {
        Self::Encoding { place: place.into(), message: source.to_string() }
    }
}
