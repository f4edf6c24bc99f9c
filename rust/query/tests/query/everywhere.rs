//! A value is the same wherever its record is stored, and a filter finds it there.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::Index;
use sealtrail_core::columns::ColumnType;
use serde_json::{Value, json};

use crate::common::{TestTrail, canonical};
use crate::model::{
    Lookup, Stored, at, attrs, candidates, compare, literal, quoted, shown, stored, text_literal,
};

/// Something that SQL can ask of every record, with the answers.
struct Subject {
    sql: String,
    /// The type, if it can be compared.
    kind: Option<ColumnType>,
    /// By audit id.
    values: BTreeMap<String, Value>,
}

impl Subject {
    fn new(
        sql: String,
        kind: Option<ColumnType>,
        records: &[&Value],
        value: impl Fn(&Value) -> Value,
    ) -> Self {
        let values = records.iter().map(|record| (id(record), value(record))).collect();
        Self { sql, kind, values }
    }
}

fn id(record: &Value) -> String {
    record["audit_id"].as_str().unwrap().to_owned()
}

fn all(stored: &Stored) -> Vec<&Value> {
    stored.segments.iter().flatten().chain(&stored.unflushed).collect()
}

async fn trail_of(stored: &Stored) -> TestTrail {
    let mut trail = TestTrail::new();
    for segment in &stored.segments {
        trail.segment(segment).await;
    }
    trail.unflushed(&stored.unflushed);
    trail
}

fn columns(trail: &mut TestTrail, records: &[&Value]) -> Vec<Subject> {
    let view = trail.view();
    let mut subjects: Vec<Subject> = view
        .logical_columns()
        .map(|column| {
            let sql = quoted(&column.name);
            Subject::new(sql, Some(column.kind), records, |record| {
                shown(column.kind, at(record, &column.path))
            })
        })
        .collect();
    subjects.push(Subject::new("domain".to_owned(), Some(ColumnType::Utf8), records, |record| {
        json!(record["event_type"].as_str().unwrap().split_once('.').unwrap().0)
    }));
    subjects
}

/// Every lookup of `attrs` and `event` at the paths, above them and below them.
fn lookups(paths: &[&[&str]], records: &[&Value]) -> Vec<Subject> {
    let mut wanted: Vec<Vec<&str>> = Vec::new();
    for path in paths {
        wanted.extend((1..=path.len()).map(|length| path[..length].to_vec()));
        wanted.push([path, &["zz"][..]].concat());
    }
    wanted.sort();
    wanted.dedup();
    let mut subjects = Vec::new();
    for path in &wanted {
        for lookup in Lookup::ALL {
            let kind = lookup.kind();
            subjects.push(Subject::new(lookup.sql("event", path), kind, records, |record| {
                lookup.of(at(record, path))
            }));
            subjects.push(Subject::new(lookup.sql("attrs", path), kind, records, |record| {
                lookup.of(at(&attrs(record), path))
            }));
        }
    }
    subjects
}

/// Asks for all subjects at once and compares every value.
async fn check_values(trail: &mut TestTrail, table: &str, subjects: &[Subject]) {
    let fields: Vec<String> = subjects
        .iter()
        .enumerate()
        .map(|(at, subject)| match subject.kind {
            Some(ColumnType::Timestamp) => format!("CAST({} AS BIGINT) AS v{at}", subject.sql),
            _ => format!("{} AS v{at}", subject.sql),
        })
        .collect();
    let sql = format!("SELECT audit_id, {} FROM {table}", fields.join(", "));
    let rows = trail.rows(&sql).await;
    let ids: Vec<&str> = rows.iter().map(|row| row["audit_id"].as_str().unwrap()).collect();
    assert_eq!(
        sorted(&ids),
        sorted(&subjects[0].values.keys().map(String::as_str).collect::<Vec<_>>())
    );
    for (n, subject) in subjects.iter().enumerate() {
        for row in &rows {
            let got = row.get(format!("v{n}")).cloned().unwrap_or_default();
            let id = row["audit_id"].as_str().unwrap();
            assert_eq!(got, subject.values[id], "{} of {id} in {table}", subject.sql);
        }
    }
}

fn sorted<'a>(texts: &[&'a str]) -> Vec<&'a str> {
    let mut texts = texts.to_vec();
    texts.sort_unstable();
    texts
}

#[derive(Debug, Clone, Copy)]
enum Test {
    Equal,
    Unequal,
    Greater,
    AtMost,
    Between,
    In,
    NotIn,
    Null,
    NotNull,
    Like,
}

fn test() -> impl Strategy<Value = Test> {
    prop::sample::select(vec![
        Test::Equal,
        Test::Unequal,
        Test::Greater,
        Test::AtMost,
        Test::Between,
        Test::In,
        Test::NotIn,
        Test::Null,
        Test::NotNull,
        Test::Like,
    ])
}

/// A condition on one subject: which subject, how it is tested, and with which two values.
type Condition = (Index, Test, Index, Index);

fn condition() -> impl Strategy<Value = Condition> {
    (any::<Index>(), test(), any::<Index>(), any::<Index>())
}

/// The SQL of a condition, and the truth of it for every record (`None` is unknown).
fn resolve(
    subjects: &[&Subject],
    condition: &Condition,
) -> (String, BTreeMap<String, Option<bool>>) {
    let (which, test, a, b) = condition;
    let subject = which.get(subjects);
    let kind = subject.kind.unwrap();
    let values = candidates(kind);
    let (a, b) = (a.get(&values), b.get(&values));
    let (x, y) = (literal(kind, a), literal(kind, b));
    let sql = &subject.sql;
    let prefix = a.as_str().unwrap_or_default().trim_matches(['%', '\\']);
    let text = match test {
        Test::Equal => format!("{sql} = {x}"),
        Test::Unequal => format!("{sql} <> {x}"),
        Test::Greater => format!("{sql} > {x}"),
        Test::AtMost => format!("{sql} <= {x}"),
        Test::Between => format!("{sql} BETWEEN {x} AND {y}"),
        Test::In => format!("{sql} IN ({x}, {y})"),
        Test::NotIn => format!("{sql} NOT IN ({x}, {y})"),
        Test::Like if kind == ColumnType::Utf8 => {
            format!("{sql} LIKE {}", text_literal(&format!("{prefix}%")))
        }
        Test::Null => format!("{sql} IS NULL"),
        Test::NotNull | Test::Like => format!("{sql} IS NOT NULL"),
    };
    let holds = |value: &Value| {
        let (to_a, to_b) = (compare(value, a), compare(value, b));
        match test {
            Test::Equal => Some(to_a? == Ordering::Equal),
            Test::Unequal => Some(to_a? != Ordering::Equal),
            Test::Greater => Some(to_a? == Ordering::Greater),
            Test::AtMost => Some(to_a? != Ordering::Greater),
            Test::Between => Some(to_a? != Ordering::Less && to_b? != Ordering::Greater),
            Test::In => Some(to_a? == Ordering::Equal || to_b? == Ordering::Equal),
            Test::NotIn => Some(to_a? != Ordering::Equal && to_b? != Ordering::Equal),
            Test::Like if kind == ColumnType::Utf8 => value.as_str().map(|v| v.starts_with(prefix)),
            Test::Null => Some(value.is_null()),
            Test::NotNull | Test::Like => Some(!value.is_null()),
        }
    };
    (text, subject.values.iter().map(|(id, value)| (id.clone(), holds(value))).collect())
}

/// Asks for the records for which one condition holds, or one of two, or both.
async fn check_filter(trail: &mut TestTrail, subjects: &[&Subject], filter: &Filter) {
    let (table, join, first, second) = filter;
    let (left, holds) = resolve(subjects, first);
    let (right, also) = resolve(subjects, second);
    let (text, wanted): (String, Vec<&str>) = match join {
        Join::None => (left, keep(&holds, |id| holds[id] == Some(true))),
        Join::And => (
            format!("({left}) AND ({right})"),
            keep(&holds, |id| holds[id] == Some(true) && also[id] == Some(true)),
        ),
        Join::Or => (
            format!("({left}) OR ({right})"),
            keep(&holds, |id| holds[id] == Some(true) || also[id] == Some(true)),
        ),
        Join::Not => (format!("NOT ({left})"), keep(&holds, |id| holds[id] == Some(false))),
    };
    let (table, fields) = TABLES[*table];
    let sql = format!("SELECT {fields} FROM {table} WHERE {text}");
    let rows = trail.rows(&sql).await;
    let got: Vec<&str> = rows.iter().map(|row| row["audit_id"].as_str().unwrap()).collect();
    assert_eq!(sorted(&got), wanted, "{sql}");
    let count = trail.value(&format!("SELECT count(*) FROM {table} WHERE {text}")).await;
    assert_eq!(count, json!(wanted.len()), "{sql}");
}

fn keep(holds: &BTreeMap<String, Option<bool>>, wanted: impl Fn(&str) -> bool) -> Vec<&str> {
    holds.keys().map(String::as_str).filter(|id| wanted(id)).collect()
}

#[derive(Debug, Clone, Copy)]
enum Join {
    None,
    And,
    Or,
    Not,
}

const TABLES: [(&str, &str); 3] =
    [("records", "audit_id"), ("events", "audit_id, event"), ("events", "audit_id, attrs, actor")];

/// Table and fields, and one or two conditions.
type Filter = (usize, Join, Condition, Condition);

fn filter() -> impl Strategy<Value = Filter> {
    let join = prop_oneof![
        4 => Just(Join::None), 2 => Just(Join::And), 1 => Just(Join::Or), 1 => Just(Join::Not),
    ];
    (0..TABLES.len(), join, condition(), condition())
}

/// Least, greatest and number of a subject's values, and its first ones in order.
async fn check_order(trail: &mut TestTrail, subject: &Subject) {
    let sql = &subject.sql;
    let mut values: Vec<&Value> = subject.values.values().filter(|v| !v.is_null()).collect();
    values.sort_by(|a, b| compare(a, b).unwrap());
    let cast = |text: String| match subject.kind {
        Some(ColumnType::Timestamp) => format!("CAST({text} AS BIGINT)"),
        _ => text,
    };
    let query = format!(
        "SELECT {} AS a, {} AS b, count({sql}) AS n FROM events",
        cast(format!("min({sql})")),
        cast(format!("max({sql})"))
    );
    let row = trail.rows(&query).await.remove(0);
    assert_eq!(row.get("a"), values.first().copied(), "{query}");
    assert_eq!(row.get("b"), values.last().copied(), "{query}");
    assert_eq!(row["n"], json!(values.len()), "{query}");
    for (order, from_end) in [("ASC", false), ("DESC", true)] {
        let query = format!(
            "SELECT {} AS v FROM records WHERE {sql} IS NOT NULL ORDER BY {sql} {order} LIMIT 3",
            cast(sql.clone())
        );
        let got: Vec<Value> = trail.rows(&query).await.iter().map(|row| row["v"].clone()).collect();
        let mut wanted: Vec<Value> = values.iter().copied().cloned().collect();
        if from_end {
            wanted.reverse();
        }
        wanted.truncate(3);
        assert_eq!(got, wanted, "{query}");
    }
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

/// Not written to files: what fails is shrunk and shown.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn values_are_the_same_wherever_they_are_stored(stored in stored()) {
        run(async {
            let records = all(&stored);
            let mut trail = trail_of(&stored).await;
            let mut subjects = columns(&mut trail, &records);
            subjects.push(Subject::new("event".to_owned(), None, &records, |record| {
                json!(std::str::from_utf8(&canonical(record)).unwrap())
            }));
            subjects.push(Subject::new("attrs".to_owned(), None, &records, |record| {
                json!(std::str::from_utf8(&canonical(&attrs(record))).unwrap())
            }));
            check_values(&mut trail, "records", &subjects).await;
            check_values(&mut trail, "events", &subjects).await;
            check_values(&mut trail, "records", &lookups(&stored.paths, &records)).await;
        });
    }

    #[test]
    fn a_filter_finds_exactly_the_rows_that_match(
        stored in stored(),
        on_columns in prop::collection::vec(filter(), 8),
        on_lookups in prop::collection::vec(filter(), 4),
        ordered in prop::collection::vec(any::<Index>(), 2),
    ) {
        run(async {
            let records = all(&stored);
            let mut trail = trail_of(&stored).await;
            let columns = columns(&mut trail, &records);
            let lookups = lookups(&stored.paths, &records);
            // Of the fixed columns most are empty: those with values, and one of the others.
            let used = |subject: &&Subject| subject.values.values().any(|value| !value.is_null());
            let mut interesting: Vec<&Subject> = columns.iter().filter(used).collect();
            interesting.extend(columns.iter().find(|subject| !used(subject)));
            let comparable: Vec<&Subject> =
                lookups.iter().filter(|subject| subject.kind.is_some()).collect();
            for filter in &on_columns {
                check_filter(&mut trail, &interesting, filter).await;
            }
            for filter in &on_lookups {
                check_filter(&mut trail, &comparable, filter).await;
            }
            for which in &ordered {
                check_order(&mut trail, interesting[which.index(interesting.len())]).await;
            }
        });
    }
}
