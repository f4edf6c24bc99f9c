//! Sensitive values: what recognises them, and what is put in their place.
//!
//! A [`Redactor`] works on the canonical bytes of a record (or of an event that is about to become
//! one) and gives canonical bytes again, with a list of what it did. What it leaves holds nothing
//! that it would redact: redacting twice changes nothing.

mod config;
mod cover;
mod detect;
mod mark;
pub(crate) mod path;
mod rewrite;

#[cfg(test)]
mod corpus_tests;
#[cfg(test)]
mod tests;

pub use cover::RedactionKeys;
pub use detect::{Found, find};
pub(crate) use rewrite::{still_there, without_exact};

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::config::{Detector, RedactionAction};
use cover::Cover;
use path::Pattern;

/// What a value was, in markers and lists: the name of a detector, `field` for a configured path,
/// `secret` for a member whose name says that it holds one.
pub(crate) const FIELD: &str = "field";
/// See [`FIELD`].
pub(crate) const SECRET: &str = "secret";

/// One value that was redacted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redaction {
    /// What became of it: `mask`, `drop`, `hash` or `encrypt`.
    pub how: String,
    /// JSON Pointer (RFC 6901) of the value, as it is named afterwards.
    pub path: String,
    /// What was found: the name of a detector, `field` or `secret`.
    pub what: String,
}

/// A record without what is sensitive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted {
    /// Canonical JSON.
    pub json: Vec<u8>,
    /// What was redacted, sorted, each once.
    pub list: Vec<Redaction>,
}

/// Finds sensitive values in records and replaces them.
#[derive(Debug)]
pub struct Redactor {
    fields: Vec<(Pattern, RedactionAction)>,
    detectors: Vec<(Detector, RedactionAction)>,
    /// What becomes of members whose names say that they hold secrets.
    secrets: Option<RedactionAction>,
    cover: Cover,
}

impl Redactor {
    /// Redacts a record. `json` is canonical JSON; the time, type and version of a record stay.
    ///
    /// # Errors
    /// `InvalidEvent` if `json` is no JSON object; `Key` if the system's random source fails.
    pub fn redact(&self, json: &[u8]) -> Result<Redacted> {
        rewrite::redact(self, json, rewrite::Stage::Leaving)
    }

    /// As [`redact`](Self::redact), for an event that is about to be recorded: its id stays too.
    pub(crate) fn redact_event(&self, json: &[u8]) -> Result<Redacted> {
        rewrite::redact(self, json, rewrite::Stage::Recording)
    }

    /// The record with what was encrypted in the clear again, and how many values that were.
    ///
    /// # Errors
    /// `Key` without the key, or if a value was encrypted under another one; `InvalidEvent` if
    /// `json` is no JSON object.
    pub fn reveal(&self, json: &[u8]) -> Result<(Vec<u8>, usize)> {
        rewrite::reveal(&self.cover, json)
    }
}
