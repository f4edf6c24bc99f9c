//! Results in the Arrow types that every reader knows.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use datafusion::common::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, TryStreamExt};

/// Text beyond this many bytes in a column of a batch is given in more than one batch: offsets
/// of plain text are 32-bit.
const MAX_TEXT: usize = 1 << 30;

/// The same batches with views as plain text and bytes, and dictionaries unpacked.
pub(crate) fn plain_stream(stream: SendableRecordBatchStream) -> SendableRecordBatchStream {
    let schema = plain_schema(&stream.schema());
    if schema == stream.schema() {
        return stream;
    }
    let wanted = Arc::clone(&schema);
    let batches = stream
        .map(move |batch| {
            let mut parts = Vec::new();
            plain_batches(&batch?, &wanted, &mut parts)?;
            Ok::<_, DataFusionError>(futures::stream::iter(parts.into_iter().map(Ok)))
        })
        .try_flatten();
    Box::pin(RecordBatchStreamAdapter::new(schema, batches))
}

fn plain_batches(
    batch: &RecordBatch,
    schema: &SchemaRef,
    parts: &mut Vec<RecordBatch>,
) -> datafusion::common::Result<()> {
    let rows = batch.num_rows();
    if rows > 1 && batch.columns().iter().any(|column| text_bytes(column) > MAX_TEXT) {
        plain_batches(&batch.slice(0, rows / 2), schema, parts)?;
        return plain_batches(&batch.slice(rows / 2, rows - rows / 2), schema, parts);
    }
    let columns = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| {
            if column.data_type() == field.data_type() {
                Ok(Arc::clone(column))
            } else {
                cast(column, field.data_type())
            }
        })
        .collect::<Result<Vec<ArrayRef>, _>>()?;
    // A result without columns still has rows.
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    parts.push(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?);
    Ok(())
}

fn text_bytes(column: &ArrayRef) -> usize {
    match column.data_type() {
        DataType::Utf8View => column.as_string_view().lengths().map(|length| length as usize).sum(),
        _ => 0,
    }
}

fn plain_schema(schema: &Schema) -> SchemaRef {
    let fields: Vec<FieldRef> = schema.fields().iter().map(plain_field).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

fn plain_field(field: &FieldRef) -> FieldRef {
    let data_type = plain_type(field.data_type());
    if &data_type == field.data_type() {
        return Arc::clone(field);
    }
    Arc::new(field.as_ref().clone().with_data_type(data_type))
}

fn plain_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::Dictionary(_, value) => plain_type(value),
        DataType::List(item) | DataType::ListView(item) => DataType::List(plain_field(item)),
        DataType::LargeList(item) => DataType::LargeList(plain_field(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(plain_field).collect()),
        other => other.clone(),
    }
}
