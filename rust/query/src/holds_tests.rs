use serde_json::json;

use super::*;

#[test]
fn a_filter_comes_back_from_what_a_hold_says() {
    let matching = json!({
        "user-id": "u1",
        "resource.case": ["a", "b*"],
        "severity_min": "warning",
        "since": "2026-03-01",
        "until": "2026-03-02T00:00:00+01:00",
        "text": "claim",
        "where": ["resource.size_bytes > 1e6"],
    });
    let filter = filter_of(&matching, 0).expect("a filter");
    let said = matching_of(&filter);
    assert_eq!(said["user_id"], json!(["u1"]));
    assert_eq!(said["since"], "2026-03-01T00:00:00.000Z");
    assert_eq!(said["until"], "2026-03-01T23:00:00.000Z");
    assert_eq!(filter_of(&said, 0).expect("a filter"), filter);
    assert_eq!(filter_of(&json!({}), 0).expect("everything"), Filter::default());
}

#[test]
fn what_means_nothing_is_refused() {
    for bad in [
        json!([]),
        json!({ "userid": "u1" }),
        json!({ "user_id": 7 }),
        json!({ "user_id": [] }),
        json!({ "since": ["2026-03-01", "2026-03-02"] }),
        json!({ "since": "2026-03-02", "until": "2026-03-01" }),
        json!({ "where": "resource.size_bytes >" }),
        json!({ "severity_min": "loud" }),
    ] {
        assert!(filter_of(&bad, 0).is_err(), "{bad}");
    }
}
