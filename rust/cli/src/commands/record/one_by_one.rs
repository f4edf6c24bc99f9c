//! Recording through the write-ahead log, without a commit.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::StreamExt;
use indicatif::ProgressBar;
use sealtrail_core::Error;
use sealtrail_core::record::Strictness;
use sealtrail_core::trail::{LoadReport, RefusedLine, Trail};

use crate::failure::Failure;
use crate::input::Source;
use crate::session::Session;

/// Calls that wait for the disk together.
const TOGETHER: usize = 64;
/// Refused lines of a source that are listed, as a bulk load lists them.
const MAX_LISTED: usize = 1000;
/// A line longer than this is no event within any limit that can be configured.
const MAX_LINE: u64 = 64 << 20;

/// One line of the source, without its end; `None` if it is longer than any event may be.
struct Line {
    number: u64,
    text: Option<Vec<u8>>,
}

/// Records every line of the source by itself.
pub(super) fn record(
    session: &mut Session<'_>,
    trail: &Trail,
    source: &Source,
    strictness: Strictness,
    bar: &ProgressBar,
) -> Result<LoadReport, Failure> {
    let read = Arc::new(AtomicU64::new(0));
    let before = bar.position();
    let input = BufReader::with_capacity(1 << 18, source.open(session, &read)?);
    let name = source.name();
    session.wait(async {
        let lines = Lines { input, number: 0 };
        let mut outcomes = std::pin::pin!(
            futures::stream::iter(lines)
                .map(|line| async move {
                    let line = line.map_err(|error| Failure::io(name, error))?;
                    Ok::<_, Failure>((line.number, one(trail, line.text, strictness).await))
                })
                .buffered(TOGETHER)
        );
        let mut report = LoadReport::default();
        while let Some(outcome) = outcomes.next().await {
            let (number, result) = outcome?;
            note(&mut report, number, result)?;
            bar.set_position(before + read.load(Ordering::Relaxed));
        }
        Ok::<_, Failure>(report)
    })
}

async fn one(
    trail: &Trail,
    text: Option<Vec<u8>>,
    strictness: Strictness,
) -> Result<Option<String>, Error> {
    match text {
        Some(text) if text.iter().all(u8::is_ascii_whitespace) => Ok(None),
        Some(text) => trail.record(&text, strictness).await.map(Some),
        None => Err(Error::event("too_large", "", format!("longer than {MAX_LINE} bytes"))),
    }
}

/// Counts what became of a line; an error that is not the line's own ends everything.
fn note(
    report: &mut LoadReport,
    number: u64,
    result: Result<Option<String>, Error>,
) -> Result<(), Failure> {
    report.lines += 1;
    let (path, reason, message) = match result {
        Ok(Some(_)) => {
            report.recorded += 1;
            return Ok(());
        }
        Ok(None) => return Ok(()),
        Err(Error::InvalidEvent { reason, path, message }) => (path, reason, message),
        Err(error @ Error::Conflict { .. }) => {
            ("audit_id".to_owned(), "conflict", error.to_string())
        }
        Err(error) => return Err(error.into()),
    };
    report.refused += 1;
    if report.problems.len() < MAX_LISTED {
        report.problems.push(RefusedLine { line: number, path, reason: reason.into(), message });
    }
    Ok(())
}

struct Lines<R> {
    input: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    fn read(&mut self) -> std::io::Result<Option<Line>> {
        let mut text = Vec::new();
        if self.input.by_ref().take(MAX_LINE).read_until(b'\n', &mut text)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let ended = text.pop_if(|last| *last == b'\n').is_some();
        if !ended && text.len() as u64 == MAX_LINE {
            self.skip()?;
            return Ok(Some(Line { number: self.number, text: None }));
        }
        Ok(Some(Line { number: self.number, text: Some(text) }))
    }

    /// Reads up to the end of the line.
    fn skip(&mut self) -> std::io::Result<()> {
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok(());
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let length = end.map_or(buffer.len(), |end| end + 1);
            self.input.consume(length);
            if end.is_some() {
                return Ok(());
            }
        }
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = std::io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}
