use arrow::array::{Float64Array, Int64Array, ListBuilder, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::Field;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;

fn sample() -> RecordBatch {
    let mut tags = ListBuilder::new(StringBuilder::new());
    tags.values().append_value("a,b");
    tags.append(true);
    tags.append(false);
    let tags = tags.finish();
    let times = TimestampMicrosecondArray::from(vec![
        Some(1_700_000_000_114_000),
        Some(1_700_000_000_000_001),
    ]);
    RecordBatch::try_from_iter_with_nullable([
        ("name", Arc::new(StringArray::from(vec![Some("x\ty\u{1b}[2J"), None])) as ArrayRef, true),
        ("count", Arc::new(Int64Array::from(vec![Some(7), Some(1234)])), true),
        ("cost", Arc::new(Float64Array::from(vec![Some(0.5), None])), true),
        ("at", Arc::new(times.with_timezone("UTC")), true),
        ("tags", Arc::new(tags), true),
    ])
    .unwrap()
}

fn written(format: OutputFormat, batches: &[RecordBatch]) -> Vec<u8> {
    let mut writer = ResultWriter::new(format, &sample().schema(), Vec::new()).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    let (rows, bytes) = writer.finish().unwrap();
    assert_eq!(rows, batches.iter().map(|batch| batch.num_rows() as u64).sum::<u64>());
    bytes
}

fn text(format: OutputFormat, batches: &[RecordBatch]) -> String {
    String::from_utf8(written(format, batches)).unwrap()
}

#[test]
fn json_keeps_nulls_and_writes_times_as_records_do() {
    let expected = serde_json::json!([
        {"name": "x\ty\u{1b}[2J", "count": 7, "cost": 0.5, "at": "2023-11-14T22:13:20.114Z", "tags": ["a,b"]},
        {"name": null, "count": 1234, "cost": null, "at": "2023-11-14T22:13:20.000001Z", "tags": null},
    ]);
    let json = text(OutputFormat::Json, &[sample()]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap(), expected);
    assert!(json.ends_with("]\n"));
    let lines: Vec<serde_json::Value> = text(OutputFormat::Jsonl, &[sample()])
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(serde_json::Value::from(lines), expected);
}

#[test]
fn empty_results_are_well_formed() {
    assert_eq!(text(OutputFormat::Json, &[]), "[]\n");
    assert_eq!(text(OutputFormat::Jsonl, &[]), "");
    assert_eq!(text(OutputFormat::Csv, &[]), "name,count,cost,at,tags\n");
    assert_eq!(
        text(OutputFormat::Table, &[]),
        "name  count  cost  at  tags\n----  -----  ----  --  ----\n"
    );
    let bytes = bytes::Bytes::from(written(OutputFormat::Parquet, &[]));
    assert_eq!(ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().schema().fields().len(), 5);
}

#[test]
fn csv_quotes_and_writes_lists_as_json() {
    assert_eq!(
        text(OutputFormat::Csv, &[sample()]),
        "name,count,cost,at,tags\n\
         x\ty\u{1b}[2J,7,0.5,2023-11-14T22:13:20.114Z,\"[\"\"a,b\"\"]\"\n\
         ,1234,,2023-11-14T22:13:20.000001Z,\n"
    );
}

#[test]
fn tables_align_and_escape_control_characters() {
    assert_eq!(
        text(OutputFormat::Table, &[sample()]),
        "name           count  cost  at                           tags\n\
         -------------  -----  ----  ---------------------------  -----\n\
         x\\ty\\u{1b}[2J      7   0.5  2023-11-14T22:13:20.114Z     [a,b]\n\
         \x20               1234        2023-11-14T22:13:20.000001Z\n"
    );
}

#[test]
fn parquet_keeps_types() {
    let bytes = bytes::Bytes::from(written(OutputFormat::Parquet, &[sample(), sample()]));
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap();
    let batches: Vec<RecordBatch> = reader.map(|batch| batch.unwrap()).collect();
    assert_eq!(batches[0].slice(0, 2), sample());
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 4);
}

#[test]
fn formats_have_names() {
    for name in OutputFormat::NAMES {
        assert!(name.parse::<OutputFormat>().is_ok());
    }
    assert_eq!("xml".parse::<OutputFormat>().unwrap_err().kind(), "parameter");
    let field = Field::new("t", DataType::Timestamp(TimeUnit::Nanosecond, None), true);
    let text = as_text(&Schema::new(vec![field]), false);
    assert_eq!(text.field(0).data_type(), &DataType::Utf8);
}
