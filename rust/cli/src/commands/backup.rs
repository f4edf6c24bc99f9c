//! `sealtrail backup`: a second copy of the trail, and the trail from it.

mod forget;
mod report;

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use sealtrail_core::backup::{
    self, BackupOptions, BackupProgress, BackupReport, CopyReport, Doer, RestoreOptions,
};
use sealtrail_core::config::BackupConfig;
use sealtrail_core::keys::MasterKey;
use sealtrail_core::pins::Pins;
use sealtrail_core::runtime;
use sealtrail_core::trail::Trail;
use sealtrail_core::verify::{Level, Options, Pinning, Progress};
use serde_json::json;

use forget::Forget;
use report::status_table;
pub(super) use report::told;

use super::compact::json as print_json;
use super::verify::print;
use super::verify::trust::{self, Keys};
use crate::failure::Failure;
use crate::output::ReportFormat;
use crate::progress;
use crate::session::Session;
use crate::text::{bytes, count, grouped, seconds};

const AFTER_HELP: &str = "\
Examples:
  sealtrail backup run --copy s3://other-account/audit-copy --copy-key file:/etc/audit/copy.key
  sealtrail backup status
  sealtrail backup verify
  sealtrail backup verify --quick
  sealtrail backup run --repair
  sealtrail backup list
  sealtrail backup forget copy-0f3a9b1c5d7e2468 --reason \"the disk is lost\" --approver ops --dry-run
  sealtrail backup restore --destination ./audit

The copy is sealed under a data key of its own, which the master key given with --copy-key wraps: 32
bytes, as they are or in base64 (openssl rand -base64 32). Without that key the copy cannot be read,
and the trail needs its own keys besides. `run` copies what the copy lacks, then says what it is
complete up to, then removes what retention removed and destroys keys of erased subjects; it can be
stopped anywhere. `verify` needs neither the trail nor its host: every object is opened, and the
trail in the copy verified; --quick without a key looks at names, lengths and what the copy says.
`run --repair` reads every object of the copy, too, and puts those anew that are damaged or missing,
where the trail's bytes are what the ledger says; it exits with 4 if some are lost in both.
`restore` makes the trail anew in an empty place. Copies are named in the trail: an erasure is
pending until each has destroyed the key, or the owner has said with `forget` that a copy is lost or
no longer kept. Runs that did something and restores are recorded (system.backup, system.restore).";

/// Keep a second, separately encrypted copy of the trail, and restore from it
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP, arg_required_else_help = true)]
pub(crate) struct Backup {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    place: Place,
    /// Otherwise table on a terminal, json elsewhere
    #[arg(short, long, value_name = "FORMAT", global = true)]
    output: Option<ReportFormat>,
}

#[derive(Debug, Args)]
pub(super) struct Place {
    /// The copy, a folder or URL of its own; otherwise
    /// audit.integrity.audit_log_backup.destination of the configuration
    #[arg(long, value_name = "URL", global = true, verbatim_doc_comment)]
    copy: Option<String>,
    /// The copy's master key: file:PATH, env:NAME, command:COMMAND or
    /// aws-kms:KEY; otherwise audit.integrity.audit_log_backup.key of the configuration
    #[arg(long, value_name = "KEY", global = true, verbatim_doc_comment)]
    copy_key: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Bring the copy up to date
    Run {
        /// Objects copied at a time
        #[arg(
            long, value_name = "N", default_value_t = 8,
            value_parser = clap::value_parser!(u16).range(1..=256)
        )]
        parallel: u16,
        /// Read every object of the copy, and put those anew from the trail that
        /// are damaged or missing; exit with 4 if the trail has lost some, too
        #[arg(long, verbatim_doc_comment)]
        repair: bool,
    },
    /// List the copies that the trail knows of
    List,
    /// Give up a copy that is lost or no longer kept: erasures wait for it no more
    Forget(Forget),
    /// Print what the copy says it has, and how far the trail is ahead; needs no key
    Status,
    /// Check the copy itself, without the trail, and say up to which entry it reaches
    Verify {
        /// Signatures and hashes, not every record; without a master key only names,
        /// lengths and what the copy says
        #[arg(long, verbatim_doc_comment)]
        quick: bool,
        /// The owner's public key, or a file that holds it
        #[arg(long, value_name = "VKEY|FILE")]
        key: Option<String>,
        /// The owner's secret key, to check HMACs and epoch seals too: a file,
        /// env:NAME (a variable that holds it) or cmd:COMMAND (which prints it)
        #[arg(long, value_name = "KEY", verbatim_doc_comment)]
        owner_key: Option<String>,
        /// Neither compare with what was seen before nor remember what is seen now
        #[arg(long)]
        no_pin: bool,
        /// Exit with 4 (UNANCHORED) if there is no pin to compare with
        #[arg(long, conflicts_with = "no_pin")]
        require_pin: bool,
    },
    /// Make the trail anew from the copy
    Restore {
        /// Where to: an empty folder or URL, or one where a restore was broken off
        #[arg(long, value_name = "URL")]
        destination: String,
        /// Objects restored at a time
        #[arg(
            long, value_name = "N", default_value_t = 8,
            value_parser = clap::value_parser!(u16).range(1..=256)
        )]
        parallel: u16,
    },
    /// Let another master key open the copy, too
    AddKey {
        /// The other key: file:PATH, env:NAME, command:COMMAND or aws-kms:KEY
        #[arg(long, value_name = "KEY")]
        new_key: String,
    },
}

impl Backup {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let format = session.report_format(self.output);
        let place = self.place;
        match self.action {
            Action::Run { parallel, repair } => {
                let trail = session.open()?;
                let result = run(session, &trail, &place, (usize::from(parallel), repair));
                session.wait(trail.close(true))?;
                let (report, elapsed) = result?;
                match format {
                    ReportFormat::Json => print_json(session, &report)?,
                    ReportFormat::Table => {
                        write!(session.out, "{}", report::mended(&report))?;
                        writeln!(session.out, "{}", told(&report, elapsed))?;
                    }
                }
                Ok(if report.lost.is_empty() { 0 } else { 4 })
            }
            Action::List => forget::list(session, format),
            Action::Forget(forget) => forget.run(session, format),
            Action::Status => status(session, &place, format),
            Action::Verify { quick, key, owner_key, no_pin, require_pin } => {
                let keys = Keys { key: key.as_deref(), owner_key: owner_key.as_deref() };
                let pins = if no_pin { None } else { Some(Pins::of(&session.home()?)) };
                let pinning = Pinning { pins, require: require_pin, ..Pinning::default() };
                verify(session, &place, quick, &keys, &pinning, format)
            }
            Action::Restore { destination, parallel } => {
                restore(session, &place, &destination, usize::from(parallel), format)
            }
            Action::AddKey { new_key } => {
                let url = place.url(session)?;
                let key = place.master(session)?;
                let new = MasterKey::open_with(&new_key, session.environment())?;
                session.wait(backup::add_key(&url, &key, &new))?;
                session.note(format_args!("{url} opens with {} too", new.name()));
                Ok(0)
            }
        }
    }
}

impl Place {
    fn configured(session: &mut Session<'_>) -> Result<BackupConfig, Failure> {
        Ok(session.config()?.config.integrity.audit_log_backup.clone())
    }

    fn url(&self, session: &mut Session<'_>) -> Result<String, Failure> {
        let url = match &self.copy {
            Some(url) => Some(url.clone()),
            None => Self::configured(session)?.destination,
        };
        let url = url.ok_or_else(|| {
            Failure::usage("nothing says where the copy is")
                .hint("--copy URL, or audit.integrity.audit_log_backup.destination")
        })?;
        Ok(session.placed(&url))
    }

    fn given_key(&self, session: &mut Session<'_>) -> Result<Option<String>, Failure> {
        match &self.copy_key {
            Some(key) => Ok(Some(key.clone())),
            None => Ok(Self::configured(session)?.key),
        }
    }

    fn master(&self, session: &mut Session<'_>) -> Result<Arc<MasterKey>, Failure> {
        let key = self.given_key(session)?.ok_or_else(|| {
            Failure::usage("nothing says what the copy's master key is")
                .hint("--copy-key KEY, or audit.integrity.audit_log_backup.key")
        })?;
        Ok(Arc::new(MasterKey::open_with(&key, session.environment())?))
    }
}

/// Brings the configured copy up to date, if there is one.
pub(super) fn run_configured(
    session: &mut Session<'_>,
    trail: &Trail,
) -> Result<Option<BackupReport>, Failure> {
    if Place::configured(session)?.destination.is_none() {
        return Ok(None);
    }
    let place = Place { copy: None, copy_key: None };
    run(session, trail, &place, (0, false)).map(|(report, _)| Some(report))
}

fn run(
    session: &mut Session<'_>,
    trail: &Trail,
    place: &Place,
    (parallel, repair): (usize, bool),
) -> Result<(BackupReport, Duration), Failure> {
    let url = place.url(session)?;
    let key = place.master(session)?;
    let bar = bar(session);
    let options = BackupOptions {
        parallel,
        repair,
        progress: Some(shown(&bar)),
        cancel: session.cancel.flag(),
        ..BackupOptions::new(&url, key)
    };
    let started = Instant::now();
    let result = session.wait(trail.backup(&options));
    bar.finish_and_clear();
    let doer = Doer { reader: session.reader(), took: started.elapsed() };
    let done = result.as_ref().map_err(Failure::kind);
    // Whoever interrupted it is not kept from leaving a record of that.
    if let Err(error) = runtime()?.block_on(trail.record_backup(&url, &doer, done)) {
        session.note(format_args!("warning: this run is not recorded: {error}"));
    }
    let report = result?;
    if report.unconfirmed > 0 {
        session.note(format_args!(
            "warning: {} not confirmed: this host has neither the owner's key nor a writer",
            count(report.unconfirmed, "erasure")
        ));
    }
    Ok((report, started.elapsed()))
}

fn bar(session: &Session<'_>) -> indicatif::ProgressBar {
    progress::over_items(session.stderr_is_terminal, 0, "objects")
}

fn shown(bar: &indicatif::ProgressBar) -> Arc<dyn Fn(BackupProgress) + Send + Sync> {
    let bar = bar.clone();
    Arc::new(move |progress: BackupProgress| {
        bar.set_length(progress.of_objects);
        bar.set_position(progress.objects);
    })
}

fn status(session: &mut Session<'_>, place: &Place, format: ReportFormat) -> Result<u8, Failure> {
    let url = place.url(session)?;
    let copy = session.wait(backup::inspect(&url))?;
    // The trail may be what was lost.
    let trail = session.open().ok();
    let size = trail.and_then(|trail| session.wait(trail.view()).ok()).map(|view| view.size());
    let behind = size.map(|size| size.saturating_sub(copy.size));
    match format {
        ReportFormat::Json => print_json(session, &json!({ "copy": copy, "behind": behind }))?,
        ReportFormat::Table => {
            let text = status_table(&copy, behind);
            session.out.write_all(text.as_bytes())?;
        }
    }
    Ok(0)
}

fn verify(
    session: &mut Session<'_>,
    place: &Place,
    quick: bool,
    keys: &Keys<'_>,
    pinning: &Pinning,
    format: ReportFormat,
) -> Result<u8, Failure> {
    let url = place.url(session)?;
    if quick && place.given_key(session)?.is_none() {
        return look(session, &url, format);
    }
    let master = place.master(session)?;
    let seen = session.wait(backup::inspect(&url))?;
    let trust = trust::roots_of(session, &seen.trail_id, keys)?;
    let level = if quick { Level::Quick } else { Level::Deep };
    let options = Options { level, master: session.master()?, ..Options::default() };
    let bar = progress::over_items(session.stderr_is_terminal, 0, "records");
    let show = |progress: Progress| {
        bar.set_length(progress.of_records);
        bar.set_position(progress.records);
    };
    let (started, cancel) = (Instant::now(), session.cancel.flag());
    let checked = backup::verify(&url, &master, trust, options, pinning, &show, &cancel);
    let found: Result<CopyReport, Failure> = session.wait(checked);
    bar.finish_and_clear();
    let found = found?;
    match format {
        ReportFormat::Json => print_json(session, &found)?,
        ReportFormat::Table => {
            print(&mut session.out, &found.report, started.elapsed())?;
            writeln!(
                session.out,
                "  the copy {} is complete up to {} on {}",
                found.holder,
                count(found.size, "entry"),
                found.complete
            )?;
        }
    }
    if !found.report.findings.is_empty() {
        session
            .note("`sealtrail backup run --repair` puts anew what the trail has as it was signed");
    }
    Ok(found.report.verdict.exit_code())
}

/// What can be said without a key.
fn look(session: &mut Session<'_>, url: &str, format: ReportFormat) -> Result<u8, Failure> {
    let copy = session.wait(backup::inspect(url))?;
    session.note(
        "not checked: what the objects hold and what the copy says of itself, because no master \
         key is given",
    );
    match format {
        ReportFormat::Json => print_json(session, &copy)?,
        ReportFormat::Table => {
            for problem in &copy.problems {
                writeln!(session.out, "finding: {problem}")?;
            }
            let reach = count(copy.size, "entry");
            let objects = grouped(copy.objects);
            writeln!(session.out, "{url}: {objects} objects, by its word up to {reach}")?;
        }
    }
    let complete = copy.problems.is_empty() && copy.statement.is_some();
    Ok(if complete { 0 } else { 4 })
}

fn restore(
    session: &mut Session<'_>,
    place: &Place,
    destination: &str,
    parallel: usize,
    format: ReportFormat,
) -> Result<u8, Failure> {
    let url = place.url(session)?;
    let key = place.master(session)?;
    let destination = session.placed(destination);
    let bar = bar(session);
    let options = RestoreOptions {
        archives: session.settings(&destination)?.archives,
        parallel,
        progress: Some(shown(&bar)),
        cancel: session.cancel.flag(),
        ..RestoreOptions::new(&url, key, &destination)
    };
    let started = Instant::now();
    let result = session.wait(backup::restore(&options));
    bar.finish_and_clear();
    let doer = Doer { reader: session.reader(), took: started.elapsed() };
    let open = session.options_at(&options.destination, |_| {})?;
    let done = result.as_ref().map_err(Failure::kind);
    match runtime()?.block_on(backup::record_restore(&options, open, &doer, done)) {
        Ok(there) => {
            session.note(format_args!("recorded in {} as {}", there.trail, there.audit_id))
        }
        Err(e) => session.note(format_args!("warning: this restore is not recorded: {e}")),
    }
    let report = result?;
    match format {
        ReportFormat::Json => print_json(session, &report)?,
        ReportFormat::Table => {
            writeln!(
                session.out,
                "{} restored ({}) in {}: {} in {}, as of {}",
                count(report.objects, "object"),
                bytes(report.bytes),
                seconds(started.elapsed()),
                count(report.records, "record"),
                report.url,
                report.complete,
            )?;
        }
    }
    session.note(format_args!("check it: sealtrail verify-integrity --trail {}", report.url));
    Ok(0)
}
