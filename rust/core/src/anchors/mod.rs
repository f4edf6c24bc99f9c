//! Copies of checkpoints in other places (FORMAT section 12): whoever holds the trail's store, and
//! not these too, cannot cut it or replace it unseen.

mod list;
mod place;
mod publish;
pub mod stamp;

#[cfg(test)]
mod tests;

pub use list::{Anchor, AnchorKind, Anchors};
pub use place::Held;
pub(crate) use publish::Publisher;
pub use publish::{AnchorState, publish_intent};
