use super::*;
use proptest::prelude::*;
use serde_json::{Map, Value};

fn canonical(text: &str) -> String {
    let mut c = Canonicalizer::default();
    let (bytes, _) = c.object(text.as_bytes(), Limits::default()).unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn reason(text: &[u8]) -> &'static str {
    match Canonicalizer::default().object(text, Limits::default()) {
        Err(crate::Error::InvalidEvent { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn sorts_by_utf16_and_escapes_as_rfc_8785() {
    // RFC 8785 section 3.2.3.
    let text = r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#;
    let want = "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}";
    assert_eq!(canonical(text), want);
    assert_eq!(canonical(r#"{"a":"\u000f\n\/\u0041\"\\"}"#), r#"{"a":"\u000f\n/A\"\\"}"#);
}

#[test]
fn numbers_are_exact_or_strings() {
    let mut c = Canonicalizer::default();
    let text = br#"{"a":[1.0,-0,1e2,0.1,9007199254740991,9007199254740992,1e400,0.1000000000000000055,1e21,-0.0,4.50,2e-3,1.5e300,123456789012345678,0.30000000000000004]}"#;
    let (bytes, exact) = c.object(text, Limits::default()).unwrap();
    assert_eq!(
        std::str::from_utf8(bytes).unwrap(),
        r#"{"a":[1,0,100,0.1,9007199254740991,"9007199254740992","1e400","0.1000000000000000055","1e21",0,4.5,0.002,"1.5e300","123456789012345678",0.30000000000000004]}"#
    );
    assert_eq!(exact, ["/a/12", "/a/13", "/a/5", "/a/6", "/a/7", "/a/8"]);
}

#[test]
fn refuses_what_has_no_single_meaning() {
    assert_eq!(reason(br#"{"a":1,"a":2}"#), "duplicate_name");
    assert_eq!(reason(br#"{"b":0,"a":1,"\u0061":2}"#), "duplicate_name");
    assert_eq!(reason(br#"{"a":"\ud800"}"#), "lone_surrogate");
    assert_eq!(reason(br#"{"a":"\udc00\ud800"}"#), "lone_surrogate");
    assert_eq!(reason(b"{\"a\":\"\xff\"}"), "invalid_utf8");
    assert_eq!(reason(b"[1]"), "not_an_object");
    assert_eq!(reason(b""), "not_an_object");
    for bad in [
        "{",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":+1}",
        "{\"a\":1e}",
        "{\"a\":nul}",
        "{\"a\":\"\n\"}",
        "{\"a\":1}x",
        "{\"a\":[1,]}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":NaN}",
        "{a:1}",
        "{\"a\":\"",
        "{\"a\":[1 2]}",
    ] {
        assert_eq!(reason(bad.as_bytes()), "invalid_json", "{bad}");
    }
    let nested = |n: usize| format!("{}1{}", "{\"a\":".repeat(n), "}".repeat(n));
    assert!(Canonicalizer::default().object(nested(64).as_bytes(), Limits::default()).is_ok());
    assert_eq!(reason(nested(65).as_bytes()), "too_deep");
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(1 << 20));
    assert_eq!(reason(large.as_bytes()), "too_large");
}

#[test]
fn timestamps_have_one_form() {
    let text = |micros| {
        let mut out = Vec::new();
        format_timestamp(micros, &mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(text(0), "1970-01-01T00:00:00.000Z");
    assert_eq!(text(1_789_373_527_114_000), "2026-09-14T08:12:07.114Z");
    assert_eq!(text(1_789_373_527_114_001), "2026-09-14T08:12:07.114001Z");
    let parse = |s| parse_timestamp(s, "timestamp");
    assert_eq!(parse("2026-09-14T10:12:07.1140019+02:00").unwrap(), 1_789_373_527_114_001);
    assert_eq!(parse("2026-09-14T08:12:07Z").unwrap(), 1_789_373_527_000_000);
    for naive in ["2026-09-14T08:12:07", "2026-09-14 08:12:07.5", "2026-09-14"] {
        let error = parse(naive).unwrap_err();
        assert!(
            matches!(error, crate::Error::InvalidEvent { reason: "naive_time", .. }),
            "{naive}"
        );
    }
    assert!(parse("1969-12-31T23:59:59Z").is_err());
    for not in [
        "2026-02-30T00:00:00.000Z",
        "2026-13-01T00:00:00.000Z",
        "2026-09-14T24:00:00.000Z",
        "2026-09-14T08:12:07.114000Z",
        "2026-09-14T08:12:07.114z",
        "2026-09-14T08:12:60.000Z",
    ] {
        assert_eq!(parse_canonical_timestamp(not.as_bytes()), None, "{not}");
    }
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Value::from),
        any::<f64>()
            .prop_filter("finite", |f| f.is_finite() && (f.fract() != 0.0 || f.abs() < 9e15))
            .prop_map(|f| Value::from(if f == 0.0 { 0.0 } else { f })),
        any::<String>().prop_map(Value::String),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::hash_map(any::<String>(), inner, 0..6)
                .prop_map(|m| Value::Object(m.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// What [`is_canonical`] must say, by writing the text again.
fn unchanged(text: &[u8]) -> bool {
    let mut c = Canonicalizer::default();
    c.object(text, Limits::default()).is_ok_and(|(out, exact)| out == text && exact.is_empty())
}

#[test]
fn canonical_text_is_told_from_other_text() {
    let cases: [&[u8]; 30] = [
        br#"{}"#,
        br#"{"a":{}}"#,
        br#"{"a":1,"b":[]}"#,
        br#"{"a":"\u001f\b\"\\"}"#,
        br#"{"a":9007199254740991,"b":-1.5,"c":1e-7,"d":0.1}"#,
        b"{\"a\":\"\x7f\xc3\xa9\"}",
        b"{\"\xef\xbb\xbf\":0}",
        br#" {}"#,
        br#"{} "#,
        br#"{"a": 1}"#,
        br#"{"b":1,"a":1}"#,
        br#"{"a":1,"a":1}"#,
        br#"{"a":1.0}"#,
        br#"{"a":-0}"#,
        br#"{"a":1E5}"#,
        br#"{"a":100000000000000000}"#,
        br#"{"a":9007199254740992}"#,
        br#"{"a":1e300}"#,
        br#"{"a":01}"#,
        br#"{"a":"\u0041"}"#,
        br#"{"a":"\u000a"}"#,
        br#"{"a":"\u001F"}"#,
        br#"{"a":"\/"}"#,
        b"{\"a\":\"\n\"}",
        b"{\"a\":\"\xff\"}",
        br#"{"a":1,}"#,
        br#"{"a":[1,]}"#,
        br#"{"a":nul"#,
        br#"[]"#,
        b"",
    ];
    for (i, text) in cases.into_iter().enumerate() {
        let text_shown = String::from_utf8_lossy(text);
        assert_eq!(is_canonical(text, Limits::default()), i < 7, "{text_shown}");
        assert_eq!(unchanged(text), i < 7, "{text_shown}");
    }
    let nested = |n: usize| format!("{}1{}", "{\"a\":".repeat(n), "}".repeat(n));
    assert!(is_canonical(nested(64).as_bytes(), Limits::default()));
    assert!(!is_canonical(nested(65).as_bytes(), Limits::default()));
    let limits = Limits { max_bytes: 7, max_depth: 64 };
    assert!(is_canonical(br#"{"a":1}"#, limits) && !is_canonical(br#"{"a":12}"#, limits));
}

proptest! {
    #[test]
    fn agrees_with_the_published_canonicaliser(value in json()) {
        let value = serde_json::json!({"v": value});
        let want = serde_json_canonicalizer::to_string(&value).unwrap();
        prop_assert_eq!(canonical(&value.to_string()), want.clone());
        prop_assert_eq!(canonical(&serde_json::to_string_pretty(&value).unwrap()), want.clone());
        prop_assert_eq!(canonical(&want), want);
    }

    #[test]
    fn canonical_is_what_the_canonicaliser_leaves_alone(value in json(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let text = canonical(&serde_json::json!({"v": value}).to_string());
        prop_assert!(is_canonical(text.as_bytes(), Limits::default()), "{}", text);
        let mut other = text.into_bytes();
        let at = at.index(other.len());
        for changed in [byte, other[at] ^ 1, b'0', b'"', b' ', b'-', b','] {
            other[at] = changed;
            prop_assert_eq!(is_canonical(&other, Limits::default()), unchanged(&other), "{}", String::from_utf8_lossy(&other));
        }
        other.remove(at);
        prop_assert_eq!(is_canonical(&other, Limits::default()), unchanged(&other));
    }

    #[test]
    fn plain_text_ends_where_a_byte_loop_ends_it(bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'"'), Just(0x21), Just(0x1f), Just(b'\\')], 0..40)) {
        let special = |&b: &u8| b < 0x20 || b == b'"' || b == b'\\';
        let want = bytes.iter().position(special).unwrap_or(bytes.len());
        prop_assert_eq!(scan::plain_len(&bytes), want);
    }

    #[test]
    fn members_and_elements_find_every_value(value in json()) {
        let text = canonical(&serde_json::json!({"v": value, "w": 1}).to_string());
        let found: Vec<_> = members(text.as_bytes()).collect();
        prop_assert_eq!(found.len(), 2);
        let raw = get(text.as_bytes(), &["v"]).unwrap();
        prop_assert_eq!(String::from_utf8_lossy(raw).into_owned(), serde_json_canonicalizer::to_string(&value).unwrap());
        if let Value::Array(items) = &value {
            prop_assert_eq!(elements(raw).count(), items.len());
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Canonicalizer::default().object(&bytes, Limits::default());
        let _ = members(&bytes).count() + elements(&bytes).count();
        let text = [b"{", bytes.as_slice()].concat();
        let _ = members(&text).count();
    }

    #[test]
    fn every_time_comes_back(micros in 0..8_993_721_599_999_999_i64) {
        let mut out = Vec::new();
        format_timestamp(micros, &mut out);
        prop_assert_eq!(parse_canonical_timestamp(&out), Some(micros));
        let text = std::str::from_utf8(&out).unwrap();
        prop_assert_eq!(chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros(), micros);
    }
}
