//! Names, paths and types of promoted columns: one list for the whole trail.

use std::collections::HashMap;

use super::{ColumnType, LogicalColumn, fixed};
use crate::{Error, Result};

const MAX_COLUMN_NAME: usize = 96;
const RESERVED: [&str; 8] =
    ["event", "attrs", "domain", "action", "actor", "session", "outcome", "period"];

/// The promoted columns of a trail, in order of first use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registry {
    columns: Vec<LogicalColumn>,
    by_name: HashMap<String, usize>,
}

impl Registry {
    /// All promoted columns.
    pub fn columns(&self) -> &[LogicalColumn] {
        &self.columns
    }

    /// The column for a path whose values in one segment have type `kind`; `None` if its name
    /// is taken or not allowed, or if the path is that of a fixed column. The column returned
    /// has the segment's type, not the trail's.
    pub fn claim(&mut self, path: Vec<String>, kind: ColumnType) -> Option<LogicalColumn> {
        let column = LogicalColumn { name: path.join("_"), path, kind };
        self.take(&column).ok()?;
        Some(column)
    }

    /// Adds or widens a column.
    ///
    /// # Errors
    /// `Integrity` if name and path contradict the list.
    pub fn take(&mut self, column: &LogicalColumn) -> Result<()> {
        let key = column.name.to_ascii_lowercase();
        if let Some(&at) = self.by_name.get(&key) {
            let known = &mut self.columns[at];
            if known.path != column.path {
                return Err(refuse(column, "its name belongs to another path"));
            }
            if (known.kind, column.kind) == (ColumnType::Int64, ColumnType::Float64) {
                known.kind = ColumnType::Float64;
            }
            return Ok(());
        }
        let reserved = RESERVED.contains(&key.as_str()) || key.starts_with('_') || key.is_empty();
        if reserved || fixed().iter().any(|f| f.name == key || f.path == column.path) {
            return Err(refuse(column, "its name or path is reserved"));
        }
        if column.name != column.path.join("_") || column.name.len() > MAX_COLUMN_NAME {
            return Err(refuse(column, "it is not named by its path"));
        }
        self.by_name.insert(key, self.columns.len());
        self.columns.push(column.clone());
        Ok(())
    }

    /// What `self` has that `before` has not, or has with a narrower type.
    pub fn since(&self, before: &Self) -> Vec<LogicalColumn> {
        let old =
            |c: &LogicalColumn| before.columns.get(self.by_name[&c.name.to_ascii_lowercase()]);
        self.columns.iter().filter(|c| old(c) != Some(c)).cloned().collect()
    }
}

fn refuse(column: &LogicalColumn, why: &str) -> Error {
    Error::integrity(format!("column {:?} at {:?}", column.name, column.path), why)
}
