use super::super::registers::Step;
use super::*;

/// The matches among events of (time, mask, key); ids are the positions.
pub(super) fn run(shape: &Shape, events: &[(i64, u64, u8)]) -> Vec<Match> {
    let mut matcher = Matcher::new(shape.clone());
    for (index, (time, mask, key)) in events.iter().enumerate() {
        feed(&mut matcher, index, *time, *mask, &format!("k{key}"));
    }
    matcher.finish();
    std::iter::from_fn(|| matcher.pop()).collect()
}

fn feed(matcher: &mut Matcher, id: usize, time: i64, mask: u64, key: &str) {
    let mut encoded = String::new();
    encode_key([key].into_iter(), &mut encoded);
    matcher.event(Incoming {
        time,
        mask,
        key: &encoded,
        audit_id: &id.to_string(),
        event_type: "auth.user_login",
    });
}

/// Position and step (from 0) of each event of each match.
pub(super) fn found(matches: &[Match]) -> Vec<Vec<(usize, usize)>> {
    let event = |e: &MatchEvent| (e.audit_id.parse().unwrap(), e.step as usize - 1);
    matches.iter().map(|found| found.events.iter().map(event).collect()).collect()
}

/// Steps of (least, most, absence after them), with bits 1, 2, 4...
fn shape(steps: &[(u32, u32, u64)], within: i64) -> Shape {
    let step = |(index, (least, most, absent)): (usize, &(u32, u32, u64))| Step {
        bit: 1 << index,
        least: *least,
        most: *most,
        absent: *absent,
    };
    Shape { lead: 0, steps: steps.iter().enumerate().map(step).collect(), within }
}

/// Events of one key, one a moment: `a`, `b`, `c` fit steps 1 to 3, `x` the bit 8, `.` nothing.
fn letters(text: &str) -> Vec<(i64, u64, u8)> {
    let mask = |c: char| match c {
        'a' => 1,
        'b' => 2,
        'c' => 4,
        'x' => 8,
        _ => 0,
    };
    (0..).zip(text.chars()).map(|(time, c)| (time, mask(c), 0)).collect()
}

/// The positions of the events of each match.
fn positions(shape: &Shape, text: &str) -> Vec<Vec<usize>> {
    let matches = found(&run(shape, &letters(text)));
    matches.into_iter().map(|events| events.into_iter().map(|(at, _)| at).collect()).collect()
}

const MANY: u32 = 1000;

#[test]
fn failed_logins_before_a_success_are_one_match() {
    let brute_force = shape(&[(3, MANY, 0), (1, 1, 0)], 100);
    assert_eq!(positions(&brute_force, "aaaaab"), [[0, 1, 2, 3, 4, 5]]);
    assert_eq!(positions(&brute_force, "aab"), [[0; 0]; 0]);
    // The first success ends it; the failures before are spent.
    assert_eq!(positions(&brute_force, "aaabab"), [[0, 1, 2, 3]]);
    assert_eq!(positions(&brute_force, "aaabaaab"), [[0, 1, 2, 3], [4, 5, 6, 7]]);
    // A success after too few failures does not stop the count.
    assert_eq!(positions(&brute_force, "aabab"), [[0, 1, 3, 4]]);
}

#[test]
fn only_what_lies_in_the_window_belongs_to_it() {
    let brute_force = shape(&[(3, MANY, 0), (1, 1, 0)], 4);
    assert_eq!(positions(&brute_force, "aaaaaaaab"), [[4, 5, 6, 7, 8]]);
    assert_eq!(positions(&brute_force, "aaa..b"), [[0; 0]; 0]);
    let exactly = shape(&[(1, 1, 0), (1, 1, 0)], 3);
    assert_eq!(positions(&exactly, "a..b"), [[0, 3]]);
    assert_eq!(positions(&exactly, "a...b"), [[0; 0]; 0]);
}

#[test]
fn a_count_has_an_end() {
    assert_eq!(positions(&shape(&[(1, 2, 0), (1, 1, 0)], 100), "aaab"), [[0, 1, 3]]);
    assert_eq!(positions(&shape(&[(2, 2, 0)], 100), "aaaaa"), [[0, 1], [2, 3]]);
}

#[test]
fn a_last_step_takes_what_the_window_holds() {
    let burst = shape(&[(3, MANY, 0)], 5);
    assert_eq!(positions(&burst, "aaaaaaaaa"), [vec![0, 1, 2, 3, 4, 5], vec![6, 7, 8]]);
    let up_to_four = shape(&[(3, 4, 0)], 100);
    assert_eq!(positions(&up_to_four, "aaaaaaa"), [vec![0, 1, 2, 3], vec![4, 5, 6]]);
    let then = shape(&[(1, 1, 0), (1, MANY, 0)], 4);
    // The second `a` lies within the first match and starts none.
    assert_eq!(positions(&then, "abab.b"), [[0, 1, 3]]);
}

#[test]
fn an_absence_between_steps_counts_from_the_last_event_of_the_one_before() {
    let undisturbed = shape(&[(1, 1, 8), (1, 1, 0)], 100);
    assert_eq!(positions(&undisturbed, "axb"), [[0; 0]; 0]);
    assert_eq!(positions(&undisturbed, "axab"), [[2, 3]]);
    assert_eq!(positions(&undisturbed, "xab"), [[1, 2]]);
    let several = shape(&[(1, 3, 8), (1, 1, 0)], 100);
    assert_eq!(positions(&several, "axab"), [[0, 2, 3]]);
    // The same event can be what is absent and the step that ends the wait for it.
    let itself = shape(&[(1, 1, 2), (1, 1, 0)], 100);
    assert_eq!(positions(&itself, "ab"), [[0, 1]]);
}

#[test]
fn an_absence_at_the_end_is_decided_by_the_window_or_the_end_of_the_data() {
    let unanswered = shape(&[(1, 1, 8)], 3);
    assert_eq!(positions(&unanswered, "a..x"), [[0; 0]; 0]);
    assert_eq!(positions(&unanswered, "a...x"), [[0]]);
    assert_eq!(positions(&unanswered, "a"), [[0]]);
    assert_eq!(positions(&unanswered, "aa..x"), [[0]]);
    // What grows is asked from its last event on.
    assert_eq!(positions(&shape(&[(1, MANY, 8)], 10), "axa."), [[0, 2]]);
    assert_eq!(positions(&shape(&[(1, MANY, 8)], 10), "axax"), [[0; 0]; 0]);
}

#[test]
fn an_absence_at_the_beginning_looks_back_as_far_as_the_window() {
    let unannounced = Shape { lead: 8, ..shape(&[(1, 1, 0)], 3) };
    assert_eq!(positions(&unannounced, "x..a"), [[0; 0]; 0]);
    assert_eq!(positions(&unannounced, "x...a"), [[4]]);
    assert_eq!(positions(&unannounced, "ax"), [[0]]);
    // Without a start of its own it may still be a later event of the step.
    let twice = Shape { lead: 8, ..shape(&[(2, 2, 0)], 10) };
    assert_eq!(positions(&twice, "axa"), [[0, 2]]);
}

#[test]
fn matches_come_in_the_order_in_which_they_are_decided() {
    let unanswered = shape(&[(1, 1, 8)], 3);
    let matches = run(&unanswered, &[(0, 1, 1), (1, 1, 0), (2, 1, 2), (3, 8, 1), (9, 1, 3)]);
    let keys: Vec<(u64, &str)> = matches.iter().map(|m| (m.number, m.key[0].as_str())).collect();
    assert_eq!(keys, [(1, "k0"), (2, "k2"), (3, "k3")]);
    assert_eq!((matches[0].start(), matches[0].end()), (1, 1));
}

#[test]
fn what_cannot_match_is_not_held() {
    let steps = Shape { lead: 16, ..shape(&[(2, 2, 8), (1, 1, 0)], 50) };
    let mut matcher = Matcher::new(steps);
    for time in 0..200_000 {
        // Second steps without a first, and keys that come once and not again.
        feed(&mut matcher, 0, time, 2, "always");
        feed(&mut matcher, 1, time, 8, "always");
        feed(&mut matcher, 2, time, 1, &format!("once {time}"));
        feed(&mut matcher, 3, time, 16, &format!("led {time}"));
        assert!(matcher.held() <= 4 * FEW_KEYS && matcher.keys() <= 2 * FEW_KEYS);
    }
    matcher.finish();
    assert_eq!(matcher.pop(), None);
}

#[test]
fn one_key_holds_no_more_than_its_window() {
    let mut matcher = Matcher::new(shape(&[(3, MANY, 0), (1, 1, 0)], 99));
    for time in 0..50_000 {
        feed(&mut matcher, 0, time, 1, "attacker");
        assert!(matcher.held() <= 100);
    }
    feed(&mut matcher, 0, 50_000, 2, "attacker");
    assert_eq!(matcher.pop().unwrap().events.len(), 100);
    assert_eq!(matcher.held(), 0);
}

#[test]
fn keys_are_told_apart_and_given_back() {
    for values in [vec!["a", "b"], vec!["a:b", ""], vec!["", "a:b"], vec!["1:a", "ü"]] {
        let mut text = String::new();
        encode_key(values.iter().copied(), &mut text);
        assert_eq!(decode_key(&text), values);
    }
}
