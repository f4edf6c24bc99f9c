#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};

use super::Nesting;

fn record(fields: &[&str], values: &[Option<&str>]) -> String {
    let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
    let columns = values
        .iter()
        .enumerate()
        .map(|(n, value)| (format!("c{n}"), Arc::new(StringArray::from(vec![*value])) as ArrayRef));
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut out = Vec::new();
    Nesting::new(&fields).unwrap().append(&batch, 0, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn fields_are_nested_as_in_the_record() {
    assert_eq!(record(&[], &[Some(r#"{"a":1}"#)]), r#"{"a":1}"#);
    let fields = ["resource.path", "actor", "resource_size_bytes", "a.b.c", "a.d[0].e"];
    let all = [Some("\"/x\""), Some("a\"na"), Some("7"), Some("null"), Some("[1]")];
    assert_eq!(
        record(&fields, &all),
        r#"{"resource":{"path":"/x","size_bytes":7},"actor":"a\"na","a":{"b":{"c":null}},"a.d[0].e":[1]}"#
    );
    assert_eq!(
        record(&fields, &[None, None, Some("7"), None, None]),
        r#"{"resource":{"size_bytes":7}}"#
    );
    assert_eq!(record(&fields, &[None; 5]), "{}");
}

#[test]
fn a_field_within_another_is_in_it_already() {
    assert_eq!(record(&["a", "a.b"], &[Some(r#"{"b":1}"#), Some("1")]), r#"{"a":{"b":1}}"#);
    assert_eq!(record(&["a.b", "a"], &[Some("1"), Some(r#"{"b":1}"#)]), r#"{"a":{"b":1}}"#);
}
