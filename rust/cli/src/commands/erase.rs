//! `sealtrail erase` and `sealtrail erasures`: the right to erasure.

use std::collections::BTreeSet;
use std::io::Write;

use clap::{Args, Subcommand};
use sealtrail_core::trail::{ErasureState, ErasureStatus};
use sealtrail_query::search::times::text;
use sealtrail_query::{held_by, kept_until};

use crate::failure::Failure;
use crate::filter::now;
use crate::output::ReportFormat;
use crate::session::Session;
use crate::text::aligned;

const AFTER_ERASE: &str = "\
Examples:
  sealtrail erase --subject user_20417 --reason \"request 17 of 2026-09-14\" --approver dpo@example.com
  sealtrail erase --subject user_20417 --reason test --approver me --dry-run

Needs the owner's key, the trail's privacy key, and every anchor. An entry is signed first; then the
key of the person is destroyed, and with it everything that was sealed for them: records, hashes and
proofs stay. The erasure is ERASURE_PENDING until every holder of the key confirmed it (see
`sealtrail erasures`). An active hold on records of the person forbids it. Where minimum_days of the
retention policy keeps records of theirs, --against-minimum must say why. It cannot be undone.";

const AFTER_ERASURES: &str = "\
Examples:
  sealtrail erasures
  sealtrail erasures resume
  sealtrail erasures confirm --entry 1204 --holder backup-eu

Holders of a key are the trail's store, each writer that was authorised before the erasure, and the
backups that `redaction.personal.holders` names. `resume` destroys what a crash or a restored backup
left, and confirms for the store and for writers of this host that no other process holds; run it
after every restore. `confirm` is the owner's word for another host or a backup.";

/// Make all that was sealed for one person unreadable, for ever
#[derive(Debug, Args)]
#[command(after_help = AFTER_ERASE)]
pub(crate) struct Erase {
    /// Id of the person, as the field has it that `redaction.personal.subject`
    /// names (`user_id` unless configured)
    #[arg(long, value_name = "ID", verbatim_doc_comment)]
    subject: String,
    /// Why; it is recorded
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who approved it; it is recorded
    #[arg(long, value_name = "NAME")]
    approver: String,
    /// Why it is done although a retention rule keeps records of the person for
    /// longer (minimum_days); it is recorded
    #[arg(long, value_name = "TEXT", verbatim_doc_comment)]
    against_minimum: Option<String>,
    /// Say whether it could be done, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Otherwise table on a terminal, json elsewhere
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<ReportFormat>,
}

/// List erasures and who has confirmed them
#[derive(Debug, Args)]
#[command(after_help = AFTER_ERASURES, args_conflicts_with_subcommands = true)]
pub(crate) struct Erasures {
    #[command(subcommand)]
    action: Option<Action>,
    /// Otherwise table on a terminal, json elsewhere
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<ReportFormat>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Destroy keys that are still, or again, in the store, and confirm for
    /// this host
    #[command(verbatim_doc_comment)]
    Resume,
    /// Say that a holder has destroyed its copy of a key
    Confirm {
        /// Number of the entry that ordered the erasure
        #[arg(long, value_name = "N")]
        entry: u64,
        /// A writer (`w-...`) or the name of a backup
        #[arg(long, value_name = "NAME")]
        holder: String,
    },
}

impl Erase {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let trail = session.open()?;
        let (engine, view) = (session.engine()?, session.wait(trail.view())?);
        let store = trail.storage().object_store()?;
        let active: BTreeSet<String> = view.state.lifecycle.holds.keys().cloned().collect();
        let paths = session.config()?.config.redaction.personal.subject.clone();
        let held = session.wait(held_by(&engine, &view, store, &self.subject, &paths))?;
        if let Some(hold) = held.first() {
            let message =
                format!("hold {hold} keeps records of {}; nothing was erased", self.subject);
            return Err(Failure::usage(message));
        }
        let place = (&engine, &trail, &view);
        let kept = session.wait(kept_until(place, now(), &self.subject, &paths))?;
        let reason = match (kept, &self.against_minimum) {
            (None, _) => self.reason.clone(),
            (Some(_), Some(why)) if !why.trim().is_empty() => {
                format!("{}; against minimum_days: {why}", self.reason)
            }
            (Some(until), _) => {
                let message = format!(
                    "minimum_days keeps records of {} until {}; nothing was erased. Say why it is \
                     to be done all the same: --against-minimum TEXT",
                    self.subject,
                    text(until)
                );
                return Err(Failure::usage(message));
            }
        };
        if self.dry_run {
            session.wait(trail.demand_erasable(&self.subject, &active))?;
            session.note(format_args!("{}: no hold forbids it; nothing was done", self.subject));
            return Ok(0);
        }
        let erase = trail.erase(&self.subject, &reason, &self.approver, &active);
        let status = session.wait(erase)?;
        tell(session, self.output, &[status])
    }
}

impl Erasures {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let trail = session.open()?;
        match &self.action {
            Some(Action::Resume) => {
                let destroyed = session.wait(trail.resume_erasures())?;
                session.note(format_args!("{destroyed} keys destroyed"));
            }
            Some(Action::Confirm { entry, holder }) => {
                session.wait(trail.confirm_erasure(*entry, holder))?;
            }
            None => {}
        }
        let all = session.wait(trail.erasures())?;
        tell(session, self.output, &all)
    }
}

fn tell(
    session: &mut Session<'_>,
    output: Option<ReportFormat>,
    all: &[ErasureStatus],
) -> Result<u8, Failure> {
    match session.report_format(output) {
        ReportFormat::Json => {
            let text = serde_json::to_string(all)
                .map_err(|error| sealtrail_core::Error::encoding("report", error))?;
            writeln!(session.out, "{text}")?;
        }
        ReportFormat::Table if all.is_empty() => session.note("nobody was erased"),
        ReportFormat::Table => {
            let rows: Vec<[String; 6]> = all.iter().map(row).collect();
            write!(session.out, "{}", aligned("", &rows))?;
        }
    }
    Ok(0)
}

fn row(erasure: &ErasureStatus) -> [String; 6] {
    let state = match erasure.state {
        ErasureState::Erased if !erasure.forgotten.is_empty() => {
            format!("ERASED, but for copies that were given up: {}", erasure.forgotten.join(", "))
        }
        ErasureState::Erased => "ERASED".to_owned(),
        ErasureState::ErasurePending => {
            format!("ERASURE_PENDING: {}", erasure.pending.join(", "))
        }
    };
    [
        erasure.entry.to_string(),
        erasure.time.clone(),
        erasure.subject.clone(),
        erasure.approver.clone(),
        erasure.reason.clone(),
        state,
    ]
}
