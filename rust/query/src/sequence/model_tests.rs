//! The matcher against a plain model: all candidates are written down, and the rules of the
//! module picked from them literally.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::registers::{Shape, Step};
use super::tests::{found, run};

/// An event: when, what it fits, whose it is.
type Event = (i64, u64, u8);
/// Index of the event and step, for each event of a match.
type Chosen = Vec<(usize, usize)>;

/// The matches of the events of one key.
fn model(shape: &Shape, events: &[(usize, Event)]) -> Vec<Chosen> {
    let (mut matches, mut from) = (Vec::new(), 0);
    loop {
        let mut all = Vec::new();
        for start in from..events.len() {
            if fits(shape, events, start, 0) && may_start(shape, events, start) {
                candidates(shape, events, &mut vec![(start, 0)], &mut all);
            }
        }
        // Complete first, then the earliest start, then each event to the earliest step.
        let best = all.into_iter().min_by_key(|chosen| {
            let (start, end) = (chosen[0].0, chosen[chosen.len() - 1].0);
            let role = |at: usize| {
                chosen.iter().find(|(index, _)| *index == at).map_or(usize::MAX, |(_, s)| *s)
            };
            (end, start, (start..=end).map(role).collect::<Vec<_>>())
        });
        let Some(mut chosen) = best else { return matches };
        extend(shape, events, &mut chosen);
        from = chosen[chosen.len() - 1].0 + 1;
        if !refuted(shape, events, &chosen) {
            matches.push(chosen.into_iter().map(|(at, step)| (events[at].0, step)).collect());
        }
    }
}

fn fits(shape: &Shape, events: &[(usize, Event)], at: usize, step: usize) -> bool {
    events[at].1.1 & shape.steps[step].bit != 0
}

fn time(events: &[(usize, Event)], at: usize) -> i64 {
    events[at].1.0
}

fn may_start(shape: &Shape, events: &[(usize, Event)], start: usize) -> bool {
    !(0..start).any(|at| {
        events[at].1.1 & shape.lead != 0 && time(events, start) - time(events, at) <= shape.within
    })
}

/// All candidates that begin with `chosen` and end when they are complete.
fn candidates(
    shape: &Shape,
    events: &[(usize, Event)],
    chosen: &mut Chosen,
    all: &mut Vec<Chosen>,
) {
    let (last, step) = chosen[chosen.len() - 1];
    let count = chosen.iter().filter(|(_, s)| *s == step).count() as u32;
    let rule = shape.steps[step];
    if step == shape.steps.len() - 1 && count == rule.least {
        all.push(chosen.clone());
        return;
    }
    for at in last + 1..events.len() {
        if time(events, at) - time(events, chosen[0].0) > shape.within {
            return;
        }
        if count < rule.most && fits(shape, events, at, step) {
            chosen.push((at, step));
            candidates(shape, events, chosen, all);
            chosen.pop();
        }
        let next = step + 1;
        let absent = (last + 1..at).any(|between| events[between].1.1 & rule.absent != 0);
        if count >= rule.least
            && next < shape.steps.len()
            && !absent
            && fits(shape, events, at, next)
        {
            chosen.push((at, next));
            candidates(shape, events, chosen, all);
            chosen.pop();
        }
    }
}

/// Adds further events of the last step.
fn extend(shape: &Shape, events: &[(usize, Event)], chosen: &mut Chosen) {
    let last = shape.steps.len() - 1;
    let (start, end) = (chosen[0].0, chosen[chosen.len() - 1].0);
    let mut count = chosen.iter().filter(|(_, step)| *step == last).count() as u32;
    for at in end + 1..events.len() {
        let inside = time(events, at) - time(events, start) <= shape.within;
        if inside && count < shape.steps[last].most && fits(shape, events, at, last) {
            chosen.push((at, last));
            count += 1;
        }
    }
}

fn refuted(shape: &Shape, events: &[(usize, Event)], chosen: &Chosen) -> bool {
    let absent = shape.steps[shape.steps.len() - 1].absent;
    let (start, end) = (chosen[0].0, chosen[chosen.len() - 1].0);
    (end + 1..events.len()).any(|at| {
        events[at].1.1 & absent != 0 && time(events, at) - time(events, start) <= shape.within
    })
}

fn expected(shape: &Shape, events: &[Event]) -> Vec<Chosen> {
    let mut keys: BTreeMap<u8, Vec<(usize, Event)>> = BTreeMap::new();
    for (index, event) in events.iter().enumerate() {
        keys.entry(event.2).or_default().push((index, *event));
    }
    let mut all: Vec<Chosen> = keys.values().flat_map(|events| model(shape, events)).collect();
    all.sort();
    all
}

/// A word with one of these bits, or none.
fn some_bit() -> impl Strategy<Value = u64> {
    prop_oneof![2 => Just(0), 1 => (0..5u32).prop_map(|bit| 1 << bit)]
}

fn shapes() -> impl Strategy<Value = Shape> {
    let least = prop_oneof![3 => Just(1), 2 => Just(2), 1 => Just(3)];
    let step = (least, prop_oneof![2 => Just(0), 1 => Just(1), 1 => Just(100)], some_bit());
    (some_bit(), proptest::collection::vec(step, 1..4), 0..14i64).prop_map(
        |(lead, steps, within)| {
            let step = |(index, (least, more, absent)): (usize, (u32, u32, u64))| Step {
                bit: 1 << index,
                least,
                most: least + more,
                absent,
            };
            Shape { lead, steps: steps.into_iter().enumerate().map(step).collect(), within }
        },
    )
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    // Mostly one part for an event, sometimes several.
    let one_of = |bits: std::ops::Range<u32>| bits.prop_map(|bit| 1 << bit);
    let mask = prop_oneof![5 => one_of(0..3), 1 => one_of(3..5), 2 => 0..32u64];
    let event = (prop_oneof![2 => Just(0), 3 => Just(1), 1 => 2..5i64], mask, 0..2u8);
    proptest::collection::vec(event, 0..22).prop_map(|steps| {
        let mut now = 0;
        steps
            .into_iter()
            .map(|(later, mask, key)| {
                now += later;
                (now, mask, key)
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn the_matcher_finds_what_the_model_finds(shape in shapes(), events in events()) {
        let mut matches: Vec<Chosen> = found(&run(&shape, &events));
        matches.sort();
        prop_assert_eq!(matches, expected(&shape, &events));
    }
}

#[test]
fn the_model_makes_use_of_every_rule() {
    // Guards against strategies under which hardly anything ever matches.
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let (mut several, mut grown, mut dropped) = (0, 0, 0);
    for _ in 0..1000 {
        let shape = shapes().new_tree(&mut runner).unwrap().current();
        let events = events().new_tree(&mut runner).unwrap().current();
        let matches = expected(&shape, &events);
        let least: usize = shape.steps.iter().map(|step| step.least as usize).sum();
        several += usize::from(matches.len() > 1);
        grown += usize::from(matches.iter().any(|chosen| chosen.len() > least));
        let mut lenient = shape.clone();
        lenient.lead = 0;
        lenient.steps.iter_mut().for_each(|step| step.absent = 0);
        dropped += usize::from(expected(&lenient, &events) != matches);
    }
    assert!(several > 75 && grown > 75 && dropped > 75, "{several} {grown} {dropped}");
}
