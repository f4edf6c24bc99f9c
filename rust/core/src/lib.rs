//! The record, its proof and its storage: everything of sealtrail that must be exact.

pub mod catalogue;
pub mod columns;
pub mod config;
pub mod demo;
mod error;
pub mod import;
pub mod json;

pub use error::{Error, Result};
