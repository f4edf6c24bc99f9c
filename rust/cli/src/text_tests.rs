use std::time::Duration;

use super::{aligned, bytes, count, duration, grouped, seconds, size};

#[test]
fn numbers_are_grouped_by_three() {
    let of = |number| grouped(number);
    assert_eq!([of(0), of(999), of(1000), of(1_234_567)], ["0", "999", "1,000", "1,234,567"]);
    assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
}

#[test]
fn nouns_agree_with_their_number() {
    assert_eq!(count(1, "event"), "1 event");
    assert_eq!(count(0, "event"), "0 events");
    assert_eq!(count(1200, "event"), "1,200 events");
    assert_eq!(count(1, "ledger entry"), "1 ledger entry");
    assert_eq!(count(4, "ledger entry"), "4 ledger entries");
}

#[test]
fn sizes_have_the_unit_that_fits() {
    assert_eq!(bytes(1023), "1023 B");
    assert_eq!(bytes(1536), "1.5 KiB");
    assert_eq!(bytes(3 << 30), "3.0 GiB");
    assert_eq!(bytes(u64::MAX), "16777216.0 TiB");
}

#[test]
fn short_times_are_in_milliseconds() {
    assert_eq!(seconds(Duration::from_millis(42)), "42 ms");
    assert_eq!(seconds(Duration::from_millis(1250)), "1.2 s");
}

#[test]
fn columns_are_aligned_and_lines_do_not_end_in_spaces() {
    let rows = [["a", "1", "x"], ["long", "", ""], ["b", "22", "y"]].map(|r| r.map(String::from));
    assert_eq!(aligned("  ", &rows), "  a     1   x\n  long\n  b     22  y\n");
}

#[test]
fn sizes_and_durations_have_units() {
    assert_eq!(size("1048576"), Ok(1 << 20));
    assert_eq!(size("512KiB"), Ok(512 << 10));
    assert_eq!(size("64 MB"), Ok(64 << 20));
    assert_eq!(size("2g"), Ok(2 << 30));
    for wrong in ["", "0", "MiB", "-1", "1.5G", "4 bananas", "99999999999999999999"] {
        assert!(size(wrong).is_err(), "{wrong}");
    }
    assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
    assert_eq!(duration("7d"), Ok(Duration::from_secs(604_800)));
    for wrong in ["", "7", "d", "-1d", "1 y", "\u{e9}", "99999999999999999999w"] {
        assert!(duration(wrong).is_err(), "{wrong}");
    }
}
