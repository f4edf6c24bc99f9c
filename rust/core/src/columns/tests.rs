use super::*;
use arrow::array::{Array, AsArray};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn canonical(value: &Value) -> Vec<u8> {
    let mut c = crate::json::Canonicalizer::default();
    c.object(value.to_string().as_bytes(), crate::json::Limits::default()).unwrap().0.to_vec()
}

fn shred(records: &[Vec<u8>]) -> (Shredded, Registry) {
    let mut survey = Survey::default();
    records.iter().for_each(|r| survey.add(r));
    let mut registry = Registry::default();
    let promoted = survey.promote(&mut registry);
    let mut shredder = Shredder::new(fixed(), &promoted);
    records.iter().for_each(|r| shredder.push(r));
    (shredder.finish().unwrap(), registry)
}

fn assemble(rows: &Shredded) -> Vec<Vec<u8>> {
    let columns: Vec<_> = rows.columns.iter().map(|c| c.0.clone()).collect();
    let assembler = Assembler::new(&columns);
    let values: Vec<_> = rows.columns.iter().map(|c| Values::of(&c.1).unwrap()).collect();
    let rest = rows.rest.as_ref().map(|r| r.as_string::<i32>());
    (0..rows.rows)
        .map(|row| {
            let rest = rest.filter(|r| r.is_valid(row)).map(|r| r.value(row).as_bytes());
            let mut out = Vec::new();
            assembler.row(&values, row, rest, &mut out).unwrap();
            out
        })
        .collect()
}

#[test]
fn frequent_foreign_paths_become_columns_and_come_back() {
    let records: Vec<_> = (0..300)
        .map(|i| {
            canonical(&json!({
                "event_type": "data.x", "user_id": if i % 7 == 0 { json!(i) } else { json!("u") },
                "net": {"peer": {"port": i, "name": "a\"b\n"}, "empty": {}},
                "ratio": if i == 299 { json!(0.5) } else { json!(i) },
                "flag": i % 2 == 0, "none": null, "list": [1, {"a": 2}],
                "odd": if i % 3 == 0 { json!({"b": i}) } else { json!("s") },
                "resource": {"path": "/p", "size_bytes": i, "more": {"deep": true}},
                "_hidden": 1, "a_b": 1, "a": {"b": 2}, "Event": "x",
            }))
        })
        .collect();
    let (rows, registry) = shred(&records);
    assert_eq!(assemble(&rows), records);
    let kind = |name: &str| rows.columns.iter().find(|c| c.0.name == name).map(|c| c.0.kind);
    assert_eq!(kind("net_peer_port"), Some(ColumnType::Int64));
    assert_eq!(kind("ratio"), Some(ColumnType::Float64));
    assert_eq!(kind("flag"), Some(ColumnType::Boolean));
    assert_eq!(kind("odd"), Some(ColumnType::Utf8));
    assert_eq!(kind("odd_b"), Some(ColumnType::Int64));
    assert_eq!(kind("resource_more_deep"), Some(ColumnType::Boolean));
    for absent in ["_hidden", "Event", "none", "list"] {
        assert_eq!(kind(absent), None, "{absent}");
    }
    assert!(rows.columns.iter().filter(|c| c.0.name == "a_b").count() == 1);
    let user = rows.columns.iter().find(|c| c.0.name == "user_id").unwrap();
    assert_eq!((user.1.null_count(), user.2), (43, 43));
    assert!(registry.columns().iter().all(|c| c.name != "user_id"));
}

#[test]
fn integers_widen_to_doubles_when_one_turns_up_late() {
    let mut shredder = Shredder::new(
        fixed(),
        &[LogicalColumn { name: "n".into(), path: vec!["n".into()], kind: ColumnType::Int64 }],
    );
    let records: Vec<_> =
        [json!(1), json!(null), json!(2.5), json!("x"), json!(9_007_199_254_740_991_i64)]
            .iter()
            .map(|n| canonical(&json!({"n": n})))
            .collect();
    records.iter().for_each(|r| shredder.push(r));
    let rows = shredder.finish().unwrap();
    assert_eq!((rows.columns[0].0.kind, rows.columns[0].2), (ColumnType::Float64, 1));
    assert_eq!(assemble(&rows), records);
}

#[test]
fn a_second_representation_is_a_fault() {
    let column = |path: &[&str], kind| LogicalColumn {
        name: path.join("_"),
        path: path.iter().map(|s| (*s).to_owned()).collect(),
        kind,
    };
    let columns = [column(&["a", "b"], ColumnType::Int64), column(&["c"], ColumnType::Utf8)];
    let b = arrow::array::Int64Array::from(vec![Some(1), None]);
    let c = arrow::array::StringArray::from(vec![Some("x"), None]);
    let values = [Values::Int64(&b), Values::Utf8(&c)];
    let row = |row, rest: &str| {
        let mut out = Vec::new();
        let result = Assembler::new(&columns).row(&values, row, Some(rest.as_bytes()), &mut out);
        result.map(|()| String::from_utf8(out).unwrap())
    };
    assert_eq!(row(0, r#"{"z":1}"#).unwrap(), r#"{"a":{"b":1},"c":"x","z":1}"#);
    assert_eq!(row(0, r#"{"a":{"a":0,"c":2}}"#).unwrap(), r#"{"a":{"a":0,"b":1,"c":2},"c":"x"}"#);
    assert_eq!(row(1, r#"{"a":{},"c":5}"#).unwrap(), r#"{"a":{},"c":5}"#);
    for (at, rest) in [
        (0, r#"{"a":{"b":2}}"#),
        (0, r#"{"a":{"b":"x"}}"#),
        (0, r#"{"a":3}"#),
        (0, r#"{"a":{}}"#),
        (0, r#"{"c":1}"#),
        (1, r#"{"c":"y"}"#),
        (1, r#"{"a":{"b":2}}"#),
        (0, "{}"),
        (1, "[]"),
        (1, ""),
    ] {
        assert!(row(at, rest).is_err(), "{at} {rest}");
    }
}

#[test]
fn names_belong_to_one_path_for_ever() {
    let mut registry = Registry::default();
    let path = |p: &[&str]| p.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
    assert!(registry.claim(path(&["a", "b"]), ColumnType::Int64).is_some());
    assert!(registry.claim(path(&["a_b"]), ColumnType::Int64).is_none());
    assert!(registry.claim(path(&["A_B"]), ColumnType::Int64).is_none());
    assert!(registry.claim(path(&["user_id"]), ColumnType::Utf8).is_none());
    assert!(registry.claim(path(&["USER_ID"]), ColumnType::Utf8).is_none());
    assert!(registry.claim(path(&["Actor"]), ColumnType::Utf8).is_none());
    assert!(registry.claim(path(&["_id"]), ColumnType::Utf8).is_none());
    let before = registry.clone();
    assert!(registry.claim(path(&["a", "b"]), ColumnType::Float64).is_some());
    assert!(registry.claim(path(&["a", "b"]), ColumnType::Utf8).is_some());
    assert_eq!(registry.columns()[0].kind, ColumnType::Float64);
    assert!(registry.claim(path(&["c"]), ColumnType::Utf8).is_some());
    assert_eq!(registry.since(&before).len(), 2);
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Value::from),
        any::<f64>()
            .prop_filter("finite", |f| f.is_finite() && f.abs() < 9e15)
            .prop_map(Value::from),
        "[ -~]{0,6}|\\PC{0,4}".prop_map(Value::String),
        (0_i64..8_993_721_599_999_999).prop_map(|t| {
            let mut out = Vec::new();
            crate::json::format_timestamp(t, &mut out);
            Value::String(String::from_utf8(out).unwrap())
        }),
    ];
    let name = prop_oneof![
        "a|b|c|a_b|user_id|resource|path|timestamp|size_bytes|result|status|cost_usd|é|\"|\\\\|\n|😀|_x",
        "\\PC{0,3}"
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            4 => prop::collection::btree_map(name.clone(), inner, 0..6)
                .prop_map(|m| Value::Object(m.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn every_set_of_records_comes_back(values in prop::collection::vec(value(), 1..12)) {
        let records: Vec<_> = values
            .iter()
            .map(|v| if v.is_object() { canonical(v) } else { canonical(&json!({"a": v})) })
            .collect();
        let (rows, _) = shred(&records);
        prop_assert_eq!(assemble(&rows), records.clone());
        let rest = rows.rest.as_ref().map(|r| r.as_string::<i32>());
        // What a segment promoted equals what a scan reads out of the whole record.
        for (column, array, _) in &rows.columns {
            let raws = records.iter().map(|r| Some(r.as_slice()));
            prop_assert_eq!(&extract(raws, &column.path, column.kind), array);
            let left = (0..rows.rows).map(|i| {
                rest.filter(|r| r.is_valid(i)).map(|r| r.value(i).as_bytes())
            });
            let hidden = extract(left, &column.path, column.kind);
            prop_assert_eq!(hidden.null_count(), rows.rows);
        }
    }
}
