#![allow(clippy::unwrap_used)]

use super::{Window, length, moment, text};

/// Wednesday 2026-03-04T15:30:10.250Z.
fn now() -> i64 {
    moment("2026-03-04T15:30:10.250Z", 0).unwrap()
}

#[track_caller]
fn means(written: &str, expected: &str) {
    assert_eq!(moment(written, now()).map(text).unwrap(), expected, "{written}");
}

#[test]
fn times_are_read_as_people_write_them() {
    for (written, expected) in [
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000Z"),
        ("2026-03-01T12:00:00.123456+01:00", "2026-03-01T11:00:00.123456Z"),
        ("2026-03-01 13:00:00+01:00", "2026-03-01T12:00:00.000Z"),
        ("2026-03-01", "2026-03-01T00:00:00.000Z"),
        ("1 march 2026", "2026-03-01T00:00:00.000Z"),
        ("now", "2026-03-04T15:30:10.250Z"),
        ("today", "2026-03-04T00:00:00.000Z"),
        ("Yesterday", "2026-03-03T00:00:00.000Z"),
        ("tomorrow", "2026-03-05T00:00:00.000Z"),
        ("24 hours", "2026-03-03T15:30:10.250Z"),
        ("24 hours ago", "2026-03-03T15:30:10.250Z"),
        ("2 weeks ago", "2026-02-18T15:30:10.250Z"),
        ("90m", "2026-03-04T14:00:10.250Z"),
        ("-90m", "2026-03-04T14:00:10.250Z"),
        ("1d12h", "2026-03-03T03:30:10.250Z"),
        ("1 day, 12 hours", "2026-03-03T03:30:10.250Z"),
        ("500 ms", "2026-03-04T15:30:09.750Z"),
        ("1 month", "2026-02-04T15:30:10.250Z"),
        ("2 years ago", "2024-03-04T15:30:10.250Z"),
        ("last monday", "2026-03-02T00:00:00.000Z"),
        ("last wednesday", "2026-02-25T00:00:00.000Z"),
        ("last week", "2026-02-25T15:30:10.250Z"),
        ("@1772366400", "2026-03-01T12:00:00.000Z"),
        ("@1772366400.5", "2026-03-01T12:00:00.500Z"),
        ("  yesterday ", "2026-03-03T00:00:00.000Z"),
        ("10:00 Z", "2026-03-04T10:00:00.000Z"),
    ] {
        means(written, expected);
    }
}

#[test]
fn a_time_without_its_offset_is_refused() {
    for written in [
        "2026-03-01T12:00:00",
        "2026-03-01 12:00",
        "2026-03-01 00:00",
        "yesterday 10:00",
        "10am",
        "12 am",
    ] {
        let error = moment(written, now()).unwrap_err().to_string();
        assert!(error.contains("no UTC offset; append Z"), "{written}: {error}");
    }
}

#[test]
fn what_is_no_time_is_refused() {
    for written in ["", "soon", "2026-13-01", "12 parsecs", "5", "yesterday yesterday's", "'; --"] {
        let error = moment(written, now());
        assert!(error.is_err(), "{written}: {error:?}");
    }
    for written in ["1969-12-31", "2300-01-01", "900 years", "99999999999999999999 h", "@-5"] {
        let error = moment(written, now()).unwrap_err().to_string();
        assert!(error.contains("1970 to 2254"), "{written}: {error}");
    }
}

#[test]
fn a_window_is_from_since_to_before_until() {
    let window = Window::parse(Some("2026-03-01"), Some("2026-03-02"), now()).unwrap();
    assert_eq!(window.until.unwrap() - window.since.unwrap(), 86_400_000_000);
    assert_eq!(window.to_string(), "2026-03-01T00:00:00.000Z to 2026-03-02T00:00:00.000Z");
    assert!(Window::parse(None, None, now()).unwrap().is_everything());
    let error = Window::parse(Some("2026-03-01"), Some("2026-03-01"), now()).unwrap_err();
    assert!(error.to_string().contains("until the next date"), "{error}");
    let error = Window::parse(Some("soon"), None, now()).unwrap_err();
    assert!(error.to_string().starts_with("since: \"soon\""), "{error}");
}

#[test]
fn a_length_has_no_direction() {
    assert_eq!(length("30min").unwrap(), 1_800_000_000);
    assert_eq!(length(" 1 day, 12 Hours").unwrap(), 36 * 3_600_000_000);
    for wrong in ["", "30", "-30min", "30min ago", "yesterday", "99999999999999 weeks"] {
        assert!(length(wrong).is_err(), "{wrong}");
    }
}
