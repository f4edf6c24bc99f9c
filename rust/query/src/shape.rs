//! The logical table: which columns it has, and where each is in a record.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::datasource::table_schema::TableSchema;
use sealtrail_core::columns::{ColumnType, LogicalColumn, fixed};

/// Logical column: all of the record outside the fixed columns, as a JSON object.
pub(crate) const ATTRS: &str = "attrs";
/// Logical column: the whole record, as a JSON object.
pub(crate) const EVENT: &str = "event";
/// The partition column, constant in a segment.
pub(crate) const DOMAIN: &str = "domain";

/// The columns of a trail at one moment.
#[derive(Debug)]
pub(crate) struct Shape {
    columns: Vec<LogicalColumn>,
    fixed: usize,
    by_name: HashMap<String, usize>,
    table: TableSchema,
}

impl Shape {
    /// The fixed columns and these promoted ones.
    pub(crate) fn new(promoted: &[LogicalColumn]) -> Self {
        let columns: Vec<_> = fixed().iter().chain(promoted).cloned().collect();
        let by_name = columns.iter().enumerate().map(|(i, c)| (c.name.clone(), i)).collect();
        let mut fields: Vec<_> =
            columns.iter().map(|c| Field::new(&c.name, arrow_type(c.kind), true)).collect();
        fields.push(Field::new(ATTRS, DataType::Utf8View, true));
        fields.push(Field::new(EVENT, DataType::Utf8View, true));
        let domain = Arc::new(Field::new(DOMAIN, DataType::Utf8View, true));
        let table = TableSchema::builder(Arc::new(Schema::new(fields)))
            .with_table_partition_cols(vec![domain])
            .build();
        Self { columns, fixed: fixed().len(), by_name, table }
    }

    /// The column of this name with whether it is a fixed one; none for `attrs`, `event`, `domain`.
    pub(crate) fn column(&self, name: &str) -> Option<(&LogicalColumn, bool)> {
        let index = *self.by_name.get(name)?;
        Some((&self.columns[index], index < self.fixed))
    }

    /// The position of a column in the table.
    pub(crate) fn index(&self, name: &str) -> Option<usize> {
        // After the columns of records come `attrs` and `event`.
        if name == DOMAIN { Some(self.columns.len() + 2) } else { self.by_name.get(name).copied() }
    }

    /// Whether it is the shape of these promoted columns.
    pub(crate) fn is_of(&self, promoted: &[LogicalColumn]) -> bool {
        self.columns[self.fixed..] == *promoted
    }

    /// The schema of files (fixed, promoted, `attrs`, `event`) and of the table (then `domain`).
    pub(crate) fn table_schema(&self) -> &TableSchema {
        &self.table
    }

    /// The schema of the table.
    pub(crate) fn schema(&self) -> SchemaRef {
        Arc::clone(self.table.table_schema())
    }
}

/// The Arrow type of a logical column in a scan: text is read as views, which share the
/// decoded pages instead of copying them.
pub(crate) fn arrow_type(kind: ColumnType) -> DataType {
    match kind {
        ColumnType::Utf8 => DataType::Utf8View,
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ColumnType::Int64 => DataType::Int64,
        ColumnType::Float64 => DataType::Float64,
        ColumnType::Boolean => DataType::Boolean,
    }
}

/// The column type that an Arrow type stores, if any.
pub(crate) fn column_type(data_type: &DataType) -> Option<ColumnType> {
    match data_type {
        DataType::Utf8 | DataType::Utf8View => Some(ColumnType::Utf8),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => Some(ColumnType::Timestamp),
        DataType::Int64 => Some(ColumnType::Int64),
        DataType::Float64 => Some(ColumnType::Float64),
        DataType::Boolean => Some(ColumnType::Boolean),
        _ => None,
    }
}
