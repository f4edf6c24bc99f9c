//! Which events a match consists of, once it is known that there is one.

use std::collections::VecDeque;

use super::registers::{Registers, Shape};

/// An event that may become part of a match.
#[derive(Debug, Clone)]
pub(super) struct Kept<E> {
    pub(super) time: i64,
    pub(super) mask: u64,
    /// A candidate may begin with it.
    pub(super) may_start: bool,
    pub(super) event: E,
}

/// The candidate that the last of these events completes: for each of its events the index and
/// the step. `None` if there is none.
pub(super) fn choose<E>(shape: &Shape, kept: &VecDeque<Kept<E>>) -> Option<Vec<(usize, usize)>> {
    let mut registers = Registers::new(shape.steps.len(), usize::min);
    let mut completes = None;
    for (index, event) in kept.iter().enumerate() {
        let start = event.may_start.then_some(index);
        completes = registers.event(shape, event.mask, start).completes;
    }
    let start = completes?;
    let masks: Vec<u64> = kept.range(start..).map(|event| event.mask).collect();
    let mut chosen = Choice::new(shape, &masks).events();
    chosen.iter_mut().for_each(|(index, _)| *index += start);
    Some(chosen)
}

/// What is still possible from an event on, for one step.
struct Ahead {
    /// The step may begin with this event, and the rest follow.
    begins: Vec<bool>,
    /// The step may end with this event, and the rest follow.
    ends: Vec<bool>,
    /// The last event with which the step may end.
    last_end: Option<usize>,
    /// Events of the step from this one to that last end, both counted.
    count: Vec<u32>,
}

struct Choice<'a> {
    shape: &'a Shape,
    masks: &'a [u64],
    ahead: Vec<Ahead>,
}

impl<'a> Choice<'a> {
    /// Works out, from the last step back, from where on the last event can be reached.
    fn new(shape: &'a Shape, masks: &'a [u64]) -> Self {
        let mut ahead: Vec<Ahead> = Vec::with_capacity(shape.steps.len());
        for index in (0..shape.steps.len()).rev() {
            let next = ahead.last();
            let ends = ends(shape, masks, index, next);
            ahead.push(begins(shape, masks, index, ends));
        }
        ahead.reverse();
        Self { shape, masks, ahead }
    }

    /// Whether a candidate that takes event `at` as the `count`th of a step can go on to the end.
    fn can_take(&self, at: usize, step: usize, count: u32) -> bool {
        let (rule, ahead) = (&self.shape.steps[step], &self.ahead[step]);
        if self.masks[at] & rule.bit == 0 || count > rule.most {
            return false;
        }
        if ahead.ends[at] && count >= rule.least {
            return true;
        }
        ahead.last_end.is_some_and(|last| at < last)
            && count < rule.most
            && count + ahead.count[at] > rule.least
    }

    /// Each event in turn goes to the earliest step that can have it. The first one is the start.
    fn events(&self) -> Vec<(usize, usize)> {
        let mut chosen = vec![(0, 0)];
        let (mut step, mut count, mut violated) = (0, 1, false);
        for (at, mask) in self.masks.iter().enumerate().skip(1) {
            let rule = &self.shape.steps[step];
            if self.can_take(at, step, count + 1) {
                count += 1;
                violated = false;
            } else if step + 1 < self.ahead.len()
                && self.ahead[step + 1].begins[at]
                && count >= rule.least
                && !violated
            {
                step += 1;
                count = 1;
            } else {
                violated |= mask & rule.absent != 0;
                continue;
            }
            chosen.push((at, step));
        }
        chosen
    }
}

/// With which events a step may end, given what follows.
fn ends(shape: &Shape, masks: &[u64], index: usize, next: Option<&Ahead>) -> Vec<bool> {
    let step = &shape.steps[index];
    let mut ends = vec![false; masks.len()];
    let Some(next) = next else {
        if let (Some(last), Some(mask)) = (ends.last_mut(), masks.last()) {
            *last = mask & step.bit != 0;
        }
        return ends;
    };
    let mut followed = false;
    for at in (0..masks.len()).rev() {
        ends[at] = followed && masks[at] & step.bit != 0;
        if masks[at] & step.absent != 0 {
            followed = false;
        }
        followed |= next.begins[at];
    }
    ends
}

/// With which events a step may begin, given with which it may end.
fn begins(shape: &Shape, masks: &[u64], index: usize, ends: Vec<bool>) -> Ahead {
    let step = &shape.steps[index];
    let last_end = ends.iter().rposition(|end| *end);
    let mut begins = vec![false; masks.len()];
    let mut count = vec![0; masks.len()];
    if let Some(last) = last_end {
        let mut so_far = 0;
        for at in (0..=last).rev() {
            if masks[at] & step.bit != 0 {
                so_far += 1;
                begins[at] = match step.least {
                    1 => ends[at] || step.most > 1,
                    least => so_far >= least,
                };
            }
            count[at] = so_far;
        }
    }
    Ahead { begins, ends, last_end, count }
}
