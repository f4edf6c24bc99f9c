//! The record, its proof and its storage: everything of sealtrail that must be exact.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod access;
pub mod anchors;
pub mod archive;
pub mod backup;
pub mod catalogue;
pub mod columns;
pub mod config;
pub mod demo;
pub mod encryption;
mod error;
pub mod evidence;
pub mod import;
pub mod json;
pub mod keys;
pub mod ledger;
pub mod merkle;
pub mod note;
pub mod pins;
pub mod proof;
pub mod record;
pub mod redact;
pub mod retention;
mod runtime;
pub mod segment;
pub mod storage;
pub mod subjects;
pub mod trail;
pub mod verify;
pub mod wal;

pub use error::{Error, Result};
pub use runtime::{query_runtime, runtime};
