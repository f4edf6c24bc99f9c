//! SQL over a trail.

mod adapter;
pub mod chain;
mod engine;
mod error;
pub mod export;
pub mod follow;
mod functions;
pub mod holds;
mod json;
pub mod ocsf;
pub mod output;
mod place;
mod plain;
mod provider;
mod pruning;
mod reader;
pub mod retention;
mod scope;
pub mod search;
pub mod sequence;
mod shape;
mod shredded;
mod sieve;
mod sql;
mod table;
mod trails;
mod unsealed;
mod values;
mod views;
mod words;

pub use engine::{Engine, EngineOptions, QueryResult};
pub use error::{QueryError, Result, SqlProblem};
pub use scope::{CallersTable, Scope, ScopedTrail};
pub use sealtrail_core::trail::ReadView;
pub use sql::Params;
pub use table::EventsTable;
