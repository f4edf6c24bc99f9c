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
pub use shred::{Shredded, Shredder};
pub use survey::Survey;

use std::sync::{Arc, OnceLock};

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
    static FIXED: OnceLock<Vec<LogicalColumn>> = OnceLock::new();
    FIXED.get_or_init(fixed_columns)
}

fn fixed_columns() -> Vec<LogicalColumn> {
    let dotted = [
        "timestamp:t", "recorded_at:t", "audit_id", "event_type", "schema_version:i", "severity",
        "status", "result_code", "user_id", "email", "agent_id", "parent_agent_id", "session_id",
        "execution_id", "parent_execution", "workflow_id", "trace_id", "source_ip", "user_agent",
        "credential_id", "initiated_by", "modified_by", "user_context.initiated_by",
        "user_context.session_id", "resource.type", "resource.path", "resource.size_bytes:i",
        "resource.sensitivity_level", "resource.classification", "operation.action",
        "operation.record_count:i", "result.status", "tool_name", "tool_use_id", "model",
        "input_tokens:i", "output_tokens:i", "cache_read_tokens:i", "cache_creation_tokens:i",
        "tokens_used:i", "cost_usd:f", "duration_ms:f", "total_duration_ms:f",
    ];
    dotted
        .iter()
        .map(|spec| {
            let (path, kind) = spec.split_once(':').unwrap_or((spec, "s"));
            let kind = match kind {
                "t" => ColumnType::Timestamp,
                "i" => ColumnType::Int64,
                "f" => ColumnType::Float64,
                _ => ColumnType::Utf8,
            };
            let path: Vec<String> = path.split('.').map(str::to_owned).collect();
            LogicalColumn { name: path.join("_"), path, kind }
        })
        .collect()
}
