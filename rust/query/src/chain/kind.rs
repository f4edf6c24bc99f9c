//! What an id can be the id of.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::error::QueryError;

/// What an id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One event, by its `audit_id`.
    Audit,
    /// A run of a workflow.
    Execution,
    /// A session.
    Session,
    /// An agent.
    Agent,
    /// An API key or temporary credential.
    Credential,
    /// A user.
    User,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 6] =
        [Self::Audit, Self::Execution, Self::Session, Self::Agent, Self::Credential, Self::User];

    /// Its name, as `--kind` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Execution => "execution",
            Self::Session => "session",
            Self::Agent => "agent",
            Self::Credential => "credential",
            Self::User => "user",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = QueryError;

    fn from_str(name: &str) -> Result<Self, QueryError> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            let all: Vec<_> = Self::ALL.iter().map(|kind| kind.name()).collect();
            QueryError::Parameter(format!("{name} is no kind of id; there is {}", all.join(", ")))
        })
    }
}
