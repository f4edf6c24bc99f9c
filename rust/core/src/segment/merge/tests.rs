mod lines;

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::columns::Shredder;
use crate::keys::{HmacKey, Secret};
use crate::segment::{BuiltSegment, Row, build_segments};

const START: i64 = 1_772_000_000_000_000;

fn key() -> HmacKey {
    HmacKey::new(Secret::from_bytes([7; 32]))
}

fn signer(hmac: &HmacKey) -> Signer<'_> {
    Signer {
        trail: "t",
        writer: "w-0000000000000000",
        key: "k".into(),
        epoch: 5,
        hmac,
        by_day: false,
        sealing: None,
    }
}

/// An event of the domain `data` as a record; `more` are its other members.
fn record(id: &str, time: i64, more: &Map<String, Value>) -> String {
    let mut text = Vec::new();
    crate::json::format_timestamp(START + time, &mut text);
    let time = String::from_utf8(text).unwrap();
    let mut all = more.clone();
    for (name, value) in [
        ("audit_id", json!(id)),
        ("event_type", json!("data.x")),
        ("recorded_at", json!(time)),
        ("schema_version", json!(1)),
        ("timestamp", json!(time)),
    ] {
        all.insert(name.to_owned(), value);
    }
    String::from_utf8(serde_json_canonicalizer::to_vec(&Value::Object(all)).unwrap()).unwrap()
}

struct Made {
    id: String,
    time: i64,
    record: String,
}

fn made(id: String, time: i64, more: &Map<String, Value>) -> Made {
    let record = record(&id, time, more);
    Made { id, time, record }
}

fn built(records: &[Made], registry: &mut Registry) -> BuiltSegment {
    let rows = records.iter().map(|made| Row {
        record: made.record.as_bytes(),
        timestamp: START + made.time,
        audit_id: &made.id,
        domain: 2,
    });
    let hmac = key();
    let mut all = build_segments(rows.collect(), &signer(&hmac), registry).unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

#[derive(Debug)]
struct Outcome {
    file: SegmentFile,
    merged: Merged,
}

/// Merges segments, the first of which entry 10 added, and so on.
fn merged(segments: &[BuiltSegment], registry: &mut Registry) -> Result<Outcome> {
    let mut inputs: Vec<Input<'_>> = Vec::new();
    for (n, segment) in (10..).zip(segments) {
        let file = SegmentFile::open(&segment.added.path, segment.bytes.clone())?;
        inputs.push(Input::new(file, &segment.added, Some((n, n % 3)))?);
    }
    merge_inputs(&mut inputs, registry)
}

fn merge_inputs(inputs: &mut [Input<'_>], registry: &mut Registry) -> Result<Outcome> {
    let folder = tempfile::tempdir().unwrap();
    let hmac = key();
    let target =
        Target { folder: folder.path(), tag: "t", level: 9, keys: None, watch: &|_| Ok(()) };
    let merged = merge(inputs, &signer(&hmac), registry, &target)?;
    let bytes = bytes::Bytes::from(std::fs::read(merged.file.path()).unwrap());
    let file = SegmentFile::open(&merged.added.path, bytes)?;
    Ok(Outcome { file, merged })
}

/// All records of a file by batch, each with its leaves' root.
fn contents(file: &SegmentFile) -> (Vec<String>, BTreeMap<String, String>) {
    let reader = file.row_reader();
    let batches = &file.meta().batches;
    let mut leaves = vec![Vec::new(); batches.len()];
    let mut records = Vec::new();
    for rows in file.rows().unwrap() {
        let rows = rows.unwrap();
        let columns = reader.columns(&rows).unwrap();
        for row in 0..rows.num_rows() {
            let mut out = Vec::new();
            columns.record(row, &mut out).unwrap();
            let at = usize::from(columns.ordinal(row));
            let salt = batches[at].salt_bytes().unwrap();
            let salt = merkle::batch_salt_at(&salt, leaves[at].len() as u64);
            leaves[at].push(merkle::record_leaf(&salt, &out));
            records.push(String::from_utf8(out).unwrap());
        }
    }
    let root = |leaves: &Vec<merkle::Hash>| data_encoding::HEXLOWER.encode(&merkle::root(leaves));
    let roots = batches.iter().zip(&leaves).map(|(batch, leaves)| {
        assert_eq!(batch.root, root(leaves));
        assert_eq!(batch.rows, leaves.len() as u64);
        (batch.id.clone(), batch.root.clone())
    });
    (records.clone(), roots.collect())
}

/// Taking the records apart under the file's columns gives the file's columns.
fn assert_one_representation(file: &SegmentFile, records: &[String]) {
    let columns: Vec<LogicalColumn> =
        file.meta().columns.iter().map(SegmentColumn::logical).collect();
    let mut shredder = Shredder::of_types(&columns);
    records.iter().for_each(|record| shredder.push(record.as_bytes()));
    let parts = shredder.finish_all().unwrap();
    let batches: Vec<_> = file.rows().unwrap().map(|batch| batch.unwrap()).collect();
    let all = arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap();
    for (at, (array, misfits)) in parts.columns.iter().enumerate() {
        let name = &columns[at].name;
        assert_eq!(array.as_ref(), Some(all.column(at + 1)), "{name}");
        assert_eq!(*misfits, file.meta().columns[at].misfits, "{name}");
    }
    let rest = all.column_by_name(REST);
    assert_eq!(parts.rest.as_ref(), rest);
    assert!(rest.is_none_or(|rest| rest.null_count() < rest.len()));
}

fn check(segments: &[BuiltSegment], registry: &mut Registry) -> Outcome {
    let mut before = Vec::new();
    let mut roots = BTreeMap::new();
    for segment in segments {
        let file = SegmentFile::open(&segment.added.path, segment.bytes.clone()).unwrap();
        let (records, more) = contents(&file);
        before.extend(records);
        roots.extend(more);
    }
    let outcome = merged(segments, registry).unwrap();
    let (after, moved) = contents(&outcome.file);
    assert_eq!(moved, roots);
    let order = |record: &String| {
        let at = |name: &str| {
            let raw = crate::json::get(record.as_bytes(), &[name]).unwrap();
            String::from_utf8(raw.to_vec()).unwrap()
        };
        let time = at("timestamp");
        let time = crate::json::parse_canonical_timestamp(time.trim_matches('"').as_bytes());
        (time, at("audit_id"), record.clone())
    };
    assert!(after.is_sorted_by_key(order));
    let mut sorted = after.clone();
    sorted.sort();
    before.sort();
    assert_eq!(sorted, before);
    assert_one_representation(&outcome.file, &after);
    let added = &outcome.merged.added;
    assert_eq!(added.rows, after.len() as u64);
    assert_eq!(added.bytes, outcome.file.bytes().unwrap().len() as u64);
    outcome
}

fn members(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[test]
fn rows_of_many_segments_become_one_in_order() {
    let mut registry = Registry::default();
    let segments: Vec<BuiltSegment> = (0..7)
        .map(|s| {
            let records: Vec<Made> = (0..200)
                .map(|i| {
                    let more = members(
                        json!({"n": i, "text": format!("{s} {i}"), "deep": {"x": i % 3 == 0}}),
                    );
                    made(format!("id{s}-{i:04}"), (i * 7 + s * 300) * 1000, &more)
                })
                .collect();
            built(&records, &mut registry)
        })
        .collect();
    let outcome = check(&segments, &mut registry);
    let meta = outcome.file.meta();
    assert_eq!(meta.batches.len(), 7);
    for (n, segment) in (10..).zip(&segments) {
        let id = segment.added.path.rsplit('/').next().unwrap().replace(".parquet", ":0");
        let batch = meta.batches.iter().find(|batch| batch.id == id).unwrap();
        let origin = Origin { add: n % 3, entry: n, index: 0, path: Vec::new() };
        assert_eq!(batch.origin.as_ref(), Some(&origin));
    }
    let names: Vec<&str> = outcome.merged.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["deep_x", "n", "text"]);
}

#[test]
fn a_merged_segment_is_merged_again_and_keeps_origins() {
    let mut registry = Registry::default();
    let segment = |s: i64, registry: &mut Registry| {
        let records: Vec<Made> = (0..50)
            .map(|i| made(format!("id{s}-{i}"), i * 1000 + s, &members(json!({"a": i}))))
            .collect();
        built(&records, registry)
    };
    let segments = [segment(0, &mut registry), segment(1, &mut registry)];
    let first = check(&segments, &mut registry);
    let third = segment(2, &mut registry);
    let mut inputs = [
        Input::new(first.file.clone(), &first.merged.added, None).unwrap(),
        Input::new(
            SegmentFile::open(&third.added.path, third.bytes.clone()).unwrap(),
            &third.added,
            Some((40, 1)),
        )
        .unwrap(),
    ];
    let second = merge_inputs(&mut inputs, &mut registry).unwrap();
    let entries: Vec<u64> =
        second.file.meta().batches.iter().map(|b| b.origin.as_ref().unwrap().entry).collect();
    assert_eq!(entries, [10, 11, 40]);
    let (records, _) = contents(&second.file);
    assert_eq!(records.len(), 150);
    assert_one_representation(&second.file, &records);
}

#[test]
fn columns_come_and_go_with_what_is_frequent() {
    let mut registry = Registry::default();
    let many: Vec<Made> = (0..3000)
        .map(|i| made(format!("a{i:05}"), i * 1000, &members(json!({"common": i, "mixed": i}))))
        .collect();
    let few: Vec<Made> = (0..20)
        .map(|i| {
            let more =
                json!({"rare": "x", "mixed": 0.5, "common": "text", "deep": {"a": {}, "b": 1}});
            made(format!("b{i:05}"), i * 5000, &members(more))
        })
        .collect();
    // A record alone promotes nothing.
    let alone: Vec<BuiltSegment> = (0..40)
        .map(|i| {
            built(&[made(format!("c{i}"), i * 9000, &members(json!({"alone": i})))], &mut registry)
        })
        .collect();
    let mut segments = vec![built(&many, &mut registry), built(&few, &mut registry)];
    segments.extend(alone);
    let outcome = check(&segments, &mut registry);
    let columns = &outcome.file.meta().columns;
    let column = |name: &str| columns.iter().find(|c| c.name == name);
    assert!(column("rare").is_none() && column("deep_b").is_none());
    assert_eq!(column("alone").unwrap().misfits, 0);
    assert_eq!(column("mixed").unwrap().kind, crate::columns::ColumnType::Float64);
    assert_eq!(column("common").unwrap().misfits, 20);
}

#[test]
fn a_file_whose_rest_went_into_columns_has_none() {
    let mut registry = Registry::default();
    let segments: Vec<BuiltSegment> = (0..5)
        .map(|i| built(&[made(format!("c{i}"), i, &members(json!({"alone": "x"})))], &mut registry))
        .collect();
    let outcome = check(&segments, &mut registry);
    assert!(outcome.file.meta().columns.iter().any(|c| c.name == "alone"));
    let schema = outcome.file.parquet().file_metadata().schema_descr();
    assert!(schema.columns().iter().all(|c| c.name() != REST));
}

#[test]
fn identical_times_and_ids_are_ordered_by_content() {
    let mut registry = Registry::default();
    let segment = |text: [&str; 3], registry: &mut Registry| {
        let records: Vec<Made> =
            text.iter().map(|t| made("same".to_owned(), 5, &members(json!({"text": t})))).collect();
        built(&records, registry)
    };
    let segments = [
        segment(["b", "d", "f"], &mut registry),
        segment(["a", "d", "e"], &mut registry),
        segment(["c", "c", "g"], &mut registry),
    ];
    check(&segments, &mut registry);
}

#[test]
fn what_was_changed_is_not_merged() {
    let mut registry = Registry::default();
    let segment = |s: &str, registry: &mut Registry| {
        let records: Vec<Made> =
            (0..10).map(|i| made(format!("{s}{i}"), i, &members(json!({"a": i})))).collect();
        built(&records, registry)
    };
    let (good, other) = (segment("a", &mut registry), segment("b", &mut registry));
    // The salt of another batch: every leaf is another one.
    let file = SegmentFile::open(&good.added.path, good.bytes.clone()).unwrap();
    let mut forged = Input::new(file, &good.added, Some((3, 0))).unwrap();
    let theirs = SegmentFile::open(&other.added.path, other.bytes.clone()).unwrap();
    forged.file =
        forged.file.with_batches(|batch| batch.salt = theirs.meta().batches[0].salt.clone());
    let error = merge_inputs(&mut [forged], &mut registry).unwrap_err();
    assert_eq!(error.kind(), "integrity");
    // A file that is not the one that the ledger names.
    let error = Input::new(theirs, &good.added, Some((3, 0))).unwrap_err();
    assert_eq!(error.kind(), "integrity");
}

#[test]
fn an_interrupted_merge_leaves_nothing() {
    let mut registry = Registry::default();
    let segment = built(&[made("a".to_owned(), 1, &Map::new())], &mut registry);
    let file = SegmentFile::open(&segment.added.path, segment.bytes.clone()).unwrap();
    let mut inputs = [Input::new(file, &segment.added, Some((1, 0))).unwrap()];
    let folder = tempfile::tempdir().unwrap();
    let hmac = key();
    let target = Target {
        folder: folder.path(),
        tag: "t",
        level: 9,
        keys: None,
        watch: &|_| Err(Error::Interrupted),
    };
    let result = merge(&mut inputs, &signer(&hmac), &mut registry, &target);
    assert_eq!(result.unwrap_err().kind(), "interrupted");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (0..4_i64).prop_map(Value::from),
        prop_oneof![Just(0.5), Just(1e300), Just(-2.25)].prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::String),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..2).prop_map(Value::Array),
            4 => prop::collection::btree_map("a|b|c|user_id|result|status|duration_ms", inner, 0..4)
                .prop_map(|m| Value::Object(m.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn event() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::btree_map("a|b|c|a_b|user_id|resource|result", value(), 0..5)
        .prop_map(|m| m.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn every_set_of_segments_keeps_its_records_and_roots(
        all in prop::collection::vec(prop::collection::vec((event(), 0..50_i64), 1..12), 1..8)
    ) {
        let mut registry = Registry::default();
        let segments: Vec<BuiltSegment> = all
            .iter()
            .enumerate()
            .map(|(s, events)| {
                let records: Vec<Made> = events
                    .iter()
                    .enumerate()
                    .map(|(i, (event, time))| made(format!("{s}-{i}"), *time, event))
                    .collect();
                built(&records, &mut registry)
            })
            .collect();
        let known = registry.clone();
        let outcome = check(&segments, &mut registry);
        let rows = outcome.file.parquet().file_metadata().num_rows();
        prop_assert_eq!(rows as usize, all.iter().map(Vec::len).sum::<usize>());
        // What the trail has as integers no segment has as doubles, unless it is listed anew.
        let mut listed = known;
        for column in &outcome.merged.columns {
            listed.take(column).unwrap();
        }
        let sorted = |registry: &Registry| {
            let mut columns = registry.columns().to_vec();
            columns.sort_by(|a, b| a.name.cmp(&b.name));
            columns
        };
        prop_assert_eq!(sorted(&listed), sorted(&registry));
    }
}

#[test]
fn ordinals_fit_their_batches() {
    let mut registry = Registry::default();
    let records: Vec<Made> = (0..300).map(|i| made(format!("{i:04}"), i, &Map::new())).collect();
    let segments: Vec<BuiltSegment> =
        records.chunks(1).map(|some| built(some, &mut registry)).collect();
    let outcome = check(&segments, &mut registry);
    let batch = outcome.file.rows().unwrap().next().unwrap().unwrap();
    let ordinals = batch.column(0).as_primitive::<arrow::datatypes::UInt16Type>();
    assert!(ordinals.values().iter().copied().eq(0..300));
}
