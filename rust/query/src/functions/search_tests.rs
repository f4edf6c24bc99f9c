#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringViewArray};

use super::{Search, evaluate};

fn run(search: Search, values: &[Option<&str>], literals: &[&str]) -> Vec<Option<bool>> {
    let array: ArrayRef = Arc::new(StringViewArray::from(values.to_vec()));
    let literals: Vec<Option<&str>> = literals.iter().copied().map(Some).collect();
    let found = evaluate(search, &array, &literals).unwrap();
    (0..found.len()).map(|row| found.is_valid(row).then(|| found.value(row))).collect()
}

#[test]
fn addresses_lie_in_networks() {
    let values = [Some("203.0.113.7"), None, Some("203.0.114.7"), Some("x"), Some("203.0.113.7")];
    let expected = vec![Some(true), None, Some(false), Some(false), Some(true)];
    assert_eq!(run(Search::IpIn, &values, &["203.0.113.0/24"]), expected);
}

#[test]
fn elements_of_arrays_are_matched() {
    let values = [Some(r#"["ana","b\"en"]"#), Some("[]"), Some("\"ana\""), Some(r#"[["ana"]]"#)];
    let found = |pattern| run(Search::AnyElement, &values, &["", pattern]);
    assert_eq!(found("an*"), [Some(true), Some(false), Some(false), Some(false)]);
    assert_eq!(found("b\"en"), [Some(true), Some(false), Some(false), Some(false)]);
    let values = [Some(r#"[{"x":1,"approver":"ana"}]"#), Some(r#"[{"approver":["ana"]}]"#), None];
    let found = run(Search::AnyElement, &values, &["approver", "ana"]);
    assert_eq!(found, [Some(true), Some(false), None]);
}

#[test]
fn what_is_known_of_a_value_holds_for_equal_ones_only() {
    let long: Vec<String> = (0..3000).map(|n| format!("a long value number {}", n % 700)).collect();
    let values: Vec<Option<&str>> = long.iter().map(|text| Some(text.as_str())).collect();
    let quoted: Vec<String> = long.iter().map(|text| format!("\"{text}\"")).collect();
    let quoted: Vec<Option<&str>> = quoted.iter().map(|text| Some(text.as_str())).collect();
    let found = run(Search::RecordHas, &quoted, &["number 69"]);
    for (value, found) in values.iter().zip(found) {
        assert_eq!(found, value.map(|text| text.contains("number 69")));
    }
}
