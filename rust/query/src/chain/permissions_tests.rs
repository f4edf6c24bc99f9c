use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn record(event_type: &str, members: Value) -> Record {
    let mut event = json!({
        "event_type": event_type,
        "timestamp": "2026-03-01T10:00:00.000Z",
        "recorded_at": "2026-03-01T10:00:00.000Z",
        "audit_id": "a",
    });
    for (key, value) in members.as_object().unwrap() {
        event[key] = value.clone();
    }
    Record::parse(&event.to_string()).unwrap()
}

fn right(name: &str, resource: Option<&str>) -> Right {
    (name.to_owned(), resource.map(str::to_owned))
}

fn names(rights: &[(Right, Word<usize>)]) -> Vec<Right> {
    rights.iter().map(|(right, _)| right.clone()).collect()
}

#[test]
fn events_say_what_they_change() {
    let granted = record(
        "auth.permission_granted",
        json!({"grantee": "g", "scopes": ["s"], "role": "r", "resource": {"path": "/x"},
               "expires_at": "2026-03-01T11:00:00Z"}),
    );
    let rights = vec![right("s", Some("/x")), right("role:r", Some("/x"))];
    let expires = Some(granted.at + 3_600_000_000);
    assert_eq!(changes(&granted), [Change::Grant { rights, expires }]);
    let revoked = record("auth.permission_revoked", json!({"grantee": "g"}));
    assert_eq!(changes(&revoked), [Change::Revoke { names: Vec::new(), resource: None }]);
    let both = record(
        "agent.config_update",
        json!({"tool_permissions": {"granted": ["a"], "revoked": ["b"]}}),
    );
    let revoke = Change::Revoke { names: vec!["b".to_owned()], resource: None };
    let grant = Change::Grant { rights: vec![right("a", None)], expires: None };
    assert_eq!(changes(&both), [revoke, grant]);
    // An update of nothing takes nothing, though a revocation of nothing named takes all.
    let neither =
        record("agent.config_update", json!({"tool_permissions": {"granted": [], "revoked": []}}));
    assert_eq!(changes(&neither), []);
    let denied = record("auth.permission_granted", json!({"scopes": ["s"], "status": "denied"}));
    assert_eq!(changes(&denied), []);
}

#[test]
fn a_right_ends_when_it_runs_out_and_comes_back_when_given_again() {
    let mut fold = Fold::default();
    let grant = |expires| Change::Grant { rights: vec![right("s", None)], expires };
    fold.apply(&grant(Some(100)), Word { at: 10, by: 1 });
    assert_eq!(names(&fold.at(99).in_force), [right("s", None)]);
    let late = fold.at(100);
    assert_eq!(
        (late.in_force, late.ended),
        (vec![], vec![(right("s", None), Word { at: 100, by: 1 })])
    );
    // Taking what had run out does not move its end.
    fold.apply(&Change::Revoke { names: vec![], resource: None }, Word { at: 150, by: 2 });
    assert_eq!(fold.at(200).ended, [(right("s", None), Word { at: 100, by: 1 })]);
    fold.apply(&grant(None), Word { at: 300, by: 3 });
    let again = fold.at(300);
    assert_eq!((names(&again.in_force), again.ended), (vec![right("s", None)], vec![]));
}

#[test]
fn the_first_stop_counts_until_it_is_lifted() {
    let mut fold = Fold::<usize>::default();
    fold.apply(&Change::Stop, Word { at: 10, by: 1 });
    fold.apply(&Change::Stop, Word { at: 20, by: 2 });
    assert_eq!(fold.at(30).stopped, Some(Word { at: 10, by: 1 }));
    fold.apply(&Change::Resume, Word { at: 40, by: 3 });
    assert_eq!(fold.at(50).stopped, None);
}

/// A change in the property test: names and resources from a small world.
fn change() -> impl Strategy<Value = Change> {
    let name = prop::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned);
    let resource = prop::option::of(prop::sample::select(vec!["/x", "/y"]).prop_map(str::to_owned));
    let grant =
        (prop::collection::vec((name.clone(), resource.clone()), 1..3), prop::option::of(0i64..60))
            .prop_map(|(rights, expires)| Change::Grant { rights, expires });
    let revoke = (prop::collection::vec(name, 0..3), resource)
        .prop_map(|(names, resource)| Change::Revoke { names, resource });
    prop_oneof![3 => grant, 2 => revoke, 1 => Just(Change::Stop), 1 => Just(Change::Resume)]
}

/// Whether the change gives or takes a right; none if it does neither.
fn touches(change: &Change, (name, on): &Right) -> Option<bool> {
    match change {
        Change::Grant { rights, .. } => {
            rights.contains(&(name.clone(), on.clone())).then_some(true)
        }
        Change::Revoke { names, resource } => {
            let named = names.is_empty() || names.contains(name);
            (named && (resource.is_none() || resource == on)).then_some(false)
        }
        _ => None,
    }
}

proptest! {
    /// For each right, by itself, the last word about it decides.
    #[test]
    fn the_last_word_about_a_right_decides(
        history in prop::collection::vec(change(), 0..30),
        later in 0i64..40,
    ) {
        let mut fold = Fold::default();
        for (at, change) in (0i64..).zip(&history) {
            fold.apply(change, Word { at, by: at });
        }
        let now = i64::try_from(history.len()).unwrap() + later;
        let rights = fold.at(now);
        let mut in_force = BTreeMap::new();
        let mut ended = BTreeSet::new();
        for name in ["a", "b", "c"] {
            for on in [None, Some("/x"), Some("/y")] {
                let right = right(name, on);
                let words: Vec<(i64, &Change)> = (0i64..)
                    .zip(&history)
                    .filter(|(_, change)| touches(change, &right).is_some())
                    .collect();
                let ever = words.iter().any(|(_, change)| touches(change, &right) == Some(true));
                match words.last() {
                    Some((at, Change::Grant { expires, .. }))
                        if expires.is_none_or(|end| end > now) =>
                    {
                        in_force.insert(right, *at);
                    }
                    _ if ever => {
                        ended.insert(right);
                    }
                    _ => {}
                }
            }
        }
        let found: BTreeMap<_, _> =
            rights.in_force.iter().map(|(right, word)| (right.clone(), word.by)).collect();
        prop_assert_eq!(found, in_force);
        prop_assert_eq!(names_of(&rights.ended), ended);
        let last = history.iter().rposition(|change| *change == Change::Resume);
        let since = last.map_or(0, |at| at + 1);
        let stop = history[since..].iter().position(|change| *change == Change::Stop);
        prop_assert_eq!(
            rights.stopped.map(|word| word.by),
            stop.map(|at| i64::try_from(at + since).unwrap())
        );
    }
}

fn names_of(rights: &[(Right, Word<i64>)]) -> BTreeSet<Right> {
    rights.iter().map(|(right, _)| right.clone()).collect()
}
