//! How far candidates have come, in a space that does not grow with their number.
//!
//! A candidate is at (step, count). Of all candidates there, only the start that matters most is
//! kept: the latest one while looking for a completion (the window is longest for it), the
//! earliest one while choosing. Candidates may pass over events, so one that has taken some events
//! of a step also counts as one that took fewer: a further event moves every count up by one, and
//! a step's counts are a queue.

use std::collections::VecDeque;

/// What a matcher needs to know of a sequence. Events tell by the bits of a word which parts they
/// can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    /// Events that may not come before the first step.
    pub(super) lead: u64,
    /// At least one.
    pub(super) steps: Vec<Step>,
    /// Microseconds from the first event to the last, at most.
    pub(super) within: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// The bit of its events.
    pub(super) bit: u64,
    /// At least 1.
    pub(super) least: u32,
    pub(super) most: u32,
    /// Events that may not come between it and the next step; after the last step, within the
    /// window.
    pub(super) absent: u64,
}

/// The starts of the candidates at each count of each step.
#[derive(Debug)]
pub(super) struct Registers<T> {
    steps: Vec<Register<T>>,
    /// The start that matters more.
    better: fn(T, T) -> T,
}

#[derive(Debug)]
struct Register<T> {
    /// By count from 1 to the least count of the step (which stands for all beyond, too), whether
    /// or not an absence has been violated since.
    counts: VecDeque<T>,
    /// Of the candidates that may go on to the next step.
    done: Option<T>,
}

/// What an event did.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Effect<T> {
    /// It moved a candidate, or kept one from going on.
    pub(super) useful: bool,
    /// The start of a candidate that it completes.
    pub(super) completes: Option<T>,
}

impl<T: Copy> Registers<T> {
    pub(super) fn new(steps: usize, better: fn(T, T) -> T) -> Self {
        let empty = || Register { counts: VecDeque::new(), done: None };
        Self { steps: (0..steps).map(|_| empty()).collect(), better }
    }

    /// Forgets all candidates.
    pub(super) fn clear(&mut self) {
        for register in &mut self.steps {
            register.counts.clear();
            register.done = None;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.steps.iter().all(|register| register.counts.is_empty() && register.done.is_none())
    }

    /// Forgets the candidates whose start is not worth keeping. It must be one that keeps what is
    /// better than what it keeps.
    pub(super) fn retain(&mut self, keep: impl Fn(T) -> bool) {
        for register in &mut self.steps {
            while register.counts.back().is_some_and(|start| !keep(*start)) {
                register.counts.pop_back();
            }
            register.done = register.done.filter(|start| keep(*start));
        }
    }

    fn best(&self, a: Option<T>, b: Option<T>) -> Option<T> {
        match (a, b) {
            (Some(a), Some(b)) => Some((self.better)(a, b)),
            (a, b) => a.or(b),
        }
    }

    /// Lets every candidate take the event, or be stopped by it. `start` is the candidate that
    /// begins with it, if one may.
    pub(super) fn event(&mut self, shape: &Shape, mask: u64, start: Option<T>) -> Effect<T> {
        let mut effect = Effect { useful: false, completes: None };
        let last = shape.steps.len() - 1;
        // From the last step back, so that no candidate takes the event twice.
        for (index, step) in shape.steps.iter().enumerate().rev() {
            if mask & step.absent != 0 && index < last {
                effect.useful |= self.steps[index].done.take().is_some();
            }
            if mask & step.bit == 0 {
                continue;
            }
            let enters = if index == 0 { start } else { self.steps[index - 1].done };
            let reached = self.take(index, step, enters, &mut effect.useful);
            if index == last {
                effect.completes = reached;
            }
        }
        effect
    }

    /// Lets the candidates at a step take an event of it; gives the start of those that reach
    /// its least count.
    fn take(
        &mut self,
        index: usize,
        step: &Step,
        enters: Option<T>,
        useful: &mut bool,
    ) -> Option<T> {
        let counts = &self.steps[index].counts;
        let first = counts.front().copied();
        let entered = self.best(enters, first)?;
        *useful = true;
        let least = step.least as usize;
        let reached = if least == 1 { enters } else { counts.get(least - 2).copied() };
        let beyond = counts.get(least - 1).copied().filter(|_| step.most > step.least);
        let done = self.best(self.best(reached, beyond), self.steps[index].done);
        let register = &mut self.steps[index];
        register.counts.push_front(entered);
        register.counts.truncate(least);
        register.done = done;
        reached
    }
}
