//! Compressed lines and Parquet hold the same, whatever the records are.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;

use super::*;
use crate::segment::jsonl;

/// All rows as one batch.
fn rows(file: &SegmentFile) -> RecordBatch {
    let batches: Vec<RecordBatch> = file.rows().unwrap().map(Result::unwrap).collect();
    concat_batches(&batches[0].schema(), &batches).unwrap()
}

/// A value as a record holds it: a number that no integer of a record can be is a text there.
fn recorded(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.as_f64().is_some_and(|n| n.abs() > 1e16) => {
            Value::String(number.to_string())
        }
        Value::Array(items) => items.iter().map(recorded).collect(),
        Value::Object(members) => Value::Object(all_recorded(members)),
        other => other.clone(),
    }
}

fn all_recorded(members: &Map<String, Value>) -> Map<String, Value> {
    members.iter().map(|(name, value)| (name.clone(), recorded(value))).collect()
}

/// A segment as compressed lines.
fn lines(file: &SegmentFile, folder: &Path) -> Vec<u8> {
    let written = jsonl::write(file, Unfinished::create(folder, "t").unwrap(), 3).unwrap();
    let object = std::fs::read(written.file.path()).unwrap();
    assert_eq!(object.len() as u64, written.bytes);
    object
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn lines_and_parquet_restore_to_the_same(
        all in prop::collection::vec(prop::collection::vec((event(), 0..50_i64), 1..12), 1..6)
    ) {
        let mut registry = Registry::default();
        let segments: Vec<BuiltSegment> = (0..)
            .zip(&all)
            .map(|(s, events)| {
                let records: Vec<Made> = (0..)
                    .zip(events)
                    .map(|(i, (event, time))| made(format!("{s}-{i}"), *time, &all_recorded(event)))
                    .collect();
                built(&records, &mut registry)
            })
            .collect();
        let parquet = merged(&segments, &mut registry).unwrap().file;
        let folder = tempfile::tempdir().unwrap();
        let path = parquet.path().replace(".parquet", ".jsonl.zst");
        let object = lines(&parquet, folder.path());
        let file = jsonl::restore(&path, &object, folder.path(), "t").unwrap();
        let restored = SegmentFile::open_file(&path, file.file.path(), None).unwrap();

        // Records, and roots that their leaves lead to.
        let (records, roots) = contents(&parquet);
        prop_assert_eq!(&contents(&restored), &(records.clone(), roots));
        prop_assert_eq!(restored.meta(), parquet.meta());
        prop_assert_eq!(restored.seal(), parquet.seal());
        prop_assert_eq!(rows(&restored), rows(&parquet));
        read_back(parquet.meta(), &restored, &Gone::default(), &|_| Ok(())).unwrap();
        prop_assert_eq!(jsonl::trail_of(&path, &object).unwrap(), "t");

        // What other tools read are the canonical records, line by line.
        let text = zstd::decode_all(&object[..]).unwrap();
        let mut told = std::str::from_utf8(&text).unwrap().lines();
        let head = told.next().unwrap().starts_with("{\"description\":");
        prop_assert!(head);
        prop_assert!(told.eq(records.iter().map(String::as_str)));

        // Made of either file, they are the same bytes.
        prop_assert_eq!(lines(&restored, folder.path()), object);
    }
}
