use datafusion::scalar::ScalarValue;
use sealtrail_query::Params;

use super::parse;

fn parsed(given: &[&str]) -> Result<Params, u8> {
    let given: Vec<String> = given.iter().map(|text| (*text).to_owned()).collect();
    parse(&given).map_err(|failure| failure.exit_code())
}

fn text(value: &str) -> ScalarValue {
    ScalarValue::Utf8(Some(value.to_owned()))
}

#[test]
fn values_have_the_type_that_they_look_like() {
    let given = ["7", "-1.5", "true", "null", "seven", "\"7\"", "", "2026-01-01", "[1]"];
    let want = vec![
        ScalarValue::Int64(Some(7)),
        ScalarValue::Float64(Some(-1.5)),
        ScalarValue::Boolean(Some(true)),
        ScalarValue::Null,
        text("seven"),
        text("7"),
        text(""),
        text("2026-01-01"),
        text("[1]"),
    ];
    assert_eq!(parsed(&given), Ok(Params::List(want)));
    assert_eq!(parsed(&[]), Ok(Params::None));
}

#[test]
fn names_go_before_the_first_equals_sign() {
    let Ok(Params::Named(named)) = parsed(&["who=a=b", "n=1"]) else { panic!("not named") };
    assert_eq!(named["who"], text("a=b"));
    assert_eq!(named["n"], ScalarValue::Int64(Some(1)));
}

#[test]
fn a_number_as_name_is_a_place() {
    let want = Params::List(vec![text("x=y"), text("b")]);
    assert_eq!(parsed(&["2=b", "1=x=y"]), Ok(want));
    assert_eq!(parsed(&["1=a", "3=c"]), Err(2));
    assert_eq!(parsed(&["1=a", "name=c"]), Err(2));
}

#[test]
fn what_cannot_be_told_apart_is_refused() {
    assert_eq!(parsed(&["a=1", "2"]), Err(2));
    assert_eq!(parsed(&["a=1", "a=2"]), Err(2));
    assert_eq!(parsed(&["a b=1"]), Ok(Params::List(vec![text("a b=1")])));
}
