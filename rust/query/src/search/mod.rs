//! Search: what happened, found by what is known about it.
//!
//! A [`Filter`] says what is searched for in terms of logical fields, each of which stands for
//! every path where records tell that fact; it becomes a condition over the view `events`.

pub(crate) mod condition;
mod expression;
mod fields;
mod filter;
mod pattern;
pub mod times;

pub use fields::{FIELDS, FieldKind, LogicalField, Place, field, markdown_table};
pub use filter::Filter;
pub(crate) use pattern::{Matcher, Pattern, address_in};
pub use times::Window;
