#![allow(clippy::unwrap_used)]

use super::{Matcher, Pattern, any_of};

fn sql(value: &str, addresses: bool) -> String {
    let pattern = Pattern::parse("f", value, addresses).unwrap();
    let test = any_of("x", &[&pattern.matcher]);
    if pattern.negated { format!("not {test}") } else { test }
}

#[test]
fn values_are_exact_globs_or_networks() {
    for (value, expected) in [
        ("ana", "x = 'ana'"),
        ("!ana", "not x = 'ana'"),
        ("o'brien", "x = 'o''brien'"),
        ("data.*", "x LIKE 'data.%'"),
        ("user_?*", r"x LIKE 'user\__%'"),
        ("50%*", r"x LIKE '50\%%'"),
        ("**", "x IS NOT NULL"),
        ("!*", "not x IS NOT NULL"),
        (r"\!x", "x = '!x'"),
        (r"a\*b", "x = 'a*b'"),
        (r"a\\b*", r"x LIKE 'a\\b%'"),
    ] {
        assert_eq!(sql(value, false), expected, "{value}");
    }
    assert_eq!(sql("203.0.113.0/24", true), "ip_in(x, '203.0.113.0/24')");
    assert_eq!(sql("2001:DB8::1", true), "ip_in(x, '2001:db8::1/128')");
    assert_eq!(sql("203.0.113.7", true), "x = '203.0.113.7'");
    assert_eq!(sql("203.0.113.0/24", false), "x = '203.0.113.0/24'");
    for (wrong, addresses) in [("", false), ("!", false), ("a\\", false), ("1.2.3/4", true)] {
        let error = Pattern::parse("f", wrong, addresses).unwrap_err().to_string();
        assert!(error.starts_with("f: "), "{error}");
    }
}

#[test]
fn the_domain_of_an_event_type_is_known_where_it_is_spelt() {
    let domain = |value: &str| {
        let pattern = Pattern::parse("event_type", value, false).unwrap();
        pattern.domain().map(str::to_owned)
    };
    assert_eq!(domain("data.*").as_deref(), Some("data"));
    assert_eq!(domain("auth.user_login").as_deref(), Some("auth"));
    assert_eq!(domain("*.file_read"), None);
    assert_eq!(domain("data*"), None);
}

#[test]
fn several_exact_values_are_one_list() {
    let matchers: Vec<Matcher> = ["a", "b*", "c"]
        .iter()
        .map(|value| Pattern::parse("f", value, false).unwrap().matcher)
        .collect();
    let matchers: Vec<&Matcher> = matchers.iter().collect();
    assert_eq!(any_of("x", &matchers), "(x IN ('a', 'c') OR x LIKE 'b%')");
}

#[test]
fn globs_match_whole_texts() {
    let matches = |glob: &str, text: &str| {
        let matcher = Pattern::parse("f", glob, false).unwrap().matcher;
        let again = Pattern::parse("f", &matcher.text(), false).unwrap();
        assert_eq!(again, Pattern { negated: false, matcher: matcher.clone() }, "{glob}");
        matcher.matches(text)
    };
    for (glob, text) in [
        ("data.*", "data."),
        ("a*b*c", "a--b-b--c"),
        ("?é?", "aéb"),
        ("*", ""),
        ("*x", "xx"),
        (r"\*", "*"),
        (r"\!x*", "!x1"),
        ("a*a", "aba"),
    ] {
        assert!(matches(glob, text), "{glob} {text}");
    }
    for (glob, text) in [("a*b", "a--bc"), ("?", ""), ("?", "éé"), ("a?*", "a"), ("a*a", "a")] {
        assert!(!matches(glob, text), "{glob} {text}");
    }
}

#[test]
fn an_address_lies_in_a_network_whatever_its_form() {
    let net = |text: &str| text.parse::<ipnet::IpNet>().unwrap();
    for (address, network, inside) in [
        ("203.0.113.7", "203.0.113.0/24", true),
        ("::ffff:203.0.113.7", "203.0.113.0/24", true),
        ("203.0.114.7", "203.0.113.0/24", false),
        ("2001:0db8:0::1", "2001:db8::/32", true),
        ("203.0.113.7", "2001:db8::/32", false),
        ("no address", "0.0.0.0/0", false),
        ("::ffff:1.2.3.4", "::ffff:0:0/96", true),
    ] {
        assert_eq!(super::address_in(address, &net(network)), inside, "{address} {network}");
    }
}
