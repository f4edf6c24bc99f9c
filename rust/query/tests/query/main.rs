//! Questions to small trails.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;
mod encrypted;
mod errors;
mod everywhere;
mod footers;
mod holding;
mod json;
mod model;
mod ordered;
mod records;
mod scopes;
mod search;
mod search_model;
mod sequences;
mod statements;
mod stopping;
mod types;
