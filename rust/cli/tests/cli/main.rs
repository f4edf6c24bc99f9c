//! The command line from its arguments to its exit code, one module for each command.
#![allow(clippy::unwrap_used, clippy::panic)]

mod access;
mod anchor;
mod config;
mod demo;
mod events;
mod export;
mod ground;
mod import;
mod init;
mod jobs;
mod keys;
mod pin;
mod program;
mod proof;
mod reading;
mod real;
mod record;
mod runs;
mod search;
mod sequence;
mod sql;
mod tail;
mod trace_chain;
mod verify;
