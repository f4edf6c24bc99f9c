//! Search: what happened, found by what is known about it.
//!
//! A [`Filter`] says what is searched for in terms of logical fields, each of which stands for
//! every path where records tell that fact; it becomes a condition over the view `events`.

pub(crate) mod condition;
mod explain;
mod expression;
mod fields;
mod filter;
mod inventory;
mod nested;
mod order;
mod pattern;
pub(crate) mod pick;
pub(crate) mod run;
pub(crate) mod slices;
pub(crate) mod summary;
pub mod times;
mod who;

pub(crate) use condition::time_literal;
pub use explain::Cost;
pub use fields::{FIELDS, FieldKind, LogicalField, Place, field, markdown_table};
pub use filter::Filter;
pub use inventory::{FieldUse, Inventory};
pub use nested::{Nesting, nested_records, write_nested};
pub use order::Order;
pub(crate) use pattern::{Matcher, Pattern, address_in};
pub use pick::Form;
pub use run::{Found, Reached, Search};
pub use summary::{Group, Summary};
pub use times::Window;
pub use who::{Failure, List, Page};
