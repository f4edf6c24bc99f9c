//! Events on their way to a bulk load, one JSON text a line.

use pyo3::prelude::*;
use sealtrail_core::Error;
use sealtrail_core::trail::{LoadReport, RefusedLine};

use crate::encode::{self, Refusal};

/// Refused events that a report names; the others are counted. As many as the core names.
const MAX_PROBLEMS: usize = 10_000;

/// Text of events, and what could not become text.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    text: Vec<u8>,
    line: u64,
    refused: u64,
    problems: Vec<RefusedLine>,
}

impl Lines {
    /// Adds an event. One that is no JSON leaves a blank line, so that lines keep their numbers.
    ///
    /// # Errors
    /// Only what is no `Exception`, such as `KeyboardInterrupt`.
    pub(crate) fn push(&mut self, event: &Bound<'_, PyAny>) -> PyResult<()> {
        self.push_with(|out| encode::event(event, out))
    }

    /// Adds what `write` writes.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub(crate) fn push_with(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), Refusal>,
    ) -> PyResult<()> {
        let from = self.text.len();
        self.line += 1;
        if let Err(refusal) = write(&mut self.text) {
            self.text.truncate(from);
            let error = refusal.into_error()?;
            self.refuse(error);
        }
        self.text.push(b'\n');
        Ok(())
    }

    fn refuse(&mut self, error: Error) {
        self.refused += 1;
        let Error::InvalidEvent { reason, path, message } = error else { return };
        if self.problems.len() < MAX_PROBLEMS {
            let reason = reason.to_owned();
            self.problems.push(RefusedLine { line: self.line, path, reason, message });
        }
    }

    /// Bytes of text that were not taken yet.
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// The text so far; numbering goes on.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.text)
    }

    /// Adds to a load's report what never reached it.
    pub(crate) fn add_to(self, report: &mut LoadReport) {
        report.lines += self.refused;
        report.refused += self.refused;
        report.problems.extend(self.problems);
        report.problems.sort_by_key(|problem| problem.line);
        report.problems.truncate(MAX_PROBLEMS);
    }
}
