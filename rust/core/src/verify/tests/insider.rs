//! What a writer with the right keys could say that is not so.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray, UInt16Array,
};
use arrow::compute::take_record_batch;
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use parquet::file::metadata::KeyValue;
use serde_json::{Value, json};

use super::forge::{Forgery, rewrite};
use super::maker::{Made, Maker, event, record};
use crate::columns::ColumnType;
use crate::ledger::{AddedSegment, Body, Bounds};
use crate::segment::{BuiltSegment, Origin};
use crate::verify::{Report, Verdict};

fn events() -> Vec<Value> {
    (0..10).map(|i| event(i, "data.file_read")).collect()
}

fn made(values: &[Value]) -> Vec<Made> {
    values.iter().map(record).collect()
}

/// A trail whose one segment was changed before its writer committed it.
fn with_segment(
    values: &[Value],
    change: impl FnOnce(BuiltSegment, &Maker) -> BuiltSegment,
) -> Report {
    let mut maker = Maker::new();
    let records = made(values);
    let built = maker.build(&records).pop().unwrap();
    let changed = change(built, &maker);
    maker.commit(&records, vec![changed], false);
    let report = maker.verify(true);
    // Whoever does this fools nobody, with or without the secret.
    assert!(report.findings.iter().all(|f| f.verdict == Verdict::Tampered));
    report
}

fn forged(edit: impl FnOnce(&mut Forgery)) -> Report {
    with_segment(&events(), |built, maker| rewrite(built, maker.writer.hmac(), edit))
}

fn assert_only(report: &Report, kinds: &[&str]) {
    let mut found = super::kinds(report);
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, kinds, "{:#?}", report.findings);
}

#[test]
fn an_unchanged_rewrite_is_sound() {
    let report = forged(|_| {});
    assert_only(&report, &[]);
    assert!(report.checked.bloom_filters >= 2, "{:?}", report.checked);
}

#[test]
fn rows_out_of_order_are_found() {
    let report = forged(|f| {
        let order = arrow::array::UInt32Array::from(vec![0, 2, 1, 3, 4, 5, 6, 7, 8, 9]);
        f.rows = take_record_batch(&f.rows, &order).unwrap();
        f.rehash();
    });
    assert_only(&report, &["row_order"]);
    assert_eq!(report.findings[0].rows, [(2, 2)]);
}

#[test]
fn records_that_are_not_those_hashed_are_found_by_row() {
    let report = forged(|f| f.set_text("user_id", 3, Some("u0\u{1}")));
    assert!(super::kinds(&report).contains(&"batch_root"));
    let finding = report.findings.iter().find(|f| f.kind == "batch_root").unwrap();
    assert_eq!(finding.rows, [(0, 9)]);
    assert!(finding.batch.as_ref().is_some_and(|id| id.ends_with(":0")));
}

#[test]
fn records_in_the_wrong_partition_are_found() {
    let report = forged(|f| {
        f.set_text("event_type", 4, Some("auth.user_login"));
        f.rehash();
    });
    assert_only(&report, &["bounds", "partition"]);
    let report = forged(|f| {
        let at = f.column("timestamp");
        let times = f.rows.column(at).as_primitive::<TimestampMicrosecondType>();
        let later = |t: i64| t + 31 * 86_400_000_000;
        let moved: TimestampMicrosecondArray = times.unary(later);
        f.set("timestamp", Arc::new(moved.with_timezone("UTC")));
        f.rehash();
    });
    assert_only(&report, &["bounds", "partition"]);
    let partition = report.findings.iter().find(|f| f.kind == "partition").unwrap();
    assert_eq!(partition.rows, [(0, 9)]);
}

#[test]
fn a_second_representation_is_found() {
    let rest = |rest: &'static str| {
        move |f: &mut Forgery| {
            f.set_text("_rest", 5, Some(rest));
            f.rehash();
        }
    };
    let no_canonical = [
        r#"{"b":1,"a":2}"#,
        r#"{"list":[1, 2]}"#,
        r#"{"x":1.0}"#,
        r#"{"x":-0}"#,
        r#"{"x":"\u0041"}"#,
        r#"{"x":90071992547409920}"#,
        r#"{"x":1,"x":2}"#,
        r#"{"x":1}}"#,
        r#"{"x":"#,
    ];
    for text in no_canonical {
        let report = forged(rest(text));
        assert!(super::kinds(&report).contains(&"representation"), "{text}: {:?}", report.findings);
        let finding = report.findings.iter().find(|f| f.kind == "representation").unwrap();
        assert_eq!(finding.rows, [(5, 5)], "{text}");
    }
    // Values that belong into a column: of the segment, and of the catalogue.
    for text in
        [r#"{"user_id":"u"}"#, r#"{"trace_id":"t"}"#, r#"{"resource":{"path":"p"}}"#, "{}", "[]"]
    {
        let report = forged(rest(text));
        assert!(super::kinds(&report).contains(&"representation"), "{text}: {:?}", report.findings);
    }
    let report = forged(|f| {
        f.set_text("user_id", 5, None);
        f.set_text("_rest", 5, Some(r#"{"user_id":"u"}"#));
        f.rehash();
    });
    let finding = report.findings.iter().find(|f| f.kind == "representation").unwrap();
    assert!(finding.message.contains("belongs into its column"), "{finding}");
}

#[test]
fn values_that_no_record_has_are_found() {
    let double = |value: f64| {
        move |f: &mut Forgery| {
            let at = f.column("cost_usd");
            let old = f.rows.column(at).as_primitive::<Float64Type>().clone();
            let new: Float64Array =
                (0..old.len()).map(|i| Some(if i == 2 { value } else { old.value(i) })).collect();
            f.set("cost_usd", Arc::new(new));
            f.rehash();
        }
    };
    for value in [-0.0, 9_007_199_254_740_992.0, -1e300, f64::INFINITY] {
        assert_only(&forged(double(value)), &["representation"]);
    }
    let report = forged(|f| {
        let at = f.column("tool_exit");
        let old = f.rows.column(at).as_primitive::<Int64Type>().clone();
        let new: Int64Array = (0..old.len()).map(|i| Some(old.value(i) + (1 << 53))).collect();
        f.set("tool_exit", Arc::new(new));
        f.rehash();
    });
    assert_only(&report, &["representation"]);
}

#[test]
fn records_without_what_every_record_has_are_found() {
    let text = |name: &'static str, value: Option<&'static str>| {
        move |f: &mut Forgery| {
            f.set_text(name, 9, value);
            f.rehash();
        }
    };
    for (name, value) in [
        ("audit_id", Some("a b")),
        ("audit_id", Some("")),
        ("audit_id", None),
        ("event_type", Some("data.Upper")),
        ("event_type", Some("data")),
        ("event_type", Some("other.thing")),
        ("event_type", None),
    ] {
        let report = forged(text(name, value));
        assert!(super::kinds(&report).contains(&"record"), "{name} {value:?}");
    }
    let report = forged(|f| {
        f.set("schema_version", Arc::new(Int64Array::from(vec![2; 10])));
        f.rehash();
    });
    assert_only(&report, &["record"]);
    let report = forged(|f| {
        let at = f.column("recorded_at");
        let mut arrays = f.rows.columns().to_vec();
        arrays.remove(at);
        let mut fields: Vec<_> = f.rows.schema().fields().iter().cloned().collect();
        fields.remove(at);
        f.meta.columns.retain(|c| c.name != "recorded_at");
        let schema = Arc::new(arrow::datatypes::Schema::new(fields));
        f.rows = arrow::array::RecordBatch::try_new(schema, arrays).unwrap();
        f.rehash();
    });
    assert_only(&report, &["record"]);
}

#[test]
fn what_only_the_recorder_sets_must_be_as_it_sets_it() {
    let with = |name: &str, value: Value| {
        let mut values = events();
        values[3][name] = value;
        values[3]["a"] = json!({"b/c": ["x", "1e400"], "n": "12345678901234567890"});
        let mut maker = Maker::new();
        maker.append(&values, false);
        maker.verify(false)
    };
    let good = json!(["/a/b~1c/1", "/a/n"]);
    assert_only(&with("_exact_numbers", good), &[]);
    for bad in [json!(["/a/n", "/a/b~1c/1"]), json!([]), json!(["a"]), json!("/a"), json!([1])] {
        assert_only(&with("_exact_numbers", bad), &["representation"]);
    }
    for bad in [json!(["/a/b~1c/0"]), json!(["/a"]), json!(["/a/b~1c/7"]), json!(["/list/0"])] {
        assert_only(&with("_exact_numbers", bad), &["record"]);
    }
    let good = json!([{"path": "a", "problem": "b"}]);
    assert_only(&with("schema_violations", good), &[]);
    for bad in [json!({}), json!("x"), json!([{"path": "a"}]), json!([{"path": 1, "problem": "b"}])]
    {
        assert_only(&with("schema_violations", bad), &["representation"]);
    }
}

#[test]
fn records_of_any_size_below_the_limit_pass_and_none_above() {
    let with = |bytes: usize| {
        let mut values = events();
        values[3]["blob"] = json!("x".repeat(bytes));
        let mut maker = Maker::new();
        maker.append(&values, false);
        maker.verify(false)
    };
    assert_only(&with(2 << 20), &[]);
    assert_only(&with((16 << 20) + 1), &["record"]);
}

#[test]
fn a_description_that_does_not_fit_is_found() {
    let edits: [(&str, fn(&mut Forgery)); 17] = [
        ("misfits", |f| f.meta.columns.iter_mut().for_each(|c| c.misfits += 1)),
        ("metadata", |f| f.meta.writer = "w-0000000000000000".to_owned()),
        ("metadata", |f| f.meta.epoch += 1),
        ("metadata", |f| f.meta.key = "0".repeat(16)),
        ("metadata", |f| f.meta.trail = "other".to_owned()),
        ("metadata", |f| f.meta.segment = "other".to_owned()),
        ("metadata", |f| f.meta.domain = "auth".to_owned()),
        ("metadata", |f| f.meta.period = "2026-03".to_owned()),
        ("metadata", |f| f.meta.v = 2),
        ("metadata", |f| f.meta.schema_version = 2),
        ("metadata", |f| f.more.push(KeyValue::new("x".to_owned(), "y".to_owned()))),
        ("batches", |f| f.meta.batches[0].id = "other:0".to_owned()),
        ("origin", |f| {
            let origin = Origin { add: 0, entry: 1, index: 0, path: Vec::new() };
            f.meta.batches[0].origin = Some(origin);
        }),
        ("commitment", |f| f.meta.batches[0].commitment = "0".repeat(64)),
        ("commitment", |f| f.meta.batches[0].salt = None),
        ("tree_hashes", |f| f.meta.batches[0].tree = None),
        ("batches", |f| {
            let ordinals = UInt16Array::from_iter_values((0..10).map(|i| u16::from(i == 3)));
            f.set("_batch", Arc::new(ordinals));
        }),
    ];
    for (i, (kind, edit)) in edits.into_iter().enumerate() {
        let report = forged(edit);
        assert!(super::kinds(&report).contains(&kind), "{i}: {:?}", report.findings);
    }
}

#[test]
fn columns_that_are_not_the_trails_are_found() {
    let rename = |f: &mut Forgery, from: &str, to: &str| {
        let at = f.column(from);
        let array = f.rows.column(at).clone();
        let mut fields: Vec<_> =
            f.rows.schema().fields().iter().map(|x| x.as_ref().clone()).collect();
        fields[at] = fields[at].clone().with_name(to);
        let mut arrays = f.rows.columns().to_vec();
        arrays[at] = array;
        let schema = Arc::new(arrow::datatypes::Schema::new(fields));
        f.rows = arrow::array::RecordBatch::try_new(schema, arrays).unwrap();
        f.meta.columns[at - 1].name = to.to_owned();
    };
    // Not listed; listed with other letters; another path under a listed name.
    assert_only(&forged(|f| rename(f, "tool_exit", "tool_exix")), &["columns"]);
    assert_only(&forged(|f| rename(f, "tool_exit", "tool_exIt")), &["columns"]);
    let report = forged(|f| {
        let at = f.column("tool_exit") - 1;
        f.meta.columns[at].path = vec!["tool_exit".to_owned()];
        f.rehash();
    });
    assert_only(&report, &["columns"]);
    let report = forged(|f| {
        let at = f.column("ok");
        let empty: ArrayRef = Arc::new(BooleanArray::new_null(10));
        assert_eq!(f.rows.column(at).data_type(), empty.data_type());
        f.set("ok", empty);
        f.rehash();
    });
    assert_only(&report, &["columns"]);
    // The file's own columns differ from the description.
    let report = forged(|f| f.meta.columns.last_mut().unwrap().kind = ColumnType::Timestamp);
    assert_only(&report, &["unreadable"]);
    let report = forged(|f| {
        let empty: ArrayRef = Arc::new(StringArray::new_null(10));
        f.set("_rest", empty);
        f.rehash();
    });
    assert_only(&report, &["columns", "misfits"]);
}

#[test]
fn a_stripped_or_foreign_seal_is_found() {
    assert_only(&forged(|f| f.seal = Some(None)), &["unreadable"]);
    assert_only(&forged(|f| f.seal = Some(Some("00".to_owned()))), &["seal"]);
    assert_only(&forged(|f| f.seal = Some(Some("0".repeat(64)))), &["seal"]);
    // Who has no secret sees whether it is one at all.
    for (seal, found) in [("00".to_owned(), &["seal"][..]), ("0".repeat(64), &[])] {
        let mut maker = Maker::new();
        let records = made(&events());
        let built = maker.build(&records).pop().unwrap();
        let built = rewrite(built, maker.writer.hmac(), |f| f.seal = Some(Some(seal)));
        maker.commit(&records, vec![built], false);
        assert_only(&maker.verify(false), found);
    }
}

/// A trail whose one append says something else of its segment.
fn with_body(edit: impl FnOnce(&mut Body)) -> Report {
    let mut maker = Maker::new();
    let records = made(&events());
    let built = maker.build(&records).pop().unwrap();
    maker.objects.insert(built.added.path.clone(), built.bytes.to_vec());
    let mut body = maker.append_body(&records, vec![built.added]);
    edit(&mut body);
    let (signing, hmac) = (maker.writer.signing().clone(), maker.writer.hmac().clone());
    maker.put(body, &signing, &hmac);
    maker.verify(true)
}

#[test]
fn a_ledger_entry_that_does_not_fit_its_segment_is_found() {
    type Edit = fn(&mut AddedSegment);
    let edits: [(&[&str], Edit); 10] = [
        (&[], |_| {}),
        (&["bounds"], |add| add.min += 1),
        (&["bounds"], |add| add.max += 1),
        (&["bounds"], |add| drop(add.stats.remove("audit_id"))),
        (&["bounds"], |add| {
            add.stats.insert("event_type".to_owned(), Bounds::Text("a".into(), "z".into()));
        }),
        (&["bounds"], |add| {
            add.stats.insert("user_id".to_owned(), Bounds::Text("u0".into(), "u2".into()));
        }),
        (&["segment_length"], |add| add.bytes += 1),
        (&["segment_digest"], |add| add.sha256 = "0".repeat(64)),
        (&["batches"], |add| add.root = "0".repeat(64)),
        (&["batches", "metadata"], |add| add.batches += 1),
    ];
    for (i, (kinds, edit)) in edits.into_iter().enumerate() {
        let report = with_body(|body| body.adds.iter_mut().flatten().for_each(edit));
        let kinds: Vec<&str> =
            kinds.iter().copied().filter(|k| i != 9 || *k == "metadata").collect();
        assert_only(&report, &kinds);
    }
    let report = with_body(|body| {
        body.recorded.as_mut().unwrap().to = "2026-02-28T00:00:00.000Z".to_owned();
    });
    assert_only(&report, &["recorded"]);
    let report = with_body(|body| {
        let recorded = body.recorded.as_mut().unwrap();
        recorded.to = recorded.from.clone();
    });
    assert_only(&report, &["recorded"]);
    let report = with_body(|body| {
        body.adds.as_mut().unwrap()[0].rows += 1;
        body.wal.as_mut().unwrap().to += 1;
    });
    assert_only(&report, &["metadata", "rows"]);
    let report = with_body(|body| body.columns = None);
    assert_only(&report, &["columns"]);
    let report = with_body(|body| body.wal.as_mut().unwrap().from = 2);
    assert_only(&report, &["entry_invalid"]);
}
