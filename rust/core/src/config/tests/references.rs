use super::{error, error_with, read_with};
use crate::Result;
use crate::config::{get, show};

fn host(text: &str, env: &[(&str, &str)]) -> Result<String> {
    let loaded = read_with(&format!("audit:\n  identity:\n    host: {text}\n"), env)?;
    Ok(loaded.config.identity.host.unwrap_or_default())
}

#[test]
fn references_are_replaced_wherever_they_stand_in_text() -> Result<()> {
    let env = [("NAME", "web-1"), ("ZONE_2", "eu"), ("EMPTY", "")];
    assert_eq!(host("${NAME}", &env)?, "web-1");
    assert_eq!(host("\"${NAME}\"", &env)?, "web-1");
    assert_eq!(host("'${NAME}'", &env)?, "web-1");
    assert_eq!(host("a-${NAME}.${ZONE_2}-b", &env)?, "a-web-1.eu-b");
    assert_eq!(host("a${EMPTY}b", &env)?, "ab");
    assert_eq!(host("|-\n      x\n      ${NAME}", &env)?, "x\nweb-1");
    Ok(())
}

#[test]
fn a_default_stands_in_for_an_unset_or_empty_variable() -> Result<()> {
    let env = [("NAME", "web-1"), ("EMPTY", "")];
    assert_eq!(host("${NAME:-other}", &env)?, "web-1");
    assert_eq!(host("${EMPTY:-other}", &env)?, "other");
    assert_eq!(host("${UNSET:-other}", &env)?, "other");
    assert_eq!(host("x${UNSET:-}", &env)?, "x");
    assert_eq!(host("'${UNSET:-s3://b/a:-b}'", &env)?, "s3://b/a:-b");
    Ok(())
}

#[test]
fn what_a_variable_holds_is_not_read_again() -> Result<()> {
    let env = [("NAME", "${OTHER} $${x"), ("OTHER", "never")];
    assert_eq!(host("${NAME}", &env)?, "${OTHER} $${x");
    Ok(())
}

#[test]
fn a_dollar_before_a_reference_makes_it_literal() -> Result<()> {
    let env = [("NAME", "web-1")];
    assert_eq!(host("$${NAME}", &env)?, "${NAME}");
    assert_eq!(host("$${ and ${NAME}", &env)?, "${ and web-1");
    assert_eq!(host("$NAME costs 5$ {x}", &env)?, "$NAME costs 5$ {x}");
    Ok(())
}

#[test]
fn keys_and_comments_are_not_replaced() -> Result<()> {
    let loaded = read_with("audit: # ${COMMENT}\n  alerts: { '${KEY}': 1 }\n", &[])?;
    assert_eq!(get(&loaded, "alerts[\"${KEY}\"]")?, 1);
    Ok(())
}

#[test]
fn numbers_may_come_from_the_environment() -> Result<()> {
    let text = "audit: { trail: { flush: { max_mb: '${MB}', max_age_seconds: '${AGE:-30}' } } }";
    let loaded = read_with(text, &[("MB", "128")])?;
    let flush = &loaded.config.trail.flush;
    assert_eq!((flush.max_mb, flush.max_age_seconds), (128, Some(30)));
    assert_eq!(get(&loaded, "trail.flush.max_mb")?, "${MB}");
    assert_eq!(
        error_with(text, &[("MB", "9999")]),
        "sealtrail.yaml:1:36: audit.trail.flush.max_mb: must be between 1 and 4096"
    );
    Ok(())
}

#[test]
fn values_from_the_environment_are_not_revealed() -> Result<()> {
    let env = [("URL", "s3://bucket/hunter2"), ("WHO", "hunter2")];
    let text = "audit: { trail: { url: '${URL}' }, identity: { user_id: 'x-${WHO}' } }";
    let loaded = read_with(text, &env)?;
    assert_eq!(loaded.config.trail.url.as_deref(), Some("s3://bucket/hunter2"));
    assert_eq!(loaded.config.identity.user_id.as_deref(), Some("x-hunter2"));
    assert_eq!(get(&loaded, "trail.url")?, "${URL}");
    assert_eq!(get(&loaded, "identity.user_id")?, "x-${WHO}");
    // The default that follows from the URL is still the right one.
    assert_eq!(get(&loaded, "trail.flush.max_age_seconds")?, 60);
    let everything = format!("{}{}{}", show(&loaded)?, get(&loaded, "audit")?, loaded.effective());
    assert!(!everything.contains("hunter2"), "{everything}");
    Ok(())
}

#[test]
fn a_missing_variable_is_told_with_the_place_of_its_reference() {
    let missing = "environment variable `NAME` is not set; \
                   set it, or give a default as `${NAME:-default}`";
    let cases = [
        ("${NAME}", "3:11"),
        ("\"${NAME}\"", "3:12"),
        ("ää-${HOST}-${NAME}", "3:22"),
        ("|\n      one\n      two ${NAME}", "5:11"),
        ("\"\\u0024{NAME}\"", "3:11"),
    ];
    for (text, place) in cases {
        let text = format!("audit:\n  identity:\n    host: {text}\n");
        let expected = format!("sealtrail.yaml:{place}: {missing}");
        assert_eq!(error_with(&text, &[("HOST", "web-1")]), expected, "{text}");
        let text = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        assert_eq!(error_with(&text, &[("HOST", "web-1")]), expected, "{text:?}");
    }
}

#[test]
fn a_malformed_reference_is_told_with_its_place() {
    let how = "; write `${NAME}` or `${NAME:-default}`, or `$${` for a literal `${`";
    let cases = [
        ("a ${NAME", "3:13: `${NAME` has no closing `}`"),
        ("a ${my name}", "3:13: `${my name}` is not a reference"),
        ("${}", "3:11: `${}` is not a reference"),
        ("${1ST}", "3:11: `${1ST}` is not a reference"),
        ("${NAME-x}", "3:11: `${NAME-x}` is not a reference"),
    ];
    for (text, message) in cases {
        let text = format!("audit:\n  identity:\n    host: {text}\n");
        assert_eq!(error(&text), format!("sealtrail.yaml:{message}{how}"));
    }
}
