//! Standard output and standard error, and the forms in which data is printed.

use std::io::{self, ErrorKind, Write};

use clap::ValueEnum;

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// Aligned text, for people.
    Table,
    /// One JSON document, for programs.
    Json,
}

/// An output stream that remembers whether its reader went away and, for people, shows control
/// characters instead of obeying them: events hold whatever an attacker could make an agent say,
/// and a terminal must not act on it.
pub(crate) struct Stream<'a> {
    inner: Box<dyn Write + Send + 'a>,
    for_people: bool,
    /// The first byte of a C1 control character (two bytes in UTF-8) may be the last one written.
    pending: bool,
    broken: bool,
}

impl<'a> Stream<'a> {
    pub(crate) fn new(inner: Box<dyn Write + Send + 'a>, for_people: bool) -> Self {
        Self { inner, for_people, pending: false, broken: false }
    }

    /// From now on control characters are shown, wherever the stream leads.
    pub(crate) fn show_controls(&mut self) {
        self.for_people = true;
    }

    /// Whether the reader went away.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Writes what is still held back.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.pending) {
            self.pass(&[C1])?;
        }
        self.flush()
    }

    fn pass(&mut self, bytes: &[u8]) -> io::Result<()> {
        let result = self.inner.write_all(bytes);
        self.noted(result)
    }

    fn noted<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result {
            self.broken |= error.kind() == ErrorKind::BrokenPipe;
        }
        result
    }
}

/// The first byte of U+0080 to U+00BF in UTF-8.
const C1: u8 = 0xc2;

impl Write for Stream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.for_people {
            self.pass(bytes)?;
            return Ok(bytes.len());
        }
        let mut start = 0;
        for (position, &byte) in bytes.iter().enumerate() {
            if std::mem::take(&mut self.pending) {
                if matches!(byte, 0x80..=0x9f) {
                    self.pass(format!("\\u00{byte:02x}").as_bytes())?;
                    start = position + 1;
                    continue;
                }
                self.pass(&[C1])?;
            }
            match byte {
                C1 => {
                    self.pass(&bytes[start..position])?;
                    self.pending = true;
                    start = position + 1;
                }
                b'\n' | b'\t' | 0x20..=0x7e | 0x80.. => {}
                _ => {
                    self.pass(&bytes[start..position])?;
                    self.pass(format!("\\u00{byte:02x}").as_bytes())?;
                    start = position + 1;
                }
            }
        }
        self.pass(&bytes[start..])?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.inner.flush();
        self.noted(result)
    }
}

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
