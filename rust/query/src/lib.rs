//! SQL over a trail.

mod adapter;
mod error;
mod functions;
mod json;
mod provider;
mod pruning;
mod reader;
mod shape;
mod shredded;
mod view;

pub use error::{QueryError, Result, SqlProblem};
pub use view::{ReadView, Scalar, SegmentInfo};
