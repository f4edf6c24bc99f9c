//! Who looked: each question leaves a `system.audit_access` record of its intent before its first
//! row, and one of its outcome after its last.
//!
//! Whoever answers a question takes a view of the trail first, so that nobody sees their own
//! question in its answer, then calls [`Trail::ask`](crate::trail::Trail::ask), and gives rows
//! only after that. The [`Access`] that it gives counts the rows and records the outcome, at the
//! latest when it is dropped. What the library reads for itself is not recorded.
//!
//! A record is synced before the call returns, and then waits in the write-ahead log for the next
//! commit: a question causes none. A reader who cannot write to the trail has an access trail of
//! their own in [`Home::access_dir`](crate::config::Home::access_dir), made at its first use with a
//! key of its own.

mod events;
mod reader;

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

pub use crate::config::{AccessPolicy, PurposePolicy};
pub use crate::trail::{Access, Ended, Rows, ask_apart};
pub(crate) use events::{Outcome, Status, intent, outcome};
pub use reader::{Door, Reader};

use crate::config::Config;
use crate::{Error, Result};

/// The event type of the records of who looked.
pub const EVENT_TYPE: &str = "system.audit_access";
/// Goes before the configured policy, but does not undo `required`.
pub const POLICY_VARIABLE: &str = "SEALTRAIL_ACCESS_AUDIT";
/// Says what questions are for where the caller does not.
pub const PURPOSE_VARIABLE: &str = "SEALTRAIL_PURPOSE";

/// Whether it is recorded who looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AccessSettings {
    /// What happens when it cannot be recorded.
    pub policy: AccessPolicy,
    /// Whether a purpose must be given.
    pub purpose: PurposePolicy,
}

impl AccessSettings {
    /// Those of a configuration.
    pub fn from_config(config: &Config) -> Self {
        let audit = &config.trail.access_audit;
        Self { policy: audit.policy, purpose: audit.purpose }
    }

    /// With what SEALTRAIL_ACCESS_AUDIT says.
    ///
    /// # Errors
    /// `Usage` if that is none of `required`, `best_effort` and `off`.
    pub fn with_env(self, env: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let Some(word) = env(POLICY_VARIABLE).filter(|word| !word.is_empty()) else {
            return Ok(self);
        };
        let policy = match word.as_str() {
            "required" => AccessPolicy::Required,
            "best_effort" => AccessPolicy::BestEffort,
            "off" => AccessPolicy::Off,
            _ => {
                return Err(Error::Usage(format!(
                    "{POLICY_VARIABLE} is required, best_effort or off, not {word:?}"
                )));
            }
        };
        let stays = self.policy == AccessPolicy::Required;
        Ok(if stays { self } else { Self { policy, ..self } })
    }
}

/// What somebody wants to know.
#[derive(Debug, Clone)]
pub struct Question {
    /// How the trail is read: `sql`, `get`, `prove`, `verify`, ...
    pub access_type: &'static str,
    /// Who asks, and from where.
    pub reader: Reader,
    /// The statement, if it is one.
    pub query: Option<String>,
    /// Ids, filters and parameters.
    pub filters: Map<String, Value>,
    /// What for.
    pub purpose: Option<String>,
    /// Number of ledger entries of the view that answers it.
    pub ledger_size: u64,
}

impl Question {
    /// A question without details, of a view with so many ledger entries.
    pub fn new(access_type: &'static str, reader: Reader, ledger_size: u64) -> Self {
        Self { access_type, reader, query: None, filters: Map::new(), purpose: None, ledger_size }
    }

    /// With a statement.
    #[must_use]
    pub fn query(mut self, text: impl Into<String>) -> Self {
        self.query = Some(text.into());
        self
    }

    /// With an id, filter or parameter. `null` stands for none, and is left out.
    #[must_use]
    pub fn filter(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        if !value.is_null() {
            self.filters.insert(name.to_owned(), value);
        }
        self
    }

    /// With what it is for; empty text is none.
    #[must_use]
    pub fn purpose(mut self, purpose: Option<String>) -> Self {
        self.purpose = purpose.filter(|text| !text.trim().is_empty());
        self
    }

    /// Refuses a question without a purpose where the policy wants one.
    pub(crate) fn demand_purpose(&self, settings: AccessSettings) -> Result<()> {
        if settings.purpose == PurposePolicy::Required && self.purpose.is_none() {
            let message = format!(
                "what is this question for? The configuration (audit.trail.access_audit.purpose) \
                 wants to know: --purpose TEXT, {PURPOSE_VARIABLE}, or purpose= in Python"
            );
            return Err(Error::Usage(message));
        }
        Ok(())
    }
}
