//! Questions to small trails.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;
mod errors;
mod json;
mod records;
mod stopping;
