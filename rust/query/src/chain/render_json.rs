//! The JSON of a chain.

use super::model::Trace;
use crate::error::{QueryError, Result};

impl Trace {
    /// The whole trace as one JSON object; `indented` for people. The members are those of the
    /// types of this module.
    ///
    /// # Errors
    /// `Output` if a value has no JSON form, which none has.
    pub fn to_json(&self, indented: bool) -> Result<String> {
        let text =
            if indented { serde_json::to_string_pretty(self) } else { serde_json::to_string(self) };
        text.map_err(|error| QueryError::Output(error.to_string()))
    }
}
