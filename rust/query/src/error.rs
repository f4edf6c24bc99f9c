//! Every way a query can fail, with a stable code for programs.

use datafusion::error::DataFusionError;
use parquet::errors::ParquetError;

/// The result of every fallible call of this crate.
pub type Result<T, E = QueryError> = std::result::Result<T, E>;

/// What went wrong with a query, and where in its text.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The text is not SQL, or speaks of columns, tables, functions or types that are not there.
    #[error("{}", .0)]
    Sql(SqlProblem),
    /// The statement would do something other than read.
    #[error("{}", .0)]
    ReadOnly(SqlProblem),
    /// The text is no sequence.
    #[error("{}", .0)]
    Sequence(SqlProblem),
    /// Too few, too many or unknown parameters.
    #[error("{0}")]
    Parameter(String),
    /// The query needed more memory or temporary disk space than it may have.
    #[error("{0}; allow more memory, or ask for less at a time")]
    Resources(String),
    /// A value could not be computed, for example a division by zero or a cast.
    #[error("{0}")]
    Execution(String),
    /// Reading the trail failed.
    #[error(transparent)]
    Core(#[from] sealtrail_core::Error),
    /// Writing the result failed.
    #[error("the result cannot be written: {0}")]
    Output(String),
}

/// A problem at a place in the text of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlProblem {
    /// What is wrong and, where known, what was meant.
    pub message: String,
    /// 1-based line in the text, 0 if unknown.
    pub line: usize,
    /// 1-based column (in characters) in the line, 0 if unknown.
    pub column: usize,
    /// The line of the text and, under it, a line that marks the place; empty if unknown.
    pub excerpt: String,
}

impl std::fmt::Display for SqlProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.line == 0 {
            return f.write_str(&self.message);
        }
        write!(
            f,
            "{}\n at line {}, column {}:\n{}",
            self.message, self.line, self.column, self.excerpt
        )
    }
}

impl QueryError {
    /// A stable code, the same in Rust, Python and `-o json`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Sql(_) => "sql",
            Self::ReadOnly(_) => "read_only",
            Self::Sequence(_) => "sequence",
            Self::Parameter(_) => "parameter",
            Self::Resources(_) => "resources",
            Self::Execution(_) => "execution",
            Self::Core(error) => error.kind(),
            Self::Output(_) => "output",
        }
    }

    /// The exit code of the command line: 2 for a statement to correct, 3 for the rest.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Sql(_) | Self::ReadOnly(_) | Self::Sequence(_) | Self::Parameter(_) => 2,
            Self::Core(error) => error.exit_code(),
            Self::Resources(_) | Self::Execution(_) | Self::Output(_) => 3,
        }
    }

    /// The place in the statement, where the error has one.
    pub fn problem(&self) -> Option<&SqlProblem> {
        match self {
            Self::Sql(problem) | Self::ReadOnly(problem) | Self::Sequence(problem) => Some(problem),
            _ => None,
        }
    }

    /// From an error of a running query. Errors of planning go through `place`, which knows
    /// the text.
    pub(crate) fn running(error: &DataFusionError) -> Self {
        match error.find_root() {
            DataFusionError::ResourcesExhausted(message) => Self::Resources(message.clone()),
            DataFusionError::ObjectStore(source) => Self::Core(store_error(source)),
            DataFusionError::ParquetError(source) => reading(source),
            DataFusionError::External(source) if source.is::<Self>() => {
                source.downcast_ref::<Self>().map_or_else(|| Self::Execution(plain(error)), again)
            }
            DataFusionError::External(source) => match source.downcast_ref() {
                Some(error) => core_error(error),
                None => Self::Execution(plain(error)),
            },
            root => Self::Execution(plain(root)),
        }
    }
}

/// An error of the core that went through the stream of another crate.
fn core_error(error: &sealtrail_core::Error) -> QueryError {
    use sealtrail_core::Error;
    match error {
        Error::Usage(message) => QueryError::Core(Error::Usage(message.clone())),
        Error::NotFound(message) => QueryError::Core(Error::NotFound(message.clone())),
        Error::Integrity { place, message } => {
            QueryError::Core(Error::integrity(place.clone(), message.clone()))
        }
        other => QueryError::Execution(other.to_string()),
    }
}

/// An error of this crate that went through the stream of another one.
fn again(error: &QueryError) -> QueryError {
    match error {
        QueryError::Sql(problem) => QueryError::Sql(problem.clone()),
        QueryError::ReadOnly(problem) => QueryError::ReadOnly(problem.clone()),
        QueryError::Sequence(problem) => QueryError::Sequence(problem.clone()),
        QueryError::Parameter(message) => QueryError::Parameter(message.clone()),
        QueryError::Resources(message) => QueryError::Resources(message.clone()),
        QueryError::Output(message) => QueryError::Output(message.clone()),
        QueryError::Core(sealtrail_core::Error::NotFound(message)) => {
            QueryError::Core(sealtrail_core::Error::NotFound(message.clone()))
        }
        QueryError::Core(other) => QueryError::Execution(other.to_string()),
        QueryError::Execution(message) => QueryError::Execution(message.clone()),
    }
}

/// From a failure to read a segment.
fn reading(error: &ParquetError) -> QueryError {
    if let ParquetError::External(source) = error
        && let Some(source) = source.downcast_ref::<object_store::Error>()
    {
        return QueryError::Core(store_error(source));
    }
    QueryError::Execution(format!("a segment cannot be read: {error}"))
}

fn store_error(source: &object_store::Error) -> sealtrail_core::Error {
    match source {
        object_store::Error::NotFound { path, .. } => sealtrail_core::Error::NotFound(format!(
            "{path} is missing from the trail; if it was replaced by a compaction while the question was \
             under way, ask again, else run verify to see what else is"
        )),
        other => sealtrail_core::Error::NotFound(format!("the trail cannot be read: {other}")),
    }
}

/// The message of an error without the library's prefixes.
pub(crate) fn plain(error: &DataFusionError) -> String {
    let text = match error {
        DataFusionError::ArrowError(source, _) => source.to_string(),
        DataFusionError::External(source) => source.to_string(),
        other => other.message().into_owned(),
    };
    // A backtrace, where enabled, follows after this mark.
    text.split(DataFusionError::BACK_TRACE_SEP).next().unwrap_or_default().trim().to_owned()
}
