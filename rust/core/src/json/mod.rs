//! Canonical JSON (RFC 8785): from text to canonical bytes, and reading canonical bytes.
//!
//! The hot path of recording and of verification, hence code of our own: general parsers
//! neither keep a number's literal (needed to keep its exact value) nor refuse duplicate
//! names, and the published canonicalisers cost 16-21 µs an event against about 1.

mod canonical;
mod number;
mod parse;
mod scan;
mod time;

#[cfg(test)]
mod tests;

pub use canonical::is_canonical;
pub(crate) use canonical::is_canonical_text;
pub(crate) use number::is_number_literal;
pub use number::{MAX_SAFE_INTEGER, write_f64, write_i64};
pub(crate) use parse::too_large;
pub use parse::{Canonicalizer, Limits};
pub use scan::{
    Elements, Members, cmp_names, elements, get, is_object, members, raw_name, string_value,
    write_string,
};
pub(crate) use scan::{string_end, value_end};
pub(crate) use time::{MAX_MICROS, period};
pub use time::{format_timestamp, parse_canonical_timestamp, parse_timestamp};
