//! Believable generated events, for the demo, the notebooks and the benches.
//!
//! A small company of users and agents goes about its work: people sign in, have agents run
//! workflows, agents spawn helpers and touch data, administrators change settings, now and then
//! someone guesses passwords. The events of a session share their ids, so chains can be followed;
//! several sessions run at a time. Everything follows from [`Options`]: the same options give the
//! same bytes on every platform.
//!
//! [`Options::foreign`] generates events of other programs' shapes instead: known domains, but
//! types and fields that the catalogue does not have.

mod agent;
mod areas;
mod auth;
mod clock;
mod data;
mod foreign;
mod foreign_shapes;
mod line;
mod plan;
mod rng;
mod session;
mod system;
#[cfg(test)]
mod tests;
mod words;
mod workflow;
mod world;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use chrono::{DateTime, Utc};

use crate::{Error, Result};
use clock::Clock;
use foreign::Foreign;
use plan::Kind;
use rng::Rng;
use session::{Scene, Session};
use words::NETWORKS;
use world::World;

/// Days that a generated trail covers at most: a century.
const MAX_DAYS: u32 = 36_525;

/// So many sessions at least run side by side.
const SIDE_BY_SIDE: usize = 3;

/// What to generate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How many events.
    pub events: u64,
    /// The same seed gives the same events.
    pub seed: u64,
    /// No event is later than this.
    pub end: DateTime<Utc>,
    /// The events cover so many days up to `end`; 1 to 36,525.
    pub days: u32,
    /// How many agents exist; two in five of them are helpers that others spawn. At least 1.
    pub agents: u32,
    /// How many users exist. At least 1.
    pub users: u32,
    /// Give every event an `audit_id` (`audit_evt_` and 32 random hexadecimal digits), as callers
    /// do that bring their own. Without it the recorder makes the ids.
    pub with_ids: bool,
    /// Events whose types and fields are not in the catalogue.
    pub foreign: bool,
}

impl Options {
    /// `events` events in the 90 days up to `end`, by 500 agents and 2,000 users, seed 1, without
    /// ids.
    pub fn new(events: u64, end: DateTime<Utc>) -> Self {
        Self {
            events,
            seed: 1,
            end,
            days: 90,
            agents: 500,
            users: 2000,
            with_ids: false,
            foreign: false,
        }
    }
}

/// Generates events in the order of their timestamps; see the [module](self).
///
/// As an iterator it gives each event as compact JSON without a line end;
/// [`write_line`](Self::write_line) appends to a buffer and is faster.
#[derive(Debug)]
pub struct Generator {
    world: World,
    clock: Clock,
    rng: Rng,
    /// Makes the ids, if wanted; apart from `rng`, so that the events are the same without.
    ids: Option<Rng>,
    foreign: Option<Foreign>,
    sessions: Vec<Session>,
    /// Positions of `sessions` that are free.
    free: Vec<usize>,
    /// When each running session is to go on, the earliest first.
    due: BinaryHeap<Reverse<(i64, usize)>>,
    /// A recent execution that others may continue.
    last_execution: String,
}

impl Generator {
    /// A generator at its first event.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] when there are no users, agents or days, or the days reach further back
    /// than the year 1970.
    pub fn new(options: Options) -> Result<Self> {
        let Options { events, seed, end, days, agents, users, with_ids, foreign } = options;
        if agents == 0 || users == 0 {
            return Err(Error::Usage(
                "generated events need at least one user and one agent".into(),
            ));
        }
        let end = end.timestamp_millis();
        if days == 0 || days > MAX_DAYS || end < i64::from(days) * 86_400_000 {
            return Err(Error::Usage(format!(
                "{days} days: generated events cover 1 to {MAX_DAYS} days, none before 1970"
            )));
        }
        let mut rng = Rng::new(seed);
        let world = World::new(users as usize, agents as usize, &mut rng);
        let clock = Clock::new(events, end, days, &mut rng);
        Ok(Self {
            foreign: foreign.then(|| Foreign::new(&mut rng)),
            world,
            clock,
            rng,
            ids: with_ids.then(|| Rng::new(!seed)),
            sessions: Vec::new(),
            free: Vec::new(),
            due: BinaryHeap::new(),
            last_execution: String::new(),
        })
    }

    /// Appends the next event as one line of compact JSON with its `\n`; false, and nothing
    /// appended, when there are no more.
    pub fn write_line(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(now) = self.clock.next(&mut self.rng) else { return false };
        if let Some(foreign) = &mut self.foreign {
            foreign.write(&self.world, &mut self.rng, now, self.ids.as_mut(), out);
            return true;
        }
        let at = self.next_session(now);
        let session = &mut self.sessions[at];
        // A fresh plan is never empty, and a session without further plan is not due.
        if let Some(planned) = session.plan.pop() {
            let Self { world, rng, ids, .. } = self;
            Scene { world, session, rng, now, ids: ids.as_mut() }.write(planned.step, out);
        }
        match session.plan.last() {
            Some(next) => self.due.push(Reverse((now + i64::from(next.wait_ms), at))),
            None => {
                self.last_execution.clone_from(&session.execution_id);
                self.free.push(at);
            }
        }
        true
    }

    /// The session whose turn it is: the one that waits longest, or a new one if none does.
    fn next_session(&mut self, now: i64) -> usize {
        let crowded = self.due.len() >= SIDE_BY_SIDE || self.rng.chance(850);
        if let Some(Reverse((due, at))) = self.due.peek().copied()
            && due <= now
            && crowded
        {
            self.due.pop();
            return at;
        }
        let at = self.free.pop().unwrap_or_else(|| {
            self.sessions.push(Session::default());
            self.sessions.len() - 1
        });
        self.open(at, now);
        at
    }

    fn open(&mut self, at: usize, now: i64) {
        let Self { world, rng, sessions, .. } = self;
        let session = &mut sessions[at];
        let kind = Kind::draw(now.div_euclid(3_600_000).rem_euclid(24), rng);
        let user =
            if kind.by_admin() { rng.pick(&world.admins) } else { rng.skewed(world.users.len()) };
        // Administrators look after agents of all areas, others use those of their own.
        let area =
            if kind.by_admin() { rng.index(world.leads.len()) } else { world.users[user].area };
        let leads = &world.leads[area];
        let agent = leads[rng.skewed(leads.len())];
        session.reset(user, agent, world, rng);
        session.started = now;
        if kind == Kind::Guessing {
            session.source_ip.clear();
            session.source_ip.push_str(NETWORKS[2]);
            session.source_ip.push_str(&rng.between(230, 254).to_string());
        } else if rng.chance(150) {
            session.parent_execution.clone_from(&self.last_execution);
        }
        plan::fill(&mut session.plan, kind, rng);
    }
}

impl Iterator for Generator {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = Vec::with_capacity(1024);
        if !self.write_line(&mut line) {
            return None;
        }
        line.pop();
        Some(line)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.clock.remaining());
        (left.unwrap_or(usize::MAX), left.ok())
    }
}
