//! From a record to columns and a rest, and back to exactly the same bytes (FORMAT section 4).

mod assemble;
mod registry;
mod shred;
mod survey;
mod trie;

#[cfg(test)]
mod tests;

pub use assemble::{Assembler, Fault, Values, extract};
pub use registry::Registry;
pub(crate) use shred::{Parts, fits};
pub use shred::{Shredded, Shredder};
pub use survey::Survey;

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use serde::{Deserialize, Serialize};

/// Name of the Parquet column that holds what no column took.
pub const REST: &str = "_rest";
/// Name of the Parquet column that holds the ordinal of a row's batch.
pub const BATCH: &str = "_batch";

/// What a column holds; see the table in FORMAT section 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// Strings.
    Utf8,
    /// Integers within ±(2^53-1).
    Int64,
    /// All numbers.
    Float64,
    /// `true` and `false`.
    Boolean,
    /// Times in the form of the record's `timestamp`; microseconds since 1970, UTC.
    Timestamp,
}

impl ColumnType {
    /// The Arrow type of the column.
    pub fn arrow(self) -> DataType {
        match self {
            Self::Utf8 => DataType::Utf8,
            Self::Int64 => DataType::Int64,
            Self::Float64 => DataType::Float64,
            Self::Boolean => DataType::Boolean,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC"))),
        }
    }

    /// The name that the catalogue, the ledger and segments use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "utf8",
            Self::Int64 => "int64",
            Self::Float64 => "float64",
            Self::Boolean => "boolean",
            Self::Timestamp => "timestamp",
        }
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A column as the whole trail knows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogicalColumn {
    /// The column's name.
    pub name: String,
    /// Member names from the record's root.
    pub path: Vec<String>,
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: ColumnType,
}

/// The columns that every trail has, in the order of the catalogue.
pub fn fixed() -> &'static [LogicalColumn] {
    crate::catalogue::catalogue().fixed_columns()
}
