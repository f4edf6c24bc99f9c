//! The arguments of the program.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use sealtrail_core::ledger::is_archive;

use crate::commands::{
    anchor, backup, check_proof, checkpoint, compact, completions, config, custody, demo, erase,
    events, evidence, export, fields, get, hold, import, init, jobs, keys, maintain, man, pin,
    prove, record, redact, restore, retention, search, sql, stats, subject_report, tail,
    trace_chain, verify, who,
};
use crate::failure::Failure;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  sealtrail init ./audit
  sealtrail record --trail ./audit events.jsonl
  sealtrail search --user-id user_20417 --since \"24 hours\"
  sealtrail sql \"SELECT event_type, count(*) AS n FROM events GROUP BY 1 ORDER BY n DESC\"
  sealtrail verify-integrity
  sealtrail demo

Exit codes:
  0  success
  1  nothing matched
  2  wrong usage
  3  reading or writing failed, or events were refused
  4  the trail's integrity does not hold";

/// The signed audit trail of AI agents: what they did, who authorised it, when,
/// and proof that the record was not changed afterwards.
#[derive(Debug, Parser)]
#[command(
    verbatim_doc_comment,
    name = "sealtrail",
    version,
    after_help = AFTER_HELP,
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Global {
    /// Folder or URL of the trail, such as ./audit or s3://bucket/audit.
    /// Otherwise SEALTRAIL_TRAIL, then audit.trail.url of the configuration,
    /// then ./audit
    #[arg(
        long,
        global = true,
        value_name = "URL",
        help_heading = "Global options",
        verbatim_doc_comment
    )]
    pub(crate) trail: Option<String>,
    /// Configuration file. Otherwise SEALTRAIL_CONFIG, then sealtrail.yaml in
    /// SEALTRAIL_HOME (or the XDG configuration folder), then
    /// .claude/config/audit.yaml, then sealtrail.yaml in the working folder
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help_heading = "Global options",
        verbatim_doc_comment
    )]
    pub(crate) config: Option<PathBuf>,
    /// Where an archive of the trail is, by its name in the ledger; can be given
    /// several times. Otherwise audit.retention.archival of the configuration,
    /// then the retention policy that the owner pinned
    #[arg(
        long,
        global = true,
        value_name = "NAME=URL",
        value_parser = archive,
        help_heading = "Global options",
        verbatim_doc_comment
    )]
    pub(crate) archive: Vec<(String, String)>,
    /// What a question is for: it is recorded with who asked. Otherwise
    /// SEALTRAIL_PURPOSE; the configuration may demand one
    #[arg(
        long,
        global = true,
        value_name = "TEXT",
        help_heading = "Global options",
        verbatim_doc_comment
    )]
    pub(crate) purpose: Option<String>,
}

/// The name of an archive, and its folder or URL.
fn archive(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, url)) if is_archive(name) && !url.is_empty() => {
            Ok((name.to_owned(), url.to_owned()))
        }
        _ => {
            Err("write it as NAME=URL, the name with 1-64 characters of a-z, 0-9 and -".to_owned())
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Init),
    Record(record::Record),
    Import(import::Import),
    Search(search::Search),
    Fields(fields::Fields),
    Who(who::Who),
    Sql(sql::Sql),
    Tail(tail::Tail),
    Get(get::Get),
    Stats(stats::Stats),
    TraceChain(trace_chain::TraceChain),
    SubjectReport(subject_report::SubjectReportOf),
    Redact(redact::Redact),
    Erase(erase::Erase),
    Erasures(erase::Erasures),
    VerifyIntegrity(verify::Verify),
    Checkpoint(checkpoint::Checkpoint),
    Prove(prove::Prove),
    CheckProof(check_proof::CheckProof),
    Compact(compact::Compact),
    Maintain(maintain::Maintain),
    Retention(retention::Retention),
    RestoreFromArchive(restore::RestoreFromArchive),
    Backup(backup::Backup),
    Hold(hold::Hold),
    Export(export::Export),
    Evidence(evidence::Evidence),
    Custody(custody::Custody),
    Keys(keys::Keys),
    Pin(pin::Pin),
    Anchor(anchor::Anchor),
    Jobs(jobs::Jobs),
    Events(events::Events),
    Config(config::Config),
    Demo(demo::Demo),
    Completions(completions::Completions),
    Man(man::Man),
}

impl Cli {
    /// As [`run`](Self::run), on this trail and with this configuration.
    pub(crate) fn run_on(
        mut self,
        session: &mut Session<'_>,
        trail: &str,
        config: Option<&str>,
    ) -> Result<u8, Failure> {
        self.global.trail = Some(trail.to_owned());
        self.global.config = config.map(PathBuf::from);
        self.run(session)
    }

    /// Runs the command and gives its exit code.
    pub(crate) fn run(self, session: &mut Session<'_>) -> Result<u8, Failure> {
        session.global = self.global;
        match self.command {
            Command::Init(command) => command.run(session),
            Command::Record(command) => command.run(session),
            Command::Import(command) => command.run(session),
            Command::Search(command) => command.run(session),
            Command::Fields(command) => command.run(session),
            Command::Who(command) => command.run(session),
            Command::Sql(command) => command.run(session),
            Command::Tail(command) => command.run(session),
            Command::Get(command) => command.run(session),
            Command::Stats(command) => command.run(session),
            Command::TraceChain(command) => command.run(session),
            Command::SubjectReport(command) => command.run(session),
            Command::Redact(command) => command.run(session),
            Command::Erase(command) => command.run(session),
            Command::Erasures(command) => command.run(session),
            Command::VerifyIntegrity(command) => command.run(session),
            Command::Checkpoint(command) => command.run(session),
            Command::Prove(command) => command.run(session),
            Command::CheckProof(command) => command.run(session),
            Command::Compact(command) => command.run(session),
            Command::Maintain(command) => command.run(session),
            Command::Retention(command) => command.run(session),
            Command::RestoreFromArchive(command) => command.run(session),
            Command::Backup(command) => command.run(session),
            Command::Hold(command) => command.run(session),
            Command::Export(command) => command.run(session),
            Command::Evidence(command) => command.run(session),
            Command::Custody(command) => command.run(session),
            Command::Keys(command) => command.run(session),
            Command::Pin(command) => command.run(session),
            Command::Anchor(command) => command.run(session),
            Command::Jobs(command) => command.run(session),
            Command::Events(command) => command.run(session),
            Command::Config(command) => command.run(session),
            Command::Demo(command) => command.run(session),
            Command::Completions(command) => command.run(session),
            Command::Man(command) => command.run(session),
        }
    }
}
