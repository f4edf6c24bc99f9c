//! `sealtrail redact`: JSON lines without what is sensitive.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use clap::Args;
use sealtrail_core::Error;
use sealtrail_core::json::{Canonicalizer, Limits};
use sealtrail_core::redact::Redactor;
use serde_json::json;

use super::refused;
use crate::failure::{EXIT_IO, Failure};
use crate::input::Source;
use crate::session::Session;
use crate::text::{count, grouped};

const AFTER_HELP: &str = "\
Examples:
  sealtrail search --since yesterday -o jsonl | sealtrail redact > for-support.jsonl
  sealtrail redact events.jsonl --list what.jsonl > events-redacted.jsonl
  sealtrail redact --reveal for-support.jsonl

What is looked for, and what becomes of it, is `redaction` of the configuration; without one, card
numbers, social security numbers, IBANs, e-mail addresses, telephone numbers, API keys and private
keys are masked. --list writes a line for each record that was changed: its line, and the path of
each value, what it was and how it was redacted. --reveal puts back what was encrypted, with the
trail's privacy key. Files may be plain, gzip or zstd.";

/// Mask, hash or encrypt what is sensitive in JSON lines
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Redact {
    /// Files of JSON lines; `-`, or none, is standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write what was redacted to this file, replacing it
    #[arg(long, value_name = "FILE", conflicts_with = "reveal")]
    list: Option<PathBuf>,
    /// Put back what was encrypted
    #[arg(long)]
    reveal: bool,
}

#[derive(Default)]
struct Total {
    lines: u64,
    values: u64,
    refused: u64,
}

impl Redact {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let sources = Source::all(session, &self.files)?;
        let redactor = self.redactor(session)?;
        let mut list = match &self.list {
            Some(path) => {
                let path = session.file(path);
                let file = std::fs::File::create(&path).map_err(|e| Failure::io(&path, e))?;
                Some(BufWriter::new(file))
            }
            None => None,
        };
        let mut total = Total::default();
        for source in &sources {
            self.source(session, source, &redactor, list.as_mut(), &mut total)?;
        }
        if let Some(list) = &mut list {
            list.flush()?;
        }
        let done = if self.reveal { "revealed" } else { "redacted" };
        let (lines, values) = (count(total.lines, "record"), count(total.values, "value"));
        session.note(format_args!("{lines}, {values} {done}"));
        if total.refused > 0 {
            session.note(format_args!("{} lines are no JSON objects", grouped(total.refused)));
            return Ok(EXIT_IO);
        }
        Ok(0)
    }

    fn redactor(&self, session: &mut Session<'_>) -> Result<Redactor, Failure> {
        if self.reveal {
            return Ok(session.open()?.revealer()?);
        }
        let loaded = session.config()?;
        let config = &loaded.config.redaction;
        let redactor = if config.needs_key() {
            session.open()?.redactor(Some(false))?
        } else {
            Redactor::from_config(config, Some(false), None)?
        };
        redactor.ok_or_else(|| Failure::usage("nothing is to be redacted"))
    }

    fn source(
        &self,
        session: &mut Session<'_>,
        source: &Source,
        redactor: &Redactor,
        mut list: Option<&mut BufWriter<std::fs::File>>,
        total: &mut Total,
    ) -> Result<(), Failure> {
        let input = source.open(session, &Arc::new(AtomicU64::new(0)))?;
        let mut canonical = Canonicalizer::default();
        for (number, line) in (1..).zip(BufReader::new(input).split(b'\n')) {
            let line = line.map_err(|e| Failure::io(source.name(), e))?;
            if line.trim_ascii().is_empty() {
                continue;
            }
            if session.cancel.is_cancelled() {
                return Err(Error::Interrupted.into());
            }
            total.lines += 1;
            let limits = Limits { max_bytes: usize::MAX, ..Limits::default() };
            let parsed = canonical.object(&line, limits);
            let done = parsed.and_then(|(object, _)| {
                if self.reveal {
                    let (json, values) = redactor.reveal(object)?;
                    return Ok((json, values as u64, Vec::new()));
                }
                let redacted = redactor.redact(object)?;
                Ok((redacted.json, redacted.list.len() as u64, redacted.list))
            });
            match done {
                Ok((json, values, redactions)) => {
                    total.values += values;
                    session.out.write_all(&json)?;
                    session.out.write_all(b"\n")?;
                    if let Some(list) = &mut list
                        && values > 0
                    {
                        let told = json!({ "line": number, "redactions": redactions });
                        writeln!(list, "{told}")?;
                    }
                }
                Err(error @ Error::InvalidEvent { .. }) => {
                    total.refused += 1;
                    refused::tell(session, source.name(), number, "", &error.to_string());
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
