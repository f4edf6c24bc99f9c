//! Why a command did not succeed, and what to do about it.

use std::io;
use std::path::PathBuf;

use sealtrail_core::Error;
use sealtrail_query::QueryError;

use crate::output::Stream;
use crate::tell;

/// Nothing matched.
pub(crate) const EXIT_NO_MATCH: u8 = 1;
/// Wrong usage.
pub(crate) const EXIT_USAGE: u8 = 2;
/// Reading or writing failed, or events were refused.
pub(crate) const EXIT_IO: u8 = 3;
/// The user interrupted.
pub(crate) const EXIT_INTERRUPTED: u8 = 130;

/// An error with the hints that only the command can give.
#[derive(Debug)]
pub(crate) struct Failure {
    cause: Cause,
    hints: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error(transparent)]
    Core(Error),
    #[error(transparent)]
    Query(QueryError),
    #[error("standard output: {0}")]
    Output(io::Error),
}

impl Failure {
    /// Wrong usage.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Error::Usage(message.into()).into()
    }

    /// A failed operation on a local file.
    pub(crate) fn io(path: impl Into<PathBuf>, source: io::Error) -> Self {
        Error::io(path, source).into()
    }

    /// The same failure with what to do about it.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The core's error, if it is one.
    pub(crate) fn core(&self) -> Option<&Error> {
        match &self.cause {
            Cause::Core(error) | Cause::Query(QueryError::Core(error)) => Some(error),
            _ => None,
        }
    }

    /// A stable code of it.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.cause {
            Cause::Core(error) => error.kind(),
            Cause::Query(error) => error.kind(),
            Cause::Output(_) => "output",
        }
    }

    /// The exit code that stands for it.
    pub(crate) fn exit_code(&self) -> u8 {
        match &self.cause {
            Cause::Core(error) => error.exit_code(),
            Cause::Query(error) => error.exit_code(),
            Cause::Output(_) => EXIT_IO,
        }
    }

    /// `error: ...` and the hints.
    pub(crate) fn tell(&self, err: &mut Stream<'_>) {
        tell(err, format_args!("error: {}", self.cause));
        for hint in &self.hints {
            tell(err, format_args!("hint: {hint}"));
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.cause.fmt(f)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { cause: Cause::Core(error), hints: Vec::new() }
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        Self { cause: Cause::Query(error), hints: Vec::new() }
    }
}

/// Only writing to standard output gives a bare [`io::Error`]; files come with their path.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self { cause: Cause::Output(error), hints: Vec::new() }
    }
}
