//! `sealtrail retention`: how long records are kept, and what goes.

use std::io::Write;

use clap::{Args, Subcommand};
use sealtrail_core::Error;
use sealtrail_core::config::PriceConfig;
use sealtrail_core::retention::{Action as Step, Plan, Policy, Why};
use sealtrail_core::trail::{CompactOptions, Order, Orphans};
use sealtrail_query::retention::{self, Applied, Status, Stored};
use serde::Serialize;
use serde_json::Value;

use super::compact::{How, with_bar};
use crate::failure::{EXIT_NO_MATCH, Failure};
use crate::filter::now;
use crate::output::ReportFormat;
use crate::session::Session;
use crate::text::{aligned, bytes, count, grouped};

const AFTER_HELP: &str = "\
Examples:
  sealtrail retention pin
  sealtrail retention plan
  sealtrail retention apply --approver \"R. Okafor, DPO\" --reason \"policy of 2026\"
  sealtrail retention status -o json
  sealtrail retention explain audit_evt_4be07a92c1d3

`pin` puts the section `retention` of the configuration in force, by a ledger entry of the owner;
later a configuration can only lengthen it. `plan` says what is due, and changes nothing. `apply`
deletes it: first the owner signs a tombstone that names policy, approver, holds and what goes, then
the files go, once readers that began before are done. Records that a hold matches stay (see
`sealtrail hold`). Segments all of whose records are past their days in hot storage move to the
archive of retention.archival, where searches, SQL and verification find them as before. Interrupted,
the next `apply` goes on. `explain` says which rules fit a record, and which of them decide; it exits
with 1 where there is no such record.";

/// Keep records as long as the policy says, and delete what is due
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP, arg_required_else_help = true)]
pub(crate) struct Retention {
    #[command(subcommand)]
    action: Action,
    /// Otherwise table on a terminal, json elsewhere
    #[arg(short, long, value_name = "FORMAT", global = true)]
    output: Option<ReportFormat>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Put the configured policy in force, as the trail's owner
    Pin,
    /// Print what is due, and change nothing
    Plan,
    /// Delete what is due, as the trail's owner, and move what is due to the archive
    Apply {
        /// Who approved it
        #[arg(long, value_name = "NAME")]
        approver: String,
        /// Why
        #[arg(long, value_name = "TEXT", default_value = "retention policy")]
        reason: String,
        #[command(flatten)]
        how: How,
        /// Print what is due, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Print what is where, what is due and what it costs
    Status,
    /// Print why a record is kept so long
    Explain {
        /// Its `audit_id`
        #[arg(value_name = "ID")]
        id: String,
    },
}

impl Retention {
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        let format = session.report_format(self.output);
        match self.action {
            Action::Pin => pin(session),
            Action::Plan => plan(session, format),
            Action::Apply { dry_run: true, .. } => plan(session, format),
            Action::Apply { approver, reason, how, .. } => {
                let options = how.options(session)?;
                apply(session, &Order { approver, reason }, options, format)
            }
            Action::Status => status(session, format),
            Action::Explain { id } => explain(session, &id, format),
        }
    }
}

fn pin(session: &mut Session<'_>) -> Result<u8, Failure> {
    let config = session.config()?;
    let policy = Policy::from_config(&config.config.retention);
    let trail = session.open()?;
    let entry = session.wait(trail.pin_policy(&policy))?;
    writeln!(session.out, "{entry}")?;
    session.out.flush()?;
    session.note(format_args!("Entry {entry} puts the policy in force."));
    if !policy.deletes() {
        session.note("No rule of it has delete_after_days: it deletes nothing.");
    }
    Ok(0)
}

fn plan(session: &mut Session<'_>, format: ReportFormat) -> Result<u8, Failure> {
    let trail = session.open()?;
    let engine = session.engine()?;
    // How many records of which segment a hold matches tells of what is in them.
    let size = session.wait(trail.view())?.size();
    let rows = session.ask(&trail, session.question("retention plan", size))?;
    let plan = session.wait(retention::plan(&engine, &trail, now()))?;
    rows.set(plan.steps.len() as u64);
    match format {
        ReportFormat::Json => json(session, &plan)?,
        ReportFormat::Table => write!(session.out, "{}", shown(&plan))?,
    }
    Ok(0)
}

fn apply(
    session: &mut Session<'_>,
    order: &Order,
    options: CompactOptions,
    format: ReportFormat,
) -> Result<u8, Failure> {
    let trail = session.open()?;
    let engine = session.engine()?;
    let (options, bar) = with_bar(session, options);
    let applied = session.wait(retention::apply(&engine, &trail, now(), order, &options));
    bar.finish_and_clear();
    session.wait(trail.close(true))?;
    let applied = applied?;
    if format == ReportFormat::Json {
        json(session, &applied)?;
        return Ok(0);
    }
    session.out.write_all(applied_text(&applied).as_bytes())?;
    Ok(0)
}

/// What was done, for people.
pub(super) fn applied_text(applied: &Applied) -> String {
    let mut text = String::new();
    let done = &applied.deletion;
    if done.entries.is_empty() {
        text += "nothing is due for deletion\n";
    } else {
        text += &format!(
            "{} deleted: {} whole, {} in part ({})\n",
            count(done.records, "record"),
            count(done.segments, "segment"),
            count(done.parts, "segment"),
            bytes(done.bytes)
        );
    }
    let moved = &applied.moved;
    if let Some(archive) = &moved.archive {
        text += &format!(
            "{} in {} moved to the archive {archive:?}: {} -> {}\n",
            count(moved.rows, "record"),
            count(moved.moved, "segment"),
            bytes(moved.bytes_before),
            bytes(moved.bytes_after)
        );
    }
    if moved.lost > 0 {
        let lost = count(moved.lost, "move");
        text += &format!("{lost} came to nothing, because others were quicker\n");
    }
    text += &orphans_text(&applied.orphans);
    let (files, waiting) = (applied.swept.files, applied.swept.waiting);
    text + &format!("{} gone, {} still there for readers\n", count(files, "file"), waiting)
}

/// What became of what crashes left, for people; nothing if there was none.
pub(super) fn orphans_text(orphans: &Orphans) -> String {
    let mut text = String::new();
    if orphans.removed > 0 {
        let removed = count(orphans.removed, "segment");
        text += &format!("{removed} removed that no entry names\n");
    }
    for name in &orphans.unreachable {
        text += &format!("the archive {name:?} could not be looked into\n");
    }
    text
}

fn status(session: &mut Session<'_>, format: ReportFormat) -> Result<u8, Failure> {
    let prices: PriceConfig = session.config()?.config.retention.prices;
    let trail = session.open()?;
    let engine = session.engine()?;
    let size = session.wait(trail.view())?.size();
    session.ask(&trail, session.question("retention status", size))?;
    let status = session.wait(retention::status(&engine, &trail, now(), &prices))?;
    match format {
        ReportFormat::Json => json(session, &status)?,
        ReportFormat::Table => write!(session.out, "{}", status_table(&status))?,
    }
    Ok(0)
}

fn explain(session: &mut Session<'_>, id: &str, format: ReportFormat) -> Result<u8, Failure> {
    let trail = session.open()?;
    let engine = session.engine()?;
    let size = session.wait(trail.view())?.size();
    let rows = session.ask(&trail, session.question("retention explain", size).filter("id", id))?;
    let Some(explained) = session.wait(retention::explain(&engine, &trail, id))? else {
        session.note(format_args!("{id}: there is no such record"));
        return Ok(EXIT_NO_MATCH);
    };
    rows.set(1);
    match format {
        ReportFormat::Json => json(session, &explained)?,
        ReportFormat::Table => write!(session.out, "{}", explained_table(&explained))?,
    }
    Ok(0)
}

fn json(session: &mut Session<'_>, report: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(report).map_err(|error| Error::encoding("report", error))?;
    writeln!(session.out, "{text}")?;
    Ok(())
}

/// A plan as people read it.
fn shown(plan: &Plan) -> String {
    let name = |action: Step| match action {
        Step::Delete => "delete",
        Step::DeletePart => "delete part",
        Step::Archive => "archive",
        Step::Keep => "keep",
    };
    let why = |why: &Why| match why {
        Why::Due => String::new(),
        Why::NotAllDue => "others of it are not due".to_owned(),
        Why::Held(holds) => format!("held by {}", holds.join(", ")),
    };
    let rows: Vec<[String; 5]> = plan
        .steps
        .iter()
        .map(|step| {
            let records = match step.action {
                Step::DeletePart => {
                    format!("{} of {}", grouped(step.deletes), grouped(step.records))
                }
                _ => grouped(step.records),
            };
            let action = name(step.action).to_owned();
            [action, records, bytes(step.bytes), step.path.clone(), why(&step.why)]
        })
        .collect();
    let mut text = aligned("", &rows);
    let (whole, part) = (plan.count(Step::Delete), plan.count(Step::DeletePart));
    let archive = plan.count(Step::Archive);
    let policy = match plan.policy {
        Some(entry) => format!("policy of entry {entry}"),
        None => "no policy is pinned: nothing is deleted".to_owned(),
    };
    text += &format!(
        "{} to delete, {} to archive, of {} ({policy})\n",
        count(whole.1 + part.1, "record"),
        count(archive.1, "record"),
        grouped(plan.records),
    );
    text
}

fn status_table(status: &Status) -> String {
    let stored = |name: &str, stored: &Stored| {
        let text = format!(
            "{} in {}, {}, {:.2} a month",
            count(stored.records, "record"),
            count(stored.segments, "segment"),
            bytes(stored.bytes),
            stored.cost_per_month
        );
        [name.to_owned(), text]
    };
    let archives: Vec<String> = status
        .archives
        .iter()
        .map(|(name, url)| format!("{name} at {}", url.as_deref().unwrap_or("an unknown place")))
        .collect();
    let due = &status.due;
    let policy = status.policy.map_or_else(
        || "none is pinned: nothing is deleted".to_owned(),
        |entry| format!("of entry {entry}"),
    );
    let rows = [
        ["policy".to_owned(), policy],
        ["holds".to_owned(), status.holds.join(", ")],
        stored("hot", &status.hot),
        stored("archive", &status.archive),
        ["archives".to_owned(), archives.join(", ")],
        [
            "due".to_owned(),
            format!(
                "{} to delete, {} held, {} to archive",
                count(due.delete_records, "record"),
                grouped(due.held_records),
                grouped(due.archive_records)
            ),
        ],
        ["deleted".to_owned(), count(status.deleted, "record")],
        ["to sweep".to_owned(), count(status.retired, "removed segment")],
        [
            "orphans".to_owned(),
            format!(
                "{} that no entry names, {}",
                count(status.orphans.segments, "segment"),
                bytes(status.orphans.bytes)
            ),
        ],
    ];
    aligned("", &rows)
}

fn explained_table(explained: &Value) -> String {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => "never".to_owned(),
        other => other.to_string(),
    };
    let list = |value: &Value| {
        let items: Vec<String> = value.as_array().into_iter().flatten().map(text).collect();
        items.join(", ")
    };
    let mut rows = vec![
        ["record".to_owned(), text(&explained["audit_id"])],
        ["recorded".to_owned(), text(&explained["recorded_at"])],
        ["to archive".to_owned(), text(&explained["archive"])],
        ["deleted".to_owned(), text(&explained["delete"])],
        ["held by".to_owned(), list(&explained["held_by"])],
    ];
    let place = &explained["place"];
    let place = match (&place["archive"], &place["url"]) {
        _ if place.is_null() => "the log of this host".to_owned(),
        (Value::Null, _) => "hot storage".to_owned(),
        (name, url) => format!("archive {} at {}", text(name), text(url)),
    };
    rows.push(["is in".to_owned(), place]);
    for said in explained["said"].as_array().into_iter().flatten() {
        let policy = text(&said["policy"]);
        rows.push([format!("{policy} policy"), format!("fits: {}", list(&said["rules"]))]);
        for (tier, decided) in said["decided"].as_object().into_iter().flatten() {
            let by = list(&decided["rules"]);
            rows.push([format!("  {tier}"), format!("{} by {by}", text(&decided["days"]))]);
        }
    }
    aligned("", &rows)
}
