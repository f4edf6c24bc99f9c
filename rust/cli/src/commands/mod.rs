//! One file for each command; each is a thin call of the libraries.

pub(crate) mod anchor;
pub(crate) mod check_proof;
pub(crate) mod checkpoint;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod events;
pub(crate) mod fields;
pub(crate) mod get;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod jobs;
pub(crate) mod keys;
pub(crate) mod man;
pub(crate) mod pin;
pub(crate) mod prove;
pub(crate) mod record;
pub(crate) mod refused;
pub(crate) mod search;
pub(crate) mod sql;
pub(crate) mod stats;
pub(crate) mod tail;
pub(crate) mod trace_chain;
pub(crate) mod verify;
pub(crate) mod who;
