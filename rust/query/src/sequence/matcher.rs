//! The pass over ordered events: which of them form matches.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;

use super::choose::{Kept, choose};
use super::registers::{Registers, Shape};

/// Events that follow each other as a sequence says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// From 1, in the order in which the matches were decided.
    pub number: u64,
    /// The values that the events have in common, one for each field of `by`.
    pub key: Vec<String>,
    /// The events in order of (`timestamp`, `audit_id`); at least one.
    pub events: Vec<MatchEvent>,
}

impl Match {
    /// When the first event happened, in microseconds since 1970 in UTC.
    pub fn start(&self) -> i64 {
        self.events.first().map_or(0, |event| event.timestamp)
    }

    /// When the last event happened, in microseconds since 1970 in UTC.
    pub fn end(&self) -> i64 {
        self.events.last().map_or(0, |event| event.timestamp)
    }
}

/// An event of a match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchEvent {
    /// The step that it is an event of, from 1; absences are not counted.
    pub step: u32,
    /// Microseconds since 1970 in UTC.
    pub timestamp: i64,
    /// The record's id.
    pub audit_id: String,
    /// The record's `event_type`.
    pub event_type: Arc<str>,
}

/// An event that fits some part of the sequence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Incoming<'a> {
    pub(super) time: i64,
    /// The parts that it fits.
    pub(super) mask: u64,
    /// The values of the key, as [`encode_key`] writes them.
    pub(super) key: &'a str,
    pub(super) audit_id: &'a str,
    pub(super) event_type: &'a str,
}

/// An event as it is kept: id and type.
type Identity = (Box<str>, Arc<str>);

/// What is known of one key.
#[derive(Debug)]
struct KeyState {
    key: Box<str>,
    registers: Registers<i64>,
    /// Events of candidates under way, and those that stopped one.
    kept: VecDeque<Kept<Identity>>,
    /// When an event last came that may not come before the first step.
    last_lead: Option<i64>,
    open: Vec<Open>,
}

/// A match that may still grow or be dropped.
#[derive(Debug)]
struct Open {
    serial: u64,
    events: Vec<MatchEvent>,
    /// Events of the last step.
    count: u32,
    /// An event came that may not come after the last one.
    refuted: bool,
}

/// Finds matches in events that come in order.
#[derive(Debug)]
pub(super) struct Matcher {
    shape: Shape,
    keys: HashMap<Box<str>, usize>,
    states: Vec<KeyState>,
    /// When the matches that are open are decided, whose they are and which.
    deadlines: BinaryHeap<Reverse<(i64, u64, Box<str>)>>,
    event_types: HashMap<Box<str>, Arc<str>>,
    /// Keys after which the idle ones are looked for.
    sweep_at: usize,
    serial: u64,
    decided: VecDeque<Match>,
    number: u64,
}

/// Keys that are not worth looking for idle ones among.
const FEW_KEYS: usize = 1024;

impl Matcher {
    pub(super) fn new(shape: Shape) -> Self {
        Self {
            shape,
            keys: HashMap::new(),
            states: Vec::new(),
            deadlines: BinaryHeap::new(),
            event_types: HashMap::new(),
            sweep_at: FEW_KEYS,
            serial: 0,
            decided: VecDeque::new(),
            number: 0,
        }
    }

    /// The next match that is decided.
    pub(super) fn pop(&mut self) -> Option<Match> {
        self.decided.pop_front()
    }

    /// The data have ended.
    pub(super) fn finish(&mut self) {
        self.decide(None);
        self.keys.clear();
        self.states.clear();
    }

    /// Events held, of candidates and of matches that are not decided.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        let open =
            |state: &KeyState| state.open.iter().map(|open| open.events.len()).sum::<usize>();
        self.states.iter().map(|state| state.kept.len() + open(state)).sum()
    }

    /// Keys of which something is held.
    #[cfg(test)]
    pub(super) fn keys(&self) -> usize {
        self.states.len()
    }

    /// Takes the next event in order of (`timestamp`, `audit_id`).
    pub(super) fn event(&mut self, event: Incoming<'_>) {
        self.decide(Some(event.time));
        let Some(index) = self.state(&event) else { return };
        let horizon = event.time.saturating_sub(self.shape.within);
        let state = &mut self.states[index];
        state.forget(horizon);
        let may_start = state.last_lead.is_none_or(|time| time < horizon);
        if event.mask & self.shape.lead != 0 {
            state.last_lead = Some(event.time);
        }
        if self.grow(index, &event) {
            return;
        }
        let state = &mut self.states[index];
        let start = may_start.then_some(event.time);
        let effect = state.registers.event(&self.shape, event.mask, start);
        if !effect.useful {
            return;
        }
        let identity = (event.audit_id.into(), intern(&mut self.event_types, event.event_type));
        let (time, mask) = (event.time, event.mask);
        state.kept.push_back(Kept { time, mask, may_start, event: identity });
        if effect.completes.is_some() {
            self.complete(index);
        }
    }

    /// The state of the event's key, if there is one or the event is a reason to make one.
    fn state(&mut self, event: &Incoming<'_>) -> Option<usize> {
        if let Some(index) = self.keys.get(event.key) {
            return Some(*index);
        }
        let first = self.shape.steps.first().map_or(0, |step| step.bit);
        if event.mask & (first | self.shape.lead) == 0 {
            return None;
        }
        if self.states.len() >= self.sweep_at {
            self.sweep(event.time.saturating_sub(self.shape.within));
        }
        let key: Box<str> = event.key.into();
        self.states.push(KeyState {
            key: key.clone(),
            registers: Registers::new(self.shape.steps.len(), i64::max),
            kept: VecDeque::new(),
            last_lead: None,
            open: Vec::new(),
        });
        let index = self.states.len() - 1;
        self.keys.insert(key, index);
        Some(index)
    }

    /// Forgets the keys of which nothing is left in the window.
    fn sweep(&mut self, horizon: i64) {
        let keys = &mut self.keys;
        self.states.retain_mut(|state| {
            state.forget(horizon);
            let idle = state.is_idle();
            if idle {
                keys.remove(&state.key);
            }
            !idle
        });
        for (index, state) in self.states.iter().enumerate() {
            if let Some(known) = keys.get_mut(&state.key) {
                *known = index;
            }
        }
        self.sweep_at = FEW_KEYS.max(2 * self.states.len());
    }

    /// Shows the event to the matches that are open; whether one of them took it.
    fn grow(&mut self, index: usize, event: &Incoming<'_>) -> bool {
        let Some(last) = self.shape.steps.last() else { return false };
        let state = &mut self.states[index];
        if state.open.is_empty() {
            return false;
        }
        let mut taken = false;
        for open in &mut state.open {
            if !taken && event.mask & last.bit != 0 && open.count < last.most {
                taken = true;
                open.count += 1;
                open.refuted = false;
                open.events.push(MatchEvent {
                    step: step_number(self.shape.steps.len() - 1),
                    timestamp: event.time,
                    audit_id: event.audit_id.to_owned(),
                    event_type: intern(&mut self.event_types, event.event_type),
                });
            } else if event.mask & last.absent != 0 {
                open.refuted = true;
            }
        }
        if taken {
            state.registers.clear();
            state.kept.clear();
        }
        let (most, trailing) = (last.most, last.absent != 0);
        let decided = |open: &mut Open| open.count == most && (open.refuted || !trailing);
        let done: Vec<Open> = state.open.extract_if(.., decided).collect();
        done.into_iter().for_each(|open| self.emit(index, open));
        taken
    }

    /// Makes a match of the candidate that the last event completed.
    fn complete(&mut self, index: usize) {
        let state = &mut self.states[index];
        let Some(chosen) = choose(&self.shape, &state.kept) else { return };
        let events: Vec<MatchEvent> = chosen
            .iter()
            .map(|(at, step)| {
                let kept = &state.kept[*at];
                MatchEvent {
                    step: step_number(*step),
                    timestamp: kept.time,
                    audit_id: kept.event.0.clone().into(),
                    event_type: Arc::clone(&kept.event.1),
                }
            })
            .collect();
        state.registers.clear();
        state.kept.clear();
        let (Some(first), Some(last)) = (events.first(), self.shape.steps.last()) else { return };
        let deadline = first.timestamp.saturating_add(self.shape.within);
        self.serial += 1;
        let serial = self.serial;
        let open = Open { serial, events, count: last.least, refuted: false };
        if last.most == last.least && last.absent == 0 {
            self.emit(index, open);
            return;
        }
        self.deadlines.push(Reverse((deadline, serial, state.key.clone())));
        state.open.push(open);
    }

    /// Decides the matches whose time is over at `now`, or all at the end of the data.
    fn decide(&mut self, now: Option<i64>) {
        while let Some(Reverse((deadline, ..))) = self.deadlines.peek()
            && now.is_none_or(|now| *deadline < now)
            && let Some(Reverse((_, serial, key))) = self.deadlines.pop()
        {
            let Some(&index) = self.keys.get(&key) else { continue };
            let open = &mut self.states[index].open;
            if let Some(at) = open.iter().position(|open| open.serial == serial) {
                let open = open.remove(at);
                self.emit(index, open);
            }
        }
    }

    fn emit(&mut self, index: usize, open: Open) {
        if open.refuted {
            return;
        }
        self.number += 1;
        let key = decode_key(&self.states[index].key);
        self.decided.push_back(Match { number: self.number, key, events: open.events });
    }
}

impl KeyState {
    /// Forgets what began before `horizon`.
    fn forget(&mut self, horizon: i64) {
        self.registers.retain(|start| start >= horizon);
        if self.registers.is_empty() {
            self.kept.clear();
        }
        while self.kept.front().is_some_and(|event| event.time < horizon) {
            self.kept.pop_front();
        }
        self.last_lead = self.last_lead.filter(|time| *time >= horizon);
    }

    fn is_idle(&self) -> bool {
        self.kept.is_empty() && self.open.is_empty() && self.last_lead.is_none()
    }
}

/// From an index to a number for people.
fn step_number(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

/// One copy of each event type.
fn intern(known: &mut HashMap<Box<str>, Arc<str>>, event_type: &str) -> Arc<str> {
    if let Some(found) = known.get(event_type) {
        return Arc::clone(found);
    }
    let new: Arc<str> = event_type.into();
    known.insert(event_type.into(), Arc::clone(&new));
    new
}

/// Writes the values of a key as one text from which they can be told apart.
pub(super) fn encode_key<'a>(values: impl Iterator<Item = &'a str>, out: &mut String) {
    use std::fmt::Write;

    out.clear();
    for value in values {
        // Writing to a String cannot fail.
        let _ = write!(out, "{}:{value}", value.len());
    }
}

fn decode_key(mut text: &str) -> Vec<String> {
    let mut values = Vec::new();
    while let Some((length, rest)) = text.split_once(':') {
        let Some((value, rest)) = length.parse().ok().and_then(|n| rest.split_at_checked(n)) else {
            break;
        };
        values.push(value.to_owned());
        text = rest;
    }
    values
}

#[cfg(test)]
#[path = "matcher_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "model_tests.rs"]
mod model_tests;
