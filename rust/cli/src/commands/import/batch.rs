//! Events on their way into the trail, recorded many files at a time so that each commit is worth
//! a segment.

use std::io::Cursor;
use std::rc::Rc;

use sealtrail_core::import::SourceEvent;
use sealtrail_core::trail::{LoadOptions, Trail};
use sealtrail_core::{Error, record};

use super::{Total, refused};
use crate::failure::Failure;
use crate::session::Session;

/// Bytes of JSON that are recorded together.
const FULL: usize = 64 << 20;

/// JSON lines, and where each comes from.
#[derive(Debug, Default)]
pub(super) struct Batch {
    lines: Vec<u8>,
    origins: Vec<(Rc<str>, u64)>,
}

impl Batch {
    pub(super) fn push(&mut self, file: &str, event: &SourceEvent) -> Result<(), Failure> {
        serde_json::to_writer(&mut self.lines, &event.event)
            .map_err(|error| Error::encoding(file, error))?;
        self.lines.push(b'\n');
        let file = match self.origins.last() {
            Some((last, _)) if &**last == file => Rc::clone(last),
            _ => file.into(),
        };
        self.origins.push((file, event.line));
        Ok(())
    }

    pub(super) fn is_full(&self) -> bool {
        self.lines.len() >= FULL
    }

    /// Records and commits the events, and is empty afterwards.
    pub(super) fn record(
        &mut self,
        session: &mut Session<'_>,
        trail: &Trail,
        total: &mut Total,
    ) -> Result<(), Failure> {
        let Self { lines, origins } = std::mem::take(self);
        if origins.is_empty() {
            return Ok(());
        }
        let options = LoadOptions {
            imported: true,
            strictness: record::Strictness::Lenient,
            cancel: session.cancel.flag(),
            ..LoadOptions::default()
        };
        let report = session.wait(trail.load(Box::new(Cursor::new(lines)), &options))?;
        let mut last = "";
        for problem in &report.problems {
            let index = usize::try_from(problem.line).unwrap_or(0).saturating_sub(1);
            if let Some((file, line)) = origins.get(index) {
                refused::tell(session, file, *line, &problem.path, &problem.message);
                last = file;
            }
        }
        refused::tell_unlisted(session, last, report.refused, report.problems.len());
        total.refused += report.refused;
        total.new -= report.refused + report.repeated;
        Ok(())
    }
}
