//! `sealtrail demo`: the whole story in a minute, or generated events for other uses.

mod generate;
mod story;
mod tamper;

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::Args;
use sealtrail_core::demo::{Generator, Options};

use crate::failure::Failure;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  sealtrail demo
  sealtrail demo --events 1000000 --dir ./demo
  sealtrail demo --events 1000 --jsonl - | head -3
  sealtrail demo --events 1000000 --end 2026-07-01T00:00:00Z --jsonl events.jsonl

The story: make a trail, record generated events, ask questions in SQL, verify, tamper with a copy,
verify again. It uses keys and folders of its own. The exit code is 4 if something tampered with is
not found, or something sound is.";

/// Show everything on generated events
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Demo {
    /// How many events to generate
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    events: u64,
    /// Folder for trail, keys and events, empty or not there yet. Otherwise a
    /// new one among the temporary files
    #[arg(long, value_name = "FOLDER", conflicts_with = "jsonl", verbatim_doc_comment)]
    dir: Option<PathBuf>,
    /// Only generate events, as JSON lines in this file; - is standard output
    #[arg(long, value_name = "FILE")]
    jsonl: Option<PathBuf>,
    /// The same seed and --end give the same events
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The events cover the 90 days up to this time (RFC 3339); otherwise now
    #[arg(long, value_name = "TIME")]
    end: Option<DateTime<Utc>>,
    /// Events of types and fields that the catalogue does not have
    #[arg(long)]
    foreign: bool,
}

impl Demo {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let options = Options {
            seed: self.seed,
            foreign: self.foreign,
            ..Options::new(self.events, self.end.unwrap_or_else(Utc::now))
        };
        let generator = Generator::new(options)?;
        match self.jsonl {
            Some(path) => generate::print(session, generator, self.events, &path).map(|()| 0),
            None => story::tell(session, generator, self.events, self.dir),
        }
    }
}
