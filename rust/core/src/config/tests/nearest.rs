use super::{distance, hint};

#[test]
fn distance_counts_single_edits_and_swaps() {
    assert_eq!(distance("", ""), 0);
    assert_eq!(distance("", "abc"), 3);
    assert_eq!(distance("flush", "flush"), 0);
    assert_eq!(distance("flsh", "flush"), 1);
    assert_eq!(distance("audti", "audit"), 1);
    assert_eq!(distance("mode", "host"), 3);
    assert_eq!(distance("ä", "a"), 1);
}

#[test]
fn the_hint_is_the_nearest_name_or_all_of_them() {
    let valid = ["mode", "interval_ms"];
    assert_eq!(hint("modus", valid), "; did you mean `mode`?");
    assert_eq!(hint("IntervalMs", valid), "; did you mean `interval_ms`?");
    assert_eq!(hint("unrelated", valid), "; valid here: `mode`, `interval_ms`");
}
