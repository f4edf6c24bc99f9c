//! The record, its proof and its storage: everything of sealtrail that must be exact.

pub mod catalogue;
pub mod config;
pub mod demo;
mod error;
pub mod import;
pub mod keys;
pub mod merkle;
pub mod note;
pub mod storage;
pub mod wal;

pub use error::{Error, Result};
