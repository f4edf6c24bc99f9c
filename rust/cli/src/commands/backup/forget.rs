//! `sealtrail backup list` and `sealtrail backup forget`: the copies that the trail knows of.

use std::io::Write;

use clap::Args;
use sealtrail_core::backup::{Forgetting, KnownCopy};

use crate::commands::compact::json as print_json;
use crate::failure::Failure;
use crate::output::ReportFormat;
use crate::session::Session;
use crate::text::aligned;

const AFTER_HELP: &str = "\
Examples:
  sealtrail backup forget s3://other-account/audit-copy --reason retired --approver ops --dry-run
  sealtrail backup forget copy-0f3a9b1c5d7e2468 --reason \"the disk is lost\" --approver ops

Signed by the owner, with every anchor. Nobody waits for the copy any more: erasures that waited for
it alone are ERASED then. It says nothing of what the copy holds: where it is still, destroy it,
because whoever has it and its keys may have what was erased. It cannot be undone; a new copy has a
new name, in the same place too once that is empty.";

/// Give up a copy that is lost or no longer kept: erasures wait for it no more
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Forget {
    /// The copy's name (see `sealtrail backup list`), or the folder or URL where
    /// it was
    #[arg(value_name = "NAME|URL", verbatim_doc_comment)]
    name: String,
    /// Why; it is recorded
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who approved it; it is recorded
    #[arg(long, value_name = "NAME")]
    approver: String,
    /// Say what would follow, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Forget {
    pub(super) fn run(
        self,
        session: &mut Session<'_>,
        format: ReportFormat,
    ) -> Result<u8, Failure> {
        let trail = session.open()?;
        let known = session.wait(trail.copies())?.into_iter().any(|copy| copy.holder == self.name);
        let name = if known { self.name } else { session.placed(&self.name) };
        let done = match self.dry_run {
            true => session.wait(trail.plan_forget(&name))?,
            false => session.wait(trail.forget_copy(&name, &self.reason, &self.approver))?,
        };
        match format {
            ReportFormat::Json => print_json(session, &done)?,
            ReportFormat::Table => write!(session.out, "{}", told(&done))?,
        }
        Ok(0)
    }
}

fn told(done: &Forgetting) -> String {
    let KnownCopy { holder, url, made, .. } = &done.copy;
    let mut text = match done.entry {
        Some(entry) => format!("{holder} at {url}, begun {made}: forgotten by entry {entry}\n"),
        None => format!("{holder} at {url}, begun {made}: would be forgotten; nothing was done\n"),
    };
    let verb = if done.entry.is_some() { "is" } else { "would be" };
    for entry in &done.erased {
        text.push_str(&format!("the erasure of entry {entry} {verb} ERASED\n"));
    }
    for (entry, holders) in &done.pending {
        let holders = holders.join(", ");
        text.push_str(&format!("the erasure of entry {entry} still waits for {holders}\n"));
    }
    if done.erased.is_empty() && done.pending.is_empty() {
        text.push_str("no erasure waits for it\n");
    }
    text.push_str("what the copy holds is as it was: destroy it where it is still\n");
    text
}

/// The copies that the trail knows of.
pub(super) fn list(session: &mut Session<'_>, format: ReportFormat) -> Result<u8, Failure> {
    let trail = session.open()?;
    let copies = session.wait(trail.copies())?;
    match format {
        ReportFormat::Json => print_json(session, &copies)?,
        ReportFormat::Table if copies.is_empty() => session.note("the trail knows of no copy"),
        ReportFormat::Table => {
            let state = |copy: &KnownCopy| match copy.forgotten {
                Some(entry) => format!("forgotten by entry {entry}"),
                None => "kept".to_owned(),
            };
            let row = |copy: &KnownCopy| {
                [copy.holder.clone(), copy.made.clone(), state(copy), copy.url.clone()]
            };
            let rows: Vec<[String; 4]> = copies.iter().map(row).collect();
            write!(session.out, "{}", aligned("", &rows))?;
        }
    }
    Ok(0)
}
