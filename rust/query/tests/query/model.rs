//! What a trail should answer, computed from the JSON of its records alone, and random records.
#![allow(unreachable_pub, clippy::panic)]

use proptest::prelude::*;
use proptest::sample::subsequence;
use sealtrail_core::columns::{ColumnType, LogicalColumn, fixed};
use sealtrail_core::json::{format_timestamp, parse_canonical_timestamp};
use serde_json::{Map, Value, json};

use crate::common::{canonical, record, text_of};

/// Paths of the generated records: odd names, names that only differ in case or by where a dot
/// or an underscore stands, reserved ones, paths below others, and those of fixed columns.
const PATHS: [&[&str]; 32] = [
    &["team"],
    &["Team"],
    &["tenant_id"],
    &["a.b"],
    &["a"],
    &["a_b"],
    &["a", "b"],
    &["a", "b", "c"],
    &["a", "c_id"],
    &["q\"x"],
    &["it's"],
    &["back\\slash"],
    &["new\nline\u{1}"],
    &["x y", "Ünï"],
    &["x y", ""],
    &["😀", "\u{ffff}"],
    &[""],
    &["_hidden"],
    &["event"],
    &["attrs"],
    &["action"],
    &["domain", "x"],
    &["select"],
    &["user_id"],
    &["session_id"],
    &["status"],
    &["resource", "path"],
    &["resource", "size_bytes"],
    &["resource", "extra"],
    &["cost_usd"],
    &["input_tokens"],
    &["schema_version"],
];

const DOMAINS: [&str; 2] = ["data.file_read", "auth.user_login"];

/// What a generated value is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Int,
    Float,
    Bool,
    Null,
    Other,
}

impl Kind {
    fn values(self) -> Vec<Value> {
        let long = "an identifier of which statistics keep the beginning only, ";
        match self {
            Self::Text => [
                "",
                "a",
                "b",
                "B",
                "0",
                "1",
                "0.5",
                "true",
                "null",
                "it's",
                "q\"",
                "\\",
                "é\n",
                "{}",
                "2026-03-01T00:00:00.000Z",
                "a%",
                "\u{10ffff}",
            ]
            .map(str::to_owned)
            .into_iter()
            .chain([format!("{long}one"), format!("{long}two"), "\u{10ffff}".repeat(20)])
            .map(Value::from)
            .collect(),
            Self::Int => {
                [0, 1, 2, -1, 5, -7, (1_i64 << 53) - 1, 1 - (1 << 53)].map(Value::from).into()
            }
            Self::Float => vec![
                json!(0.5),
                json!(-0.5),
                json!(2.5),
                json!(0.1),
                json!(1e-7),
                json!(-1e-310),
                json!(4_503_599_627_370_497.5),
            ],
            Self::Bool => vec![json!(true), json!(false)],
            Self::Null => vec![Value::Null],
            // Numbers without an exact double are kept as text.
            Self::Other => vec![
                json!({}),
                json!([]),
                json!([1, "x", {"k": null}]),
                json!({"b": 1}),
                json!({"b": {"c": "x"}, "zz": [0]}),
                json!(u64::MAX),
                json!(1e300),
            ],
        }
    }
}

/// A member of a record: whether it is there, its kind if that is not the usual one, and which
/// of the values.
type Member = (bool, Option<Kind>, u8);

/// Random records and where each is stored.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The paths that the records use.
    pub paths: Vec<&'static [&'static str]>,
    /// Records in segments, by segment.
    pub segments: Vec<Vec<Value>>,
    /// Records in no segment.
    pub unflushed: Vec<Value>,
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        3 => Just(Kind::Text), 3 => Just(Kind::Int), 2 => Just(Kind::Float),
        1 => Just(Kind::Bool), 1 => Just(Kind::Null), 2 => Just(Kind::Other),
    ]
}

/// Records over a few paths, in up to three segments' worth of groups and unflushed.
pub fn stored() -> impl Strategy<Value = Stored> {
    const GROUPS: usize = 4;
    subsequence(&PATHS, 2..8).prop_flat_map(|paths| {
        let count = paths.len();
        let usual = prop::collection::vec(prop::collection::vec(kind(), count), GROUPS);
        let member = (prop::bool::weighted(0.8), prop::option::weighted(0.12, kind()), any::<u8>());
        let members = prop::collection::vec(member, count);
        let row = (0..GROUPS, 0..DOMAINS.len(), 3..5_u32, members);
        let rows = prop::collection::vec(row, 1..50);
        // Where nothing but `null` stands between the usual values, columns have no misfits.
        (usual, rows, any::<bool>()).prop_map(move |(usual, rows, pure)| {
            let mut groups = vec![Vec::new(); GROUPS];
            for (number, (group, domain, month, members)) in rows.into_iter().enumerate() {
                let own = object(&paths, &usual[group], &members, pure);
                let time = format!("2026-{month:02}-01T00:{:02}:00.{:03}Z", number % 60, number);
                let mut value = record(number, own);
                value["event_type"] = json!(DOMAINS[domain]);
                value["timestamp"] = json!(time);
                groups[group].push(canonical_value(&value));
            }
            let unflushed = groups.remove(0);
            groups.retain(|group| !group.is_empty());
            Stored { paths: paths.clone(), segments: groups, unflushed }
        })
    })
}

fn object(paths: &[&[&str]], usual: &[Kind], members: &[Member], pure: bool) -> Value {
    let mut object = Map::new();
    for ((path, usual), (present, kind, pick)) in paths.iter().zip(usual).zip(members) {
        if *present {
            let kind = kind.map(|kind| if pure { Kind::Null } else { kind });
            let values = kind.unwrap_or(*usual).values();
            insert(&mut object, path, values[usize::from(*pick) % values.len()].clone());
        }
    }
    Value::Object(object)
}

/// Puts a value at a path unless something stands there or in the way.
fn insert(object: &mut Map<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [name] => {
            object.entry(*name).or_insert(value);
        }
        [name, below @ ..] => {
            let inner = object.entry(*name).or_insert_with(|| json!({}));
            if let Some(inner) = inner.as_object_mut() {
                insert(inner, below, value);
            }
        }
    }
}

/// The value as a record keeps it.
fn canonical_value(value: &Value) -> Value {
    serde_json::from_slice(&canonical(value)).unwrap()
}

/// The value at a path of member names.
pub fn at<'a, S: AsRef<str>>(value: &'a Value, path: &[S]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, name| value.as_object()?.get(name.as_ref()))
}

/// What a column of this type shows of a value: the value, or NULL where it does not fit. Times
/// are in microseconds.
pub fn shown(kind: ColumnType, value: Option<&Value>) -> Value {
    let Some(value) = value else { return Value::Null };
    let fits = match kind {
        ColumnType::Utf8 => value.is_string().then(|| value.clone()),
        ColumnType::Int64 => value.as_i64().map(Value::from),
        ColumnType::Float64 => value.as_f64().map(Value::from),
        ColumnType::Boolean => value.is_boolean().then(|| value.clone()),
        ColumnType::Timestamp => value
            .as_str()
            .and_then(|text| parse_canonical_timestamp(text.as_bytes()))
            .map(Value::from),
    };
    fits.unwrap_or_default()
}

/// The record without what its fixed columns show.
pub fn attrs(record: &Value) -> Value {
    let mut attrs = record.clone();
    for LogicalColumn { path, kind, .. } in fixed() {
        if !shown(*kind, at(record, path)).is_null() {
            remove(&mut attrs, path);
        }
    }
    attrs
}

/// Takes out the value at a path, and the objects that nothing else is in.
fn remove(value: &mut Value, path: &[String]) {
    let (Some((name, below)), Some(object)) = (path.split_first(), value.as_object_mut()) else {
        return;
    };
    if !below.is_empty() {
        let Some(inner) = object.get_mut(name) else { return };
        remove(inner, below);
        if inner.as_object().is_some_and(|inner| !inner.is_empty()) {
            return;
        }
    }
    object.remove(name);
}

/// The JSON functions of SQL that are checked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Lookup {
    Get,
    GetJson,
    Str,
    Int,
    Float,
    Bool,
    Text,
    Contains,
    Length,
    Keys,
}

impl Lookup {
    pub const ALL: [Self; 10] = [
        Self::Get,
        Self::GetJson,
        Self::Str,
        Self::Int,
        Self::Float,
        Self::Bool,
        Self::Text,
        Self::Contains,
        Self::Length,
        Self::Keys,
    ];

    /// The SQL of the lookup; operators where there are some.
    pub fn sql(self, base: &str, path: &[&str]) -> String {
        let steps: Vec<String> = path.iter().map(|name| text_literal(name)).collect();
        let function = match self {
            Self::Get => return format!("{base} -> {}", steps.join(" -> ")),
            Self::Text | Self::Contains => {
                let operator = if self == Self::Text { "->>" } else { "?" };
                let (last, before) = steps.split_last().unwrap();
                let before: String = before.iter().map(|step| format!(" -> {step}")).collect();
                return format!("{base}{before} {operator} {last}");
            }
            Self::GetJson => "json_get_json",
            Self::Str => "json_get_str",
            Self::Int => "json_get_int",
            Self::Float => "json_get_float",
            Self::Bool => "json_get_bool",
            Self::Length => "json_length",
            Self::Keys => "json_object_keys",
        };
        format!("{function}({base}, {})", steps.join(", "))
    }

    /// What the lookup gives for the value at its path.
    pub fn of(self, value: Option<&Value>) -> Value {
        if self == Self::Contains {
            return json!(value.is_some());
        }
        let Some(value) = value else { return Value::Null };
        match self {
            Self::GetJson => json!(text_of(value)),
            _ if value.is_null() => Value::Null,
            Self::Get => json!(text_of(value)),
            Self::Text if !value.is_string() => json!(text_of(value)),
            Self::Str | Self::Text => shown(ColumnType::Utf8, Some(value)),
            Self::Int => shown(ColumnType::Int64, Some(value)),
            Self::Float => shown(ColumnType::Float64, Some(value)),
            Self::Bool => shown(ColumnType::Boolean, Some(value)),
            Self::Length => match value {
                Value::Object(members) => json!(members.len()),
                Value::Array(elements) => json!(elements.len()),
                _ => Value::Null,
            },
            Self::Keys => match value {
                Value::Object(_) => json!(sorted_names(value)),
                _ => Value::Null,
            },
            Self::Contains => unreachable!(),
        }
    }

    /// The type of the lookup as a column, where it is comparable.
    pub fn kind(self) -> Option<ColumnType> {
        match self {
            Self::Get | Self::GetJson | Self::Str | Self::Text => Some(ColumnType::Utf8),
            Self::Int => Some(ColumnType::Int64),
            Self::Float => Some(ColumnType::Float64),
            Self::Bool | Self::Contains => Some(ColumnType::Boolean),
            Self::Length | Self::Keys => None,
        }
    }
}

/// Member names in the order of canonical JSON: by UTF-16 code units.
fn sorted_names(object: &Value) -> Vec<&String> {
    let mut names: Vec<&String> = object.as_object().unwrap().keys().collect();
    names.sort_by_key(|name| name.encode_utf16().collect::<Vec<_>>());
    names
}

/// Text as SQL writes it.
pub fn text_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A name as SQL writes it.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A value of a column as SQL writes it.
pub fn literal(kind: ColumnType, value: &Value) -> String {
    match (kind, value) {
        (ColumnType::Timestamp, _) => {
            let mut text = Vec::new();
            format_timestamp(value.as_i64().unwrap(), &mut text);
            format!("'{}'", String::from_utf8(text).unwrap())
        }
        (_, Value::String(text)) => text_literal(text),
        _ => value.to_string(),
    }
}

/// Values to compare a column with: some that records have, some beside them.
pub fn candidates(kind: ColumnType) -> Vec<Value> {
    match kind {
        ColumnType::Utf8 => Kind::Text.values(),
        // A whole column may be asked for a fraction and a fractional one for a whole number.
        ColumnType::Int64 | ColumnType::Float64 => {
            Kind::Int.values().into_iter().chain(Kind::Float.values()).collect()
        }
        ColumnType::Boolean => Kind::Bool.values(),
        ColumnType::Timestamp => {
            ["2026-03-01T00:00:00.000Z", "2026-03-01T00:07:00.007Z", "2026-04-01T00:00:00.000Z"]
                .iter()
                .map(|text| json!(parse_canonical_timestamp(text.as_bytes()).unwrap()))
                .collect()
        }
    }
}

/// How two values of a column compare; `None` if one is NULL.
pub fn compare(a: &Value, b: &Value) -> Option<std::cmp::Ordering> {
    match (a, b) {
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => a.as_f64().unwrap().partial_cmp(&b.as_f64().unwrap()),
        },
        _ => None,
    }
}
