//! How long records are kept: the policy, and what is due by it.

mod due;
mod holds;
mod in_force;
mod plan;
mod policy;

#[cfg(test)]
mod policy_tests;

pub use holds::Held;
pub use in_force::{Dates, Event, Explanation, InForce, Pinned, Voice};
pub use plan::{Action, Draft, Plan, Step, Why};
pub use policy::{Clock, Decided, Policy, Precedence, Rule, RuleName, Schedule, Tier};
