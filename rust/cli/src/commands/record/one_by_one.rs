//! Recording through the write-ahead log, without a commit.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::ProgressBar;
use sealtrail_core::Error;
use sealtrail_core::record::Strictness;
use sealtrail_core::trail::{LoadReport, RefusedLine, Trail};

use crate::failure::Failure;
use crate::input::Source;
use crate::session::Session;

/// Lines that wait for the disk together, at most.
const TOGETHER: usize = 1024;
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
        let mut lines = Lines { input, number: 0 };
        let mut report = LoadReport::default();
        loop {
            let batch = lines.batch().map_err(|error| Failure::io(name, error))?;
            if batch.is_empty() {
                return Ok::<_, Failure>(report);
            }
            record_batch(trail, batch, strictness, &mut report).await?;
            bar.set_position(before + read.load(Ordering::Relaxed));
        }
    })
}

/// Records lines that wait for the disk together.
async fn record_batch(
    trail: &Trail,
    batch: Vec<Line>,
    strictness: Strictness,
    report: &mut LoadReport,
) -> Result<(), Failure> {
    let (mut numbers, mut events) = (Vec::new(), Vec::new());
    for Line { number, text } in batch {
        report.lines += 1;
        match text {
            Some(text) => {
                numbers.push(number);
                events.push(text);
            }
            None => {
                let message = format!("longer than {MAX_LINE} bytes");
                note(report, number, Err(Error::event("too_large", "", message)))?;
            }
        }
    }
    let results = trail.record_batch(&events, strictness).await?;
    for (number, result) in numbers.into_iter().zip(results) {
        note(report, number, result)?;
    }
    Ok(())
}

/// Counts what became of a line; an error that is not the line's own ends everything.
fn note(
    report: &mut LoadReport,
    number: u64,
    result: Result<String, Error>,
) -> Result<(), Failure> {
    let (path, reason, message) = match result {
        Ok(_) => {
            report.recorded += 1;
            return Ok(());
        }
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

impl<R: Read> Lines<BufReader<R>> {
    /// The next lines that are not blank, as many as are there without waiting for more; none at
    /// the end.
    fn batch(&mut self) -> std::io::Result<Vec<Line>> {
        let mut batch = Vec::new();
        while batch.is_empty() || batch.len() < TOGETHER && self.input.buffer().contains(&b'\n') {
            let Some(line) = self.read()? else { break };
            if !line.text.as_ref().is_some_and(|text| text.iter().all(u8::is_ascii_whitespace)) {
                batch.push(line);
            }
        }
        Ok(batch)
    }
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
