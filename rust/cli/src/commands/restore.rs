//! `sealtrail restore-from-archive`: records of a time, wherever they are, brought back.

use std::io::Write;
use std::sync::Arc;

use clap::Args;
use sealtrail_core::Error;
use sealtrail_core::storage::Storage;
use sealtrail_core::trail::{self, InitOptions, TRAIL_FILE, Trail};
use sealtrail_query::export::restore::{Restore, Restored, Target};
use sealtrail_query::search::Window;

use super::compact::json;
use crate::failure::{EXIT_NO_MATCH, Failure};
use crate::filter::now;
use crate::output::ReportFormat;
use crate::progress;
use crate::session::Session;
use crate::text::{aligned, bytes, count, grouped};

const AFTER_HELP: &str = "\
Examples:
  sealtrail restore-from-archive --start-date 2025-01-01 --end-date 2025-03-31 --destination q1.jsonl
  sealtrail restore-from-archive --start-date 2025-01-01 --destination since.parquet
  sealtrail restore-from-archive --end-date 2024-12-31 --destination ./case-17

What is still in hot storage is restored with the rest. Each record is checked on the way: its file
is the one that the ledger names, it is under the root of its batch, and the batch in the entry that
introduced it; at the first that is not, nothing more is restored.

A .jsonl file gets the canonical records, one a line; a .parquet file the columns of an export.
Anything else is the folder or URL of another trail, made if there is none: records are recorded
there anew, once each however often this runs, with their audit_id and timestamp; `restored` has the
recorded_at that they had and the trail that they are from.

--start-date and --end-date are times as --since of a search takes them; a date as --end-date means
the whole day. Records that no entry commits yet are not restored, and counted.";

/// Bring records of a time back from archives and hot storage, checked
#[derive(Debug, Args)]
#[command(name = "restore-from-archive", after_help = AFTER_HELP)]
pub(crate) struct RestoreFromArchive {
    /// Records with this timestamp or later
    #[arg(long, value_name = "TIME")]
    start_date: Option<String>,
    /// Records up to this day, or before this time
    #[arg(long, value_name = "TIME")]
    end_date: Option<String>,
    /// A .jsonl or .parquet file, or the folder or URL of another trail
    #[arg(long, value_name = "FILE|TRAIL")]
    destination: String,
    /// Replace a file that is there
    #[arg(long)]
    replace: bool,
    /// Otherwise table on a terminal, json elsewhere
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<ReportFormat>,
}

impl RestoreFromArchive {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let format = session.report_format(self.output);
        let window = Window::of_days(self.start_date.as_deref(), self.end_date.as_deref(), now())?;
        if !window.is_everything() {
            session.note(format_args!("{window}"));
        }
        let trail = session.open()?;
        let name = session.placed(&self.destination);
        let target = Target::of(&name, |url| other_trail(session, url))?;
        let question = session.question("restore", session.wait(trail.view())?.size());
        let question = question
            .filter("start_date", self.start_date.clone())
            .filter("end_date", self.end_date.clone())
            .filter("destination", self.destination.clone());
        let rows = session.ask(&trail, question)?;
        let restore = Restore { window, replace: self.replace, cancel: session.cancel.flag() };
        let bar = progress::over_items(session.stderr_is_terminal, 0, "records");
        let shown = bar.clone();
        let watch = Arc::new(move |done: u64, of: u64| {
            shown.set_length(of);
            shown.set_position(done);
        });
        let restored = session.wait(restore.run(&trail, &target, watch));
        bar.finish_and_clear();
        if let Target::Trail(other) = &target {
            session.wait(other.close(true))?;
        }
        let restored = restored?;
        rows.set(restored.records);
        match format {
            ReportFormat::Json => json(session, &restored)?,
            ReportFormat::Table => write!(session.out, "{}", told(&restored))?,
        }
        Ok(if restored.records == 0 { EXIT_NO_MATCH } else { 0 })
    }
}

/// Opens the trail that records go to, and makes it if there is none.
fn other_trail(session: &mut Session<'_>, url: &str) -> Result<Trail, Failure> {
    let storage = Storage::open(url)?;
    let there = session.wait(async { Ok::<_, Failure>(storage.size(TRAIL_FILE).await) })?;
    match there {
        Ok(_) => {}
        Err(Error::NotFound(_)) => {
            let (home, passphrase) = (session.home()?, session.passphrase());
            let options = InitOptions { passphrase, ..InitOptions::new(home) };
            session.wait(trail::init(url, &options))?;
        }
        Err(e) => return Err(e.into()),
    }
    session.open_at(url.to_owned(), |_| {})
}

fn told(restored: &Restored) -> String {
    let mut rows = vec![
        ["restored".to_owned(), count(restored.records, "record")],
        [
            "from".to_owned(),
            format!(
                "{} in archives, {} in hot storage; {}",
                grouped(restored.from_archive),
                grouped(restored.from_hot),
                count(restored.segments, "segment")
            ),
        ],
    ];
    if let (Some(size), Some(sha256)) = (restored.bytes, &restored.sha256) {
        rows.push(["file".to_owned(), format!("{}, sha256 {sha256}", bytes(size))]);
    }
    if let (Some(recorded), Some(repeated)) = (restored.recorded, restored.repeated) {
        let refused = restored.refused.len() as u64;
        rows.push([
            "recorded".to_owned(),
            format!(
                "{} anew, {} were there, {} refused",
                grouped(recorded),
                grouped(repeated),
                grouped(refused)
            ),
        ]);
    }
    if restored.unsealed > 0 {
        let left = count(restored.unsealed, "record");
        rows.push(["left out".to_owned(), format!("{left} that no entry commits yet")]);
    }
    aligned("", &rows)
}
